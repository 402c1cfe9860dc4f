"""What a plugin or an adapter can offer, and the hooks it offers it through.

A package takes part by an entry point in the group ``f2p`` that names a module; functions of that
module marked with :data:`hookimpl` are the package's offers. Nothing here imports torch: a plugin
describes networks and imports them only when ``load`` is called.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import pluggy

from .errors import LayoutError, PluginError
from .findings import CheckSpec
from .parameters import Layout, read_toml

if TYPE_CHECKING:
    import click
    import torch

    from .alignment import Face
    from .networks.parser import Features

__all__ = [
    "ENTRY_POINT_GROUP",
    "Detector",
    "DetectorSpec",
    "Framing",
    "Game",
    "HookSpecs",
    "Kind",
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

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


def _check_name(what: str, name: object) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise PluginError(
            f"the name of a {what} must be lower-case letters, digits, _ and -, got {name!r}"
        )


@dataclass(frozen=True)
class Framing:
    """Where a face stands in a game's pictures; photos are aligned to it.

    Attributes:
        size: side of the square picture, in pixels, that the game's weights were trained for.
        landmarks: five points (x, y) as fractions of width and height, in the order of dlib's
            five-point model: outer and inner corner of the eye on the right of the picture, outer
            and inner corner of the eye on its left, base of the nose.
    """

    size: int
    landmarks: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        size: object = self.size  # from a file: not yet known to be what its type says
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise LayoutError(f"framing: size must be a whole number of pixels, got {size!r}")
        points = self._points()
        if points is None or points.shape != (5, 2) or not np.isfinite(points).all():
            raise LayoutError(f"framing: landmarks must be five [x, y], got {self.landmarks!r}")
        object.__setattr__(self, "landmarks", tuple((float(x), float(y)) for x, y in points))

    def _points(self) -> np.ndarray[Any, np.dtype[np.float64]] | None:
        try:
            return np.array(self.landmarks, dtype=np.float64)
        except (TypeError, ValueError):
            return None

    def pixels(self, size: int | None = None) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Landmarks as float64 (5, 2) in pixels of a picture of ``size``; (0, 0) is the centre of
        the top-left pixel. ``size`` is :attr:`size` unless given."""
        return np.array(self.landmarks) * (self.size if size is None else size) - 0.5

    @classmethod
    def load(cls, path: str | Path) -> Framing:
        """Read a TOML file with the keys ``size`` and ``landmarks``."""
        table = read_toml(path)
        unknown = sorted(set(table) - {"size", "landmarks"})
        missing = sorted({"size", "landmarks"} - set(table))
        if unknown or missing:
            raise LayoutError(
                f"{path}: framing has the keys size and landmarks; "
                f"missing {missing}, unknown {unknown}"
            )
        try:
            return cls(size=table["size"], landmarks=table["landmarks"])
        except LayoutError as error:
            raise LayoutError(f"{path}: {error.message}", remedy=error.remedy) from None


@dataclass(frozen=True)
class Kind:
    """One kind of character of a game: its layout, framing, weights and engine.

    Attributes:
        game, kind: names; together ``justice/female``.
        layout_path: the TOML file of the layout, read when :attr:`layout` is first used.
        framing_path: the TOML file of the framing; None for a game that photos are not fitted to.
        weights: imitator weights by name, e.g. ``{"compact": Path(...)}``. A file may be absent
            (not trained yet): see :meth:`weights_state`.
        engine: from the endpoint to connect to, the command line (argv) that starts an engine;
            None where the engine is started by hand.
    """

    game: str
    kind: str
    layout_path: Path
    framing_path: Path | None = None
    weights: Mapping[str, Path] = field(default_factory=dict)
    engine: Callable[[str], list[str]] | None = None

    def __post_init__(self) -> None:
        _check_name("game", self.game)
        _check_name("kind", self.kind)

    @property
    def name(self) -> str:
        """``game/kind``."""
        return f"{self.game}/{self.kind}"

    @cached_property
    def layout(self) -> Layout:
        """The layout, read once. LayoutError if the file is wrong or of another game or kind."""
        layout = Layout.load(self.layout_path)
        if (layout.game, layout.kind) != (self.game, self.kind):
            raise LayoutError(
                f"{self.layout_path}: the file is the layout of {layout.game}/{layout.kind}, "
                f"the plugin offers it for {self.name}"
            )
        return layout

    @cached_property
    def framing(self) -> Framing:
        """The framing, read once. PluginError where the game offers none."""
        if self.framing_path is None:
            raise PluginError(
                f"{self.name} has no framing, so a photo cannot be aligned to it",
                remedy="give the game's Kind a framing_path: size and five landmarks",
            )
        return Framing.load(self.framing_path)

    def weights_state(self) -> dict[str, bool]:
        """For each of :attr:`weights`, whether the file is there."""
        return {name: Path(path).is_file() for name, path in self.weights.items()}


@dataclass(frozen=True)
class Game:
    """A game and its kinds of character; its name alone means the first of them."""

    name: str
    title: str
    kinds: tuple[Kind, ...]
    homepage: str = ""
    licence: str = ""

    def __post_init__(self) -> None:
        _check_name("game", self.name)
        object.__setattr__(self, "kinds", tuple(self.kinds))
        if not self.kinds:
            raise PluginError(f"game {self.name!r} must have at least one kind, has none")
        for kind in self.kinds:
            if kind.game != self.name:
                raise PluginError(
                    f"game {self.name!r} offers the kind {kind.name!r} of another game"
                )
        names = [kind.kind for kind in self.kinds]
        if len(set(names)) != len(names):
            raise PluginError(f"game {self.name!r} offers a kind twice: {', '.join(names)}")


@runtime_checkable
class Recognizer(Protocol):
    """A frozen network that says how alike two faces are."""

    @property
    def name(self) -> str: ...

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
        ``docs/protocol.md``."""
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
    """

    name: str
    title: str
    dimension: int
    load: Callable[[], Recognizer]
    licence: str = ""
    available: Callable[[], str | None] = _available

    def __post_init__(self) -> None:
        _check_name("recognizer", self.name)


@dataclass(frozen=True)
class DetectorSpec:
    """A face detector on offer; attributes as of :class:`RecognizerSpec`."""

    name: str
    title: str
    load: Callable[[], Detector]
    licence: str = ""
    available: Callable[[], str | None] = _available

    def __post_init__(self) -> None:
        _check_name("detector", self.name)


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
        _check_name("parser", self.name)
        object.__setattr__(self, "classes", tuple(self.classes))
        if len(self.classes) < 2 or len(set(self.classes)) != len(self.classes):
            raise PluginError(
                f"parser {self.name!r} must have two classes or more, each named once, "
                f"got {list(self.classes)}"
            )


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
