"""What comes of a photo, and what is known of it before the search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ..images import Picture

if TYPE_CHECKING:
    from ..alignment import Aligned, PickedFace
    from ..parameters import Character

__all__ = ["FitResult", "Subject"]


@dataclass(frozen=True)
class Subject:
    """A photo as far as it is understood before the search.

    ``target`` is (2, E): the embedding of the face as it is, and mirrored, by the search's
    recognizer. ``judged`` is (E',), by the one whose distance is told. ``own``: the game drew it.
    """

    picked: PickedFace
    aligned: Aligned
    target: Tensor
    judged: Tensor
    own: bool = False


@dataclass(frozen=True)
class FitResult:
    """What came of a photo.

    Attributes:
        character: the values for the game.
        picture: uint8 (S, S, 3), the engine's picture of it; None when fitted without an engine.
        imitation: uint8 (s, s, 3), what the imitator makes of the same character.
        photo: uint8 (S, S, 3), the photo in the game's frame.
        subject: the photo as it was understood.
        report: losses, distances, times, versions; plain values, ready for JSON.
    """

    character: Character
    picture: Picture | None = field(repr=False)
    imitation: Picture = field(repr=False)
    photo: Picture = field(repr=False)
    subject: Subject = field(repr=False)
    report: Mapping[str, Any] = field(repr=False)
