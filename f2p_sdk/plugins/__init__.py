"""Access to plugins and to the objects that they provide, by name.

:func:`plugins` reports a plugin that cannot be imported, breaks the rules of a hook or misspells
its name. The invalid part is left out; all other plugins work.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from ..errors import UnknownNameError
from ..hookspecs import (
    CheckSpec,
    Detector,
    DetectorSpec,
    Landmarker,
    LandmarkerSpec,
    Parser,
    ParserSpec,
    Recognizer,
    RecognizerSpec,
)
from ..kinds import FormatSpec, Game, Kind
from .info import DISABLE, PluginInfo
from .manager import PluginManager, unavailable_reason

if TYPE_CHECKING:
    import click

__all__ = [
    "DISABLE",
    "PluginInfo",
    "PluginManager",
    "checks",
    "commands",
    "detector",
    "detectors",
    "formats",
    "game",
    "games",
    "kinds",
    "landmarker",
    "landmarkers",
    "likeness_recognizer",
    "manager",
    "parser",
    "parsers",
    "plugins",
    "recognizer",
    "recognizers",
    "usable",
]


@lru_cache(maxsize=1)
def manager() -> PluginManager:
    """Return the manager of this process with all installed plugins."""
    made = PluginManager()
    made.load_entry_points()
    return made


def plugins() -> list[PluginInfo]:
    """Return all installed plugins, including broken ones."""
    return manager().infos()


def games() -> list[Game]:
    """Return the games of all adapters, sorted by name."""
    found: list[Game] = manager().collect("f2p_games")
    return sorted(found, key=lambda game: game.name)


def kinds() -> list[Kind]:
    """Return all kinds of all games."""
    return [kind for game in games() for kind in game.kinds]


def game(name: str) -> Kind:
    """Return the kind of this name, e.g. ``"justice/female"``; ``"justice"`` gives its first kind.

    Raises UnknownNameError with the nearest names and the plugins that failed, or PluginError if
    two plugins provide the game.
    """
    title, slash, _ = name.partition("/")
    by_title = {game.name: game for game in games()}
    if title not in by_title:
        remedy = "" if by_title else "install an adapter, e.g. f2p-justice, then run `f2p games`"
        raise UnknownNameError("game", title, by_title, remedy=remedy, note=manager().note())
    manager().use(f"game {title}")
    by_name = {kind.name: kind for kind in by_title[title].kinds}
    if slash and name not in by_name:
        raise UnknownNameError("game", name, by_name)
    return by_name[name] if slash else by_title[title].kinds[0]


def recognizers() -> list[RecognizerSpec]:
    """Return all recognizers, best first."""
    return list(manager().collect("f2p_recognizers"))


def parsers() -> list[ParserSpec]:
    """Return all face parsers, best first."""
    return list(manager().collect("f2p_parsers"))


def detectors() -> list[DetectorSpec]:
    """Return all face detectors, best first."""
    return list(manager().collect("f2p_detectors"))


def landmarkers() -> list[LandmarkerSpec]:
    """Return all landmarkers, best first."""
    return list(manager().collect("f2p_landmarkers"))


def recognizer(name: str | None = None) -> Recognizer:
    """Return the recognizer of this name, or the best available one; the first call loads it.

    Raises UnknownNameError, or PluginError if it is not available.
    """
    found: Recognizer = manager().load("recognizer", name, recognizers())
    return found


def likeness_recognizer() -> Recognizer | None:
    """The first usable recognizer that measures likeness for reports; None without one."""
    found = usable([spec for spec in recognizers() if spec.measures_likeness])
    return recognizer(found[0]) if found else None


def detector(name: str | None = None) -> Detector:
    """Return the face detector of this name, or the best available one; as :func:`recognizer`."""
    found: Detector = manager().load("detector", name, detectors())
    return found


def landmarker(name: str | None = None) -> Landmarker | None:
    """Return the landmarker of this name; without a name the best available one, or None.

    Raises UnknownNameError, or PluginError if the named one is not available.
    """
    specs = landmarkers()
    if name is None and not usable(specs):
        return None
    found: Landmarker = manager().load("landmarker", name, specs)
    return found


def parser(name: str | None = None) -> Parser:
    """Return the face parser of this name, or the best available one; as :func:`recognizer`."""
    found: Parser = manager().load("parser", name, parsers())
    return found


def commands() -> list[click.Command]:
    """Return the commands that plugins add to ``f2p``."""
    return list(manager().collect("f2p_commands"))


def checks() -> list[CheckSpec]:
    """Return the checks that plugins add to ``f2p check``."""
    return list(manager().collect("f2p_checks"))


def formats() -> list[FormatSpec]:
    """Return the games' own file formats of characters."""
    return list(manager().collect("f2p_formats"))


def usable(
    specs: Sequence[RecognizerSpec | DetectorSpec | ParserSpec | LandmarkerSpec],
) -> list[str]:
    """Return the names of the available ones in the same order."""
    return [spec.name for spec in specs if unavailable_reason(spec) is None]
