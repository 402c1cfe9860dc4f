"""Reading files that are small enough, writing files so that a reader never sees half of one, and
where a user's own files are kept."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from pathlib import Path

from .errors import F2PError

__all__ = ["atomic_write", "read_limited", "user_folder"]


def user_folder() -> Path:
    """Where what a user brought is kept, such as imported weights; it need not exist yet.

    ``F2P_HOME`` names another place. Else ``%LOCALAPPDATA%\\f2p`` on Windows, ``~/Library/
    Application Support/f2p`` on macOS, and ``f2p`` in ``$XDG_DATA_HOME`` (``~/.local/share``)
    everywhere else, as each system's rules say.
    """
    named = os.environ.get("F2P_HOME")
    if named:
        return Path(named).expanduser()
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "f2p"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "f2p"
    data = os.environ.get("XDG_DATA_HOME", "")
    # The XDG specification: a path that is not absolute is to be ignored.
    return (Path(data) if Path(data).is_absolute() else Path.home() / ".local" / "share") / "f2p"


def read_limited(
    path: str | Path, limit: int, *, error: type[F2PError] = F2PError, remedy: str = ""
) -> bytes:
    """What is in a file of at most ``limit`` bytes, a whole number of MiB.

    Raises ``error`` with ``remedy`` where there is none, or a folder, too much, or no permission.
    """
    path = Path(path)
    try:
        if not path.is_file():
            what = "is a folder" if path.is_dir() else "there is no such file"
            raise error(f"{path}: {what}", remedy=remedy)
        size = path.stat().st_size
        if size > limit:
            raise error(
                f"{path}: must be at most {limit >> 20} MiB, is {size} bytes", remedy=remedy
            )
        return path.read_bytes()
    except (OSError, ValueError) as problem:  # a path with a zero byte is a ValueError
        reason = getattr(problem, "strerror", None) or problem
        raise error(f"{path}: cannot be read: {reason}", remedy=remedy) from problem


def atomic_write(path: str | Path, data: bytes | str, *, error: type[F2PError] = F2PError) -> Path:
    """Write ``data`` (text as UTF-8) to ``path`` at once: the file is the old one or the new one.

    Folders that are missing are made. Raises ``error`` where the file cannot be written.
    """
    path = Path(path)
    content = data.encode("utf-8") if isinstance(data, str) else data
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A file beside the target: renaming is atomic only within one file system.
        handle, temporary = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.name}.", suffix=".tmp"
        )
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        _like_a_new_file(temporary)
        os.replace(temporary, path)  # noqa: PTH105 - Path.replace is the same call
        temporary = None
    except OSError as problem:
        raise error(
            f"{path}: cannot be written: {problem.strerror or problem}",
            remedy="check the folder, its permissions and the space left on the disk",
        ) from problem
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
    return path


def _like_a_new_file(path: str) -> None:
    """Give the file the permissions that ``open`` would have given it, not mkstemp's 0600."""
    if os.name == "posix":
        Path(path).chmod(0o666 & ~_UMASK)


def _read_umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


# Read once at import: the call sets and restores the mask, which threads must not race for.
_UMASK = _read_umask()
