"""Pages of the documentation and their code blocks."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest
from f2p_toy import ROOT

PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted(ROOT.glob("plugins/*/README.md")),
    *sorted(ROOT.glob("adapters/*/README.md")),
]
FENCED = re.compile(
    r"(?:^`([^`\n]+)`:\n\n)?^```(\w*|\{eval-rst\})\n(.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    line: int
    language: str
    file: str  # the file to write the text to, or empty
    text: str


@dataclass(frozen=True)
class Page:
    path: Path

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def blocks(self) -> list[Block]:
        """The fenced blocks."""
        found = []
        for match in FENCED.finditer(self.text):
            file, language, content = match.groups()
            if language == "{eval-rst}":  # autodoc
                continue
            line = self.text.count("\n", 0, match.start(2)) + 1
            found.append(Block(line, language, file or "", content))
        return found

    @cached_property
    def prose(self) -> str:
        """The text without fenced blocks."""
        return re.sub(r"^```.*?^```$", "", self.text, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(params=PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def page(request: pytest.FixtureRequest) -> Page:
    return Page(request.param)


@pytest.fixture(scope="session")
def open_page() -> Callable[[str], Page]:
    """Function that returns a page by its path in the repository."""
    return lambda path: Page(ROOT / path)
