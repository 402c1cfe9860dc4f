"""Networks in weights files: saved, loaded and checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import WeightsError
from ..files import atomic_write, user_folder
from .card import REMEDY, check_content, load_card, with_card

if TYPE_CHECKING:
    import torch
    from torch import nn

    from ..networks.imitator import Imitator
    from ..parameters import Layout

    _Network = TypeVar("_Network", bound=nn.Module)

__all__ = [
    "UNSPECIFIED",
    "check_golden",
    "imitator_card",
    "imported_weights",
    "load_imitator",
    "load_network",
    "round_to_half",
    "save_weights",
]

#: Licence of weights whose trainer has not named one.
UNSPECIFIED = "unspecified"

GOLDEN_SIDE = 8
GOLDEN_TOLERANCE = 2e-3  # CPUs and GPUs round differently; a wrong tensor differs by far more


def imported_weights(name: str) -> Path:
    """Path of the weights that `f2p weights import` writes under this name; may not exist."""
    return user_folder() / "weights" / f"{name}.safetensors"


def save_weights(
    path: str | Path,
    state: Mapping[str, torch.Tensor],
    card: Mapping[str, Any],
    *,
    half: bool = True,
) -> Path:
    """Write tensors and card atomically.

    Args:
        state: the network's ``state_dict()``.
        card: JSON types only; ``format`` and ``content_hash`` are added.
        half: store tensors of two or more dimensions as float16; one-dimensional tensors and whole
            numbers keep their type.

    Raises:
        WeightsError: a tensor is not finite, or the file cannot be written.
    """
    import torch
    from safetensors.torch import save

    tensors = {}
    for name, tensor in state.items():
        tensor = tensor.detach().cpu()
        if half and tensor.is_floating_point() and tensor.ndim > 1:
            tensor = tensor.half()
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise WeightsError(
                f"{path}: not written: the tensor {name!r} holds numbers that are not finite",
                remedy="train again from the last good checkpoint, with a lower learning rate",
            )
        tensors[name] = tensor.contiguous()
    return atomic_write(path, with_card(save(tensors), card), error=WeightsError)


def imitator_card(
    network: Imitator,
    layout: Layout,
    *,
    training: Mapping[str, Any],
    figures: Mapping[str, float],
    licence: str,
) -> dict[str, Any]:
    """The card of an imitator, with a golden pair, for which the network runs once.

    Call :func:`round_to_half` first, so that the network has the numbers of the file.
    """
    import torch

    vector = torch.from_numpy(layout.encode(layout.random(0, seed=0)))
    return {
        "what": "imitator",
        "network": network.config(),
        "game": layout.game,
        "kind": layout.kind,
        "layout_hash": layout.hash,
        "layout_size": layout.size,
        "input": {"size": layout.size, "range": [0, 1]},
        "output": {"size": network.size, "channels": 3, "range": [0, 1], "colour": "sRGB"},
        "normalisation": "none outside the network: it takes the layout's vector as it is",
        "training": dict(training),
        "licence": licence,
        "figures": dict(figures),
        "golden": {
            "input": [round(v, 7) for v in vector.tolist()],
            "output": _golden_picture(network, vector),
        },
    }


def round_to_half(network: nn.Module) -> None:
    """Round a network, in place, to the numbers that :func:`save_weights` stores with ``half``."""
    for tensor in network.state_dict().values():
        if tensor.is_floating_point() and tensor.ndim > 1:
            tensor.copy_(tensor.half())


def load_imitator(
    path: str | Path, layout: Layout | None = None, *, device: str = "cpu"
) -> Imitator:
    """Load an imitator: float32, in evaluation mode, frozen.

    Refuses weights of another layout, unless ``layout`` is None.

    Raises:
        WeightsError: a damaged file, another layout or network, or another golden picture.
    """
    from ..mesh.network import MeshImitator  # noqa: F401 -- registers the network "mesh"
    from ..networks import build

    path = Path(path)
    card = load_card(path)
    known = card.get("layout_hash")
    if layout is not None and card.get("what") == "imitator" and known != layout.hash:
        raise WeightsError(
            f"{path}: the weights are for layout {known} of {card.get('game')}/{card.get('kind')} "
            f"({card.get('layout_size')} numbers), the layout here is "
            f"{layout.hash} of {layout.name} ({layout.size} numbers)",
            remedy="use the weights of this layout, or capture and train again: "
            f"f2p train imitator -g {layout.name}",
        )
    network = load_network(path, card, "imitator", build)
    sizes, failure = (network.dimension, 3 * GOLDEN_SIDE**2), "draw its golden picture"
    check_golden(path, card, lambda v: _golden_picture(network, v), sizes, failure)
    return network.to(device)


def load_network(
    path: Path,
    card: Mapping[str, Any],
    what: str,
    build: Callable[..., _Network],
    *,
    remedy: str = REMEDY,
) -> _Network:
    """Build the network of a card and load its tensors: float32, in evaluation mode, frozen.

    ``build`` gets the network's name and its options.

    Raises:
        WeightsError: the card is not of a ``what``, its description or a tensor does not fit, or
            the tensors do not have the card's content hash.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load

    from ..networks.imitator import build_from_config

    if card.get("what") != what or not isinstance(card.get("network"), dict):
        raise WeightsError(
            f"{path}: holds {card.get('what')!r}, not {what!r}",
            remedy=f"give another file, or {remedy}",
        )
    try:
        network = build_from_config(card["network"], build)
    except WeightsError as error:
        raise WeightsError(f"{path}: {error.message}", remedy=error.remedy or remedy) from None
    try:
        # read, not mapped: a mapped file can be neither replaced nor deleted on Windows
        data = path.read_bytes()
        check_content(path, card, data, remedy=remedy)
        tensors = load(data)
    except (SafetensorError, OSError) as problem:
        raise WeightsError(f"{path}: cannot be read: {problem}", remedy=remedy) from None
    expected = network.state_dict()
    missing, extra = sorted(set(expected) - set(tensors)), sorted(set(tensors) - set(expected))
    if missing or extra:
        raise WeightsError(
            f"{path}: the tensors are not those of the network {card['network']['name']!r}: "
            f"{len(missing)} missing {missing[:3]}, {len(extra)} too many {extra[:3]}",
            remedy=remedy,
        )
    for key, tensor in tensors.items():
        if tensor.shape != expected[key].shape:
            raise WeightsError(
                f"{path}: the tensor {key!r} must have the shape {tuple(expected[key].shape)}, "
                f"it has {tuple(tensor.shape)}",
                remedy=remedy,
            )
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise WeightsError(
                f"{path}: the tensor {key!r} holds numbers that are not finite", remedy=remedy
            )
    network.load_state_dict(tensors)  # copies into float32
    return network.eval().requires_grad_(False)


def _golden_picture(network: Imitator, vector: torch.Tensor) -> list[float]:
    """The network's picture for ``vector``, averaged to 3x8x8, flat, rounded to 6 digits."""
    import torch

    training = network.training
    device = next(network.parameters()).device
    with torch.no_grad():
        picture = network.eval()(vector[None].to(device))
    network.train(training)
    small = torch.nn.functional.adaptive_avg_pool2d(picture, GOLDEN_SIDE)
    return [round(v, 6) for v in small.float().cpu().flatten().tolist()]


def check_golden(
    path: Path,
    card: Mapping[str, Any],
    run: Callable[[torch.Tensor], Sequence[float]],
    sizes: tuple[int, int],
    failure: str,
    *,
    relative: bool = False,
    remedy: str = REMEDY,
) -> None:
    """Check that a network, ``run``, reproduces the golden pair of its card.

    ``sizes`` are the lengths of the flat input and output; ``relative`` makes the tolerance
    relative to the largest output; ``failure`` ends the error "the network does not ...".

    Raises:
        WeightsError: no golden pair, one of other sizes, or another output.
    """
    import torch

    golden = card.get("golden")
    try:
        given = torch.tensor(golden["input"], dtype=torch.float32)  # type: ignore[index]
        expected = [float(v) for v in golden["output"]]  # type: ignore[index]
    except (KeyError, TypeError, ValueError):
        raise WeightsError(f"{path}: the card has no golden pair", remedy=remedy) from None
    if given.shape != sizes[:1] or len(expected) != sizes[1]:
        raise WeightsError(f"{path}: the card's golden pair does not fit", remedy=remedy)
    tolerance = GOLDEN_TOLERANCE * (max(map(abs, expected)) if relative else 1)
    worst = max(abs(a - b) for a, b in zip(run(given), expected, strict=True))
    if not math.isfinite(worst) or worst > tolerance:
        raise WeightsError(
            f"{path}: the network does not {failure}: off by {worst:.4f}, allowed {tolerance:.4g}",
            remedy="the numbers in the file were changed or damaged; " + remedy,
        )
