"""Classes of face parts, for parsers and for the labels pass of an engine."""

from __future__ import annotations

__all__ = ["CLASSES", "MIRRORED"]

CLASSES: tuple[str, ...] = (
    "background",
    "face_skin",
    "left_brow",
    "right_brow",
    "left_eye",
    "right_eye",
    "nose",
    "upper_lip",
    "inner_mouth",
    "lower_lip",
    "hair",
)
"""The classes of the Helen set, numbered as in the labels pass (``docs/reference/protocol.md``).
Left and right are the subject's."""

MIRRORED: tuple[int, ...] = tuple(
    CLASSES.index(
        name.replace("left", "right") if "left" in name else name.replace("right", "left")
    )
    for name in CLASSES
)
"""Class -> class in the mirrored picture."""
