"""The published JSON Schemas accept the files of this repository and reject broken ones."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from f2p_toy import ROOT
from jsonschema import Draft202012Validator

from f2p_sdk import Character, CharacterError, Framing, Layout, LayoutError, load_card
from f2p_sdk.parameters import read_toml

SCHEMAS = ROOT / "docs" / "schemas"
ADAPTERS = ROOT / "adapters"
FRAMINGS = [*ADAPTERS.glob("*/*/*.framing.toml"), ROOT / "tests" / "toy" / "framing.toml"]
LAYOUTS = [
    path
    for path in (*ADAPTERS.glob("*/*/*.toml"), *(ROOT / "tests" / "toy").glob("*.toml"))
    if "." not in path.stem and path.name != "framing.toml"
]
WEIGHTS = [*ADAPTERS.glob("*/*/weights/*.safetensors"), *(ROOT / "f2p_sdk").rglob("*.safetensors")]
FEMALE = ADAPTERS / "justice" / "f2p_justice" / "female.toml"

Change = Callable[[dict[str, Any]], object]


def validator(name: str) -> Draft202012Validator:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_files_are_found() -> None:
    assert len(LAYOUTS) >= 4
    assert len(FRAMINGS) >= 3
    assert len(WEIGHTS) >= 3


@pytest.mark.parametrize("path", LAYOUTS, ids=_name)
def test_layouts_are_valid(path: Path) -> None:
    validator("layout").validate(read_toml(path))
    Layout.load(path)


@pytest.mark.parametrize("path", FRAMINGS, ids=_name)
def test_framings_are_valid(path: Path) -> None:
    validator("framing").validate(read_toml(path))
    Framing.load(path)


@pytest.mark.parametrize("path", WEIGHTS, ids=_name)
def test_cards_are_valid(path: Path) -> None:
    validator("weights-card").validate(load_card(path))


def test_recognizer_card_is_valid() -> None:
    torch = pytest.importorskip("torch")
    from f2p_sdk.recognizers.light_cnn import light_cnn_card
    from f2p_sdk.recognizers.network import LightCNN

    torch.manual_seed(0)
    card = light_cnn_card(LightCNN().eval(), training={}, licence="none", source={})
    validator("weights-card").validate({"format": 1, **card})


def test_saved_characters_are_valid(tmp_path: Path) -> None:
    layout = Layout.load(FEMALE)
    default = layout.default()
    for character in (default, layout.random(0), layout.person(1), replace(default, assets="7")):
        path = character.save(tmp_path / "character.json")
        validator("character").validate(json.loads(path.read_text(encoding="utf-8")))


def _slider(**values: object) -> Change:
    return lambda table: table["continuous"][0].update(values)


def _choice(**values: object) -> Change:
    return lambda table: table["discrete"][0].update(values)


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table.pop("kind"),
        lambda table: table.update(game="my/game"),
        lambda table: table.update(slider=[]),
        lambda table: table["continuous"][0].pop("group"),
        _slider(name="two words"),
        _slider(name=""),
        _slider(low="0"),
        _slider(low=True),
        _slider(spread=0),
        _slider(colour="red"),
        _slider(step=0),
        _slider(step="a third"),
        _slider(step=True),
        _slider(display=[[0, 1]]),
        _slider(display=[[0, 1], [9]]),
        _slider(display="cm"),
        _choice(choices=["one"]),
        _choice(choices=["bob", "bob"]),
        _choice(choices="bob"),
        _choice(label=3),
    ],
)
def test_broken_layouts_are_rejected_by_schema_and_reader(change: Change, tmp_path: Path) -> None:
    table = {
        "game": "mygame",
        "kind": "hero",
        "continuous": [{"name": "age", "group": "face", "low": 0, "high": 9, "default": 3}],
        "discrete": [
            {"name": "hair", "group": "hair", "choices": ["bob", "afro"], "default": "bob"}
        ],
    }
    validator("layout").validate(table)
    table["continuous"][0] |= {"step": "1/3", "display": [[0, 1], [9, 5.5]]}  # type: ignore[index]
    validator("layout").validate(table)
    Layout.load(_toml(tmp_path / "layout.toml", table))
    change(table)
    assert not validator("layout").is_valid(table)
    with pytest.raises(LayoutError):
        Layout.load(_toml(tmp_path / "layout.toml", table))


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table.pop("size"),
        lambda table: table.update(size=0),
        lambda table: table.update(size=256.5),
        lambda table: table["landmarks"].pop(),
        lambda table: table["landmarks"][0].append(1.0),
        lambda table: table.update(landmark=[]),
    ],
)
def test_broken_framings_are_rejected_by_schema_and_reader(change: Change, tmp_path: Path) -> None:
    table = {"size": 256, "landmarks": [[0.1 * i, 0.5] for i in range(5)]}
    validator("framing").validate(table)
    change(table)
    assert not validator("framing").is_valid(table)
    with pytest.raises(LayoutError):
        Framing.load(_toml(tmp_path / "framing.toml", table))


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.pop("layout"),
        lambda document: document.update(layout="another"),
        lambda document: document.update(name="me"),
        lambda document: document.update(assets=7),
        lambda document: document.update(values=[]),
        lambda document: document["values"].update(age=None),
        lambda document: document["values"].update(age=True),
        lambda document: document["values"].update(age=[30]),
    ],
)
def test_broken_characters_are_rejected_by_schema_and_reader(change: Change) -> None:
    layout = Layout.load(FEMALE)
    document = json.loads(layout.default().to_json())
    change(document)
    assert not validator("character").is_valid(document)
    with pytest.raises(CharacterError):
        Character.from_json(json.dumps(document), layout)


@pytest.mark.parametrize(
    "change",
    [
        lambda card: card.pop("layout_hash"),
        lambda card: card.pop("licence"),
        lambda card: card.update(format=2),
        lambda card: card.update(what="painter"),
        lambda card: card["golden"]["output"].pop(),
        lambda card: card["golden"].update(input=["0.5"]),
    ],
)
def test_broken_cards_are_rejected(change: Change) -> None:
    (path,) = ADAPTERS.glob("*/*/weights/female-mesh.safetensors")
    card = copy.deepcopy(load_card(path))
    change(card)
    assert not validator("weights-card").is_valid(card)


def _toml(path: Path, table: dict[str, Any]) -> Path:
    """Write a table of plain values and lists of tables; JSON's literals are TOML's."""
    lines = [f"{k} = {json.dumps(v)}" for k, v in table.items() if not _tables(v)]
    for key, value in table.items():
        for entry in value if _tables(value) else ():
            lines += [f"[[{key}]]", *(f"{k} = {json.dumps(v)}" for k, v in entry.items())]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def _tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)
