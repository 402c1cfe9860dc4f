"""The files of a new adapter, and the face that it draws."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from f2p_toy import ROOT

from f2p_sdk.errors import PluginError, UsageError
from f2p_sdk.kinds import Framing
from f2p_sdk.parameters import Continuous, Discrete, Layout, read_toml
from f2p_sdk.scaffold import Table, read_table, write_adapter
from f2p_sdk.scaffold.features import FEATURES
from f2p_sdk.scaffold.package import layout_toml

EXAMPLE = ROOT / "examples" / "first_adapter"
MOONFALL = ROOT / "tests" / "scaffold" / "moonfall.csv"
SOURCE = ("sliders.csv", b"name,low,high\n")


def write(name: str, table: Path, folder: Path, **options: Any) -> list[Path]:
    source = (table.name, table.read_bytes())
    return write_adapter(name, read_table(table), folder, source=source, **options)


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes().replace(b"\r\n", b"\n")
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def moonfall(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("new") / "moonfall"
    write("moonfall", MOONFALL, folder)
    return folder


@pytest.fixture(scope="module")
def drawing(moonfall: Path) -> Iterator[ModuleType]:
    """The package ``f2p_moonfall.drawing``."""
    sys.path.insert(0, str(moonfall))
    yield importlib.import_module("f2p_moonfall.drawing")
    sys.path.remove(str(moonfall))
    for name in [name for name in sys.modules if name.startswith("f2p_moonfall")]:
        del sys.modules[name]


def test_example_is_what_the_command_writes(tmp_path: Path) -> None:
    write("mygame", EXAMPLE / "sliders.csv", tmp_path / "mygame")
    assert files(tmp_path / "mygame") == files(EXAMPLE), (
        "write it again: f2p new-adapter mygame --table examples/first_adapter/sliders.csv"
    )


def test_tutorial_has_the_table_of_the_example() -> None:
    page = (ROOT / "docs" / "tutorial" / "adapter.md").read_text(encoding="utf-8")
    table = (EXAMPLE / "sliders.csv").read_text(encoding="utf-8")
    assert f"`sliders.csv`:\n\n```text\n{table}```\n" in page


def test_layout_has_the_parameters_of_the_table(moonfall: Path) -> None:
    layout = Layout.load(moonfall / "f2p_moonfall" / "hero.toml")
    (parameters,) = read_table(MOONFALL).kinds.values()
    assert set(layout.parameters) == set(parameters)
    assert (layout.game, layout.kind, len(layout.continuous)) == ("moonfall", "hero", 26)


def test_layout_survives_toml(tmp_path: Path) -> None:
    parameters = (
        Continuous("a", "nose", -1e-7, 0.1, 0.05, "µm", '"q" \\ \x7f', "two\nlines", 0.9, 2.0),
        Discrete("b", "hair", ("ä", "b.c"), "b.c"),
        Continuous("c", "eye"),
    )
    path = tmp_path / "layout.toml"
    path.write_text(layout_toml("game", "kind", parameters), encoding="utf-8")
    assert set(Layout.load(path).parameters) == set(parameters)


def test_package_of_several_kinds(tmp_path: Path) -> None:
    male = (Continuous("nose", "nose"), Discrete("hat", "hair", ("a", "b"), "a"))
    female = (Continuous("nose", "nose"), Discrete("hat", "hair", ("b", "c"), "c"))
    table = Table({"male": male, "female-2": female}, {})
    folder = tmp_path / "new"
    write_adapter("big-game", table, folder, title='The "Big" Game', source=SOURCE)
    package = folder / "f2p_big_game"
    assert Layout.load(package / "female-2.toml").name == "big-game/female-2"
    plugin = (package / "plugin.py").read_text(encoding="utf-8")
    assert 'for name in ("male", "female-2")' in plugin
    assert r'title="The \"Big\" Game"' in plugin
    tests = (folder / "tests" / "test_adapter.py").read_text(encoding="utf-8")
    assert 'class TestFemale2(AdapterTests):\n    kind = "big-game/female-2"' in tests
    project = read_toml(folder / "pyproject.toml")["project"]
    assert project["name"] == "f2p-big-game"
    assert project["entry-points"]["f2p"] == {"big-game": "f2p_big_game.plugin"}
    for path in folder.rglob("*.py"):
        compile(path.read_text(encoding="utf-8"), path, "exec")
    controls = (package / "drawing" / "controls.py").read_text(encoding="utf-8")
    assert all(f'        "{choice}": {{' in controls for choice in "abc")


def test_files_are_never_overwritten(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="must be a new or an empty folder") as caught:
        write("moonfall", MOONFALL, folder)
    assert "-o" in caught.value.remedy
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
    with pytest.raises(UsageError, match="must be a new or an empty folder"):
        write("moonfall", MOONFALL, folder / "notes.txt")
    (folder / "notes.txt").unlink()
    assert write("moonfall", MOONFALL, folder)


def test_names_that_are_taken_or_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PluginError, match="the name of a game must be lower-case"):
        write("Moon Fall", MOONFALL, tmp_path / "a")
    info = tmp_path / "site" / "f2p_moonfall-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: f2p-moonfall\nVersion: 1\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    with pytest.raises(UsageError, match="a package f2p-moonfall is already installed") as caught:
        write("moonfall", MOONFALL, tmp_path / "a")
    assert "pip uninstall f2p-moonfall" in caught.value.remedy
    url = (tmp_path / "a").resolve().as_uri()
    (info / "direct_url.json").write_text(f'{{"url": "{url}", "dir_info": {{"editable": true}}}}')
    assert write("moonfall", MOONFALL, tmp_path / "a")


def test_features_are_those_of_the_drawing(drawing: ModuleType) -> None:
    assert {f for features in FEATURES.values() for f in features} == set(drawing.FEATURES)


@pytest.mark.parametrize("size", [(64, 64), (320, 240), (48, 96)])
def test_pictures_have_the_size_and_the_type(drawing: ModuleType, size: tuple[int, int]) -> None:
    picture = drawing.draw({}, size)
    assert (picture.shape, picture.dtype) == ((size[1], size[0], 3), np.uint8)


def test_every_feature_changes_the_picture(drawing: ModuleType) -> None:
    for feature in drawing.FEATURES:
        low, high = (drawing.draw({feature: v}, (128, 128)).astype(int) for v in (-1, 1))
        assert (np.abs(high - low).max(-1) >= 6).sum() >= 6, feature


def test_every_parameter_changes_the_picture(moonfall: Path, drawing: ModuleType) -> None:
    controls = importlib.import_module("f2p_moonfall.drawing.controls")
    layout = Layout.load(moonfall / "f2p_moonfall" / "hero.toml")

    def draw(**values: float | str) -> Any:
        character = layout.default().replace(**values)
        return drawing.draw(**controls.features(layout, character.values), size=(128, 128))

    usual = draw()
    for p in layout.continuous:
        far = p.low if p.scale(p.default) > 0.5 else p.high
        assert np.abs(draw(**{p.name: far}).astype(int) - usual).max() >= 6, p.name
    for slot in layout.discrete:
        pictures = {draw(**{slot.name: choice}).tobytes() for choice in slot.choices}
        assert len(pictures) == len(slot.choices), slot.name


@pytest.mark.slow
def test_faces_are_found_where_the_framing_says(moonfall: Path, drawing: ModuleType) -> None:
    dlib = pytest.importorskip("f2p_dlib.detector")
    controls = importlib.import_module("f2p_moonfall.drawing.controls")
    layout = Layout.load(moonfall / "f2p_moonfall" / "hero.toml")
    detect = dlib.DlibDetector().detect

    def faces(character: Any, side: int) -> Any:
        values = controls.features(layout, character.values)
        return detect(drawing.draw(**values, size=(side, side)))

    points = (faces(layout.default(), 512)[0].landmarks + 0.5) / 512
    mirrored = np.array((1, 0)) - points[[2, 3, 0, 1, 4]] * (1, -1)
    mean = (points + mirrored) / 2
    stated = np.array(Framing.load(moonfall / "f2p_moonfall" / "framing.toml").landmarks)
    eyes = np.linalg.norm(stated[:2].mean(0) - stated[2:4].mean(0))
    assert np.linalg.norm(mean - stated, axis=1).max() < 0.03 * eyes
    assert sum(bool(faces(layout.random(i), 256)) for i in range(20)) >= 19
