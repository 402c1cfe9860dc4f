"""Metrics against values computed by hand and against published values."""

from __future__ import annotations

import numpy as np
import pytest

from f2p_sdk.metrics import ciede2000, confusion_matrix, iou, psnr, srgb_to_lab


def test_iou_of_classes_in_either_map() -> None:
    found, truth = np.array([[0, 0], [1, 1]]), np.array([[0, 1], [1, 1]])
    scores = iou(confusion_matrix(found, truth, 3))
    assert scores[:2].tolist() == [1 / 2, 2 / 3]
    assert np.isnan(scores[2])


def test_confusion_matrix_has_a_row_per_true_class() -> None:
    assert confusion_matrix(np.array([1, 1, 0]), np.array([0, 1, 0]), 2).tolist() == [
        [1, 1],
        [0, 1],
    ]


def test_psnr_depends_on_the_peak_and_has_a_limit() -> None:
    assert psnr(0.01) == pytest.approx(20)
    assert psnr(0.01 * 255**2, peak=255) == pytest.approx(20)
    assert psnr(0.0) == psnr(1e-12) == 99
    assert psnr(1e-12, limit=100) == 100


# Sharma, Wu, Dalal 2005, table 1: pairs 1, 4, 7, 9, 11, 13, 15, 16, 17, 20, 25, 28, 31 and 34.
SHARMA = (
    (50, 2.6772, -79.7751, 50, 0, -82.7485, 2.0425),
    (50, -1.3802, -84.2814, 50, 0, -82.7485, 1.0000),
    (50, 0, 0, 50, -1, 2, 2.3669),
    (50, 2.49, -0.001, 50, -2.49, 0.0009, 7.1792),
    (50, 2.49, -0.001, 50, -2.49, 0.0011, 7.2195),
    (50, -0.001, 2.49, 50, 0.0009, -2.49, 4.8045),
    (50, -0.001, 2.49, 50, 0.0011, -2.49, 4.7461),
    (50, 2.5, 0, 50, 0, -2.5, 4.3065),
    (50, 2.5, 0, 73, 25, -18, 27.1492),
    (50, 2.5, 0, 58, 24, 15, 19.4535),
    (60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644),
    (22.7233, 20.0904, -46.694, 23.0331, 14.973, -42.5619, 2.0373),
    (90.8027, -2.0831, 1.441, 91.1528, -1.6435, 0.0447, 1.4441),
    (2.0776, 0.0795, -1.135, 0.9033, -0.0636, -0.5514, 0.9082),
)


def test_ciede2000_equals_the_published_pairs_in_both_orders() -> None:
    table = np.array(SHARMA)
    first, second, expected = table[:, :3], table[:, 3:6], table[:, 6]
    assert ciede2000(first, second) == pytest.approx(expected, abs=5e-5)
    assert ciede2000(second, first) == pytest.approx(expected, abs=5e-5)
    assert (ciede2000(first, first) == 0).all()


def test_srgb_to_lab_of_white_black_and_red() -> None:
    found = srgb_to_lab(np.array([[255, 255, 255], [0, 0, 0], [255, 0, 0]], np.uint8))
    expected = np.array([[100, 0, 0], [0, 0, 0], [53.24, 80.09, 67.2]])
    assert found == pytest.approx(expected, abs=0.05)
