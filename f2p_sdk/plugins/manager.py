"""Loading plugins, each on its own, so that a fault stays with its owner."""

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
    ParserSpec,
    RecognizerSpec,
)
from ..kinds import Game

__all__ = ["PluginInfo", "PluginManager", "why_not"]

Spec = TypeVar("Spec", RecognizerSpec, ParserSpec, DetectorSpec)

_HOOKS = tuple(name for name in vars(HookSpecs) if name.startswith("f2p_"))


@dataclass
class PluginInfo:
    """What is known about one installed plugin.

    Attributes:
        name: of its entry point.
        dist, version: of the package it comes from; empty for one registered from Python.
        status: ``"ok"``, ``"broken"`` (could not be loaded: it offers nothing) or ``"faulty"``
            (loaded, but some of what it offers is wrong and left out).
        error: what is wrong, one line a fault; empty if nothing is.
        provides: what it offers, e.g. ``["game justice"]``.
        waiting: of these, what cannot be used yet, and why and what to do, e.g.
            ``{"recognizer light-cnn": "its weights are missing ..."}``; not a fault.
        details: the traceback of each fault, for ``--debug``.
    """

    name: str
    dist: str = ""
    version: str = ""
    status: str = "ok"
    error: str = ""
    provides: list[str] = field(default_factory=list)
    waiting: dict[str, str] = field(default_factory=dict)
    details: str = ""

    def fault(self, error: BaseException, where: str = "", *, broken: bool = False) -> None:
        message = (
            error.message if isinstance(error, F2PError) else f"{type(error).__name__}: {error}"
        )
        line = f"{where}: {message}" if where else message
        self.status = "broken" if broken else "faulty"
        self.error = f"{self.error}\n{line}" if self.error else line
        self.details += "".join(traceback.format_exception(error))


class PluginManager:
    """Loads plugins one by one and asks each one alone, so that a fault stays with its owner."""

    def __init__(self) -> None:
        self._pluggy = pluggy.PluginManager("f2p")
        self._pluggy.add_hookspecs(HookSpecs)
        self._infos: dict[str, PluginInfo] = {}
        self._answers: dict[tuple[str, str], list[Any]] = {}
        self._loaded: dict[tuple[str, str], Any] = {}

    def load_entry_points(self) -> None:
        """Load the core's own offers, then every installed plugin, in the order of their names."""
        self.register(builtin, PluginInfo("core", "f2p-sdk", __version__))
        found = sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda e: (e.name, e.value))
        for entry in reversed(found):  # the last registered is the first that pluggy asks
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
        except (Exception, SystemExit) as error:  # importing runs code: anything can happen
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
            # Older pluggys register hook by hook: take back those that went well.
            if self._pluggy.has_plugin(info.name):
                self._pluggy.unregister(name=info.name)
            return
        # What pluggy's check_pending() looks for, but for this plugin alone.
        for caller in self._pluggy.get_hookcallers(plugin) or []:
            if not caller.has_spec():
                near = did_you_mean(caller.name, _HOOKS) or f"the hooks are {', '.join(_HOOKS)}"
                info.fault(PluginError(f"there is no hook {caller.name!r}; {near}"))

    def infos(self) -> list[PluginInfo]:
        """All plugins, each asked for all it offers, so that every fault is known, and for what of
        it can be used."""
        for hook in _HOOKS:
            self.collect(hook)
        for info in self._infos.values():
            info.waiting.clear()  # what was not there a moment ago may be now
        for (plugin, hook), answers in self._answers.items():
            for answer in answers:
                reason = why_not(answer) if hasattr(answer, "available") else None
                if reason is not None:
                    self._infos[plugin].waiting[_name_of(hook, answer)] = reason
        return sorted(self._infos.values(), key=lambda info: info.name)

    def collect(self, hook: str) -> list[Any]:
        """All that the plugins answer to a hook; an answer that fails is noted and left out."""
        caller: pluggy.HookCaller = getattr(self._pluggy.hook, hook)
        owners: dict[str, str] = {}
        answers: list[Any] = []
        for implementation in reversed(caller.get_hookimpls()):
            answers += self._ask(hook, implementation, owners)
        return answers

    def _ask(self, hook: str, implementation: pluggy.HookImpl, owners: dict[str, str]) -> list[Any]:
        plugin = implementation.plugin_name
        key = (plugin, hook)
        if key not in self._answers:
            info = self._infos[plugin]
            kept = self._answers[key] = []
            try:
                for answer in _answers_of(hook, implementation):
                    name = _name_of(hook, answer)
                    if name in owners:
                        info.fault(
                            PluginError(f"{name} is offered by {owners[name]} already"), hook
                        )
                        continue
                    owners[name] = plugin
                    kept.append(answer)
                    info.provides.append(name)
            except (Exception, SystemExit) as error:
                info.fault(error, hook)
        owners.update({_name_of(hook, answer): plugin for answer in self._answers[key]})
        return self._answers[key]

    def load(self, what: str, name: str | None, specs: Sequence[Spec]) -> Any:
        """The offer of this name, or the first that is available; loaded once."""
        spec = _choose(what, name, specs)
        key = (what, spec.name)
        if key not in self._loaded:
            try:
                self._loaded[key] = spec.load()
            except F2PError:
                raise
            except Exception as error:
                raise PluginError(
                    f"{what} {spec.name!r} cannot be loaded: {type(error).__name__}: {error}",
                    remedy="see `f2p plugins`, or run again with --debug",
                ) from error
        return self._loaded[key]


# What each hook answers with: the type, and the word for it.
_ANSWERS: dict[str, tuple[type, str]] = {
    "f2p_games": (Game, "game"),
    "f2p_recognizers": (RecognizerSpec, "recognizer"),
    "f2p_parsers": (ParserSpec, "parser"),
    "f2p_detectors": (DetectorSpec, "detector"),
    "f2p_checks": (CheckSpec, "check"),
    "f2p_commands": (object, "command"),  # click is not imported to look at this module
}


def _answers_of(hook: str, implementation: pluggy.HookImpl) -> list[Any]:
    if implementation.wrapper or implementation.hookwrapper:
        raise PluginError("a hook is a plain function here, not a wrapper")
    answers = implementation.function()
    wanted, word = _ANSWERS[hook]
    if not isinstance(answers, (list, tuple)):
        raise PluginError(f"must return a list, got {type(answers).__name__}")
    for answer in answers:
        if not isinstance(answer, wanted) or (hook == "f2p_commands" and not _is_command(answer)):
            raise PluginError(f"must return {word}s, got {answer!r}")
    return list(answers)


def _is_command(answer: object) -> bool:
    import click

    return isinstance(answer, click.Command) and bool(answer.name)


def _name_of(hook: str, answer: Any) -> str:
    return f"{_ANSWERS[hook][1]} {answer.name}"


def why_not(spec: RecognizerSpec | ParserSpec | DetectorSpec) -> str | None:
    """None if ``spec`` can be loaded, else the reason."""
    try:
        return spec.available()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def _choose(what: str, name: str | None, specs: Sequence[Spec]) -> Spec:
    by_name = {spec.name: spec for spec in specs}
    if name is not None:
        if name not in by_name:
            raise UnknownNameError(what, name, by_name, remedy="" if by_name else _INSTALL)
        reason = why_not(by_name[name])
        if reason is not None:
            raise PluginError(
                f"{what} {name!r} cannot be used: {reason}", remedy="see `f2p plugins`"
            )
        return by_name[name]
    reasons = []
    for spec in specs:
        reason = why_not(spec)
        if reason is None:
            return spec
        reasons.append(f"{spec.name}: {reason}")
    raise PluginError(
        f"no {what} can be used"
        + (f" ({'; '.join(reasons)})" if reasons else ": none is installed"),
        remedy=_INSTALL,
    )


_INSTALL = "install a plugin that has one, e.g. f2p-dlib, then look at `f2p plugins`"
