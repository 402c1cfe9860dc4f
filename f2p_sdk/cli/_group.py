"""Command groups with lazy imports, and the conversion of errors to exit codes.

Exit codes: 0 done, 1 the work failed, 2 wrong use, 3 done with a poor result.
"""

from __future__ import annotations

import importlib
import io
import itertools
import os
import pkgutil
import sys
from collections.abc import Sequence
from typing import Any

import click

from ..errors import F2PError, did_you_mean
from ._common import fail, show_log, warn

# Order of the commands in `f2p --help`; other commands follow, sorted by name.
_ORDER = (
    *("fit", "convert", "render", "apply", "games", "plugins", "weights", "engine"),
    *("new-adapter", "sheet", "framing", "capture", "train", "evaluate", "check"),
)


def _set_debug(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        context.find_root().meta["f2p.debug"] = True


_DEBUG: dict[str, Any] = {"expose_value": False, "is_eager": True, "callback": _set_debug}


def _with_debug(command: click.Command) -> click.Command:
    """Add the option --debug to a command and its subcommands, once."""
    if not any("--debug" in parameter.opts for parameter in command.params):
        add = click.option(
            "--debug", is_flag=True, help="Show the traceback of an error.", **_DEBUG
        )
        add(command)
    if isinstance(command, click.Group):
        for child in command.commands.values():
            _with_debug(child)
    return command


class LazyGroup(click.Group):
    """A group whose commands are the modules of a package, imported at their first use.

    Use ``@click.group(cls=LazyGroup)`` in the ``__init__`` of a package under ``f2p_sdk.cli``. The
    package is that of the decorated function.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.package = self.callback.__module__ if self.callback else __package__ or ""

    def _modules(self) -> dict[str, str]:
        path = importlib.import_module(self.package).__path__
        names = [m.name for m in pkgutil.iter_modules(path) if not m.name.startswith("_")]
        return {name.replace("_", "-"): f"{self.package}.{name}" for name in names}

    def list_commands(self, context: click.Context) -> list[str]:
        names = {*self._modules(), *super().list_commands(context)}
        rank = {name: i for i, name in enumerate(_ORDER)}
        return sorted(names, key=lambda name: (rank.get(name, len(rank)), name))

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        module = self._modules().get(name)
        if module is None:
            found = super().get_command(context, name)
        else:
            found = importlib.import_module(module).command
        return None if found is None else _with_debug(found)

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(context, args)
        except click.UsageError as error:
            near = did_you_mean(args[0], self.list_commands(context)) if args else ""
            if near and "id you mean" not in str(error):  # newer versions of click suggest names
                raise click.UsageError(f"{error.message} {near.capitalize()}", context) from None
            raise


class RootGroup(LazyGroup):
    """The command ``f2p``: adds the commands of plugins, and converts errors to exit codes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _with_debug(self)

    def _plugin_commands(self) -> dict[str, click.Command]:
        from ..plugins import commands

        try:
            return {str(command.name): command for command in commands()}
        except Exception as error:  # a broken plugin must not break `f2p --help`
            warn(f"the commands of plugins are not available: {error}")
            return {}

    def list_commands(self, context: click.Context) -> list[str]:
        own = super().list_commands(context)
        return own + sorted(set(self._plugin_commands()) - set(own))

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        found = super().get_command(context, name)
        if found is None and name in (added := self._plugin_commands()):
            found = _with_debug(added[name])
        return found

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        arguments = list(sys.argv[1:] if args is None else args)
        if not standalone_mode:
            return super().main(arguments, prog_name, complete_var, False, **extra)
        # Parsing and importing a command may fail before the option is parsed.
        debug = "--debug" in itertools.takewhile(lambda a: a != "--", arguments)
        _escape_unprintable()
        try:
            show_log()
            # The result of a command and of context.exit() is None or the exit code.
            result = super().main(
                arguments, prog_name, complete_var, standalone_mode=False, **extra
            )
            code = result if isinstance(result, int) else 0
        except click.ClickException as error:  # wrong use is 2
            error.show()
            code = error.exit_code
        except (click.Abort, KeyboardInterrupt):
            fail("stopped")
            code = 1
        except F2PError as error:
            fail(error.message, error.remedy, error if debug else None)
            code = error.exit_code
        except BrokenPipeError:
            # `f2p games | head -1` is not an error. The flush of stdout at exit would fail.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = 1
        except Exception as error:
            fail(
                f"{type(error).__name__}: {error}",
                "this is a defect of f2p-sdk or of a plugin: run it with --debug and report it",
                error if debug else None,
            )
            code = 1
        sys.exit(code)


def _escape_unprintable() -> None:
    """Escape characters that the encoding of a stream lacks (Windows pipes, LANG=C)."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
