"""Recipes hang together: names, terms, stages, and the commands that offer them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from f2p_sdk.cli import fit as fit_command
from f2p_sdk.cli.evaluate import fit as evaluate_command
from f2p_sdk.objective import Parsed, Sample
from f2p_sdk.parsing.network import CLASSES
from f2p_sdk.pipeline.appearance import Appearance
from f2p_sdk.pipeline.flow import Tools, find
from f2p_sdk.pipeline.recipes import (
    ABLATIONS,
    FEATURES,
    PLACED,
    PORTRAIT,
    RECIPES,
    SEEN,
    Recipe,
    recipe,
)
from f2p_sdk.pipeline.report import Clock
from f2p_sdk.pipeline.stages import Release, Restart, Search, Settle, Solve, TryChoices
from f2p_sdk.pipeline.targets import Goal, objective_of
from f2p_sdk.search import Adam, GradientDescent, LeastSquares, Space

torch.set_num_threads(1)
START = torch.tensor([0.5, 0.5, 1.0, 0.0, 0.0])
SPACE = Space.around(START, 2, [slice(2, 5)])
LOOK = Appearance(torch.full((3, 4, 4), 0.5), torch.ones(4, 4))
PARSED = Parsed((torch.rand(1, 2, 8, 8),), torch.softmax(torch.rand(1, 3, 4, 4), 1))
GOAL = Goal(torch.ones(2, 4), LOOK, (PARSED, torch.ones(3), torch.ones(3)))
REGULARISERS = ("prior", "choices", "departure")
ALL = {**RECIPES, **ABLATIONS}


def test_the_commands_offer_every_recipe() -> None:
    assert set(fit_command.METHODS) == set(RECIPES)
    assert set(evaluate_command.METHODS) == set(ALL)
    assert not set(RECIPES) & set(ABLATIONS)


def test_classes_are_the_parsers() -> None:
    assert set(SEEN) == set(PLACED) == {*CLASSES} - {"background"}
    assert set(FEATURES) < set(SEEN)


@pytest.mark.parametrize("name", sorted(ALL))
def test_every_term_is_known_and_every_stage_has_a_name_of_its_own(name: str) -> None:
    plan = ALL[name]
    names = [stage.name for stage in plan.stages]
    assert len(set(names)) == len(names)
    assert not {"photo", "verify", "total", "start"} & set(names)
    weights = [plan.weights, *(s.weights for s in plan.stages if not isinstance(s, Search))]
    sample = Sample(START[None], torch.rand(1, 3, 8, 8), torch.rand(1, 1, 4), PARSED)
    for some in weights:
        loss = objective_of(plan, SPACE, GOAL, some)(sample)
        assert set(loss.terms) == {term for term, weight in some.items() if weight}
        assert torch.isfinite(loss.total).all()
        blind = objective_of(plan, SPACE, Goal(GOAL.target, LOOK), some)
        assert set(blind(sample).terms) == set(loss.terms) - {"content", "parts"}
        assert "parsed" not in blind.reads


def test_ablations_are_the_best_method_less_some_terms() -> None:
    best = RECIPES["best"].weights
    explained = ABLATIONS["explained"]
    assert explained.weights == best
    assert [s for s in explained.stages if s in RECIPES["best"].stages] == [*RECIPES["best"].stages]
    assert len(explained.stages) == len(RECIPES["best"].stages) + 1
    for name, plan in ABLATIONS.items():
        if plan is explained:
            continue
        assert plan.weights.items() < best.items(), name
        assert [s.name for s in plan.stages] == [s.name for s in RECIPES["best"].stages]
    assert set(best) - set(ABLATIONS["no-prior"].weights) == {"prior"}
    for name, terms in (("content-only", {"content", "parts"}), ("identity-only", {"distance"})):
        plan = ABLATIONS[name]
        for stage in plan.stages:
            weights = {**plan.weights, **(stage.weights if isinstance(stage, TryChoices) else {})}
            likeness = {term for term, weight in weights.items() if weight} - set(REGULARISERS)
            assert likeness == terms, f"{name}, {stage.name}"
    assert "distance" not in ABLATIONS["content-only"].weights
    assert not {"content", "parts"} & set(ABLATIONS["identity-only"].weights)


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_steps_stretch_all_searches_alike(name: str) -> None:
    whole = [s.optimiser.steps for s in RECIPES[name].stages if isinstance(s, Search)]
    twice = [s.optimiser.steps for s in recipe(name, 2 * whole[0]).stages if isinstance(s, Search)]
    assert twice == [2 * steps for steps in whole]
    few = [s.optimiser.steps for s in recipe(name, 1).stages if isinstance(s, Search)]
    assert min(few) == few[0] == 1


def test_the_slides_numbers_are_the_slides() -> None:
    (stage,) = RECIPES["slides"].stages
    assert isinstance(stage, Search)
    assert isinstance(stage.optimiser, GradientDescent)
    assert (stage.optimiser.rate, stage.optimiser.steps, stage.optimiser.decay) == (10.0, 10, 1.0)
    assert RECIPES["slides"].weights == {"identity": 1.0, "content": 1.0}
    assert not stage.engine


def test_the_papers_numbers_are_the_papers() -> None:
    (stage,) = RECIPES["paper"].stages
    assert isinstance(stage, Search)
    optimiser = stage.optimiser
    assert isinstance(optimiser, GradientDescent)
    assert (optimiser.rate, optimiser.steps) == (10.0, 50)
    assert (optimiser.decay, optimiser.every) == (0.8, 5)
    assert optimiser.sharpness == (100.0, 100.0)
    assert RECIPES["paper"].weights == {"identity": 0.01, "content": 1.0}
    assert not stage.engine


def test_stages_go_on_from_where_the_last_one_ended_and_use_the_engine_as_told() -> None:
    """Three stages on a picture of one colour: sliders by two of them, the choice by the third."""
    drawn: list[np.ndarray[Any, Any]] = []

    def draw(vectors: torch.Tensor) -> torch.Tensor:
        colour = torch.stack(
            [vectors[:, 0], vectors[:, 1], vectors[:, 2:] @ torch.tensor([0.1, 0.5, 0.9])], dim=1
        )
        return colour[:, :, None, None].expand(-1, -1, 8, 8)

    def engine(vectors: torch.Tensor, size: int, scenes: Any) -> torch.Tensor:
        assert list(scenes) == [{}] * len(vectors)
        drawn.extend(vectors.numpy())
        return draw(vectors)

    plan = Recipe(
        "test",
        (
            Search("one", Adam(steps=3, rate=0.02)),
            TryChoices("two"),
            Search("three", Adam(steps=200, rate=0.02), engine=True),
        ),
        {"colour": 1.0},
        strictness=1.0,
    )
    goal = Goal(
        torch.ones(1, 4),
        Appearance(torch.tensor([0.2, 0.7, 0.9])[:, None, None].expand(3, 4, 4), torch.ones(4, 4)),
    )
    views: Any = lambda pictures, step: pictures.new_zeros(1, len(pictures), 4)  # noqa: E731
    tools = Tools(draw, views, views, SimpleNamespace(tensor=engine), 8)  # type: ignore[arg-type]
    found = find(plan, SPACE, goal, tools, 0, Clock())
    assert list(found.candidates) == ["start", "one", "two", "three"]
    assert found.final == "three"
    one, two, three = (found.candidates[name] for name in ("one", "two", "three"))
    assert torch.equal(one[2:], START[2:])
    assert torch.equal(two[:2], one[:2])
    assert two[2:].tolist() == [0.0, 0.0, 1.0]
    assert torch.equal(three[2:], two[2:])
    torch.testing.assert_close(three[:2], torch.tensor([0.2, 0.7]), atol=0.02, rtol=0)
    # The first search never asks the engine; choices and the last search do, with hard choices.
    assert len(drawn) == 3 + 200
    assert all(sorted(vector[2:]) == [0.0, 0.0, 1.0] for vector in drawn)
    assert {name: len(rows) for name, rows in found.losses.items()} == {"one": 3, "three": 200}


@pytest.mark.parametrize("with_engine", [True, False])
def test_what_the_game_drew_is_solved_for(with_engine: bool) -> None:
    """By the engine where there is one; the imitator here draws too dark."""
    asked: list[int] = []

    def draw(vectors: torch.Tensor) -> torch.Tensor:
        colour = torch.stack(
            [vectors[:, 0], vectors[:, 1], vectors[:, 2:] @ torch.tensor([0.1, 0.5, 0.9])], dim=1
        )
        return colour[:, :, None, None].expand(-1, -1, 8, 8)

    def imitator(vectors: torch.Tensor) -> torch.Tensor:
        return draw(vectors) * (0.8 if with_engine else 1.0)

    def engine(vectors: torch.Tensor, size: int, scenes: Any) -> torch.Tensor:
        assert list(scenes) == [{}] * len(vectors)
        asked.append(size)
        return draw(vectors)

    stages = (
        Solve("far", LeastSquares(move=0.25, trials=2), grid=2),
        Restart("again", LeastSquares(caution=0.1), grid=4, above=1.0),
        Release("release", ((2, LeastSquares(caution=0.1)),), ends=0.1, above=0.0),
        Solve("near", LeastSquares(caution=0.1, trials=2), grid=4, rounds=2),
        Settle("settle", ((4, LeastSquares(trials=2)), (2, LeastSquares())), above=1.0),
    )
    plan = Recipe("test", stages, {"colour": 1.0}, exact=True)
    goal = Goal(
        torch.ones(1, 4),
        Appearance(torch.tensor([0.2, 0.7, 0.9])[:, None, None].expand(3, 4, 4), torch.ones(4, 4)),
    )
    views: Any = lambda pictures, step: pictures.new_zeros(1, len(pictures), 4)  # noqa: E731
    drawing: Any = SimpleNamespace(tensor=engine) if with_engine else None
    told: list[tuple[str, int]] = []
    clock = Clock(lambda stage, done, total: told.append((stage, done)))
    found = find(plan, SPACE, goal, Tools(imitator, views, views, drawing, 8), 0, clock)
    assert list(found.candidates) == ["start", "far", "near"]  # no new beginning was called for
    near = found.candidates["near"]
    assert near[2:].tolist() == [0.0, 0.0, 1.0]
    torch.testing.assert_close(near[:2], torch.tensor([0.2, 0.7]), atol=0.01, rtol=0)
    rounds = {name: len(rows) for name, rows in found.losses.items()}
    assert rounds == {"far": 1, "again": 1, "release": 1, "near": 2, "settle": 1}
    assert bool(asked) is with_engine
    assert told[-1] == ("settle", 1)  # near enough: one look, nothing tried
    assert dict(told)["near"] > 5


def test_the_games_own_pictures_are_compared_ever_finer() -> None:
    grids = [stage.grid for stage in PORTRAIT.stages if isinstance(stage, Solve)]
    assert grids == sorted(grids)
    assert grids[-1] == PORTRAIT.grid
    assert len({stage.name for stage in PORTRAIT.stages}) == len(PORTRAIT.stages)
