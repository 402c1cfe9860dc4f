"""Pure torch modules: vectors in, pictures out. They know no file, no game and no socket."""

from .compact import CompactImitator
from .imitator import NETWORKS, Imitator, PublishedImitator, build, from_config
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
    "CompactImitator",
    "CompactParser",
    "Features",
    "Imitator",
    "MeshImitator",
    "ParserNetwork",
    "PublishedImitator",
    "ResNetParser",
    "Window",
    "build",
    "build_parser",
    "from_config",
    "parser_from_config",
]
