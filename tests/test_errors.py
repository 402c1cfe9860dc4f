"""Exception classes: messages, exit codes, pickling and suggestions."""

from __future__ import annotations

import copy
import pickle

import pytest

from f2p_sdk import errors
from f2p_sdk.errors import F2PError, UnknownNameError, did_you_mean

CLASSES = [
    value
    for name in errors.__all__
    if isinstance(value := getattr(errors, name), type) and issubclass(value, F2PError)
]


def example(cls: type[F2PError]) -> F2PError:
    if cls is UnknownNameError:
        return UnknownNameError("game", "justise", ["justice", "revelation"])
    return cls("the thing must be 3, got 4", remedy="make it 3")


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_message_exit_code_and_pickling(cls: type[F2PError]) -> None:
    error = example(cls)
    assert str(error) == f"{error.message}\n  next: {error.remedy}"
    assert error.exit_code == (2 if cls is errors.UsageError else 1)
    for copied in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(copied) is cls
        assert (copied.message, copied.remedy, str(copied)) == (
            error.message,
            error.remedy,
            str(error),
        )


def test_text_without_a_remedy() -> None:
    assert str(F2PError("a.png: is empty")) == "a.png: is empty"


def test_base_classes() -> None:
    assert issubclass(errors.NoFaceError, errors.FaceError)
    assert issubclass(errors.UnknownNameError, errors.PluginError)
    for name in ("ProtocolError", "EngineLostError", "EngineTimeoutError", "EngineError"):
        assert issubclass(getattr(errors, name), errors.BridgeError)


def test_unknown_name_suggests_or_lists() -> None:
    error = UnknownNameError("game", "justise", ["justice", "revelation"])
    assert str(error) == "there is no game named 'justise'\n  next: did you mean 'justice'?"
    assert (error.name, error.known) == ("justise", ("justice", "revelation"))
    assert UnknownNameError("game", "x", ["b", "a"]).remedy == "use one of: a, b"
    assert UnknownNameError("game", "x").remedy == ""
    assert UnknownNameError("game", "x", ["xy"], remedy="buy it").remedy == "buy it"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("eye.widht", "did you mean 'eye.width' or 'eye.height'?"),
        ("EYE.WIDTH", "did you mean 'eye.width'?"),
        ("nose.bright", "did you mean 'nose.bridge'?"),
        ("zzz", ""),
        ("", ""),
    ],
)
def test_near_matches(name: str, expected: str) -> None:
    assert did_you_mean(name, ["eye.width", "eye.height", "nose.bridge"]) == expected


def test_suggestions_are_limited() -> None:
    names = [f"nose{i}" for i in range(9)]
    assert did_you_mean("nose", names).count("nose") == 3
    assert did_you_mean("nose", names, limit=1).count("nose") == 1
    assert did_you_mean("a", []) == ""
