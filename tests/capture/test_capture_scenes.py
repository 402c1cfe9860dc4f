"""Data sets with random scenes and further passes."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from f2p_toy import HERO
from PIL import Image

from f2p_sdk.capture import Job, capture, random_scene, read_manifest, read_planes, read_records
from f2p_sdk.capture.scenes import ASPECTS, check_aspects
from f2p_sdk.errors import DatasetError, UsageError
from f2p_sdk.testing import SCENE, pattern

from .test_datasets import COUNT, SHARD, SIZE, engines, handler, shards

VARY, PASSES = ("background", "pose"), ("depth", "labels", "landmarks")


def draw(folder: Path, count: int = COUNT, **options: Any) -> None:
    options = {"vary": VARY, "passes": PASSES, "size": SIZE, "shard_size": SHARD, **options}
    with engines(handler()) as host, Job(HERO, count, folder, **options) as job:
        job.run(host)


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    draw(folder)
    return folder


def scenes(folder: Path) -> list[Any]:
    found = []
    for path in sorted(folder.glob("*.tar")):
        with tarfile.open(path) as archive:
            for name in sorted(n for n in archive.getnames() if n.endswith(".json")):
                found.append(json.load(archive.extractfile(name)).get("scene"))  # type: ignore[arg-type]
    return found


def test_every_record_is_drawn_in_its_scene(complete: Path) -> None:
    found = scenes(complete)
    assert found == [random_scene(i, 0, VARY) for i in range(COUNT)]
    assert len({json.dumps(scene) for scene in found}) == COUNT
    assert all(set(scene) == {"yaw", "pitch", "background"} for scene in found)
    for (_, values, png), scene in zip(read_records(complete), found, strict=True):
        drawn = {**values, "scene": json.dumps(scene, sort_keys=True)}
        with Image.open(io.BytesIO(png)) as picture:
            assert np.array_equal(np.asarray(picture), pattern(drawn, (SIZE, SIZE)))


def test_every_record_has_the_kept_planes(complete: Path) -> None:
    with tarfile.open(complete / "000001.tar") as archive:
        names = archive.getnames()[:5]
    ends = ("png", "labels.png", "landmarks.npy", "depth.npy", "json")
    assert names == [f"00000010.{end}" for end in ends]
    numbers = []
    for (number, planes), (_, _, png) in zip(
        read_planes(complete), read_records(complete), strict=True
    ):
        with Image.open(io.BytesIO(png)) as picture:
            color = np.asarray(picture)
        assert np.array_equal(planes["labels"], color[:, :, 0] % 11)
        assert planes["labels"].dtype == np.uint8
        assert np.array_equal(planes["depth"], color[:, :, 1].astype(np.float32))
        assert planes["landmarks"].shape == (73, 3)
        numbers.append(number)
    assert numbers == list(range(COUNT))


@pytest.mark.parametrize("cut", [1, 600, 1536, 2100, 5000, 9000, 12000])
def test_an_incomplete_record_is_drawn_again_with_the_same_bytes(
    complete: Path, tmp_path: Path, cut: int
) -> None:
    for path in complete.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    path = tmp_path / "000002.tar"
    path.write_bytes(path.read_bytes()[:-cut])
    draw(tmp_path)
    assert shards(tmp_path) == shards(complete)


def test_without_options_there_are_no_scenes_and_planes(tmp_path: Path) -> None:
    draw(tmp_path / "a", 3, vary=(), passes=())
    with engines(handler()) as host:
        capture(HERO, host, 3, tmp_path / "b", size=SIZE, shard_size=SHARD)
    assert shards(tmp_path / "a") == shards(tmp_path / "b")
    assert scenes(tmp_path / "a") == [None] * 3
    assert [planes for _, planes in read_planes(tmp_path / "a")] == [{}] * 3


@pytest.mark.parametrize("change", [{"vary": ("pose",)}, {"passes": ()}, {"passes": ("labels",)}])
def test_different_options_are_an_error(complete: Path, change: dict[str, Any]) -> None:
    options = {"vary": VARY, "passes": PASSES, **change}
    with pytest.raises(DatasetError, match=f"has a data set with {next(iter(change))} "):
        Job(HERO, COUNT, complete, size=SIZE, shard_size=SHARD, **options)
    manifest = read_manifest(complete)
    assert (manifest.vary, manifest.passes) == ("pose,background", "labels,landmarks,depth")


def test_unknown_names_are_errors(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'weather' cannot be varied"):
        Job(HERO, 1, tmp_path, vary=("weather",))
    with pytest.raises(UsageError, match="'vertices' cannot be kept"):
        Job(HERO, 1, tmp_path, passes=("vertices",))
    assert check_aspects(["light", "pose", "light"]) == ("pose", "light")


def test_aspects_are_independent_of_each_other() -> None:
    every = [random_scene(i, 3, tuple(ASPECTS)) for i in range(200)]
    for aspect in ASPECTS:
        alone = [random_scene(i, 3, (aspect,)) for i in range(200)]
        assert all(scene.items() <= all_.items() for scene, all_ in zip(alone, every, strict=True))
    assert {setting for scene in every for setting in scene} == SCENE
    assert np.ptp([scene["yaw"] for scene in every]) > 50
    assert random_scene(1, 3, ("pose",)) != random_scene(1, 4, ("pose",))
