"""docs/reference/rig.md documents every key and every look that the engine reads."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from f2p_sdk.parameters import read_toml

ROOT = Path(__file__).parents[2]
OPENHEAD = ROOT / "plugins" / "openhead" / "f2p_openhead"
RIG_PAGE = "docs/reference/rig.md"


def _documented(text: str, title: str) -> set[str]:
    """Return the keys in the first column of the table after ``title``."""
    rows = re.search(r"\n\n(\|.*?)\n\n", text[text.index(title) :], re.DOTALL)
    assert rows is not None
    cells = [line.split("|")[1] for line in rows[1].splitlines()]
    return {key for cell in cells for key in re.findall(r"`(\w+)`", cell)}


def _keys_read(file: str, *names: str) -> set[str]:
    """Return the keys that a module reads from the dictionaries of these names."""
    source = (OPENHEAD / file).read_text(encoding="utf-8")
    found: set[str] = set()
    for name in names:
        found |= set(re.findall(rf'\b{name}(?:\.get\(|\[)"(\w+)"', source))
        found |= set(re.findall(rf'\b_number\({name}, "(\w+)"', source))
        for keys in re.findall(rf"\b{name}\.get\(k, 0\)\) for k in \(([^)]*)\)", source):
            found |= set(re.findall(r'"(\w+)"', keys))
    return found


def test_rig_page_has_every_key_that_is_read(open_page: Callable[[str], Any]) -> None:
    text = open_page(RIG_PAGE).text
    hair = [path.name for path in OPENHEAD.glob("*.py") if path.stem not in ("brows", "beard")]
    hairstyle = set[str]().union(*(_keys_read(file, "style") for file in hair))
    hairstyle |= _keys_read("wardrobe.py", "settings") - {"stubble"}
    assert _documented(text, "`hairstyle`: locks") == hairstyle
    assert _documented(text, "`eyebrow_style`: strokes") == _keys_read("brows.py", "style")
    assert _documented(text, "`lipstick_style`; all") == _keys_read("face.py", "lip")
    beard = _keys_read("beard.py", "style") | {"jaw", "chin", "moustache", "circle"}
    assert _documented(text, "`beard`, where") == beard | {"stubble"}
    source = (OPENHEAD / "camera.py").read_text(encoding="utf-8")
    keys = re.search(r"for k in \(([^)]*)\) if k in settings", source)
    assert keys is not None
    assert _documented(text, "## [camera]") == set(re.findall(r'"(\w+)"', keys[1]))
    assert _documented(text, "A **bone**") == _keys_read("rig.py", "bone")
    slider = _keys_read("rig.py", "slider", "s") | {"low", "high"}
    assert _documented(text, "## [[slider]]") == slider


def test_rig_page_has_every_look(open_page: Callable[[str], Any]) -> None:
    page = open_page(RIG_PAGE)
    (example,) = (b for b in page.blocks if b.file == "portrait.rig.toml")
    tables = example.text.split("\n[")
    looks = {line.split(" =")[0] for line in tables[2].splitlines() if " = " in line}
    looks |= set(re.findall(r"look = \{ (\w+)", example.text))
    shipped = ROOT / "adapters" / "justice" / "f2p_justice" / "female.rig.toml"
    rig = read_toml(shipped)
    used = set(rig["look"]).union(*(s.get("look", {}) for s in rig["slider"]))
    assert looks == used
    assert f"All {len(looks)} names" in page.text
