"""The snippets and commands of every page run.

A page runs from top to bottom in a folder of its own. A block after a line ```file name`:`` is
written to that file. ``python`` blocks are executed, and so are the ``f2p`` lines of ``sh`` blocks,
with the smaller numbers of SHORTER. Any other line must have a check here. docs/tutorial/adapter.md
runs first: other pages use its small game.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from f2p_toy import PHOTO, ROOT

import f2p_sdk
from f2p_sdk import plugins
from f2p_sdk.cli import app
from f2p_sdk.parameters import read_toml

TUTORIAL = "docs/tutorial/adapter.md"
MAIN = "import sys; from f2p_sdk.cli import main; sys.argv[0] = 'f2p'; main()"

ONE_STEP = {"--method": "slides", "--steps": "1"}
# Options that replace those of a command, so that it does less work. Evaluations and benchmarks
# draw hundreds of pictures, so they use the game of docs/tutorial/adapter.md.
SHORTER: dict[str, dict[str, str]] = {
    "f2p fit": ONE_STEP,
    "f2p capture": {"-n": "24", "--neighbours": "12"},
    "f2p capture --listen": {"--engines": "1"},
    "f2p sheet": {"--size": "32"},
    "f2p sheet --random": {"--random": "2"},
    "f2p train imitator": {"--epochs": "1", "--batch": "8", "--device": "cpu"},
    "f2p train parser": {"--epochs": "1", "--batch": "8", "--device": "cpu"},
    "f2p evaluate imitator": {"-g": "mygame", "--count": "2"},
    "f2p evaluate parser": {"--count": "2"},
    "f2p evaluate fit --photos": {"-g": "mygame", "--limit": "1", **ONE_STEP},
    "f2p evaluate fit --recover": {"-g": "mygame", "--recover": "1", **ONE_STEP},
    "python benchmarks/faces.py": {
        "-g": "mygame",
        "--count": "2",
        "--varied": "0",  # that game's engine knows no scenes
        "--size": "64",
    },
    "python benchmarks/engine.py": {
        "-g": "mygame",
        "--size": "64",
        "--pictures": "16",
        "--rounds": "1",
    },
    "python benchmarks/capture.py": {
        "-g": "mygame",
        "--size": "64",
        "--pictures": "8",
        "--rounds": "1",
    },
    "python benchmarks/reach.py": {"-g": "mygame", "--only": "astronaut.png", "--rounds": "1"},
}
# Lines for the reader's own shell.
SHELL = {"python -m venv .venv", r".venv\Scripts\activate"}


class Reader:
    """Runs a page in a folder."""

    def __init__(self, folder: Path, site: Path) -> None:
        self.folder, self.site = folder, site
        for name in ("examples", "benchmarks"):
            shutil.copytree(ROOT / name, folder / name)
        for photos in ("photos", "PHOTOS"):
            (folder / photos).mkdir()
            shutil.copy(PHOTO, folder / photos)
        table = "file,identity,kind\nastronaut.png,collins,hero\n"
        (folder / "PHOTOS" / "identities.csv").write_text(table)
        os.environ["F2P_HOME"] = str(folder / "home")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.endpoint = f"tcp://127.0.0.1:{free.getsockname()[1]}"

    def read(self, page: Any) -> None:
        names: dict[str, Any] = {"__name__": "__docs__"}
        for block in page.blocks:
            where = f"{page.path.relative_to(ROOT)}, line {block.line}"
            try:
                if block.file:
                    target = self.folder / block.file
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_text(block.text, encoding="utf-8")
                elif block.language == "python":
                    exec(compile(block.text, where, "exec"), names)
                elif block.language == "sh":
                    self.shell(block.text)
                else:
                    assert block.language in ("text", "frames", "c", "csharp"), "unknown language"
            except Exception as error:
                raise AssertionError(f"{where}: {type(error).__name__}: {error}") from error

    def shell(self, text: str) -> None:
        running: list[subprocess.Popen[bytes]] = []
        hosts: list[subprocess.Popen[bytes]] = []
        try:
            for line in text.splitlines():
                if line.startswith("# "):
                    continue
                words = shlex.split(line, posix="\\" not in line)
                if words[:2] == ["/usr/bin/time", "-v"]:
                    words = words[2:]
                if words[:2] == ["f2p", "engine"]:
                    running.append(self.engine(words))
                elif "--listen" in words:
                    hosts.append(self.host(words))
                elif words[0] == "f2p":
                    self.f2p(words)
                elif words[:1] == ["python"] and words[1].startswith("benchmarks/"):
                    self.run([sys.executable, *self.shorter(words)[1:]])
                elif words[:3] == ["python", "-m", "pytest"]:
                    self.run([sys.executable, *words[1:]])
                else:
                    self.check(line, words)
            for host in hosts:
                assert host.wait(100) == 0, "a command with --listen failed"
        finally:
            for host in hosts:
                host.kill()
                host.wait()
            for process in running:
                # Its host is gone, so the engine ends without a signal.
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(20)
                process.kill()
                process.wait()

    def f2p(self, words: list[str]) -> None:
        words = self.shorter(words)
        if words[1] == "apply":
            words += ["--listen", self.endpoint]
        if words[1:4] == ["weights", "import", "light-cnn"]:
            self.light_cnn(words[4])
        with pytest.raises(SystemExit) as ended:
            app.main(words[1:])
        # One step of a search may gain next to nothing.
        done = (0, None, 3) if words[1] == "fit" else (0, None)
        assert ended.value.code in done, f"{shlex.join(words)} ended with {ended.value.code}"

    def light_cnn(self, name: str) -> None:
        """Write a checkpoint of Light CNN with random numbers, in the authors' format."""
        import torch

        from f2p_sdk.recognizers.network import LightCNN

        state = {f"module.{name}": value for name, value in LightCNN().state_dict().items()}
        torch.save({"epoch": 1, "state_dict": state}, self.folder / name)

    def engine(self, words: list[str]) -> subprocess.Popen[bytes]:
        if "--keys" in words:  # the host makes them
            keys = self.folder / words[words.index("--keys") + 1]
            for _ in range(200):
                if (keys / "engine.key_secret").exists() and (keys / "host.key").exists():
                    break
                time.sleep(0.1)
        words = [*words[1:], "--connect", self.endpoint, "--exit-with-host"]
        return subprocess.Popen([sys.executable, "-c", MAIN, *words], cwd=self.folder)

    def host(self, words: list[str]) -> subprocess.Popen[bytes]:
        """Start a command that waits for engines of later lines."""
        words = [*self.shorter(words)[1:], "--listen", self.endpoint]
        return subprocess.Popen([sys.executable, "-c", MAIN, *words], cwd=self.folder)

    def run(self, argv: list[str]) -> None:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr

    @staticmethod
    def shorter(words: list[str]) -> list[str]:
        words = list(words)
        for command, options in SHORTER.items():
            plain = [word for word in command.split() if not word.startswith("-")]
            flags = [word for word in command.split() if word.startswith("-")]
            if words[: len(plain)] != plain or not set(flags) <= set(words):
                continue
            for option, value in options.items():
                if option in words:
                    words[words.index(option) + 1] = value
                else:
                    words += [option, value]
        return words

    def check(self, line: str, words: list[str]) -> None:
        """Compare a line that is not run with the Makefile and pyproject.toml."""
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        if words[0] == "make":
            assert re.search(rf"^{words[1]}:", makefile, re.MULTILINE), f"no such target: {line}"
        elif words[:2] == ["pip", "install"]:
            for folder in (words[i + 1] for i, word in enumerate(words) if word == "-e"):
                if (self.folder / folder / "pyproject.toml").is_file() and folder != ".":
                    self.install(self.folder / folder)
                else:
                    assert (ROOT / folder / "pyproject.toml").is_file(), folder
            for word in words[2:]:
                if word.startswith("torch"):
                    assert f'"{word}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
                elif "==" in word or word.startswith("https:"):
                    assert word in makefile, f"the Makefile says otherwise: {word}"
        else:
            assert line in SHELL, f"no check for this line: {line}"

    def install(self, package: Path) -> None:
        """Make entry points and modules of a package known, as ``pip install -e`` does."""
        project = read_toml(package / "pyproject.toml")["project"]
        info = self.site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
        info.mkdir()
        header = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        (info / "METADATA").write_text(header)
        points = [f"{name} = {module}" for name, module in project["entry-points"]["f2p"].items()]
        (info / "entry_points.txt").write_text("\n".join(["[f2p]", *points]))
        for place in (self.site, package):
            sys.path.insert(0, str(place))
        others = os.environ.get("PYTHONPATH")
        found = [str(self.site), str(package), *([others] if others else [])]
        os.environ["PYTHONPATH"] = os.pathsep.join(found)
        plugins.manager.cache_clear()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folder that the pages' packages are installed in; the environment is restored at the end."""
    pytest.importorskip("torch")  # imported here: collecting tests does not wait for it
    path, environment, fit = list(sys.path), dict(os.environ), f2p_sdk.fit
    # The same as ONE_STEP, for snippets.
    f2p_sdk.fit = functools.partial(fit, method="slides", steps=1)
    yield tmp_path_factory.mktemp("site")
    f2p_sdk.fit = fit
    sys.path[:] = path
    os.environ.clear()
    os.environ.update(environment)
    plugins.manager.cache_clear()


@pytest.fixture(scope="module")
def tutorial(
    site: Path, open_page: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Folder in which docs/tutorial/adapter.md has run."""
    folder = tmp_path_factory.mktemp("adapters")
    _read(open_page(TUTORIAL), folder, site)
    return folder


def _read(page: Any, folder: Path, site: Path) -> None:
    """Run a page with a user folder of its own: pages may import weights."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("F2P_HOME", str(folder / "user folder"))
            Reader(folder, site).read(page)
    finally:
        os.chdir(before)


@pytest.mark.slow
def test_page_runs(page: Any, tutorial: Path, site: Path, tmp_path: Path) -> None:
    if page.path != ROOT / TUTORIAL:
        _read(page, tmp_path, site)


@pytest.mark.slow
def test_tutorial_finds_the_framing_it_states(tutorial: Path) -> None:
    kind = plugins.game("mygame/hero")
    with f2p_sdk.open_engine(kind) as host:
        picture = host.render(kind.layout.default(), size=512).color
    (face,) = f2p_sdk.detector().detect(picture)
    assert abs(face.landmarks - kind.framing.pixels(512)).max() < 8


def test_games_in_the_text_exist(page: Any, tutorial: Path) -> None:
    for name in re.findall(r"-g ([a-z][\w/]*)", page.text):
        assert plugins.game(name)
