"""``f2p``: exit codes, error messages, --debug, suggestions; ``f2p games`` and ``f2p plugins``."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from f2p_sdk import Game, Kind, builtin, hookimpl, plugins
from f2p_sdk.cli import app
from f2p_sdk.cli._group import LazyGroup, RootGroup
from f2p_sdk.errors import ImageError, UsageError
from f2p_sdk.plugins import PluginInfo, PluginManager


def run(*arguments: str, group: click.Command = app) -> Any:
    return CliRunner().invoke(group, list(arguments))


def root(**commands: Callable[[], Any]) -> RootGroup:
    """Return a root group with these commands."""
    made = RootGroup("f2p")
    made.package = "f2p_sdk.cli"
    for name, callback in commands.items():
        made.add_command(click.Command(name, callback=callback))
    return made


def raising(error: BaseException) -> Callable[[], None]:
    def callback() -> None:
        raise error

    return callback


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (ImageError("a.png: is empty", remedy="give a picture"), 1, "error: a.png: is empty\n"),
        (UsageError("--face must be 1 or more"), 2, "error: --face must be 1 or more\n"),
        (click.UsageError("no such thing"), 2, "Error: no such thing\n"),
        (click.ClickException("it failed"), 1, "Error: it failed\n"),
        (KeyboardInterrupt(), 1, "error: stopped\n"),
        (click.Abort(), 1, "error: stopped\n"),
        (RuntimeError("boom"), 1, "error: RuntimeError: boom\n"),
        (ImageError("[red]brackets[/] stay"), 1, "error: [red]brackets[/] stay\n"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_errors_become_exit_codes(error: BaseException, code: int, message: str) -> None:
    done = run("work", group=root(work=raising(error)))
    assert done.exit_code == code
    assert message in done.stderr
    assert "Traceback" not in done.output
    assert done.stdout == ""


def test_errors_show_the_next_step() -> None:
    group = root(work=raising(ImageError("a.png: is empty", remedy="give a picture")))
    assert run("work", group=group).stderr == "error: a.png: is empty\n next: give a picture\n"
    defect = run("work", group=root(work=raising(RuntimeError("boom")))).stderr
    assert "run it with --debug and report it" in defect


@pytest.mark.parametrize("line", [["--debug", "work"], ["work", "--debug"]])
@pytest.mark.parametrize("error", [ImageError("bad"), RuntimeError("bad")])
def test_debug_shows_the_traceback_before_and_after_the_command(
    line: list[str], error: Exception
) -> None:
    done = run(*line, group=root(work=raising(error)))
    assert done.exit_code == 1
    assert "Traceback (most recent call last)" in done.stderr
    assert "in callback" in done.stderr


def test_exit_codes_of_commands() -> None:
    assert run("work", group=root(work=lambda: None)).exit_code == 0
    assert run("work", group=root(work=lambda: 1)).exit_code == 1
    assert run("work", group=root(work=lambda: "text")).exit_code == 0
    assert run("work", group=root(work=lambda: click.get_current_context().exit(1))).exit_code == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ([], "Usage: "),
        (["gmaes"], "id you mean 'games'?"),
        (["zzz"], "No such command 'zzz'"),
        (["games", "--jsno"], "--json"),
        (["games", "extra"], "unexpected extra argument"),
    ],
)
def test_wrong_use_is_2(line: list[str], message: str) -> None:
    done = run(*line)
    assert done.exit_code == 2
    assert message in done.output
    assert "Traceback" not in done.output


def test_root_help_lists_every_command() -> None:
    output = run("--help").stdout
    folder = Path(sys.modules["f2p_sdk.cli"].__file__ or "").parent
    files = [*folder.glob("[a-z]*.py"), *(init.parent for init in folder.glob("*/__init__.py"))]
    assert files
    for name in {file.stem for file in files}:
        assert f"\n  {name.replace('_', '-')} " in output


def test_lazy_group_has_the_package_of_its_function() -> None:
    from f2p_sdk.cli import app as root_app

    assert isinstance(root_app, LazyGroup)
    assert root_app.package == "f2p_sdk.cli"


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> PluginManager:
    """One game with two kinds: one with some of its weights, and one whose layout is broken."""
    (tmp_path / "good.toml").write_text(
        'game="toy"\nkind="good"\n'
        '[[continuous]]\nname="width"\ngroup="eye"\n'
        '[[discrete]]\nname="hair"\ngroup="hair"\nchoices=["a","b","c"]\ndefault="a"\n'
    )
    (tmp_path / "bad.toml").write_text("nonsense")
    (tmp_path / "here.safetensors").touch()
    weights = {"compact": tmp_path / "here.safetensors", "published": tmp_path / "gone"}
    game = Game(
        "toy",
        "Toy",
        (
            Kind("toy", "good", tmp_path / "good.toml", weights=weights),
            Kind("toy", "bad", tmp_path / "bad.toml"),
        ),
    )

    class Plugin:
        @hookimpl
        def f2p_games(self) -> list[Game]:
            return [game]

    manager = PluginManager()
    manager.register(Plugin(), PluginInfo("toy"))
    monkeypatch.setattr(plugins, "manager", lambda: manager)
    return manager


@pytest.mark.usefixtures("installed")
def test_games_as_json() -> None:
    done = run("games", "--json")
    assert done.exit_code == 0
    good, bad = json.loads(done.stdout)
    assert good == {
        "game": "toy",
        "kind": "good",
        "continuous": 1,
        "discrete": 3,
        "size": 4,
        "layout_hash": plugins.game("toy").layout.hash,
        "weights": {"compact": True, "published": False},
        "formats": [],
    }
    assert (bad["kind"], bad["size"], bad["layout_hash"]) == ("bad", None, None)
    assert "bad.toml: is not valid TOML" in bad["error"]
    assert "toy/bad is broken" in done.stderr


@pytest.mark.usefixtures("installed")
def test_games_as_a_table() -> None:
    done = run("games")
    assert done.exit_code == 0
    row = next(line for line in done.stdout.splitlines() if "toy/good" in line)
    assert plugins.game("toy").layout.hash in row
    assert "published" in done.stdout
    assert "(missing)" in done.stdout
    assert "broken" in next(line for line in done.stdout.splitlines() if "toy/bad" in line)


def test_no_game_and_no_plugin_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = PluginManager()
    monkeypatch.setattr(plugins, "manager", lambda: empty)
    assert "pip install f2p-justice" in run("games").stdout
    assert "pip install f2p-justice" in run("plugins").stdout
    assert json.loads(run("games", "--json").stdout) == []
    assert json.loads(run("plugins", "--json").stdout) == []
    empty.register(builtin, PluginInfo("core"))
    assert "pip install f2p-justice" in run("plugins").stdout  # the core is no installed plugin
    assert "recognizer light-cnn" in run("plugins").stdout


@pytest.mark.usefixtures("installed")
def test_plugins_as_json() -> None:
    assert json.loads(run("plugins", "--json").stdout) == [
        {
            "name": "toy",
            "dist": "",
            "version": "",
            "status": "ok",
            "error": "",
            "provides": ["game toy"],
            "waiting": {},
        }
    ]


def test_installed_script() -> None:
    script = Path(sys.executable).parent / ("f2p.exe" if sys.platform == "win32" else "f2p")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert done.stdout.startswith("f2p, version ")


@pytest.mark.parametrize("line", [["plugins", "--json"], ["plugins"], ["--help"]], ids=" ".join)
def test_closed_stdout_gives_no_traceback(line: list[str]) -> None:
    command = [sys.executable, "-c", "from f2p_sdk.cli import main; main()", *line]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()  # before the command prints anything
    with process.stderr as stderr:
        errors = stderr.read().decode()
    assert process.wait(timeout=60) in (0, 1)
    assert errors == ""
