"""Range limits of sliders, from the head's own morph targets.

The targets' artists designed each one so that at full weight the head still looks human. For every
vertex, the largest displacement by any target is the limit for one slider. Translation of the whole
head is removed first.
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

# Folders of targets that change the proportions of a face.
FOLDERS = ("cheek", "chin", "ears", "eyebrows", "eyes", "forehead", "head", "mouth", "neck", "nose")
MACROS = "macrodetails"
MIN_LIMIT = 0.04  # decimetres; no target moves some of the vertices


def reach_of_targets(head: Head) -> Array:
    """Largest displacement (V,) of each vertex by a face target at full weight, decimetres.

    It includes the targets of ancestry, age, sex and weight. The result is cached, because about
    400 files are read.
    """
    root = asset_root() / "targets"
    names = [
        path.relative_to(root).as_posix().removesuffix(".target.gz")
        for folder in (*FOLDERS, MACROS)
        for path in sorted((root / folder).glob("*.target.gz"))
    ]
    # Adults only.
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
        field -= field[eyes].mean(0)  # the camera follows the face
        if name.startswith(MACROS):
            macros.append(field)
        else:
            reach = np.maximum(reach, np.linalg.norm(field, axis=1))
    # A macro target is a complete head, and a resting head is the mean of three ancestries. So the
    # displacement to one of them is two thirds of the distance between two.
    for field in macros:
        for other in macros:
            reach = np.maximum(reach, np.linalg.norm(field - other, axis=1) * 2 / 3)
    return reach


def beyond_limits(rig: Rig, head: Head) -> list[tuple[str, str]]:
    """Sliders that at one end move a vertex farther than :func:`reach_of_targets`.

    Returns:
        Pairs of slider and end, and the measured ratio.
    """
    allowed = np.maximum(reach_of_targets(head), MIN_LIMIT)
    eyes = np.concatenate([head.left_eye, head.right_eye])
    found = []
    for k, name in enumerate(rig.sliders):
        for end, fields in (("low", rig.low), ("high", rig.high)):
            field = fields[k].reshape(-1, 3)
            field = field - field[eyes].mean(0)
            share = np.linalg.norm(field, axis=1) / allowed
            if share.max() > 1:
                found.append((f"{name} at {end}", f"{share.max():.2f} times the morphs' range"))
    return found
