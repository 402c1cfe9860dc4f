"""f2p-sdk: a photo of a face becomes the values of a game's own character sliders.

This package exports every name that an adapter, a plugin or a script needs. Names are resolved at
their first use (PEP 562): ``import f2p_sdk`` loads neither torch nor any plugin.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

from . import errors

# By default, MKL distributes sums over threads differently in every run, and two fits of one photo
# give different results. MKL reads this variable before its first matrix product.
os.environ.setdefault("MKL_CBWR", "AUTO")
# By default, threads of OpenMP spin while they wait for each other: beside other work, a fit then
# takes ten times longer. OpenMP reads these variables when torch loads it.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

__version__ = "0.1.0"

# module -> exported names, by layer
_NAMES = {
    "parameters": ("Continuous", "Discrete", "Layout", "Character"),
    "images": ("Photo", "encode_png", "photos_in", "side_by_side"),
    "findings": ("Finding",),
    "alignment": ("Face", "align", "similarity", "pick_face"),
    "weights": ("load_imitator", "load_card", "save_weights"),
    "bridge": (
        *("Host", "EngineClient", "EngineHandler", "EngineInfo"),
        *("serve_engine", "open_engine"),
    ),
    "capture": ("read_records",),
    "kinds": ("Game", "Kind", "Framing", "FormatSpec"),
    "hookspecs": (
        *("hookimpl", "CheckSpec", "Recognizer", "RecognizerSpec"),
        *("Parser", "ParserSpec", "Detector", "DetectorSpec"),
        *("Landmarker", "LandmarkerSpec"),
    ),
    "landmarks": ("DenseLandmarks", "ExpressionBasis"),
    "plugins.character_files": ("load_character", "save_character"),
    "plugins": ("game", "games", "recognizer", "parser", "detector"),
    "pipeline": ("fit", "FitResult", "Fitter", "render"),
    "pipeline.conversion": ("convert",),
    "conformance": ("check",),
    "errors": tuple(errors.__all__),
}
# name -> (module, attribute); an import of the module f2p_sdk.capture would shadow `capture`
_EXPORTS = {
    "load_image": ("images", "load"),
    "read_photo": ("images", "read"),
    "save_image": ("images", "save"),
    "decode_image": ("images", "decode"),
    "resize_image": ("images", "resize"),
    "capture_dataset": ("capture", "capture"),
    **{name: (module, name) for module, names in _NAMES.items() for name in names},
}

__all__ = ["__version__", *sorted(_EXPORTS)]


# The same names for type checkers and editors; a test compares the two lists.
if TYPE_CHECKING:
    from .alignment import Face as Face
    from .alignment import align as align
    from .alignment import pick_face as pick_face
    from .alignment import similarity as similarity
    from .bridge import EngineClient as EngineClient
    from .bridge import EngineHandler as EngineHandler
    from .bridge import EngineInfo as EngineInfo
    from .bridge import Host as Host
    from .bridge import open_engine as open_engine
    from .bridge import serve_engine as serve_engine
    from .capture import capture as capture_dataset
    from .capture import read_records as read_records
    from .conformance import check as check
    from .errors import *
    from .findings import Finding as Finding
    from .hookspecs import CheckSpec as CheckSpec
    from .hookspecs import Detector as Detector
    from .hookspecs import DetectorSpec as DetectorSpec
    from .hookspecs import Landmarker as Landmarker
    from .hookspecs import LandmarkerSpec as LandmarkerSpec
    from .hookspecs import Parser as Parser
    from .hookspecs import ParserSpec as ParserSpec
    from .hookspecs import Recognizer as Recognizer
    from .hookspecs import RecognizerSpec as RecognizerSpec
    from .hookspecs import hookimpl as hookimpl
    from .images import Photo as Photo
    from .images import decode as decode_image
    from .images import encode_png as encode_png
    from .images import load as load_image
    from .images import photos_in as photos_in
    from .images import read as read_photo
    from .images import resize as resize_image
    from .images import save as save_image
    from .images import side_by_side as side_by_side
    from .kinds import FormatSpec as FormatSpec
    from .kinds import Framing as Framing
    from .kinds import Game as Game
    from .kinds import Kind as Kind
    from .landmarks import DenseLandmarks as DenseLandmarks
    from .landmarks import ExpressionBasis as ExpressionBasis
    from .parameters import Character as Character
    from .parameters import Continuous as Continuous
    from .parameters import Discrete as Discrete
    from .parameters import Layout as Layout
    from .pipeline import FitResult as FitResult
    from .pipeline import Fitter as Fitter
    from .pipeline import fit as fit
    from .pipeline import render as render
    from .pipeline.conversion import convert as convert
    from .plugins import detector as detector
    from .plugins import game as game
    from .plugins import games as games
    from .plugins import parser as parser
    from .plugins import recognizer as recognizer
    from .plugins.character_files import load_character as load_character
    from .plugins.character_files import save_character as save_character
    from .weights import load_card as load_card
    from .weights import load_imitator as load_imitator
    from .weights import save_weights as save_weights

else:

    def __getattr__(name: str) -> Any:
        try:
            module, attribute = _EXPORTS[name]
        except KeyError:
            raise AttributeError(f"module 'f2p_sdk' has no attribute {name!r}") from None
        value = getattr(importlib.import_module(f"f2p_sdk.{module}"), attribute)
        globals()[name] = value  # later uses do not call this function
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_EXPORTS})
