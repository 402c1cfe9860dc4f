"""Commands with invalid photos, options, characters, weights and engines.

Invalid input gives exit code 1 (the work failed) or 2 (wrong use), an error with the next step, and
no traceback. The game is tests/toy; the installed detector finds the faces.
"""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from f2p_toy import HERO, KINDS, LAYOUTS, PHOTO

from f2p_sdk.images import save

Run = Callable[..., Any]


def _png_header(width: int, height: int) -> bytes:
    """A PNG with this size in its header and almost no data."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0"))
        + chunk(b"IEND", b"")
    )


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory, astronaut: np.ndarray) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("photos")
    face = astronaut[:300, 60:360]

    def write(name: str, data: bytes) -> Path:
        path = folder / name
        path.write_bytes(data)
        return path

    whole = PHOTO.read_bytes()
    noise = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
    return {
        "text": write("text.png", b"This is no picture at all."),
        "truncated": write("truncated.png", whole[: len(whole) // 3]),
        "empty": write("empty.jpg", b""),
        "huge": write("huge.png", _png_header(10_000, 6_000)),
        "no face": save(folder / "noise.png", noise),
        "black": save(folder / "black.png", np.zeros((240, 320, 3), np.uint8)),
        "three": save(folder / "three.png", np.concatenate([face, face, face], axis=1)),
        "missing": folder / "nobody.png",
        "folder": tmp_path_factory.mktemp("no photos"),
    }


BAD_PHOTOS = {
    "text": "is not a picture",
    "truncated": "damaged or cut off",
    "empty": "is empty (0 bytes)",
    "huge": "60.0 megapixels",
    "missing": "there is no such file",
    "no face": "no face was found",
    "black": "no face was found",
}
SLOW = {"no face", "black"}  # detection without a face is slow


@pytest.mark.parametrize("name", sorted(set(BAD_PHOTOS) - SLOW))
def test_bad_photo_is_refused_before_the_engine_starts(
    name: str, f2p: Run, photos: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("f2p_sdk.bridge.open_engine", lambda *_, **__: pytest.fail("started"))
    outcome = f2p("fit", photos[name], "-g", "toy", "-o", tmp_path / "out")
    assert outcome.code == 1
    assert BAD_PHOTOS[name] in outcome.text
    assert photos[name].name in outcome.text
    assert "next:" in outcome.text
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_bad_photos_do_not_stop_the_others(
    f2p: Run, photos: dict[str, Path], tmp_path: Path
) -> None:
    names = [*sorted(BAD_PHOTOS), "three"]
    outcome = f2p(
        "fit",
        *(photos[name] for name in names),
        "-g",
        "toy",
        "-o",
        tmp_path / "out",
        "--method",
        "slides",
        "--steps",
        "1",
        "--json",
    )
    assert outcome.code == 1
    document = json.loads(outcome.out)
    assert document["failed"] == [str(photos[name]) for name in sorted(BAD_PHOTOS)]
    for name, row in zip(sorted(BAD_PHOTOS), document["fits"], strict=False):
        assert BAD_PHOTOS[name] in row["error"]
        assert row["next"]
    fitted = document["fits"][-1]
    # One of three faces is chosen and reported.
    assert (fitted["face"]["found"], fitted["face"]["taken"]) == (3, 1)
    assert "3 faces found; took face 1" in fitted["face"]["message"]
    written = {path.name for path in (tmp_path / "out" / "three").iterdir()}
    assert written == {"character.json", "picture.png", "report.json", "sheet.png"}
    character = json.loads((tmp_path / "out" / "three" / "character.json").read_text())
    assert HERO.validate(character["values"])


@pytest.mark.slow
def test_unknown_face_number_is_refused(f2p: Run, photos: dict[str, Path], tmp_path: Path) -> None:
    outcome = f2p("fit", photos["three"], "-g", "toy", "-o", tmp_path, "--face", "4", "--no-engine")
    assert outcome.code == 1
    assert "there is no face 4: the picture has 3 faces" in outcome.text
    assert "--face" in outcome.text


WRONG_USE = {
    "no photo": (["fit", "-g", "toy", "-o", "x"], "PHOTOS"),
    "no game": (["fit", "a.png", "-o", "x"], "--game"),
    "method": (["fit", "a.png", "-g", "toy", "-o", "x", "--method", "bets"], "'bets'"),
    "steps": (["fit", "a.png", "-g", "toy", "-o", "x", "--steps", "0"], "0 is not in the range"),
    "keep": (["fit", "a.png", "-g", "toy", "-o", "x", "--keep", "red"], "NAME=VALUE"),
    "keep name": (
        ["fit", "a.png", "-g", "toy", "-o", "x", "--keep", "rad=1"],
        "did you mean 'red'",
    ),
    "keep range": (["fit", "a.png", "-g", "toy", "-o", "x", "--keep", "red=7"], "red"),
    "keep nan": (["fit", "a.png", "-g", "toy", "-o", "x", "--keep", "red=nan"], "red"),
    "keep choice": (["fit", "a.png", "-g", "toy", "-o", "x", "--keep", "hair=shirt"], "short"),
    "keep twice": (
        ["fit", "a.png", "-g", "toy", "-o", "x", "--keep", "red=0", "--keep", "red=1"],
        "twice",
    ),
    "neither": (["evaluate", "fit", "-g", "toy"], "--photos DIR or --recover N"),
}


@pytest.mark.parametrize("name", sorted(WRONG_USE))
def test_wrong_use_has_exit_code_2(name: str, f2p: Run) -> None:
    arguments, message = WRONG_USE[name]
    outcome = f2p(*arguments)
    assert outcome.code == 2
    assert message in outcome.text


def test_unknown_game_suggests(f2p: Run) -> None:
    outcome = f2p("fit", "a.png", "-g", "tay", "-o", "x")
    assert outcome.code == 1
    assert "did you mean 'toy'" in outcome.text


def _good(name: str = "hero") -> dict[str, Any]:
    document: dict[str, Any] = json.loads(LAYOUTS[name].default().to_json())
    return document


def _changed(values: dict[str, Any] | None = None, **keys: Any) -> dict[str, Any]:
    document = _good()
    document["values"].update(values or {})
    document.update(keys)
    return document


def _without(name: str) -> dict[str, Any]:
    document = _good()
    del document["values"][name]
    return document


BAD_CHARACTERS: dict[str, tuple[Any, str]] = {
    "other layout": (_changed(layout="0123456789abcdef"), "layout"),
    "missing value": (_without("green"), "green"),
    "extra value": (_changed({"blue": 0.5}), "blue"),
    "out of range": (_changed({"red": 1.5}), "1.5"),
    "NaN": (_changed({"red": float("nan")}), "NaN"),
    "not a number": (_changed({"red": "much"}), "'much'"),
    "unknown choice": (_changed({"hair": "blue"}), "'blue'"),
    "not JSON": ("{", "JSON"),
    "not an object": ([], "JSON object"),
    "unknown game": (_changed(game="chess"), "chess"),
}


@pytest.mark.parametrize("command", ["render", "apply"])
@pytest.mark.parametrize("name", sorted(BAD_CHARACTERS))
def test_a_bad_character_is_refused(name: str, command: str, f2p: Run, tmp_path: Path) -> None:
    content, message = BAD_CHARACTERS[name]
    path = tmp_path / "character.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    more = ["-o", tmp_path / "out.png"] if command == "render" else []
    outcome = f2p(command, path, *more)
    assert outcome.code == 1
    assert message in outcome.text
    assert not (tmp_path / "out.png").exists()


def test_character_of_an_older_layout_lists_the_changes(f2p: Run, tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    path.write_text(json.dumps({**_good("villain"), "kind": "hero"}), encoding="utf-8")
    outcome = f2p("render", path, "-o", tmp_path / "out.png")
    assert outcome.code == 1
    assert "added green" in outcome.text
    assert "removed horns" in outcome.text


def test_weights_of_another_layout_are_refused_with_both_hashes(
    f2p: Run, toy_home: Path, tmp_path: Path
) -> None:
    outcome = f2p(
        "fit",
        PHOTO,
        "-g",
        "toy/hero",
        "-o",
        tmp_path,
        "--no-engine",
        "--weights",
        toy_home / "villain.safetensors",
    )
    assert outcome.code == 1
    assert all(layout_hash in outcome.text for layout_hash in KINDS.values())


@pytest.mark.parametrize("damage", ["cut", "text", "empty"])
def test_damaged_weights_are_refused(damage: str, f2p: Run, toy_home: Path, tmp_path: Path) -> None:
    whole = (toy_home / "hero.safetensors").read_bytes()
    path = tmp_path / "weights.safetensors"
    path.write_bytes({"cut": whole[:-100], "text": b"not weights", "empty": b""}[damage])
    outcome = f2p("fit", PHOTO, "-g", "toy", "-o", tmp_path, "--no-engine", "--weights", path)
    assert outcome.code == 1
    assert "weights.safetensors" in outcome.text
    assert "next:" in outcome.text


@pytest.mark.slow
@pytest.mark.parametrize("manner", ["dies", "hangs"])
def test_an_engine_that_fails_in_the_middle_ends_the_fit(
    manner: str, f2p: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("F2P_TOY_ENGINE", manner)
    outcome = f2p(
        "fit",
        PHOTO,
        PHOTO,
        "-g",
        "toy",
        "-o",
        tmp_path / "out",
        "--steps",
        "1",
        "--deadline",
        "1.5",
    )
    assert outcome.code == 1
    assert "engine" in outcome.text
    assert "next:" in outcome.text
    assert not list(tmp_path.rglob("character.json"))


@pytest.mark.slow
def test_only_debug_shows_the_traceback_of_a_process(
    toy: None, photos: dict[str, Path], tmp_path: Path
) -> None:
    arguments = ["fit", str(photos["text"]), "-g", "toy", "-o", str(tmp_path)]
    code = "import sys; from f2p_sdk.cli import main; sys.argv[0] = 'f2p'; main()"
    for debug in (False, True):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments, *(["--debug"] if debug else [])],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 1
        assert "is not a picture" in done.stderr
        assert ("Traceback" in done.stderr) is debug
