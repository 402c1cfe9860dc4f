"""Rules for admitting engines to a host: game, kinds and layouts must match."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from .messages import EngineInfo
from .wire import MAJOR, MINOR, Message

MAX_ENGINES = 256


class Refusal(Exception):
    """Reason to refuse a HELLO; ``code`` and ``remedy`` are sent in REFUSED."""

    def __init__(self, code: str, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.code, self.remedy = code, remedy


class Admission:
    """Game and layout hashes that engines must have; None admits any."""

    def __init__(self, game: str | None, layouts: Mapping[str, str] | None) -> None:
        self._game, self._layouts = game, layouts

    def admit(self, hello: Message, connected: Sequence[EngineInfo]) -> EngineInfo:
        """Return the engine that sent ``hello``, with the host's warnings about it.

        Raises:
            Refusal: the engine does not match, or too many are ``connected``.
            WireError: a field of its HELLO has an invalid value.
        """
        if hello.header["role"] != "engine":
            raise Refusal("role", f"role {hello.header['role']!r:.40} is not supported here")
        info = EngineInfo.from_hello(hello.header)
        if len(connected) >= MAX_ENGINES:
            raise Refusal("full", f"{len(connected)} engines are connected already")
        if self._game is not None and info.game != self._game:
            raise Refusal(
                "game", f"{info.name} is an engine of {info.game!r}, the host needs {self._game!r}"
            )
        warnings = self._compare(info) if self._layouts is not None else []
        if hello.minor != MINOR:
            warnings.append(
                f"{info.name} uses bridge protocol {MAJOR}.{hello.minor}, this side "
                f"{MAJOR}.{MINOR}: newer features are not used"
            )
        others = {e.assets for e in connected if e.assets and e.game == info.game} - {info.assets}
        if info.assets and others:
            warnings.append(
                f"{info.name} has assets {info.assets!r}, another connected engine has "
                f"{min(others)!r}: the same values may give two faces; update the older engine"
            )
        return dataclasses.replace(info, warnings=tuple(warnings))

    def _compare(self, info: EngineInfo) -> list[str]:
        layouts = self._layouts or {}
        for kind, hash in info.kinds.items():
            required = layouts.get(kind)
            if required is not None and required != hash:
                raise Refusal(
                    "layout",
                    f"{info.name} draws {info.game}/{kind} with layout {hash}, "
                    f"this side has layout {required}",
                    "install the same version of the game's adapter on both sides",
                )
        missing = [k for k in layouts if k not in info.kinds]
        if len(missing) == len(layouts):
            needed = f"the host needs {', '.join(missing)}"
            raise Refusal("kind", f"{info.name} draws {', '.join(info.kinds)}, {needed}")
        return [f"{info.name} does not draw {info.game}/{kind}" for kind in missing]
