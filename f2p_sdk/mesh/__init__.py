"""Meshes of an engine's characters: probed once per dataset, stored on disk.

An engine that offers the passes ``vertices``, ``attributes`` and ``triangles`` returns the position
of every vertex that it draws. Sliders move bones and morphs, so the displacement of a vertex is a
sum of blendshapes, one for each half of a slider's range; perspective is applied afterwards. Hair
follows the head. About two thousand characters, rendered for their vertices alone, determine all of
it. An imitator (:mod:`f2p_sdk.mesh.network`) then learns only colours.
"""

from .model import FILE, PAINTED, Mesh, Piece
from .probe import ProbeResult, probe_mesh

__all__ = ["FILE", "PAINTED", "Mesh", "Piece", "ProbeResult", "probe_mesh"]
