"""Weights of parsers, with cards as in :mod:`f2p_sdk.weights`.

``classes`` are the names in the order of the logits, ``figures`` are ``mean_iou`` and ``iou`` per
class on held-out data, and ``golden`` holds a small picture and the class probabilities in each
quarter of it.
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
from ..weights import check_golden, load_card, load_network
from .network import ParserNetwork, build_parser

__all__ = ["load_parser", "parser_card"]

_REMEDY = "copy or download the file again, or train it: f2p train parser"
_GOLDEN_IN, _GOLDEN_OUT = 8, 2


def load_parser(path: str | Path, classes: Sequence[str] = CLASSES) -> ParserNetwork:
    """Load a parser with these classes: float32, in evaluation mode, frozen.

    Raises:
        WeightsError: the file is damaged, of other classes or another network, or the network does
            not reproduce its golden pair.
    """
    path = Path(path)
    card = load_card(path)
    network = load_network(path, card, "parser", build_parser, remedy=_REMEDY)
    if network.classes != tuple(classes):
        raise WeightsError(
            f"{path}: the parser must have the classes {', '.join(classes)}; it has "
            f"{', '.join(network.classes)}",
            remedy="give a parser trained on the labels of docs/reference/protocol.md: "
            "f2p train parser",
        )
    sizes = (3 * _GOLDEN_IN**2, len(network.classes) * _GOLDEN_OUT**2)
    failure = "reproduce its golden probabilities"
    check_golden(path, card, lambda v: _probabilities(network, v), sizes, failure, remedy=_REMEDY)
    return network


def parser_card(
    network: ParserNetwork, *, training: Mapping[str, Any], figures: Mapping[str, Any], licence: str
) -> dict[str, Any]:
    """The card of a parser, with a golden pair, for which the network runs once."""
    generator = torch.Generator().manual_seed(0)
    picture = torch.rand((1, 3, _GOLDEN_IN, _GOLDEN_IN), generator=generator)
    values = [round(v, 4) for v in picture.flatten().tolist()]
    output = _probabilities(network, torch.tensor(values))
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
        "golden": {"input": values, "output": output},
    }


def _probabilities(network: ParserNetwork, picture: Tensor) -> list[float]:
    """Mean probability of each class in each quarter of a flat picture (3, 8, 8), enlarged."""
    training = network.training
    device = next(network.parameters()).device
    small = picture.view(1, 3, _GOLDEN_IN, _GOLDEN_IN)
    large = functional.interpolate(small, (network.size, network.size), mode="bilinear")
    with torch.no_grad():
        found = network.eval().sharp(large.to(device)).softmax(dim=1)
    network.train(training)
    means = functional.adaptive_avg_pool2d(found, _GOLDEN_OUT)
    return [round(v, 6) for v in means.float().cpu().flatten().tolist()]
