"""Methods: names, terms, stages, and the commands that offer them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from f2p_sdk.cli import fit as fit_command
from f2p_sdk.cli.evaluate import fit as evaluate_command
from f2p_sdk.objective import Located, Parsed, Sample
from f2p_sdk.parsing.network import CLASSES
from f2p_sdk.pipeline import ABLATIONS, METHODS
from f2p_sdk.pipeline.beard import PhotoBeard
from f2p_sdk.pipeline.colours import CellColours
from f2p_sdk.pipeline.expression import NeutralFace
from f2p_sdk.pipeline.hair import PhotoHair
from f2p_sdk.pipeline.method import Context, Method, State
from f2p_sdk.pipeline.methods import FEATURES, PARTS, method
from f2p_sdk.pipeline.report import Clock
from f2p_sdk.pipeline.stages import ChoiceSearch, ExactSolve, GradientSearch
from f2p_sdk.pipeline.targets import Targets
from f2p_sdk.search import Adam, Exact, Space

START = torch.tensor([0.5, 0.5, 1.0, 0.0, 0.0])
SPACE = Space.around(START, 2, [slice(2, 5)])
COLOURS = CellColours(torch.full((3, 4, 4), 0.5), torch.ones(4, 4))
PARSED = Parsed((torch.rand(1, 2, 8, 8),), torch.softmax(torch.rand(1, 3, 4, 4), 1))
LOCATED = Located(torch.rand(1, 6, 3), torch.rand(1, 4))
FACE = NeutralFace(
    *(torch.rand(6, 3), torch.ones(6), torch.zeros(2), torch.tensor([0, 1]), 0.0),
    *(torch.rand(6, 3), torch.zeros(6, 3), {}),
)
BEARD = PhotoBeard(np.ones((64, 64)), np.ones((64, 64), bool), np.zeros((5, 2)))
TARGETS = Targets(
    torch.ones(2, 4),
    COLOURS,
    parsed=(PARSED, torch.ones(3), torch.ones(3)),
    face=FACE,
    hair=PhotoHair(np.array((40.0, 5.0, 10.0)), np.zeros((1, 16, 16)), np.ones((16, 16)), BEARD),
    hair_class=2,
)
REGULARISERS = {"prior", "entropy", "choice_prior"}
ALL = {**METHODS, **ABLATIONS}
SHADES = torch.tensor([0.1, 0.5, 0.9])


def draw(vectors: Tensor) -> Tensor:
    """(B, 5) to one colour each: red and green by sliders, blue by the choice."""
    colour = torch.stack([vectors[:, 0], vectors[:, 1], vectors[:, 2:] @ SHADES], dim=1)
    return colour[:, :, None, None].expand(-1, -1, 8, 8)


def context(colour: Tensor, engine: Any = None, imitator: Any = draw, **changes: Any) -> Context:
    """A fit of a picture of one colour (3,)."""
    cells = CellColours(colour[:, None, None].expand(3, 4, 4), torch.ones(4, 4))
    embed: Any = lambda pictures, step: pictures.new_zeros(1, len(pictures), 4)  # noqa: E731
    return Context(
        SPACE,
        Targets(torch.ones(1, 4), cells, strictness=1.0),
        {"colour": 1.0},
        colour[None, :, None, None].expand(1, 3, 8, 8),
        imitator,
        embed,
        embed,
        engine,
        8,
        **changes,
    )


def test_the_commands_offer_every_method() -> None:
    assert set(fit_command.METHODS) == set(METHODS)
    assert set(evaluate_command.METHODS) == set(ALL)
    assert all(name == one.name for name, one in ALL.items())


def test_class_weights_name_the_parsers_classes() -> None:
    assert set(PARTS) == {*CLASSES} - {"background"}
    assert set(FEATURES) < set(PARTS)


@pytest.mark.parametrize("name", sorted(ALL))
def test_every_term_exists_and_stages_have_distinct_names(name: str) -> None:
    plan = ALL[name]
    names = [stage.name for stage in plan.stages]
    assert len(set(names)) == len(names)
    assert not {"photo", "verify", "total", "start"} & set(names)
    sample = Sample(START[None], torch.rand(1, 3, 8, 8), torch.rand(1, 1, 4), PARSED, LOCATED)
    for changes in ({}, *(stage.weights for stage in plan.stages)):
        weights = {**plan.weights, **changes}
        loss = TARGETS.objective(SPACE, weights)(sample)
        assert set(loss.terms) == {term for term, weight in weights.items() if weight}
        assert torch.isfinite(loss.total).all()
        without = Targets(TARGETS.embeddings, COLOURS).objective(SPACE, weights)
        assert set(without(sample).terms) == set(loss.terms) - {
            *("content", "parts", "hair_colour", "landmarks", "leak")
        }
        assert "parsed" not in without.reads


@pytest.mark.parametrize(
    ("name", "likeness"),
    [
        ("identity-only", {"distance"}),
        ("parts-only", {"parts"}),
        ("both", {"distance", "parts"}),
    ],
)
def test_ablations_use_their_terms_alone_in_every_stage(name: str, likeness: set[str]) -> None:
    plan = ABLATIONS[name]
    assert [s.name for s in plan.stages] == [s.name for s in METHODS["best"].stages]
    for stage in plan.stages:
        weights = {**plan.weights, **stage.weights}
        used = {term for term, weight in weights.items() if weight} - REGULARISERS
        assert used <= likeness
        assert used, stage.name
    assert plan.weights.items() < METHODS["best"].weights.items()


@pytest.mark.parametrize("name", sorted({*METHODS} - {"exact"}))
def test_steps_scale_all_gradient_searches_alike(name: str) -> None:
    whole = [stage.steps for stage in METHODS[name].stages]
    first = next(steps for steps in whole if steps)
    twice = [stage.steps for stage in method(name, 2 * first).stages]
    assert twice == [2 * steps for steps in whole]
    few = [stage.steps for stage in method(name, 1).stages if stage.steps]
    assert min(few) == few[0] == 1


def test_a_method_without_gradient_steps_ignores_steps() -> None:
    assert method("exact", 5).stages == METHODS["exact"].stages


def test_stages_continue_from_each_other_and_draw_by_the_engine_where_set() -> None:
    """Three stages on a picture of one colour: sliders by two of them, the choice by the third."""
    drawn: list[np.ndarray[Any, Any]] = []

    def engine(vectors: Tensor, size: int, scenes: Any) -> Tensor:
        assert list(scenes) == [{}] * len(vectors)
        drawn.extend(vectors.numpy())
        return draw(vectors)

    plan = Method(
        "test",
        "three stages",
        (
            GradientSearch(name="one", optimiser=Adam(steps=3, rate=0.02)),
            ChoiceSearch(name="two"),
            GradientSearch(name="three", optimiser=Adam(steps=200, rate=0.02), engine=True),
        ),
        {"colour": 1.0},
    )
    state = plan.run(context(torch.tensor([0.2, 0.7, 0.9]), SimpleNamespace(tensor=engine)))
    assert list(state.candidates) == ["start", "one", "two", "three"]
    one, two, three = (state.candidates[name] for name in ("one", "two", "three"))
    assert torch.equal(state.vector, three)
    assert torch.equal(one[2:], START[2:])
    assert torch.equal(two[:2], one[:2])
    assert two[2:].tolist() == [0.0, 0.0, 1.0]
    assert torch.equal(three[2:], two[2:])
    torch.testing.assert_close(three[:2], torch.tensor([0.2, 0.7]), atol=0.02, rtol=0)
    # The engine draws hard choices only, and only from the second stage on.
    assert all(sorted(vector[2:]) == [0.0, 0.0, 1.0] for vector in drawn)
    assert all(np.array_equal(vector[:2], one[:2].numpy()) for vector in drawn[:3])
    assert {name: len(rows) for name, rows in state.losses.items()} == {"one": 3, "three": 200}


@pytest.mark.parametrize("settled", [(), (slice(2, 5),)])
def test_a_search_over_choices_keeps_settled_groups(settled: tuple[slice, ...]) -> None:
    state = State(START, START, {}, settled=settled)
    found = ChoiceSearch(name="choices").run(context(torch.tensor([0.2, 0.7, 0.9])), state)
    assert torch.equal(found.vector, START) == bool(settled)


@pytest.mark.parametrize("with_engine", [True, False])
def test_the_exact_stage_solves_for_the_engines_picture(with_engine: bool) -> None:
    """With an engine, its pictures count: the imitator here draws too dark."""
    sizes: list[int] = []

    def engine(vectors: Tensor, size: int, scenes: Any) -> Tensor:
        sizes.append(size)
        return draw(vectors)

    def imitator(vectors: Tensor) -> Tensor:
        return draw(vectors) * (0.8 if with_engine else 1.0)

    progress: list[tuple[str, int]] = []
    clock = Clock(lambda stage, done, total: progress.append((stage, done)))
    plan = Method(
        "test",
        "one stage",
        (ExactSolve(name="solve", solver=Exact(grids=(2, 4))),),
        {},
    )
    drawing = SimpleNamespace(tensor=engine) if with_engine else None
    state = plan.run(context(torch.tensor([0.2, 0.7, 0.9]), drawing, imitator, clock=clock))
    assert state.vector[2:].tolist() == [0.0, 0.0, 1.0]
    torch.testing.assert_close(state.vector[:2], torch.tensor([0.2, 0.7]), atol=0.01, rtol=0)
    assert bool(sizes) is with_engine
    assert progress[-1][1] > 5
