"""Datasets from an engine: random characters and the engine's pictures of them, in WebDataset
shards.

    with open_engine(kind) as host:
        capture(kind.layout, host, 20_000, "data")
    for index, values, png in read_records("data"):
        ...

A folder holds ``dataset.json`` (see :class:`Manifest`) and shards ``000000.tar``, ``000001.tar``,
... with two files a record: ``00000000.png``, the picture, and ``00000000.json``, the character:
``index``, ``seed``, ``game``, ``kind``, ``layout`` (its hash) and ``values`` in the game's own
units. Record i is ``layout.random(i, seed)``, whoever draws it and whenever; the bytes of the JSON
files are the same too. Beside the shards may be ``mesh.npz`` (:mod:`f2p_sdk.mesh`), and a
folder ``neighbours`` with a dataset of
``layout.neighbour(i, seed)``.

Scenes may be varied: then the JSON has the record's ``scene``, ``random_scene(i, seed, names)``.
Other passes may be kept: ``00000000.labels.png``, ``.landmarks.npy``, ``.depth.npy``.
"""

from __future__ import annotations

from .job import Job, capture
from .manifest import MANIFEST, Manifest, read_manifest
from .shards import Record, read_planes, read_records
from .vary import ASPECTS, random_scene

NEIGHBOURS = "neighbours"
"""Folder in that of a dataset: the same characters, each with one parameter changed."""

__all__ = [
    "ASPECTS",
    "MANIFEST",
    "NEIGHBOURS",
    "Job",
    "Manifest",
    "Record",
    "capture",
    "random_scene",
    "read_manifest",
    "read_planes",
    "read_records",
]
