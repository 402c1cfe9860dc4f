"""Hooks of plugins and adapters, and the types that they return.

A package registers a module by an entry point in the group ``f2p``. Functions of that module that
are marked with :data:`hookimpl` implement the hooks. This module does not import torch: a plugin
describes its networks, and ``load`` imports them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np
import pluggy

from .errors import PluginError
from .findings import Finding
from .kinds import FormatSpec, Game, Kind, check_name

if TYPE_CHECKING:
    import click
    import torch

    from .alignment import Face
    from .landmarks import DenseLandmarks, ExpressionBasis
    from .parsing.network import Features

__all__ = [
    "ENTRY_POINT_GROUP",
    "CheckSpec",
    "Detector",
    "DetectorSpec",
    "HookSpecs",
    "Landmarker",
    "LandmarkerSpec",
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
"""Decorator that marks a function of a plugin as the implementation of the hook of its name."""

Metric = Literal["euclidean", "cosine"]


@runtime_checkable
class Recognizer(Protocol):
    """A frozen network from faces to embeddings; close embeddings mean similar faces."""

    @property
    def name(self) -> str: ...

    @property
    def metric(self) -> Metric:
        """Comparison of two embeddings: by their Euclidean distance, or by their angle."""
        ...

    def embed(self, pictures: torch.Tensor, landmarks: torch.Tensor) -> torch.Tensor:
        """Return embeddings (B, E) of pictures float32 (B, 3, H, W) sRGB in [0, 1] with landmarks
        (5, 2) or (B, 5, 2) in pixels; differentiable with respect to the pictures."""
        ...


@runtime_checkable
class Detector(Protocol):
    """Detector of faces and their five landmarks."""

    @property
    def name(self) -> str: ...

    def detect(self, picture: np.ndarray[Any, np.dtype[np.uint8]]) -> list[Face]:
        """Return the faces of a picture uint8 (H, W, 3) sRGB, largest first; possibly none."""
        ...


@runtime_checkable
class Parser(Protocol):
    """A frozen network from a picture to a class per pixel, e.g. skin, nose or hair."""

    @property
    def name(self) -> str: ...

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes in the order of the logits; the core uses the 11 classes of Helen,
        see ``docs/reference/protocol.md``."""
        ...

    @property
    def size(self) -> int:
        """Expected side of the pictures in pixels."""
        ...

    def features(self, pictures: torch.Tensor) -> Features:
        """Return ``stage1``, ``stage2``, ``stage4`` (B, C, h, w) and ``logits`` (B, classes,
        size/8, size/8) of pictures float32 (B, 3, size, size) sRGB in [0, 1]; differentiable with
        respect to the pictures."""
        ...

    def sharp(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return the logits (B, classes, h, h) of the highest resolution, for label maps."""
        ...


@runtime_checkable
class Landmarker(Protocol):
    """Detector of dense landmarks and of the expression of one face."""

    @property
    def name(self) -> str: ...

    @property
    def regions(self) -> Mapping[str, Sequence[int]]:
        """Indices of the landmarks of each region: ``left_eye``, ``right_eye``, ``left_brow``,
        ``right_brow``, ``nose``, ``lips``, ``jaw``, ``forehead``; left and right are the
        subject's. A landmark is in one region or none."""
        ...

    @property
    def expressions(self) -> Sequence[str]:
        """Names of the expression coefficients, ARKit's where they exist, e.g. ``jawOpen``."""
        ...

    @property
    def basis(self) -> ExpressionBasis | None:
        """Effect of expressions on the landmarks, for engines that draw no expressions."""
        ...

    def find(
        self,
        picture: np.ndarray[Any, np.dtype[np.uint8]],
        landmarks: np.ndarray[Any, np.dtype[np.float64]],
    ) -> DenseLandmarks | None:
        """Return the dense landmarks of the face at the five landmarks (5, 2), in pixels of a
        picture uint8 (H, W, 3) sRGB; None if there is no face."""
        ...


def _available() -> str | None:
    return None


@dataclass(frozen=True)
class RecognizerSpec:
    """Description of a recognizer that a plugin provides.

    Attributes:
        name, title: for the command line, and for people.
        dimension: length E of the embedding.
        load: returns the recognizer; only this call may import torch.
        licence: of the weights, with the permitted use.
        available: returns None if ``load`` can work, else the reason and the next step; fast.
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
    """Description of a face detector; attributes as in :class:`RecognizerSpec`."""

    name: str
    title: str
    load: Callable[[], Detector]
    licence: str = ""
    available: Callable[[], str | None] = _available

    def __post_init__(self) -> None:
        check_name("detector", self.name)


@dataclass(frozen=True)
class LandmarkerSpec:
    """Description of a landmarker; attributes as in :class:`RecognizerSpec`."""

    name: str
    title: str
    load: Callable[[], Landmarker]
    licence: str = ""
    available: Callable[[], str | None] = _available

    def __post_init__(self) -> None:
        check_name("landmarker", self.name)


@dataclass(frozen=True)
class ParserSpec:
    """Description of a face parser; ``classes`` as in :class:`Parser`, the other attributes as in
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
    """A check that a plugin adds to `f2p check`, e.g. of the rigs of its engine.

    Attributes:
        name, title: for the command line, and for people.
        run: checks a kind; an exception becomes a failed finding.
        applies: returns whether the check concerns a kind; must be fast.
    """

    name: str
    title: str
    run: Callable[[Kind], Iterable[Finding]]
    applies: Callable[[Kind], bool] = lambda kind: True

    def __post_init__(self) -> None:
        check_name("check", self.name)


class HookSpecs:
    """Specifications of the hooks. Each hook takes no arguments and returns a list."""

    @hookspec
    def f2p_games(self) -> list[Game]:  # type: ignore[empty-body]
        """Games of this adapter."""

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
    def f2p_landmarkers(self) -> list[LandmarkerSpec]:  # type: ignore[empty-body]
        """Landmarkers, best first. Without one, fits work without landmark terms."""

    @hookspec
    def f2p_formats(self) -> list[FormatSpec]:  # type: ignore[empty-body]
        """File formats of games for characters, e.g. presets."""

    @hookspec
    def f2p_commands(self) -> list[click.Command]:  # type: ignore[empty-body]
        """Additional commands of ``f2p``; commands of the core take precedence over these."""

    @hookspec
    def f2p_checks(self) -> list[CheckSpec]:  # type: ignore[empty-body]
        """Additional checks of `f2p check`."""
