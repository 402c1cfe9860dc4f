"""Isolated loading of plugins: a fault of one plugin does not affect the others."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

import pluggy

from .. import __version__, builtin
from ..errors import F2PError, PluginError, UnknownNameError, did_you_mean
from ..hookspecs import (
    ENTRY_POINT_GROUP,
    CheckSpec,
    DetectorSpec,
    HookSpecs,
    LandmarkerSpec,
    ParserSpec,
    RecognizerSpec,
)
from ..kinds import FormatSpec, Game

Spec = TypeVar("Spec", RecognizerSpec, ParserSpec, DetectorSpec, LandmarkerSpec)

_HOOKS = tuple(name for name in vars(HookSpecs) if name.startswith("f2p_"))


@dataclass
class PluginInfo:
    """State of one installed plugin.

    Attributes:
        name: of its entry point.
        dist, version: of its package; empty if it was registered from Python.
        status: ``"ok"``, ``"broken"`` (not loaded, provides nothing) or ``"faulty"`` (loaded, but
            invalid objects are left out).
        error: one line per fault; empty without faults.
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

    def fault(self, error: BaseException, place: str = "", *, broken: bool = False) -> None:
        message = error.message if isinstance(error, F2PError) else _described(error)
        line = f"{place}: {message}" if place else message
        self.status = "broken" if broken else "faulty"
        self.error = f"{self.error}\n{line}" if self.error else line
        self.details += "".join(traceback.format_exception(error))


class PluginManager:
    """Loads plugins and calls their hooks one by one, so that each fault has an owner."""

    def __init__(self) -> None:
        self._pluggy = pluggy.PluginManager("f2p")
        self._pluggy.add_hookspecs(HookSpecs)
        self._infos: dict[str, PluginInfo] = {}
        self._objects: dict[tuple[str, str], list[Any]] = {}
        self._loaded: dict[tuple[str, str], Any] = {}

    def load_entry_points(self) -> None:
        """Register the core's own plugin, then load every installed plugin by name."""
        self.register(builtin, PluginInfo("core", "f2p-sdk", __version__))
        found = sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda e: (e.name, e.value))
        for entry in reversed(found):  # pluggy calls the last registered first
            self._load(entry)

    def _load(self, entry: EntryPoint) -> None:
        info = PluginInfo(entry.name)
        if entry.dist is not None:
            info.dist, info.version = entry.dist.name, entry.dist.version
        other = self._infos.get(entry.name)
        try:
            if other is not None:
                if other.dist == info.dist:
                    return  # an editable install can be listed twice
                info.name = f"{entry.name} ({info.dist})"
                raise PluginError(f"{other.dist} has a plugin named {entry.name!r} too")
            plugin = entry.load()
        except (Exception, SystemExit) as error:  # the import runs any code
            info.fault(error, "cannot be loaded", broken=True)
            self._infos[info.name] = info
            return
        self.register(plugin, info)

    def register(self, plugin: object, info: PluginInfo) -> None:
        """Add a plugin: a module, or any object with hook implementations."""
        self._infos[info.name] = info
        try:
            self._pluggy.register(plugin, name=info.name)
        except (Exception, SystemExit) as error:
            info.fault(error, "breaks the rules of hooks", broken=True)
            # Older versions of pluggy leave the valid hooks registered.
            if self._pluggy.has_plugin(info.name):
                self._pluggy.unregister(name=info.name)
            return
        # Same as pluggy's check_pending(), but for this plugin only.
        for caller in self._pluggy.get_hookcallers(plugin) or []:
            if not caller.has_spec():
                near = did_you_mean(caller.name, _HOOKS, 1) or f"the hooks are {', '.join(_HOOKS)}"
                info.fault(PluginError(f"there is no hook {caller.name!r}; {near}"))

    def infos(self) -> list[PluginInfo]:
        """Return all plugins. Calls every hook, and checks which objects are available."""
        for hook in _HOOKS:
            self.collect(hook)
        for info in self._infos.values():
            info.waiting.clear()  # files may have appeared since the last call
        for (plugin, hook), objects in self._objects.items():
            for provided in objects:
                reason = unavailable_reason(provided) if hasattr(provided, "available") else None
                if reason is not None:
                    self._infos[plugin].waiting[_name_of(hook, provided)] = reason
        return sorted(self._infos.values(), key=lambda info: info.name)

    def collect(self, hook: str) -> list[Any]:
        """Return the objects of all plugins for a hook; a fault is recorded and left out."""
        caller: pluggy.HookCaller = getattr(self._pluggy.hook, hook)
        owners: dict[str, str] = {}
        provided: list[Any] = []
        for implementation in reversed(caller.get_hookimpls()):
            provided += self._provided(hook, implementation, owners)
        return provided

    def _provided(
        self, hook: str, implementation: pluggy.HookImpl, owners: dict[str, str]
    ) -> list[Any]:
        plugin = implementation.plugin_name
        key = (plugin, hook)
        if key not in self._objects:
            info = self._infos[plugin]
            kept = self._objects[key] = []
            try:
                for provided in _checked_call(hook, implementation):
                    name = _name_of(hook, provided)
                    if name in owners:
                        taken = f"{name} is already provided by {owners[name]}"
                        info.fault(PluginError(taken), hook)
                        continue
                    owners[name] = plugin
                    kept.append(provided)
                    info.provides.append(name)
            except (Exception, SystemExit) as error:
                info.fault(error, hook)
        owners.update({_name_of(hook, provided): plugin for provided in self._objects[key]})
        return self._objects[key]

    def load(self, what: str, name: str | None, specs: Sequence[Spec]) -> Any:
        """Load the object of this name, or the first available one; later calls return the same."""
        spec = _choose(what, name, specs)
        key = (what, spec.name)
        if key not in self._loaded:
            try:
                self._loaded[key] = spec.load()
            except F2PError:
                raise
            except Exception as error:
                raise PluginError(
                    f"{what} {spec.name!r} cannot be loaded: {_described(error)}",
                    remedy="see `f2p plugins`, or run again with --debug",
                ) from error
        return self._loaded[key]


# Type of the objects that each hook returns, and its name in messages.
_TYPES: dict[str, tuple[type, str]] = {
    "f2p_games": (Game, "game"),
    "f2p_recognizers": (RecognizerSpec, "recognizer"),
    "f2p_parsers": (ParserSpec, "parser"),
    "f2p_detectors": (DetectorSpec, "detector"),
    "f2p_landmarkers": (LandmarkerSpec, "landmarker"),
    "f2p_checks": (CheckSpec, "check"),
    "f2p_formats": (FormatSpec, "format"),
    "f2p_commands": (object, "command"),  # checked later: this module does not import click
}


def _checked_call(hook: str, implementation: pluggy.HookImpl) -> list[Any]:
    if implementation.wrapper or implementation.hookwrapper:
        raise PluginError("a hook must be a plain function, not a wrapper")
    objects = implementation.function()
    expected, word = _TYPES[hook]
    if not isinstance(objects, (list, tuple)):
        raise PluginError(f"must return a list, got {type(objects).__name__}")
    for one in objects:
        if not isinstance(one, expected) or (hook == "f2p_commands" and not _is_command(one)):
            raise PluginError(f"must return {word}s, got {one!r}")
    return list(objects)


def _is_command(value: object) -> bool:
    import click

    return isinstance(value, click.Command) and bool(value.name)


def _name_of(hook: str, provided: Any) -> str:
    return f"{_TYPES[hook][1]} {provided.name}"


def _described(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def unavailable_reason(
    spec: RecognizerSpec | ParserSpec | DetectorSpec | LandmarkerSpec,
) -> str | None:
    """Return None if ``spec`` can be loaded, else the reason."""
    try:
        return spec.available()
    except Exception as error:
        return _described(error)


def _choose(what: str, name: str | None, specs: Sequence[Spec]) -> Spec:
    by_name = {spec.name: spec for spec in specs}
    if name is not None:
        if name not in by_name:
            raise UnknownNameError(what, name, by_name, remedy="" if by_name else _INSTALL)
        reason = unavailable_reason(by_name[name])
        if reason is not None:
            text = f"{what} {name!r} cannot be used: {reason}"
            raise PluginError(text, remedy="see `f2p plugins`")
        return by_name[name]
    reasons = []
    for spec in specs:
        reason = unavailable_reason(spec)
        if reason is None:
            return spec
        reasons.append(f"{spec.name}: {reason}")
    raise PluginError(
        f"no {what} can be used: {'; '.join(reasons) or 'none is installed'}", remedy=_INSTALL
    )


_INSTALL = "install a plugin that provides one, e.g. f2p-dlib, then run `f2p plugins`"
