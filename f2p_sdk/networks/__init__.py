"""Pure torch modules: vectors in, pictures out. They know no file, no game and no socket."""

from .compact import CompactImitator, logarithm
from .imitator import NETWORKS, Imitator, PublishedImitator, build, from_config
from .layers import Box, SlotLayer
from .lowrank import halves
from .parser import (
    PARSERS,
    CompactParser,
    Features,
    ParserNetwork,
    ResNetParser,
    build_parser,
    parser_from_config,
)

__all__ = [
    "NETWORKS",
    "PARSERS",
    "Box",
    "CompactImitator",
    "CompactParser",
    "Features",
    "Imitator",
    "ParserNetwork",
    "PublishedImitator",
    "ResNetParser",
    "SlotLayer",
    "build",
    "build_parser",
    "from_config",
    "halves",
    "logarithm",
    "parser_from_config",
]
