"""Characters: conversion to vectors and JSON, and errors of invalid values."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from f2p_sdk import Character, CharacterError, Continuous, Discrete, Layout

WIDTH = Continuous("width", "eye", low=-1.0, high=3.0, default=0.0)
AGE = Continuous("age", "face", low=18, high=90, default=30, unit="years")
HAIR = Discrete("hair", "hair", ("bald", "bob", "plait"), "bob")
LIPS = Discrete("lips", "makeup", ("none", "red"), "none")
TOY = Layout("toy", "human", (HAIR, WIDTH, LIPS, AGE))
GOOD: dict[str, object] = {"width": 1.0, "age": 36.0, "hair": "plait", "lips": "none"}


def test_encode_by_hand() -> None:
    vector = TOY.encode(GOOD)
    assert vector.dtype == np.float32
    # (1 - -1) / 4, (36 - 18) / 72, bald bob plait, none red
    np.testing.assert_array_equal(vector, [0.5, 0.25, 0, 0, 1, 1, 0])


def test_decode_by_hand() -> None:
    character = TOY.decode([0.5, 0.25, 0.2, 0.3, 0.1, 0.4, 0.6])
    assert dict(character.values) == {"width": 1.0, "age": 36.0, "hair": "bob", "lips": "red"}
    assert (character.game, character.kind, character.layout_hash) == ("toy", "human", TOY.hash)


def test_default() -> None:
    values = TOY.default().values
    assert dict(values) == {"width": 0.0, "age": 30.0, "hair": "bob", "lips": "none"}


@pytest.mark.parametrize("index", range(50))
def test_round_trips(index: int) -> None:
    character = TOY.random(index, seed=7)
    vector = TOY.encode(character)
    assert TOY.decode(vector) == character
    assert Character.from_json(character.to_json(), TOY) == character
    np.testing.assert_allclose(TOY.encode(TOY.decode(vector)), vector, atol=1e-6)


@pytest.mark.parametrize("span", [1e-9, 1e-3, 0.3, 1.0, 7.0, 1e6, 1e12])
def test_round_trip_of_any_range(span: float) -> None:
    layout = Layout(
        "g", "k", (Continuous("x", "eye", low=-span / 3, high=span * 2 / 3, default=0),)
    )
    for fraction in (0.0, 1e-6, 1 / 3, 0.123456, 1 - 1e-6, 1.0):
        vector = np.array([fraction], dtype=np.float32)
        again = layout.encode(layout.decode(vector))
        np.testing.assert_allclose(again, vector, atol=1.1e-6)
        assert layout.decode(again) == layout.decode(vector)


def test_decoded_values_are_rounded() -> None:
    # float32 of 0.3 is 0.30000001192092896.
    layout = Layout("g", "k", (Continuous("x", "eye"),))
    assert layout.decode(np.array([0.3], dtype=np.float32)).values["x"] == 0.3


def test_random_is_pinned() -> None:
    # A resumed capture draws record i again: these numbers must never change.
    assert dict(TOY.random(3, seed=0).values) == PINNED
    assert TOY.random(3) == TOY.random(3, seed=0)
    assert TOY.random(3) != TOY.random(4)
    assert TOY.random(3) != TOY.random(3, seed=1)
    # (seed, index) and (index, seed) differ.
    assert TOY.random(1, seed=2) != TOY.random(2, seed=1)


PINNED = {"width": 2.579891, "age": 79.94984, "hair": "plait", "lips": "none"}


def test_random_is_uniform() -> None:
    vectors = np.stack([TOY.encode(TOY.random(i)) for i in range(2000)])
    mean = [1 / 2, 1 / 2, 1 / 3, 1 / 3, 1 / 3, 1 / 2, 1 / 2]
    np.testing.assert_allclose(vectors.mean(0), mean, atol=0.04)  # 3.5 standard deviations
    np.testing.assert_allclose(vectors[:, :2].std(0), math.sqrt(1 / 12), atol=0.02)
    assert abs(np.corrcoef(vectors[:, 0], vectors[:, 1])[0, 1]) < 0.08


@pytest.mark.parametrize(("index", "seed"), [(-1, 0), (0, -1)])
def test_random_refuses_negative(index: int, seed: int) -> None:
    with pytest.raises(ValueError, match="0 or more"):
        TOY.random(index, seed)


BAD_VALUES: list[tuple[dict[str, object], str]] = [
    ({"width": 3.1}, "'width': must be from -1 to 3, got 3.1"),
    ({"width": -1.1}, "'width': must be from -1 to 3, got -1.1"),
    ({"width": math.nextafter(3.0, 4.0)}, "'width': must be from -1 to 3"),
    ({"width": math.nan}, "'width': must be from -1 to 3, got nan"),
    ({"width": math.inf}, "got inf"),
    ({"width": 10**400}, "got inf"),
    ({"width": True}, "'width': must be a number from -1 to 3, got True"),
    ({"width": np.bool_(True)}, "'width': must be a number"),
    ({"width": "1"}, "'width': must be a number from -1 to 3, got '1'"),
    ({"width": None}, "got None"),
    ({"width": [1.0]}, "got [1.0]"),
    ({"width": 1 + 0j}, "must be a number"),
    ({"hair": "bub"}, "'hair': must be one of 3 choices, got 'bub'"),
    ({"hair": 1}, "got 1"),
    ({"hair": True}, "got True"),
    ({"hair": None}, "got None"),
    ({"nose": 1.0}, "toy/human has no parameter 'nose'"),
    ({3: 1.0}, "no parameter 3"),  # type: ignore[dict-item]
]


@pytest.mark.parametrize(("wrong", "message"), BAD_VALUES)
def test_bad_values_are_refused(wrong: dict[str, object], message: str) -> None:
    for use in (TOY.encode, TOY.validate, TOY.character):
        with pytest.raises(CharacterError) as caught:
            use({**GOOD, **wrong})
        assert message in caught.value.message


@pytest.mark.parametrize(
    "number", [1, np.float32(1), np.float64(1), np.int64(1)], ids=lambda n: type(n).__name__
)
def test_numbers_of_any_type_are_accepted(number: float) -> None:
    assert TOY.validate({**GOOD, "width": number})["width"] == 1.0
    assert type(TOY.validate({**GOOD, "width": number})["width"]) is float


def test_missing_values_are_named() -> None:
    with pytest.raises(CharacterError, match="2 of 4 parameters are missing: age, lips"):
        TOY.encode({"width": 1.0, "hair": "bob"})


def test_unknown_names_suggest() -> None:
    with pytest.raises(CharacterError, match=r"did you mean 'width'\?"):
        TOY.encode({**GOOD, "widht": 1.0})
    with pytest.raises(CharacterError, match=r"did you mean 'plait'\?"):
        TOY.encode({**GOOD, "hair": "plat"})
    with pytest.raises(CharacterError, match="use one of: bald, bob, plait"):
        TOY.encode({**GOOD, "hair": "xyz"})


@pytest.mark.parametrize(
    ("vector", "message"),
    [
        ([0.5] * 6, "shape (7,), got (6,)"),
        ([[0.5] * 7], "got (1, 7)"),
        ([0.5, math.nan, 0, 0, 1, 1, 0], "element 1 (age) is nan"),
        ([0.5, 0.5, 0, 0, 1, 1, math.inf], "element 6 (lips) is inf"),
        ([1.001, 0.5, 0, 0, 1, 1, 0], "element 0 (width) is 1.001"),
        ([0.5, 0.5, -0.001, 0, 1, 1, 0], "element 2 (hair) is -0.001"),
    ],
)
def test_bad_vectors_are_refused(vector: Any, message: str) -> None:
    with pytest.raises(CharacterError) as caught:
        TOY.decode(vector)
    assert message in caught.value.message


def test_vectors_within_rounding_are_accepted() -> None:
    character = TOY.decode([1.00005, -0.00005, 0, 0, 1, 1, 0])
    assert (character.values["width"], character.values["age"]) == (3.0, 18.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("width=2.5", ("width", 2.5)),
        (" width = -1 ", ("width", -1.0)),
        ("hair=plait", ("hair", "plait")),
        ("width=1e-3", ("width", 0.001)),
    ],
)
def test_parse_of_an_assignment(text: str, expected: tuple[str, object]) -> None:
    assert TOY.parse(text) == expected


@pytest.mark.parametrize(
    "text", ["", "width", "=1", "width=", "width=wide", "width=nan", "width=9", "hair=x", "nose=1"]
)
def test_parse_refuses(text: str) -> None:
    with pytest.raises(CharacterError):
        TOY.parse(text)


def test_character_is_read_only_and_can_be_pickled() -> None:
    source = dict(GOOD)
    character = TOY.character(source)
    source["width"] = 2.0
    assert character.values["width"] == 1.0
    with pytest.raises(TypeError):
        character.values["width"] = 2.0  # type: ignore[index]
    with pytest.raises(dataclasses.FrozenInstanceError):
        character.game = "other"  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(character)) == character
    assert copy.deepcopy(character) == character


def test_replace() -> None:
    character = TOY.character(GOOD)
    changed = character.replace(width=2.0, hair="bald")
    assert (changed.values["width"], changed.values["hair"]) == (2.0, "bald")
    assert character.values["width"] == 1.0
    with pytest.raises(CharacterError, match=r"did you mean 'width'\?"):
        character.replace(widht=2.0)
    with pytest.raises(CharacterError, match="must be a choice"):
        character.replace(hair=2.0)
    with pytest.raises(CharacterError, match="must be a number"):
        character.replace(width="2")
    with pytest.raises(CharacterError, match="must be from -1 to 3"):
        TOY.encode(character.replace(width=99.0))


def document(**changes: Any) -> dict[str, Any]:
    return {"game": "toy", "kind": "human", "layout": TOY.hash, "values": dict(GOOD), **changes}


def refusal(text: str | bytes, layout: Layout = TOY) -> CharacterError:
    with pytest.raises(CharacterError) as caught:
        Character.from_json(text, layout, source="hero.json")
    assert caught.value.message.startswith("hero.json: ")
    return caught.value


def test_json_has_the_documented_keys() -> None:
    assert json.loads(TOY.character(GOOD).to_json()) == document()


def test_save_and_load(tmp_path: Path) -> None:
    character = TOY.random(1)
    path = character.save(tmp_path / "new folder" / "héros.json")
    assert Character.load(path, TOY) == character
    assert Character.game_of(path) == "toy/human"
    assert [p.name for p in path.parent.iterdir()] == ["héros.json"]


def test_loads_bom_and_crlf(tmp_path: Path) -> None:
    path = tmp_path / "hero.json"
    path.write_bytes(
        b"\xef\xbb\xbf" + json.dumps(document(), indent=1).replace("\n", "\r\n").encode()
    )
    assert Character.load(path, TOY) == TOY.character(GOOD)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[" * 100_000, "nonsense", b"\xff\xfe", b"\x89PNG\r\n", '{"game": "toy",}'],
    ids=["empty", "cut", "deep", "word", "bytes", "png", "comma"],
)
def test_not_json(text: str | bytes) -> None:
    assert "is not JSON" in refusal(text).message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"values": None}, "'values' must be an object, got None"),
        ({"values": []}, "'values' must be an object"),
        ({"game": 3}, "'game' must be text, got 3"),
        ({"layout": None}, "'layout' must be text"),
        ({"colour": "red"}, "'colour' is not a key here"),
        ({"game": "other"}, "the character is of other/human, not of toy/human"),
        ({"kind": "elf"}, "the character is of toy/elf, not of toy/human"),
    ],
)
def test_wrong_documents(changes: dict[str, Any], message: str) -> None:
    assert message in refusal(json.dumps(document(**changes))).message


@pytest.mark.parametrize("key", ["game", "kind", "layout", "values"])
def test_missing_keys(key: str) -> None:
    wrong = document()
    del wrong[key]
    assert f"the key '{key}' is missing" in refusal(json.dumps(wrong)).message


@pytest.mark.parametrize("text", ["[]", "3", '"x"', "null"])
def test_not_an_object(text: str) -> None:
    assert "must be a JSON object" in refusal(text).message


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_nan_in_json(constant: str) -> None:
    text = json.dumps(document()).replace("36.0", constant)
    assert f"must be a finite number, got {constant}" in refusal(text).message


def test_overflowing_number_in_json() -> None:
    assert (
        "'age': must be from 18 to 90"
        in refusal(json.dumps(document()).replace("36.0", "1e999")).message
    )


def test_very_long_number_in_json() -> None:
    # Python raises ValueError for integers with thousands of digits.
    assert "is not JSON" in refusal(json.dumps(document()).replace("36.0", "9" * 5000)).message


@pytest.mark.parametrize("text", ['"width": 1.0, "width": 2.0,', '"width": 1.0, "width": 1.0,'])
def test_repeated_keys_are_refused(text: str) -> None:
    assert (
        "the key 'width' is there twice"
        in refusal(json.dumps(document()).replace('"width": 1.0,', text)).message
    )


def in_json(value: object) -> bool:
    try:
        return json.loads(json.dumps(value, allow_nan=False)) == value
    except (TypeError, ValueError):
        return False


@pytest.mark.parametrize(("wrong", "message"), [row for row in BAD_VALUES if in_json(row[0])])
def test_bad_values_in_json(wrong: dict[str, object], message: str) -> None:
    assert message in refusal(json.dumps(document(values={**GOOD, **wrong}))).message


def test_missing_value_in_json() -> None:
    values = {name: value for name, value in GOOD.items() if name != "age"}
    assert (
        "1 of 4 parameters are missing: age" in refusal(json.dumps(document(values=values))).message
    )


def test_another_layout_lists_the_changes() -> None:
    newer = Layout(
        "toy",
        "human",
        (
            Continuous("width", "eye", low=-1, high=0.5, default=0),  # 1.0 is out of range
            Continuous("height", "eye"),  # added
            HAIR,
            Discrete("lips", "makeup", ("pale", "red"), "red"),  # "none" is removed
        ),  # age removed
    )
    error = refusal(TOY.character(GOOD).to_json(), newer)
    assert TOY.hash in error.message
    assert newer.hash in error.message
    assert "added height" in error.message
    assert "removed age" in error.message
    assert (
        "changed width (1.0 is not from -1 to 0.5), lips ('none' is not one of its" in error.message
    )
    assert newer.hash in error.remedy
    with pytest.raises(CharacterError, match="added height"):
        newer.encode(TOY.character(GOOD))


def test_another_layout_with_the_same_names() -> None:
    newer = Layout("toy", "human", (HAIR, dataclasses.replace(WIDTH, high=4.0), LIPS, AGE))
    assert "the names are the same" in refusal(TOY.character(GOOD).to_json(), newer).message


def test_many_changes_are_counted_not_listed() -> None:
    newer = Layout("toy", "human", tuple(Continuous(f"p{i}", "eye") for i in range(300)))
    message = refusal(TOY.character(GOOD).to_json(), newer).message
    assert "and 292 more" in message
    assert len(message) < 400


def test_missing_folder_large_and_empty_files(tmp_path: Path) -> None:
    with pytest.raises(CharacterError, match="there is no such file"):
        Character.load(tmp_path / "none.json", TOY)
    with pytest.raises(CharacterError, match="is a folder"):
        Character.load(tmp_path, TOY)
    big = tmp_path / "big.json"
    big.write_bytes(b" " * (4 * 1024 * 1024 + 1))
    with pytest.raises(CharacterError, match="at most"):
        Character.load(big, TOY)
    empty = tmp_path / "empty.json"
    empty.write_bytes(b"")
    with pytest.raises(CharacterError, match=r"empty\.json: is not JSON"):
        Character.game_of(empty)


def test_file_is_replaced_atomically(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = TOY.default().save(tmp_path / "hero.json")
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(CharacterError, match="cannot be written: No space left") as caught:
        TOY.random(1).save(path)
    assert "disk" in caught.value.remedy
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["hero.json"]


def test_assets_survive_json_pickle_and_replace_and_do_not_count_in_comparisons() -> None:
    character = dataclasses.replace(TOY.default(), assets="build 7")
    assert Character.from_json(character.to_json(), TOY).assets == "build 7"
    assert pickle.loads(pickle.dumps(character)).assets == "build 7"
    assert character.replace(age=40).assets == "build 7"
    assert character == TOY.default()
    assert list(json.loads(character.to_json())) == ["game", "kind", "layout", "assets", "values"]
    assert "assets" not in json.loads(TOY.default().to_json())
