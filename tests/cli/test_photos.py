"""``f2p fit`` with folders, damaged photos, and photos without a face: messages and files."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from f2p_toy import PHOTO
from PIL import Image

from f2p_sdk.images import photos_in

Run = Callable[..., Any]
FAST = ["--method", "slides", "--steps", "1", "--no-engine"]


def _jpeg() -> bytes:
    buffer = io.BytesIO()
    with Image.open(PHOTO) as image:
        image.convert("RGB").save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """A folder with a photo, a photo that is cut off after the face, and other files."""
    folder = tmp_path / "album"
    (folder / "deeper").mkdir(parents=True)
    whole = _jpeg()
    (folder / "b.JPG").write_bytes(whole)
    (folder / "a.jpeg").write_bytes(whole[: len(whole) * 7 // 10])
    (folder / "._b.JPG").write_bytes(b"resource fork")
    (folder / "notes.txt").write_text("no photo")
    (folder / "deeper" / "c.jpg").write_bytes(whole)
    return folder


def test_photos_of_a_folder(album: Path) -> None:
    assert [path.name for path in photos_in(album)] == ["a.jpeg", "b.JPG"]


@pytest.mark.slow
def test_a_folder_stands_for_its_photos(f2p: Run, album: Path, tmp_path: Path) -> None:
    bad = album / "phone.heic"
    bad.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    out = tmp_path / "out"
    done = f2p("fit", album, "-g", "toy", "-o", out, *FAST)
    assert done.code == 1
    assert "2 of 3 photos fitted" in done.text
    for name in ("a", "b"):
        assert (out / name / "character.json").is_file()
    assert "a.jpeg: the file is cut off: the last" in done.text
    (error,) = (line for line in done.err.splitlines() if "HEIC" in line)
    assert error.count(str(bad)) == 1
    assert "export it as JPEG" in done.text
    report = json.loads((out / "a" / "report.json").read_text(encoding="utf-8"))
    assert any("cut off" in hint for hint in report["face"]["hints"])


@pytest.mark.slow
def test_a_folder_with_one_photo_gets_a_folder_for_it(f2p: Run, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "me.png").write_bytes(PHOTO.read_bytes())
    done = f2p("fit", tmp_path / "one", "-g", "toy", "-o", tmp_path / "out", *FAST, "--json")
    assert done.code in (0, 3)  # a fit of one step may gain next to nothing
    (fitted,) = json.loads(done.out)["fits"]
    assert Path(fitted["files"]["character"]) == tmp_path / "out" / "me" / "character.json"


def test_a_folder_without_photos_is_wrong_use(f2p: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no photo")
    done = f2p("fit", tmp_path, "-g", "toy", "-o", tmp_path / "out")
    assert done.code == 2
    assert f"{tmp_path}: there are no photos in this folder, 1 other files" in done.text
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_missing_face_names_the_file_and_the_reason_once(f2p: Run, tmp_path: Path) -> None:
    blank = tmp_path / "sticker.webp"
    with Image.open(PHOTO) as image:
        Image.new("RGB", (160, 160), "navy").save(
            blank, save_all=True, append_images=[image.convert("RGB").resize((160, 160))]
        )
    clear = tmp_path / "clear.png"
    Image.new("RGBA", (160, 160)).save(clear)
    for photos in ((blank,), (blank, clear)):
        done = f2p("fit", *photos, "-g", "toy", "-o", tmp_path / "out", *FAST)
        assert done.code == 1
        for photo in photos:
            (line,) = (line for line in done.err.splitlines() if f"{photo}: " in line)
            assert line.count(str(photo)) == 1
            assert "no face was found in the picture; every pixel" in line
        assert "only the first picture of the file was looked at" in done.text
        assert "next: save the picture that shows the face" in done.text
    assert "every pixel is transparent" in done.text
