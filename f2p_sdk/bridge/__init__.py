"""The bridge between the SDK and game engines: the SDK listens, engines connect. See
docs/reference/protocol.md."""

from __future__ import annotations

import logging

from .client import EngineClient, EngineHandler, serve_engine
from .host import Host
from .messages import EngineInfo, Picture
from .process import EngineGroup, open_engine
from .sockets import DEFAULT_ENDPOINT, make_keys

# What is logged is for programs that want it; errors reach the caller as exceptions.
logging.getLogger("f2p_sdk").addHandler(logging.NullHandler())

__all__ = [
    "DEFAULT_ENDPOINT",
    "EngineClient",
    "EngineGroup",
    "EngineHandler",
    "EngineInfo",
    "Host",
    "Picture",
    "make_keys",
    "open_engine",
    "serve_engine",
]
