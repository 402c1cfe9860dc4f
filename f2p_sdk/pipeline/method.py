"""Contract of a fitting method: a chain of stages from one frozen state to the next."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .augmentation import AugmentedEmbedding, Jitter
from .blur import Blur
from .renderers import EngineRenderer, Imitator
from .report import Clock

if TYPE_CHECKING:
    from ..landmarks import LandmarkReader
    from ..objective import Objective
    from ..parsing.picture_parser import PictureParser
    from ..search import Problem, Render, Space
    from .targets import Targets

__all__ = ["Context", "Method", "Stage", "State"]

BATCH = 4  # pictures per pass of the networks: bounds memory


@dataclass(frozen=True)
class Method:
    """One method of fitting: its stages and its numbers.

    Attributes:
        name: as in ``--method``.
        title: a line for people.
        stages: run in order.
        weights: weight of each term of the objective.
        lead: logit of the average character's choices above the others at the start.
        jittered, jitter: number and size of augmented crops beside the plain one.
        grid, strictness: cells a side of the colour term, and its strictness.
        ends: see :class:`Prior`: how strongly it keeps sliders from their ends.
        mirrored: the mirrored photo counts as a second photo.
        match_blur: blur the engine's pictures as the photo is.
        own_picture: the photo is a picture by the engine: no denoising, the engine's framing, and
            every cell counts.
        classes, places: weights of the parser's classes in the terms ``content`` and ``parts``.
    """

    name: str
    title: str
    stages: tuple[Stage, ...]
    weights: Mapping[str, float]
    lead: float = 1.0
    jittered: int = 0
    jitter: Jitter = field(default_factory=Jitter)
    grid: int = 32
    strictness: float = 0.5
    ends: float = 0.0
    mirrored: bool = False
    match_blur: bool = False
    own_picture: bool = False
    classes: Mapping[str, float] = field(default_factory=dict)
    places: Mapping[str, float] = field(default_factory=dict)

    def with_steps(self, steps: int) -> Method:
        """Return the method with ``steps`` steps in its first search, the others in proportion."""
        first = next((stage.steps for stage in self.stages if stage.steps), steps)
        return replace(self, stages=tuple(s.scaled(steps / first) for s in self.stages))

    def run(self, context: Context) -> State:
        """Run the stages from the start of the space."""
        start = context.space.start
        state = State(start, start, {"start": start})
        for stage in self.stages:
            state = stage.run(context, state)
        return state


@dataclass(frozen=True)
class State:
    """Result of the stages so far.

    Attributes:
        vector: (D,), hard choices.
        ranking: (D,), higher is better, for the next search over choices.
        candidates: stage -> vector (D,), in order.
        losses: stage -> terms per step.
        scene: the engine's scene in which candidates are compared with the photo.
        settled: columns of categorical groups that later searches over choices keep.
    """

    vector: Tensor
    ranking: Tensor
    candidates: Mapping[str, Tensor]
    losses: Mapping[str, Sequence[Mapping[str, float]]] = field(default_factory=dict)
    scene: Mapping[str, Any] = field(default_factory=dict)
    settled: tuple[slice, ...] = ()

    def after(
        self,
        stage: str,
        vector: Tensor,
        *,
        ranking: Tensor | None = None,
        losses: Sequence[Mapping[str, float]] = (),
    ) -> State:
        """Return the state after a stage that found ``vector``."""
        return replace(
            self,
            vector=vector,
            ranking=self.ranking if ranking is None else ranking,
            candidates={**self.candidates, stage: vector},
            losses={**self.losses, stage: losses} if losses else self.losses,
        )


@dataclass(frozen=True)
class Context:
    """Everything that stays the same during one fit.

    Attributes:
        space: start and free columns.
        targets: of the photo.
        weights: of the method's terms.
        photo: (1, 3, S, S) RGB sRGB in [0, 1], aligned.
        imitator: frozen.
        embed: embeds augmented crops, for gradient searches.
        embed_plain: embeds plain crops, for searches over choices.
        engine: None to use the imitator in its place.
        size: side of the pictures that are compared.
        reader: the face parser, or None.
        locate: finds dense landmarks of candidates, or None.
        hair: columns of the categorical groups of hair.
        blur: of the photo.
        clock: of the fit.
        known: (D,) bool, columns of the parameters whose effect the imitator knows; None for all.
    """

    space: Space
    targets: Targets
    weights: Mapping[str, float]
    photo: Tensor
    imitator: Imitator
    embed: AugmentedEmbedding
    embed_plain: AugmentedEmbedding
    engine: EngineRenderer | None = None
    size: int = 256
    reader: PictureParser | None = None
    locate: LandmarkReader | None = None
    hair: tuple[slice, ...] = ()
    blur: Blur = field(default_factory=Blur)
    clock: Clock = field(default_factory=Clock)
    known: Tensor | None = None

    def search_space(self, start: Tensor, *, by_engine: bool = True) -> Space:
        """Return the space around ``start`` (D,) of a stage.

        Parameters that the imitator does not know move only in stages that draw ``by_engine``, and
        only where there is one.
        """
        free = self.space.free
        if self.known is not None and not (by_engine and self.engine is not None):
            free = free & self.known
        return replace(self.space, start=start, free=free)

    def objective(self, changes: Mapping[str, float]) -> Objective:
        """Return the objective with some weights changed."""
        return self.targets.objective(self.space, {**self.weights, **changes})

    def draw(self, vectors: Tensor, size: int, scene: Mapping[str, Any]) -> Tensor:
        """Draw vectors (B, D) by the engine, or else the imitator, as (B, 3, S, S)."""
        if self.engine is not None:
            return self.engine.tensor(vectors, size, [scene] * len(vectors))
        return torch.cat([self.imitator(some) for some in torch.split(vectors, BATCH)])

    def problem(self, space: Space, objective: Objective, render: Render) -> Problem:
        """Return a problem that embeds plain crops."""
        from ..search import Problem

        return Problem(
            space, objective, render, self.embed_plain, self.reader, self.locate, self.blur
        )


@dataclass(frozen=True, kw_only=True)
class Stage(ABC):
    """One step of a method.

    Attributes:
        name: in reports and progress.
        weights: weights of terms that differ from the method's.
    """

    name: str
    weights: Mapping[str, float] = field(default_factory=dict)

    @abstractmethod
    def run(self, context: Context, state: State) -> State:
        """Return the state after this stage; ``state`` stays as it is."""

    @property
    def steps(self) -> int:
        """Number of gradient steps; 0 for other stages."""
        return 0

    def scaled(self, share: float) -> Stage:
        """Return the stage with its gradient steps multiplied."""
        return self
