"""The shipped parser on a photo, compared with dlib's landmarks; its training had no photo."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from f2p_sdk import Framing
from f2p_sdk.alignment import Aligned, align, pick_face
from f2p_sdk.faceparts import CLASSES, MIRRORED
from f2p_sdk.hookspecs import Parser
from f2p_sdk.parsing import SHIPPED
from f2p_sdk.plugins import detector, parser, parsers
from f2p_sdk.weights import load_card


@pytest.fixture(scope="module")
def aligned(astronaut: np.ndarray) -> Aligned:
    face = pick_face(detector().detect(astronaut)).face
    points = ((0.67, 0.5), (0.57, 0.51), (0.33, 0.5), (0.43, 0.51), (0.5, 0.685))
    return align(astronaut, face.landmarks, Framing(256, points))


def _labels(network: Parser, picture: np.ndarray) -> np.ndarray:
    """Classes (256, 256) of a picture uint8 (256, 256, 3)."""
    there = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None] / 255
    with torch.no_grad():
        large = torch.nn.functional.interpolate(network.sharp(there), (256, 256), mode="bilinear")
    return np.asarray(large[0].argmax(dim=0))


def _middle(labels: np.ndarray, name: str) -> np.ndarray:
    where = np.argwhere(labels == CLASSES.index(name))
    assert len(where) > 20, f"no {name} was found"
    return np.asarray(np.median(where, axis=0)[::-1])


def test_the_shipped_parser_is_the_first_offer() -> None:
    assert parsers()[0].name == "compact"
    assert parsers()[0].classes == CLASSES
    assert isinstance(parser(), Parser)
    assert parser().classes == CLASSES


def test_the_shipped_weights_are_small_and_good_on_held_out_pictures() -> None:
    card = load_card(SHIPPED)
    assert card["figures"]["mean_iou"] >= 0.84
    assert SHIPPED.stat().st_size < 16 * 2**20


def test_eyes_nose_and_mouth_agree_with_dlibs_landmarks(aligned: Aligned) -> None:
    labels = _labels(parser(), aligned.picture)
    points = aligned.landmarks  # right of the picture: outer, inner; left: outer, inner; nose
    unit = float(np.hypot(*(points[:2].mean(axis=0) - points[2:4].mean(axis=0))))
    for name, two in (("left_eye", points[:2]), ("right_eye", points[2:4])):
        apart = np.hypot(*(_middle(labels, name) - two.mean(axis=0)))
        assert apart < 0.12 * unit, name
    for side in ("left", "right"):
        brow, eye = _middle(labels, f"{side}_brow"), _middle(labels, f"{side}_eye")
        assert 0.1 * unit < eye[1] - brow[1] < 0.6 * unit
    nose = _middle(labels, "nose")
    assert abs(nose[0] - points[4][0]) < 0.15 * unit
    assert 0 < points[4][1] - nose[1] < 0.7 * unit
    upper, lower = _middle(labels, "upper_lip"), _middle(labels, "lower_lip")
    assert points[4][1] < upper[1] < lower[1]
    skin = labels == CLASSES.index("face_skin")
    assert 0.1 < skin.mean() < 0.5
    assert _middle(labels, "hair")[1] < points[:4, 1].mean()


def test_a_mirrored_photo_has_mirrored_labels(aligned: Aligned) -> None:
    straight = _labels(parser(), aligned.picture)
    mirrored = _labels(parser(), aligned.picture[:, ::-1])[:, ::-1]
    back = np.array(MIRRORED)[mirrored]
    for name, least in (("left_eye", 0.6), ("right_eye", 0.6), ("nose", 0.6), ("face_skin", 0.8)):
        a, b = straight == CLASSES.index(name), back == CLASSES.index(name)
        assert (a & b).sum() / (a | b).sum() > least, name
