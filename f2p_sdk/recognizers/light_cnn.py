"""The recognizer ``light-cnn``: its weights on disk, and embeddings of faces in pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import WeightsError
from ..weights import check_golden, imported_weights, load_card, load_network
from .crop import crop_faces
from .network import DIMENSION, SIDE, LightCNN

__all__ = ["LightCNNRecognizer", "light_cnn_card", "load_light_cnn"]

REMEDY = "import the weights again: f2p weights import light-cnn FILE"
_GRID = 8  # grey values per side of the golden input, which is enlarged


class LightCNNRecognizer:
    """Light CNN-29 v2 on face crops as upstream makes them.

    Args:
        network: a trained network; default: the imported weights. WeightsError if they are missing
            or damaged.
    """

    name = "light-cnn"
    metric: Final = "cosine"
    dimension = DIMENSION

    def __init__(self, network: LightCNN | None = None) -> None:
        self.network = network or load_light_cnn(imported_weights(self.name))

    def embed(self, pictures: Tensor, landmarks: Tensor | npt.ArrayLike) -> Tensor:
        """Embed the face in each picture, see :meth:`f2p_sdk.hookspecs.Recognizer.embed`.

        Returns (B, 256), not normalised. Landmarks get no gradient. Raises FaceError as
        :func:`.crop.crop_faces`.
        """
        if isinstance(landmarks, Tensor):
            landmarks = landmarks.detach().cpu().numpy()
        weight = self.network.fc.weight
        if weight.device != pictures.device:
            self.network.to(pictures.device)
        embeddings: Tensor = self.network(crop_faces(pictures, landmarks).to(weight.dtype))
        return embeddings


def load_light_cnn(path: str | Path) -> LightCNN:
    """Load a file that `f2p weights import light-cnn` wrote: float32, in evaluation mode, frozen.

    Raises:
        WeightsError: the file is missing, damaged or of another network, or the network does not
            reproduce its golden embedding.
    """
    path = Path(path)
    card = load_card(path, remedy=REMEDY)
    network = load_network(path, card, "recognizer", _build, remedy=REMEDY)
    run, sizes = (lambda values: _golden_embedding(network, values)), (_GRID**2, DIMENSION)
    failure = "give its golden embedding"
    check_golden(path, card, run, sizes, failure, relative=True, remedy=REMEDY)
    return network


def _build(name: str) -> LightCNN:
    if name != LightCNN.name:
        raise WeightsError(f"must hold {LightCNN.name!r}, holds {name!r}")
    return LightCNN()


def light_cnn_card(
    network: LightCNN, *, training: Mapping[str, Any], licence: str, source: Mapping[str, Any]
) -> dict[str, Any]:
    """The card of a Light CNN, with a golden pair, for which the network runs once."""
    generator = torch.Generator().manual_seed(0)
    grid = torch.rand(_GRID, _GRID, generator=generator)
    values = [round(v, 6) for v in grid.flatten().tolist()]
    output = _golden_embedding(network, torch.tensor(values))
    return {
        "what": "recognizer",
        "network": {"name": LightCNN.name},
        "input": {
            "size": SIDE,
            "channels": 1,
            "range": [0, 1],
            "colour": "grey: 0.299 R + 0.587 G + 0.114 B of sRGB",
            "alignment": "eyes level, their middle 40 pixels down in the middle column, mouth 48 "
            "pixels below them",
        },
        "output": {"size": DIMENSION, "compare": "cosine"},
        "normalisation": "none: neither of the grey values nor of the embedding",
        "training": dict(training),
        "licence": licence,
        "source": dict(source),
        "figures": {},
        "golden": {"input": values, "output": output},
    }


def _golden_embedding(network: LightCNN, values: Tensor) -> list[float]:
    """The embedding of an 8x8 grid of grey values, enlarged to 128x128."""
    small = values.view(1, 1, _GRID, _GRID)
    face = F.interpolate(small, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
    with torch.no_grad():
        return [float(v) for v in network(face)[0].tolist()]
