"""Hair of a photo, and its comparison with hairstyles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from f2p_sdk.metrics import lab_to_srgb
from f2p_sdk.objective import Parsed
from f2p_sdk.pipeline.candidates import other_hairstyles
from f2p_sdk.pipeline.colours import CellColours
from f2p_sdk.pipeline.hair import PhotoHair, hair_mask
from f2p_sdk.pipeline.method import Context, State
from f2p_sdk.pipeline.stages import HairSearch
from f2p_sdk.pipeline.targets import Targets
from f2p_sdk.search import Space, search_choices

EYES = np.array([(0.68, 0.5), (0.56, 0.5), (0.32, 0.5), (0.44, 0.5), (0.5, 0.68)])
Y, X = np.mgrid[0:128, 0:128] / 128.0
FACE = np.hypot((X - 0.5) / 0.23, (Y - 0.58) / 0.33) < 1
CAP = (np.hypot((X - 0.5) / 0.30, (Y - 0.45) / 0.40) < 1) & (Y < 0.45) & ~FACE
LONG = CAP | ((np.abs(X - 0.5) < 0.32) & (Y > 0.4) & ~FACE)
CURLY = CAP | ((np.hypot(X - 0.5, Y - 0.4) < 0.36) & (np.sin(90 * X) * np.sin(90 * Y) > 0) & ~FACE)
STYLES = {"shaved": np.zeros_like(FACE), "cap": CAP, "long": LONG, "curly": CURLY}
BROWN, BLOND = (60, 35, 20), (220, 190, 120)


def _picture(hair: Any, colour: tuple[int, int, int]) -> Any:
    picture = np.empty((128, 128, 3), np.uint8)
    picture[:] = (90, 110, 160)
    picture[hair] = colour
    picture[FACE] = (210, 160, 140)
    return picture


def _classes(hair: Any) -> dict[str, Tensor]:
    planes = {"hair": hair & ~FACE, "face_skin": FACE, "background": ~hair & ~FACE}
    return {name: torch.from_numpy(plane).float() for name, plane in planes.items()}


def test_hair_that_the_parser_misses_is_found_by_its_colour() -> None:
    found = hair_mask(_picture(LONG, BROWN), _classes(CAP), EYES)
    assert found.shape == (128, 128)
    assert found[80:120, 26:30].mean() > 0.8  # beside the neck
    assert found[FACE].max() < 0.5
    assert found[60:70, 2:10].max() < 0.2  # the wall


def test_short_hair_does_not_grow_into_the_wall() -> None:
    found = hair_mask(_picture(CAP, BROWN), _classes(CAP), EYES) > 0.5
    assert (found & CAP).sum() / (found | CAP).sum() > 0.9


def test_without_hair_the_parsers_mask_stays() -> None:
    nothing = np.zeros_like(CAP)
    assert hair_mask(_picture(nothing, BROWN), _classes(nothing), EYES).max() == 0


def _costs(worn: str, colour: tuple[int, int, int]) -> dict[str, float]:
    hair = PhotoHair.of(_picture(STYLES[worn], colour), _classes(STYLES[worn]), EYES)
    pictures = [_picture(mask, BROWN) for mask in STYLES.values()]
    costs = hair.costs(pictures, [mask.astype(float) for mask in STYLES.values()])
    return dict(zip(STYLES, costs.tolist(), strict=True))


@pytest.mark.parametrize("worn", ["cap", "long"])
def test_the_same_style_costs_least(worn: str) -> None:
    costs = _costs(worn, BROWN)
    assert min(costs, key=lambda name: costs[name]) == worn
    assert costs[worn] < 0.1
    assert costs["shaved"] == pytest.approx(1.15, abs=0.05)  # 0.15 for the colour


def test_a_larger_head_wears_the_same_style() -> None:
    large = np.array(
        Image.fromarray(_picture(LONG, BROWN)).resize((152, 152), Image.Resampling.NEAREST)
    )[12:140, 12:140]
    classes = {
        name: torch.from_numpy(
            np.array(Image.fromarray(plane.numpy()).resize((152, 152), Image.Resampling.NEAREST))
        )[12:140, 12:140]
        for name, plane in _classes(LONG).items()
    }
    hair = PhotoHair.of(large, classes, EYES)
    pictures = [_picture(mask, BROWN) for mask in STYLES.values()]
    costs = hair.costs(pictures, [mask.astype(float) for mask in STYLES.values()])
    assert costs.argmin() == list(STYLES).index("long")
    assert costs.min() < 0.25


def test_thin_hair_costs_a_little() -> None:
    thin = tuple(np.add(BROWN, (210, 160, 140)) // 2)
    hair = PhotoHair.of(_picture(CAP, BROWN), _classes(CAP), EYES)
    pictures = [_picture(CAP, BROWN), _picture(LONG, BROWN), _picture(CAP, thin)]
    costs = hair.costs(pictures, [CAP.astype(float), LONG.astype(float), CAP.astype(float)])
    assert costs[0] + 0.05 < costs[2] < costs[0] + 0.16


@pytest.mark.parametrize(
    ("lab", "expected"),
    [
        ((50, 5, 15), (50, 5, 15)),  # brown
        ((50, 25, 35), (50, 5 + 0.6 * 20, 15 + 0.6 * 20)),  # red light
        ((60, 0, 2), (60, 0, 2)),  # grey stays grey
    ],
)
def test_saturated_hair_moves_towards_natural_colours(
    lab: tuple[float, float, float], expected: tuple[float, float, float]
) -> None:
    colour = lab_to_srgb(np.array(lab, float)).round().astype(int)
    hair = PhotoHair.of(_picture(CAP, tuple(colour)), _classes(CAP), EYES)
    assert hair.colour == pytest.approx(expected, abs=1.0)
    drawn = PhotoHair.of(_picture(CAP, tuple(colour)), _classes(CAP), EYES, drawn=True)
    assert drawn.colour == pytest.approx(lab, abs=1.0)  # the light of an engine is known


def test_hair_above_the_head_costs() -> None:
    bun = CAP | (np.hypot(X - 0.5, Y + 0.02) < 0.09)
    hair = PhotoHair.of(_picture(CAP, BROWN), _classes(CAP), EYES)
    plain, high = hair.costs([_picture(m, BROWN) for m in (CAP, bun)], [1.0 * CAP, 1.0 * bun])
    assert high > plain + 0.02


def test_rough_outlines_cost_more() -> None:
    hair = PhotoHair.of(_picture(CAP, BROWN), _classes(CAP), EYES)
    smooth = np.repeat(np.repeat(CAP, 2, axis=0), 2, axis=1)
    rough = np.repeat(np.repeat(CURLY, 2, axis=0), 2, axis=1)
    pictures = [_picture(CAP, BROWN)] * 2
    plain, curled = hair.costs(pictures, [smooth.astype(float), rough.astype(float)])
    assert curled > plain + 0.2


GROUP = slice(1, 5)  # columns of the style


class _Engine:
    """Draws the style of the vector's categorical group; with labels or without."""

    def __init__(self, labels: bool) -> None:
        self.with_labels = labels

    def labelled(self, vectors: Tensor, size: int) -> tuple[list[Any], list[Any] | None]:
        worn = [list(STYLES.values())[int(vector[1:].argmax())] for vector in vectors]
        labels = [10 * mask.astype(np.uint8) for mask in worn] if self.with_labels else None
        return [_picture(mask, BROWN) for mask in worn], labels


class _Reader:
    """A parser that knows the colours of the pictures."""

    parser = SimpleNamespace(classes=("background", "face_skin", "hair"))

    def __call__(self, pictures: Tensor) -> Parsed:
        hair = (255 * pictures[:, :1] - BROWN[0]).abs() < 3
        planes = torch.cat([~hair, torch.zeros_like(hair), hair], 1).float()
        return Parsed((), planes)


def _context(labels: bool, start: str, columns: Sequence[slice]) -> tuple[Context, State]:
    vector = torch.tensor([0.5, *(float(name == start) for name in STYLES)])
    space = Space.around(vector, 1, [slice(1, 5)])
    hair = PhotoHair.of(_picture(STYLES["long"], BROWN), _classes(STYLES["long"]), EYES)
    colours = CellColours(torch.zeros(3, 2, 2), torch.ones(2, 2))
    parts: Mapping[str, Any] = {
        "engine": _Engine(labels),
        "reader": _Reader(),
        "hair": tuple(columns),
    }
    nothing: Any = None
    targets = Targets(torch.zeros(1, 2), colours, hair=hair)
    context = Context(space, targets, {}, nothing, nothing, nothing, nothing, **parts)
    return context, State(vector, vector, {"start": vector})


def _run(
    labels: bool, start: str, columns: Sequence[slice], gain: float = 0.03
) -> tuple[str, tuple[slice, ...]]:
    """Run the stage on a photo with long hair: the style and the settled groups."""
    context, state = _context(labels, start, columns)
    found = HairSearch(name="hair", gain=gain, beard_gain=gain).run(context, state)
    assert list(found.candidates) == ["hair"]
    assert HairSearch(name="hair").run(replace(context, engine=None), state) is state
    return list(STYLES)[int(found.vector[1:].argmax())], found.settled


@pytest.mark.parametrize("labels", [True, False])
def test_the_stage_takes_the_style_of_the_photo(labels: bool) -> None:
    assert _run(labels, "cap", [GROUP]) == ("long", (GROUP,))
    assert _run(labels, "long", [GROUP]) == ("long", (GROUP,))


def test_the_next_likeliest_styles_are_candidates() -> None:
    """The costs rank the styles; a later search over choices keeps the ranking."""
    context, state = _context(True, "cap", [GROUP])
    found = HairSearch(name="hair").run(context, state)
    drawn: list[Tensor] = []

    def draw(vectors: Tensor, size: int) -> list[Any]:
        drawn.extend(vectors)
        return [_picture(CAP, BROWN)] * len(vectors)

    context = replace(context, engine=cast(Any, SimpleNamespace(draw=draw)))
    others = other_hairstyles(context, found, found.vector, 2, 128)
    worn = [list(STYLES)[int(vector[1:].argmax())] for vector, _ in others]
    assert worn == ["cap", "curly"]
    assert [float(vector[0]) for vector, _ in others] == [0.5, 0.5]  # the face stays
    assert len(drawn) == 2
    assert other_hairstyles(context, found, found.vector, 0, 128) == []
    assert len(other_hairstyles(context, found, found.vector, 9, 128)) == 3
    assert other_hairstyles(context, state, state.vector, 2, 128) == []  # nothing was compared
    free = context.space.free.clone()
    free[GROUP] = False
    space = replace(context.space, free=free)
    score = lambda vectors: torch.zeros(len(vectors))  # noqa: E731
    later = search_choices(space, found.vector, score, ranking=found.ranking)
    assert torch.equal(later.ranking[GROUP], found.ranking[GROUP])


def test_the_stage_leaves_other_groups() -> None:
    assert _run(True, "cap", []) == ("cap", ())


def test_a_group_without_clear_costs_stays_free() -> None:
    assert _run(True, "cap", [GROUP], gain=10.0) == ("cap", ())


def test_a_group_without_a_near_choice_stays_free() -> None:
    context, state = _context(True, "cap", [GROUP])
    found = HairSearch(name="hair", far=-1.0).run(context, state)
    assert (found.settled, found.vector.tolist()) == ((), state.vector.tolist())
