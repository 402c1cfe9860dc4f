"""Data sets of random characters with an engine's pictures, as WebDataset shards.

    with open_engine(kind) as host:
        capture(kind.layout, host, 20_000, "data")
    for number, values, png in read_records("data"):
        ...

A folder has ``dataset.json`` (see :class:`Manifest`) and shards ``000000.tar``, ``000001.tar``, ...
with two files per record: ``00000000.png``, the picture, and ``00000000.json``, the character:
``index``, ``seed``, ``game``, ``kind``, ``layout`` (its hash) and ``values`` in the game's own
units. Record i is ``layout.random(i, seed)``; the bytes of its JSON do not depend on the engines or
the time. Optional beside the shards: ``mesh.npz`` (:mod:`f2p_sdk.mesh`), and a folder
``neighbours`` with a data set of ``layout.neighbour(i, seed)``.

A character that the engine cannot draw has no record, but a line in ``failures.jsonl``.

With random scenes the JSON has the record's ``scene``, ``random_scene(i, seed, names)``. Other
passes may be kept: ``00000000.labels.png``, ``.landmarks.npy``, ``.depth.npy``.
"""

from __future__ import annotations

from .failures import (
    DEFAULT_LIMIT,
    FAILURES,
    Failure,
    failure_limit,
    missing_records,
    read_failures,
    require_complete,
)
from .job import Job, capture
from .manifest import MANIFEST, Manifest, read_manifest
from .scenes import ASPECTS, random_scene
from .shards import Record, read_planes, read_records, record_numbers

NEIGHBOURS = "neighbours"
"""Folder in a data set: the same characters, each with one parameter changed."""

__all__ = [
    "ASPECTS",
    "DEFAULT_LIMIT",
    "FAILURES",
    "MANIFEST",
    "NEIGHBOURS",
    "Failure",
    "Job",
    "Manifest",
    "Record",
    "capture",
    "failure_limit",
    "missing_records",
    "random_scene",
    "read_failures",
    "read_manifest",
    "read_planes",
    "read_records",
    "record_numbers",
    "require_complete",
]
