"""From a photo to a character, from a character to a picture: the place that joins all rooms.

    result = fit("photo.jpg", "justice/female")
    result.character.save("character.json")

Likeness is measured on the engine's picture of the final character, never on the imitator's alone.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from .. import images, plugins
from ..errors import UsageError
from ..images import Picture
from ..parameters import Character
from .fitting import SHOWN, Fitter
from .recipes import ABLATIONS, RECIPES, Recipe
from .renderers import weights_file
from .report import Progress
from .result import FitResult, Subject

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from ..bridge import Host
    from ..kinds import Kind
    from ..parameters.character import Value

__all__ = [
    "ABLATIONS",
    "RECIPES",
    "FitResult",
    "Fitter",
    "Progress",
    "Recipe",
    "Subject",
    "engine_for",
    "fit",
    "render",
    "side_by_side",
    "weights_file",
]


def fit(
    photo: str | Path | bytes | Picture,
    game: str | Kind,
    *,
    keep: Mapping[str, Value] | None = None,
    seed: int = 0,
    method: str = "best",
    steps: int | None = None,
    face: int | None = None,
    engine: bool | Host = True,
    progress: Progress | None = None,
) -> FitResult:
    """A photo to a character of ``game``, verified in its engine.

    Starts the game's engine, twice on a machine of several cores, and ends it again. ``engine``:
    False fits without one, a Host uses the engines connected to it. For several photos use
    :class:`Fitter`, which loads everything once.
    The other arguments and the errors are those of :meth:`Fitter.fit`.
    """
    kind = plugins.game(game) if isinstance(game, str) else game
    weights_file(kind)  # before an engine is started for nothing
    with engine_for(kind, engine, side_by_side()) as host:
        return Fitter(kind, host).fit(
            photo, keep=keep, seed=seed, method=method, steps=steps, face=face, progress=progress
        )


def render(
    character: Character | str | Path,
    game: str | Kind | None = None,
    *,
    via: str = "imitator",
    size: int | None = None,
    engine: bool | Host = True,
    weights: str | Path | None = None,
) -> Picture:
    """A character, or a file of one, to a picture uint8 (size, size, 3) RGB sRGB.

    Args:
        game: the kind it belongs to; default: what the character says.
        via: ``"imitator"`` or ``"engine"``.
        size: pixels; default: the imitator's own, or 512 by the engine.

    Raises:
        F2PError: CharacterError, WeightsError, BridgeError; UsageError for another ``via``.
    """
    if via not in ("imitator", "engine"):
        raise UsageError(f"via must be 'imitator' or 'engine', got {via!r}")
    kind = _kind_of(character, game)
    if isinstance(character, Character):
        known = character
    else:
        known = Character.load(character, kind.layout)
    vector = kind.layout.encode(known)
    if via == "engine":
        with engine_for(kind, engine) as host:
            if host is None:
                raise UsageError("via 'engine' needs an engine, and engine=False was given")
            host.wait()
            drawn = host.render(
                dict(known.values), kind=kind.kind, size=size or max(SHOWN, kind.framing.size)
            )
            return drawn.color
    import torch

    from ..tensors import to_array
    from .renderers import open_imitator

    imitator, _ = open_imitator(kind, weights)
    with torch.no_grad():
        picture = to_array(imitator(torch.from_numpy(vector)[None]))
    return picture if size is None else images.resize(picture, size)


def engine_for(
    kind: Kind, engine: bool | Host = True, engines: int = 1
) -> AbstractContextManager[Host | None]:
    """The engine to use: some started for the occasion, a given host, or none."""
    if engine is False:
        return nullcontext(None)
    if engine is not True:
        return nullcontext(engine)
    from ..bridge import open_engine

    return open_engine(kind, engines=engines)


def side_by_side() -> int:
    """How many engines serve one fit best: what it asks of them comes in handfuls."""
    return min(2, os.cpu_count() or 1)


def _kind_of(character: Character | str | Path, game: str | Kind | None) -> Kind:
    """The kind that is named, or the one that the character belongs to."""
    if game is None:
        game = character.name if isinstance(character, Character) else Character.game_of(character)
    return plugins.game(game) if isinstance(game, str) else game
