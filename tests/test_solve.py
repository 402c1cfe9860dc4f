"""Least squares on pictures finds what drew them, choices and all."""

from __future__ import annotations

import functools

import pytest
import torch
from torch import Tensor

from f2p_sdk.search import LeastSquares, Space, release, restart, settle
from f2p_sdk.search.normal import Normal

SIDE = 24
SLOTS = (slice(5, 9), slice(9, 12))
START = torch.tensor([0.5, 0.5, 0.5, 0.5, 0.5, 1.0, 0, 0, 0, 1.0, 0, 0])
SPACE = Space.around(START, 5, SLOTS)
COLOURS = torch.tensor([[0.9, 0.2, 0.2], [0.2, 0.9, 0.2], [0.2, 0.2, 0.9], [0.8, 0.8, 0.1]])
FORMS = torch.tensor([0.7, 1.0, 1.4])
TRUE = torch.tensor([0.2, 0.85, 0.7, 0.35, 0.6, 0.0, 0, 1, 0, 0.0, 1, 0])


def draw(vectors: Tensor) -> Tensor:
    """A spot: place (0, 1), size (2), light (3), the background's light (4); choices of its colour
    and of whether it is wide or high. (B, 12) to (B, SIDE * SIDE * 3)."""
    line = torch.arange(SIDE) / (SIDE - 1)
    y, x = torch.meshgrid(line, line, indexing="ij")
    at = 0.35 + 0.3 * vectors[:, :2, None, None]
    size = (0.15 + 0.1 * vectors[:, 2])[:, None, None]
    form = (vectors[:, 9:] @ FORMS)[:, None, None]
    away = ((x - at[:, 0]) / (size * form)) ** 2 + ((y - at[:, 1]) * form / size) ** 2
    spot = torch.exp(-away)[..., None]
    colour = (vectors[:, 5:9] @ COLOURS) * (0.5 + 0.5 * vectors[:, 3:4])
    behind = 0.3 * vectors[:, 4, None, None, None]
    return (spot * colour[:, None, None, :] + (1 - spot) * behind).flatten(start_dim=1)


def _solve(space: Space, rounds: int, method: LeastSquares) -> tuple[Tensor, list[float]]:
    vector, losses = space.start, []
    target = draw(TRUE[None])[0]
    for _ in range(rounds):
        solved = method.round(space, vector, target, draw)
        vector = solved.vector
        losses.append(solved.loss)
    return vector, losses


def test_finds_sliders_and_choices() -> None:
    vector, losses = _solve(SPACE, 4, LeastSquares(trials=3, caution=1.0))
    assert losses == sorted(losses, reverse=True)
    torch.testing.assert_close(vector[5:], TRUE[5:])
    torch.testing.assert_close(vector[:5], TRUE[:5], atol=0.02, rtol=0)


def test_choices_stay_where_none_are_tried() -> None:
    vector, _ = _solve(SPACE, 2, LeastSquares())
    assert torch.equal(vector[5:], START[5:])


def test_what_is_held_stays() -> None:
    held = Space.around(START, 5, SLOTS, [slice(1, 2), slice(5, 9)])
    vector, losses = _solve(held, 3, LeastSquares(trials=3))
    assert vector[1] == 0.5
    assert torch.equal(vector[5:9], START[5:9])
    assert losses[-1] > 1e-4  # it cannot be drawn so
    alone = Space.around(START, 5, SLOTS, [slice(0, 5), *SLOTS])
    assert torch.equal(_solve(alone, 1, LeastSquares(trials=3))[0], START)


@pytest.mark.parametrize("move", [0.25, 0.06])
def test_a_picture_that_is_there_already_is_left_as_it_is(move: float) -> None:
    solved = LeastSquares(move=move, trials=3).round(SPACE, TRUE, draw(TRUE[None])[0], draw)
    assert torch.equal(solved.vector[5:], TRUE[5:])
    assert solved.loss == pytest.approx(0, abs=1e-9)


def test_sliders_never_leave_the_box() -> None:
    asked: list[Tensor] = []

    def noted(vectors: Tensor) -> Tensor:
        asked.append(vectors)
        return draw(vectors)

    far = draw(TRUE[None])[0] * 3 - 1  # nothing draws that
    LeastSquares(trials=3).round(SPACE, START, far, noted)
    every = torch.cat(asked)
    assert float(every.min()) >= 0
    assert float(every.max()) <= 1
    assert torch.equal(every[:, 5:9].sum(dim=1), torch.ones(len(every)))


@pytest.mark.parametrize("anew", [0, 1])
def test_what_a_slider_does_may_depend_on_the_choice(anew: int) -> None:
    """A bar that the slider moves to the right; of the other choice it is wider, and goes left: a
    look from there tells it, or the first step, which is in vain."""
    line = torch.linspace(0, 1, 64)

    def bar(vectors: Tensor) -> Tensor:
        other = vectors[:, 2:3]
        place = 0.3 + 0.4 * torch.where(other > 0.5, 1 - vectors[:, :1], vectors[:, :1])
        return torch.exp(-(((line - place) / (0.12 + 0.05 * other)) ** 2))

    start, true = torch.tensor([0.5, 1.0, 0.0]), torch.tensor([0.85, 0.0, 1.0])
    space, target = Space.around(start, 1, (slice(1, 3),)), bar(true[None])[0]
    method = LeastSquares(trials=1, anew=anew, caution=0.1)
    solved = method.round(space, start, target, bar)
    assert solved.vector[2] == 1
    assert float(solved.vector[0]) > 0.65


@pytest.mark.parametrize("both", [False, True])
def test_a_slider_that_does_nothing_where_it_is_is_looked_at_further_off(both: bool) -> None:
    """Grey begins at the middle: below it the slider changes nothing."""
    line = torch.linspace(0, 1, 32)

    def hair(vectors: Tensor) -> Tensor:
        return (vectors - 0.5).clamp(min=0) * (1 + line)

    start, true = torch.tensor([0.2]), torch.tensor([0.9])
    space, target = Space.around(start, 1, ()), hair(true[None])[0]
    vector = start
    for _ in range(3):
        vector = LeastSquares(both=both).round(space, vector, target, hair).vector
    torch.testing.assert_close(vector, true, atol=0.02, rtol=0)


def test_places_that_flip_do_not_hide_shades() -> None:
    """Half of the places jump whenever the sliders move a little, as pixels along edges do."""
    line = torch.linspace(0, 1, 300)
    shades = torch.stack([torch.sin(3 * line), torch.cos(5 * line)])

    def picture(vectors: Tensor) -> Tensor:
        edges = 0.05 * torch.sign(torch.sin(400 * vectors.sum(dim=1, keepdim=True) + 90 * line))
        return torch.cat([0.05 * vectors @ shades, edges], dim=1)

    start, true = torch.tensor([0.5, 0.5]), torch.tensor([0.62, 0.41])
    space, target = Space.around(start, 2, ()), picture(true[None])[0]
    found = {
        both: LeastSquares(both=both).round(space, start, target, picture).vector
        for both in (False, True)
    }
    off = {both: float((vector - true).abs().max()) for both, vector in found.items()}
    assert off[True] < 0.3 * off[False]


@pytest.mark.parametrize("pairs", [False, True])
def test_two_choices_that_act_in_the_same_places_are_tried_together(pairs: bool) -> None:
    """Lips: bare or painted, and a colour, of which bare ones show nothing. Painted in the colour
    that is chosen they look worse than bare."""
    line = torch.linspace(0, 1, 40)
    colours = torch.tensor([-1.0, 0.6])

    def lips(vectors: Tensor) -> Tensor:
        paint = vectors[:, 2:3] * (vectors[:, 3:] @ colours)[:, None]
        return 0.2 * vectors[:, :1] * line + 0.3 * paint * torch.exp(-((line - 0.5) ** 2) / 0.02)

    start = torch.tensor([0.5, 1.0, 0.0, 1.0, 0.0])
    true = torch.tensor([0.6, 0.0, 1.0, 0.0, 1.0])
    space = Space.around(start, 1, (slice(1, 3), slice(3, 5)))
    method = LeastSquares(trials=2, pairs=pairs)
    vector = method.round(space, start, lips(true[None])[0], lips).vector
    assert torch.equal(vector[1:], true[1:]) is pairs


def test_begins_anew_where_a_wrong_choice_was_made_up_for() -> None:
    """A red spot, green in the target; its sliders are where they make the best of that."""
    target = draw(TRUE[None])[0]
    stuck = LeastSquares().round(SPACE, START, target, draw)
    method = LeastSquares(move=0.25, caution=1.0)
    again = restart(method, SPACE, stuck.vector, target, draw)
    assert again.loss < 0.2 * stuck.loss
    assert torch.equal(again.vector[5:9], TRUE[5:9])
    assert torch.equal(again.vector[9:], START[9:])  # the slot that shows less waits
    left = restart(method, SPACE, stuck.vector, target, draw, above=2 * stuck.loss)
    assert torch.equal(left.vector, stuck.vector)
    held = Space.around(START, 5, SLOTS, SLOTS)
    assert torch.equal(restart(method, held, stuck.vector, target, draw).vector, stuck.vector)


def test_what_sticks_to_an_end_is_let_go() -> None:
    """Waves look alike a wave further on: from its low end the slider went down, not up."""
    line = torch.linspace(0, 1, 48)

    def waves(vectors: Tensor) -> Tensor:
        shift = 8 * vectors[:, :1] + vectors[:, 1:2]
        return 0.5 + 0.3 * torch.sin(9 * line - shift) + 0.2 * vectors[:, 1:2] * line

    start, true = torch.tensor([0.02, 0.5]), torch.tensor([0.62, 0.4])
    space, target = Space.around(start, 2, ()), waves(true[None])[0]
    method = LeastSquares(move=0.05, caution=0.1)
    stuck = method.round(space, start, target, waves)
    assert float(stuck.vector[0]) < 0.05
    rounds = [(method, target, waves)] * 3
    found = release(rounds, space, stuck.vector, 0.06)
    assert found.loss < 1e-3 * stuck.loss
    torch.testing.assert_close(found.vector, true, atol=0.02, rtol=0)
    for left in (
        release(rounds, space, stuck.vector, 0.06, above=2 * stuck.loss),  # near enough
        release(rounds, space, stuck.vector, 0.0),  # nothing sticks
        release(rounds, Space.around(start, 2, (), [slice(0, 2)]), stuck.vector, 0.06),  # held
    ):
        assert torch.equal(left.vector, stuck.vector)
        assert left.loss == pytest.approx(stuck.loss)
    own = [(method, waves(start[None])[0], waves)]
    assert torch.equal(release(own, space, start, 0.06, above=-1.0).vector, start)  # no nearer


@pytest.mark.parametrize("right", [False, True])
def test_choices_are_tried_until_none_changes(right: bool) -> None:
    start = torch.cat([START[:5], TRUE[5:]]) if right else START
    target, asked = draw(TRUE[None])[0], [0, 0, 0, 0]

    def counted(k: int, vectors: Tensor) -> Tensor:
        asked[k] += len(vectors)
        return draw(vectors)

    trying, last = LeastSquares(trials=3, caution=1.0), LeastSquares(caution=0.1)
    rounds = [(last if k == 3 else trying, target, functools.partial(counted, k)) for k in range(4)]
    found = settle(rounds, SPACE, start)
    torch.testing.assert_close(found.vector, TRUE, atol=0.005, rtol=0)
    assert [n > 0 for n in asked] == [True, not right, False, True]
    near = settle(rounds, SPACE, found.vector, above=2 * found.loss)
    assert torch.equal(near.vector, found.vector)
    assert near.loss == pytest.approx(found.loss)


@pytest.mark.parametrize("far", [1.0, 1000.0])
def test_a_choice_that_looks_far_off_is_followed_if_asked(far: float) -> None:
    """A brow drawn high by its slider, whose own is low: at first the right one lies off."""
    line = torch.linspace(0, 1, 64)

    def brow(vectors: Tensor) -> Tensor:
        other = vectors[:, 2:3]
        bow = (line - 0.5) ** 2 * (1 + other)  # what tells the two apart, a little
        return torch.exp(-(((line - 0.3 - 0.4 * vectors[:, :1] + 0.1 * other) / 0.1) ** 2)) + bow

    start, true = torch.tensor([0.5, 1.0, 0.0]), torch.tensor([0.85, 0.0, 1.0])
    space, target = Space.around(start, 1, (slice(1, 3),)), brow(true[None])[0]
    method = LeastSquares(caution=0.1)
    made_up = method.round(space, start, target, brow).vector
    method = LeastSquares(trials=1, anew=1, far=far, caution=0.1)
    vector = method.round(space, made_up, target, brow).vector
    assert bool(vector[2]) is (far > 1)
    if far > 1:
        torch.testing.assert_close(vector, true, atol=0.02, rtol=0)


@pytest.mark.parametrize("drafts", [False, True])
def test_what_a_draft_tells_is_wrong_is_not_drawn_in_full(drafts: bool) -> None:
    """Drafts are coarser and darker, which both the choice that is here and the others suffer."""
    seen: dict[bool, list[Tensor]] = {False: [], True: []}

    def spot(vectors: Tensor, draft: bool = False) -> Tensor:
        seen[draft].append(vectors)
        full = draw(vectors)
        coarse = full.reshape(len(full), SIDE, SIDE // 2, 2, 3).mean(dim=3, keepdim=True)
        coarse = coarse.expand(-1, -1, -1, 2, -1).reshape(full.shape)
        return 0.9 * coarse if draft else full

    near = torch.cat([TRUE[:5] + 0.02, START[5:9], TRUE[9:]])
    method = LeastSquares(trials=3, anew=2, caution=0.1, drafts=drafts)
    colours = Space.around(START, 5, SLOTS, [SLOTS[1]])
    solved = method.round(colours, near, draw(TRUE[None])[0], spot)
    torch.testing.assert_close(solved.vector[5:], TRUE[5:])
    full, rough = (torch.cat(some) if some else near[None][:0] for some in seen.values())
    worn = {int(vector[5:9].argmax()) for vector in full}
    assert worn == ({0, 2} if drafts else {0, 1, 2, 3})
    assert len(rough) > len(full) if drafts else len(rough) == 0


@pytest.mark.parametrize(("enough", "tried"), [(0.0, True), (1e-6, True), (1.0, False)])
def test_no_choice_is_tried_where_little_is_left(enough: float, tried: bool) -> None:
    drawn: list[Tensor] = []

    def noted(vectors: Tensor) -> Tensor:
        drawn.append(vectors)
        return draw(vectors)

    method = LeastSquares(trials=3, caution=0.1, enough=enough)
    start = torch.cat([TRUE[:5], START[5:]])
    solved = method.round(SPACE, start, draw(TRUE[None])[0], noted)
    assert (len(torch.cat(drawn)) > 1) is tried
    assert torch.equal(solved.vector[5:], TRUE[5:] if tried else START[5:])


def test_the_first_choice_that_leaves_little_is_the_last_that_is_tried() -> None:
    def count(enough: float) -> int:
        drawn = 0

        def noted(vectors: Tensor) -> Tensor:
            nonlocal drawn
            drawn += len(vectors)
            return draw(vectors)

        start = torch.cat([TRUE[:5], START[5:9], TRUE[9:]])
        method = LeastSquares(trials=3, anew=4, caution=0.1, far=1e9, enough=enough)
        found = method.round(SPACE, start, draw(TRUE[None])[0], noted)
        torch.testing.assert_close(found.vector[5:], TRUE[5:])
        return drawn

    assert count(1e-4) < count(0.0)


@pytest.mark.parametrize("made_up", [False, True])
def test_choices_are_followed_as_long_as_those_before_gave_hope(made_up: bool) -> None:
    """Twelve shades, all far from what is here: whether a slider makes up for a shade turns
    out only when it is moved where the shade is worn."""
    line = torch.linspace(0, 1, 64)

    def shaded(vectors: Tensor) -> Tensor:
        shade = vectors[:, 1:] @ (0.2 + 0.01 * torch.arange(12.0)) * (vectors[:, 1] < 1)
        own = 0.5 + shade if made_up else torch.full_like(shade, 0.5)
        there = (shade > 0) & made_up
        wave = torch.where(there[:, None], torch.ones(64), torch.sin(40 * line))
        return shade[:, None] + (vectors[:, :1] - own[:, None]) * -wave + 1e-3 * line

    start = torch.tensor([0.5, 1.0] + [0.0] * 11)
    space, target = Space.around(start, 1, (slice(1, 13),)), shaded(start[None])[0] - 1e-2
    worn: set[int] = set()

    def noted(vectors: Tensor) -> Tensor:
        if len(vectors) < 12:  # all but the look
            worn.update(vectors[:, 1:].argmax(dim=1).tolist())
        return shaded(vectors)

    LeastSquares(trials=20, anew=1, far=1e9, caution=0.1).round(space, start, target, noted)
    assert worn == (set(range(12)) if made_up else {0, 1, 2, 3, 4})


def test_sliders_that_do_much_the_same_can_be_told() -> None:
    """Seen sharply, as near the end of a search: their normal equations are hard to solve."""
    seeded = torch.Generator().manual_seed(0)
    slopes = torch.randn(4096, generator=seeded) + 1e-3 * torch.randn(64, 4096, generator=seeded)
    true = 0.1 * torch.rand(64, generator=seeded)
    normal = Normal(slopes, true @ slopes, torch.full((4096,), 1e6), torch.full((64,), 0.5))
    left, changed = normal.costs(slopes[:1]).tolist()
    assert left < 1e3
    assert changed < 1e3  # one slider's full sweep, which that slider takes back
