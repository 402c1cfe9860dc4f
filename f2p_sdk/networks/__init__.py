"""Pure torch modules: vectors in, pictures out. They know no file, no game and no socket."""

from .compact import CompactImitator
from .imitator import NETWORKS, Imitator, PublishedImitator, build, from_config

__all__ = [
    "NETWORKS",
    "CompactImitator",
    "Imitator",
    "PublishedImitator",
    "build",
    "from_config",
]
