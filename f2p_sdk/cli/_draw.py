"""Rendering of many characters by the engine or by the imitator."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from ..errors import UsageError
from ._bridge import Listening

if TYPE_CHECKING:
    from ..images import Picture
    from ..kinds import Kind
    from ..parameters import Value

Values: TypeAlias = "Mapping[str, Value]"
Draw: TypeAlias = "Callable[[Iterable[Values]], Iterator[Picture]]"
"""Function from values of characters to pictures uint8 (size, size, 3), in the same order."""

BATCH = 16


@contextmanager
def drawing(
    kind: Kind,
    via: str,
    size: int,
    listening: Listening,
    *,
    weights: str | None = None,
    engines: int = 1,
    deadline: float = 30.0,
) -> Iterator[Draw]:
    """Yield a function that draws characters of ``kind`` at ``size`` pixels.

    Args:
        via: "engine" (started here, or connected by --listen) or "imitator".

    Raises:
        UsageError: an option belongs to the other renderer.
        F2PError: errors of bridge and weights.
    """
    if via == "imitator":
        listening.refuse("add --via engine")
        yield _by_imitator(kind, size, weights)
        return
    if weights is not None:
        raise UsageError("--weights requires the imitator", remedy="add --via imitator")
    with listening.open_engine(kind, engines=engines) as host:

        def by_engine(characters: Iterable[Values]) -> Iterator[Picture]:
            drawn = host.render_many(
                characters, kind=kind.kind, size=size, deadline=deadline, ordered=True
            )
            return (picture.color for _, picture in drawn)

        yield by_engine


def _by_imitator(kind: Kind, size: int, weights: str | None) -> Draw:
    # A late import: --help must not load torch.
    import torch

    from .. import images
    from ..pipeline.renderers import open_imitator
    from ..tensors import to_array

    imitator, _ = open_imitator(kind, weights)

    def draw(characters: Iterable[Values]) -> Iterator[Picture]:
        remaining = iter(characters)
        while batch := list(islice(remaining, BATCH)):
            vectors = [torch.from_numpy(kind.layout.encode(values)) for values in batch]
            with torch.no_grad():
                pictures = imitator(torch.stack(vectors))
            for picture in pictures:
                yield images.resize(to_array(picture[None]), size)

    return draw
