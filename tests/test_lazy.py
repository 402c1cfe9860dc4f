"""Modules and commands that work without torch, and the exports of the package."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from f2p_toy import ROOT

import f2p_sdk
from f2p_sdk.cli import app

TORCH_FREE = (
    "f2p_sdk",
    "f2p_sdk.errors",
    "f2p_sdk.files",
    "f2p_sdk.parameters",
    "f2p_sdk.images",
    "f2p_sdk.bridge",
    "f2p_sdk.alignment",
    "f2p_sdk.hookspecs",
    "f2p_sdk.plugins",
    "f2p_sdk.builtin",
    "f2p_sdk.recognizers",
    "f2p_sdk.findings",
    "f2p_sdk.conformance",
    "f2p_sdk.capture",
    "f2p_sdk.scaffold",
    "f2p_sdk.testing",
    "f2p_sdk.cli",
)


def loads_torch(code: str) -> bool:
    """Return whether a new Python process that runs ``code`` imports torch."""
    check = f"{code}\nimport sys\nprint('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", check], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1] == "True"


@pytest.mark.slow
def test_the_check_detects_torch() -> None:
    assert loads_torch("import torch")


def test_packages_that_do_not_import_torch() -> None:
    assert not loads_torch("\n".join(f"import {module}" for module in TORCH_FREE))


def test_listing_what_is_installed_loads_no_torch() -> None:
    assert not loads_torch(
        "from f2p_sdk import plugins\n"
        "for kind in plugins.kinds(): kind.layout.encode(kind.layout.random(0))\n"
        "plugins.plugins(); plugins.recognizers(); plugins.detectors(); plugins.commands()"
    )


def command_lines() -> list[list[str]]:
    """Every command with --help, and the commands that list games and plugins."""
    import click

    found: list[list[str]] = []

    def walk(command: click.Command, path: list[str]) -> None:
        found.append([*path, "--help"])
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                child = command.get_command(context, name)
                assert child is not None, name
                walk(child, [*path, name])

    walk(app, [])
    return [*found, ["games", "--json"], ["plugins", "--json"], ["--version"]]


def test_no_help_of_any_command_loads_torch() -> None:
    # One process for all commands is much faster.
    lines = command_lines()
    assert ["games", "--help"] in lines
    assert not loads_torch(
        "from f2p_sdk.cli import app\n"
        f"for line in {lines!r}:\n"
        "    try: app(line)\n"
        "    except SystemExit as exit: assert not exit.code, (line, exit.code)"
    )


@pytest.mark.parametrize("line", command_lines(), ids=" ".join)
def test_every_command_has_help_texts(line: list[str]) -> None:
    from click.testing import CliRunner

    done = CliRunner().invoke(app, line)
    assert done.exit_code == 0, done.output
    if line[-1] == "--help":
        assert done.output.startswith("Usage: ")
        # Every option and command needs a help text.
        for row in done.output.split("Options:")[-1].split("\n  -")[1:]:
            assert "  " in row.strip(), row


@pytest.mark.parametrize("name", [n for n in f2p_sdk.__all__ if n != "__version__"])
def test_every_export_exists(name: str) -> None:
    module, attribute = f2p_sdk._EXPORTS[name]
    value = getattr(f2p_sdk, name)
    assert value is getattr(importlib.import_module(f"f2p_sdk.{module}"), attribute)


@pytest.mark.parametrize("name", [n for n in f2p_sdk.__all__ if n != "__version__"])
def test_no_export_has_the_name_of_a_module(name: str) -> None:
    # An import of the module f2p_sdk.x would replace the export x.
    assert importlib.util.find_spec(f"f2p_sdk.{name}") is None


def test_unknown_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = f2p_sdk.nonsense


def test_dir_lists_the_exports() -> None:
    assert set(f2p_sdk.__all__) <= set(dir(f2p_sdk))


def test_version_is_that_of_the_package() -> None:
    from importlib.metadata import version

    assert f2p_sdk.__version__ == version("f2p-sdk")


def test_type_checkers_see_the_same_exports() -> None:
    source = Path(f2p_sdk.__file__).read_text(encoding="utf-8")
    block = next(
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    seen = {
        alias.asname or alias.name: (node.module, alias.name)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen.pop("*") == ("errors", "*")
    seen |= {name: ("errors", name) for name in f2p_sdk.errors.__all__}
    assert seen == f2p_sdk._EXPORTS


@pytest.mark.parametrize("folder", ["plugins", "adapters", "examples"])
def test_other_packages_use_only_what_is_exported(folder: str) -> None:
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules = [node.module]
            inner = [m for m in modules if m.startswith("f2p_sdk.")]
            assert not inner or "tests" in path.parts, f"{path}, line {node.lineno}: {inner}"


@pytest.mark.parametrize(("given", "expected"), [("", "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_of_openmp_sleep_unless_the_user_says_otherwise(given: str, expected: str) -> None:
    code = "import os, f2p_sdk; print(os.environ['OMP_WAIT_POLICY'])"
    environ = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
    environ |= {"OMP_WAIT_POLICY": given} if given else {}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == expected
