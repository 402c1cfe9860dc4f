"""The shipped landmark models on pictures of the stand-in engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from f2p_justice.plugin import f2p_games

from f2p_sdk import Host, Kind, load_card, open_engine
from f2p_sdk.landmarks import LandmarkModel, load_landmarks
from f2p_sdk.pipeline.expression import NeutralFace, neutral_face
from f2p_sdk.plugins import landmarker

pytestmark = pytest.mark.slow

KINDS = {kind.kind: kind for kind in f2p_games()[0].kinds}
SIDE = 256


@pytest.fixture(scope="module", params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture(scope="module")
def host(kind: Kind) -> Iterator[Host]:
    with open_engine(kind) as opened:
        opened.wait()
        yield opened


@pytest.fixture(scope="module")
def model(kind: Kind) -> LandmarkModel:
    assert kind.landmarks_path is not None
    return load_landmarks(kind.landmarks_path, kind.layout, "facemesh")


def _found(host: Host, kind: Kind, values: Any, scene: Mapping[str, Any]) -> Any:
    drawn = host.render(dict(values), kind=kind.kind, size=SIDE, scene=scene)
    mesh = landmarker()
    assert mesh is not None
    found = mesh.find(drawn.color, kind.framing.pixels(SIDE))
    assert found is not None
    return found


def _face(host: Host, kind: Kind, model: LandmarkModel, scene: Mapping[str, Any]) -> NeutralFace:
    mesh = landmarker()
    assert mesh is not None
    found = _found(host, kind, kind.layout.default().values, scene)
    return neutral_face(found, model, mesh)


def test_the_model_predicts_people(host: Host, kind: Kind, model: LandmarkModel) -> None:
    layout = kind.layout
    errors, still = [], []
    for i in range(4):
        person = layout.person(i, seed=31)
        seen = _found(host, kind, person.values, {}).fractions(SIDE)
        predicted = model(torch.from_numpy(layout.encode(person))[None]).points[0].numpy()
        errors.append(np.linalg.norm((predicted - seen)[:, :2], axis=1).mean())
        still.append(np.linalg.norm((model.mean.numpy() - seen)[:, :2], axis=1).mean())
    assert np.mean(errors) < 0.6 * np.mean(still)
    assert load_card(str(kind.landmarks_path))["figures"]["r2"] > 0.75


@pytest.mark.parametrize("turn", [{"yaw": 25.0}, {"yaw": -15.0, "pitch": 10.0}])
def test_the_turn_of_the_head_is_measured(
    host: Host, kind: Kind, model: LandmarkModel, turn: Mapping[str, float]
) -> None:
    front = _face(host, kind, model, {})
    scene = _face(host, kind, model, turn).scene(front.points)
    for name in ("yaw", "pitch"):
        assert scene[name] == pytest.approx(turn.get(name, 0.0), abs=6)


def test_a_smile_is_seen_and_removed(host: Host, kind: Kind, model: LandmarkModel) -> None:
    front = _face(host, kind, model, {})
    face = _face(host, kind, model, {"expression": {"smile": 0.8}})
    assert front.mouth < 0.2
    assert face.mouth > 0.4
    assert face.actions["smile"] > 0.3
    lips = list(landmarker().regions["lips"])  # type: ignore[union-attr]
    raw = _found(host, kind, kind.layout.default().values, {"expression": {"smile": 0.8}})
    calm = _found(host, kind, kind.layout.default().values, {})
    unit = np.linalg.norm(calm.points[33, :2] - calm.points[263, :2])
    before = np.linalg.norm((raw.points - calm.points)[lips, :2], axis=1).mean() / unit
    after = (face.points - front.points)[lips, :2].norm(dim=1).mean()
    assert float(after) < 0.8 * before
