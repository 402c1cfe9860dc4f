"""Probing of an engine's meshes through the bridge, once per dataset."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import f2p_toy_mesh
import pytest
from f2p_toy import HERO, KINDS, Engine

from f2p_sdk.bridge import Host, serve_engine
from f2p_sdk.mesh import FILE, Mesh, probe
from f2p_sdk.mesh.capture import capture_mesh

PASSES = ("color", "vertices", "attributes", "triangles")


@contextmanager
def host_of(engine: Engine) -> Iterator[Host]:
    stop = threading.Event()
    with Host(game="toy", layouts=KINDS, heartbeat=0.1) as host:
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


def test_a_dataset_is_probed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "RANDOM_CHARACTERS", 40)
    engine, progress = Engine(PASSES), []
    with host_of(engine) as host:
        path = capture_mesh(HERO, host, tmp_path, progress=lambda *at: progress.append(at))
        assert path == tmp_path / FILE
        drawn = engine.drawn
        assert capture_mesh(HERO, host, tmp_path) == path
        assert engine.drawn == drawn
    assert progress[-1] == (drawn, drawn)
    mesh = Mesh.load(path, HERO)
    assert len(mesh.body.rest) == len(f2p_toy_mesh.FACE) + 4
    assert len(mesh.pieces) == 2


def test_an_engine_without_all_mesh_passes_is_not_probed(tmp_path: Path) -> None:
    engine = Engine(("color", "vertices"))
    with host_of(engine) as host:
        assert capture_mesh(HERO, host, tmp_path) is None
    assert engine.drawn == 0
    assert not (tmp_path / FILE).exists()
