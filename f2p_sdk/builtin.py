"""Recognizer and parser of the core, offered through the same hooks as those of plugins.

The plugin manager registers this module before every installed plugin, under the name ``core``.
``tryfirst`` puts the core's offers before those of plugins: its recognizer is the default as soon
as it is usable. Nothing here imports torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .faceparts import CLASSES
from .hookspecs import Parser, ParserSpec, RecognizerSpec, hookimpl
from .parsing import SHIPPED, shipped_missing
from .weights import imported_weights

if TYPE_CHECKING:
    from .recognizers.light_cnn import LightCNNRecognizer

__all__ = ["f2p_parsers", "f2p_recognizers"]


@hookimpl(tryfirst=True)
def f2p_recognizers() -> list[RecognizerSpec]:
    return [
        RecognizerSpec(
            name="light-cnn",
            title="Light CNN-29 v2, 128x128 grey",
            dimension=256,
            load=_load_light_cnn,
            licence="upstream's weights are trained on research data: they may be for research "
            "only, ask their authors before commercial use",
            available=_light_cnn_missing,
        )
    ]


def _load_light_cnn() -> LightCNNRecognizer:
    from .recognizers.light_cnn import LightCNNRecognizer

    return LightCNNRecognizer()


def _light_cnn_missing() -> str | None:
    path = imported_weights("light-cnn")
    if path.is_file():
        return None
    return (
        f"its weights are missing ({path}): download LightCNN_29Layers_V2_checkpoint.pth.tar, "
        "linked in the README of https://github.com/AlfredXiangWu/LightCNN, and run "
        "`f2p weights import light-cnn FILE`; without them the next recognizer is the default, "
        "dlib's if f2p-dlib is installed"
    )


@hookimpl(tryfirst=True)
def f2p_parsers() -> list[ParserSpec]:
    return [
        ParserSpec(
            name="compact",
            title="Compact face parser, trained on pictures of the open engine",
            classes=CLASSES,
            load=_load_compact,
            licence="Apache-2.0; trained only on pictures of CC0 data",
            available=shipped_missing,
        )
    ]


def _load_compact() -> Parser:
    from .parsing.store import load_parser

    return load_parser(SHIPPED)
