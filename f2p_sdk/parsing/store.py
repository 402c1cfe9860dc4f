"""Weights of parsers with their card.

The card of a parser holds, beside ``format``::

    what            "parser"
    network         the network's config: its name, classes, options
    classes         names, in the order of the logits
    input, output   sizes, ranges and colour space in words and numbers
    normalisation   what the network itself does to the picture
    training        data, recipe, seed, steps, time
    licence         of the weights
    figures         mean_iou and iou per class on held-out data
    golden          one small picture, and the probabilities of the classes in each quarter of it
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ..errors import WeightsError
from ..faceparts import CLASSES
from ..weights import check_golden, load_card, restore, save_weights
from .network import ParserNetwork, parser_from_config

__all__ = ["load_parser", "parser_card", "save_parser"]

_AGAIN = "copy or download the file again, or train it: f2p train parser"
_GOLDEN_IN, _GOLDEN_OUT = 8, 2


def load_parser(
    path: str | Path, classes: Sequence[str] | None = CLASSES, *, device: str = "cpu"
) -> ParserNetwork:
    """The parser in a weights file: float32, in evaluation mode, frozen, and checked.

    Args:
        path: a file that :func:`save_parser` wrote.
        classes: those it must have, in this order; None takes any.
        device: torch's name of the device.

    Raises:
        WeightsError: damaged, of other classes, of another network, or not seeing what it saw when
            it was saved.
    """
    path = Path(path)
    card = load_card(path)
    if card.get("what") != "parser" or not isinstance(card.get("network"), dict):
        raise WeightsError(
            f"{path}: holds {card.get('what')!r}, not a parser", remedy="give another file"
        )
    try:
        network = parser_from_config(card["network"])
    except WeightsError as error:
        raise WeightsError(f"{path}: {error.message}", remedy=error.remedy or _AGAIN) from None
    if classes is not None and network.classes != tuple(classes):
        raise WeightsError(
            f"{path}: the parser must tell apart {', '.join(classes)}; it tells apart "
            f"{', '.join(network.classes)}",
            remedy="give a parser trained on the labels of docs/reference/protocol.md: f2p train parser",
        )
    restore(network, path, network.name, remedy=_AGAIN)
    network.eval().requires_grad_(False)
    golden = card.get("golden")
    try:
        picture = torch.tensor(golden["input"], dtype=torch.float32)  # type: ignore[index]
        picture = picture.view(1, 3, _GOLDEN_IN, _GOLDEN_IN)
        wanted = [float(v) for v in golden["output"]]  # type: ignore[index]
    except (KeyError, TypeError, ValueError, RuntimeError):
        raise WeightsError(f"{path}: the card has no golden pair", remedy=_AGAIN) from None
    if len(wanted) != len(network.classes) * _GOLDEN_OUT**2:
        raise WeightsError(f"{path}: the card's golden pair does not fit", remedy=_AGAIN)
    check_golden(path, "see what it saw", _seen(network, picture), wanted, remedy=_AGAIN)
    return network.to(device)


def save_parser(path: str | Path, network: ParserNetwork, card: Mapping[str, Any]) -> Path:
    """Write a parser, filters as float16; ``card`` from :func:`parser_card`."""
    return save_weights(path, network.state_dict(), card)


def parser_card(
    network: ParserNetwork,
    *,
    training: Mapping[str, Any],
    figures: Mapping[str, Any],
    licence: str,
) -> dict[str, Any]:
    """The card of a parser, golden pair included: the network is run once, as it is."""
    generator = torch.Generator().manual_seed(0)
    picture = torch.rand((1, 3, _GOLDEN_IN, _GOLDEN_IN), generator=generator)
    values = [round(v, 4) for v in picture.flatten().tolist()]
    picture = torch.tensor(values).view_as(picture)
    return {
        "what": "parser",
        "network": network.config(),
        "classes": list(network.classes),
        "input": {"size": network.size, "channels": 3, "range": [0, 1], "colour": "sRGB"},
        "output": {"size": network.size // 8, "channels": len(network.classes), "what": "logits"},
        "normalisation": "none outside the network: it takes pictures in [0, 1]",
        "training": dict(training),
        "licence": licence,
        "figures": dict(figures),
        "golden": {"input": values, "output": _seen(network, picture)},
    }


def _seen(network: ParserNetwork, picture: Tensor) -> list[float]:
    """Mean probability of each class in each quarter of a picture (1, 3, 8, 8), made large."""
    training = network.training
    device = next(network.parameters()).device
    large = functional.interpolate(picture, (network.size, network.size), mode="bilinear")
    with torch.no_grad():
        seen = network.eval().sharp(large.to(device)).softmax(dim=1)
    network.train(training)
    means = functional.adaptive_avg_pool2d(seen, _GOLDEN_OUT)
    return [round(v, 6) for v in means.float().cpu().flatten().tolist()]
