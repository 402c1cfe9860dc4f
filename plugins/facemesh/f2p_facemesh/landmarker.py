"""The landmarker offered to f2p-sdk: MediaPipe's networks, run by LiteRT."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from f2p_sdk import DenseLandmarks, ExpressionBasis

from .crop import SIZE, Array, Crop, Picture
from .files import BLENDSHAPES, LANDMARKS, read_models
from .topology import BLENDSHAPE_POINTS, EXPRESSIONS, EYE_CORNERS, REGIONS

_ROUNDS = 3  # crops per face; each follows the landmarks of the one before
_STILL = 0.01  # the crop's change, in its side, after which another round is not worth its time
_LEAST_SCORE = 0.5


class FaceMesh:
    """478 landmarks and 52 expression coefficients."""

    name = "facemesh"
    regions: Mapping[str, Sequence[int]] = REGIONS
    expressions: Sequence[str] = EXPRESSIONS

    def __init__(self) -> None:
        models = read_models()
        self._points = _Network(models[LANDMARKS])
        self._expression = _Network(models[BLENDSHAPES])

    @cached_property
    def basis(self) -> ExpressionBasis | None:
        from .basis import load_basis

        return load_basis()

    def find(self, picture: Picture, landmarks: npt.NDArray[np.float64]) -> DenseLandmarks | None:
        """Return the landmarks of the face at five landmarks (5, 2) in dlib's order.

        Args:
            picture: uint8 (H, W, 3) RGB sRGB.
            landmarks: pixels.
        """
        crop = Crop.of_corners(np.asarray(landmarks, np.float64)[:4])
        for _ in range(_ROUNDS):
            points, score = self._locate(picture, crop)
            previous, crop = crop, Crop.of_points(points[:, :2], points[EYE_CORNERS, :2])
            moved = np.abs(crop.matrix - previous.matrix)[:, 2].max() / (SIZE * crop.scale)
            if moved < _STILL:
                break
        if score < _LEAST_SCORE:
            return None
        few = points[None, BLENDSHAPE_POINTS, :2].astype(np.float32)
        (expression,) = self._expression(few)
        return DenseLandmarks(points.astype(np.float32), expression.reshape(-1).copy(), score)

    def _locate(self, picture: Picture, crop: Crop) -> tuple[Array, float]:
        """Points (478, 3) in pixels of the picture, and their score in [0, 1]."""
        pixels = crop.cut(picture)[None].astype(np.float32) / np.float32(255)
        points, presence, _ = self._points(pixels)
        score = 1 / (1 + np.exp(-float(presence.reshape(()))))
        # The network's coordinates have the origin at the corner of the top-left pixel.
        found = points.reshape(-1, 3).astype(np.float64) - (0.5, 0.5, 0)
        return crop.to_picture(found), float(score)


class _Network:
    """A TFLite network with one input, on one thread."""

    def __init__(self, model: bytes) -> None:
        with _quiet():
            from ai_edge_litert.interpreter import Interpreter

            self._interpreter = Interpreter(model_content=model, num_threads=1)
            self._interpreter.allocate_tensors()
            self._input = self._interpreter.get_input_details()[0]["index"]
            self._outputs = [out["index"] for out in self._interpreter.get_output_details()]
            self._interpreter.invoke()  # the first call creates the delegate, which logs

    def __call__(self, value: npt.NDArray[np.float32]) -> list[npt.NDArray[Any]]:
        self._interpreter.set_tensor(self._input, value)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._outputs]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Discard what LiteRT's C++ code writes to standard error while it starts."""
    sys.stderr.flush()
    kept, sink = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(sink, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(sink)
