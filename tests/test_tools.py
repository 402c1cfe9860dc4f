"""tools/libraries.py with shell scripts in place of dpkg, apt-get and sudo."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).parent.parent / "tools" / "libraries.py"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="for Debian and the like")


def script(folder: Path, name: str, body: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)


def machine(folder: Path, *options: str, status: str, apt: str) -> subprocess.CompletedProcess[str]:
    """Run the tool: dpkg reports ``status`` for each package, apt-get executes ``apt``."""
    script(folder, "dpkg-query", f"printf '{status}'")
    script(folder, "apt-get", f'echo "$@" >> "{folder}/log"\n{apt}')
    script(folder, "sudo", '[ "$1" = -n ] && shift\nexec "$@"')
    return subprocess.run(
        [sys.executable, TOOL, *options],
        env={"PATH": f"{folder}{os.pathsep}/bin{os.pathsep}/usr/bin"},
        capture_output=True,
        text=True,
        timeout=60,
    )


def apt_commands(folder: Path) -> list[str]:
    log = folder / "log"
    return [line.split()[0] for line in log.read_text().splitlines()] if log.exists() else []


def test_installed_packages_need_no_apt(tmp_path: Path) -> None:
    done = machine(tmp_path, status="installed", apt="exit 1")
    assert (done.returncode, done.stderr, apt_commands(tmp_path)) == (0, "", [])


def test_missing_packages_are_installed(tmp_path: Path) -> None:
    done = machine(tmp_path, status="not-installed", apt="exit 0")
    assert (done.returncode, done.stderr, apt_commands(tmp_path)) == (0, "", ["install"])
    line = (tmp_path / "log").read_text()
    assert line.endswith("libegl1 libgl1 libgl1-mesa-dri\n")


def test_an_old_list_of_packages_is_updated(tmp_path: Path) -> None:
    works = '[ "$1" = update ] && touch "$0.new"\n[ -e "$0.new" ]'
    done = machine(tmp_path, status="", apt=works)
    assert (done.returncode, apt_commands(tmp_path)) == (0, ["install", "update", "install"])


def test_packages_that_cannot_be_installed_are_named(tmp_path: Path) -> None:
    done = machine(tmp_path, status="", apt="exit 100")
    assert "libegl1 libgl1 libgl1-mesa-dri" in done.stderr
    assert "next: install these packages" in done.stderr
    assert "Traceback" not in done.stderr


def test_packages_of_tests_are_installed(tmp_path: Path) -> None:
    done = machine(tmp_path, "--tests", status="not-installed", apt="exit 0")
    assert (done.returncode, done.stderr) == (0, "")
    line = (tmp_path / "log").read_text()
    assert line.endswith("gcc libc6-dev libzmq3-dev mono-mcs mono-runtime\n")


def test_missing_packages_of_tests_are_no_error(tmp_path: Path) -> None:
    done = machine(tmp_path, "--tests", status="", apt="exit 100")
    assert done.returncode == 0
    assert "tests are skipped that need gcc libc6-dev libzmq3-dev" in done.stderr
