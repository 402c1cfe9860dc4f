"""Commands, options, links and tables of the pages are correct."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from typing import Any

import click
from f2p_toy import ROOT

from f2p_sdk.cli import app
from f2p_sdk.parameters import Layout


def _options(command: click.Command) -> set[str]:
    return {"-h", "--help"}.union(*(parameter.opts for parameter in command.params))


def _find(words: list[str]) -> tuple[click.Command, list[str]]:
    """Return the command of these words and its remaining words."""
    command: click.Command = app
    context = click.Context(app)
    while isinstance(command, click.Group) and words:
        if words[0].startswith("-"):
            assert words[0] in _options(command), words[0]
        else:
            found = command.get_command(context, words[0])
            assert found is not None, f"there is no command {words[0]}"
            command = found
        words = words[1:]
    return command, words


def _all_options(command: click.Command, context: click.Context) -> set[str]:
    options = _options(command)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            options |= _all_options(child, context)
    return options


PIP_OPTIONS = ("--no-deps", "--ignore-requires-python")


def test_commands_in_the_text_exist(page: Any) -> None:
    for span in re.findall(r"`(f2p [^`]*)`", page.prose):
        command, words = _find(shlex.split(span)[1:])
        for word in words:
            if word.startswith("-"):
                assert word.partition("=")[0] in _options(command), span


def test_options_in_the_text_exist(page: Any) -> None:
    known = _all_options(app, click.Context(app)) | {"--rigs", *PIP_OPTIONS}
    for span in re.findall(r"`(--[^`]*)`", page.prose):
        for word in span.split():
            assert not word.startswith("-") or word in known, span


def test_links_lead_somewhere(page: Any) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", page.prose):
        if link.startswith(("http://", "https://")):
            continue
        file, _, anchor = link.partition("#")
        target = page.path.parent / file if file else page.path
        assert target.exists(), link
        if anchor:
            titles = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", t.lower()).replace(" ", "-") for t in titles}


def test_pages_name_no_machine(page: Any) -> None:
    assert not re.search(r"(?<![\w.])/(work|home|root|tmp|Users)/", page.text)


def test_command_line_page_is_current() -> None:
    argv = [sys.executable, str(ROOT / "tools" / "cli_docs.py"), "--check"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_table_of_groups_is_the_layout() -> None:
    layout = Layout.load(ROOT / "adapters" / "justice" / "f2p_justice" / "female.toml")
    text = (ROOT / "adapters" / "justice" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| (.*?) \|", text, re.MULTILINE)
    assert [row[0] for row in rows] == list(layout.groups)
    for group, count, choices in rows:
        sliders = [p for p in layout.continuous if p.group == group]
        slots = {p.name: len(p.choices) for p in layout.discrete if p.group == group}
        assert int(count) == len(sliders)
        assert {n: int(k) for n, k in re.findall(r"`(\w+)` (\d+)", choices)} == slots
