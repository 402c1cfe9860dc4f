"""A capture under chaos: killed engines and a killed capture give the same bytes in time.

    python benchmarks/chaos.py --pictures 2000 --size 512

Four engines (two in Python, one in C, one in C#, see ``sketch.py``) draw for ``f2p capture``. The
data set is captured undisturbed, then with kills (``kill -9``), then undisturbed again. During the
second capture an engine is killed every two seconds, in turn, and starts again at once; the capture
itself is killed three times, after a quarter, a half and three quarters of the bytes, and its
command is run again. ``ratio`` is the time of the second capture, from the first start of its
command to its last end, divided by the mean of the other two. Fails unless all files are equal and
the ratio is below two.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from sketch import FOUR, Fleet, build, free_endpoint, installed

MAIN = "import sys; from f2p_sdk.cli import main; sys.argv[0] = 'f2p'; main()"
MAX_RATIO = 2.0
_POLL = 0.02  # seconds


class Captures:
    """Captures with four engines, in a folder with compiled engines."""

    def __init__(self, folder: Path, pictures: int, size: int) -> None:
        self._folder = folder
        self._commands = build(folder)
        self._environment = installed(folder)
        self._pictures, self._size = pictures, size

    def run(
        self, name: str, *, every: float = 0.0, kill_at: Sequence[float] = ()
    ) -> dict[str, float]:
        """Capture into the folder ``name``; return seconds and numbers of kills.

        Args:
            name: folder of the data set.
            every: seconds between two kills of engines; 0 for none.
            kill_at: sizes of the data set, in bytes, at which the capture is killed.
        """
        out = self._folder / name
        limits = list(kill_at)
        endpoint = free_endpoint()
        engines = [self._commands[language] for language in FOUR]
        killed = 0
        with Fleet(engines, endpoint, self._folder) as fleet:
            started = time.monotonic()
            capture = self._start(out, endpoint)
            try:
                while (code := capture.poll()) is None:
                    time.sleep(_POLL)
                    if every and time.monotonic() - started > every * (killed + 1):
                        fleet.kill(killed % len(FOUR))
                        killed += 1
                    if limits and tar_bytes(out) >= limits[0]:
                        capture.kill()
                        capture.wait()
                        limits.pop(0)
                        capture = self._start(out, endpoint)
            finally:
                capture.kill()
                capture.wait()
            seconds = time.monotonic() - started
        if code:
            log = (self._folder / f"{name}.log").read_text(encoding="utf-8")
            raise SystemExit(f"the capture ended with {code}:\n{log[-3000:]}")
        if limits:
            raise SystemExit("the capture ended before all of its kills: use more pictures")
        return {"seconds": seconds, "engines": killed, "captures": len(kill_at)}

    def _start(self, out: Path, endpoint: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", MAIN, "capture", "-g", "sketch", "--json"]
        command += ["-n", str(self._pictures), "--size", str(self._size), "-o", str(out)]
        command += ["--listen", endpoint, "--engines", str(len(FOUR))]
        with (self._folder / f"{out.name}.log").open("ab") as log:
            return subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)


def digests(folder: Path) -> Mapping[str, str]:
    """SHA-256 of every file of a data set except its lock."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
        if not path.name.startswith(".")
    }


def tar_bytes(folder: Path) -> int:
    """Size of all shards."""
    return sum(path.stat().st_size for path in folder.glob("*.tar"))


def measure(
    folder: Path, pictures: int, size: int, *, every: float = 2.0, captures: int = 3, last: bool
) -> dict[str, object]:
    """Run the captures; ``last`` adds the second undisturbed one."""
    runs = Captures(folder, pictures, size)
    quiet = [runs.run("undisturbed")["seconds"]]
    total = tar_bytes(folder / "undisturbed")
    kill_at = [total * (i + 1) / (captures + 1) for i in range(captures)]
    chaos = runs.run("chaos", every=every, kill_at=kill_at)
    expected = digests(folder / "undisturbed")
    equal = digests(folder / "chaos") == expected
    if last:
        quiet.append(runs.run("again")["seconds"])
        equal = equal and digests(folder / "again") == expected
    ratio = chaos["seconds"] / (sum(quiet) / len(quiet))
    return {
        "engines": list(FOUR),
        "pictures": pictures,
        "size": size,
        "bytes": total,
        "undisturbed_seconds": [round(s, 1) for s in quiet],
        "chaos_seconds": round(chaos["seconds"], 1),
        "ratio": round(ratio, 2),
        "engines_killed": chaos["engines"],
        "captures_killed": chaos["captures"],
        "equal_files": equal,
        "files": len(expected),
    }


def main() -> None:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=2000, metavar="N")
    parser.add_argument("--size", type=int, default=512, metavar="PIXELS", help="at most 1024")
    parser.add_argument("--every", type=float, default=2.0, metavar="SECONDS", help="between kills")
    parser.add_argument("--captures", type=int, default=3, metavar="N", help="kills of the capture")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        options = {"every": args.every, "captures": args.captures}
        report = measure(Path(folder), args.pictures, args.size, last=True, **options)
    print(json.dumps(report, indent=2))
    ratio = report["ratio"]
    if not report["equal_files"] or not isinstance(ratio, float) or ratio >= MAX_RATIO:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
