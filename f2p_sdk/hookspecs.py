"""What a plugin or an adapter can offer, and the hooks it offers it through.

A package takes part by an entry point in the group ``f2p`` that names a module; functions of that
module marked with :data:`hookimpl` are the package's offers. Nothing here imports torch: a plugin
describes networks and imports them only when ``load`` is called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np
import pluggy

from .errors import PluginError
from .findings import Finding
from .kinds import Game, Kind, check_name

if TYPE_CHECKING:
    import click
    import torch

    from .alignment import Face
    from .parsing.network import Features

__all__ = [
    "ENTRY_POINT_GROUP",
    "CheckSpec",
    "Detector",
    "DetectorSpec",
    "HookSpecs",
    "Metric",
    "Parser",
    "ParserSpec",
    "Recognizer",
    "RecognizerSpec",
    "hookimpl",
]

ENTRY_POINT_GROUP = "f2p"

hookspec = pluggy.HookspecMarker("f2p")
hookimpl = pluggy.HookimplMarker("f2p")
"""Marks a function of a plugin as the implementation of the hook of the same name."""

Metric = Literal["euclidean", "cosine"]


@runtime_checkable
class Recognizer(Protocol):
    """A frozen network from faces to embeddings; close embeddings mean similar faces."""

    @property
    def name(self) -> str: ...

    @property
    def metric(self) -> Metric:
        """How to compare two embeddings: by their Euclidean distance, or by their angle."""
        ...

    def embed(self, pictures: torch.Tensor, landmarks: torch.Tensor) -> torch.Tensor:
        """Pictures float32 (B, 3, H, W) RGB in [0, 1] and landmarks (5, 2) or (B, 5, 2) in pixels
        to embeddings (B, E), differentiable with respect to the pictures."""
        ...


@runtime_checkable
class Detector(Protocol):
    """Finds faces and their five landmarks."""

    @property
    def name(self) -> str: ...

    def detect(self, picture: np.ndarray[Any, np.dtype[np.uint8]]) -> list[Face]:
        """A picture uint8 (H, W, 3) RGB to its faces, largest first; empty if there are none."""
        ...


@runtime_checkable
class Parser(Protocol):
    """A frozen network that says which part of the face each place of a picture is."""

    @property
    def name(self) -> str: ...

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the logits; the core's are Helen's 11, see
        ``docs/reference/protocol.md``."""
        ...

    @property
    def size(self) -> int:
        """The side that pictures should have."""
        ...

    def features(self, pictures: torch.Tensor) -> Features:
        """Pictures float32 (B, 3, size, size) RGB in [0, 1] to ``stage1``, ``stage2``, ``stage4``
        (B, C, h, w) each and ``logits`` (B, classes, size/8, size/8), differentiable with respect
        to the pictures."""
        ...

    def sharp(self, pictures: torch.Tensor) -> torch.Tensor:
        """The finest logits (B, classes, h, h) it has, for maps to look at and to measure."""
        ...


def _available() -> str | None:
    return None


@dataclass(frozen=True)
class RecognizerSpec:
    """A recognizer on offer.

    Attributes:
        name, title: for the command line, and for people.
        dimension: length E of the embedding.
        load: makes the recognizer; the first moment at which torch may be imported.
        licence: of the weights, and what they may be used for.
        available: None if it can be loaded, else why not and what to do; must be quick.
        measures_likeness: reports give the distance of this recognizer, whatever recognizer the
            search uses. Only for one whose distances have the units of the documented thresholds:
            Euclidean, two photos of one person below 0.6.
    """

    name: str
    title: str
    dimension: int
    load: Callable[[], Recognizer]
    licence: str = ""
    available: Callable[[], str | None] = _available
    measures_likeness: bool = False

    def __post_init__(self) -> None:
        check_name("recognizer", self.name)


@dataclass(frozen=True)
class DetectorSpec:
    """A face detector on offer; attributes as of :class:`RecognizerSpec`."""

    name: str
    title: str
    load: Callable[[], Detector]
    licence: str = ""
    available: Callable[[], str | None] = _available

    def __post_init__(self) -> None:
        check_name("detector", self.name)


@dataclass(frozen=True)
class ParserSpec:
    """A face parser on offer; ``classes`` are those of :class:`Parser`, the other attributes as of
    :class:`RecognizerSpec`."""

    name: str
    title: str
    classes: tuple[str, ...]
    load: Callable[[], Parser]
    licence: str = ""
    available: Callable[[], str | None] = _available

    def __post_init__(self) -> None:
        check_name("parser", self.name)
        object.__setattr__(self, "classes", tuple(self.classes))
        if len(self.classes) < 2 or len(set(self.classes)) != len(self.classes):
            raise PluginError(
                f"parser {self.name!r} must have two classes or more, each named once, "
                f"got {list(self.classes)}"
            )


@dataclass(frozen=True)
class CheckSpec:
    """A check that a plugin brings, e.g. of the rigs of its engine; `f2p check` runs it.

    Attributes:
        name, title: for the command line, and for people.
        run: looks at a kind; what it raises becomes a failed finding.
        applies: whether it has anything to look at; must be quick.
    """

    name: str
    title: str
    run: Callable[[Kind], Iterable[Finding]]
    applies: Callable[[Kind], bool] = lambda kind: True

    def __post_init__(self) -> None:
        check_name("check", self.name)


class HookSpecs:
    """The hooks. Each is called without arguments and returns a list."""

    @hookspec
    def f2p_games(self) -> list[Game]:  # type: ignore[empty-body]
        """The games this package is an adapter of."""

    @hookspec
    def f2p_recognizers(self) -> list[RecognizerSpec]:  # type: ignore[empty-body]
        """Recognizers, best first."""

    @hookspec
    def f2p_parsers(self) -> list[ParserSpec]:  # type: ignore[empty-body]
        """Face parsers, best first."""

    @hookspec
    def f2p_detectors(self) -> list[DetectorSpec]:  # type: ignore[empty-body]
        """Face detectors, best first."""

    @hookspec
    def f2p_commands(self) -> list[click.Command]:  # type: ignore[empty-body]
        """Commands to add to ``f2p``; a command of the core wins over one of the same name."""

    @hookspec
    def f2p_checks(self) -> list[CheckSpec]:  # type: ignore[empty-body]
        """Checks that `f2p check` runs besides its own, e.g. of the rigs of an engine."""
