"""The reference and architecture pages name every export, hook and package."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from f2p_toy import ROOT

import f2p_sdk
from f2p_sdk.hookspecs import HookSpecs
from f2p_sdk.kinds import SMALLEST_EYES, SMALLEST_PICTURE
from f2p_sdk.parameters import read_toml
from f2p_sdk.verdicts import FIT, IMITATOR, KNOWN, NOTHING, OVERLAP


def test_python_api_page_has_every_export(open_page: Callable[[str], Any]) -> None:
    text = open_page("docs/reference/python-api.md").text
    named = {name.rsplit(".", 1)[1] for name in re.findall(r":: (f2p_sdk\.[\w.]+)", text)}
    assert not set(f2p_sdk.__all__) - named - {"__version__"}


def test_hooks_page_has_every_hook(open_page: Callable[[str], Any]) -> None:
    hooks = {name for name in vars(HookSpecs) if name.startswith("f2p_")}
    titles = re.findall(r"^## (f2p_\w+)$", open_page("docs/reference/hooks.md").text, re.MULTILINE)
    assert set(titles) == hooks


def test_architecture_page_and_diagram_have_every_package(
    open_page: Callable[[str], Any],
) -> None:
    (contract,) = read_toml(ROOT / "pyproject.toml")["tool"]["importlinter"]["contracts"]
    packages = set(re.findall(r"\w+", " ".join(contract["layers"])))
    text = open_page("docs/explanation/architecture.md").text
    assert packages == set(
        re.findall(r"`(\w+)`", "\n".join(re.findall(r"^\| (`.*?) \|", text, re.M)))
    )
    diagram = (ROOT / "docs" / "pictures" / "packages.svg").read_text(encoding="utf-8")
    rows = [set(row) for row in _rows(diagram)]
    assert rows == [set(re.findall(r"\w+", layer)) for layer in contract["layers"]]


def _rows(diagram: str) -> list[list[str]]:
    """Names in the boxes of the diagram, by their height in it."""
    rows: dict[int, list[str]] = {}
    for height, name in re.findall(r'<rect class="box"[^>]*? y="(\d+)".*?>(\w+)</text>', diagram):
        rows.setdefault(int(height), []).append(name)
    return [rows[height] for height in sorted(rows)]


def test_verdicts_page_has_every_limit(open_page: Callable[[str], Any]) -> None:
    text = open_page("docs/reference/verdicts.md").text
    rows = re.findall(r"^\| .* \| ([\d.]+) \| ([\d.]+) \|$", text, re.MULTILINE)
    limits = [
        (getattr(table["good"], name), getattr(table["usable"], name))
        for table in (IMITATOR, FIT)
        for name in vars(table["good"])
    ]
    assert [tuple(map(float, row)) for row in rows] == limits
    for phrase in (
        f"holds every parameter below {KNOWN}",
        f"share {OVERLAP} of the pixels",
        f"Below {NOTHING}, the fit",
    ):
        assert phrase in " ".join(text.split())


def test_layout_page_has_the_least_sizes_of_pictures(open_page: Callable[[str], Any]) -> None:
    text = open_page("docs/reference/layout.md").text
    assert f"| {SMALLEST_PICTURE} pixels a side |" in text
    eyes = f"{SMALLEST_EYES:.0f} pixels between their centres, in a picture of {SMALLEST_PICTURE}"
    assert f"| {eyes} |" in text
