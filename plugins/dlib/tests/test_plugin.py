"""The offers, found by entry point, and the reasons when something is missing."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest
from f2p_dlib import files, plugin
from f2p_dlib.files import LANDMARKS, RECOGNIZER, model_path, read_model

import f2p_sdk
from f2p_sdk import WeightsError
from f2p_sdk.plugins import likeness_recognizer


def test_the_offers_are_found_by_entry_point() -> None:
    assert f2p_sdk.recognizer("dlib").name == "dlib"
    assert f2p_sdk.detector("dlib").name == "dlib"
    measuring = likeness_recognizer()
    assert measuring is not None
    assert (measuring.name, measuring.metric) == ("dlib", "euclidean")


def test_the_offers_can_be_used() -> None:
    (recognizer,), (detector,) = plugin.f2p_recognizers(), plugin.f2p_detectors()
    assert recognizer.dimension == recognizer.load().dimension == 128
    assert recognizer.available() is None
    assert detector.available() is None


def test_offers_import_no_heavy_package() -> None:
    code = (
        "import sys\n"
        "from f2p_dlib import plugin\n"
        "specs = plugin.f2p_recognizers() + plugin.f2p_detectors()\n"
        "assert [spec.available() for spec in specs] == [None, None]\n"
        "heavy = {'torch', 'dlib', 'face_recognition_models', 'pkg_resources'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)


def _without(*missing: str) -> Callable[..., ModuleSpec | None]:
    find = importlib.util.find_spec
    return lambda name, *rest: None if name in missing else find(name, *rest)


def test_missing_models_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", _without("face_recognition_models"))
    for spec in (*plugin.f2p_recognizers(), *plugin.f2p_detectors()):
        why = spec.available()
        assert why is not None
        assert "not installed" in why
        assert "pip install --no-deps face-recognition-models" in why
    with pytest.raises(WeightsError, match="not installed"):
        plugin.f2p_recognizers()[0].load()


def test_missing_dlib_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", _without("dlib"))
    assert plugin.f2p_recognizers()[0].available() is None  # the network needs torch alone
    assert "pip install dlib-bin" in (plugin.f2p_detectors()[0].available() or "")


def test_an_unreadable_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spec: Any = ModuleSpec("face_recognition_models", None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: spec)
    with pytest.raises(WeightsError, match="is not among the files of"):
        model_path(RECOGNIZER)
    monkeypatch.setattr(files, "model_path", lambda name: tmp_path)
    with pytest.raises(WeightsError, match="cannot be read"):
        read_model(LANDMARKS)


def test_the_68_point_model_is_not_used() -> None:
    package = Path(plugin.__file__).parent
    assert not [p for p in package.glob("*.py") if "68_face" in p.read_text(encoding="utf-8")]
