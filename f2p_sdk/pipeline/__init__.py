"""Photo to character, and character to picture.

    result = fit("photo.jpg", "justice/female")
    result.character.save("character.json")

Likeness is measured on the engine's picture of the final character.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from .. import images, plugins
from ..errors import UsageError
from ..images import PhotoSource, Picture
from ..parameters import Character
from ..plugins.character_files import kind_and_character
from .fitting import SHOWN, Fitter
from .method import Method
from .methods import ABLATIONS, METHODS
from .renderers import weights_file
from .report import Progress
from .result import Candidate, FitResult, Subject

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from ..bridge import Host
    from ..kinds import Kind
    from ..parameters.character import Value

__all__ = [
    "ABLATIONS",
    "METHODS",
    "Candidate",
    "FitResult",
    "Fitter",
    "Method",
    "Progress",
    "Subject",
    "engine_count",
    "engine_for",
    "fit",
    "render",
    "weights_file",
]


def fit(
    photo: PhotoSource,
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
    """Fit a photo to a kind of character, verified in its engine.

    Starts the game's engine, two of them on a machine of several cores, and ends it. For several
    photos use :class:`Fitter`, which loads everything once.

    Args:
        game: ``"justice/female"``, or a Kind.
        engine: True starts one, False fits without, a Host uses the engines connected to it.
        photo, keep, seed, method, steps, face, progress: see :meth:`Fitter.fit`.

    Raises:
        F2PError: as :class:`Fitter` and :meth:`Fitter.fit`.
    """
    kind = plugins.game(game) if isinstance(game, str) else game
    weights_file(kind)  # missing weights fail before an engine starts
    with engine_for(kind, engine, engine_count()) as host:
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
    """Draw a character, or a file of one, as uint8 (size, size, 3) RGB sRGB.

    Args:
        character: a file is JSON or in the game's own format, see :func:`f2p_sdk.load_character`.
        game: the kind; default: the character's own.
        via: ``"imitator"`` or ``"engine"``.
        size: pixels; default: the imitator's own, or 512 by the engine.

    Raises:
        F2PError: CharacterError, WeightsError, BridgeError; UsageError for another ``via``.
    """
    if via not in ("imitator", "engine"):
        raise UsageError(f"via must be 'imitator' or 'engine', got {via!r}")
    if isinstance(character, Character):
        game, known = game or character.name, character
        kind = plugins.game(game) if isinstance(game, str) else game
    else:
        kind, known = kind_and_character(character, game)
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
    """Return a context with engines started for it, the given host, or None."""
    if engine is False:
        return nullcontext(None)
    if engine is not True:
        return nullcontext(engine)
    from ..bridge import open_engine

    return open_engine(kind, engines=engines)


def engine_count() -> int:
    """Return the number of engines for one fit: it requests pictures in small batches."""
    return min(2, os.cpu_count() or 1)
