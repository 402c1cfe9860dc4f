"""Imitator networks: torch modules from vectors to pictures. They know no file, game or socket."""

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
