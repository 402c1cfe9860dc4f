"""Least squares on pictures themselves: for a picture that can be drawn again exactly.

Where a photo is looked at through networks, gradients are all there is. Where the very picture is
to be drawn again, the difference of every pixel is an equation, hundreds of times more equations
than unknowns, and each slider's effect can be had from the engine by moving it alone. So this is
Gauss-Newton with Marquardt's damping (Marquardt 1963) and Huber's weights (Huber 1964) in the box
of the sliders; what every step teaches of the slopes is kept (Broyden 1965).

Near the end not all places tell the same: along edges a pixel flips when a slider moves by a
thousandth, and those flips hide the shades within that say what remains. A look to both sides of
every slider tells where pictures are not straight, and how much; a place counts by that.

Choices are judged as if the sliders would already have followed: what a choice changes is compared
with what is left over once the sliders have explained all that they can (variable projection, Golub
and Pereyra 1973), slot by slot; the likeliest are followed and drawn.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from f2p_sdk.search.moves import inward, moved, roused, slopes_of, stepped
from f2p_sdk.search.normal import Normal
from f2p_sdk.search.slots import Swap, chosen, meet, others_of, pairs_of, swapped
from f2p_sdk.search.space import Space

__all__ = ["Draw", "LeastSquares", "Solved"]

Draw = Callable[..., Tensor]
"""(B, D) -> (B, P), hard vectors to pictures in a target's form; asked for with ``draft=True`` by
methods with drafts, it may draw more quickly and coarsely."""

_SHORTER = (0.5, 0.2)  # of a step, that are tried too
_KEPT = 0.5  # of what a step promised: one that keeps as much goes its full length
_SLOW = 0.98  # of the loss: no step is taken that promises to leave more; one that does is in vain
_VAIN = 3  # such steps are borne with
_BEHIND = 5.0  # times the loss of a rival: it must come nearer fast,
_STEEP = 0.6  # to this of the loss at a step
_DRAFTED = 2.0  # times what is left now: a draft that leaves more is not drawn in full
_LEARNT = 4  # choices tell how much less than is foreseen those of a slot can leave;
_LUCK = 0.1  # of that, with luck: what would leave more than is left now is not tried
_ALIKE = 2  # pairs with the same first choice that are tried, at most
_NOTHING = 0.0005  # of a difference, that shows nowhere
_GRAIN = 0.001  # of a difference, at least: pictures come in 255 steps
_OFF = 3.0  # deviations beyond which a difference counts linearly


@dataclass(frozen=True)
class Solved:
    """vector: (D,), choices hard. loss: mean square of all differences."""

    vector: Tensor
    loss: float

    @classmethod
    def of(cls, vector: Tensor, target: Tensor, picture: Tensor) -> Solved:
        """A vector (D,) whose picture (P,) should have been the target (P,)."""
        return cls(vector, float((target - picture).square().mean()))


@dataclass(frozen=True)
class LeastSquares:
    """A look at what everything changes, and steps from it.

    Attributes:
        move: how far a slider is moved to see what it changes, share of its range.
        both: to both sides, so that a place counts by how straight its changes are; else all places
            count alike, as far as what is left allows.
        caution: where all count alike: how much larger than they are differences are taken to be,
            as a variance: what the sliders do is not straight, and neighbouring pixels err
            together.
        outlier: likewise: a difference beyond this, of 1, counts linearly.
        trials: how many choices of each slot are tried at most, the likeliest first, as long as
            those before give hope; 0 for none.
        anew: how many sliders are moved anew for each choice tried, those that do most where the
            choice acts: what a brow's sliders do depends on the brow.
        far: times what is left to explain: a choice that leaves more is not tried. Early on the
            sliders tell well what a choice can come to; near the end, what another brow leaves
            before its own sliders have moved says little of it.
        pairs: choices of two slots that act in the same places are tried together too.
        steps: how many steps are taken from one look, at most.
        drafts: what everything changes is looked at in drafts, and other choices are followed in
            drafts first; they are drawn in full only where those promise something.
        enough: where no more than this is left, a mean square, no choice is tried any more.
    """

    move: float = 0.06
    both: bool = False
    caution: float = 5.0
    outlier: float = 0.03
    trials: int = 0
    anew: int = 24
    far: float = 4.0
    pairs: bool = False
    steps: int = 8
    drafts: bool = False
    enough: float = 0.0

    def round(self, space: Space, vector: Tensor, target: Tensor, draw: Draw) -> Solved:
        """The best that one look leads to; never worse than ``vector``, as places count in it.

        Args:
            space: which sliders and slots may move.
            vector: (D,), hard, where to start.
            target: (P,), what is to be drawn.
            draw: how vectors are drawn in the target's form.
        """
        if self.enough:
            before = Solved.of(vector, target, draw(vector[None])[0])
            if before.loss <= self.enough:
                return before
        sliders = torch.nonzero(space.free[: space.continuous])[:, 0]
        slots = [s for s in space.slots if self.trials and bool(space.free[s].all())]
        others = [others_of(vector, slot) for slot in slots]
        moves = self._moves(vector, sliders)
        draft = functools.partial(draw, draft=True) if self.drafts else draw
        drawn = draft(torch.stack([vector, *moved(vector, sliders, moves)]))
        here = drawn[0]
        slopes, bend = slopes_of(here, drawn[1:], moves)
        del drawn
        still = slopes.abs().amax(dim=1) * self.move < _NOTHING
        slopes[still] = roused(vector, here, sliders[still], draft)
        variance = _GRAIN**2 + bend if self.both else None
        look = _Look(sliders, slopes, target, draw, draft, variance)
        changes = [swapped(vector, some, draft) for some in others]
        now = self._descend(look, look.here(vector) if self.drafts else _Here(vector, here))
        for some, what in zip(others, changes, strict=True):
            now, look = self._try(look, now, some, what)
        for i, j in itertools.combinations(range(len(slots)), 2) if self.pairs else ():
            if self._done(look, now):
                break
            if not self._meet(look, vector, (others[i], others[j]), (changes[i], changes[j])):
                continue
            pairs = pairs_of(vector, slots[i], slots[j])
            now, look = self._try(look, now, pairs, swapped(vector, pairs, draft))
        return Solved.of(now.vector, target, now.picture)

    def _try(
        self, look: _Look, now: _Here, others: list[Swap], changes: Tensor
    ) -> tuple[_Here, _Look]:
        """The best of what is here and the likeliest of other choices, which change (K, P),
        followed and drawn; with the look that led there."""
        costs = self._normal(look, now).costs(changes)
        shares = (costs[1:] / costs[0].clamp(min=1e-12)).clamp(min=1e-12)
        foreseen = (shares * self._loss(look, now.picture)).tolist()
        near = [i for i in range(len(others)) if shares[i] < self.far]
        tried: list[int] = []
        came = 1.0  # what the best left, of what was foreseen
        for i in sorted(near, key=foreseen.__getitem__):
            least = self._loss(look, now.picture)
            vain = len(tried) >= _LEARNT and _LUCK * came * foreseen[i] > least
            if vain or self._done(look, now):
                break
            first = others[i][0][1]
            if len(tried) >= self.trials or tried.count(first) >= _ALIKE:
                continue
            tried.append(first)
            again, found, left = self._follow(look, now, others[i], changes[i])
            came = min(came, left / foreseen[i])
            if left < least:
                now, look = found, again
        return now, look

    def _follow(
        self, look: _Look, now: _Here, other: Swap, change: Tensor
    ) -> tuple[_Look, _Here, float]:
        """Where the sliders go with another choice, which changes (P,), the look that led there,
        and the loss that is left; that of a draft, where it is too much to draw it in full."""
        least, start = self._loss(look, now.picture), chosen(now.vector, other)
        again = look
        if self.drafts:
            # What a draft makes of edges, it makes of those that are here too.
            off = look.draft(now.vector[None])[0] - now.picture
            again = replace(look, target=look.target + off, draw=look.draft)
        again, there = self._again(again, start, change)
        there = self._descend(again, there, least)
        left = self._loss(again, there.picture)
        if not self.drafts or left > _DRAFTED * least:
            return again, there, left
        again = replace(again, target=look.target, draw=look.draw)
        there = self._descend(again, again.here(there.vector), least)
        return again, there, self._loss(again, there.picture)

    def _meet(
        self,
        look: _Look,
        vector: Tensor,
        others: tuple[list[Swap], list[Swap]],
        changes: tuple[Tensor, Tensor],
    ) -> bool:
        """Whether two slots act in the same places. Where one shows nothing, like the colour of
        bare lips, it is asked beside the other's choice that changes most."""
        shown = [len(change) > 0 and float(change.abs().max()) > _NOTHING for change in changes]
        if sum(shown) == 1:
            loud, mute = (0, 1) if shown[0] else (1, 0)
            beside = others[loud][int(changes[loud].square().sum(dim=1).argmax())]
            change = swapped(chosen(vector, beside), others[mute], look.draft)
            return bool(change.abs().max() > _NOTHING)
        return all(shown) and meet(*changes)

    def _again(self, look: _Look, vector: Tensor, change: Tensor) -> tuple[_Look, _Here]:
        """The look with those sliders moved anew at ``vector`` (D,), to one side, that do most
        where ``change`` (P,) is; with the picture there."""
        scale = 1.0 if look.variance is None else look.variance.rsqrt()
        slopes = (look.slopes * scale).abs_()
        there = slopes @ (change * scale).abs() / slopes.norm(dim=1).clamp(min=1e-9)
        near = there.argsort(descending=True)[: self.anew]
        sliders = look.sliders[near]
        moves = inward(vector[sliders], self.move)
        drawn = look.draw(torch.stack([vector, *moved(vector, sliders, moves)]))
        slopes = look.slopes.clone()
        slopes[near] = slopes_of(drawn[0], drawn[1:], moves)[0]
        return replace(look, slopes=slopes), _Here(vector, drawn[0])

    def _descend(self, look: _Look, now: _Here, rival: float = torch.inf) -> _Here:
        """As far as the slopes of the look lead. What steps teach of them goes into them, most of
        all steps in vain: the next goes elsewhere, and some of those are borne with. What is far
        behind the loss of a rival is followed as long as it comes nearer fast."""
        loss, vain = self._loss(look, now.picture), 0
        for _ in range(self.steps):
            found = self._along(look, now, loss)
            gone = (found.vector - now.vector)[look.sliders]
            if not bool(gone.any()):
                break
            missed = found.picture - now.picture - look.slopes.T @ gone
            look.slopes.addr_(gone / gone.square().sum(), missed)
            before, left = loss, self._loss(look, found.picture)
            if left < loss:
                now, loss = found, left
            near = left < _BEHIND * rival
            vain += left > (_SLOW if near else _STEEP) * before
            if vain > (_VAIN if near else 0):
                break
        return now

    def _along(self, look: _Look, now: _Here, loss: float) -> _Here:
        """Where the next step leads at full length, or at the best of its lengths, if at full
        length it does not keep what it promised; ``now``, with its loss, where it promises next to
        nothing."""
        step = self._normal(look, now).step()
        full = stepped(now.vector, look.sliders, step)
        hoped = self._loss(look, now.picture + look.slopes.T @ (full - now.vector)[look.sliders])
        if hoped > _SLOW * loss:
            return now
        found = [_Here(full, look.draw(full[None])[0])]
        if loss - self._loss(look, found[0].picture) < _KEPT * (loss - hoped):
            shorter = [stepped(now.vector, look.sliders, length * step) for length in _SHORTER]
            found += map(_Here, shorter, look.draw(torch.stack(shorter)))
        return min(found, key=lambda one: self._loss(look, one.picture))

    def _done(self, look: _Look, now: _Here) -> bool:
        """Whether so little is left that no choice needs to be tried."""
        return float((look.target - now.picture).square().mean()) <= self.enough

    def _moves(self, vector: Tensor, sliders: Tensor) -> Tensor:
        """(C, 1) or (C, 2), how far each of these sliders is moved, within the box."""
        here = vector[sliders]
        if not self.both:
            return inward(here, self.move)
        ends = torch.stack([here - self.move, here + self.move], dim=1).clamp(0, 1)
        return ends - here[:, None]

    def _bound(self, look: _Look) -> Tensor | float:
        """The difference beyond which one counts linearly."""
        return self.outlier if look.variance is None else _OFF * look.variance.sqrt()

    def _normal(self, look: _Look, now: _Here) -> Normal:
        left = look.target - now.picture
        weight = (left.abs() / self._bound(look)).clamp_(min=1).reciprocal_()
        if look.variance is None:
            weight /= self.caution * float((weight * left.square()).mean()) + 1e-12
        else:
            weight /= look.variance
        return Normal(look.slopes, left, weight, now.vector[look.sliders])

    def _loss(self, look: _Look, picture: Tensor) -> float:
        """Mean of Huber's loss of the differences, in units of their bounds."""
        off = (look.target - picture) / self._bound(look)
        return float(functional.huber_loss(off, torch.zeros_like(off)))


@dataclass(frozen=True)
class _Here:
    """vector: (D,), and picture: (P,), as it is drawn."""

    vector: Tensor
    picture: Tensor


@dataclass(frozen=True)
class _Look:
    """sliders: (C,), which. slopes: (C, P), what each changes. target, draw, draft: of the round.
    variance: (P,), of a difference that the slopes do not explain; None where it is not known."""

    sliders: Tensor
    slopes: Tensor
    target: Tensor
    draw: Draw
    draft: Draw
    variance: Tensor | None

    def here(self, vector: Tensor) -> _Here:
        return _Here(vector, self.draw(vector[None])[0])
