"""State of a plugin: its faults, each with the line of the plugin's source that causes it."""

from __future__ import annotations

import inspect
import traceback
from dataclasses import dataclass, field
from types import ModuleType

from ..errors import F2PError

DISABLE = "F2P_DISABLE_PLUGINS"
"""Environment variable with names of plugins, or of their packages, joined by commas: these are
not loaded."""


@dataclass
class PluginInfo:
    """State of one installed plugin.

    Attributes:
        name: of its entry point.
        dist, version: of its package; empty if it was registered from Python.
        status: ``"ok"``, ``"broken"`` (not loaded, provides nothing), ``"faulty"`` (loaded, but
            invalid objects are left out) or ``"disabled"`` (not loaded, by ``DISABLE``).
        error: one line per fault, with file and line of the source; empty without faults.
        provides: objects that it provides, e.g. ``["game justice"]``.
        waiting: provided objects that are not available yet, each with the reason and the next
            step, e.g. ``{"recognizer light-cnn": "its weights are not there ..."}``; no fault.
        details: traceback of each fault, for ``--debug``.
    """

    name: str
    dist: str = ""
    version: str = ""
    status: str = "ok"
    error: str = ""
    provides: list[str] = field(default_factory=list)
    waiting: dict[str, str] = field(default_factory=dict)
    details: str = ""

    @property
    def remedy(self) -> str:
        """Next step of a plugin with a fault."""
        update = f", update it (pip install --upgrade {self.dist})" if self.dist else ""
        return f"mend it{update}, or leave it out: {DISABLE}={self.name.partition(' ')[0]}"

    def fault(
        self, error: BaseException, hook: str = "", source: object = None, *, broken: bool = False
    ) -> None:
        """Record a fault.

        Args:
            error: its message is the text of the fault.
            hook: where it happened; the text begins with it.
            source: module, function or name of a module of the plugin, for the line.
            broken: True if the plugin provides nothing.
        """
        message = error.message if isinstance(error, F2PError) else described(error)
        text = f"{hook}: {message}" if hook else message
        place = source_line(error, source)
        line = f"{text} ({place})" if place else text
        self.status = "broken" if broken else "faulty"
        self.error = f"{self.error}\n{line}" if self.error else line
        self.details += "".join(traceback.format_exception(error))


def described(error: BaseException) -> str:
    """Type and text of an exception."""
    return f"{type(error).__name__}: {error}"


def source_line(error: BaseException, source: object) -> str:
    """``FILE:LINE`` of a plugin's source: where it raised ``error``, else where ``source`` is.

    Args:
        source: module, function or name of a module of the plugin; None if there is none.
    """
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno or 1}"
    module = source if isinstance(source, str) else getattr(source, "__module__", None)
    name = source.__name__ if isinstance(source, ModuleType) else module
    package = str(name or "").partition(".")[0]
    found = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        if package and str(frame.f_globals.get("__name__")).partition(".")[0] == package:
            found = f"{frame.f_code.co_filename}:{line}"
    return found or _definition(source)


def _definition(source: object) -> str:
    """File and first line of a function or of a module; empty if it has none."""
    function = inspect.unwrap(source) if callable(source) else source
    code = getattr(function, "__code__", None)
    if code is not None:
        return f"{code.co_filename}:{code.co_firstlineno}"
    path = getattr(source, "__file__", None)
    return f"{path}:1" if path else ""
