"""A long capture: memory stays flat, and no socket, file or thread is left over.

    python benchmarks/soak.py --pictures 20000 --size 128

Four engines (two in Python, one in C, one in C#, see ``sketch.py``) draw for one host, which writes
a data set. After every tenth of the pictures the resident memory, threads and open files of this
process and of the engines are noted. ``growth_mb`` is the last memory minus that after the second
tenth. Then hosts open and close several times while the engines connect again and again. At the end
this process must have the threads and open files of the beginning. Needs Linux's ``/proc``.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from sketch import FOUR, KINDS, LAYOUT, Fleet, build, free_endpoint, process_figures

from f2p_sdk.bridge import Host
from f2p_sdk.capture import Job

TENTHS = 10
MAX_GROWTH = {"host": 10.0, "python": 10.0, "c": 5.0, "csharp": 20.0}  # MB
"""Allowed growth; the heap of mono changes by some megabytes."""


def open_host(endpoint: str) -> Host:
    return Host(endpoint, game="sketch", layouts=KINDS, heartbeat=0.2, silence=5.0)


def measure(pictures: int, size: int, cycles: int) -> dict[str, Any]:
    """Run the soak; return figures and ``ok``."""
    endpoint = free_endpoint()
    with open_host(endpoint):
        pass  # pyzmq starts one thread for the life of the process
    before = process_figures()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        commands = build(folder)
        samples: list[dict[str, dict[str, float]]] = []
        started = time.monotonic()
        with Fleet([commands[n] for n in FOUR], endpoint, folder) as fleet:

            def sample() -> dict[str, dict[str, float]]:
                engines = {
                    f"{n}-{i}": process_figures(fleet.processes[i].pid) for i, n in enumerate(FOUR)
                }
                return {"host": process_figures(), **engines}

            with open_host(endpoint) as host:
                host.wait(30, engines=len(FOUR))
                for tenth in range(TENTHS):
                    count = pictures * (tenth + 1) // TENTHS
                    with Job(LAYOUT, count, folder / "data", size=size) as job:
                        job.run(host)
                        assert job.done == count
                    samples.append(sample())
                lost = host.counts.get("lost", 0)
            rate = pictures / (time.monotonic() - started)
            for cycle in range(cycles):
                with open_host(endpoint) as host:
                    host.wait(30, engines=len(FOUR))
                    drawn = host.render_many([LAYOUT.random(i) for i in range(20)], size=size)
                    assert len(list(drawn)) == 20, cycle
            after_cycles = sample()
    left = process_figures()
    growth = {n: samples[-1][n]["mb"] - samples[1][n]["mb"] for n in samples[0]}
    limits = {n: MAX_GROWTH[n.partition("-")[0]] for n in growth}
    cycle_growth = {n: after_cycles[n]["mb"] - samples[-1][n]["mb"] for n in growth}
    left_over = {n: left[n] - before[n] for n in ("threads", "files")}
    engines_left_over = {
        n: {f: after_cycles[n][f] - samples[1][n][f] for f in ("threads", "files")}
        for n in growth
        if n != "host"
    }
    # A runtime such as mono may add a worker thread; more files are sockets that stayed open.
    ok = (
        not any(left_over.values())
        and all(growth[n] < limits[n] for n in growth)
        and all(cycle_growth[n] < limits[n] for n in growth)
        and all(f["files"] <= 0 and f["threads"] <= 2 for f in engines_left_over.values())
        and not lost
    )
    return {
        "pictures": pictures,
        "size": size,
        "pictures_per_second": round(rate, 1),
        "host_mb": [round(s["host"]["mb"], 1) for s in samples],
        "growth_mb": {n: round(mb, 1) for n, mb in growth.items()},
        "hosts_opened": cycles,
        "growth_by_opening_mb": {n: round(mb, 1) for n, mb in cycle_growth.items()},
        "left_over": left_over,
        "engines_left_over": engines_left_over,
        "engines_lost": lost,
        "ok": ok,
    }


def main() -> None:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=20_000, metavar="N")
    parser.add_argument("--size", type=int, default=128, metavar="PIXELS")
    parser.add_argument("--cycles", type=int, default=20, metavar="N", help="hosts opened at last")
    args = parser.parse_args()
    report = measure(args.pictures, args.size, args.cycles)
    print(json.dumps(report, indent=2))
    if not report["ok"]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
