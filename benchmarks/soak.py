"""Many pictures: memory, files, sockets and threads of the host's process stay the same.

    python benchmarks/soak.py --pictures 20000 --size 128

An engine process draws, and the host discards the pictures. The memory is read after a tenth of
the pictures and at the end. Files and threads are counted before the host opens and after it
closes.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from bench_kind import make_kind, open_files, resident_mb, start_engine

from f2p_sdk.bridge import Host

MAX_GROWTH_MB = 20.0


def _left_over(folder: Path, pictures: int, size: int) -> dict[str, Any]:
    """Draw with a new host and engine; return memory and times."""
    kind = make_kind(folder)
    warm, last = max(1, pictures // 10), 0.0
    memory: list[float] = []
    with Host(game=kind.game, layouts={kind.kind: kind.layout.hash}) as host:
        engine = start_engine(kind, host.endpoint)
        try:
            host.wait(60)
            started = time.monotonic()
            characters = (kind.layout.random(i) for i in range(pictures))
            for drawn, _ in enumerate(host.render_many(characters, size=size), start=1):
                if drawn in (warm, pictures):
                    memory.append(resident_mb())
            last = time.monotonic() - started
        finally:
            engine.kill()
            engine.communicate()
    return {"memory": memory, "seconds": last}


def run(pictures: int, size: int) -> dict[str, Any]:
    """Return memory, files and threads before and after."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _left_over(folder, 10, size)  # pyzmq keeps its own thread and files from here on
        before = (open_files(), threading.active_count(), len(list(folder.iterdir())))
        found = _left_over(folder, pictures, size)
        after = (open_files(), threading.active_count(), len(list(folder.iterdir())))
    growth = found["memory"][-1] - found["memory"][0]
    return {
        "pictures": pictures,
        "size": size,
        "pictures_per_second": round(pictures / found["seconds"], 1),
        "memory_mb": [round(m, 1) for m in found["memory"]],
        "growth_mb": round(growth, 1),
        "files_threads_temporary": [before, after],
        "ok": growth < MAX_GROWTH_MB and after == before,
    }


def main() -> None:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=20_000, metavar="N")
    parser.add_argument("--size", type=int, default=128, metavar="PIXELS")
    args = parser.parse_args()
    report = run(args.pictures, args.size)
    print(json.dumps(report, indent=2))
    raise SystemExit(not report["ok"])


if __name__ == "__main__":
    main()
