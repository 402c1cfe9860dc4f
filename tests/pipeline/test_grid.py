"""A fit of sliders with steps: rounded to the grid, and verified after rounding."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from f2p_toy import HERE
from torch import Tensor

from f2p_sdk import CharacterError
from f2p_sdk.kinds import Kind
from f2p_sdk.pipeline import Fitter
from f2p_sdk.tensors import to_array

Make = Callable[..., Fitter]
TENTHS = {f"{n / 10:g}" for n in range(11)}


@pytest.fixture
def coarse(kind: Kind, tmp_path: Path) -> Kind:
    """The toy's hero with steps; nose and red in tenths, eyes in thirds."""
    text = (HERE / "hero.toml").read_text(encoding="utf-8")
    text = text.replace('name = "nose"', 'name = "nose"\nstep = 0.2')
    text = text.replace('name = "red"', 'name = "red"\nstep = 0.1\ndisplay = [[0, 50], [1, 70]]')
    text = text.replace('name = "eyes"', 'name = "eyes"\nstep = "1/3"\ndefault = 0')
    path = tmp_path / "hero.toml"
    path.write_text(text, encoding="utf-8")
    return dataclasses.replace(kind, layout_path=path)


def fitted(fitter: Make, kind: Kind, engine: Any, photo: Any, **options: Any) -> Any:
    return fitter(kind, engine).fit(photo, steps=8, **options)


@pytest.fixture
def photo(engine: Any, true: dict[str, Any]) -> Any:
    return engine.draw({**true, "eyes": 1 / 3}, 64)


@pytest.mark.slow
def test_all_results_are_of_the_rounded_character(
    coarse: Kind, engine: Any, fitter: Make, photo: Any, face: Callable[[Tensor], Tensor]
) -> None:
    result = fitted(fitter, coarse, engine, photo)
    values = result.character.values
    assert coarse.layout.validate(values) == values
    assert f"{values['red']:g}" in TENTHS
    assert values["eyes"] in {0, 1 / 3, 2 / 3, 1}
    np.testing.assert_array_equal(result.picture, engine.draw(values, 64))
    vector = torch.from_numpy(coarse.layout.encode(result.character))
    np.testing.assert_array_equal(result.imitation, to_array(face(vector[None])))
    # The reported distance is that of the rounded character's picture.
    again = fitter(coarse, engine).distance(engine.draw(values, 64), result.subject.measured)
    assert result.report["identity_distance"]["engine"] == pytest.approx(again, abs=1e-5)
    assert result.report["shown"] == {"red": f"{50 + 20 * values['red']:g}"}
    # The engine drew only values that the game can store.
    assert len(engine.drawn) > 5
    assert all(coarse.layout.validate(drawn) == drawn for drawn in engine.drawn)


@pytest.mark.slow
def test_the_search_before_rounding_is_the_same(
    coarse: Kind, kind: Kind, fitter: Make, photo: Any
) -> None:
    """Without an engine in the loop, a fit of sliders with steps is the rounded fit of the same
    sliders without."""
    free = dataclasses.replace(kind, layout_path=HERE / "hero.toml")
    keep = {"eyes": 1 / 3}  # the default of this slider differs between the two layouts
    found = fitted(fitter, coarse, None, photo, keep=keep).character
    plain = fitted(fitter, free, None, photo, keep=keep).character
    rounded = coarse.layout.decode(coarse.layout.on_grid(free.layout.encode(plain)))
    assert found.values == rounded.values
    assert found.values != plain.values


def test_kept_values_must_be_on_the_grid(coarse: Kind, fitter: Make, photo: Any) -> None:
    with pytest.raises(CharacterError, match=r"give 0.4 or 0.5"):
        fitted(fitter, coarse, None, photo, keep={"red": 0.45})
    found = fitter(coarse, None).fit(photo, method="slides", steps=1, keep={"red": 0.4})
    assert found.character.values["red"] == 0.4
