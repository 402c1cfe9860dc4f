"""``f2p fit`` and ``f2p evaluate fit`` on the toy game: files, figures and errors."""

from __future__ import annotations

import html.parser
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dlib
import numpy as np
import pytest
from f2p_toy import HERO, PHOTO
from PIL import Image

from f2p_sdk.cli._html import Row, write_page
from f2p_sdk.parameters import Character, Layout

Run = Callable[..., Any]
FAST = ["--method", "slides", "--steps", "1"]
DONE = (0, 3)  # a fit of one step may gain next to nothing


def _dlib_distance(a: Path, b: Path) -> float:
    """Distance computed with dlib alone."""
    import importlib.util

    spec = importlib.util.find_spec("face_recognition_models")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    models = Path(next(iter(spec.submodule_search_locations))) / "models"
    find = dlib.get_frontal_face_detector()
    points = dlib.shape_predictor(str(models / "shape_predictor_5_face_landmarks.dat"))
    network = dlib.face_recognition_model_v1(
        str(models / "dlib_face_recognition_resnet_model_v1.dat")
    )
    described = []
    for path in (a, b):
        with Image.open(path) as image:
            pixels = np.array(image.convert("RGB").resize((512, 512)))
        box = find(pixels, 1)[0]
        described.append(np.array(network.compute_face_descriptor(pixels, points(pixels, box))))
    return float(np.linalg.norm(described[0] - described[1]))


@pytest.fixture(scope="module")
def layout() -> Layout:
    return HERO


@pytest.mark.slow
def test_fit_writes_character_picture_sheet_and_report(
    f2p: Run, layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("F2P_TOY_ASSETS", "build 7")
    out = tmp_path / "new" / "folder"
    done = f2p("fit", PHOTO, "-g", "toy", "-o", out, *FAST, "--keep", "red=0.25", "--json")
    assert done.code in DONE
    document = json.loads(done.out)
    files = {name: Path(path) for name, path in document["files"].items()}
    assert set(files) == {"character", "picture", "report", "sheet"}
    assert all(path.is_file() and path.parent == out for path in files.values())

    character = Character.load(files["character"], layout)
    assert character.values["red"] == 0.25
    assert character.assets == "build 7"
    assert document["kept"] == {"red": 0.25}
    with Image.open(files["picture"]) as picture, Image.open(files["sheet"]) as sheet:
        assert picture.size == (512, 512)
        assert sheet.size[0] > 2 * sheet.size[1] * 0.8  # photo and portrait, side by side

    report = json.loads(files["report"].read_text(encoding="utf-8"))
    assert document["verdict"] == report["verdict"]
    assert done.code == (0 if report["verdict"]["gained"] else 3)
    assert document["held"] == report["held"] == []  # the toy's card has no sensitivity
    assert report["seed"] == 0
    assert report["method"] == "slides"
    assert len(report["losses"]["search"]) == 1
    assert report["layout_hash"] == report["imitator"]["layout_hash"] == layout.hash
    assert report["versions"]["engine"] == "toy-engine 1.0"
    assert {"photo", "search", "verify", "total"} <= set(report["seconds"])
    measured = report["identity_distance"]["engine"]
    assert measured == document["identity_distance"]["engine"]
    assert measured == pytest.approx(_dlib_distance(PHOTO, files["picture"]), abs=0.08)


@pytest.mark.slow
def test_photos_of_the_same_name_get_their_own_folders(f2p: Run, tmp_path: Path) -> None:
    done = f2p("fit", PHOTO, PHOTO, "-g", "toy", "-o", tmp_path, *FAST)
    assert done.code in DONE
    assert "2 of 2 photos fitted" in done.text
    first, second = (tmp_path / name / "character.json" for name in ("astronaut", "astronaut-2"))
    assert first.read_text() == second.read_text()  # same seed, same character


@pytest.mark.slow
def test_photos_of_one_person_give_one_character(f2p: Run, tmp_path: Path) -> None:
    mirrored = tmp_path / "mirrored.png"
    with Image.open(PHOTO) as image:
        image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(mirrored)
    out = tmp_path / "one"
    done = f2p("fit", PHOTO, mirrored, "--same-person", "-g", "toy", "-o", out, *FAST, "--json")
    assert done.code in DONE
    files = json.loads(done.out)["files"]
    assert Path(files["character"]) == out / "character.json"
    weights = json.loads((out / "report.json").read_text(encoding="utf-8"))["photo_weights"]
    assert weights == pytest.approx([0.5, 0.5], abs=0.1)
    with Image.open(files["sheet"]) as sheet:
        assert sheet.size[0] > 3 * sheet.size[1] * 0.8  # both photos and the portrait


@pytest.mark.slow
def test_further_candidates_are_written(
    f2p: Run, layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fewer = ("fit", PHOTO, "-o", tmp_path, "-g", "toy", *FAST, "--candidates", "2")
    done = f2p(*fewer)
    assert done.code in DONE
    assert "fewer candidates than asked for" in done.text  # `slides` compares no hair

    def long_hair(context: Any, state: Any, vector: Any, count: int, size: int) -> Any:
        other = vector.clone()
        other[layout.slices["hair"]] = other.new_tensor([0.0, 0.0, 1.0])
        return [(other, np.zeros((size, size, 3), np.uint8))][:count]

    monkeypatch.setattr("f2p_sdk.pipeline.fitting.other_hairstyles", long_hair)
    done = f2p(*fewer, "--json")
    assert "fewer" not in done.text
    files = json.loads(done.out)["files"]
    first, second = (
        Character.load(files[name], layout).values for name in ("character", "candidate-2")
    )
    assert {name for name in first if first[name] != second[name]} == {"hair"}
    with Image.open(files["candidate-2-picture"]) as picture, Image.open(files["sheet"]) as sheet:
        assert picture.size == (512, 512)
        assert sheet.size[0] > 3 * sheet.size[1] * 0.8  # photo, portrait and candidate


@pytest.mark.slow
def test_no_engine_picture_without_an_engine(f2p: Run, tmp_path: Path) -> None:
    done = f2p("fit", PHOTO, "-g", "toy", "-o", tmp_path, *FAST, "--no-engine")
    assert done.code in DONE
    assert "not verified by the engine" in done.text
    assert not (tmp_path / "picture.png").exists()
    assert (tmp_path / "sheet.png").is_file()


@pytest.mark.slow
def test_evaluate_photos(f2p: Run, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "one.png").write_bytes(PHOTO.read_bytes())
    (photos / "bad.png").write_bytes(b"no picture")
    listed = tmp_path / "identities.csv"
    listed.write_text("file,identity,kind\none.png,g,hero\nbad.png,h,hero\n")
    done = f2p(
        "evaluate", "fit", "-g", "toy", "--photos", photos, "--identities", listed,
        "--page", tmp_path / "page", "--json", *FAST,
    )  # fmt: skip
    assert done.code == 1  # one photo failed
    document = json.loads(done.out)
    assert document["photos"] == 1
    assert [failure["file"] for failure in document["failed"]] == ["bad.png"]
    row = document["rows"][0]
    assert row["identity"] == "g"
    assert row["gain"] == pytest.approx(row["average_character"] - row["fitted"])
    assert document["identity_distance"]["fitted"] == row["fitted"]
    assert document["improved"] == float(row["gain"] > 0)
    assert document["seconds_per_photo"] > 0
    assert document["verdict"]["counts"][row["verdict"]] == 1
    assert document["verdict"]["word"] == row["verdict"]
    assert document["sliders_at_ends"] == row["sliders_at_ends"]
    assert document["colour_error"] == {n: row[f"colour_error.{n}"] for n in ("hair", "skin")}
    assert document["colour_error"]["skin"] > 0
    # One photo has no pairs.
    assert set(document["consistency"].values()) == {None}
    assert document["verification"]["sliders_auc"] is None
    page = (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    assert page.count("<img ") == 4
    assert document["page"] == str(tmp_path / "page" / "index.html")


@pytest.mark.slow
def test_evaluate_recover(f2p: Run) -> None:
    done = f2p("evaluate", "fit", "-g", "toy", "--recover", 1, "--json", *FAST)
    assert done.code == 0
    document = json.loads(done.out)
    # The toy engine draws all sliders, but no hair.
    assert document["continuous_counted"] == 4
    assert document["recovered"] == 1
    row = document["rows"][0]
    assert document["continuous_mae"] == pytest.approx(row["continuous_mae"])
    assert document["discrete_accuracy"] == row["discrete_right"]
    assert document["picture_psnr_db"] == pytest.approx(row["picture_psnr_db"])
    assert document["picture_psnr_db"] > 10
    assert sum(document["verdict"]["counts"].values()) == 1


@pytest.mark.slow
def test_first_selects_the_same_characters(f2p: Run, tmp_path: Path) -> None:
    recover = ("evaluate", "fit", "-g", "toy", "--json", *FAST, "--recover")
    rows = [json.loads(f2p(*recover, *which).out)["rows"] for which in ((2,), (1, "--first", 1))]
    assert [row["character"] for row in rows[0]] == [0, 1]
    same = {"character", "continuous_mae", "discrete_right", "picture_psnr_db"}
    assert {k: rows[0][1][k] for k in same} == {k: rows[1][0][k] for k in same}
    done = f2p("evaluate", "fit", "-g", "toy", "--photos", tmp_path, "--first", 1)
    assert done.code == 2
    assert "--first requires --recover" in done.err


WRONG = {
    "empty folder": ("", "there are no photos"),
    "absent photo": ("file,identity,kind\nnobody.png,g,hero\n", "nobody.png"),
    "no column": ("name\none.png\n", "line 2: the column 'file'"),
}


@pytest.mark.parametrize("name", sorted(WRONG))
def test_evaluate_checks_its_table_first(name: str, f2p: Run, tmp_path: Path) -> None:
    text, message = WRONG[name]
    (tmp_path / "photos").mkdir()
    listed = tmp_path / "identities.csv"
    listed.write_text(text)
    more = ["--identities", listed] if text else []
    done = f2p("evaluate", "fit", "-g", "toy", "--photos", tmp_path / "photos", *more)
    assert done.code == 2
    assert message in done.text


class _Images(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.labels: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            values = dict(attributes)
            assert (values["src"] or "").startswith("data:image/png;base64,")
            self.labels.append(values["alt"] or "")
        elif tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_html_page_is_valid_and_escaped(tmp_path: Path) -> None:
    picture = np.zeros((20, 40, 3), np.uint8)
    rows = [Row("<b>&.png", [("a<b", picture), ("b", picture)], {"psnr": 31.23456})]
    path = write_page(tmp_path / "new", "Title <1>", rows, figures={"n": 3}, height=32)
    text = path.read_text(encoding="utf-8")
    parser = _Images()
    parser.feed(text)
    assert parser.open == []
    assert parser.labels == ["a<b", "b"]
    assert "&lt;b&gt;&amp;.png" in text
    assert "31.23" in text
    assert 'width="64" height="32"' in text
    assert "http" not in text


def test_evaluate_reports_the_photo_of_an_unknown_kind(f2p: Run, tmp_path: Path) -> None:
    (tmp_path / "one.png").write_bytes(PHOTO.read_bytes())
    listed = tmp_path / "identities.csv"
    listed.write_text("file,identity,kind\none.png,g,ghost\n")
    done = f2p("evaluate", "fit", "-g", "toy", "--photos", tmp_path, "--identities", listed)
    assert done.code == 2
    assert "one.png is of the kind 'ghost', which toy does not have" in done.text
    assert "-g toy/hero" in done.text


@pytest.mark.slow
def test_evaluate_compares_methods(f2p: Run, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "one.png").write_bytes(PHOTO.read_bytes())
    (photos / "two.png").write_bytes(PHOTO.read_bytes())
    listed = tmp_path / "identities.csv"
    listed.write_text("file,identity,kind\none.png,g,hero\ntwo.png,g,hero\n")
    done = f2p(
        "evaluate", "fit", "-g", "toy", "--photos", photos, "--identities", listed,
        "--method", "paper", "--page", tmp_path / "page", "--json", *FAST,
    )  # fmt: skip
    assert done.code == 0
    methods = json.loads(done.out)["methods"]
    assert list(methods) == ["paper", "slides"]
    for found in methods.values():
        assert found["photos"] == 2
        assert found["identification"] == {"rank1": 1.0, "rank5": 1.0, "counted": 2}
    # A row per photo: photo, average character, and two pictures per method.
    page = (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    assert page.count("<section>") == 2
    assert page.count("<img ") == 2 * (2 + 2 * 2)


@pytest.mark.slow
def test_evaluate_perturbs_photos(f2p: Run, tmp_path: Path) -> None:
    (tmp_path / "one.png").write_bytes(PHOTO.read_bytes())
    done = f2p(
        "evaluate", "fit", "-g", "toy", "--photos", tmp_path, "--robustness", "--json", *FAST
    )
    assert done.code == 0
    found = json.loads(done.out)
    assert set(found["robustness"]) == {"noise", "illumination", "colour", "blur"}
    assert {row["photos"] for row in found["robustness"].values()} == {1}
    assert all(row["photo_moved"] > 0 for row in found["robustness"].values())
    assert "identification" not in found  # no identities are given


@pytest.mark.slow
def test_population_needs_two_valid_characters(f2p: Run, tmp_path: Path) -> None:
    few = tmp_path / "few"
    few.mkdir()
    done = f2p("fit", PHOTO, "-g", "toy", "-o", tmp_path / "x", "--population", few)
    assert done.code == 2
    assert "two or more characters, got 0" in done.text
    for seed in ("1", "2"):
        out = tmp_path / "known" / seed
        assert f2p("fit", PHOTO, "-g", "toy", "-o", out, *FAST, "--no-engine").code in DONE
    done = f2p(
        "fit", PHOTO, "-g", "toy", "-o", tmp_path / "x", "--no-engine", "--steps", 1,
        "--population", tmp_path / "known",
    )  # fmt: skip
    assert done.code in DONE, done.text
    wrong = tmp_path / "known" / "other.json"
    wrong.write_text("{}")
    done = f2p("fit", PHOTO, "-g", "toy", "-o", tmp_path / "x", "--population", tmp_path / "known")
    assert done.code == 1
    assert "other.json" in done.text
