"""Configuration of Sphinx: `make docs` builds this folder into out/docs."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from pygments.lexers.special import TextLexer

from f2p_sdk import __version__

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "f2p-sdk"
author = "the authors of f2p-sdk"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
# Attributes of several classes have the same name, such as `name`.
suppress_warnings = ["ref.python"]
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_numpy_docstring = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = f"f2p-sdk {version}"
html_show_copyright = False
html_show_sourcelink = False

DOCS = Path(__file__).parent
ROOT = DOCS.parent
# Pages of the site whose text is a file outside this folder.
FILES = {
    "reference/openhead": ROOT / "plugins" / "openhead" / "README.md",
    "reference/dlib": ROOT / "plugins" / "dlib" / "README.md",
    "reference/facemesh": ROOT / "plugins" / "facemesh" / "README.md",
    "reference/justice": ROOT / "adapters" / "justice" / "README.md",
    "changelog": ROOT / "CHANGELOG.md",
}
PAGES = {
    **{file: DOCS / f"{page}.md" for page, file in FILES.items()},
    ROOT / "README.md": DOCS / "index.md",
}
LINK = re.compile(r"(\]\()([^)#:\s]+)(?=[)#])")


def read_page(app: Sphinx, page: str, source: list[str]) -> None:
    """Replace the text of the pages in FILES, and point links to files outside at their pages."""
    file = FILES.get(page, DOCS / f"{page}.md")
    if page in FILES:
        source[0] = file.read_text(encoding="utf-8")

    def target(match: re.Match[str]) -> str:
        path = (file.parent / match[2]).resolve()
        relative = os.path.relpath(PAGES.get(path, path), (DOCS / page).parent)
        return match[1] + Path(relative).as_posix()

    source[0] = LINK.sub(target, source[0])


def join_names(app: Sphinx, *args: object) -> None:
    """Join names of attributes that share a text (`game, kind: names`) for Sphinx."""
    lines = args[-1]
    assert isinstance(lines, list)
    for i, line in enumerate(lines):
        if line.startswith(":ivar "):
            names, colon, text = line[6:].partition(":")
            lines[i] = f":ivar {names.replace(' ', '')}{colon}{text}"


def setup(app: Sphinx) -> None:
    app.add_lexer("frames", TextLexer)
    app.connect("source-read", read_page)
    app.connect("autodoc-process-docstring", join_names, priority=600)  # after Napoleon
