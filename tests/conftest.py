"""The toy game installed, the command run in this process, and an empty user folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from f2p_toy import HERE, LAYOUTS, draw_face, face_of_photo

ENTRY = "[f2p]\ntoy = f2p_toy\n"


@pytest.fixture(scope="session")
def toy_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Installation folder of the toy game: its entry point and weights of an exact imitator."""
    home = tmp_path_factory.mktemp("toy home")
    info = home / "f2p_toy-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: f2p-toy\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY)
    from f2p_sdk.weights import imitator_card, save_weights

    network_of = _toy_network()
    for kind, layout in LAYOUTS.items():
        network = network_of(layout.size).eval()
        card = imitator_card(network, layout, training={}, figures={}, licence="none")
        save_weights(home / f"{kind}.safetensors", network.state_dict(), card, half=False)
    return home


def _toy_network() -> Callable[..., Any]:
    """Return the class of an imitator that draws the toy engine's pictures without training."""
    # Imported here: most tests do without torch.
    import torch
    from torch import Tensor

    from f2p_sdk.networks.imitator import Imitator, register

    @register
    class ToyImitator(Imitator):
        name = "toy"

        def __init__(self, dimension: int) -> None:
            super().__init__(dimension, 64, {})
            self.register_buffer("photo", torch.from_numpy(face_of_photo(64)))
            self.hair = torch.nn.Parameter(torch.zeros(3))

        def forward(self, vector: Tensor) -> Tensor:
            bald = torch.cat([vector[:, :4], vector[:, 4:] * self.hair], 1)
            return draw_face(bald, 64, self.photo)

    return ToyImitator


@pytest.fixture
def toy(toy_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install the toy game for this process and for engine processes."""
    for folder in (HERE, toy_home):
        monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("F2P_TOY", str(toy_home))
    path = [str(HERE), str(toy_home), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))
    from f2p_sdk import plugins

    plugins.manager.cache_clear()
    yield
    plugins.manager.cache_clear()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty user folder, and a plugin manager without loaded objects."""
    from f2p_sdk import plugins

    folder = tmp_path / "home of somebody"
    monkeypatch.setenv("F2P_HOME", str(folder))
    plugins.manager.cache_clear()
    return folder


class Outcome:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err
        # rich wraps nothing here, but a path may be long: one line is easier to search.
        self.text = " ".join((out + err).split())


Run = Callable[..., Outcome]


@pytest.fixture
def f2p(toy: None, capfd: pytest.CaptureFixture[str]) -> Run:
    """Function that runs a command in this process and returns its exit code and output."""
    from f2p_sdk.cli import app

    def run(*arguments: object) -> Outcome:
        with pytest.raises(SystemExit) as ended:
            app.main([str(a) for a in arguments])
        code = ended.value.code
        outcome = Outcome(code if isinstance(code, int) else 0, *capfd.readouterr())
        assert "Traceback" not in outcome.text
        return outcome

    return run
