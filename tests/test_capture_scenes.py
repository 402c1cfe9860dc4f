"""Datasets of varied scenes and with more than colour."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from f2p_sdk.capture import Job, capture, random_scene, read_manifest, read_planes, read_records
from f2p_sdk.capture.vary import ASPECTS, read_aspects
from f2p_sdk.errors import DatasetError, UsageError
from f2p_sdk.testing import SCENE, pattern

from .test_capture import COUNT, LAYOUT, SHARD, SIZE, engines, handler, shards

VARY, PASSES = ("background", "pose"), ("depth", "labels", "landmarks")


def draw(folder: Path, count: int = COUNT, **options: Any) -> None:
    options = {"vary": VARY, "passes": PASSES, "size": SIZE, "shard_size": SHARD, **options}
    with engines(handler()) as host, Job(LAYOUT, count, folder, **options) as job:
        job.run(host)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("varied")
    draw(folder)
    return folder


def scenes(folder: Path) -> list[Any]:
    found = []
    for path in sorted(folder.glob("*.tar")):
        with tarfile.open(path) as archive:
            for name in sorted(n for n in archive.getnames() if n.endswith(".json")):
                found.append(json.load(archive.extractfile(name)).get("scene"))  # type: ignore[arg-type]
    return found


def test_every_record_has_its_scene_and_is_drawn_in_it(whole: Path) -> None:
    found = scenes(whole)
    assert found == [random_scene(i, 0, VARY) for i in range(COUNT)]
    assert len({json.dumps(scene) for scene in found}) == COUNT
    assert all(set(scene) == {"yaw", "pitch", "background"} for scene in found)
    for (_, values, png), scene in zip(read_records(whole), found, strict=True):
        told = {**values, "scene": json.dumps(scene, sort_keys=True)}
        with Image.open(io.BytesIO(png)) as picture:
            assert np.array_equal(np.asarray(picture), pattern(told, (SIZE, SIZE)))


def test_every_record_has_its_planes(whole: Path) -> None:
    with tarfile.open(whole / "000001.tar") as archive:
        names = archive.getnames()[:5]
    ends = ("png", "labels.png", "landmarks.npy", "depth.npy", "json")
    assert names == [f"00000010.{end}" for end in ends]
    numbers = []
    for (number, planes), (_, _, png) in zip(read_planes(whole), read_records(whole), strict=True):
        with Image.open(io.BytesIO(png)) as picture:
            color = np.asarray(picture)
        assert np.array_equal(planes["labels"], color[:, :, 0] % 11)
        assert planes["labels"].dtype == np.uint8
        assert np.array_equal(planes["depth"], color[:, :, 1].astype(np.float32))
        assert planes["landmarks"].shape == (73, 3)
        numbers.append(number)
    assert numbers == list(range(COUNT))


@pytest.mark.parametrize("cut", [1, 600, 1536, 2100, 5000, 9000, 12000])
def test_a_torn_record_is_drawn_again_to_the_same_bytes(
    whole: Path, tmp_path: Path, cut: int
) -> None:
    for path in whole.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    path = tmp_path / "000002.tar"
    path.write_bytes(path.read_bytes()[:-cut])
    draw(tmp_path)
    assert shards(tmp_path) == shards(whole)


def test_without_options_it_is_as_before(tmp_path: Path) -> None:
    draw(tmp_path / "a", 3, vary=(), passes=())
    with engines(handler()) as host:
        capture(LAYOUT, host, 3, tmp_path / "b", size=SIZE, shard_size=SHARD)
    assert shards(tmp_path / "a") == shards(tmp_path / "b")
    assert scenes(tmp_path / "a") == [None] * 3
    assert [planes for _, planes in read_planes(tmp_path / "a")] == [{}] * 3


@pytest.mark.parametrize("change", [{"vary": ("pose",)}, {"passes": ()}, {"passes": ("labels",)}])
def test_other_options_are_another_dataset(whole: Path, change: dict[str, Any]) -> None:
    options = {"vary": VARY, "passes": PASSES, **change}
    with pytest.raises(DatasetError, match=f"holds a dataset of {next(iter(change))} "):
        Job(LAYOUT, COUNT, whole, size=SIZE, shard_size=SHARD, **options)
    manifest = read_manifest(whole)
    assert (manifest.vary, manifest.passes) == ("pose,background", "labels,landmarks,depth")


def test_names_that_are_not_known(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'weather' cannot be varied"):
        Job(LAYOUT, 1, tmp_path, vary=("weather",))
    with pytest.raises(UsageError, match="'vertices' cannot be kept"):
        Job(LAYOUT, 1, tmp_path, passes=("vertices",))
    assert read_aspects(["light", "pose", "light"]) == ("pose", "light")


def test_aspects_do_not_change_each_other() -> None:
    every = [random_scene(i, 3, tuple(ASPECTS)) for i in range(200)]
    for aspect in ASPECTS:
        alone = [random_scene(i, 3, (aspect,)) for i in range(200)]
        assert all(scene.items() <= all_.items() for scene, all_ in zip(alone, every, strict=True))
    assert {setting for scene in every for setting in scene} == SCENE
    assert np.ptp([scene["yaw"] for scene in every]) > 50
    assert random_scene(1, 3, ("pose",)) != random_scene(1, 4, ("pose",))
