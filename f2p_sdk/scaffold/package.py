"""Files of a new adapter: templates with the names of the game, layouts and mapping tables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, fields
from importlib import metadata, resources
from pathlib import Path
from string import Template
from typing import Any

from ..errors import UsageError, error_prefix
from ..files import atomic_write
from ..kinds import check_name
from ..parameters import Continuous, Discrete, Layout, Parameter
from .features import assign_features
from .looks import assign_looks
from .table import Table

LINE = 100  # characters of a line of Python
# Template -> path in the new folder. Both have the placeholders of `_names`.
_FILES: Mapping[str, str] = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "gitignore": ".gitignore",
    "check.yml": ".github/workflows/check.yml",
    "init.py": "$package/__init__.py",
    "plugin.py": "$package/plugin.py",
    "engine.py": "$package/engine.py",
    "framing.toml": "$package/framing.toml",
    "drawing/__init__.py": "$package/drawing/__init__.py",
    "drawing/canvas.py": "$package/drawing/canvas.py",
    "drawing/head.py": "$package/drawing/head.py",
    "drawing/parts.py": "$package/drawing/parts.py",
    "drawing/hair.py": "$package/drawing/hair.py",
    "drawing/controls.py": "$package/drawing/controls.py",
    "test_adapter.py": "tests/test_adapter.py",
}


def check_adapter_name(name: str, folder: Path) -> None:
    """Raise an F2PError unless a package of this name can be written to ``folder``."""
    check_name("game", name)
    package = _package(name)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            f"{folder}: must be a new or an empty folder, has files in it",
            remedy="give another one with -o, or delete it",
        )
    project = package.replace("_", "-")
    if _installed_elsewhere(project, folder):
        raise UsageError(
            f"a package {project} is already installed",
            remedy=f"give the game another name, or first run `pip uninstall {project}`",
        )


def _installed_elsewhere(project: str, folder: Path) -> bool:
    """True if the project is installed, but not by ``pip install -e`` from this folder."""
    try:
        source = metadata.distribution(project).read_text("direct_url.json") or "{}"
    except metadata.PackageNotFoundError:
        return False
    return bool(json.loads(source).get("url") != folder.resolve().as_uri())


def write_adapter(
    name: str, table: Table, folder: Path, *, title: str = "", source: tuple[str, bytes]
) -> list[Path]:
    """Write a complete adapter to a new or empty folder and return the paths of its files.

    Args:
        name: of the game: lower-case letters, digits, ``_`` and ``-``.
        title: name of the game for people; by default ``name`` with capitals.
        source: name and content of the slider table, which is copied into the folder.

    Raises:
        UsageError: the folder has files in it, or the package is already installed.
        LayoutError: the parameters of a kind make no valid layout.
    """
    check_adapter_name(name, folder)
    files = dict(_rendered(name, table, title or _title(name), source[0]))
    for kind, parameters in table.kinds.items():
        with error_prefix("the table"):
            Layout(name, kind, parameters)
        files[f"{_package(name)}/{kind}.toml"] = layout_toml(name, kind, parameters)
    contents: dict[str, str | bytes] = {source[0]: source[1], **files}
    return [atomic_write(folder / path, contents[path]) for path in sorted(contents)]


def _package(name: str) -> str:
    return "f2p_" + name.replace("-", "_")


def _title(name: str) -> str:
    return " ".join(word.capitalize() for word in re.split("[_-]+", name) if word)


def _rendered(name: str, table: Table, title: str, source: str) -> Iterator[tuple[str, str]]:
    """Yield path and text of each template."""
    values = _names(name, table, title, source)
    folder = resources.files(__package__ or "") / "templates"
    for template, path in _FILES.items():
        text = folder.joinpath(*f"{template}.txt".split("/")).read_text(encoding="utf-8")
        yield Template(path).substitute(values), Template(text).substitute(values)


def _names(name: str, table: Table, title: str, source: str) -> dict[str, str]:
    """Values of the placeholders."""
    kinds = list(table.kinds)
    union = {p.name: p for parameters in table.kinds.values() for p in parameters}
    sliders = [p for p in union.values() if isinstance(p, Continuous)]
    return {
        "game": name,
        "title": title,
        "title_repr": json.dumps(title, ensure_ascii=False),
        "package": _package(name),
        "project": _package(name).replace("_", "-"),
        "kind": kinds[0],
        "kinds": ", ".join(f'"{kind}"' for kind in kinds) + ("," if len(kinds) == 1 else ""),
        "layouts": ", ".join(f"`{kind}.toml`" for kind in kinds),
        "source": source,
        "sliders": _literal(assign_features(sliders), used=LINE),
        "choices": _literal(assign_looks(_slots(table))),
        "test_classes": "\n\n\n".join(_test_class(name, kind) for kind in kinds),
    }


def _slots(table: Table) -> list[Discrete]:
    """Discrete parameters by name; one that differs between kinds has the choices of all."""
    found: dict[str, Discrete] = {}
    for p in (p for parameters in table.kinds.values() for p in parameters):
        if isinstance(p, Discrete):
            first = found.get(p.name, p)
            choices = tuple(dict.fromkeys((*first.choices, *p.choices)))
            found[p.name] = Discrete(p.name, first.group, choices, first.default, first.label)
    return list(found.values())


def _test_class(game: str, kind: str) -> str:
    words = re.findall(r"[a-z0-9]+", kind)
    name = "".join(word.capitalize() for word in words)
    return f'class Test{name}(AdapterTests):\n    kind = "{game}/{kind}"'


def _literal(value: Any, indent: int = 0, used: int = 0) -> str:
    """A Python literal as Ruff and Black format it.

    Args:
        indent: blanks at the start of its line.
        used: characters of its line that are not its own.
    """
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_literal, value)) + ")"
    if not isinstance(value, dict):
        return repr(value)
    items = {_literal(key): item for key, item in value.items()}
    line = "{" + ", ".join(f"{key}: {_literal(item)}" for key, item in items.items()) + "}"
    if used + len(line) <= LINE and not any(isinstance(item, dict) for item in value.values()):
        return line
    inner = indent + 4
    rows = (
        f"{' ' * inner}{key}: {_literal(item, inner, inner + len(key) + 3)},\n"
        for key, item in items.items()
    )
    return "{\n" + "".join(rows) + " " * indent + "}"


def layout_toml(game: str, kind: str, parameters: Iterable[Parameter]) -> str:
    """TOML of a layout: a table for each parameter, without keys that have their default value."""
    blocks = [f"game = {_toml(game)}\nkind = {_toml(kind)}\n"]
    for key, cls in (("continuous", Continuous), ("discrete", Discrete)):
        for p in parameters:
            if isinstance(p, cls):
                lines = [f"[[{key}]]"]
                for field in fields(cls):
                    value = getattr(p, field.name)
                    needed = field.default is MISSING or field.name in ("low", "high", "default")
                    if needed or value != field.default:
                        lines.append(f"{field.name} = {_toml(value)}")
                blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def _toml(value: Any) -> str:
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    # JSON's strings are TOML's, except for the character DEL.
    return json.dumps(
        list(value) if isinstance(value, tuple) else value, ensure_ascii=False
    ).replace("\x7f", "\\u007f")
