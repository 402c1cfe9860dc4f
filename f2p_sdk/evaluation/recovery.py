"""Recovery of known characters from pictures that the engine drew of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from ..errors import BridgeError, F2PError
from ..images import Picture
from ..metrics import psnr
from ..pipeline import FitResult, Fitter
from .figures import mean, mean_verdict
from .perturbations import POSES

#: Offset of the seeds of these characters from the seeds of captured datasets.
UNSEEN = 7_000_000
#: Minimum mean absolute change, on a scale of 0 to 1, of a picture by a visible slider.
VISIBLE = 0.002


@dataclass(frozen=True)
class Recovered:
    """A recovered character. ``row``: figures."""

    row: Mapping[str, Any]
    result: FitResult = field(repr=False)


def recover(
    fitter: Fitter,
    numbers: range,
    options: Mapping[str, Any],
    visible: np.ndarray[Any, np.dtype[np.bool_]],
    pose: str = "",
    done: Callable[[int], object] = lambda index: None,
) -> tuple[list[Recovered], list[dict[str, str]]]:
    """Fit pictures of known characters.

    Args:
        numbers: of the characters; a number and a seed define a character.
        options: of :meth:`Fitter.fit`; its seed is used for the characters too.
        visible: (C,), the sliders to compare (:func:`visible_sliders`).
        pose: one of ``POSES``, of the head in the picture that the fit gets.
        done: called after each character.

    Returns:
        The recovered characters, and name and error of each one that failed.

    Raises:
        BridgeError: the engine is lost. Other errors are returned.
    """
    assert fitter.engine is not None
    layout = fitter.layout
    recovered: list[Recovered] = []
    failed: list[dict[str, str]] = []
    scene = POSES[pose] if pose else {}
    for i in numbers:
        true = torch.from_numpy(layout.encode(layout.random(i, seed=UNSEEN + options["seed"])))
        portrait = fitter.engine.draw(true[None], fitter.size)[0]
        posed = fitter.engine.draw(true[None], fitter.size, [scene])[0] if scene else portrait
        start = time.perf_counter()
        try:
            result = fitter.fit(posed, **options)
        except BridgeError:
            raise
        except F2PError as error:
            failed.append({"file": f"character {i}", "error": error.message})
            continue
        finally:
            done(i)
        found = torch.from_numpy(layout.encode(result.character))
        errors = (found - true)[: layout.n_continuous].abs()[torch.from_numpy(visible)]
        correct = [int(found[s].argmax()) == int(true[s].argmax()) for s in layout.slots]
        assert result.picture is not None
        embedding = fitter.embed(portrait, fitter.measure)
        row = {
            "character": i,
            "continuous_mae": float(errors.mean()) if len(errors) else 0.0,
            "discrete_right": sum(correct),
            "picture_psnr_db": psnr(_mean_square(result.picture, portrait), peak=255),
            "average_character": fitter.distance(fitter.average_picture(), embedding),
            "fitted": fitter.distance(result.picture, embedding),
            "seconds": time.perf_counter() - start,
        }
        recovered.append(Recovered(row, result))
    return recovered, failed


def recovery(
    fitter: Fitter, recovered: list[Recovered], visible: np.ndarray[Any, np.dtype[np.bool_]]
) -> dict[str, Any]:
    """Return the figures of one method over its recovered characters."""
    rows = [one.row for one in recovered]
    verdicts = [one.result.report["verdict"] for one in recovered]
    discrete = max(1, len(fitter.layout.discrete))
    return {
        "recovered": len(rows),
        "continuous_mae": mean(rows, "continuous_mae"),
        "continuous_counted": int(visible.sum()),
        "continuous": fitter.layout.n_continuous,
        "discrete_accuracy": mean(rows, "discrete_right") / discrete,
        "picture_psnr_db": mean(rows, "picture_psnr_db"),
        "identity_distance": {name: mean(rows, name) for name in ("average_character", "fitted")},
        "seconds_per_character": mean(rows, "seconds"),
        **({"verdict": mean_verdict(fitter.kind.name, rows, verdicts)} if rows else {}),
    }


def visible_sliders(fitter: Fitter, size: int = 256) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Mask (C,) of the sliders whose full range visibly changes the average character's picture."""
    assert fitter.engine is not None
    count = fitter.layout.n_continuous
    ends = fitter.start.repeat(2 * count, 1)
    for i in range(count):
        ends[2 * i, i], ends[2 * i + 1, i] = 0.0, 1.0
    changes = []
    for pair in torch.split(ends, 2):
        low, high = (p.astype(np.float32) for p in fitter.engine.draw(pair, size))
        changes.append(float(np.abs(high - low).mean()) / 255)
    return np.array(changes) > VISIBLE


def _mean_square(a: Picture, b: Picture) -> float:
    return float(np.square(a.astype(np.float64) - b).mean())
