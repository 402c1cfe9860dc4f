"""Conversion of a character of one game into a character of another, by its looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .. import plugins
from ..errors import UsageError
from ..images import Photo
from ..parameters import Character
from ..plugins.character_files import kind_and_character
from . import engine_for, fit, weights_file
from .fitting import SHOWN

if TYPE_CHECKING:
    from ..bridge import Host
    from ..kinds import Kind
    from ..parameters.character import Value
    from .report import Progress
    from .result import FitResult

__all__ = ["check_conversion", "convert", "portrait"]


def convert(
    character: Character | str | Path,
    to: str | Kind,
    *,
    game: str | Kind | None = None,
    keep: Mapping[str, Value] | None = None,
    seed: int = 0,
    method: str = "best",
    steps: int | None = None,
    engine: bool | Host = True,
    source_engine: bool | Host = True,
    progress: Progress | None = None,
) -> FitResult:
    """Convert a character of one kind to a character of another kind, of the same or another game.

    The engine of the character's kind draws its portrait, and the portrait is fitted as a photo.

    Args:
        character: a file is JSON or in the game's own format, see :func:`f2p_sdk.load_character`.
        to: the new kind, ``"justice/male"``, or a Kind.
        game: the kind of ``character``; default: its own.
        engine: of the new kind, see :func:`f2p_sdk.fit`.
        source_engine: of the character's kind: True starts one, a Host uses the engines connected
            to it.
        keep, seed, method, steps, progress: see :meth:`Fitter.fit`.

    Returns:
        The fit; ``photo`` is the portrait in the framing of the new kind, and ``as_photo`` is None.

    Raises:
        F2PError: as :func:`f2p_sdk.fit`; CharacterError; UsageError for the same kind; NoFaceError
            where the detector finds no face in the portrait.
    """
    if isinstance(character, Character):
        game = game or character.name
        source, known = plugins.game(game) if isinstance(game, str) else game, character
    else:
        source, known = kind_and_character(character, game)
    target = plugins.game(to) if isinstance(to, str) else to
    check_conversion(source, target)
    drawn = portrait(known, source, target, engine=source_engine)
    found = fit(
        drawn,
        target,
        keep=keep,
        seed=seed,
        method=method,
        steps=steps,
        engine=engine,
        progress=progress,
    )
    # The portrait has no expression, and its light is that of its engine.
    return replace(found, as_photo=None)


def check_conversion(source: Kind, target: Kind, weights: str | Path | None = None) -> None:
    """Check before an engine starts that characters of one kind can become those of another.

    Raises:
        UsageError: both are the same kind.
        PluginError: the new kind has no framing.
        LayoutError, WeightsError: the new kind cannot be fitted.
    """
    if source.name == target.name:
        raise UsageError(
            f"the character is of {source.name} already: it cannot be converted to the same kind",
            remedy="name another kind, see `f2p games`",
        )
    _ = target.framing, target.layout
    weights_file(target, weights)


def portrait(
    character: Character, source: Kind, target: Kind, *, engine: bool | Host = True
) -> Photo:
    """Return the portrait of a character by its engine, in a size for a fit of ``target``.

    Raises:
        F2PError: CharacterError, BridgeError; UsageError for ``engine=False``.
    """
    source.layout.encode(character)  # a wrong character fails before an engine starts
    with engine_for(source, engine) as host:
        if host is None:
            raise UsageError(
                "a conversion needs the engine of the character, and source_engine=False was given"
            )
        size = min(max(SHOWN, target.framing.size), host.wait().max_size)
        drawn = host.render(dict(character.values), kind=source.kind, size=size)
    return Photo(
        drawn.color,
        f"the portrait of {source.name} by its engine",
        remedy="the detector does not see a face in the engine's picture: look at it with "
        "`f2p render CHARACTER -o portrait.png --via engine`, or install a detector that sees it",
        kind=source.name,
    )
