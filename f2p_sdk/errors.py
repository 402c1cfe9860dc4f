"""Exception classes of the SDK.

Every error that a user can cause or meet is an :class:`F2PError`. Its message names the subject,
the rule and the value; ``remedy`` names the next step. The command line prints both and exits with
``exit_code``. Any other exception is a defect of the SDK or of a plugin.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

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
]


class F2PError(Exception):
    """Base of all errors of the SDK.

    Args:
        message: one sentence with the subject, the rule it breaks and the wrong value.
        remedy: next step for the reader; empty if there is none.
    """

    exit_code: int = 1

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  next: {self.remedy}" if self.remedy else self.message

    def __reduce__(self) -> tuple[object, ...]:
        # Pickling between processes must keep the keyword argument.
        return (_rebuild, (type(self), self.message, self.remedy))


def _rebuild(cls: type[F2PError], message: str, remedy: str) -> F2PError:
    error = cls.__new__(cls)
    F2PError.__init__(error, message, remedy=remedy)
    return error


class UsageError(F2PError):
    """Invalid arguments or options; the command line exits with 2."""

    exit_code = 2


class LayoutError(F2PError):
    """A layout breaks a rule; the message names file, parameter, rule and value."""


class CharacterError(F2PError):
    """A character does not match its layout: unknown, missing or wrong values, or another hash."""


class ImageError(F2PError):
    """A file, a byte string or an array is not a usable picture."""


class FaceError(F2PError):
    """A picture has no usable face, or not the requested one."""


class NoFaceError(FaceError):
    """The detector found no face in a picture."""


class WeightsError(F2PError):
    """A weights file is damaged, is not safetensors, or belongs to another layout."""


class PluginError(F2PError):
    """A plugin cannot be loaded, or a value that it offers breaks the rules of its hook."""


class UnknownNameError(PluginError):
    """No game, kind, recognizer, detector or parser of this name is installed.

    Args:
        what: type of the object, e.g. ``"game"``.
        name: unknown name.
        known: valid names; the remedy suggests the nearest ones.
        note: end of the message, e.g. about plugins that failed.
    """

    def __init__(
        self, what: str, name: str, known: Iterable[str] = (), *, remedy: str = "", note: str = ""
    ) -> None:
        names = sorted(known)
        listed = f"use one of: {', '.join(names)}" if names else ""
        super().__init__(
            f"there is no {what} named {name!r}{note}",
            remedy=remedy or did_you_mean(name, names) or listed,
        )
        self.name = name
        self.known = tuple(names)


class BridgeError(F2PError):
    """The connection between the SDK and an engine failed."""


class ProtocolError(BridgeError):
    """The peer sent an invalid message or uses another version of the protocol."""


class EngineLostError(BridgeError):
    """The engine disconnected before it answered."""


class EngineTimeoutError(BridgeError):
    """The engine did not answer before the deadline."""


class EngineError(BridgeError):
    """An error that the engine reported, with the engine's message and remedy."""


class DatasetError(F2PError):
    """A captured dataset is missing, damaged or belongs to another layout."""


class TrainingError(F2PError):
    """Training cannot start or cannot continue."""


class SearchError(F2PError):
    """The search for a character cannot start or failed."""


def did_you_mean(name: str, known: Iterable[str], limit: int = 3) -> str:
    """Return ``"did you mean 'x' or 'y'?"`` for close matches of ``name``, or an empty string.

    The comparison ignores case. At most ``limit`` names are suggested, the best match first.
    """
    by_lower = {candidate.lower(): candidate for candidate in known}
    near = difflib.get_close_matches(name.lower(), by_lower, n=limit)
    return f"did you mean {' or '.join(repr(by_lower[key]) for key in near)}?" if near else ""


@contextmanager
def error_prefix(subject: object) -> Iterator[None]:
    """Prepend ``subject``, e.g. the path of a file, to the messages of errors in the block."""
    try:
        yield
    except F2PError as error:
        raise _rebuild(type(error), f"{subject}: {error.message}", error.remedy) from None
