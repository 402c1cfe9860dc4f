"""Description of a game by its adapter: kinds of character with layout, framing, weights and
engine, and the game's own file formats. Files are read at their first use."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import LayoutError, PluginError, UsageError, error_prefix
from .files import atomic_write
from .parameters import Character, Layout, check_keys, read_toml, unknown_groups

if TYPE_CHECKING:
    from .images import Picture

__all__ = [
    *("SMALLEST_EYES", "SMALLEST_PICTURE", "FormatSpec", "Framing", "Game", "Kind"),
    *("check_name", "check_picture_size"),
]

log = logging.getLogger(__name__)

SMALLEST_PICTURE = 256
"""Least side in pixels of the pictures that imitators and parsers are trained on."""

SMALLEST_EYES = 24.0
"""Least distance in pixels between the centres of the eyes: below it, embeddings of a face move by
more than 0.1, and the parser's parts are smaller than its cells."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_EXTENSION = re.compile(r"\.[a-z0-9][a-z0-9._-]*")

POINTS = (
    "outer corner of the eye on the picture's right",
    "its inner corner",
    "outer corner of the eye on the picture's left",
    "its inner corner",
    "base of the nose",
)
"""The five landmarks of a framing, in its order."""
_HEAD = """\
# Position of the default character's face in the game's pictures, as fractions of width and height.
# size: side of the imitator's pictures, in pixels."""


def check_picture_size(size: int, framing: Framing | None = None) -> None:
    """Check that pictures are large enough for imitators, recognizers and parsers.

    Args:
        size: side in pixels.
        framing: place of the face in the pictures; None to check the side alone.

    Raises:
        UsageError: the side is too small, or in this framing the eyes are too close together, in
            pictures of :data:`SMALLEST_PICTURE` pixels, the size of the imitators.
    """
    if size < SMALLEST_PICTURE:
        raise UsageError(
            f"pictures must have at least {SMALLEST_PICTURE} pixels a side, to train an imitator "
            f"or a parser, got {size}",
            remedy=f"draw larger ones: --size {SMALLEST_PICTURE}",
        )
    eyes = SMALLEST_EYES if framing is None else framing.eye_distance(SMALLEST_PICTURE)
    if eyes < SMALLEST_EYES:
        raise UsageError(
            f"faces must have at least {SMALLEST_EYES:.0f} pixels between the eyes, for recognizer "
            f"and parser; the framing has {eyes:.1f} in a picture of {SMALLEST_PICTURE} pixels",
            remedy="move the game's camera closer to the face, and measure the framing again",
        )


def check_name(what: str, name: object) -> None:
    """Raise PluginError unless ``name`` is valid in a command line and in a path."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise PluginError(
            f"the name of a {what} must be lower-case letters, digits, _ and -, got {name!r}"
        )


@dataclass(frozen=True)
class Framing:
    """Position of a face in a game's pictures; photos are aligned to it.

    Attributes:
        size: side in pixels of the square pictures that the game's weights were trained for.
        landmarks: five points (x, y) as fractions of width and height, in the order of dlib's
            five-point model: outer and inner corner of the eye on the right of the picture, outer
            and inner corner of the eye on its left, base of the nose.
        by_hand: the points were measured by eye, because detectors do not find this face. Then a
            difference from a detector is a warning of `f2p check`, not a broken rule.
    """

    size: int
    landmarks: tuple[tuple[float, float], ...]
    by_hand: bool = False

    def __post_init__(self) -> None:
        size: object = self.size  # a file may hold any type
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise LayoutError(f"framing: size must be a whole number of pixels, got {size!r}")
        try:
            points = np.array(self.landmarks, dtype=np.float64)
        except (TypeError, ValueError):
            points = np.empty(0)
        if points.shape != (5, 2) or not np.isfinite(points).all():
            raise LayoutError(f"framing: landmarks must be five [x, y], got {self.landmarks!r}")
        object.__setattr__(self, "landmarks", tuple((float(x), float(y)) for x, y in points))
        by_hand: object = self.by_hand
        if not isinstance(by_hand, bool):
            raise LayoutError(f"framing: by_hand must be true or false, got {by_hand!r}")

    def pixels(self, size: int | None = None) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return the landmarks as float64 (5, 2) in pixels of a picture with side ``size``, by
        default :attr:`size`; (0, 0) is the centre of the top-left pixel."""
        return np.array(self.landmarks) * (self.size if size is None else size) - 0.5

    def eye_distance(self, size: int | None = None) -> float:
        """Return the pixels between the centres of the eyes in a picture with side ``size``."""
        points = self.pixels(size)
        return float(np.linalg.norm(points[:2].mean(axis=0) - points[2:4].mean(axis=0)))

    @classmethod
    def load(cls, path: str | Path) -> Framing:
        """Read a TOML file with the keys ``size``, ``landmarks`` and, optional, ``by_hand``."""
        table = read_toml(path)
        check_keys(path, table, ("size", "landmarks"), ("by_hand",))
        with error_prefix(path):
            return cls(**table)

    def save(self, path: str | Path) -> Path:
        """Write a TOML file that :meth:`load` reads, with four decimals of each landmark."""
        lines = [
            f"    [{x:.4f}, {y:.4f}],  # {what}"
            for (x, y), what in zip(self.landmarks, POINTS, strict=True)
        ]
        by_hand = ["by_hand = true"] if self.by_hand else []
        text = [_HEAD, f"size = {self.size}", *by_hand, "landmarks = [", *lines, "]"]
        return atomic_write(path, "\n".join(text) + "\n", error=LayoutError)


@dataclass(frozen=True)
class Kind:
    """One kind of character of a game: its layout, framing, weights and engine.

    Attributes:
        game, kind: names; together ``justice/female``.
        layout_path: TOML file of the layout, read at the first use of :attr:`layout`.
        framing_path: TOML file of the framing; None if photos cannot be fitted to this kind.
        weights: imitator weights by name, e.g. ``{"compact": Path(...)}``. A file may be absent
            (not trained yet), see :meth:`weights_state`.
        landmarks_path: file of the kind's landmark model, see `f2p train landmarks`; None, or
            absent, for fits without landmark terms.
        engine: returns the command line (argv) that starts an engine and connects it to the given
            endpoint; None if the engine must be started by hand.
    """

    game: str
    kind: str
    layout_path: Path
    framing_path: Path | None = None
    weights: Mapping[str, Path] = field(default_factory=dict)
    engine: Callable[[str], list[str]] | None = None
    landmarks_path: Path | None = None

    def __post_init__(self) -> None:
        check_name("game", self.game)
        check_name("kind", self.kind)

    @property
    def name(self) -> str:
        """``game/kind``."""
        return f"{self.game}/{self.kind}"

    @cached_property
    def layout(self) -> Layout:
        """Layout, read once; unknown groups are logged as warnings.

        Raises LayoutError if the file is invalid or of another game or kind.
        """
        layout = Layout.load(self.layout_path)
        if (layout.game, layout.kind) != (self.game, self.kind):
            raise LayoutError(
                f"{self.layout_path}: the file is the layout of {layout.game}/{layout.kind}, "
                f"the plugin offers it for {self.name}"
            )
        for sentence in unknown_groups(layout.groups):
            log.warning("%s: %s", self.layout_path, sentence)
        return layout

    @cached_property
    def framing(self) -> Framing:
        """Framing, read once. PluginError if the kind has none."""
        if self.framing_path is None:
            raise PluginError(
                f"{self.name} has no framing, so a photo cannot be aligned to it",
                remedy=f"measure one: f2p framing -g {self.name}; then give the game's Kind its "
                "framing_path",
            )
        if not self.framing_path.exists():
            raise LayoutError(
                f"{self.framing_path}: the framing of {self.name} is missing",
                remedy=f"measure it: f2p framing -g {self.name}",
            )
        return Framing.load(self.framing_path)

    def weights_state(self) -> dict[str, bool]:
        """Return the names of :attr:`weights`, each with True if its file exists."""
        return {name: Path(path).is_file() for name, path in self.weights.items()}


@dataclass(frozen=True)
class Game:
    """A game and its kinds of character. The name of the game alone selects the first kind."""

    name: str
    title: str
    kinds: tuple[Kind, ...]
    homepage: str = ""
    licence: str = ""

    def __post_init__(self) -> None:
        check_name("game", self.name)
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


@dataclass(frozen=True)
class FormatSpec:
    """A game's own file of a character, e.g. a preset; the extension of a file selects it.

    Attributes:
        name, title: for messages, and for people.
        game: name of the game.
        extensions: endings of file names in lower case, e.g. ``(".preset",)`` or
            ``(".card.png",)``. ``.json`` alone is the SDK's own file.
        read: from the content of a file and the layout of its kind to the character, e.g. by
            :meth:`Layout.character`. Any exception becomes an error with file and format.
        write: from a character, its layout, and its portrait uint8 (S, S, 3) RGB sRGB or None, to
            the content of a file.
        kind_of: from the content of a file to the name of its kind, e.g. ``"hero"``, for games with
            several kinds; None where the files do not tell it.
    """

    name: str
    title: str
    game: str
    extensions: tuple[str, ...]
    read: Callable[[bytes, Layout], Character]
    write: Callable[[Character, Layout, Picture | None], bytes]
    kind_of: Callable[[bytes], str] | None = None

    def __post_init__(self) -> None:
        check_name("format", self.name)
        check_name("game", self.game)
        subject = f"format {self.name!r}"
        extensions: Any = self.extensions  # a plugin may give any type
        if not isinstance(extensions, (list, tuple)) or not extensions:
            raise PluginError(f"{subject}: extensions must be a list of texts, got {extensions!r}")
        object.__setattr__(self, "extensions", tuple(extensions))
        for extension in extensions:
            if not isinstance(extension, str) or not _EXTENSION.fullmatch(extension):
                raise PluginError(
                    f"{subject}: an extension must be a dot and lower-case letters, digits, "
                    f"'.', '_' or '-', got {extension!r}"
                )
            if extension == ".json":
                raise PluginError(
                    f"{subject}: the extension .json is the SDK's own",
                    remedy="take a longer one, e.g. .preset.json",
                )
