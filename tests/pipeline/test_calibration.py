"""Units of the published loss: calibration, card, and their use by methods."""

from __future__ import annotations

from collections.abc import Callable
from statistics import fmean
from types import SimpleNamespace
from typing import Any

import pytest

from f2p_sdk.errors import NoFaceError, SearchError, UsageError, WeightsError
from f2p_sdk.kinds import Kind
from f2p_sdk.pipeline import Fitter, calibration
from f2p_sdk.pipeline.calibration import RISES, SCALES, calibrate, rises
from f2p_sdk.pipeline.loss_units import LossUnits, card_units, in_units
from f2p_sdk.pipeline.methods import METHODS

Make = Callable[..., Fitter]
UNITS = {"identity": 0.1, "content": 0.8}
ENTRY = LossUnits(0.25, UNITS, "tiny", "parts").as_dict()
READER: Any = SimpleNamespace(parser=SimpleNamespace(name="parts"))


def recognizer(name: str = "tiny", metric: str = "euclidean") -> Any:
    return SimpleNamespace(name=name, metric=metric)


def test_rises_are_a_share_of_the_falls() -> None:
    assert rises([3.0, 2.0, 1.0]) == 0
    assert rises([3.0, 1.0, 1.5, 1.0]) == pytest.approx(0.5 / 2.5)
    assert rises([1.0, 2.0]) > 1e6


def test_methods_get_the_units_of_the_card() -> None:
    units = card_units({"loss": ENTRY}, recognizer(), READER)
    assert units == LossUnits(0.25, UNITS, "tiny", "parts")
    assert units.measured
    assert in_units(METHODS["slides"], units).weights == {"identity": 2.5, "content": 0.3125}
    assert in_units(METHODS["paper"], units).weights == {"identity": 2.5, "content": 0.3125}
    assert in_units(METHODS["best"], units) is METHODS["best"]


@pytest.mark.parametrize(
    ("card", "one", "reader"),
    [
        ({}, recognizer(), READER),
        ({"loss": ENTRY}, recognizer("other"), READER),
        ({"loss": ENTRY}, recognizer(), None),
    ],
)
def test_other_networks_get_the_defaults(card: Any, one: Any, reader: Any) -> None:
    units = card_units(card, one, reader)
    assert not units.measured
    assert 0 < units.units["identity"] < 0.5
    assert card_units(card, recognizer("angle", "cosine"), reader).units["identity"] == 1.0


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {**ENTRY, "scale": 0},
        {**ENTRY, "scale": "big"},
        {**ENTRY, "more": 1},
        {**ENTRY, "units": {"content": 1.0}},
        {**ENTRY, "units": {"identity": -1.0}},
        {**ENTRY, "units": [1.0]},
        "0.25",
    ],
)
def test_a_damaged_entry_is_an_error(entry: Any) -> None:
    with pytest.raises(WeightsError, match=r"scale and units above 0 as 'loss'") as caught:
        card_units({"loss": entry}, recognizer(), READER)
    assert "f2p weights calibrate" in caught.value.remedy


@pytest.mark.slow
def test_the_scale_is_the_largest_that_descends(kind: Kind, engine: Any, fitter: Make) -> None:
    fit = fitter(kind, engine)
    fit.reader = None  # the identity alone: the parser is slow
    before = fit.loss_units
    notes: list[tuple[int, str]] = []
    found = calibrate(fit, 2, progress=lambda done, note: notes.append((done, note)))
    assert fit.loss_units == before
    assert set(found.units) == {"identity"}
    assert min(found.units.values()) > 0
    assert found.scale in SCALES
    assert found.rises <= RISES
    assert (found.recognizer, found.parser) == (fit.recognizer.name, "")
    assert [done for done, _ in notes] == list(range(1, len(notes) + 1))
    assert notes[-1][1] == f"scale {found.scale:g}"

    def measured(scale: float) -> float:
        fit.loss_units = LossUnits(scale, found.units)
        pictures = calibration._targets(fit, 2, 0)
        reports = [fit.fit(picture, method="slides").report for picture in pictures]
        return fmean(rises([r["total"] for r in one["losses"]["search"]]) for one in reports)

    assert measured(found.scale) == pytest.approx(found.rises, abs=1e-4)
    assert found.scale == SCALES[0] or measured(2 * found.scale) > RISES


def test_a_calibration_needs_an_engine_and_faces(
    kind: Kind, engine: Any, fitter: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="needs an engine"):
        calibrate(fitter(kind, None))
    fit = fitter(kind, engine)
    monkeypatch.setattr(fit.detector, "detect", lambda picture: [])
    with pytest.raises(NoFaceError, match="sees a face in 0 of 4 random pictures"):
        calibrate(fit, 1)


@pytest.mark.slow
def test_a_loss_that_never_descends_is_an_error(
    kind: Kind, engine: Any, fitter: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "RISES", -1.0)
    monkeypatch.setattr(calibration, "SCALES", (0.5, 0.25))
    fit = fitter(kind, engine)
    fit.reader = None
    with pytest.raises(SearchError, match=r"descends with no scale from 0.5 to 0.25"):
        calibrate(fit, 1)
