"""The engine draws repeatable pictures, and every parameter of the layout changes them."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from f2p_openhead.engine import Engine, RenderError
from panda3d.core import GraphicsEngine, RenderState

from f2p_sdk import Layout

SIZE = 256
# A pixel is changed if one channel differs by this much of 255, which is visible side by side.
VISIBLE = 6


def _picture(engine: Engine, values: dict[str, float | str], size: int = SIZE) -> np.ndarray:
    return engine.render(values, size).astype(np.int16)


@pytest.mark.slow
def test_render_states_do_not_accumulate(engine: Engine, layout: Layout) -> None:
    """An engine may run for days, so no picture may leak a render state."""
    characters = [dict(layout.random(k, seed=6).values) for k in range(6)]
    for character in characters:
        engine.render(character, 64)
    before = RenderState.getNumStates()
    for character in characters * 2:
        engine.render(character, 64)
    assert RenderState.getNumStates() <= before + 2


def test_too_many_opengl_errors_raise(engine: Engine, layout: Layout) -> None:
    """After twenty OpenGL errors Panda3D moves vertices, but keeps old shader inputs."""
    values = layout.default().values
    good = engine.render(values, 64)
    states = [window.getGsg() for window in GraphicsEngine.getGlobalPtr().getWindows()]
    for state in states:
        state.setActive(False)
    try:
        with pytest.raises(RenderError, match="drawing has stopped"):
            engine.render(values, 64)
    finally:
        for state in states:
            state.setActive(True)
    assert (engine.render(values, 64) == good).all()


def test_only_regions_are_cleared(engine: Engine, layout: Layout) -> None:
    """A buffer's own clear fails on NVIDIA's driver: EGL buffers have no front side."""
    engine.draw(layout.default().values, 64, ("color", "labels", "depth"))
    for window in GraphicsEngine.getGlobalPtr().getWindows():
        assert not window.isAnyClearActive()


@pytest.mark.slow
def test_every_slider_visibly_changes_the_picture(engine: Engine, layout: Layout) -> None:
    characters = [dict(layout.random(k, seed=5).values) for k in range(3)]
    invisible = []
    for parameter in layout.continuous:
        most = 0
        for character in characters:
            low = _picture(engine, {**character, parameter.name: parameter.low})
            high = _picture(engine, {**character, parameter.name: parameter.high})
            most = max(most, int((np.abs(low - high).max(-1) >= VISIBLE).sum()))
            if most >= 12:
                break
        if most < 12:
            invisible.append((parameter.name, most))
    assert not invisible


@pytest.mark.slow
def test_every_two_choices_differ_visibly(engine: Engine, layout: Layout) -> None:
    character = {**layout.default().values, "lipstick_style": "matte"}
    for slot in layout.discrete:
        if slot.name == "lipstick_style":
            character = {**character, "lipstick_colour": "cherry", "lip_shine": 20.0}
        pictures = [_picture(engine, {**character, slot.name: choice}) for choice in slot.choices]
        for a in range(len(pictures)):
            for b in range(a):
                changed = int((np.abs(pictures[a] - pictures[b]).max(-1) >= VISIBLE).sum())
                assert changed >= 12, (slot.name, slot.choices[a], slot.choices[b], changed)


def test_outline_is_symmetric(engine: Engine, layout: Layout) -> None:
    # The light is not symmetric, so compare only the outline of a bald head.
    bald = _picture(engine, {**layout.default().values, "hairstyle": "shaved"})
    corner = bald[0, 0]
    inside = np.abs(bald - corner).max(-1) > 12
    assert (inside != inside[:, ::-1]).mean() < 0.01


@pytest.mark.parametrize("size", [64, (320, 240), 1024])
def test_picture_sizes(engine: Engine, layout: Layout, size: int | tuple[int, int]) -> None:
    picture = engine.render(layout.default().values, size)
    width, height = (size, size) if isinstance(size, int) else size
    assert picture.shape == (height, width, 3)
    assert picture.dtype == np.uint8
    assert picture.std() > 20


@pytest.mark.parametrize("size", [0, 15, 1025, (512, 4000)])
def test_size_out_of_range_raises(
    engine: Engine, layout: Layout, size: int | tuple[int, int]
) -> None:
    with pytest.raises(RenderError, match="must be 16 to 1024"):
        engine.render(layout.default().values, size)


@pytest.mark.slow
def test_same_bytes_in_another_process(engine: Engine, layout: Layout, rigs: Path) -> None:
    character = dict(layout.random(3, seed=1).values)
    engine.render(layout.random(4, seed=1).values, 128)  # must not influence the next picture
    here = hashlib.sha256(engine.render(character, 128).tobytes()).hexdigest()
    program = (
        "import hashlib, json, sys; from pathlib import Path; from f2p_sdk import Layout\n"
        "from f2p_openhead.engine import Engine; from f2p_openhead.rig import load_rig\n"
        "from f2p_openhead.head import build_head\n"
        "rigs = Path(sys.argv[1]); head = build_head()\n"
        "layout = Layout.load(rigs / 'female.toml')\n"
        "engine = Engine(load_rig(rigs / 'female.rig.toml', layout, head), head)\n"
        "print(hashlib.sha256(engine.render(json.loads(sys.argv[2]), 128).tobytes()).hexdigest())\n"
    )
    there = subprocess.run(
        [sys.executable, "-c", program, str(rigs), json.dumps(character)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert there.stdout.split()[-1] == here
