"""f2p new-adapter: its files, its errors, and its questions at a terminal."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from f2p_toy import ROOT

from f2p_sdk.cli import app
from f2p_sdk.parameters import Layout

TABLE = ROOT / "tests" / "scaffold" / "moonfall.csv"
Run = Callable[..., Any]


def test_new_adapter(f2p: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = f2p("new-adapter", "moonfall", "--table", TABLE)
    assert done.code == 0, done.text
    assert "moonfall/hero: 26 sliders, 4 lists of choices" in done.out
    assert "'Hair Cut' is 'Hair_Cut' in the layout" in done.out
    assert "pip install -e moonfall" in done.out
    assert (tmp_path / "moonfall" / "sliders.csv").read_bytes() == TABLE.read_bytes()
    again = f2p("new-adapter", "moonfall", "--table", TABLE)
    assert again.code == 2
    assert "moonfall: must be a new or an empty folder" in again.err


def test_json(f2p: Run, tmp_path: Path) -> None:
    options = [
        "--kind",
        "orc",
        "--kind",
        "elf",
        "-o",
        tmp_path / "new",
        "--title",
        "Moon",
        "--json",
    ]
    done = f2p("new-adapter", "moonfall", "--table", TABLE, *options)
    assert done.code == 0, done.text
    document = json.loads(done.out)
    assert document["kinds"] == {"orc": 30, "elf": 30}
    assert document["folder"] == str(tmp_path / "new")
    assert all(Path(path).is_file() for path in document["files"])
    assert document["renamed"]["war paint"] == "war_paint"


def test_errors(f2p: Run, tmp_path: Path) -> None:
    done = f2p("new-adapter", "moonfall", "-o", tmp_path / "new")
    assert done.code == 2
    assert "no slider table is given" in done.err
    assert "--table sliders.csv" in done.err
    table = tmp_path / "bad.csv"
    table.write_text("name,low,high\nnose,0,wide\n")
    done = f2p("new-adapter", "moonfall", "--table", table, "-o", tmp_path / "new")
    assert done.code == 1
    assert "bad.csv, row 2, column 'high': must be a number, got 'wide'" in done.err
    assert not (tmp_path / "new").exists()
    assert f2p("new-adapter", "sdk", "--table", TABLE, "-o", tmp_path / "new").code == 2


def answer(folder: Path, monkeypatch: pytest.MonkeyPatch, *answers: str, kind: str = "") -> Any:
    """Run the command with answers at a terminal."""
    arguments = ["new-adapter", "moonfall", "-o", str(folder)] + (["--kind", kind] if kind else [])
    monkeypatch.setattr("f2p_sdk.cli.new_adapter.is_terminal", lambda: True)
    return CliRunner().invoke(app, arguments, input="\n".join(answers) + "\n")


def test_questions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = answer(
        tmp_path / "new",
        monkeypatch,
        "orc elf",
        *("nose_width", "", "30", "42", "36", "", "mm", "Nose"),
        *("nose_width",),  # there already
        *("chin", "", "1", "0", "0.5", "", "", ""),  # low is not less than high
        *("brow", "eyebrow", "0", "1", "", "", "", ""),
        "",
        *("hair", "", "short; long", "long", ""),
        *("beard", "hair", "one", "", ""),  # a single choice
        "",
    )
    assert done.exit_code == 0, done.output
    assert "'nose_width' is there already" in done.output
    assert "low must be less than high, got 1 and 0" in done.output
    assert "must be two or more names" in done.output
    layout = Layout.load(tmp_path / "new" / "f2p_moonfall" / "elf.toml")
    assert layout.names == ("nose_width", "brow", "hair")
    assert layout["nose_width"].unit == "mm"  # type: ignore[union-attr]
    assert layout["nose_width"].group == "nose"
    assert layout["brow"].default == 0.5
    assert layout["hair"].default == "long"
    table = (tmp_path / "new" / "sliders.csv").read_text(encoding="utf-8")
    assert table.startswith("name,group,low,high")
    assert "nose_width,nose,30,42,36,,mm,Nose,\n" in table


def test_questions_without_an_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = answer(tmp_path / "new", monkeypatch, "", "", kind="orc")
    assert done.exit_code == 2
    assert "no slider is given" in done.output
    assert not (tmp_path / "new").exists()


def test_wrong_kinds_are_named_before_other_questions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = answer(tmp_path / "new", monkeypatch, "Orc Elf")
    assert done.exit_code == 1
    assert "the name of a kind must be lower-case" in done.output
    assert "Name of the next slider" not in done.output
