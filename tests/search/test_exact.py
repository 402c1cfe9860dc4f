"""Exact method: least squares on pictures recovers the vector that drew them."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from f2p_sdk.search import Exact, Space
from f2p_sdk.search.exact.gauss_newton import Model, Point
from f2p_sdk.search.exact.normal_equations import NormalEquations

SIDE = 24
GROUPS = (slice(5, 9), slice(9, 12))
START = torch.tensor([0.5, 0.5, 0.5, 0.5, 0.5, 1.0, 0, 0, 0, 1.0, 0, 0])
SPACE = Space.around(START, 5, GROUPS)
COLOURS = torch.tensor([[0.9, 0.2, 0.2], [0.2, 0.9, 0.2], [0.2, 0.2, 0.9], [0.8, 0.8, 0.1]])
SHAPES = torch.tensor([0.7, 1.0, 1.4])
TRUE = torch.tensor([0.2, 0.85, 0.7, 0.35, 0.6, 0.0, 0, 1, 0, 0.0, 1, 0])
SMALL = Exact(grids=(32, 64), trials=3, refreshed=2)


def draw(vectors: Tensor) -> Tensor:
    """(B, 12) to (B, SIDE * SIDE * 3): a spot.

    Sliders: place (0, 1), size (2), brightness (3), background (4). Choices: colour, shape.
    """
    line = torch.arange(SIDE) / (SIDE - 1)
    y, x = torch.meshgrid(line, line, indexing="ij")
    at = 0.35 + 0.3 * vectors[:, :2, None, None]
    size = (0.15 + 0.1 * vectors[:, 2])[:, None, None]
    shape = (vectors[:, 9:] @ SHAPES)[:, None, None]
    distance = ((x - at[:, 0]) / (size * shape)) ** 2 + ((y - at[:, 1]) * shape / size) ** 2
    spot = torch.exp(-distance)[..., None]
    colour = (vectors[:, 5:9] @ COLOURS) * (0.5 + 0.5 * vectors[:, 3:4])
    behind = 0.3 * vectors[:, 4, None, None, None]
    return (spot * colour[:, None, None, :] + (1 - spot) * behind).flatten(start_dim=1)


def solve(space: Space, true: Tensor = TRUE, exact: Exact = SMALL) -> tuple[Tensor, Tensor]:
    """The found vector, and every vector that was drawn."""
    drawn: list[Tensor] = []

    def noted(vectors: Tensor) -> Tensor:
        drawn.append(vectors.clone())
        return draw(vectors)

    found = exact.solve(space, lambda cells: (draw(true[None])[0], noted))
    assert len(found.losses) == len(exact.grids)
    return found.vector, torch.cat(drawn)


def test_sliders_and_choices_are_recovered() -> None:
    vector, drawn = solve(SPACE)
    torch.testing.assert_close(vector[5:], TRUE[5:])
    torch.testing.assert_close(vector[:5], TRUE[:5], atol=0.02, rtol=0)
    assert float(drawn.min()) >= 0
    assert float(drawn.max()) <= 1
    for group in GROUPS:
        assert torch.equal(drawn[:, group].sum(dim=1), torch.ones(len(drawn)))


def test_fixed_sliders_and_groups_stay() -> None:
    vector, drawn = solve(Space.around(START, 5, GROUPS, [slice(1, 2), GROUPS[0]]))
    for columns in (slice(1, 2), GROUPS[0]):
        assert torch.equal(drawn[:, columns], START[columns].expand(len(drawn), -1))
    assert not torch.equal(vector, START)


def test_a_character_without_choices_or_with_fixed_ones_is_solved() -> None:
    start = torch.cat([START[:5], TRUE[5:]])
    vector, _ = solve(Space.around(start, 5, GROUPS, GROUPS))
    torch.testing.assert_close(vector, TRUE, atol=0.01, rtol=0)


def test_the_start_stays_if_it_is_the_answer() -> None:
    vector, _ = solve(Space.around(TRUE, 5, GROUPS))
    torch.testing.assert_close(vector, TRUE, atol=1e-3, rtol=0)


def test_the_loss_never_rises_from_round_to_round() -> None:
    target = draw(TRUE[None])[0]
    exact = dataclasses.replace(SMALL, grids=(32, 32, 32))
    losses = exact.solve(SPACE, lambda cells: (target, draw)).losses
    assert list(losses) == sorted(losses, reverse=True)


@pytest.mark.parametrize("refreshed", [0, 1])
def test_a_refreshed_jacobian_finds_a_choice_that_reverses_a_slider(refreshed: int) -> None:
    """A bar that the slider moves right; with the other choice it is wider and moves left."""
    line = torch.linspace(0, 1, 64)

    def bar(vectors: Tensor) -> Tensor:
        other = vectors[:, 2:3]
        place = 0.3 + 0.4 * torch.where(other > 0.5, 1 - vectors[:, :1], vectors[:, :1])
        return torch.exp(-(((line - place) / (0.12 + 0.05 * other)) ** 2))

    start, true = torch.tensor([0.5, 1.0, 0.0]), torch.tensor([0.85, 0.0, 1.0])
    exact = Exact(grids=(64, 64), reach=1e9, refreshed=refreshed)
    found = exact.solve(
        Space.around(start, 1, (slice(1, 3),)), lambda cells: (bar(true[None])[0], bar)
    )
    assert bool(found.vector[2]) is (refreshed > 0)
    if refreshed:
        torch.testing.assert_close(found.vector, true, atol=0.02, rtol=0)


def test_cells_that_flip_get_a_low_weight() -> None:
    """Half of the cells jump when the sliders move a little, as pixels along edges do."""
    line = torch.linspace(0, 1, 300)
    shades = torch.stack([torch.sin(3 * line), torch.cos(5 * line)])

    def picture(vectors: Tensor) -> Tensor:
        edges = 0.05 * torch.sign(torch.sin(400 * vectors.sum(dim=1, keepdim=True) + 90 * line))
        return torch.cat([0.05 * vectors @ shades, edges], dim=1)

    start, true = torch.tensor([0.5, 0.5]), torch.tensor([0.62, 0.41])
    point = Point(start, picture(start[None])[0])
    model = Model.around(
        point,
        picture(true[None])[0],
        picture,
        torch.arange(2),
        difference=0.05,
        noise=1.0,
        gain=0.02,
    )
    assert float(model.variance[300:].mean()) > 100 * float(model.variance[:300].mean())
    found, _ = model.descend(point, 8)
    torch.testing.assert_close(found.vector, true, atol=0.02, rtol=0)


def test_the_jacobian_is_that_of_autograd() -> None:
    point = Point(START, draw(START[None])[0])
    model = Model.around(
        point, point.picture, draw, torch.arange(5), difference=1e-3, noise=1.0, gain=0.02
    )
    exact = torch.autograd.functional.jacobian(lambda v: draw(v[None])[0], START)
    torch.testing.assert_close(model.jacobian, exact[:, :5].T, atol=2e-3, rtol=0.02)


def test_normal_equations_respect_the_box() -> None:
    """Two sliders; the unbounded optimum of the first lies outside, and the second takes over."""
    jacobian = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])
    weight = torch.full((3,), 1e6)
    inside = NormalEquations(
        jacobian, torch.tensor([0.2, 0.1, 0.3]), weight, torch.tensor([0.5, 0.5])
    )
    torch.testing.assert_close(inside.step(), torch.tensor([0.2, 0.1]), atol=1e-4, rtol=0)
    outside = NormalEquations(
        jacobian, torch.tensor([0.9, 0.1, 1.0]), weight, torch.tensor([0.5, 0.5])
    )
    first, second = outside.step().tolist()
    assert first == pytest.approx(0.5)
    assert second == pytest.approx(0.3, abs=1e-4)  # least squares of the rest


def test_predicted_cost_lets_the_sliders_follow() -> None:
    """A change that the sliders can undo costs nothing; another one keeps its square."""
    jacobian = torch.tensor([[1.0, 0.0, 0.0]])
    equations = NormalEquations(
        jacobian, torch.zeros(3), torch.full((3,), 1e6), torch.tensor([0.5])
    )
    undone, kept = equations.predict(torch.tensor([[0.1, 0.0, 0.0], [0.0, 0.1, 0.0]])).tolist()
    assert undone < 1.0
    assert kept == pytest.approx(1e6 * 0.01)
