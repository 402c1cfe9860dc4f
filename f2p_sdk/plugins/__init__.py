"""Finding plugins, and everything they offer, by name.

A plugin that cannot be imported, whose offers break the contract, or that misspells a hook is named
in :func:`plugins` with its error, and skipped; all others go on working.
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
    Parser,
    ParserSpec,
    Recognizer,
    RecognizerSpec,
)
from ..kinds import Game, Kind
from .manager import PluginInfo, PluginManager, why_not

if TYPE_CHECKING:
    import click

__all__ = [
    "PluginInfo",
    "PluginManager",
    "checks",
    "commands",
    "detector",
    "detectors",
    "game",
    "games",
    "kinds",
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
    """The one manager of this process, with every installed plugin loaded."""
    made = PluginManager()
    made.load_entry_points()
    return made


def plugins() -> list[PluginInfo]:
    """All installed plugins, broken ones included."""
    return manager().infos()


def games() -> list[Game]:
    """All games there are adapters for, sorted by name."""
    found: list[Game] = manager().collect("f2p_games")
    return sorted(found, key=lambda game: game.name)


def kinds() -> list[Kind]:
    """All kinds of all games."""
    return [kind for game in games() for kind in game.kinds]


def game(name: str) -> Kind:
    """The kind of character called ``"justice/female"``; ``"justice"`` alone means its first kind.

    Raises UnknownNameError with the nearest names if there is none.
    """
    wanted, slash, kind = name.partition("/")
    by_name = {game.name: game for game in games()}
    if wanted not in by_name:
        remedy = "" if by_name else "install an adapter, e.g. f2p-justice, then look at `f2p games`"
        raise UnknownNameError("game", wanted, by_name, remedy=remedy)
    found = by_name[wanted].kinds
    if not slash:
        return found[0]
    for candidate in found:
        if candidate.kind == kind:
            return candidate
    raise UnknownNameError("game", name, [candidate.name for candidate in found])


def recognizers() -> list[RecognizerSpec]:
    """All recognizers on offer, best first."""
    return list(manager().collect("f2p_recognizers"))


def parsers() -> list[ParserSpec]:
    """All face parsers on offer, best first."""
    return list(manager().collect("f2p_parsers"))


def detectors() -> list[DetectorSpec]:
    """All face detectors on offer, best first."""
    return list(manager().collect("f2p_detectors"))


def recognizer(name: str | None = None) -> Recognizer:
    """The recognizer of this name, or the best that can be used; loaded at the first call.

    Raises UnknownNameError, or PluginError where it cannot be used.
    """
    found: Recognizer = manager().load("recognizer", name, recognizers())
    return found


def likeness_recognizer() -> Recognizer | None:
    """The first usable recognizer that measures likeness for reports; None without one."""
    found = usable([spec for spec in recognizers() if spec.measures_likeness])
    return recognizer(found[0]) if found else None


def detector(name: str | None = None) -> Detector:
    """The face detector of this name, or the best that can be used; as :func:`recognizer`."""
    found: Detector = manager().load("detector", name, detectors())
    return found


def parser(name: str | None = None) -> Parser:
    """The face parser of this name, or the best that can be used; as :func:`recognizer`."""
    found: Parser = manager().load("parser", name, parsers())
    return found


def commands() -> list[click.Command]:
    """The commands that plugins add to ``f2p``."""
    return list(manager().collect("f2p_commands"))


def checks() -> list[CheckSpec]:
    """The checks that plugins add to ``f2p check``."""
    return list(manager().collect("f2p_checks"))


def usable(specs: Sequence[RecognizerSpec | DetectorSpec | ParserSpec]) -> list[str]:
    """Names of those that can be loaded, in the same order."""
    return [spec.name for spec in specs if why_not(spec) is None]
