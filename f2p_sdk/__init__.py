"""f2p-sdk: a photo of a face becomes the values of a game's own character sliders.

Everything an adapter, a plugin or a script needs is exported here by name. The names are resolved
when they are first used (PEP 562), so that ``import f2p_sdk`` loads neither torch nor any plugin.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

# name -> (module, attribute)
_EXPORTS: dict[str, tuple[str, str]] = {
    # floor 1
    "Continuous": ("parameters", "Continuous"),
    "Discrete": ("parameters", "Discrete"),
    "Layout": ("parameters", "Layout"),
    "Character": ("parameters", "Character"),
    "load_image": ("images", "load"),
    "save_image": ("images", "save"),
    "decode_image": ("images", "decode"),
    "encode_png": ("images", "encode_png"),
    "resize_image": ("images", "resize"),
    "side_by_side": ("images", "side_by_side"),
    # floor 2
    "Face": ("alignment", "Face"),
    "align": ("alignment", "align"),
    "similarity": ("alignment", "similarity"),
    "pick_face": ("alignment", "pick_face"),
    "load_imitator": ("weights", "load_imitator"),
    "load_card": ("weights", "load_card"),
    "save_weights": ("weights", "save_weights"),
    "Host": ("bridge", "Host"),
    "EngineHandler": ("bridge", "EngineHandler"),
    "EngineInfo": ("bridge", "EngineInfo"),
    "serve_engine": ("bridge", "serve_engine"),
    "open_engine": ("bridge", "open_engine"),
    # floor 4
    # not `capture`: importing the module f2p_sdk.capture would shadow it
    "capture_dataset": ("capture", "capture"),
    "read_records": ("capture", "read_records"),
    # floor 5
    "hookimpl": ("hookspecs", "hookimpl"),
    "Game": ("hookspecs", "Game"),
    "Kind": ("hookspecs", "Kind"),
    "Framing": ("hookspecs", "Framing"),
    "Recognizer": ("hookspecs", "Recognizer"),
    "RecognizerSpec": ("hookspecs", "RecognizerSpec"),
    "Detector": ("hookspecs", "Detector"),
    "DetectorSpec": ("hookspecs", "DetectorSpec"),
    # floor 6: `game("justice/female")`, `games()`
    "game": ("plugins", "game"),
    "games": ("plugins", "games"),
    "recognizer": ("plugins", "recognizer"),
    "detector": ("plugins", "detector"),
    # floor 7
    "fit": ("pipeline", "fit"),
    "FitResult": ("pipeline", "FitResult"),
    "render": ("pipeline", "render"),
    # floor 0: every error
    **{
        name: ("errors", name)
        for name in (
            "F2PError",
            "UsageError",
            "LayoutError",
            "CharacterError",
            "ImageError",
            "FaceError",
            "NoFaceError",
            "WeightsError",
            "PluginError",
            "UnknownNameError",
            "BridgeError",
            "ProtocolError",
            "EngineLostError",
            "EngineTimeoutError",
            "EngineError",
            "DatasetError",
            "TrainingError",
            "SearchError",
        )
    },
}

__all__ = ["__version__", *sorted(_EXPORTS)]


def __getattr__(name: str) -> Any:
    try:
        module, attribute = _EXPORTS[name]
    except KeyError:
        raise AttributeError(f"module 'f2p_sdk' has no attribute {name!r}") from None
    value = getattr(importlib.import_module(f"f2p_sdk.{module}"), attribute)
    globals()[name] = value  # the next use does not come here again
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_EXPORTS})
