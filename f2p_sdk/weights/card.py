"""The card of a weights file and the hash of its tensors, read and written without torch.

A safetensors file is the length of its header (eight bytes, little endian), the header (JSON), and
the bytes of all tensors. The header names type, shape and place of each tensor; its entry
``__metadata__`` holds the card, as text under the key ``f2p_card``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import WeightsError
from ..files import atomic_write

__all__ = ["CARD", "FORMAT", "REMEDY", "check_content", "load_card", "with_card", "write_card"]

CARD = "f2p_card"
FORMAT = 1
HASH = "content_hash"
REMEDY = "copy or download the file again, or train it: f2p train imitator"

_METADATA = "__metadata__"
_POINTER = b"version https://git-lfs"  # how the specification of Git LFS lets a pointer begin


def load_card(path: str | Path, *, remedy: str = REMEDY) -> dict[str, Any]:
    """Read the card of a weights file, without importing torch.

    Raises:
        WeightsError: no such file, a Git LFS pointer, not safetensors, truncated, or without a card
            of a known format.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"{path}: there is no such weights file", remedy=remedy)
    _refuse_pointer(path)
    try:
        # Opening checks the header and the length of the file.
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as problem:
        raise WeightsError(
            f"{path}: not a whole safetensors file ({path.stat().st_size} bytes): {problem}",
            remedy=remedy,
        ) from None
    try:
        card = json.loads(metadata[CARD])
    except (KeyError, ValueError):
        raise WeightsError(
            f"{path}: safetensors without a card of f2p (metadata {CARD!r})",
            remedy="give a file that f2p train or f2p weights import wrote",
        ) from None
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        found = card.get("format") if isinstance(card, dict) else card
        raise WeightsError(
            f"{path}: the card must have format {FORMAT}, the file has {found!r}",
            remedy="install the f2p-sdk that wrote it, or a newer one",
        )
    return card


def write_card(path: str | Path, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Change entries of the card of a weights file in place; the tensors stay byte for byte.

    Returns:
        The new card. It has the content hash, also where the old one had none.

    Raises:
        WeightsError: as :func:`load_card`; the tensors do not have the card's content hash; or the
            file cannot be written.
    """
    path = Path(path)
    card = load_card(path)
    data = path.read_bytes()
    check_content(path, card, data)
    atomic_write(path, with_card(data, {**card, **changes}), error=WeightsError)
    return load_card(path)


def with_card(data: bytes, card: Mapping[str, Any]) -> bytes:
    """Return the bytes of a safetensors file with this card, format and content hash added."""
    header, tensors = _split(data)
    written = {"format": FORMAT, **card, HASH: _content_hash(header, tensors)}
    header[_METADATA] = {CARD: json.dumps(written, allow_nan=False)}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the tensors begin at a multiple of eight
    return len(text).to_bytes(8, "little") + text + tensors


def check_content(
    path: Path, card: Mapping[str, Any], data: bytes, *, remedy: str = REMEDY
) -> None:
    """Check that the bytes of a file have the content hash of its card, if the card has one.

    Raises:
        WeightsError: another hash: tensors were changed after the card was written.
    """
    expected = card.get(HASH)
    if expected is None:
        return
    found = _content_hash(*_split(data))
    if found != expected:
        raise WeightsError(
            f"{path}: the tensors were changed after the card was written: their content hash is "
            f"{found[:12]}..., the card has {str(expected)[:12]}...",
            remedy=remedy,
        )


def _content_hash(header: Mapping[str, Any], tensors: bytes) -> str:
    """SHA-256 of names, types, shapes and places of the tensors as JSON, and of their bytes."""
    described = {name: header[name] for name in sorted(header) if name != _METADATA}
    text = json.dumps(described, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode())
    digest.update(tensors)
    return digest.hexdigest()


def _split(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the header of a safetensors file and the bytes of its tensors."""
    start = 8 + int.from_bytes(data[:8], "little")
    return dict(json.loads(data[8:start])), data[start:]


def _refuse_pointer(path: Path) -> None:
    with path.open("rb") as file:
        if file.read(len(_POINTER)) == _POINTER:
            raise WeightsError(
                f"{path}: a pointer of Git LFS, not the weights themselves",
                remedy="fetch the file: git lfs install, then git lfs pull",
            )
