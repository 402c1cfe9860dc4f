"""Optimisers on problems with a known answer, without games, files or sockets."""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from f2p_sdk.errors import SearchError
from f2p_sdk.objective import Distance, Objective, Prior, Sample
from f2p_sdk.search import (
    Adam,
    GradientDescent,
    Optimiser,
    Problem,
    Space,
    minimise,
    search_choices,
)

SLIDERS, GROUPS = 6, (slice(6, 9), slice(9, 13))
SIZE = 13


def _start() -> Tensor:
    start = torch.full((SIZE,), 0.5)
    start[6:] = 0.0
    start[[6, 9]] = 1.0
    return start


def _space(*fixed: slice) -> Space:
    return Space.around(_start(), SLIDERS, GROUPS, fixed)


def _render(vector: Tensor, step: int) -> Tensor:
    """A picture of 4 x 4 whose pixels are a fixed, well-conditioned mix of the vector."""
    mix = torch.linalg.qr(torch.randn(48, SIZE, generator=torch.Generator().manual_seed(1)))[0]
    return (0.5 + (vector @ mix.T) * 0.3).reshape(-1, 3, 4, 4)


def _embed(picture: Tensor, step: int) -> Tensor:
    return picture.flatten(1)[None]


def _truth() -> Tensor:
    truth = _start()
    truth[:SLIDERS] = torch.tensor([0.1, 0.9, 0.3, 1.0, 0.0, 0.6])
    truth[6:] = 0.0
    truth[[8, 11]] = 1.0
    return truth


def _problem(space: Space, truth: Tensor | None = None) -> Problem:
    target = _embed(_render((_truth() if truth is None else truth)[None], 0), 0)[0]
    return Problem(space, Objective({"distance": (1.0, Distance(target))}), _render, _embed)


OPTIMISERS: dict[str, Optimiser] = {
    "slides": GradientDescent(steps=300, rate=4.0, sharpness=(1.0, 3.0)),
    "adam": Adam(steps=300, rate=0.05, logit_rate=0.3),
}


@pytest.mark.parametrize("name", sorted(OPTIMISERS))
def test_a_known_character_is_recovered(name: str) -> None:
    result = minimise(_problem(_space()), OPTIMISERS[name])
    assert torch.equal(result.vector[SLIDERS:], _truth()[SLIDERS:])
    torch.testing.assert_close(result.vector[:SLIDERS], _truth()[:SLIDERS], atol=0.02, rtol=0)


@pytest.mark.parametrize("name", sorted(OPTIMISERS))
def test_vectors_stay_valid_and_fixed_columns_never_move(name: str) -> None:
    fixed = (slice(1, 2), slice(4, 5), GROUPS[1])
    rendered: list[Tensor] = []

    def noted(vector: Tensor, step: int) -> Tensor:
        rendered.append(vector.detach())
        return _render(vector, step)

    problem = dataclasses.replace(_problem(_space(*fixed)), render=noted)
    result = minimise(problem, dataclasses.replace(OPTIMISERS[name], steps=30))
    vectors = torch.cat([*rendered, result.vector[None], result.relaxed[None]])
    assert len(rendered) == 30
    for columns in fixed:
        assert torch.equal(vectors[:, columns], _start()[columns].expand(len(vectors), -1))
    assert float(vectors[:, :SLIDERS].min()) >= 0.0
    assert float(vectors[:, :SLIDERS].max()) <= 1.0
    for group in GROUPS:
        torch.testing.assert_close(vectors[:, group].sum(1), torch.ones(len(vectors)))
    assert not torch.equal(result.vector[0:1], _start()[0:1])


@pytest.mark.parametrize("name", sorted(OPTIMISERS))
def test_the_result_is_the_best_step_of_the_history(name: str) -> None:
    problem = _problem(_space())
    result = minimise(problem, dataclasses.replace(OPTIMISERS[name], steps=30))
    assert len(result.history) == 30
    assert min(row["total"] for row in result.history) == pytest.approx(result.loss)
    assert float(problem.loss(result.relaxed[None]).total) == pytest.approx(result.loss, abs=1e-6)


def test_the_same_problem_gives_the_same_result() -> None:
    runs = [minimise(_problem(_space()), Adam(steps=5)) for _ in range(2)]
    assert torch.equal(runs[0].relaxed, runs[1].relaxed)


def test_gradient_descent_follows_the_slides_update() -> None:
    """x_t = x_(t-1) - rate dL/dx, then [0, 1]: compared with central differences."""
    problem = _problem(_space())
    rendered: list[Tensor] = []

    def noted(vector: Tensor, step: int) -> Tensor:
        rendered.append(vector.detach()[0])
        return _render(vector, step)

    minimise(
        dataclasses.replace(problem, render=noted), GradientDescent(steps=2, rate=0.7, every=1)
    )
    x = _start()[None]
    for i in (0, 3):
        nudge = torch.zeros(SIZE)
        nudge[i] = 1e-2
        up, down = (
            float(problem.loss(problem.space.relax(x + sign * nudge, 1.0)).total)
            for sign in (1, -1)
        )
        assert float(rendered[1][i]) == pytest.approx(
            float(x[0, i]) - 0.7 * (up - down) / 2e-2, abs=1e-4
        )


def test_schedules_follow_their_formulas() -> None:
    sliders, logits = torch.zeros(1, 2, requires_grad=True), torch.zeros(1, 3, requires_grad=True)
    rates: dict[str, list[list[float]]] = {}
    for name, optimiser in {
        "paper": GradientDescent(steps=12, rate=10.0, decay=0.8, every=5),
        "adam": Adam(steps=12, rate=0.1, logit_rate=0.3, floor=0.1),
    }.items():
        torch_optimiser, schedule = optimiser.build(sliders, logits)
        rates[name] = []
        for _ in range(12):
            rates[name].append([group["lr"] for group in torch_optimiser.param_groups])
            torch_optimiser.step()
            schedule.step()
    assert [row[0] for row in rates["paper"]] == pytest.approx(
        [10.0 * 0.8 ** (step // 5) for step in range(12)]
    )
    wave = [0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * step / 12)) for step in range(12)]
    assert [row[0] for row in rates["adam"]] == pytest.approx([0.1 * w for w in wave])
    assert [row[1] for row in rates["adam"]] == pytest.approx([0.3 * w for w in wave])


def test_a_broken_loss_is_an_error_that_names_step_and_term() -> None:
    def broken(vector: Tensor, step: int) -> Tensor:
        return _render(vector, step) * (float("nan") if step == 2 else 1.0)

    problem = dataclasses.replace(_problem(_space()), render=broken)
    with pytest.raises(SearchError, match=r"step 2 is not a finite number \(from distance"):
        minimise(problem, Adam(steps=5))


def test_a_finite_loss_with_a_broken_gradient_is_an_error() -> None:
    class Kink:
        reads: ClassVar[frozenset[str]] = frozenset({"vector"})

        def __call__(self, sample: Sample, /) -> Tensor:
            return (sample.vector[:, 0] - 0.5).abs().sqrt()  # infinite slope at the start

    problem = Problem(_space(), Objective({"kink": (1.0, Kink())}), _render)
    with pytest.raises(SearchError, match="gradient at step 0"):
        minimise(problem, Adam(steps=5))


def test_the_prior_alone_leads_back_to_its_mean() -> None:
    mean = torch.tensor([0.1, 0.9, 0.2, 0.8, 0.3, 0.7])
    problem = Problem(_space(), Objective({"prior": (1.0, Prior(mean))}), _render)
    result = minimise(problem, Adam(steps=200, rate=0.05))
    torch.testing.assert_close(result.vector[:SLIDERS], mean, atol=0.02, rtol=0)


def test_the_choice_search_finds_the_best_choices_and_leaves_fixed_ones() -> None:
    def score(vectors: Tensor) -> Tensor:
        return (vectors - _truth()).abs().sum(1)

    start = _start()
    found = search_choices(_space(), start, score)
    assert torch.equal(found.vector[SLIDERS:], _truth()[SLIDERS:])
    assert found.score == pytest.approx(float(score(found.vector[None])[0]))
    kept = search_choices(_space(GROUPS[0]), start, score).vector
    assert torch.equal(kept[GROUPS[0]], start[GROUPS[0]])
    assert torch.equal(kept[GROUPS[1]], _truth()[GROUPS[1]])


def test_the_choice_search_tries_the_shortlist_of_a_ranking() -> None:
    def score(vectors: Tensor) -> Tensor:
        return (vectors - _truth()).abs().sum(1)

    start = _start()
    ranking = torch.linspace(0, 1, SIZE)  # the last choice of each group ranks highest: 8 and 12
    short = search_choices(_space(), start, score, ranking=ranking, limit=1)
    assert torch.equal(short.vector[GROUPS[0]], _truth()[GROUPS[0]])
    assert torch.equal(short.vector[GROUPS[1]], start[GROUPS[1]])
    assert int(torch.isinf(short.ranking).sum()) == SIZE - SLIDERS - 2 * len(GROUPS)
    found = search_choices(_space(), start, score)
    for group in GROUPS:
        assert int(found.ranking[group].argmax()) == int(_truth()[group].argmax())
    again = search_choices(_space(), start, score, ranking=found.ranking, limit=1)
    assert torch.equal(again.vector, found.vector)
