"""Style of docstrings, examples in docstrings, and Markdown."""

from __future__ import annotations

import ast
import importlib
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from f2p_toy import ROOT

SOURCES = [
    path
    for folder in ("f2p_sdk", "plugins", "adapters", "tools", "benchmarks")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
MARKDOWN = [
    ROOT / "README.md",
    *(ROOT / name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted(ROOT.glob("plugins/*/README.md")),
    *sorted(ROOT.glob("adapters/*/README.md")),
]
METAPHORS = ("leash", "knots", "floors of the house", "in vain")
# Indented paragraphs after a blank line; the sections of a docstring have no blank line.
EXAMPLE = re.compile(r"(?:\A|\n\n)((?:    .*(?:\n|\Z)|\n(?=    ))+)")


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def docstrings(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and text, without indentation, of all docstrings, also of attributes."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            text = node.value.value
            if isinstance(text, str):
                yield node.lineno, text.replace("\n" + " " * node.col_offset, "\n")


def examples(text: str) -> list[str]:
    """Return the indented blocks of a docstring except tables: words, three spaces, text."""
    blocks = [textwrap.dedent(block) for block in EXAMPLE.findall(text)]
    return [block for block in blocks if not re.match(r"[\w, ]+   +\S", block)]


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_docstrings_do_not_begin_with_question_words(path: Path) -> None:
    question = re.compile(r"\s*(What|Where|Whether|Who|How|When)\b")
    wrong = [f"line {line}: {text[:60]}" for line, text in docstrings(path) if question.match(text)]
    assert not wrong


@pytest.mark.parametrize("path", MARKDOWN, ids=relative)
def test_markdown_lines_have_at_most_120_characters(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert not [f"line {n}: {len(line)}" for n, line in enumerate(lines, 1) if len(line) > 120]


@pytest.mark.parametrize("word", METAPHORS)
def test_metaphors_do_not_occur(word: str) -> None:
    files = [
        path
        for folder in ("f2p_sdk", "plugins", "docs")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".md", ".toml")
    ]
    texts = {path: path.read_text(encoding="utf-8") for path in {*files, *MARKDOWN}}
    assert not sorted(relative(path) for path, text in texts.items() if word in text.lower())


PACKAGE = [path for path in SOURCES if path.is_relative_to(ROOT / "f2p_sdk")]


@pytest.mark.parametrize("path", PACKAGE, ids=relative)
def test_examples_in_docstrings_compile(path: Path) -> None:
    for line, text in docstrings(path):
        for block in examples(text):
            try:
                tree = ast.parse(block)
            except SyntaxError as error:
                pytest.fail(f"line {line}: {error}\n{block}")
            for node in ast.walk(tree):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("f2p_sdk"):
                    module = importlib.import_module(node.module or "")
                    missing = [a.name for a in node.names if not hasattr(module, a.name)]
                    assert not missing, f"line {line}"


def test_broken_examples_are_found() -> None:
    broken = "Draw.\n\nExample::\n\n    with a as b:\n    b.draw()\n"
    (block,) = examples(broken)
    with pytest.raises(SyntaxError):
        ast.parse(block)
    assert examples("Draw.\n\n    a = 1\n\n    b = 2\n") == ["a = 1\n\nb = 2\n"]
    assert examples("Draw.\n\nArgs:\n    size: pixels.\n") == []
    assert examples("Card.\n\n    size    pixels of a side\n") == []
