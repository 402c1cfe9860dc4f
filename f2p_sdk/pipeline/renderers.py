"""Renderers of characters: imitator, engine, and the straight-through renderer of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .. import weights as weight_files
from ..bridge import warn_assets
from ..errors import UnknownNameError, WeightsError
from ..images import Picture
from ..tensors import to_tensor

if TYPE_CHECKING:
    from ..bridge import Host, Rendering
    from ..kinds import Kind

__all__ = [
    "EngineRenderer",
    "Imitator",
    "StraightThrough",
    "known_assets",
    "open_engine_renderer",
    "open_imitator",
    "weights_file",
]

#: (B, D) vectors -> (B, 3, S, S) RGB sRGB in [0, 1].
Imitator = Callable[[Tensor], Tensor]


class EngineRenderer:
    """Draws vectors by an engine.

    Args:
        host: bridge to engines of this kind; waits until one is connected.
        kind: the kind of character.
        deadline: seconds the engine has for one picture.

    Attributes:
        count: number of pictures drawn so far.
    """

    def __init__(self, host: Host, kind: Kind, *, deadline: float = 30.0) -> None:
        self.info = host.wait()
        self.count = 0
        self._host = host
        self._kind = kind
        self._deadline = deadline

    def draw(
        self, vectors: Tensor, size: int, scenes: Sequence[Mapping[str, Any]] = ()
    ) -> list[Picture]:
        """Draw vectors (B, D) with hard choices as B pictures uint8 (size, size, 3), in order.

        Args:
            size: side in pixels; above the engine's largest size, that size.
            scenes: one per vector; none for the standard portrait.

        Raises:
            BridgeError: the engine failed.
        """
        return [drawn.color for drawn in self._drawn(vectors, size, scenes)]

    def labelled(
        self, vectors: Tensor, size: int
    ) -> tuple[list[Picture], list[NDArray[np.uint8]] | None]:
        """As :meth:`draw`, with the labels uint8 (size, size) of each picture.

        The labels are None for an engine without them.
        """
        if "labels" not in self.info.passes:
            return self.draw(vectors, size), None
        drawn = self._drawn(vectors, size, passes=("color", "labels"))
        labels = [one.labels for one in drawn if one.labels is not None]
        return [one.color for one in drawn], labels

    def _drawn(
        self,
        vectors: Tensor,
        size: int,
        scenes: Sequence[Mapping[str, Any]] = (),
        passes: Sequence[str] = ("color",),
    ) -> list[Rendering]:
        layout = self._kind.layout
        requests = [dict(layout.decode(vector.numpy()).values) for vector in vectors]
        drawn = self._host.render_many(
            requests,
            kind=self._kind.kind,
            size=min(size, self.info.max_size),
            passes=passes,
            deadline=self._deadline,
            scene=scenes.__getitem__ if any(scenes) else None,
            ordered=True,
        )
        found = [rendering for _, rendering in drawn]
        self.count += len(requests)
        return found

    def tensor(
        self, vectors: Tensor, size: int, scenes: Sequence[Mapping[str, Any]] = ()
    ) -> Tensor:
        """As :meth:`draw`, but return float32 (B, 3, size, size) in [0, 1]."""
        return torch.cat([to_tensor(picture) for picture in self.draw(vectors, size, scenes)])


def open_engine_renderer(
    host: Host | None, kind: Kind, card: Mapping[str, Any], deadline: float
) -> EngineRenderer | None:
    """The renderer of a host, if any; warns if the imitator of ``card`` has other assets."""
    if host is None:
        return None
    engine = EngineRenderer(host, kind, deadline=deadline)
    subject, made_with = f"the imitator of {kind.name}", str(card.get("assets", ""))
    remedy = f"capture and train again: f2p capture -g {kind.name}, f2p train imitator"
    warn_assets(subject, made_with, engine.info.assets, remedy)
    return engine


def known_assets(engine: EngineRenderer | None, card: Mapping[str, Any]) -> str:
    """Assets of a fit: the engine's, without an engine those of the imitator of ``card``."""
    return str(card.get("assets", "")) if engine is None else engine.info.assets


@dataclass(frozen=True)
class StraightThrough:
    """Renderer with the engine's picture as value and the imitator's gradient.

    ``E(x) + (G(x) - stop(G(x)))``: a straight-through estimator (Bengio et al. 2013). The imitator
    needs to know only what each slider changes.
    """

    imitator: Imitator  # G
    engine: EngineRenderer  # E
    harden: Callable[[Tensor], Tensor]  # relaxed vectors (B, D) to hard choices, for the engine
    scene: Mapping[str, Any]  # of the engine's pictures

    def __call__(self, vectors: Tensor, step: int) -> Tensor:
        imitated = self.imitator(vectors)
        drawn = self.engine.tensor(
            self.harden(vectors.detach()), imitated.shape[-1], [self.scene] * len(vectors)
        )
        return imitated + (drawn - imitated).detach()


def open_imitator(
    kind: Kind, weights: str | Path | None = None
) -> tuple[Imitator, Mapping[str, Any]]:
    """Return the frozen imitator of a kind and the card of its weights.

    ``weights`` is a name among the kind's weights, or a file; by default the first file that
    exists. Raises WeightsError if there is none, or it belongs to another layout.
    """
    path = weights_file(kind, weights)
    # Denormal numbers slow a CPU down several times.
    torch.set_flush_denormal(True)
    return weight_files.load_imitator(path, kind.layout), weight_files.load_card(path)


def weights_file(kind: Kind, weights: str | Path | None = None) -> Path:
    """Return the path that :func:`open_imitator` reads. Raises the same errors; reads nothing."""
    if isinstance(weights, str) and weights in kind.weights:
        path = Path(kind.weights[weights])
        if path.is_file():
            return path
        raise WeightsError(
            f"{kind.name}: the file of the weights {weights!r} does not exist: {path}",
            remedy=_train(kind),
        )
    if weights is not None:
        path = Path(weights)
        if path.is_file():
            return path
        raise UnknownNameError("weights of " + kind.name, str(weights), kind.weights)
    for path in kind.weights.values():
        if Path(path).is_file():
            return Path(path)
    raise WeightsError(f"{kind.name} has no imitator weights yet", remedy=_train(kind))


def _train(kind: Kind) -> str:
    return (
        f"capture pictures with `f2p capture -g {kind.name}` and train with `f2p train imitator`, "
        "or install an adapter that ships weights"
    )
