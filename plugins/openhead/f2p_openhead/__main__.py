"""Engine process: ``python -m f2p_openhead --rigs FOLDER --connect ENDPOINT``.

FOLDER holds the layout ``KIND.toml`` and the rig ``KIND.rig.toml`` of every kind of character.
"""

from __future__ import annotations

from . import single_thread  # noqa: F401  (must run before numpy is imported)

# isort: split
import argparse
import hashlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from f2p_sdk import EngineInfo, F2PError, Layout, serve_engine

from . import __version__
from .engine import MAX_SIZE, PASSES, Engine
from .head import build_head
from .rig import load_rig
from .scene import read_scene


class Game:
    """Engines of all kinds in a folder (an ``EngineHandler``).

    Raises:
        F2PError: the folder holds no rig.
    """

    def __init__(self, folder: Path) -> None:
        self._rigs = {
            p.name.removesuffix(".rig.toml"): p for p in sorted(folder.glob("*.rig.toml"))
        }
        if not self._rigs:
            raise F2PError(
                f"openhead: no KIND.rig.toml in {folder}",
                remedy="give the folder of the adapter's rigs with --rigs",
            )
        self._layouts = {kind: Layout.load(folder / f"{kind}.toml") for kind in self._rigs}
        self._engines: dict[str, Engine] = {}
        self._head = build_head()

    def engine(self, kind: str) -> Engine:
        """Return the engine of one kind; build it on first use."""
        if kind not in self._engines:
            rig = load_rig(self._rigs[kind], self._layouts[kind], self._head)
            self._engines[kind] = Engine(rig, self._head)
        return self._engines[kind]

    def info(self) -> EngineInfo:
        """Describe the game, its kinds and the passes for the bridge's handshake."""
        return EngineInfo(
            game=next(iter(self._layouts.values())).game,
            kinds={kind: layout.hash for kind, layout in self._layouts.items()},
            name="openhead",
            version=__version__,
            max_size=MAX_SIZE,
            passes=PASSES,
            assets=self._assets(),
        )

    def _assets(self) -> str:
        """Hash of the version of this package, whose art is a part of it, and of the rigs."""
        parts = [__version__.encode(), *(path.read_bytes() for path in self._rigs.values())]
        digests = b"".join(hashlib.sha256(part).digest() for part in parts)
        return hashlib.sha256(digests).hexdigest()[:16]

    def render(
        self,
        kind: str,
        values: Mapping[str, float | str],
        size: tuple[int, int],
        passes: Sequence[str],
        scene: Mapping[str, Any],
    ) -> Mapping[str, NDArray[Any]]:
        """Draw one character; see :meth:`Engine.draw`."""
        return self.engine(kind).draw(values, size, passes, read_scene(scene))

    def apply(self, kind: str, values: Mapping[str, float | str]) -> None:
        """Draw the character once at 256 pixels and discard the picture."""
        self.engine(kind).render(values, 256)


def main() -> int:
    """Run the engine until the host ends it; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m f2p_openhead", description=__doc__)
    parser.add_argument(
        "--rigs", type=Path, required=True, help="folder with KIND.toml and KIND.rig.toml"
    )
    parser.add_argument(
        "--connect", required=True, help="endpoint of the SDK, for example tcp://127.0.0.1:5555"
    )
    parser.add_argument("--exit-with-host", action="store_true", help="exit when the SDK exits")
    parser.add_argument("--keys", type=Path, help="folder of the CURVE keys")
    options = parser.parse_args()
    try:
        game = Game(options.rigs)
        game.engine(next(iter(game.info().kinds)))
        serve_engine(
            options.connect, game, exit_with_host=options.exit_with_host, keys=options.keys
        )
    except F2PError as error:
        print(f"openhead: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
