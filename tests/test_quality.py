"""Quality of fits in the stand-in engine. Limits leave room for noise, not for a worse search."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from f2p_sdk import game, open_engine
from f2p_sdk.bridge import Host
from f2p_sdk.pipeline import METHODS, Fitter
from f2p_sdk.pipeline.method import Context, State
from f2p_sdk.pipeline.stages import ExactSolve
from f2p_sdk.search import Exact

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PHOTO = Path(__file__).parents[1] / "examples" / "photos" / "astronaut.png"
KIND = game("justice/female")


class CoarseSolve(ExactSolve):
    """One coarse round on pictures of 128 pixels: seconds per character instead of minutes."""

    def run(self, context: Context, state: State) -> State:
        return super().run(replace(context, size=128), state)


COARSE = CoarseSolve(name="solve", solver=Exact(grids=Exact().grids[:1], refreshed=0))


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with open_engine(KIND) as host:
        yield host


@pytest.fixture(scope="module")
def fitter(host: Host) -> Fitter:
    torch.set_num_threads(1)
    return Fitter(KIND, host, recognizer="dlib", detector="dlib")


def test_fit_of_the_example_photo(fitter: Fitter) -> None:
    result = fitter.fit(PHOTO, method="best")
    report = result.report
    distances = report["identity_distance"]
    assert set(distances) == {"average_character", "imitator", "engine"}
    assert distances["engine"] < 0.30  # measured: 0.22 to 0.25; average character: 0.67
    assert distances["imitator"] < 0.30  # measured: 0.21
    assert set(report) == {
        *("game", "layout_hash", "method", "own_picture", "seed", "face", "kept", "scene", "blur"),
        *("held", "verdict"),
        *("identity_distance", "chosen", "verified", "losses", "weights_of_terms", "seconds"),
        *("engine_pictures", "versions", "imitator", "photo_scene", "photo_weights", "shown"),
    }
    stages = {stage.name for stage in METHODS["best"].stages}
    assert {"photo", "verify", "total"} | stages == set(report["seconds"])
    assert report["chosen"] in report["verified"]
    assert set(report["weights_of_terms"]) == set(METHODS["best"].weights)
    assert report["engine_pictures"] > 100
    assert report["held"] == []  # the shipped imitator knows all parameters
    assert report["verdict"]["word"] == "good"
    assert all(report["verdict"]["parts_in_place"].values())
    assert len(report["verdict"]["parts_in_place"]) == 6
    assert all(report["versions"].values())
    assert json.loads(json.dumps(report)) is not None
    assert KIND.layout.validate(result.character.values)


@pytest.mark.parametrize("index", [0, 2])
def test_exact_method_recovers_a_character(
    index: int, fitter: Fitter, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(METHODS, "exact", replace(METHODS["exact"], stages=(COARSE,)))  # type: ignore[arg-type]
    true = KIND.layout.random(index, seed=7_000_000)
    picture = host.render(true, size=512).color
    result = fitter.fit(picture, method="exact")
    assert result.report["own_picture"]
    assert result.picture is not None
    assert result.character.values["hairstyle"] == true.values["hairstyle"]
    error = np.mean((result.picture.astype(np.float64) - picture) ** 2) / 255**2
    assert -10 * np.log10(error) > 22  # dB; measured: 27.4, 29.4 and 24.9
