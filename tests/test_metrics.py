"""Metrics against values computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from f2p_sdk.metrics import confusion_matrix, iou, psnr


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
