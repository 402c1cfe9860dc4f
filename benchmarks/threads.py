"""Seconds of fits that run at the same time, relative to one alone.

    python benchmarks/threads.py PHOTO -g justice/female

Threads of OpenMP sleep while they wait if f2p-sdk is imported first. Each row runs 1, 2 or 4
processes of `f2p fit` at once: with threads that sleep, and with threads that spin, as is OpenMP's
default. ``times_slower`` is the mean seconds of a fit, divided by those of a single one with
sleeping threads. If one fit uses all cores, N at once take N times as long at best.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SPINNING = {"OMP_WAIT_POLICY": "ACTIVE", "GOMP_SPINCOUNT": "300000"}  # libgomp's own default


def seconds(photo: Path, game: str, method: str, count: int, threads: Mapping[str, str]) -> float:
    """Return the mean seconds of ``count`` fits that start together."""

    def run(folder: str) -> float:
        started = time.perf_counter()
        command = [str(Path(sys.executable).with_name("f2p")), "fit", str(photo), "-g", game]
        command += ["-o", folder, "--method", method, "--json"]
        done = subprocess.run(
            command, env={**os.environ, **threads}, capture_output=True, text=True
        )
        if done.returncode not in (0, 3):
            sys.exit(done.stderr)
        return time.perf_counter() - started

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(count) as pool:
        return statistics.mean(pool.map(run, [f"{folder}/{k}" for k in range(count)]))


def main() -> None:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", type=Path)
    parser.add_argument("-g", "--game", required=True, metavar="GAME/KIND")
    parser.add_argument("--method", default="best")
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, 2, 4], metavar="N")
    options = parser.parse_args()
    fixed = (options.photo, options.game, options.method)
    alone = seconds(*fixed, 1, {})
    rows = []
    for name, threads in (("sleeping", {}), ("spinning", SPINNING)):
        for count in options.at_once:
            found = alone if (count, name) == (1, "sleeping") else seconds(*fixed, count, threads)
            row = {"threads": name, "at_once": count, "seconds": round(found, 1)}
            rows.append({**row, "times_slower": round(found / alone, 2)})
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    print(json.dumps({"cores": os.cpu_count(), "method": options.method, "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
