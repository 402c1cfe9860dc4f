"""The bridge between the SDK (host) and game engines (clients), as ``docs/reference/protocol.md``
specifies it."""

from __future__ import annotations

import logging

from .client import EngineClient, EngineHandler, serve_engine
from .host import Host
from .messages import EngineInfo, Rendering
from .notices import differing_assets, warn_assets
from .process import EngineGroup, open_engine
from .sockets import DEFAULT_ENDPOINT, make_keys

# Log records are for programs that configure logging; errors reach the caller as exceptions.
logging.getLogger("f2p_sdk").addHandler(logging.NullHandler())

__all__ = [
    "DEFAULT_ENDPOINT",
    "EngineClient",
    "EngineGroup",
    "EngineHandler",
    "EngineInfo",
    "Host",
    "Rendering",
    "differing_assets",
    "make_keys",
    "open_engine",
    "serve_engine",
    "warn_assets",
]
