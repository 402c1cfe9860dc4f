"""Short versions of the benchmarks chaos, fuzz, soak and security."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from f2p_toy import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="the benchmarks use /proc"),
]


@pytest.fixture(scope="module")
def benchmark() -> Iterator[Any]:
    """Function that imports a benchmark."""
    folder = str(ROOT / "benchmarks")
    sys.path.insert(0, folder)
    try:
        yield importlib.import_module
    finally:
        sys.path.remove(folder)


def need(benchmark: Any, *languages: str) -> None:
    missing = benchmark("sketch").missing_tools(languages)
    if missing:
        pytest.skip(f"no {', '.join(missing)}: `make test-tools` installs them")


@pytest.fixture(scope="module")
def fuzz(benchmark: Any) -> ModuleType:
    pytest.importorskip("hypothesis")
    module: ModuleType = benchmark("fuzz")
    return module


def test_a_capture_under_chaos_gives_the_same_bytes(benchmark: Any, tmp_path: Path) -> None:
    need(benchmark, "c", "csharp", "python")
    report = benchmark("chaos").measure(tmp_path, 400, 128, every=0.7, captures=2, last=False)
    assert report["equal_files"]
    assert report["files"] == 2  # the manifest and a shard
    assert report["captures_killed"] == 2
    assert report["engines_killed"] >= 3


def test_a_difference_of_data_sets_is_noticed(benchmark: Any, tmp_path: Path) -> None:
    digests = benchmark("chaos").digests
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "000000.tar").write_text(name)
    assert digests(tmp_path / "a") != digests(tmp_path / "b")


def test_the_python_engine_draws_the_bytes_of_the_c_engine(benchmark: Any, tmp_path: Path) -> None:
    need(benchmark, "c", "python")
    from f2p_sdk.bridge import Host

    sketch = benchmark("sketch")
    commands = sketch.build(tmp_path, ("c", "python"))
    characters = [sketch.LAYOUT.random(i) for i in range(10)]
    drawn = []
    for language in ("c", "python"):
        with (
            Host(game="sketch", layouts=sketch.KINDS, heartbeat=0.2, silence=5) as host,
            sketch.Fleet([commands[language]], host.endpoint, tmp_path),
        ):
            host.wait(20)
            both = ("color", "labels")
            found = host.render_many(characters, size=(96, 80), passes=both, ordered=True)
            drawn.append([(r.color.tobytes(), r.labels.tobytes()) for _, r in found])
    assert drawn[0] == drawn[1]


def test_the_wire_under_fuzz(fuzz: ModuleType) -> None:
    outcomes = fuzz.fuzz_wire(150)
    assert outcomes["round_trips"] >= 150
    assert outcomes["foreign_values_refused"] >= 150
    assert outcomes["mutated_refused"] > 0
    assert outcomes["mutated_read"] > 0
    assert outcomes["random_refused"] > 0


def test_the_fuzz_notices_another_error_type(
    fuzz: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(frames: Any) -> Any:
        raise KeyError("id")

    monkeypatch.setattr(fuzz, "decode", broken)
    with pytest.raises(KeyError):
        fuzz.fuzz_wire(1)


def test_a_host_captures_while_garbage_arrives(fuzz: ModuleType) -> None:
    report = fuzz.fuzz_host(3.0)
    assert report["ok"], report
    assert report["sent"]["connections"] >= fuzz.CONNECTIONS
    assert report["records"] > 0
    assert report["wrong_records"] == 0


@pytest.mark.parametrize("language", ["c", "csharp"])
def test_a_client_survives_garbage(benchmark: Any, fuzz: ModuleType, language: str) -> None:
    need(benchmark, language)
    report = fuzz.fuzz_client(language, 3.0, seed=1)
    assert report["ok"], report
    assert report["parts"] > 20


def test_a_soak_leaves_nothing_over(benchmark: Any) -> None:
    need(benchmark, "c", "csharp", "python")
    report = benchmark("soak").measure(600, 32, 3)
    assert report["ok"], report
    assert report["left_over"] == {"threads": 0, "files": 0}


@pytest.fixture(scope="module")
def lab(benchmark: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    need(benchmark, "c", "csharp", "python")
    return benchmark("security").Lab(tmp_path_factory.mktemp("lab"))


CASES = [
    *("no-key-python", "no-key-c", "no-key-csharp"),
    *("wrong-key-python", "wrong-key-c", "wrong-host-python", "wrong-host-c"),
    *("needless-key-python", "needless-key-c"),
    *("major-python", "major-c", "major-csharp"),
    *("layout-python", "layout-c", "layout-csharp"),
]


def test_every_case_is_tested(benchmark: Any) -> None:
    assert list(benchmark("security").CASES) == CASES


@pytest.mark.parametrize("case", CASES)
def test_both_sides_say_why_an_engine_is_refused(benchmark: Any, lab: Any, case: str) -> None:
    row = benchmark("security").measure(case, lab)
    if row.get("skipped"):
        pytest.skip("no libzmq3-dev: `make test-tools` installs it")
    assert row["ok"], row


def test_off_loopback_without_keys_is_refused(benchmark: Any, lab: Any) -> None:
    row = benchmark("security").off_loopback(lab)
    assert row["exit_code"] == 2
    assert "--keys" in row["host_says"]


def test_a_fitting_engine_is_not_refused(benchmark: Any, lab: Any) -> None:
    """The cases above can fail: with the right keys the engine is admitted."""
    security = benchmark("security")
    options = ("--keys", "KEYS:right")
    fitting = security.Case("right keys", "python", options, {"keys": "right"})
    old = dict(security.CASES)
    security.CASES = {**old, "fitting": fitting}
    try:
        assert not security.measure("fitting", lab)["ok"]
    finally:
        security.CASES = old
