"""Install packages of Debian and its derivatives that this repository needs.

    python tools/libraries.py           OpenGL libraries of the stand-in engine
    python tools/libraries.py --tests   compilers that only tests need

The script uses the standard library only. If it cannot install packages, it names them.
Without loadable OpenGL libraries it exits with 1. Tests without their compiler are skipped.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys

PACKAGES = ("libegl1", "libgl1", "libgl1-mesa-dri")
TEST_PACKAGES = ("gcc", "libc6-dev", "libzmq3-dev", "mono-mcs", "mono-runtime")


def loadable(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def missing() -> list[str]:
    """Return the missing Debian packages, by dpkg or, without dpkg, by loading the libraries."""
    if shutil.which("dpkg-query"):
        return [package for package in PACKAGES if not installed(package)]
    found = {"libegl1": loadable("libEGL.so.1"), "libgl1": loadable("libGL.so.1")}
    return [package for package, loaded in found.items() if not loaded]


def missing_for_tests() -> list[str]:
    """Return the missing Debian packages that only tests need; without dpkg none is looked for."""
    if not shutil.which("dpkg-query"):
        return []
    return [package for package in TEST_PACKAGES if not installed(package)]


def installed(package: str) -> bool:
    query = ["dpkg-query", "--show", "--showformat=${db:Status-Status}", package]
    return subprocess.run(query, capture_output=True, text=True).stdout.strip() == "installed"


def install(packages: list[str]) -> bool:
    """Install with apt-get, as root or by sudo without a password. Return whether it worked."""
    if not shutil.which("apt-get"):
        return False
    root = os.geteuid() == 0
    if not root and not shutil.which("sudo"):
        return False
    prefix = [] if root else ["sudo", "-n"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = [*prefix, "apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
    if subprocess.run(command, env=environment, stdout=subprocess.DEVNULL).returncode == 0:
        return True
    # The list of packages may be old or missing.
    subprocess.run([*prefix, "apt-get", "update", "-q"], stdout=subprocess.DEVNULL)
    return subprocess.run(command, env=environment, stdout=subprocess.DEVNULL).returncode == 0


def main() -> int:
    if sys.platform != "linux":
        return 0  # Windows and macOS include OpenGL
    if sys.argv[1:] == ["--tests"]:
        packages = missing_for_tests()
        if packages and not install(packages):
            print(f"tests are skipped that need {' '.join(packages)}", file=sys.stderr)
            print("  next: install these packages (Debian's names)", file=sys.stderr)
        return 0
    packages = missing()
    if not packages or install(packages):
        return 0
    print(f"OpenGL libraries of the engine are missing: {' '.join(packages)}", file=sys.stderr)
    print("  next: install these packages (Debian's names), then run again", file=sys.stderr)
    return 0 if loadable("libEGL.so.1") and loadable("libGL.so.1") else 1


if __name__ == "__main__":
    sys.exit(main())
