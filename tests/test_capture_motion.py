"""What a dataset keeps of the engine's own account of its sliders' motion."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from f2p_sdk.bridge import EngineInfo, Host, serve_engine
from f2p_sdk.capture import capture_motion
from f2p_sdk.motion import FILE, Motion
from f2p_sdk.parameters import Continuous, Layout

LAYOUT = Layout("demo", "hero", (Continuous("jaw", "face", -1.0, 1.0), Continuous("nose", "nose")))
REST = np.random.default_rng(0).uniform(0.1, 0.9, (70, 2))  # shares of the picture


class Pointing:
    """An engine that offers the surface: the jaw moves all of them by a tenth of the picture."""

    def __init__(self, points: int, passes: Sequence[str] = ("color", "surface")) -> None:
        self.points, self.passes, self.drawn = points, tuple(passes), 0

    def info(self) -> EngineInfo:
        return EngineInfo("demo", {"hero": LAYOUT.hash}, "fake", "1", 1024, self.passes)

    def render(
        self,
        kind: str,
        values: Mapping[str, float | str],
        size: tuple[int, int],
        passes: Sequence[str],
        scene: Mapping[str, Any],
    ) -> dict[str, Any]:
        self.drawn += 1
        places = np.add(REST[: self.points], [0.1 * float(values["jaw"]), 0])
        return {
            "color": np.zeros((size[1], size[0], 3), np.uint8),
            "surface": (places * size - 0.5).astype(np.float32),
        }

    def apply(self, kind: str, values: Mapping[str, float | str]) -> None:
        pass


@contextmanager
def host_of(engine: Pointing) -> Iterator[Host]:
    stop = threading.Event()
    with Host(game="demo", layouts={"hero": LAYOUT.hash}, heartbeat=0.1) as host:
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


def test_asks_once(tmp_path: Path) -> None:
    engine = Pointing(70)
    with host_of(engine) as host:
        path = capture_motion(LAYOUT, host, tmp_path)
        assert path == tmp_path / FILE
        asked = engine.drawn
        assert asked <= 2 * 2 + 2
        assert capture_motion(LAYOUT, host, tmp_path) == path
        assert engine.drawn == asked
    motion = Motion.load(path, LAYOUT)
    assert np.allclose(motion.rest, REST * 2 - 1, atol=1e-5)
    assert np.allclose(motion.high[0], [0.2, 0], atol=1e-5)
    assert np.allclose(motion.low[0], [-0.2, 0], atol=1e-5)
    assert not np.abs(motion.high[1]).max() > 1e-5


def test_engines_that_do_not_tell_or_tell_too_little(tmp_path: Path) -> None:
    for engine in (Pointing(70, ["color"]), Pointing(5)):
        with host_of(engine) as host:
            assert capture_motion(LAYOUT, host, tmp_path) is None
    assert not list(tmp_path.iterdir())
