"""dlib itself as the reference, and pictures of faces."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import dlib
import numpy as np
import pytest
import torch
from f2p_dlib.detector import DlibDetector
from f2p_dlib.files import LANDMARKS, RECOGNIZER, model_path
from f2p_dlib.recognizer import DlibRecognizer
from f2p_toy import ROOT
from PIL import Image

# An optional folder beside the repository: press photos that may not be copied into it.
PHOTOS = ROOT.parent / "shared" / "photos"


@dataclass
class Reference:
    """dlib's own detection, chips and descriptors."""

    find: Any = field(default_factory=dlib.get_frontal_face_detector)
    points: Any = field(default_factory=lambda: dlib.shape_predictor(str(model_path(LANDMARKS))))
    model: Any = field(
        default_factory=lambda: dlib.face_recognition_model_v1(str(model_path(RECOGNIZER)))
    )

    def shape(self, picture: np.ndarray) -> Any:
        enlarge = 1 if max(picture.shape) < 600 else 0
        box = max(self.find(picture, enlarge), key=lambda box: box.area())
        return self.points(picture, box)

    def chip(self, picture: np.ndarray, shape: Any) -> np.ndarray:
        return np.asarray(dlib.get_face_chip(picture, shape, 150, 0.25))

    def descriptor(self, chip: np.ndarray) -> np.ndarray:
        return np.array(self.model.compute_face_descriptor(chip))

    @staticmethod
    def array(shape: Any) -> np.ndarray:
        return np.array([(p.x, p.y) for p in shape.parts()], dtype=np.float64)


@pytest.fixture(scope="session")
def reference() -> Reference:
    return Reference()


@pytest.fixture(scope="session")
def detector() -> DlibDetector:
    return DlibDetector()


@pytest.fixture(scope="session")
def recognizer() -> DlibRecognizer:
    return DlibRecognizer()


@pytest.fixture(scope="session")
def faces(astronaut: np.ndarray) -> dict[str, np.ndarray]:
    """The astronaut, unchanged and changed."""
    image = Image.fromarray(astronaut)
    turned = image.rotate(17, Image.Resampling.BICUBIC)
    rng = np.random.default_rng(5)
    noise = astronaut + rng.normal(0, 12, astronaut.shape)
    return {
        "unchanged": astronaut,
        "mirrored": np.ascontiguousarray(astronaut[:, ::-1]),
        "turned": np.array(turned),
        "large": np.array(image.resize((1500, 1500), Image.Resampling.BICUBIC)),
        "small": np.array(image.resize((300, 300), Image.Resampling.LANCZOS)),
        "wide": np.array(image.resize((560, 512), Image.Resampling.LANCZOS)),
        "dark": (astronaut * 0.35).astype(np.uint8),
        "noisy": np.clip(noise, 0, 255).astype(np.uint8),
        "cut off": np.ascontiguousarray(astronaut[90:, 190:]),
    }


@pytest.fixture(scope="session")
def photos() -> dict[str, np.ndarray]:
    """Photos of several people by file name; skips the test without the folder."""
    files = sorted([*PHOTOS.glob("*.jpg"), *PHOTOS.glob("*.png")])
    if not files:
        pytest.skip("there is no folder of photos beside the repository")
    pictures = {}
    for file in files:
        with Image.open(file) as image:
            pictures[file.name] = np.array(image.convert("RGB"))
    return pictures


def as_tensor(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 255


@pytest.fixture(scope="session", name="as_tensor")
def _as_tensor() -> Any:
    """uint8 (H, W, 3) -> float32 (1, 3, H, W) in [0, 1]."""
    return as_tensor
