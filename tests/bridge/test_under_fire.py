"""The benchmarks of the bridge under fire, with small figures."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from types import ModuleType

import pytest
from f2p_toy import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="they read memory and files from /proc"),
]


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module


def test_garbage_at_a_live_host_disturbs_no_capture(
    benchmark: Callable[[str], ModuleType],
) -> None:
    report = benchmark("fuzz").run(2.0, records=50)
    assert report["ok"], report
    assert report["counts"]["malformed"] > 100
    assert report["counts"]["handshakes_failed"] > 10


def test_many_pictures_leave_nothing_over(benchmark: Callable[[str], ModuleType]) -> None:
    report = benchmark("soak").run(600, 64)
    assert report["ok"], report


def test_kills_do_not_change_a_data_set(benchmark: Callable[[str], ModuleType]) -> None:
    figures = {"pictures": 160, "size": 32, "delay": 0.05, "kill_every": 0.7, "capture_kills": 1}
    report = benchmark("chaos").compare(**figures)
    assert report["equal"], report
    assert report["captures_killed"] == 1


def test_engines_that_do_not_fit_are_refused_with_a_text_on_both_sides(
    benchmark: Callable[[str], ModuleType],
) -> None:
    security = benchmark("security")
    for case in security.CASES:
        report = security.measure(case)
        assert report["ok"], report
