"""Gradients of the terms reach every slider and every choice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from f2p_sdk import plugins
from f2p_sdk.objective import Colour, Content, Distance, Identity, Objective, Parts, Sample
from f2p_sdk.parsing.picture_parser import PictureParser
from f2p_sdk.pipeline.methods import PARTS
from f2p_sdk.pipeline.renderers import open_imitator


@pytest.mark.slow
@pytest.mark.parametrize("name", ["justice/female", "justice/male"])
def test_every_number_receives_a_gradient(name: str) -> None:
    kind = plugins.game(name)
    if not any(Path(path).is_file() for path in kind.weights.values()):
        pytest.skip("no weights are shipped")
    layout = kind.layout
    imitator, _ = open_imitator(kind)
    recognizer = plugins.recognizer("dlib")
    landmarks = torch.from_numpy(kind.framing.pixels(256)).float()
    reader = None
    if plugins.usable(plugins.parsers()):
        reader = PictureParser(plugins.parser())

    def sample_of(vector: torch.Tensor) -> Sample:
        picture = imitator(vector)
        parsed = None if reader is None else reader(picture)
        return Sample(vector, picture, recognizer.embed(picture, landmarks)[None], parsed)

    with torch.no_grad():  # the photo: another character's picture
        photo = sample_of(torch.from_numpy(layout.encode(layout.random(3)))[None])
    assert photo.embedding is not None
    assert photo.picture is not None
    cells = torch.nn.functional.adaptive_avg_pool2d(photo.picture[0], 32)
    parts = {
        "identity": (1.0, Identity(photo.embedding[0])),
        "distance": (1.0, Distance(photo.embedding[0])),
        "colour": (1.0, Colour(cells, torch.ones(32, 32))),
    }
    if reader is not None and photo.parsed is not None:
        classes = reader.class_weights(PARTS)
        parts["content"] = (1.0, Content.of(photo.parsed, classes))
        parts["parts"] = (1.0, Parts(photo.parsed.probabilities, classes))
    start = torch.from_numpy(layout.encode(layout.default()))
    for slot in layout.slots:  # relaxed, as a search begins
        start[slot] = torch.softmax(start[slot], dim=0)
    vector = start[None].requires_grad_()
    loss = Objective(parts)(sample_of(vector)).total.sum()  # type: ignore[arg-type]
    (gradient,) = torch.autograd.grad(loss, vector)
    numbers = gradient[0].abs().numpy()
    sliders = numbers[: layout.n_continuous]
    dead = [p.name for p, g in zip(layout.continuous, sliders, strict=True) if g < 1e-7]
    assert not dead
    for discrete, slot in zip(layout.discrete, layout.slots, strict=True):
        # of each slot, every choice is told apart from the others
        assert np.ptp(gradient[0, slot].numpy()) > 1e-6, discrete.name
        assert (numbers[slot] > 1e-9).all(), discrete.name
