"""Which engines a host lets in: the right game, kinds it wants, with the layouts it has."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from .messages import EngineInfo
from .wire import MAJOR, MINOR, Message

__all__ = ["MAX_ENGINES", "Admission", "Refusal"]

MAX_ENGINES = 256


class Refusal(Exception):
    """Why a HELLO is not welcome; ``code`` and ``remedy`` travel in REFUSED."""

    def __init__(self, code: str, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.remedy = remedy


class Admission:
    """The host's wishes. None admits any game, any layouts."""

    def __init__(self, game: str | None, layouts: Mapping[str, str] | None) -> None:
        self._game = game
        self._layouts = layouts

    def admit(self, hello: Message, connected: int) -> EngineInfo:
        """The engine that says ``hello``, with what there is to remark about it as its warnings.

        Raises:
            Refusal: it is not wanted.
            WireError: its HELLO makes no sense.
        """
        if hello.header["role"] != "engine":
            raise Refusal("role", f"role {hello.header['role']!r:.40} is not served here")
        info = EngineInfo.from_hello(hello.header)
        if connected >= MAX_ENGINES:
            raise Refusal("full", f"{connected} engines are connected already")
        if self._game is not None and info.game != self._game:
            raise Refusal(
                "game", f"{info.name} is an engine of {info.game!r}, wanted is {self._game!r}"
            )
        warnings = self._compare(info) if self._layouts is not None else []
        if hello.minor != MINOR:
            warnings.append(
                f"{info.name} speaks bridge protocol {MAJOR}.{hello.minor}, this side "
                f"{MAJOR}.{MINOR}: what is newer is not used"
            )
        return dataclasses.replace(info, warnings=tuple(warnings))

    def _compare(self, info: EngineInfo) -> list[str]:
        layouts = self._layouts or {}
        for kind, hash in info.kinds.items():
            wanted = layouts.get(kind)
            if wanted is not None and wanted != hash:
                raise Refusal(
                    "layout",
                    f"{info.name} draws {info.game}/{kind} with layout {hash}, "
                    f"this side has layout {wanted}",
                    "install the same version of the game's adapter on both sides",
                )
        missing = [k for k in layouts if k not in info.kinds]
        if len(missing) == len(layouts):
            raise Refusal(
                "kind", f"{info.name} draws {', '.join(info.kinds)}, wanted is {', '.join(missing)}"
            )
        return [f"{info.name} does not draw {info.game}/{kind}" for kind in missing]
