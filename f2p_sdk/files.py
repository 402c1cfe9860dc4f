"""Bounded reading and atomic writing of files, and the folder of the user's own files."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

import platformdirs

from .errors import F2PError

__all__ = ["atomic_write", "read_limited", "user_folder"]


def user_folder() -> Path:
    """Folder of the user's own files, such as imported weights; it need not exist yet.

    The environment variable ``F2P_HOME`` if set, else the system's folder for user data:
    ``%LOCALAPPDATA%\\f2p`` on Windows, ``~/Library/Application Support/f2p`` on macOS,
    ``~/.local/share/f2p`` on Linux; ``$XDG_DATA_HOME/f2p`` if that is set, except on Windows.
    """
    home = os.environ.get("F2P_HOME")
    if home:
        return Path(home).expanduser()
    return platformdirs.user_data_path("f2p", appauthor=False)


def read_limited(
    path: str | Path, limit: int, *, error: type[F2PError] = F2PError, remedy: str = ""
) -> bytes:
    """Content of a file of at most ``limit`` bytes, a whole number of MiB.

    Raises:
        F2PError: of type ``error``, with ``remedy``: no such file, a folder, too large, or no
            permission.
    """
    path = Path(path)
    try:
        if not path.is_file():
            problem = "is a folder" if path.is_dir() else "there is no such file"
            raise error(f"{path}: {problem}", remedy=remedy)
        size = path.stat().st_size
        if size > limit:
            raise error(
                f"{path}: must be at most {limit >> 20} MiB, is {size} bytes", remedy=remedy
            )
        return path.read_bytes()
    except (OSError, ValueError) as cause:  # a path with a zero byte is a ValueError
        reason = getattr(cause, "strerror", None) or cause
        raise error(f"{path}: cannot be read: {reason}", remedy=remedy) from cause


def atomic_write(path: str | Path, data: bytes | str, *, error: type[F2PError] = F2PError) -> Path:
    """Replace ``path`` by ``data`` (text as UTF-8) in one step; make missing folders.

    Readers see the old file or the new file, never a part of one.

    Raises:
        F2PError: of type ``error``, if the file cannot be written.
    """
    path = Path(path)
    # In the folder of the target: renaming is atomic only within one file system.
    temporary = path.parent / f".{path.name}.{secrets.token_hex(4)}.tmp"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            file.write(data.encode("utf-8") if isinstance(data, str) else data)
        os.replace(temporary, path)  # noqa: PTH105 - Path.replace is the same call
    except OSError as cause:
        raise error(
            f"{path}: cannot be written: {cause.strerror or cause}",
            remedy="check the folder, its permissions and the space left on the disk",
        ) from cause
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    return path
