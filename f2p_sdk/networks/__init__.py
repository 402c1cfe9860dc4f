"""Pure torch modules: vectors in, pictures out. They know no file, no game and no socket."""

from .compact import CompactImitator, logarithm
from .imitator import NETWORKS, Imitator, PublishedImitator, build, from_config
from .layers import Box, SlotLayer
from .lowrank import halves

__all__ = [
    "NETWORKS",
    "Box",
    "CompactImitator",
    "Imitator",
    "PublishedImitator",
    "SlotLayer",
    "build",
    "from_config",
    "halves",
    "logarithm",
]
