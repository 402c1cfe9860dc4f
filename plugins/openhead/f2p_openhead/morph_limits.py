"""Ranges that leave the human, measured against the head's own morph targets.

The artists of the head modelled each target so that, at its full, a person still is a person. For
every vertex the longest way that any of them moves it is how far one slider may move it. What moves
the whole head (its size, its place) is measured after that is taken out.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from .assets import asset_root, cached_arrays, load_target
from .head import Head
from .rig import Rig

__all__ = ["beyond_limits", "reach_of_targets"]

Array = NDArray[np.float32]

# Folders of targets that change a face; expressions and bodies are none of its proportions.
FOLDERS = ("cheek", "chin", "ears", "eyebrows", "eyes", "forehead", "head", "mouth", "neck", "nose")
MACROS = "macrodetails"
LEAST = 0.04  # decimetres that any vertex may move: targets leave some places alone
MOST = 1.0


def reach_of_targets(head: Head) -> Array:
    """How far (V,) the face's targets, and those of ancestry, age, sex and weight, move a vertex.

    In decimetres, at their full; kept in the cache folder, since some 400 files are read.
    """
    root = asset_root() / "targets"
    names = [
        path.relative_to(root).as_posix().removesuffix(".target.gz")
        for folder in (*FOLDERS, MACROS)
        for path in sorted((root / folder).glob("*.target.gz"))
    ]
    # Children are other people; so are the differences of the young and old below.
    names = [n for n in names if not n.endswith(("-baby", "-child")) and "-child-" not in n]
    names = [n for n in names if "-baby-" not in n]
    key = hashlib.sha256("\n".join([*names, "reach-2"]).encode() + head.ids.tobytes()).hexdigest()
    arrays = cached_arrays(f"reach-{key[:16]}", lambda: {"reach": _reach(names, head)})
    return arrays["reach"]


def _reach(names: list[str], head: Head) -> Array:
    eyes = np.concatenate([head.left_eye, head.right_eye])
    reach = np.zeros(len(head.ids), np.float32)
    macros: list[Array] = []
    for name in names:
        field = load_target(name)[head.ids]
        field -= field[eyes].mean(0)  # the camera stays with the face
        if name.startswith(MACROS):
            macros.append(field)
        else:
            reach = np.maximum(reach, np.linalg.norm(field, axis=1))
    # Macro targets are whole people. From a resting head in their midst, the mean of three
    # ancestries, it is two thirds of their distance to become one of them.
    for field in macros:
        for other in macros:
            reach = np.maximum(reach, np.linalg.norm(field - other, axis=1) * 2 / 3)
    return reach


def beyond_limits(rig: Rig, head: Head) -> list[tuple[str, str]]:
    """Sliders that at an end move some vertex further than :func:`reach_of_targets` allows."""
    allowed = np.maximum(reach_of_targets(head), LEAST)
    eyes = np.concatenate([head.left_eye, head.right_eye])
    found = []
    for k, name in enumerate(rig.sliders):
        for end, fields in (("low", rig.low), ("high", rig.high)):
            field = fields[k].reshape(-1, 3)
            field = field - field[eyes].mean(0)
            share = np.linalg.norm(field, axis=1) / allowed
            if share.max() > MOST:
                found.append((f"{name} at {end}", f"{share.max():.2f} of what morphs do"))
    return found
