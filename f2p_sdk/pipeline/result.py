"""Photo before the search, and result after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ..images import Picture

if TYPE_CHECKING:
    from ..alignment import Aligned, PickedFace
    from ..parameters import Character
    from .expression import NeutralFace

__all__ = ["Candidate", "FitResult", "Subject"]


@dataclass(frozen=True)
class Subject:
    """A photo with its face found, aligned and embedded.

    Attributes:
        picked: the face.
        aligned: the photo in the game's framing.
        target: (2, E), embeddings of the face and of its mirror image, by the search's recognizer.
        measured: (E',), embedding by the recognizer that measures likeness.
        own: the engine itself drew the picture.
        face: without expression and turn; None without a landmarker or a landmark model.
        hints: sentences for the user about defects of the photo's file.
    """

    picked: PickedFace
    aligned: Aligned
    target: Tensor
    measured: Tensor
    own: bool = False
    face: NeutralFace | None = None
    hints: tuple[str, ...] = ()


@dataclass(frozen=True)
class Candidate:
    """The fitted face with another hairstyle; ``picture`` is the engine's, uint8 (S, S, 3)."""

    character: Character
    picture: Picture = field(repr=False)


@dataclass(frozen=True)
class FitResult:
    """Result of a fit.

    Attributes:
        character: values for the game.
        picture: uint8 (S, S, 3) RGB sRGB, the engine's picture of it; None without an engine.
        as_photo: uint8 (S, S, 3), the engine's picture of it in the photo's expression, turn and
            light; None without an engine that draws scenes, or without dense landmarks.
        imitation: uint8 (s, s, 3), the imitator's picture of it.
        photo: uint8 (S, S, 3), the photo in the game's framing.
        subject: the photo as analysed before the search.
        report: verdict, losses, distances, times, versions; ready for JSON.
        photos: all photos of the person in the game's framing; ``photo`` is the best of them.
        candidates: the same face with the next likeliest hairstyles, the likeliest first.
    """

    character: Character
    picture: Picture | None = field(repr=False)
    as_photo: Picture | None = field(repr=False)
    imitation: Picture = field(repr=False)
    photo: Picture = field(repr=False)
    subject: Subject = field(repr=False)
    report: Mapping[str, Any] = field(repr=False)
    photos: tuple[Picture, ...] = field(repr=False, default=())
    candidates: tuple[Candidate, ...] = ()
