"""A capture under fire: engines and the capture itself are killed, the data set stays the same.

    python benchmarks/chaos.py --pictures 2000
    python benchmarks/chaos.py --layout face.toml --command "./face {endpoint}" --command ...

The capture runs twice: undisturbed, and while an engine is killed (kill -9) every two seconds and
the capture three times. The shards of both must be equal byte for byte, and the second run must
take less than twice the time of the first. Engines that are given with --command must draw the
same pictures; ``{endpoint}`` is replaced.
"""

from __future__ import annotations

import argparse
import json
import shlex
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench_kind import LAYOUT, python

from f2p_sdk import Layout
from f2p_sdk.bridge import Host
from f2p_sdk.capture import Job
from f2p_sdk.testing import FakeEngine


def work(folder: str, endpoint: str, layout_path: str, count: str, size: str) -> None:
    """The capture's process."""
    layout = Layout.load(layout_path)
    hashes = {layout.kind: layout.hash}
    with (
        Job(layout, int(count), folder, size=int(size), shard_size=500) as job,
        Host(endpoint, game=layout.game, layouts=hashes) as host,
    ):
        host.wait(60)
        job.run(host)


class Engines:
    """Engine processes that are started again after a kill."""

    def __init__(self, commands: Sequence[Sequence[str]]) -> None:
        self.commands = commands
        self.processes = [self._start(command) for command in commands]
        self.killed = 0

    def kill_one(self) -> None:
        number = self.killed % len(self.commands)
        self.processes[number].kill()
        self.processes[number].wait()
        self.processes[number] = self._start(self.commands[number])
        self.killed += 1

    def stop(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()

    @staticmethod
    def _start(command: Sequence[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def run(
    folder: Path,
    layout_path: Path,
    commands: Sequence[str],
    *,
    count: int,
    size: int,
    delay: float,
    kill_every: float = 0.0,
    capture_kills: int = 0,
    expected: float = 0.0,
) -> dict[str, Any]:
    """Capture into ``folder``; return seconds and kills. ``expected``: seconds undisturbed."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        endpoint = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    layout = Layout.load(layout_path)
    kinds = {layout.kind: layout.hash}
    own = FakeEngine.argv(endpoint, game=layout.game, kinds=kinds, delay=delay)
    argvs = [shlex.split(c.format(endpoint=endpoint)) for c in commands] or [own] * 4
    worker = python(__file__, "--worker", folder, endpoint, layout_path, count, size)
    started = time.monotonic()
    kill_capture = [
        started + expected * (n + 1) / (capture_kills + 1) for n in range(capture_kills)
    ]
    kill_engine = started + kill_every
    kills = 0
    engines = Engines(argvs)
    capture = subprocess.Popen(worker)
    try:
        while capture.poll() is None:
            time.sleep(0.05)
            now = time.monotonic()
            if kill_every and now >= kill_engine:
                engines.kill_one()
                kill_engine = now + kill_every
            if kill_capture and now >= kill_capture[0]:
                kill_capture.pop(0)
                capture.kill()
                capture.wait()
                kills += 1
                capture = subprocess.Popen(worker)
        if capture.returncode:
            raise SystemExit(f"the capture ended with exit code {capture.returncode}")
        seconds = time.monotonic() - started
    finally:
        capture.kill()
        engines.stop()
    return {"seconds": seconds, "engines_killed": engines.killed, "captures_killed": kills}


def contents(folder: Path) -> dict[str, bytes]:
    """Contents of all files of a data set but the lock."""
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if not p.name.startswith(".")}


def compare(
    commands: Sequence[str] = (),
    layout: Path | None = None,
    *,
    pictures: int,
    size: int,
    delay: float,
    kill_every: float,
    capture_kills: int,
) -> dict[str, Any]:
    """Run both captures and compare them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if layout is None:
            layout = folder / "hero.toml"
            layout.write_text(LAYOUT, encoding="utf-8")
        settings: dict[str, Any] = {"count": pictures, "size": size, "delay": delay}
        calm = run(folder / "calm", layout, commands, **settings)
        fire = run(
            folder / "fire",
            layout,
            commands,
            **settings,
            kill_every=kill_every,
            capture_kills=capture_kills,
            expected=calm["seconds"],
        )
        equal = contents(folder / "calm") == contents(folder / "fire")
    ratio = fire["seconds"] / calm["seconds"]
    return {
        "pictures": pictures,
        "size": size,
        "undisturbed_seconds": round(calm["seconds"], 2),
        **{k: round(v, 2) for k, v in fire.items()},
        "equal": equal,
        "ratio": round(ratio, 2),
        "ok": equal and ratio < 2 and fire["captures_killed"] == capture_kills,
    }


def main() -> None:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=2000, metavar="N")
    parser.add_argument("--size", type=int, default=64, metavar="PIXELS")
    parser.add_argument("--delay", type=float, default=0.05, help="of the Python engines")
    parser.add_argument("--kill-every", type=float, default=2.0, metavar="SECONDS")
    parser.add_argument("--capture-kills", type=int, default=3, metavar="N")
    parser.add_argument("--layout", type=Path, metavar="FILE", help="of the --command engines")
    parser.add_argument(
        "--command", action="append", default=[], help="an engine; default: four in Python"
    )
    parser.add_argument("--worker", nargs=5, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        work(*args.worker)
        return
    report = compare(
        args.command,
        args.layout,
        pictures=args.pictures,
        size=args.size,
        delay=args.delay,
        kill_every=args.kill_every,
        capture_kills=args.capture_kills,
    )
    print(json.dumps(report, indent=2))
    raise SystemExit(not report["ok"])


if __name__ == "__main__":
    main()
