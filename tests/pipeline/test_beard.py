"""Comparison of beards: the darkness of the lower face, not its shadows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor

from f2p_sdk.pipeline.beard import PhotoBeard
from f2p_sdk.pipeline.colours import CellColours
from f2p_sdk.pipeline.hair import PhotoHair
from f2p_sdk.pipeline.method import Context, State
from f2p_sdk.pipeline.stages import HairSearch
from f2p_sdk.pipeline.targets import Targets
from f2p_sdk.search import Space

EYES = np.array([(0.68, 0.5), (0.56, 0.5), (0.32, 0.5), (0.44, 0.5), (0.5, 0.68)])
Y, X = np.mgrid[0:128, 0:128] / 128.0
FACE = np.hypot((X - 0.5) / 0.23, (Y - 0.58) / 0.33) < 1
HAIR = (np.hypot((X - 0.5) / 0.3, (Y - 0.45) / 0.4) < 1) & (Y < 0.4) & ~FACE
CHIN = FACE & (Y > 0.78)
BEARDS = {"shaven": np.zeros_like(FACE), "goatee": CHIN & (np.abs(X - 0.5) < 0.08), "full": CHIN}
MOUTH = (np.abs(X - 0.5) < 0.06) & (np.abs(Y - 0.74) < 0.03)


def _picture(beard: Any, skin: tuple[int, int, int] = (210, 160, 140)) -> Any:
    picture = np.full((128, 128, 3), 120, np.uint8)
    picture[HAIR] = (60, 35, 20)
    picture[FACE] = skin
    picture[beard] = np.array(skin) // 4
    return picture


def _classes() -> dict[str, Tensor]:
    planes = {"hair": HAIR, "face_skin": FACE & ~MOUTH, "inner_mouth": MOUTH}
    planes["background"] = ~HAIR & ~FACE
    return {name: torch.from_numpy(plane).float() for name, plane in planes.items()}


def _nearest(photo: Any) -> str:
    costs = PhotoBeard.of(photo, _classes(), EYES).costs([_picture(b) for b in BEARDS.values()])
    assert costs.shape == (3,)
    return list(BEARDS)[int(costs.argmin())]


@pytest.mark.parametrize("worn", list(BEARDS))
@pytest.mark.parametrize("skin", [(210, 160, 140), (110, 75, 60)])
def test_the_same_beard_costs_least(worn: str, skin: tuple[int, int, int]) -> None:
    assert _nearest(_picture(BEARDS[worn], skin)) == worn


def test_a_shadow_on_one_side_is_no_beard() -> None:
    photo = _picture(BEARDS["shaven"])
    photo[FACE & (X > 0.5)] //= 2
    assert _nearest(photo) == "shaven"


def test_an_open_mouth_is_no_beard() -> None:
    photo = _picture(BEARDS["shaven"])
    photo[MOUTH] = 20
    costs = PhotoBeard.of(photo, _classes(), EYES).costs([_picture(BEARDS["shaven"])])
    assert costs[0] < 0.02


def test_a_framing_without_a_lower_face_compares_nothing() -> None:
    beard = PhotoBeard.of(_picture(CHIN), _classes(), np.add(EYES, (0.0, 2.0)))
    assert beard.costs([_picture(CHIN), _picture(HAIR)]).tolist() == [0.0, 0.0]


def test_the_stage_settles_beards() -> None:
    """All beards have the same hair, so their lower faces decide."""
    vector = torch.tensor([0.5, 1.0, 0.0, 0.0])
    group = slice(1, 4)

    def labelled(vectors: Tensor, size: int) -> tuple[list[Any], list[Any]]:
        worn = [list(BEARDS.values())[int(one[group].argmax())] for one in vectors]
        return [_picture(beard) for beard in worn], [10 * HAIR.astype(np.uint8)] * len(worn)

    parts: dict[str, Any] = {
        "engine": SimpleNamespace(labelled=labelled),
        "reader": SimpleNamespace(parser=SimpleNamespace(classes=("hair",))),
        "hair": (group,),
    }
    colours = CellColours(torch.zeros(3, 2, 2), torch.ones(2, 2))
    photo = PhotoHair.of(_picture(BEARDS["full"]), _classes(), EYES)
    targets = Targets(torch.zeros(1, 2), colours, hair=photo)
    nothing = cast(Any, None)
    space = Space.around(vector, 1, [group])
    context = Context(space, targets, {}, nothing, nothing, nothing, nothing, **parts)
    state = State(vector, vector, {"start": vector})
    found = HairSearch(name="hair").run(context, state)
    assert list(BEARDS)[int(found.vector[group].argmax())] == "full"
    assert found.settled == (group,)
    unclear = HairSearch(name="hair", beard_gain=1.0).run(context, state)
    assert (unclear.settled, unclear.vector.tolist()) == ((), vector.tolist())
