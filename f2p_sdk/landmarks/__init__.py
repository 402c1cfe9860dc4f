"""Dense landmarks and expressions: of photos, of an engine's pictures, and of parameters.

A :class:`LandmarkModel` predicts the landmarks of a kind's picture from the vector. It is linear,
and :func:`train_landmarks` fits it to the engine's pictures alone.
"""

from .dense import DenseLandmarks, ExpressionBasis
from .model import LandmarkModel, load_landmarks, save_landmarks
from .reader import LandmarkReader
from .training import LandmarkRecord, train_landmarks

__all__ = [
    "DenseLandmarks",
    "ExpressionBasis",
    "LandmarkModel",
    "LandmarkReader",
    "LandmarkRecord",
    "load_landmarks",
    "save_landmarks",
    "train_landmarks",
]
