"""``dataset.json``: the description of a data set, so that two data sets are never mixed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ..errors import DatasetError
from ..files import atomic_write

MANIFEST = "dataset.json"
FORMAT = 1
_LOCK = ".f2p-lock"


@dataclass(frozen=True)
class Manifest:
    """Description of a data set; see :func:`read_manifest`.

    Attributes:
        game, kind, layout: names of game and kind, and hash of the layout.
        seed: record i is ``layout.random(i, seed)``.
        size: side of the square pictures, in pixels.
        shard_size: records per shard; the last shard may have fewer.
        count: records of the completed data set.
        characters: ``random``, or ``neighbour``: then record i is ``layout.neighbour(i, seed)``.
        vary: random aspects of the scene, names joined by commas: record i has
            ``random_scene(i, seed, names)``. Empty: the standard portrait.
        passes: kept passes besides colour, names joined by commas.
        assets: hash or build number of the engine's rig and art; empty if it gave none.
    """

    game: str
    kind: str
    layout: str
    seed: int
    size: int
    shard_size: int
    count: int
    characters: str = "random"
    vary: str = ""
    passes: str = ""
    assets: str = ""

    @property
    def kept_passes(self) -> tuple[str, ...]:
        """Kept passes besides colour."""
        return tuple(self.passes.split(",")) if self.passes else ()

    @property
    def varied_aspects(self) -> tuple[str, ...]:
        """Random aspects of the scene."""
        return tuple(self.vary.split(",")) if self.vary else ()

    def save(self, folder: Path) -> None:
        """Write ``dataset.json``."""
        document = {"format": FORMAT, **asdict(self)}
        if not self.assets:
            del document["assets"]
        text = json.dumps(document, indent=2) + "\n"
        atomic_write(folder / MANIFEST, text, error=DatasetError)

    def require_same(self, requested: Manifest, folder: Path) -> None:
        """Raise DatasetError if ``requested`` differs in more than the count."""
        for field in fields(self):
            existing, value = getattr(self, field.name), getattr(requested, field.name)
            if field.name not in ("count", "assets") and existing != value:
                raise DatasetError(
                    f"{folder} has a data set with {field.name} {existing!r}, requested {value!r}",
                    remedy="use another folder, or the options of the first run",
                )


def read_manifest(folder: str | Path) -> Manifest:
    """Read the description of the data set in ``folder``.

    Raises:
        DatasetError: there is no data set, or its manifest is damaged.
    """
    path = Path(folder) / MANIFEST
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DatasetError(
            f"{folder} has no data set: there is no {MANIFEST}",
            remedy="draw a data set: f2p capture -g GAME -n 20000 -o DIR",
        ) from None
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path} cannot be read: {error}") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise DatasetError(f"{path} is not a data set of format {FORMAT}")
    values: dict[str, Any] = {}
    for field in fields(Manifest):
        value = document.get(field.name, field.default)
        type = int if field.type == "int" else str
        if not isinstance(value, type) or (isinstance(value, int) and value < 0):
            expected = "an integer of at least 0" if type is int else "a text"
            raise DatasetError(f"{path}: {field.name} must be {expected}, got {value!r}")
        values[field.name] = value
    if values["shard_size"] < 1:
        raise DatasetError(f"{path}: shard_size must be at least 1")
    return Manifest(**values)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a data set for writing; the system releases the lock when the process ends.

    Raises:
        DatasetError: another process has the lock, or the folder is not writable.
    """
    path = folder / _LOCK
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b")
    except OSError as error:
        raise DatasetError(f"{folder} cannot be written to: {error}") from None
    with file:
        try:
            _lock(file.fileno())
        except OSError:
            raise DatasetError(
                f"another f2p capture is writing to {folder}",
                remedy="wait for it, or stop it: it can be resumed",
            ) from None
        yield


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
