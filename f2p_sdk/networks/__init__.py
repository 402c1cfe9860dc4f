"""Pure torch modules: vectors in, pictures out. They know no file, no game and no socket."""

from .compact import CompactImitator, logarithm
from .imitator import NETWORKS, Imitator, PublishedImitator, build, from_config
from .layers import Box, SlotLayer
from .lowrank import halves
from .mesh import MeshImitator
from .parser import (
    PARSERS,
    CompactParser,
    Features,
    ParserNetwork,
    ResNetParser,
    build_parser,
    parser_from_config,
)
from .visible import Window

__all__ = [
    "NETWORKS",
    "PARSERS",
    "Box",
    "CompactImitator",
    "CompactParser",
    "Features",
    "Imitator",
    "MeshImitator",
    "ParserNetwork",
    "PublishedImitator",
    "ResNetParser",
    "SlotLayer",
    "Window",
    "build",
    "build_parser",
    "from_config",
    "halves",
    "logarithm",
    "parser_from_config",
]
