"""Engines with faults in their own processes: the SDK ends in time and says what is wrong."""

from __future__ import annotations

import importlib
import re
import sys
from types import ModuleType

import pytest
from f2p_toy import ROOT

SLOW = ("ignores", "silent", "idle", "half", "none", "list", "floats", "rgba", "hello-credits-99")


@pytest.fixture(scope="module")
def faults() -> ModuleType:
    folder = str(ROOT / "benchmarks")
    sys.path.insert(0, folder)
    try:
        return importlib.import_module("faults")
    finally:
        sys.path.remove(folder)


NAMES = [
    *("hello-credits-0", "hello-credits--1", "hello-credits-99", "layout"),
    *("credits-0", "credits--1", "credits-99", "seconds-nan", "seconds--1"),
    *("unrequested", "twice", "minor", "ignores", "silent", "idle", "half"),
    *("raises", "none", "list", "floats", "rgba", "size", "command"),
]


def test_every_fault_is_tested(faults: ModuleType) -> None:
    assert list(faults.FAULTS) == NAMES


def test_the_page_has_the_text_of_every_fault(faults: ModuleType) -> None:
    page = (ROOT / "docs" / "how-to" / "when-an-engine-misbehaves.md").read_text(encoding="utf-8")
    table = page[page.index("| fault |") :].split("\n\n")[0].splitlines()[2:]
    assert len(table) == len(faults.FAULTS)
    for line, (description, text) in zip(table, faults.FAULTS.values(), strict=True):
        shown, says, _, seconds = (cell.strip() for cell in line.strip("|").split(" | "))
        assert shown == description
        assert re.search(text, says), says
        assert float(seconds) <= 5


@pytest.mark.parametrize(
    "fault", [pytest.param(n, marks=[pytest.mark.slow] if n in SLOW else []) for n in NAMES]
)
def test_a_fault_ends_in_time_with_its_text(faults: ModuleType, fault: str) -> None:
    row = faults.measure(fault, 1.5)
    assert row["ok"], row
    drawn = fault in ("credits-0", "unrequested", "twice", "minor")
    assert (row["drawn"] == faults.PICTURES) is drawn
    assert (row["exit_code"] == 0) is drawn
    assert drawn or row["remedy"]
    assert len(row["says"]) <= 3, "a repeated fault is shown once"
    if fault == "raises":
        assert "Traceback" in row["stderr"]
        assert "character 0: faulty" in row["error"]
