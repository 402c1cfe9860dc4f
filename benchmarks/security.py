"""Engines that must not get in: the text on both sides, and the seconds until both have it.

    python benchmarks/security.py --table

Each engine (Python, C, C#) runs in its own process and connects to a host in this one. The engine
in C has keys when it is built over libzmq. The seconds count from the first message or the first
failed handshake that the host notices. Both sides must say the reason and the next
step within two seconds. The last case runs the command `f2p check` off loopback without keys.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sketch import CSHARP, KINDS, SOURCE, build, compile_c, installed

from f2p_sdk import F2PError
from f2p_sdk.bridge import Host, make_keys

MAX_SECONDS = 2.0
_PATIENCE = 12.0  # seconds until a missing text is given up
_KEYS = "copy host.key and engine.key_secret"
_VERSIONS = "(releases of f2p-sdk with the same major|matching releases)"
MAIN = "import sys; from f2p_sdk.cli import main; sys.argv[0] = 'f2p'; main()"


@dataclass(frozen=True)
class Case:
    """An engine that a host refuses.

    Attributes:
        about: description.
        engine: name of the program, see ``programs``.
        options: its options; ``KEYS:name`` is replaced by a folder of keys.
        host: options of the host; ``keys`` names a folder of keys.
        host_says, engine_says: problem and next step, as regular expressions.
    """

    about: str
    engine: str
    options: Sequence[str] = ()
    host: Mapping[str, Any] = field(default_factory=dict)
    host_says: str = _KEYS
    engine_says: str = _KEYS


_OTHER = {"layouts": {"face": "0" * 16}}
_LAYOUT = "layout.*same version of the game's adapter"
_MAJOR = rf"protocol 2\.\d, this side 1\.\d.*{_VERSIONS}"
_MAJORS = {"host_says": _MAJOR, "engine_says": rf"protocol \d\.\d, this .*\d\.\d.*{_VERSIONS}"}

CASES: Mapping[str, Case] = {
    "no-key-python": Case("no key", "python", (), {"keys": "right"}),
    "no-key-c": Case("no key", "c", (), {"keys": "right"}, engine_says="give the keys"),
    "no-key-csharp": Case("no key", "csharp", (), {"keys": "right"}, engine_says="without keys"),
    "wrong-key-python": Case(
        "a key that is not admitted", "python", ("--keys", "KEYS:other"), {"keys": "right"}
    ),
    "wrong-key-c": Case(
        "a key that is not admitted", "c-libzmq", ("--keys", "KEYS:other"), {"keys": "right"}
    ),
    "wrong-host-python": Case(
        "the key of another host", "python", ("--keys", "KEYS:moved"), {"keys": "right"}
    ),
    "wrong-host-c": Case(
        "the key of another host", "c-libzmq", ("--keys", "KEYS:moved"), {"keys": "right"}
    ),
    "needless-key-python": Case("keys, the host has none", "python", ("--keys", "KEYS:right")),
    "needless-key-c": Case("keys, the host has none", "c-libzmq", ("--keys", "KEYS:right")),
    "major-python": Case("major version 2", "python", ("--major", "2"), {}, **_MAJORS),
    "major-c": Case("major version 2", "c-major", (), {}, **_MAJORS),
    "major-csharp": Case("major version 2", "csharp-major", (), {}, **_MAJORS),
    "layout-python": Case("a foreign layout", "python", (), _OTHER, _LAYOUT, _LAYOUT),
    "layout-c": Case("a foreign layout", "c", (), _OTHER, _LAYOUT, _LAYOUT),
    "layout-csharp": Case("a foreign layout", "csharp", (), _OTHER, _LAYOUT, _LAYOUT),
}


class Lab:
    """Compiled engines and folders of keys."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.programs = build(folder)
        self.environment = installed(folder)
        for language, source, name, changed in (
            ("c", SOURCE, "f2p_engine.h", ("F2P__MAJOR = 1", "F2P__MAJOR = 2")),
            ("csharp", CSHARP, "F2PEngine.cs", ("Major = 1", "Major = 2")),
        ):
            other = folder / f"{language}-major"
            shutil.copytree(source, other)
            text = (other / name).read_text(encoding="utf-8")
            assert text.count(changed[0]) == 1, f"{name} has another form"
            (other / name).write_text(text.replace(*changed), encoding="utf-8")
        c, csharp = folder / "c-major", folder / "csharp-major"
        target = compile_c(c / "face.c", c / "face")
        self.programs["c-major"] = [str(target)]
        files = [str(csharp / name) for name in ("Face.cs", "F2PEngine.cs")]
        subprocess.run(["mcs", f"-out:{csharp / 'Face.exe'}", *files], check=True)
        self.programs["csharp-major"] = ["mono", str(csharp / "Face.exe")]
        if Path("/usr/include/zmq.h").is_file():
            options = ("-DF2P_ENGINE_LIBZMQ", "-lzmq")
            over = compile_c(SOURCE / "face.c", folder / "face-libzmq", *options)
            self.programs["c-libzmq"] = [str(over)]
        self.keys = {
            name: make_keys(folder / "keys" / name) for name in ("right", "other", "moved")
        }
        shutil.copy(self.keys["right"] / "host.key", self.keys["other"])
        for name in ("engine.key", "engine.key_secret"):
            shutil.copy(self.keys["right"] / name, self.keys["moved"])


class Texts(logging.Handler):
    """Texts of one side with their times."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.contact = math.inf
        self.lines: list[tuple[float, str]] = []

    def add(self, text: str) -> None:
        self.lines.append((time.monotonic(), text))

    def emit(self, record: logging.LogRecord) -> None:
        self.add(record.getMessage())

    def found(self, pattern: str) -> float | None:
        """Seconds until all of ``pattern`` was said; None if it was not."""
        text = ""
        for seconds, line in list(self.lines):
            text += " " + line
            if re.search(pattern, text, re.DOTALL):
                return max(0.0, seconds - self.contact)
        return None

    @property
    def text(self) -> str:
        return " ".join(" ".join(line for _, line in list(self.lines)).split())


def measure(name: str, lab: Lab) -> dict[str, Any]:
    """Run one case; return both texts, their seconds, and ``ok``."""
    case = CASES[name]
    if case.engine not in lab.programs:
        return {"case": name, "is": case.about, "engine": case.engine, "skipped": True, "ok": True}
    options = [
        str(lab.keys[o.removeprefix("KEYS:")]) if o.startswith("KEYS:") else o for o in case.options
    ]
    settings = {"game": "sketch", "layouts": KINDS, **case.host}
    if "keys" in settings:
        settings["keys"] = lab.keys[settings["keys"]]
    said, heard = Texts(), Texts()
    logger = logging.getLogger("f2p_sdk")
    logger.addHandler(said)
    try:
        with Host(heartbeat=0.5, silence=5.0, **settings) as host:
            command = [*lab.programs[case.engine], "--connect", host.endpoint, *options]
            engine = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            )
            reader = threading.Thread(target=_read, args=(engine, heard))
            reader.start()
            try:
                admitted = _watch(host, said, heard, case)
            finally:
                engine.kill()
                engine.wait()
                reader.join()
                assert engine.stderr is not None
                engine.stderr.close()
    finally:
        logger.removeHandler(said)
    times = said.found(case.host_says), heard.found(case.engine_says)
    return {
        "case": name,
        "is": case.about,
        "engine": case.engine,
        "host_says": said.text,
        "host_seconds": times[0] and round(times[0], 2),
        "engine_says": heard.text,
        "engine_seconds": times[1] and round(times[1], 2),
        "ok": not admitted and all(t is not None and t <= MAX_SECONDS for t in times),
    }


def _read(engine: subprocess.Popen[str], heard: Texts) -> None:
    assert engine.stderr is not None
    for line in engine.stderr:
        heard.add(line.strip())


def _watch(host: Host, said: Texts, heard: Texts, case: Case) -> bool:
    """Wait until both sides have said the texts; True if an engine was admitted."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and not host.engines:
        if said.contact == math.inf and any(host.counts.values()):
            said.contact = heard.contact = time.monotonic()
        if said.found(case.host_says) is not None and heard.found(case.engine_says) is not None:
            break
        try:
            host.wait(0.05)
        except F2PError as error:
            if "was refused" in error.message and not any(
                error.message in t for _, t in said.lines
            ):
                said.add(str(error))
    return bool(host.engines)


def off_loopback(lab: Lab) -> dict[str, Any]:
    """Run ``f2p check`` off loopback without keys."""
    command = [sys.executable, "-c", MAIN, "check", "-g", "sketch", "--listen", "tcp://0.0.0.0:*"]
    started = time.monotonic()
    done = subprocess.run(
        command, env=lab.environment, capture_output=True, text=True, timeout=60, check=False
    )
    seconds = time.monotonic() - started
    text = " ".join((done.stdout + done.stderr).split())
    right = "can be reached from other machines" in text and "--keys" in text
    return {
        "case": "off-loopback",
        "is": "off loopback without keys",
        "engine": "",
        "host_says": text,
        "host_seconds": round(seconds, 2),
        "exit_code": done.returncode,
        "ok": right and done.returncode == 2 and seconds < 2 * MAX_SECONDS,
    }


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        "| case | engine | seconds | the host says | the engine says |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        if row.get("skipped"):
            continue
        times = [row[n] for n in ("host_seconds", "engine_seconds") if n in row]
        shown = ", ".join("never" if t is None else f"{t:.1f}" for t in times)
        texts = f"{row['host_says']} | {row.get('engine_says', '')}"
        lines.append(f"| {row['is']} | {row['engine']} | {shown} | {texts} |")
    return "\n".join(lines)


def main() -> None:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", choices=CASES, action="append", help="default: all")
    parser.add_argument("--table", action="store_true", help="Markdown in place of JSON")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder))
        rows = [measure(name, lab) for name in args.case or CASES]
        if not args.case:
            rows.append(off_loopback(lab))
    print(_table(rows) if args.table else json.dumps(rows, indent=2))
    if not all(row["ok"] for row in rows):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
