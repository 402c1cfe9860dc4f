"""A photo as it was read: its pixels, its name, and sentences about defects of its file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from ..errors import F2PError, FaceError, ImageError, NoFaceError, UsageError, error_prefix
from .writing import Picture

__all__ = ["Photo", "PhotoSource", "named"]


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo as it was read.

    Attributes:
        picture: uint8 (H, W, 3), RGB, sRGB, upright.
        name: path of the file, or empty for bytes and arrays without a name.
        hints: sentences for the user about losses, e.g. of a file that is cut off.
        doubts: sentences that explain a missing face, e.g. that only the first picture of an
            animation was looked at.
        remedy: next step if no face is found; empty for the usual one.
        kind: name of the kind whose engine drew the picture; empty where that is not known.
    """

    picture: Picture = field(repr=False)
    name: str = ""
    hints: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    remedy: str = ""
    kind: str = ""

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Put the photo's name before the messages of errors in the block.

        The error of a missing face also gets the photo's hints and doubts.
        """
        try:
            yield
        except NoFaceError as error:
            message = "; ".join((error.message, *self.doubts, *self.hints))
            prefix = f"{self.name}: " if self.name else ""
            remedy = self.remedy or error.remedy
            raise NoFaceError(prefix + message, remedy=remedy) from None
        except (FaceError, ImageError, UsageError):
            if not self.name:
                raise
            with error_prefix(self.name):
                raise


def named(name: str | Path, error: F2PError) -> str:
    """Return an error's message with the name of the photo in it, once."""
    message = error.message
    return message if message.startswith(f"{name}: ") else f"{name}: {message}"


PhotoSource: TypeAlias = str | Path | bytes | Picture | Photo
"""A file, its bytes, a picture uint8 (H, W, 3) RGB sRGB, or a photo that was read."""
