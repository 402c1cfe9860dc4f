"""Groups of parameters: the parts of the face that the SDK knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import did_you_mean

__all__ = ["GROUPS", "unknown_groups"]

GROUPS = ("eyebrow", "eye", "nose", "mouth", "face", "hair", "makeup")


def unknown_groups(groups: Mapping[str, Sequence[str]]) -> list[str]:
    """Return one sentence per group that is not among :data:`GROUPS`, with the nearest of them.

    Args:
        groups: names of parameters by group, see :attr:`Layout.groups`.
    """
    found = []
    for group, names in groups.items():
        if group not in GROUPS:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            near = did_you_mean(group, GROUPS, 1) or f"the groups are {', '.join(GROUPS)}"
            found.append(f"unknown group {group!r} of {', '.join(names[:3])}{more}: {near}")
    return found
