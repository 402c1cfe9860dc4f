"""Drawing many characters for a command, by the engine or by the imitator."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

from ..errors import UsageError
from ._bridge import Listening

if TYPE_CHECKING:
    from ..images import Picture
    from ..kinds import Kind
    from ..parameters import Value

__all__ = ["Draw", "Values", "drawing"]

Values: TypeAlias = "Mapping[str, Value]"
Draw: TypeAlias = "Callable[[Iterable[Values]], Iterator[Picture]]"
"""Characters' values to pictures uint8 (size, size, 3), in order, as they come."""

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
    """What draws ``kind`` at ``size`` pixels, while the block lasts.

    ``via`` is "engine" (started here, or waited for) or "imitator". Raises UsageError
    where options of one are given with the other, and the errors of bridge and weights.
    """
    if via == "imitator":
        listening.refuse("add --via engine")
        yield _by_imitator(kind, size, weights)
        return
    if weights is not None:
        raise UsageError("--weights names an imitator", remedy="add --via imitator")
    with listening.open_engine(kind, engines=engines) as host:

        def by_engine(characters: Iterable[Values]) -> Iterator[Picture]:
            drawn = host.render_many(
                characters, kind=kind.kind, size=size, deadline=deadline, ordered=True
            )
            return (picture.color for _, picture in drawn)

        yield by_engine


def _by_imitator(kind: Kind, size: int, weights: str | None) -> Draw:
    # Imported here: help texts do not wait for torch.
    import torch

    from .. import images
    from ..pipeline.renderers import open_imitator
    from ..tensors import to_array

    imitator, _ = open_imitator(kind, weights)

    def draw(characters: Iterable[Values]) -> Iterator[Picture]:
        waiting: list[torch.Tensor] = []

        def flush() -> Iterator[Picture]:
            with torch.no_grad():
                pictures = imitator(torch.stack(waiting))
            waiting.clear()
            for picture in pictures:
                yield images.resize(to_array(picture[None]), size)

        for values in characters:
            waiting.append(torch.from_numpy(kind.layout.encode(values)))
            if len(waiting) == BATCH:
                yield from flush()
        if waiting:
            yield from flush()

    return draw
