"""The surface that an engine draws, as meshes: measured in the engine, kept on disk.

An engine that offers the passes ``vertices``, ``attributes`` and ``triangles`` tells where every
vertex of what it draws stands. Sliders move bones and morphs, so a vertex's place is the sum of
what each slider adds, one straight line for each half of its range; perspective comes after. Hair
follows the head. So two thousand characters, asked for their vertices alone, tell all of it, and
an imitator (:mod:`f2p_sdk.mesh.network`) has to learn only how the surface looks.
"""

from .model import FILE, OPAQUE, PAINTED, RIBBON, Mesh, Piece, Ways, products
from .probe import Told, measure

__all__ = [
    "FILE",
    "OPAQUE",
    "PAINTED",
    "RIBBON",
    "Mesh",
    "Piece",
    "Told",
    "Ways",
    "measure",
    "products",
]
