"""``dataset.json``: what a folder of captured pictures holds, so that two datasets never get
mixed."""

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

__all__ = ["MANIFEST", "Manifest", "locked", "read_manifest"]

MANIFEST = "dataset.json"
FORMAT = 1
_LOCK = ".f2p-lock"


@dataclass(frozen=True)
class Manifest:
    """What a dataset is made of; see :func:`read_manifest`.

    Attributes:
        game, kind, layout: names, and the hash of the layout that the characters belong to.
        seed: record i is ``layout.random(i, seed)``.
        size: side of the square pictures, in pixels.
        shard_size: records in a shard; the last one may hold fewer.
        count: records that the dataset has when it is finished.
        characters: ``random``, or ``neighbour``: then record i is ``layout.neighbour(i, seed)``.
        vary: what of the scene is random, names joined by commas: record i has
            ``random_scene(i, seed, names)``. Empty: the standard portrait.
        passes: what is kept besides colour, names joined by commas.
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

    @property
    def kept(self) -> tuple[str, ...]:
        """The passes that are kept besides colour."""
        return tuple(self.passes.split(",")) if self.passes else ()

    @property
    def varied(self) -> tuple[str, ...]:
        """What of the scene is random."""
        return tuple(self.vary.split(",")) if self.vary else ()

    def save(self, folder: Path) -> None:
        """Write ``dataset.json``."""
        document = {"format": FORMAT, **asdict(self)}
        text = json.dumps(document, indent=2) + "\n"
        atomic_write(folder / MANIFEST, text, error=DatasetError)

    def require(self, wanted: Manifest, folder: Path) -> None:
        """DatasetError unless ``wanted`` would go on with this dataset; the count may differ."""
        for field in fields(self):
            there, asked = getattr(self, field.name), getattr(wanted, field.name)
            if field.name != "count" and there != asked:
                raise DatasetError(
                    f"{folder} holds a dataset of {field.name} {there!r}, asked was {asked!r}",
                    remedy="use another folder, or the same options as when it was begun",
                )


def read_manifest(folder: str | Path) -> Manifest:
    """What the dataset in ``folder`` holds.

    Raises:
        DatasetError: there is none, or its manifest is damaged.
    """
    path = Path(folder) / MANIFEST
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DatasetError(
            f"{folder} holds no dataset: there is no {MANIFEST}",
            remedy="draw one: f2p capture -g GAME -n 20000 -o DIR",
        ) from None
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path} cannot be read: {error}") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise DatasetError(f"{path} is not a dataset of format {FORMAT}")
    values: dict[str, Any] = {}
    for field in fields(Manifest):
        value = document.get(field.name, field.default)
        whole = field.type == "int"
        if not isinstance(value, int if whole else str) or (isinstance(value, int) and value < 0):
            raise DatasetError(
                f"{path}: {field.name} must be a {'number' if whole else 'text'}, got {value!r}"
            )
        values[field.name] = value
    if values["shard_size"] < 1:
        raise DatasetError(f"{path}: shard_size must be at least 1")
    return Manifest(**values)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Only one process at a time writes to a dataset. The system lets go of the lock when it dies.

    Raises:
        DatasetError: another process has it.
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
                remedy="wait for it, or stop it; it can be resumed",
            ) from None
        yield


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
