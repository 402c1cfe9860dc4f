"""Offers to f2p-sdk (entry point group `f2p`); imports neither torch nor dlib."""

from __future__ import annotations

from typing import TYPE_CHECKING

from f2p_sdk import DetectorSpec, RecognizerSpec, hookimpl

from .files import LANDMARKS, RECOGNIZER, why_not

if TYPE_CHECKING:
    from .detector import DlibDetector
    from .recognizer import DlibRecognizer


def _load_recognizer() -> DlibRecognizer:
    from .recognizer import DlibRecognizer

    return DlibRecognizer()


def _load_detector() -> DlibDetector:
    from .detector import DlibDetector

    return DlibDetector()


@hookimpl
def f2p_recognizers() -> list[RecognizerSpec]:
    return [
        RecognizerSpec(
            name="dlib",
            title="dlib's face recognition ResNet, 150x150, in PyTorch",
            dimension=128,
            load=_load_recognizer,
            licence="public domain (dlib-models); free for commercial use",
            available=lambda: why_not(RECOGNIZER),
            measures_likeness=True,
        )
    ]


@hookimpl
def f2p_detectors() -> list[DetectorSpec]:
    return [
        DetectorSpec(
            name="dlib",
            title="dlib's frontal face detector with five landmarks",
            load=_load_detector,
            licence="detector Boost Software License, landmark model public domain (dlib-models)",
            available=lambda: why_not(LANDMARKS, dlib=True),
        )
    ]
