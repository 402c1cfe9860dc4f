"""Probing of an engine's meshes through the bridge, once per dataset."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from f2p_sdk.bridge import EngineInfo, Host, serve_engine
from f2p_sdk.mesh import FILE, Mesh, probe
from f2p_sdk.mesh.capture import capture_mesh

PASSES = ("color", "vertices", "attributes", "triangles")


class MeshEngine:
    """An engine of the toy game; ``passes`` are those that it offers."""

    def __init__(self, toy: ModuleType, passes: Sequence[str] = PASSES) -> None:
        self.toy, self.passes, self.drawn = toy, tuple(passes), 0

    def info(self) -> EngineInfo:
        layout = self.toy.LAYOUT
        return EngineInfo("toy", {"dome": layout.hash}, "fake", "1", 1024, self.passes)

    def render(
        self,
        kind: str,
        values: Mapping[str, float | str],
        size: tuple[int, int],
        passes: Sequence[str],
        scene: Mapping[str, Any],
    ) -> dict[str, Any]:
        self.drawn += 1
        meshes = self.toy.meshes(self.toy.LAYOUT.character(values), size[0])
        planes = {
            "color": np.zeros((size[1], size[0], 3), np.uint8),
            "vertices": meshes.vertices,
            "attributes": meshes.attributes,
            "triangles": meshes.triangles,
        }
        return {name: planes[name] for name in passes}

    def apply(self, kind: str, values: Mapping[str, float | str]) -> None:
        pass


@contextmanager
def host_of(engine: MeshEngine) -> Iterator[Host]:
    stop = threading.Event()
    layout = engine.toy.LAYOUT
    with Host(game="toy", layouts={"dome": layout.hash}, heartbeat=0.1) as host:
        thread = threading.Thread(
            target=serve_engine, args=(host.endpoint, engine), kwargs={"stop": stop}
        )
        thread.start()
        try:
            host.wait(10)
            yield host
        finally:
            stop.set()
            thread.join()


def test_a_dataset_is_probed_once(
    meshtoy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "RANDOM_CHARACTERS", 40)
    engine, progress = MeshEngine(meshtoy), []
    layout = meshtoy.LAYOUT
    with host_of(engine) as host:
        path = capture_mesh(layout, host, tmp_path, progress=lambda *at: progress.append(at))
        assert path == tmp_path / FILE
        drawn = engine.drawn
        assert capture_mesh(layout, host, tmp_path) == path
        assert engine.drawn == drawn
    assert progress[-1] == (drawn, drawn)
    mesh = Mesh.load(path, layout)
    assert len(mesh.body.rest) == len(meshtoy.FACE) + 4
    assert len(mesh.pieces) == 2


def test_an_engine_without_all_mesh_passes_is_not_probed(
    meshtoy: ModuleType, tmp_path: Path
) -> None:
    engine = MeshEngine(meshtoy, ("color", "vertices"))
    with host_of(engine) as host:
        assert capture_mesh(meshtoy.LAYOUT, host, tmp_path) is None
    assert engine.drawn == 0
    assert not (tmp_path / FILE).exists()
