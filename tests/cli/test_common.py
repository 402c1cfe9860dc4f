"""Progress, text output and shared options of commands."""

from __future__ import annotations

import io
import json

import click
import pytest
from click.testing import CliRunner
from rich.console import Console

from f2p_sdk import PluginError
from f2p_sdk.cli import _common, _options


def test_progress_without_a_terminal_prints_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])

    @click.command()
    def work() -> None:
        with _common.progress("drawing", total=100) as update:
            update(40)  # a resumed job
            for second in range(1, 61):
                clock[0] = second
                update(40 + second, note="fine")

    done = CliRunner().invoke(work)
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "drawing: 70 of 100, 1/s, 30 s left, fine",
        "drawing: 100 of 100, 1/s, 0 s left, fine",
    ]


def test_progress_without_a_total(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])

    @click.command()
    def work() -> None:
        with _common.progress("reading") as update:
            update(0)
            clock[0] = 31
            update(62)

    assert CliRunner().invoke(work).stderr == "reading: 62, 2/s\n"


def test_progress_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, width=120)
    monkeypatch.setattr(_common, "console", lambda **_: terminal)
    with _common.progress("drawing", total=3) as update:
        update(1)
        update(3, total=6, note="[psnr] 30 dB")
    shown = screen.getvalue()
    assert "drawing" in shown
    assert "3/6" in shown
    assert "[psnr] 30 dB" in shown


def test_a_terminal_shows_progress_even_if_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    text = io.StringIO()
    terminal = Console(file=text, force_terminal=True, width=120)
    monkeypatch.setattr(_common, "console", lambda stderr=False: terminal)
    with _common.progress("drawing", total=3, quiet=True) as update:
        update(3)
    assert "drawing" in text.getvalue()


def test_quiet_progress_without_a_terminal_prints_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with _common.progress("drawing", total=3, quiet=True) as update:
        update(3)
    assert capsys.readouterr() == ("", "")


def test_json_is_ascii_and_has_no_nan(capsys: pytest.CaptureFixture[str]) -> None:
    _common.emit_json({"name": "Ä"})
    out = capsys.readouterr().out
    assert out.isascii()
    assert json.loads(out) == {"name": "Ä"}
    with pytest.raises(ValueError, match="not JSON compliant"):
        _common.emit_json({"loss": float("nan")})


def test_json_and_game_options() -> None:
    @click.command()
    @_options.game
    @_options.as_json
    def work(game: str, as_json: bool) -> None:
        click.echo(f"{game} {as_json}")

    assert CliRunner().invoke(work, ["-g", "toy/one", "--json"]).output == "toy/one True\n"
    assert CliRunner().invoke(work, ["--game", "toy"]).output == "toy False\n"
    assert CliRunner().invoke(work, []).exit_code == 2


def test_load_kind_of_an_unknown_game() -> None:
    with pytest.raises(PluginError, match="there is no game named 'justise'"):
        _common.load_kind("justise")


def test_brackets_are_not_markup(capsys: pytest.CaptureFixture[str]) -> None:
    _common.say("[bold]a[/bold] [1/2]")
    _common.warn("[x]")
    _common.table(["[a]"], [["[b]c[/b]"]])
    captured = capsys.readouterr()
    assert "[bold]a[/bold] [1/2]" in captured.out
    assert "[b]c[/b]" in captured.out
    assert captured.err == "warning: [x]\n"
