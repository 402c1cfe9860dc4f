"""Imitator networks: torch modules from vectors to pictures, without files, games or sockets."""

from .compact import CompactImitator
from .imitator import NETWORKS, Imitator, PublishedImitator, build, from_config

__all__ = ["NETWORKS", "CompactImitator", "Imitator", "PublishedImitator", "build", "from_config"]
