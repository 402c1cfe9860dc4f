"""Targets that a photo gives, and the objective that compares candidates with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..images import Picture
from ..metrics import lab_to_srgb
from ..objective import (
    ChoicePrior,
    ClassColour,
    Colour,
    Content,
    Distance,
    EntropyPenalty,
    Identity,
    Landmarks,
    Leak,
    Objective,
    Parsed,
    Parts,
    Prior,
    Term,
    WhitenedPrior,
)
from ..parameters import Character, Layout
from ..parsing.picture_parser import PictureParser
from ..recognizers.embedding import Points
from ..search import Space
from ..tensors import to_tensor
from .background import backdrop_colour
from .colours import CellColours, photo_colours, picture_colours
from .expression import NeutralFace
from .hair import HAIR, PhotoHair
from .method import Method
from .result import Subject

__all__ = ["Targets", "slider_prior"]

# Terms that are left out where there is no parser, or no dense landmarks.
_OPTIONAL = {"content", "parts", "hair_colour", "landmarks", "leak"}
_MOUTH = ("upper_lip", "inner_mouth", "lower_lip")


@dataclass(frozen=True)
class Targets:
    """Targets of one photo."""

    embeddings: Tensor  # (T, E), of T crops of the photo
    colours: CellColours
    strictness: float = 0.5  # of the term ``colour``
    # Output for the aligned photo, class weights (K,) of the terms ``content`` and ``parts``.
    parsed: tuple[Parsed, Tensor, Tensor] | None = None
    face: NeutralFace | None = None
    hair: PhotoHair | None = None
    hair_class: int = -1  # index of the parser's class
    prior: Term | None = None  # of the sliders; a plain one around the start where it is None
    cosine: bool = False  # the recognizer compares embeddings by angle

    @classmethod
    def of(
        cls,
        subject: Subject,
        method: Method,
        landmarks: Points,
        average: Picture,
        reader: PictureParser | None,
        *,
        prior: Term | None = None,
        cosine: bool = False,
    ) -> Targets:
        """Return the targets of a photo for one method.

        Args:
            landmarks: float64 (5, 2) of the framing, fractions of the picture.
            average: uint8 (S, S, 3), the game's picture of the average character.
        """
        aligned = subject.aligned.picture
        parsed, classes, hair, hair_class = None, {}, None, -1
        if reader is not None:
            with torch.no_grad():
                found = reader(to_tensor(aligned))
            aware = subject.face is not None and method.weights.get("landmarks")
            calm = 1 - subject.face.mouth if subject.face is not None and aware else 1.0
            weights = [
                reader.class_weights(
                    {name: w * (calm if name in _MOUTH else 1) for name, w in table.items()}
                )
                for table in (method.classes, method.places)
            ]
            parsed = found, weights[0], weights[1]
            names = list(reader.parser.classes)
            classes = dict(zip(names, found.probabilities[0], strict=True))
            hair_class = names.index(HAIR) if HAIR in names else -1
        if method.own_picture:
            colours = picture_colours(aligned, method.grid)
        else:
            wall = backdrop_colour(average, landmarks)
            if HAIR in classes and "background" in classes:
                hair = PhotoHair.of(aligned, classes, landmarks, drawn=subject.drawn)
            colours = photo_colours(
                aligned, landmarks, wall, method.grid, classes, drawn=subject.drawn
            )
        embeddings = subject.target if method.mirrored else subject.target[:1]
        return cls(
            embeddings,
            colours,
            1.0 if subject.drawn else method.strictness,
            parsed,
            subject.face,
            hair,
            hair_class,
            prior,
            cosine,
        )

    def objective(self, space: Space, weights: Mapping[str, float]) -> Objective:
        """Return the objective with these weights by term name.

        Terms that need a parser or dense landmarks are left out where there are none. Priors are
        centred on the start of the space.
        """
        makers: dict[str, Callable[[], Term]] = {
            "identity": lambda: Identity(self.embeddings),
            "distance": lambda: (Identity if self.cosine else Distance)(self.embeddings),
            "prior": lambda: self.prior or Prior(space.start[: space.continuous]),
            "entropy": lambda: EntropyPenalty(space.groups),
            "choice_prior": lambda: ChoicePrior(space.start, space.groups),
            "colour": lambda: Colour(self.colours.colours, self.colours.weight, self.strictness),
        }
        if self.parsed is not None:
            parsed, classes, places = self.parsed
            makers["content"] = lambda: Content.of(parsed, classes)
            makers["parts"] = lambda: Parts(parsed.probabilities, places)
            if self.hair is not None and (colour := self.hair.colour) is not None:
                target = torch.from_numpy(lab_to_srgb(colour) / 255).float()
                makers["hair_colour"] = lambda: ClassColour(target, self.hair_class)
        if self.face is not None:
            face = self.face
            makers["landmarks"] = lambda: Landmarks(face.points, face.weights)
            makers["leak"] = lambda: Leak(face.neutral, face.leaks)
        return Objective(
            {
                name: (weight, makers[name]())
                for name, weight in weights.items()
                if name in makers or name not in _OPTIONAL
            }
        )


def slider_prior(
    layout: Layout, start: Tensor, population: Sequence[Character] = (), ends: float = 0.0
) -> Term:
    """Return the prior around ``start`` (D,), with the layout's weight of each slider.

    The sliders of a population of characters whiten it per parameter group. Without a population,
    ``ends`` keeps sliders from their ends, see :class:`Prior`.
    """
    mean = start[: layout.n_continuous]
    weight = torch.tensor([slider.prior for slider in layout.continuous])
    if not population:
        return Prior(mean, weight, ends)
    sliders = np.stack([layout.encode(one)[: layout.n_continuous] for one in population])
    groups: dict[str, list[int]] = {}
    for column, slider in enumerate(layout.continuous):
        groups.setdefault(slider.group, []).append(column)
    whitened = WhitenedPrior.of(mean, torch.from_numpy(sliders), list(groups.values()))
    scaled = tuple((k, weight[k].sqrt()[:, None] * matrix) for k, matrix in whitened.groups)
    return replace(whitened, groups=scaled)
