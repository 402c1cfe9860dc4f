"""The installer of OpenGL libraries, on a machine made of shell scripts."""

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


def machine(folder: Path, *, status: str, apt: str) -> subprocess.CompletedProcess[str]:
    """Run the tool where dpkg says ``status`` of each package and apt-get does ``apt``."""
    script(folder, "dpkg-query", f"printf '{status}'")
    script(folder, "apt-get", f'echo "$@" >> "{folder}/log"\n{apt}')
    script(folder, "sudo", '[ "$1" = -n ] && shift\nexec "$@"')
    return subprocess.run(
        [sys.executable, TOOL],
        env={"PATH": f"{folder}{os.pathsep}/bin{os.pathsep}/usr/bin"},
        capture_output=True,
        text=True,
        timeout=60,
    )


def asked(folder: Path) -> list[str]:
    log = folder / "log"
    return [line.split()[0] for line in log.read_text().splitlines()] if log.exists() else []


def test_nothing_is_done_where_all_is_there(tmp_path: Path) -> None:
    done = machine(tmp_path, status="installed", apt="exit 1")
    assert (done.returncode, done.stderr, asked(tmp_path)) == (0, "", [])


def test_what_is_missing_is_installed(tmp_path: Path) -> None:
    done = machine(tmp_path, status="not-installed", apt="exit 0")
    assert (done.returncode, done.stderr, asked(tmp_path)) == (0, "", ["install"])
    line = (tmp_path / "log").read_text()
    assert line.endswith("libegl1 libgl1 libgl1-mesa-dri\n")


def test_an_old_list_of_packages_is_renewed(tmp_path: Path) -> None:
    works = '[ "$1" = update ] && touch "$0.new"\n[ -e "$0.new" ]'
    done = machine(tmp_path, status="", apt=works)
    assert (done.returncode, asked(tmp_path)) == (0, ["install", "update", "install"])


def test_what_cannot_be_installed_is_named(tmp_path: Path) -> None:
    done = machine(tmp_path, status="", apt="exit 100")
    assert "libegl1 libgl1 libgl1-mesa-dri" in done.stderr
    assert "next: install these packages" in done.stderr
    assert "Traceback" not in done.stderr
