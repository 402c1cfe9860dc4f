"""Framing, kinds and games of adapters."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from f2p_sdk import Framing, Game, Kind, LayoutError, PluginError
from f2p_sdk.hookspecs import DetectorSpec, RecognizerSpec

POINTS = ((0.7, 0.4), (0.6, 0.4), (0.3, 0.4), (0.4, 0.4), (0.5, 0.6))


def test_framing_in_pixels() -> None:
    framing = Framing(256, POINTS)
    # A fraction f of the width W is at f * W from the edge; pixel centres are at +0.5.
    np.testing.assert_allclose(framing.pixels(), np.array(POINTS) * 256 - 0.5)
    np.testing.assert_allclose(framing.pixels(512)[0], (0.7 * 512 - 0.5, 0.4 * 512 - 0.5))
    # The middle of two pixels is between their centres 0 and 1.
    assert Framing(2, ((0.5, 0.5),) * 5).pixels()[0].tolist() == [0.5, 0.5]
    assert framing.pixels().dtype == np.float64


def test_framing_from_toml(tmp_path: Path) -> None:
    path = tmp_path / "framing.toml"
    path.write_text(f"size = 256\nlandmarks = {[list(p) for p in POINTS]}\n", encoding="utf-8")
    assert Framing.load(path) == Framing(256, POINTS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("size = 256", "the key 'landmarks' is missing"),
        (
            f"size = 256\nlandmarks = {[list(p) for p in POINTS]}\nfov = 3",
            "'fov' is not a key here",
        ),
        ("size = 256\nlandmarks = [[0.1, 0.2]]", "landmarks must be five [x, y]"),
        ("size = 256\nlandmarks = [[1], [1, 2], [1], [1], [1]]", "landmarks must be five [x, y]"),
        ("size = 256\nlandmarks = 'here'", "landmarks must be five [x, y]"),
        (f"size = 2.5\nlandmarks = {[list(p) for p in POINTS]}", "size must be a whole number"),
        (f"size = true\nlandmarks = {[list(p) for p in POINTS]}", "size must be a whole number"),
        (f"size = 0\nlandmarks = {[list(p) for p in POINTS]}", "size must be a whole number"),
    ],
)
def test_framing_errors(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "framing.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LayoutError) as caught:
        Framing.load(path)
    assert caught.value.message.startswith(f"{path}: ")
    assert message in caught.value.message


def test_framing_refuses_nan() -> None:
    with pytest.raises(LayoutError, match="five"):
        Framing(256, (*POINTS[:4], (math.nan, 0.5)))


def kind(**changes: Any) -> Kind:
    return Kind(**{"game": "toy", "kind": "one", "layout_path": Path("none.toml"), **changes})


def test_kind_reads_its_files_once_at_the_first_use(tmp_path: Path) -> None:
    path = tmp_path / "layout.toml"
    late = kind(layout_path=path)
    with pytest.raises(LayoutError, match="there is no such file"):
        _ = late.layout
    path.write_text('game="toy"\nkind="one"\n[[continuous]]\nname="x"\ngroup="eye"\n')
    assert late.layout.size == 1
    assert late.layout is late.layout
    assert late.name == "toy/one"


def test_kind_of_another_layout(tmp_path: Path) -> None:
    path = tmp_path / "layout.toml"
    path.write_text('game="toy"\nkind="two"\n[[continuous]]\nname="x"\ngroup="eye"\n')
    with pytest.raises(LayoutError, match=r"layout of toy/two, the plugin offers it for toy/one"):
        _ = kind(layout_path=path).layout


def test_kind_without_framing() -> None:
    with pytest.raises(PluginError, match="toy/one has no framing") as caught:
        _ = kind().framing
    assert "framing_path" in caught.value.remedy


def test_weights_may_be_absent(tmp_path: Path) -> None:
    there = tmp_path / "a.safetensors"
    there.touch()
    weights = {"compact": there, "published": tmp_path / "b.safetensors"}
    assert kind(weights=weights).weights_state() == {"compact": True, "published": False}


@pytest.mark.parametrize("name", ["", "Big", "a/b", "a b", "-a", 3, None])
def test_names(name: Any) -> None:
    with pytest.raises(PluginError, match="must be lower-case"):
        kind(game=name)
    with pytest.raises(PluginError, match="must be lower-case"):
        kind(kind=name)
    with pytest.raises(PluginError, match="must be lower-case"):
        Game(name, "title", (kind(),))
    with pytest.raises(PluginError, match="name of a recognizer"):
        RecognizerSpec(name, "title", 4, load=lambda: None)  # type: ignore[arg-type,return-value]
    with pytest.raises(PluginError, match="name of a detector"):
        DetectorSpec(name, "title", load=lambda: None)  # type: ignore[arg-type,return-value]


def test_games() -> None:
    with pytest.raises(PluginError, match="at least one kind"):
        Game("toy", "Toy", ())
    with pytest.raises(PluginError, match="the kind 'other/one' of another game"):
        Game("toy", "Toy", (kind(game="other"),))
    with pytest.raises(PluginError, match="offers a kind twice: one, one"):
        Game("toy", "Toy", (kind(), kind()))
    assert Game("toy", "Toy", [kind()]).kinds == (kind(),)  # type: ignore[arg-type]
