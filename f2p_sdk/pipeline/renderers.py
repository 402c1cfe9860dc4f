"""Drawing characters: by the imitator, by the engine, or by both at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .. import weights as weight_files
from ..errors import UnknownNameError, WeightsError
from ..images import Picture
from ..tensors import to_tensor

if TYPE_CHECKING:
    from ..bridge import Host
    from ..kinds import Kind

__all__ = [
    "EngineDraws",
    "Grounded",
    "Imitator",
    "open_imitator",
    "weights_file",
]

#: (B, D) vectors -> (B, 3, S, S) RGB sRGB in [0, 1].
Imitator = Callable[[Tensor], Tensor]


class EngineDraws:
    """Vectors to pictures, by the engine at the other end of the bridge.

    Args:
        host: with at least one engine of this kind connected, or about to be.
        deadline: seconds an engine has for one picture.
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
        """(B, D) vectors, their choices hard, to B pictures uint8 (size, size, 3), in order.

        ``scenes``: one for each; none is the standard portrait. A size beyond the engine's largest
        is drawn at its largest. Raises BridgeError.
        """
        side = min(size, self.info.max_size)
        layout = self._kind.layout
        requests = [dict(layout.decode(vector.numpy()).values) for vector in vectors]
        pictures: dict[int, Picture] = {}
        for index, drawn in self._host.render_many(
            requests,
            kind=self._kind.kind,
            size=side,
            deadline=self._deadline,
            scene=scenes.__getitem__ if any(scenes) else None,
        ):
            pictures[index] = drawn.color
        self.count += len(requests)
        return [pictures[i] for i in range(len(requests))]

    def tensor(
        self, vectors: Tensor, size: int, scenes: Sequence[Mapping[str, Any]] = ()
    ) -> Tensor:
        """As :meth:`draw`, to float32 (B, 3, size, size) in [0, 1]."""
        return torch.cat([to_tensor(picture) for picture in self.draw(vectors, size, scenes)])


class Grounded:
    """A renderer with the engine's picture and the imitator's gradient.

    ``E(x) + (G(x) - stop(G(x)))``: its value is the engine's picture, so the objective sees what
    the player will see and nothing of the imitator's own; its derivative is the imitator's, which
    need only know what each slider *changes*. A straight-through estimator (Bengio et al. 2013),
    for a renderer. ``harden`` makes the choices of a relaxed vector certain, since an engine knows
    no others; it too is passed straight through. ``scene`` is the engine's: what it changes in the
    picture is not laid to the character's charge.
    """

    def __init__(
        self,
        imitator: Imitator,
        engine: EngineDraws,
        harden: Callable[[Tensor], Tensor],
        scene: Mapping[str, Any] | None = None,
    ) -> None:
        self.imitator = imitator
        self.engine = engine
        self.harden = harden
        self.scene = scene or {}

    def __call__(self, vectors: Tensor, step: int) -> Tensor:
        imitated = self.imitator(vectors)
        drawn = self.engine.tensor(
            self.harden(vectors.detach()), imitated.shape[-1], [self.scene] * len(vectors)
        )
        return imitated + (drawn - imitated).detach()


def open_imitator(
    kind: Kind, weights: str | Path | None = None
) -> tuple[Imitator, Mapping[str, Any]]:
    """The imitator of a kind, frozen, and the card of its weights.

    ``weights``: a name among the kind's weights, or a file; by default the first that is there.
    Raises WeightsError where there are none, or they are of another layout.
    """
    path = weights_file(kind, weights)
    module = weight_files.load_imitator(path, kind.layout)
    # numbers too small to be told from nothing cost a CPU several times the time of a step
    torch.set_flush_denormal(True)
    module.eval().requires_grad_(False)
    return module, weight_files.load_card(path)


def weights_file(kind: Kind, weights: str | Path | None = None) -> Path:
    """Which file :func:`open_imitator` would read; raises the same errors, at no cost."""
    if isinstance(weights, str) and weights in kind.weights:
        path = Path(kind.weights[weights])
        if path.is_file():
            return path
        raise WeightsError(
            f"{kind.name}: the weights {weights!r} are not there: {path}", remedy=_train(kind)
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
