"""The parts of a face that parsers tell apart and the labels pass of an engine names."""

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
"""The classes of the Helen set, numbered as in the labels pass (``docs/reference/protocol.md``). Left and
right are the subject's."""

MIRRORED: tuple[int, ...] = tuple(
    CLASSES.index(
        name.replace("left", "right") if "left" in name else name.replace("right", "left")
    )
    for name in CLASSES
)
"""Class -> the class it is in the mirror."""
