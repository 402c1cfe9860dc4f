"""The tree of errors: what each says, and that it survives the ways errors travel."""

from __future__ import annotations

import copy
import pickle

import pytest

from f2p_sdk import errors
from f2p_sdk.errors import F2PError, UnknownNameError, did_you_mean

TREE = [
    value
    for name in errors.__all__
    if isinstance(value := getattr(errors, name), type) and issubclass(value, F2PError)
]


def made(cls: type[F2PError]) -> F2PError:
    if cls is UnknownNameError:
        return UnknownNameError("game", "justise", ["justice", "revelation"])
    return cls("the thing must be 3, got 4", remedy="make it 3")


@pytest.mark.parametrize("cls", TREE, ids=lambda cls: cls.__name__)
def test_every_error(cls: type[F2PError]) -> None:
    error = made(cls)
    assert str(error) == f"{error.message}\n  next: {error.remedy}"
    assert error.exit_code == (2 if cls is errors.UsageError else 1)
    assert cls.__doc__
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is cls
        assert (again.message, again.remedy, str(again)) == (
            error.message,
            error.remedy,
            str(error),
        )


def test_without_a_remedy() -> None:
    assert str(F2PError("it is so")) == "it is so"


def test_the_tree() -> None:
    assert issubclass(errors.NoFaceError, errors.FaceError)
    assert issubclass(errors.UnknownNameError, errors.PluginError)
    for name in ("ProtocolError", "EngineLostError", "EngineTimeoutError", "EngineError"):
        assert issubclass(getattr(errors, name), errors.BridgeError)


def test_unknown_name() -> None:
    error = UnknownNameError("game", "justise", ["justice", "revelation"])
    assert str(error) == "there is no game named 'justise'\n  next: did you mean 'justice'?"
    assert (error.name, error.known) == ("justise", ("justice", "revelation"))
    assert UnknownNameError("game", "x", ["b", "a"]).remedy == "use one of: a, b"
    assert UnknownNameError("game", "x").remedy == ""
    assert UnknownNameError("game", "x", ["xy"], remedy="buy it").remedy == "buy it"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("eye.widht", "did you mean 'eye.width'?"),
        ("EYE.WIDTH", "did you mean 'eye.width'?"),
        ("eye.heigth", "did you mean 'eye.height'?"),
        ("zzz", ""),
        ("", ""),
    ],
)
def test_near_matches(name: str, expected: str) -> None:
    assert did_you_mean(name, ["eye.width", "eye.height", "nose.bridge"]) == expected


def test_near_matches_that_are_equally_near() -> None:
    assert did_you_mean("nose3", ["nose1", "nose2", "mouth"]) == "did you mean 'nose1' or 'nose2'?"
    assert did_you_mean("a", []) == ""
