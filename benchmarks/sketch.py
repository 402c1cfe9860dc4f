"""The small game of ``examples/engine_c`` with engines in C, C# and Python, for the benchmarks.

All engines draw the same bytes. The C engine is ``face.c``, the C# engine is ``Face.cs``, a port of
it. The Python engine is this module on the SDK's own client; it draws with ``face.c``, compiled as
a shared library. Needs gcc, and mono's ``mcs`` and ``mono`` for the engine in C#.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from f2p_sdk import EngineInfo, F2PError, Layout, serve_engine

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent / "examples" / "engine_c"
CSHARP = HERE.parent / "examples" / "engine_csharp"
LAYOUT = Layout.load(SOURCE / "face.toml")
KINDS = {"face": LAYOUT.hash}
SANITIZED = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
FOUR = ("python", "c", "csharp", "python")
"""Languages of the four engines."""

_SLIDERS = tuple(name for name in LAYOUT.names if name != "hair")
_HAIRS = ("none", "short", "long")


class FaceHandler:
    """Engine handler that draws with ``face.c``."""

    def __init__(self, library: Path, layout: str = LAYOUT.hash) -> None:
        self._draw = ctypes.CDLL(str(library)).face_draw
        self._layout = layout

    def info(self) -> EngineInfo:
        passes = ("color", "labels")
        named = ("face.py", "1.0")
        return EngineInfo("sketch", {"face": self._layout}, *named, passes=passes, assets="face-1")

    def render(
        self,
        kind: str,
        values: Mapping[str, float | str],
        size: tuple[int, int],
        passes: Sequence[str],
        scene: Mapping[str, Any],
    ) -> Mapping[str, npt.NDArray[np.uint8]]:
        sliders = (ctypes.c_double * len(_SLIDERS))(*(float(values[name]) for name in _SLIDERS))
        width, height = size
        color = np.empty((height, width, 3), np.uint8)
        labels = np.empty((height, width), np.uint8)
        planes = (ctypes.c_void_p(plane.ctypes.data) for plane in (color, labels))
        if not self._draw(sliders, _HAIRS.index(str(values["hair"])), width, height, *planes):
            raise ValueError(f"{width}x{height} is out of range")
        return {"color": color, "labels": labels}

    def apply(self, kind: str, values: Mapping[str, float | str]) -> None: ...


def compile_c(source: Path, target: Path, *options: str) -> Path:
    """Compile a C file that may include files of ``examples/engine_c``."""
    libraries = [option for option in options if option.startswith("-l")]
    others = [option for option in options if not option.startswith("-l")]
    command = ["gcc", "-std=c99", *others, f"-I{SOURCE}", str(source), "-o", str(target)]
    subprocess.run([*command, *libraries, "-lpthread", "-lm"], check=True)
    return target


def compile_csharp(source: Path, target: Path) -> Path:
    """Compile a C# file together with the client."""
    files = [str(source), str(CSHARP / "F2PEngine.cs")]
    subprocess.run(["mcs", f"-out:{target}", *files], check=True)
    return target


def missing_tools(languages: Iterable[str] = FOUR) -> list[str]:
    """Names of the missing compilers and runtimes."""
    needed = {"c": ("gcc",), "python": ("gcc",), "csharp": ("mcs", "mono")}
    return sorted({t for n in languages for t in needed[n] if not shutil.which(t)})


def build(folder: Path, languages: Iterable[str] = FOUR) -> dict[str, list[str]]:
    """Compile the engines into ``folder``; return their command lines without ``--connect``."""
    commands: dict[str, list[str]] = {}
    for language in sorted(set(languages)):
        if language == "c":
            commands[language] = [str(compile_c(SOURCE / "face.c", folder / "face", "-O2"))]
        elif language == "csharp":
            program = compile_csharp(CSHARP / "Face.cs", folder / "Face.exe")
            commands[language] = ["mono", str(program)]
        else:
            options = ("-O2", "-shared", "-fPIC")
            library = compile_c(HERE / "face_library.c", folder / "face.so", *options)
            commands[language] = [sys.executable, __file__, "--library", str(library)]
    return commands


def installed(folder: Path) -> dict[str, str]:
    """Environment in which ``f2p`` knows the game; its entry point is written to ``folder``."""
    info = folder / "f2p_sketch-0.1.0.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: f2p-sketch\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[f2p]\nsketch = f2p_sketch\n")
    # This process may have found the SDK by sys.path only.
    path = [str(folder), str(SOURCE), *filter(None, sys.path)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path)}


def free_endpoint() -> str:
    """A loopback endpoint with a port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"tcp://127.0.0.1:{free.getsockname()[1]}"


class Fleet(AbstractContextManager["Fleet"]):
    """Engine processes; their output goes to files in ``folder``."""

    def __init__(self, commands: Sequence[Sequence[str]], endpoint: str, folder: Path) -> None:
        self._commands = [[*command, "--connect", endpoint] for command in commands]
        self._folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        for i in range(len(commands)):
            self.processes.append(self._start(i))

    def _start(self, i: int) -> subprocess.Popen[bytes]:
        with (self._folder / f"engine-{i}.log").open("ab") as log:
            return subprocess.Popen(
                self._commands[i], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def kill(self, i: int) -> None:
        """End an engine as ``kill -9`` does, and start it again at once."""
        assert self.processes[i].poll() is None, f"engine {i} ended by itself: {self.log(i)}"
        self.processes[i].kill()
        self.processes[i].wait()
        self.processes[i] = self._start(i)

    def log(self, i: int) -> str:
        """The last output of an engine."""
        text = (self._folder / f"engine-{i}.log").read_text(encoding="utf-8", errors="replace")
        return text[-2000:]

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait()


def process_figures(pid: int | str = "self") -> dict[str, float]:
    """Resident megabytes, threads and open files of a process, from Linux's ``/proc``."""
    folder = Path("/proc") / str(pid)
    status = (folder / "status").read_text(encoding="utf-8")
    pages = int((folder / "statm").read_text().split()[1])
    (threads,) = re.findall(r"Threads:\s+(\d+)", status)
    return {
        "mb": pages * os.sysconf("SC_PAGE_SIZE") / 1e6,
        "threads": int(threads),
        "files": len(list((folder / "fd").iterdir())),
    }


class Peak(AbstractContextManager["Peak"]):
    """Largest resident memory of a process during a block, in megabytes; needs ``/proc``."""

    def __init__(self, pid: int | str = "self", every: float = 0.02) -> None:
        self.start = self.peak = process_figures(pid)["mb"]
        self._pid, self._every = pid, every
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bench-peak", daemon=True)
        self._thread.start()

    def sample(self) -> None:
        try:
            self.peak = max(self.peak, process_figures(self._pid)["mb"])
        except (OSError, ValueError, IndexError):  # the process has ended
            self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(self._every):
            self.sample()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def wait_until(condition: Any, seconds: float) -> bool:
    """Wait until ``condition()`` is true; return its value at the end."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return bool(condition())


def main() -> None:
    """Run the Python engine."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--library", type=Path, required=True, metavar="FILE", help="face.so")
    parser.add_argument("--connect", required=True, metavar="ENDPOINT")
    parser.add_argument("--keys", metavar="DIR")
    parser.add_argument("--layout", default=LAYOUT.hash, metavar="HASH")
    parser.add_argument("--major", type=int, help="act as this major version of the protocol")
    args = parser.parse_args()
    if args.major is not None:
        from f2p_sdk.bridge import wire

        wire.MAJOR = args.major
    try:
        serve_engine(args.connect, FaceHandler(args.library, args.layout), keys=args.keys)
    except F2PError as error:
        sys.exit(f"face.py: {error}")


if __name__ == "__main__":
    main()
