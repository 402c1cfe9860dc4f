"""Isolated loading of plugins: a fault of one plugin does not affect the others."""

from __future__ import annotations

import inspect
import os
from collections.abc import Sequence
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
from .info import DISABLE, PluginInfo, described

Spec = TypeVar("Spec", RecognizerSpec, ParserSpec, DetectorSpec, LandmarkerSpec)

CORE = "core"
_HOOKS = tuple(name for name in vars(HookSpecs) if name.startswith("f2p_"))


class PluginManager:
    """Loads plugins and calls their hooks one by one, so that each fault has an owner.

    Attributes:
        unknown: names in ``DISABLE`` that no installed plugin or package has.
    """

    def __init__(self) -> None:
        self._pluggy = pluggy.PluginManager("f2p")
        self._pluggy.add_hookspecs(HookSpecs)
        self._infos: dict[str, PluginInfo] = {}
        self._objects: dict[tuple[str, str], list[Any]] = {}
        self._loaded: dict[tuple[str, str], Any] = {}
        self._shared: dict[str, tuple[str, str]] = {}
        self.unknown: list[str] = []

    def load_entry_points(self) -> None:
        """Register the core's own plugin, then load every installed plugin by name."""
        self.register(builtin, PluginInfo(CORE, "f2p-sdk", __version__))
        disabled = {name.strip() for name in os.environ.get(DISABLE, "").split(",")} - {""}
        found = sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda e: (e.name, e.value))
        for entry in reversed(found):  # pluggy calls the last registered first
            self._load(entry, disabled)
        known = {e.name for e in found} | {e.dist.name for e in found if e.dist is not None}
        self.unknown = sorted(disabled - known)

    def _load(self, entry: EntryPoint, disabled: set[str]) -> None:
        info = PluginInfo(entry.name)
        if entry.dist is not None:
            info.dist, info.version = entry.dist.name, entry.dist.version
        other = self._infos.get(entry.name)
        if other is not None:
            if other.dist == info.dist:
                return  # an editable install can be listed twice
            info.name = f"{entry.name} ({info.dist})"
        if {entry.name, info.dist} & disabled:
            info.status = "disabled"
            self._infos[info.name] = info
            return
        try:
            if other is not None and other.status != "disabled":
                both = (
                    f"the packages {other.dist} and {info.dist} both have a plugin {entry.name!r}"
                )
                raise PluginError(f"{both}; {_choice(other.dist, info.dist)}")
            plugin = entry.load()
        except (Exception, SystemExit) as error:  # the import runs any code
            info.fault(error, "cannot be loaded", entry.module, broken=True)
            self._infos[info.name] = info
            return
        self.register(plugin, info)

    def register(self, plugin: object, info: PluginInfo) -> None:
        """Add a plugin: a module, or any object with hook implementations."""
        self._infos[info.name] = info
        try:
            self._pluggy.register(plugin, name=info.name)
        except (Exception, SystemExit) as error:
            info.fault(error, "breaks the rules of hooks", plugin, broken=True)
            # Older versions of pluggy leave the valid hooks registered.
            if self._pluggy.has_plugin(info.name):
                self._pluggy.unregister(name=info.name)
            return
        callers = self._pluggy.get_hookcallers(plugin) or []
        marked = {caller.name for caller in callers}
        for name in _HOOKS:
            function = getattr(plugin, name, None)
            if name not in marked and inspect.isroutine(function):
                text = f"{name} is not called: it is not marked with @hookimpl"
                info.fault(PluginError(text), source=function, broken=not marked)
        if not marked and not info.error:
            named = getattr(plugin, "__name__", type(plugin).__name__)
            text = f"{named} has no hook: mark its functions, e.g. f2p_games, with @hookimpl"
            info.fault(PluginError(text), source=plugin, broken=True)
        # Same as pluggy's check_pending(), but for this plugin only.
        for caller in callers:
            if not caller.has_spec():
                near = did_you_mean(caller.name, _HOOKS, 1) or f"the hooks are {', '.join(_HOOKS)}"
                text = f"there is no hook {caller.name!r}; {near}"
                info.fault(PluginError(text), source=getattr(plugin, caller.name, plugin))

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
                        taken = self._taken(name, owners[name], plugin)
                        info.fault(PluginError(taken), hook, implementation.function)
                        continue
                    owners[name] = plugin
                    kept.append(provided)
                    info.provides.append(name)
            except (Exception, SystemExit) as error:
                info.fault(error, hook, implementation.function)
        owners.update({_name_of(hook, provided): plugin for provided in self._objects[key]})
        return self._objects[key]

    def _taken(self, name: str, owner: str, plugin: str) -> str:
        """Text of the fault that two plugins provide one name; notes it for :meth:`use`."""
        if owner == CORE:
            return f"{name} is the core's own: choose another name"
        self._shared[name] = (owner, plugin)
        return f"{name} is already provided by {owner}; {_choice(owner, plugin)}"

    def use(self, name: str) -> None:
        """Raise PluginError if two plugins provide this object, e.g. ``"game justice"``."""
        if name in self._shared:
            owner, plugin = self._shared[name]
            raise PluginError(
                f"the plugins {owner} and {plugin} both provide the {name}",
                remedy=_choice(owner, plugin),
            )

    def faults(self) -> list[PluginInfo]:
        """Plugins with a fault so far, sorted by name."""
        found = (info for info in self._infos.values() if info.error)
        return sorted(found, key=lambda info: info.name)

    def load(self, what: str, name: str | None, specs: Sequence[Spec]) -> Any:
        """Load the object of this name, or the first available one; later calls return the same."""
        spec = self._choose(what, name, specs)
        self.use(f"{what} {spec.name}")
        key = (what, spec.name)
        if key not in self._loaded:
            try:
                self._loaded[key] = spec.load()
            except F2PError:
                raise
            except Exception as error:
                raise PluginError(
                    f"{what} {spec.name!r} cannot be loaded: {described(error)}",
                    remedy="see `f2p plugins`, or run again with --debug",
                ) from error
        return self._loaded[key]

    def _choose(self, what: str, name: str | None, specs: Sequence[Spec]) -> Spec:
        by_name = {spec.name: spec for spec in specs}
        if name is not None:
            if name not in by_name:
                remedy = "" if by_name else _INSTALL
                raise UnknownNameError(what, name, by_name, remedy=remedy, note=self.note())
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
        given = "; ".join(reasons) or "none is installed"
        raise PluginError(f"no {what} can be used: {given}{self.note()}", remedy=_INSTALL)

    def note(self) -> str:
        """End of a message about an unknown name: the plugins that may have been to provide it."""
        return "".join(
            f"; the plugin {info.name} {_STATES[info.status]}: {info.error.splitlines()[0]}"
            for info in self.faults()
        )


_STATES = {"broken": "failed to load", "faulty": "has a fault"}


def _choice(one: str, other: str) -> str:
    """Next step if two plugins provide the same."""
    return f"leave one out: {DISABLE}={one} or {DISABLE}={other}, or uninstall its package"


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


def unavailable_reason(
    spec: RecognizerSpec | ParserSpec | DetectorSpec | LandmarkerSpec,
) -> str | None:
    """Return None if ``spec`` can be loaded, else the reason."""
    try:
        return spec.available()
    except Exception as error:
        return described(error)


_INSTALL = "install a plugin that provides one, e.g. f2p-dlib, then run `f2p plugins`"
