"""Optimisers on problems whose answer is known, without games, files or sockets."""

from __future__ import annotations

import dataclasses
import itertools
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
    improve_choices,
    minimise,
)

torch.set_num_threads(1)
SLIDERS, SLOTS = 6, (slice(6, 9), slice(9, 13))
SIZE = 13


def _start() -> Tensor:
    start = torch.full((SIZE,), 0.5)
    start[6:] = 0.0
    start[[6, 9]] = 1.0
    return start


def _space(*held: slice) -> Space:
    return Space.around(_start(), SLIDERS, SLOTS, held)


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
def test_a_known_character_is_found_again(name: str) -> None:
    result = minimise(OPTIMISERS[name], _problem(_space()))
    assert result.status == "finished"
    assert torch.equal(result.vectors[0, SLIDERS:], _truth()[SLIDERS:])
    torch.testing.assert_close(result.vectors[0, :SLIDERS], _truth()[:SLIDERS], atol=0.02, rtol=0)


@pytest.mark.parametrize("name", sorted(OPTIMISERS))
def test_held_sliders_and_choices_never_move(name: str) -> None:
    held = (slice(1, 2), slice(4, 5), SLOTS[1])
    problem = _problem(_space(*held))
    optimiser = OPTIMISERS[name]
    state = optimiser.init(problem, candidates=3, spread=0.2, seed=5)
    for _ in range(20):
        state = optimiser.step(problem, state)
        for vectors in (state.best, problem.space.relax(state.x, 1.0)):
            for columns in held:
                assert torch.equal(vectors[:, columns], _start()[columns].expand(3, -1))
    result = optimiser.result(problem, state)
    assert result.status == "stopped"
    for columns in held:
        assert torch.equal(result.vectors[:, columns], _start()[columns].expand(3, -1))
    assert not torch.equal(result.vectors[0, 0:1], _start()[0:1])


@pytest.mark.parametrize("name", sorted(OPTIMISERS))
def test_vectors_are_valid_at_every_step_and_the_best_never_gets_worse(name: str) -> None:
    problem, optimiser = _problem(_space()), OPTIMISERS[name]
    state = optimiser.init(problem)
    assert torch.equal(problem.space.harden(state.best)[0], _start())
    last = float("inf")
    for _ in range(30):
        state = optimiser.step(problem, state)
        vector = problem.space.relax(state.x, 2.0)
        assert float(vector[:, :SLIDERS].min()) >= 0.0
        assert float(vector[:, :SLIDERS].max()) <= 1.0
        for slot in SLOTS:
            torch.testing.assert_close(vector[:, slot].sum(1), torch.ones(1))
        assert float(state.best_loss[0]) <= last
        last = float(state.best_loss[0])
    assert len(state.history) == 30
    assert min(row["total"] for row in state.history) == pytest.approx(last)


def test_a_step_leaves_the_old_state_alone_and_can_be_repeated() -> None:
    problem, optimiser = _problem(_space()), Adam(steps=10)
    states = list(
        itertools.accumulate(
            range(5),
            lambda s, _: optimiser.step(problem, s),
            initial=optimiser.init(problem, seed=3),
        )
    )
    again = optimiser.step(problem, states[2])
    assert torch.equal(again.x, states[3].x)
    assert again.step == 3
    with pytest.raises(dataclasses.FrozenInstanceError):
        states[0].step = 7  # type: ignore[misc]


def test_same_seed_same_answer_other_seed_other_start() -> None:
    problem = _problem(_space())
    runs = [
        minimise(Adam(steps=5), problem, candidates=3, spread=0.1, seed=seed) for seed in (1, 1, 2)
    ]
    assert torch.equal(runs[0].vectors, runs[1].vectors)
    assert not torch.equal(runs[0].vectors, runs[2].vectors)
    assert runs[0].losses.tolist() == sorted(runs[0].losses.tolist())


def test_plain_descent_is_the_slides_update() -> None:
    """x_t = x_(t-1) - eta dL/dx, then [0, 1]: against a derivative taken by differences."""
    problem = _problem(_space())
    optimiser = GradientDescent(steps=2, rate=0.7)
    state = optimiser.init(problem)
    after = optimiser.step(problem, state).x[0]
    for i in (0, 3, 7, 12):
        nudge = torch.zeros(SIZE)
        nudge[i] = 1e-2
        up, down = (
            float(problem.loss(problem.space.relax(state.x + s * nudge, 1.0)).total[0])
            for s in (1, -1)
        )
        assert float(after[i]) == pytest.approx(
            float(state.x[0, i]) - 0.7 * (up - down) / 2e-2, abs=1e-4
        )


def test_broken_gradients_are_an_error_that_names_the_term() -> None:
    def broken(vector: Tensor, step: int) -> Tensor:
        return _render(vector, step) * (float("nan") if step == 2 else 1.0)

    problem = dataclasses.replace(_problem(_space()), render=broken)
    with pytest.raises(SearchError, match=r"step 2 is not a finite number \(from distance"):
        minimise(Adam(steps=5), problem)


def test_a_finite_loss_with_a_broken_gradient_is_an_error_too() -> None:
    class Kink:
        reads: ClassVar[frozenset[str]] = frozenset({"vector"})

        def __call__(self, sample: Sample, /) -> Tensor:
            return (sample.vector[:, 0] - 0.5).abs().sqrt()  # at the start: 0, slope infinite

    problem = Problem(_space(), Objective({"kink": (1.0, Kink())}), _render)
    with pytest.raises(SearchError, match="gradient at step 0"):
        minimise(Adam(steps=5), problem)


def test_the_prior_alone_leads_back_to_the_average() -> None:
    prior = Objective({"prior": (1.0, Prior(_start()[:SLIDERS]))})
    problem = Problem(_space(), prior, _render)
    result = minimise(Adam(steps=200, rate=0.05), problem, candidates=2, spread=0.5, seed=1)
    torch.testing.assert_close(
        result.vectors[:, :SLIDERS], _start()[:SLIDERS].expand(2, -1), atol=0.02, rtol=0
    )


def test_local_search_finds_the_choices_and_leaves_held_ones() -> None:
    def score(vectors: Tensor) -> Tensor:
        return (vectors - _truth()).abs().sum(1)

    start = _start()
    found = improve_choices(_space(), start, score, rounds=2)
    best, value = found.vector, found.score
    assert torch.equal(best[SLIDERS:], _truth()[SLIDERS:])
    assert value == pytest.approx(float(score(best[None])[0]))
    tried: list[int] = []

    def counting(vectors: Tensor) -> Tensor:
        tried.append(len(vectors))
        return score(vectors)

    ranking = torch.linspace(0, 1, SIZE)  # ranks the last of each slot highest: 8 and 12
    short = improve_choices(_space(), start, counting, ranking=ranking, limit=1).vector
    assert tried == [1, 1, 1]
    assert torch.equal(short[SLOTS[0]], _truth()[SLOTS[0]])
    assert torch.equal(short[SLOTS[1]], start[SLOTS[1]])
    kept = improve_choices(_space(SLOTS[0]), start, score).vector
    assert torch.equal(kept[SLOTS[0]], start[SLOTS[0]])
    assert torch.equal(kept[SLOTS[1]], _truth()[SLOTS[1]])
    # an earlier call's ranking puts the best choice of each slot first
    for slot in SLOTS:
        assert int(found.ranking[slot].argmax()) == int(_truth()[slot].argmax())
    again = improve_choices(_space(), start, score, ranking=found.ranking, limit=1)
    assert torch.equal(again.vector, best)
    assert int(torch.isinf(again.ranking).sum()) == SIZE - SLIDERS - 2 * len(SLOTS)
