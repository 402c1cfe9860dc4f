"""What the core itself offers, through the same hooks as any plugin.

The plugin manager registers this module before every installed plugin, under the name ``core``.
``tryfirst`` puts the core's offers before those of plugins: where its own recognizer can be used it
is the default, and until then a plugin's is. Nothing here imports torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .hookspecs import Parser, ParserSpec, RecognizerSpec, hookimpl
from .parsing import CLASSES, missing
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
            available=_why_no_light_cnn,
        )
    ]


def _load_light_cnn() -> LightCNNRecognizer:
    from .recognizers.light_cnn import LightCNNRecognizer

    return LightCNNRecognizer()


def _why_no_light_cnn() -> str | None:
    path = imported_weights("light-cnn")
    if path.is_file():
        return None
    return (
        f"its weights are not there ({path}): download LightCNN_29Layers_V2_checkpoint.pth.tar, "
        "linked in the README of https://github.com/AlfredXiangWu/LightCNN, and run "
        "`f2p weights import light-cnn FILE`; until then the next recognizer serves, "
        "dlib's where f2p-dlib is installed"
    )


@hookimpl(tryfirst=True)
def f2p_parsers() -> list[ParserSpec]:
    return [
        ParserSpec(
            name="compact",
            title="Compact face parser, trained on pictures of the open engine",
            classes=CLASSES,
            load=_compact_parser,
            licence="Apache-2.0; trained only on pictures drawn of CC0 data",
            available=missing,
        )
    ]


def _compact_parser() -> Parser:
    from .parsing import SHIPPED, load_parser

    return load_parser(SHIPPED)
