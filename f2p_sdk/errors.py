"""One tree of errors for the whole SDK.

Every error that a user can cause or meet is an :class:`F2PError`: its message names the subject,
the rule and the value, and ``remedy`` says what to do next. The command line prints both and leaves
with ``exit_code``; anything that is not an ``F2PError`` is a defect of the SDK.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "BridgeError",
    "CharacterError",
    "DatasetError",
    "EngineError",
    "EngineLostError",
    "EngineTimeoutError",
    "F2PError",
    "FaceError",
    "ImageError",
    "LayoutError",
    "NoFaceError",
    "PluginError",
    "ProtocolError",
    "SearchError",
    "TrainingError",
    "UnknownNameError",
    "UsageError",
    "WeightsError",
    "did_you_mean",
]


class F2PError(Exception):
    """Base of all errors of the SDK.

    Args:
        message: one sentence: the subject, the rule it breaks, the value that breaks it.
        remedy: what the reader should do next; empty where nothing sensible can be said.
    """

    exit_code: int = 1

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  next: {self.remedy}" if self.remedy else self.message

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions cross process borders (multiprocessing): keep the keyword argument.
        return (_rebuild, (type(self), self.message, self.remedy))


def _rebuild(cls: type[F2PError], message: str, remedy: str) -> F2PError:
    error = cls.__new__(cls)
    F2PError.__init__(error, message, remedy=remedy)
    return error


class UsageError(F2PError):
    """The caller asked for something that makes no sense; the command line exits with 2."""

    exit_code = 2


class LayoutError(F2PError):
    """A layout file breaks a rule: names file, parameter, rule and value."""


class CharacterError(F2PError):
    """A character does not fit its layout: unknown, missing or wrong values, or another layout."""


class ImageError(F2PError):
    """A file or a byte string is not a picture that can be used."""


class FaceError(F2PError):
    """The faces in a picture are not what was asked for."""


class NoFaceError(FaceError):
    """No face was found in a picture."""


class WeightsError(F2PError):
    """A weights file is damaged, is not safetensors, or belongs to another layout."""


class PluginError(F2PError):
    """A plugin cannot be loaded, or offers something that breaks the contract of its hook."""


class UnknownNameError(PluginError):
    """A game, kind, recognizer or detector of this name is not installed.

    Args:
        what: the sort of thing that was looked for, e.g. ``"game"``.
        name: the name that was asked for.
        known: the names there are; the nearest are suggested.
    """

    def __init__(
        self, what: str, name: str, known: Iterable[str] = (), *, remedy: str = ""
    ) -> None:
        names = sorted(known)
        message = f"there is no {what} named {name!r}"
        if not remedy:
            near = did_you_mean(name, names)
            if near:
                remedy = near
            elif names:
                remedy = f"use one of: {', '.join(names)}"
        super().__init__(message, remedy=remedy)
        self.name = name
        self.known = tuple(names)


class BridgeError(F2PError):
    """Something went wrong between the SDK and an engine."""


class ProtocolError(BridgeError):
    """The other side speaks another protocol, another version of it, or nonsense."""


class EngineLostError(BridgeError):
    """The engine went away in the middle of its work."""


class EngineTimeoutError(BridgeError):
    """The engine did not answer before the deadline."""


class EngineError(BridgeError):
    """The engine itself reported an error; message and remedy are the engine's own."""


class DatasetError(F2PError):
    """A folder of captured pictures is missing, damaged or belongs to another layout."""


class TrainingError(F2PError):
    """Training cannot start or cannot go on."""


class SearchError(F2PError):
    """The search for a character cannot start or went wrong."""


def did_you_mean(name: str, known: Iterable[str], limit: int = 3) -> str:
    """``"did you mean 'x' or 'y'?"`` for the nearest of ``known``; empty if none is near."""
    matcher = difflib.SequenceMatcher(b=name.lower())  # the second sequence is the one it keeps
    scores = []
    for candidate in known:
        matcher.set_seq1(candidate.lower())
        scores.append((-matcher.ratio(), candidate))
    scores.sort()
    # Near enough at all, and nearly as near as the best.
    near = [c for score, c in scores if -score >= 0.6 and score - scores[0][0] <= 0.1][:limit]
    return f"did you mean {' or '.join(map(repr, near))}?" if near else ""
