"""Run the commands of docs/tutorial/adapter.md for another game, in a clean environment.

    python tools/new_adapter.py             moonfall, with small numbers: some minutes
    python tools/new_adapter.py --full      with the numbers of the page

The environment is new and has wheels of this repository's packages; the other packages are those
of the running Python. The tool prints the time of each command, and exits with 1 if one fails.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import time
import venv
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "tutorial" / "adapter.md"
TABLE = ROOT / "tests" / "scaffold" / "moonfall.csv"
PHOTO = ROOT / "examples" / "photos" / "astronaut.png"
PACKAGES = (".", "plugins/dlib", "plugins/facemesh", "plugins/openhead", "adapters/justice")
GAME = "mygame"  # of the page
SMALL = {
    "f2p sheet": {"--size": "96"},
    "f2p sheet --random": {"--random": "24"},
    "f2p capture": {"-n": "24", "--neighbours": "12"},
    "f2p train imitator": {"--epochs": "1", "--batch": "8"},
    "f2p fit": {"--method": "slides", "--steps": "1", "--engines": "1"},
}
"""Options that replace those of the page without --full."""
NOT_GOOD = 3
"""Exit code of a fit that is done, but not good: the rule with few pictures."""


def commands(game: str, full: bool) -> Iterator[list[str]]:
    """Yield the commands of the page up to the fit, and its tests, for ``game``."""
    text = PAGE.read_text(encoding="utf-8").replace(GAME, game)
    for block in re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            words = shlex.split(line)
            if words[:2] != ["f2p", "evaluate"]:
                yield words if full else smaller(words)


def smaller(words: list[str]) -> list[str]:
    """The command with the options of SMALL."""
    words = list(words)
    for command, options in SMALL.items():
        start = [word for word in command.split() if not word.startswith("-")]
        if words[: len(start)] == start and all(w in words for w in command.split()):
            for option, value in options.items():
                if option in words:
                    words[words.index(option) + 1] = value
                else:
                    words += [option, value]
    return words


class Environment:
    """A new virtual environment with wheels of this repository in a folder."""

    def __init__(self, folder: Path) -> None:
        venv.EnvBuilder(symlinks=os.name != "nt").create(folder)
        self.bin = folder / ("Scripts" if os.name == "nt" else "bin")
        self.python = self.bin / ("python.exe" if os.name == "nt" else "python")
        inherited = ("PYTHONPATH", "PYTHONHOME", "F2P_HOME")
        self.variables = {k: v for k, v in os.environ.items() if k not in inherited}
        self.variables["PATH"] = os.pathsep.join([str(self.bin), os.environ.get("PATH", "")])
        self.variables["F2P_HOME"] = str(folder / "f2p")
        code = "import sysconfig; print(sysconfig.get_path('purelib'))"
        site = Path(self.output([str(self.python), "-c", code]))
        # A path in a .pth file: packages are found there, but its own .pth files are not read, so
        # that editable packages, such as the checkout, stay out.
        (site / "others.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
        self.install([str(wheel) for wheel in self._wheels(folder / "wheels")])
        found = self.output([str(self.python), "-c", "import f2p_sdk; print(f2p_sdk.__file__)"])
        if not Path(found).resolve().is_relative_to(site.resolve()):
            sys.exit(f"f2p_sdk is imported from {found}, not from the new environment")

    def _wheels(self, folder: Path) -> list[Path]:
        for package in PACKAGES:
            build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
            subprocess.run(build, cwd=ROOT / package, check=True, capture_output=True)
        return sorted(folder.glob("*.whl"))

    def output(self, argv: list[str]) -> str:
        done = subprocess.run(
            argv, env=self.variables, cwd=self.bin, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def install(self, arguments: list[str], cwd: Path | None = None) -> int:
        """``pip install`` without a network. Returns the exit code."""
        pip = [sys.executable, "-m", "pip", "--python", str(self.python), "install", "--quiet"]
        pip += ["--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check"]
        return subprocess.run(
            [*pip, *arguments], env=self.variables, cwd=cwd, check=False
        ).returncode

    def run(self, words: list[str], cwd: Path) -> int:
        """Run a command of the page. Returns its exit code."""
        if words[:2] == ["pip", "install"]:
            return self.install(words[2:], cwd)
        program = self.python if words[0] == "python" else self.bin / words[0]
        argv = [str(program), *words[1:]]
        return subprocess.run(argv, env=self.variables, cwd=cwd, check=False).returncode


def main() -> None:
    """Make the environment, run the commands and print their times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--game", default="moonfall")
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "new-adapter")
    parser.add_argument("--full", action="store_true", help="use the numbers of the page")
    options = parser.parse_args()
    start = time.monotonic()
    shutil.rmtree(options.out, ignore_errors=True)
    folder = options.out.resolve()
    photos = folder / "examples" / "photos"
    photos.mkdir(parents=True)
    shutil.copy(PHOTO, photos)
    shutil.copy(options.table, folder / f"sliders{options.table.suffix}")
    environment = Environment(folder / "environment")
    times = [(time.monotonic() - start, "the environment")]
    for words in commands(options.game, options.full):
        print(f"$ {shlex.join(words)}", flush=True)
        begin = time.monotonic()
        code = environment.run(words, folder)
        times.append((time.monotonic() - begin, shlex.join(words)))
        if code not in ((0, NOT_GOOD) if words[:2] == ["f2p", "fit"] else (0,)):
            sys.exit(f"exit code {code}: {shlex.join(words)}")
    for seconds, command in times:
        print(f"{seconds:7.1f} s  {command}")
    print(f"{time.monotonic() - start:7.1f} s  in all; the fitted photo: {options.out}/out/me")


if __name__ == "__main__":
    main()
