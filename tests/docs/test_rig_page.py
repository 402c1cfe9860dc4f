"""docs/reference/rig.md lists every key and every material value that the engine reads."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from f2p_toy import ROOT

from f2p_sdk.parameters import read_toml

OPENHEAD = ROOT / "plugins" / "openhead" / "f2p_openhead"
RIG_PAGE = "docs/reference/rig.md"


def _documented(text: str, heading: str) -> set[str]:
    """Keys in the first column of the first table after a heading."""
    rows = re.search(r"\n\n(\|.*?)\n\n", text[text.index(f"\n{heading}\n") :], re.DOTALL)
    assert rows is not None
    cells = [line.split("|")[1] for line in rows[1].splitlines()]
    return {key for cell in cells for key in re.findall(r"`(\w+)`", cell)}


def _keys_read(file: str, *names: str) -> set[str]:
    """Keys that a module reads from the dictionaries with these names."""
    source = (OPENHEAD / file).read_text(encoding="utf-8")
    found: set[str] = set()
    for name in names:
        found |= set(re.findall(rf'\b{name}(?:\.get\(|\[)"(\w+)"', source))
        found |= set(re.findall(rf'\bnumber\({name}, "(\w+)"', source))
        for keys in re.findall(rf"\b{name}\.get\(k, 0\)\) for k in \(([^)]*)\)", source):
            found |= set(re.findall(r'"(\w+)"', keys))
    return found


def test_rig_page_lists_every_key(open_page: Callable[[str], Any]) -> None:
    text = open_page(RIG_PAGE).text
    hair = [path.name for path in OPENHEAD.glob("*.py") if path.stem not in ("brows", "beard")]
    hairstyle = set[str]().union(*(_keys_read(file, "style") for file in hair))
    hairstyle |= _keys_read("hair_surfaces.py", "settings") - {"stubble"}
    assert _documented(text, "### hairstyle") == hairstyle
    assert _documented(text, "### eyebrow_style") == _keys_read("brows.py", "style")
    assert _documented(text, "### lipstick_style") == _keys_read("face.py", "lip")
    beard = _keys_read("beard.py", "style") | {"jaw", "chin", "moustache", "circle"}
    assert _documented(text, "### beard") == beard | {"stubble"}
    source = (OPENHEAD / "camera.py").read_text(encoding="utf-8")
    keys = re.search(r"for k in \(([^)]*)\) if k in settings", source)
    assert keys is not None
    assert _documented(text, "## [camera]") == set(re.findall(r'"(\w+)"', keys[1]))
    assert _documented(text, "### Bones") == _keys_read("rig.py", "bone")
    slider = _keys_read("rig.py", "slider", "s") | {"low", "high"}
    assert _documented(text, "## [[slider]]") == slider


def test_rig_page_lists_every_material_value(open_page: Callable[[str], Any]) -> None:
    page = open_page(RIG_PAGE)
    (example,) = (b for b in page.blocks if b.file == "portrait.rig.toml")
    table = example.text.split("\n[material]")[1].split("\n[")[0]
    values = {line.split(" =")[0] for line in table.splitlines() if " = " in line}
    values |= set(re.findall(r"material = \{ (\w+)", example.text))
    shipped = ROOT / "adapters" / "justice" / "f2p_justice" / "female.rig.toml"
    rig = read_toml(shipped)
    used = set(rig["material"]).union(*(s.get("material", {}) for s in rig["slider"]))
    assert values == used == _documented(page.text, "## [material]")
    assert f"All {len(values)} names" in page.text
