"""benchmarks/blind.py on a page with coloured squares in place of characters."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from f2p_toy import PHOTO, ROOT
from PIL import Image

from f2p_sdk.cli._html import Row, write_page

TOOL = ROOT / "benchmarks" / "blind.py"
# The red channel of a character's picture is its number in this list.
PEOPLE = {"a0.png": "a", "a1.png": "a", "b0.png": "b", "b1.png": "b", "c0.png": "c"}


def page(folder: Path, blue: int) -> Path:
    rows = []
    for number, file in enumerate(PEOPLE):
        photo, engine = np.zeros((2, 64, 64, 3), np.uint8)
        engine[:] = (20 * number, 0, blue)
        rows.append(Row(file, [("photo", photo), ("best: engine", engine)]))
    write_page(folder, "Page", rows)
    return folder


def blind(*arguments: object) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, str(TOOL), *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def run(*arguments: object) -> str:
    done = blind(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def score(folder: Path, answers: dict[str, Any]) -> dict[str, Any]:
    path = folder / "answers.json"
    path.write_text(json.dumps(answers), encoding="utf-8")
    found: dict[str, Any] = json.loads(run("score", folder / "key.json", path))
    return found


@pytest.mark.slow
def test_gallery_shows_other_photos_than_the_fitted_ones(toy_photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ("gallery", page(tmp_path / "page", 0), "-g", "justice", "--photos", toy_photos)
    run(*arguments, "-o", out, "--seed", 3)
    key = json.loads((out / "key.json").read_text())
    shown = key["people"]
    assert {PEOPLE[file] for file in shown.values()} == {"a", "b", "c"}
    # One sheet for a and one for b: c has a single photo.
    assert sorted(PEOPLE[row["file"]] for row in key["sheets"].values()) == ["a", "b"]
    for name, row in key["sheets"].items():
        assert row["file"] not in shown.values()
        assert PEOPLE[shown[str(row["number"])]] == PEOPLE[row["file"]]
        with Image.open(out / "sheets" / f"{name}.png") as sheet:
            red = sheet.getpixel((sheet.width // 2, sheet.height // 2))[0]
        assert red == 20 * list(PEOPLE).index(row["file"])
    form = json.loads((out / "sheets" / "answers.json").read_text())
    assert set(form) == set(key["sheets"])

    one, two = key["sheets"]
    right, wrong = key["sheets"][one]["number"], 7
    answers = {
        one: {"first": right, "second": wrong, "friend": True},
        two: {"first": wrong, "second": key["sheets"][two]["number"], "friend": True},
    }
    assert score(out, answers) == {
        "test": "gallery",
        "sheets": 2,
        "answered": 2,
        "people": 3,
        "right_first": 0.5,
        "right_among_two": 1.0,
        "friend_would_know": 0.5,
    }


@pytest.fixture
def toy_photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    with (folder / "identities.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("file", "identity", "kind"))
        for name, identity in PEOPLE.items():
            (folder / name).write_bytes(PHOTO.read_bytes())
            table.writerow((name, identity, "female"))
    return folder


def test_pairs_hide_the_order_and_the_score_undoes_it(tmp_path: Path) -> None:
    before, after = page(tmp_path / "before", 100), page(tmp_path / "after", 200)
    for form in ("png", "jpeg"):
        run("pairs", before, after, "-o", tmp_path, "--format", form)
    key = json.loads((tmp_path / "key.json").read_text())
    assert {row["file"] for row in key["sheets"].values()} == set(PEOPLE)
    sides = {name: row["after"] for name, row in key["sheets"].items()}
    assert set(sides.values()) == {"left", "right"}
    for name, side in sides.items():
        with Image.open(tmp_path / "sheets" / f"{name}.jpeg") as sheet:
            at = sheet.width // 8 if side == "left" else sheet.width * 7 // 8
            assert abs(sheet.getpixel((at, sheet.height // 2))[2] - 200) < 5
    answers = {name: {"nearer": side, "friend": [side]} for name, side in sides.items()}
    answers["pair-01"] = {"nearer": "same", "friend": ["left", "right"]}
    del answers["pair-02"]
    assert score(tmp_path, answers) == {
        "test": "pairs",
        "sheets": 5,
        "answered": 4,
        "nearer_after": 0.6,
        "nearer_same": 0.2,
        "friend_would_know": {"before": 0.2, "after": 0.8},
    }


def test_errors_name_the_page_and_the_sheet(tmp_path: Path) -> None:
    missing = blind("pairs", tmp_path, tmp_path, "-o", tmp_path)
    assert missing.returncode == 1
    assert "index.html: is missing" in missing.stderr
    (tmp_path / "key.json").write_text(json.dumps({"test": "pairs", "sheets": {}}))
    (tmp_path / "answers.json").write_text(json.dumps({"pair-09": {}}))
    unknown = blind("score", tmp_path / "key.json", tmp_path / "answers.json")
    assert "pair-09 is not a sheet of" in unknown.stderr
