"""The bridge between the SDK and game engines: the SDK listens, engines connect. See
docs/protocol.md."""

from __future__ import annotations

from .client import EngineClient, EngineHandler, serve_engine
from .host import Host
from .messages import EngineInfo, Picture
from .process import EngineGroup, open_engine
from .sockets import DEFAULT_ENDPOINT, make_keys

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
