"""HTML page with figures and pictures in a single file, without scripts and links."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .. import images
from ..errors import UsageError
from ..files import atomic_write
from ..images import Picture

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 78rem; padding: 0 1rem;
  color: #1c1c1e; background: #fff }
h1 { font-size: 1.5rem } section { border-top: 1px solid #ddd; padding: 1rem 0 }
h2 { font-size: 1.05rem; margin: 0 0 .5rem } .row { display: flex; gap: .75rem; flex-wrap: wrap }
figure { margin: 0 } figcaption { font-size: .85rem; color: #555; text-align: center }
img { display: block; border-radius: 4px } table { border-collapse: collapse; margin: .5rem 0 }
td { padding: .1rem 1.2rem .1rem 0; font-variant-numeric: tabular-nums } .note { color: #555 }
"""


@dataclass(frozen=True)
class Row:
    """One row of the page.

    Attributes:
        title: heading, e.g. the name of a photo.
        pictures: label and picture uint8 (H, W, 3), from left to right.
        figures: numbers or texts by name.
    """

    title: str
    pictures: Sequence[tuple[str, Picture]]
    figures: Mapping[str, object] = field(default_factory=dict)


def write_page(
    folder: str | Path,
    title: str,
    rows: Sequence[Row],
    *,
    figures: Mapping[str, object] | None = None,
    note: str = "",
    height: int = 256,
) -> Path:
    """Write ``folder/index.html`` and return its path; a missing folder is created.

    ``figures`` and ``note`` are at the top. Pictures are scaled to ``height`` pixels.
    """
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{html.escape(title)}</h1>",
        f'<p class="note">{html.escape(note)}</p>' if note else "",
        _figures(figures or {}),
        *(_row(row, height) for row in rows),
        "</body></html>\n",
    ]
    path = Path(folder) / "index.html"
    return atomic_write(path, "\n".join(part for part in parts if part), error=UsageError)


def _row(row: Row, height: int) -> str:
    pictures = "".join(_picture(label, picture, height) for label, picture in row.pictures)
    return (
        f'<section><h2>{html.escape(row.title)}</h2><div class="row">{pictures}</div>'
        f"{_figures(row.figures)}</section>"
    )


def _picture(label: str, picture: Picture, height: int) -> str:
    h, w = picture.shape[:2]
    width = max(1, round(w * height / h))
    scaled = picture if (w, h) == (width, height) else images.resize(picture, (width, height))
    data = base64.b64encode(images.encode_png(scaled, level=6)).decode("ascii")
    label = html.escape(label)
    return (
        f'<figure><img alt="{label}" width="{width}" height="{height}" '
        f'src="data:image/png;base64,{data}"><figcaption>{label}</figcaption></figure>'
    )


def _figures(figures: Mapping[str, object]) -> str:
    if not figures:
        return ""
    cells = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{html.escape(_text(value))}</td></tr>"
        for name, value in figures.items()
    )
    return f"<table>{cells}</table>"


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
