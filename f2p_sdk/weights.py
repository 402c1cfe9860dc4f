"""Weights on disk: safetensors, never pickle, with a card that says what they are.

The card is JSON in the file's metadata, under the key ``f2p_card``, so that it can be read without
torch. For an imitator it holds::

    format          1
    what            "imitator"
    network         the network's config: its name, the vector's length, its options
    game, kind, layout_hash, layout_size
    input, output   sizes, ranges and colour space in words and numbers
    normalisation   what the network itself does to the vector
    training        data, recipe, seed, steps, time
    licence         of the weights
    figures         psnr_db and l1 on held-out data
    golden          one vector, and the network's picture for it averaged to 8x8

Cards of other networks say the same of theirs, ``what`` being ``"recognizer"``, for one.

A file is trusted only after its tensors fit the network one by one, hold finite numbers, and the
network draws the golden picture from the golden vector.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import WeightsError
from .files import atomic_write, user_folder

if TYPE_CHECKING:
    import torch
    from torch import nn

    from .networks.imitator import Imitator
    from .parameters import Layout

__all__ = [
    "check_golden",
    "imitator_card",
    "imported_weights",
    "load_card",
    "load_imitator",
    "restore",
    "save_weights",
]

CARD = "f2p_card"
FORMAT = 1
GOLDEN_SIDE = 8
GOLDEN_TOLERANCE = 2e-3  # other CPUs and GPUs round otherwise; a wrong tensor is off by far more

_AGAIN = "copy or download the file again, or train it: f2p train imitator"


def imported_weights(name: str) -> Path:
    """Where `f2p weights import` keeps the weights of this name, whether they are there or not."""
    return user_folder() / "weights" / f"{name}.safetensors"


def load_card(path: str | Path, *, remedy: str = _AGAIN) -> dict[str, Any]:
    """The card of a weights file, without loading torch.

    ``remedy``: what to do about a file that is missing or damaged.

    Raises:
        WeightsError: no such file, not safetensors, truncated, or without a card of a known format.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"{path}: there is no such weights file", remedy=remedy)
    try:
        # Opening checks the header and that its offsets end where the file ends.
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
            f"{path}: card format {FORMAT} is known, the file has {found!r}",
            remedy="install the f2p-sdk that wrote it, or a newer one",
        )
    return card


def save_weights(
    path: str | Path,
    state: Mapping[str, torch.Tensor],
    card: Mapping[str, Any],
    *,
    half: bool = True,
) -> Path:
    """Write tensors and card at once (a reader never sees half a file).

    Args:
        path: the file; its folder is made if needed.
        state: the network's ``state_dict()``.
        card: JSON types only; ``format`` is added.
        half: store matrices and filters as float16, half the size; one-dimensional tensors,
            statistics and whole numbers stay as they are.

    Raises:
        WeightsError: a tensor that is not finite, or a file that cannot be written.
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
                f"{path}: not written, the tensor {name!r} holds numbers that are not finite",
                remedy="train again from the last good checkpoint, with a lower learning rate",
            )
        tensors[name] = tensor.contiguous()
    text = json.dumps({"format": FORMAT, **card}, allow_nan=False)
    return atomic_write(path, save(tensors, metadata={CARD: text}), error=WeightsError)


def imitator_card(
    network: Imitator,
    layout: Layout,
    *,
    training: Mapping[str, Any],
    figures: Mapping[str, float],
    licence: str,
) -> dict[str, Any]:
    """The card of an imitator, golden pair included: the network is run once, as it is.

    Call it after :func:`rounded` has given the network the numbers that the file will hold.
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
            "output": _small(network, vector),
        },
    }


def rounded(network: Imitator) -> None:
    """Round a network, in place, to the numbers :func:`save_weights` stores with ``half``."""
    import torch

    with torch.no_grad():
        for tensor in (*network.parameters(), *network.buffers()):
            if tensor.is_floating_point() and tensor.ndim > 1:
                tensor.copy_(tensor.half())


def load_imitator(
    path: str | Path, layout: Layout | None = None, *, device: str = "cpu"
) -> Imitator:
    """The imitator in a weights file: float32, in evaluation mode, frozen, and checked.

    Args:
        path: a file that :func:`save_weights` wrote with an :func:`imitator_card`.
        layout: the layout it is to be used with; weights of another layout are refused. None skips
            that check (to look at a file whose layout is not at hand).
        device: torch's name of the device.

    Raises:
        WeightsError: damaged, of another layout, of another network, or not drawing what it drew
            when it was saved. The remedy says what to do.
    """
    from .mesh.network import MeshImitator  # noqa: F401 -- registers the network "mesh"
    from .networks import from_config

    path = Path(path)
    card = load_card(path)
    if card.get("what") != "imitator" or not isinstance(card.get("network"), dict):
        raise WeightsError(
            f"{path}: holds {card.get('what')!r}, not an imitator", remedy="give another file"
        )
    if layout is not None:
        _check_layout(path, card, layout)
    try:
        network = from_config(card["network"])
    except WeightsError as error:
        raise WeightsError(f"{path}: {error.message}", remedy=error.remedy or _AGAIN) from None
    restore(network, path, network.name)
    network.eval().requires_grad_(False)
    _check_golden(network, card, path)
    return network.to(device)


def _check_layout(path: Path, card: Mapping[str, Any], layout: Layout) -> None:
    if card.get("layout_hash") == layout.hash:
        return
    raise WeightsError(
        f"{path}: the weights are for layout {card.get('layout_hash')} of "
        f"{card.get('game')}/{card.get('kind')} ({card.get('layout_size')} numbers), the layout "
        f"here is {layout.hash} of {layout.name} ({layout.size} numbers)",
        remedy="use the weights of this layout, or capture and train again: "
        f"f2p train imitator -g {layout.name}",
    )


def restore(network: nn.Module, path: Path, name: str, *, remedy: str = _AGAIN) -> None:
    """Fill ``network``, called ``name``, from a weights file; every tensor must be there, of its
    shape, finite. WeightsError with ``remedy`` if not."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        # read, not mapped: a mapped file can be neither replaced nor deleted on Windows
        tensors = load(path.read_bytes())
    except (SafetensorError, OSError) as problem:
        raise WeightsError(f"{path}: cannot be read: {problem}", remedy=remedy) from None
    wanted = network.state_dict()
    missing, extra = sorted(set(wanted) - set(tensors)), sorted(set(tensors) - set(wanted))
    if missing or extra:
        raise WeightsError(
            f"{path}: the tensors are not those of the network {name!r}: "
            f"{len(missing)} missing {missing[:3]}, {len(extra)} too many {extra[:3]}",
            remedy=remedy,
        )
    for key, tensor in tensors.items():
        if tensor.shape != wanted[key].shape:
            raise WeightsError(
                f"{path}: the tensor {key!r} must have the shape {tuple(wanted[key].shape)}, "
                f"it has {tuple(tensor.shape)}",
                remedy=remedy,
            )
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise WeightsError(
                f"{path}: the tensor {key!r} holds numbers that are not finite", remedy=remedy
            )
    network.load_state_dict(tensors)  # copies into float32


def _small(network: Imitator, vector: torch.Tensor) -> list[float]:
    """The network's picture for ``vector`` averaged to 3x8x8, flat, rounded."""
    import torch

    training = network.training
    device = next(network.parameters()).device
    with torch.no_grad():
        picture = network.eval()(vector[None].to(device))
    network.train(training)
    small = torch.nn.functional.adaptive_avg_pool2d(picture, GOLDEN_SIDE)
    return [round(v, 6) for v in small.float().cpu().flatten().tolist()]


def _check_golden(network: Imitator, card: Mapping[str, Any], path: Path) -> None:
    import torch

    golden = card.get("golden")
    try:
        vector = torch.tensor(golden["input"], dtype=torch.float32)  # type: ignore[index]
        wanted = [float(v) for v in golden["output"]]  # type: ignore[index]
    except (KeyError, TypeError, ValueError):
        raise WeightsError(f"{path}: the card has no golden pair", remedy=_AGAIN) from None
    count = 3 * GOLDEN_SIDE**2
    if vector.shape != (network.dimension,) or len(wanted) != count:
        raise WeightsError(
            f"{path}: the card's golden pair does not fit the network", remedy=_AGAIN
        )
    check_golden(path, "draw its golden picture", _small(network, vector), wanted)


def check_golden(
    path: Path,
    what: str,
    got: Sequence[float],
    wanted: Sequence[float],
    *,
    tolerance: float = GOLDEN_TOLERANCE,
    remedy: str = _AGAIN,
) -> None:
    """Compare what a network gives with its card. WeightsError: it does not ``what``."""
    worst = max(abs(a - b) for a, b in zip(got, wanted, strict=True))
    if not math.isfinite(worst) or worst > tolerance:
        raise WeightsError(
            f"{path}: the network does not {what}: off by {worst:.4f}, allowed {tolerance:.4g}",
            remedy="the numbers in the file were changed or damaged; " + remedy,
        )
