"""Characters that the engine drew, fitted back from their picture alone."""

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
from .disturb import POSES
from .figures import mean

__all__ = ["Recovered", "recover", "recovery", "sensitive"]

#: Characters to recover come from seeds far from those that datasets are captured with.
UNSEEN = 7_000_000
#: A slider counts if its full sweep changes the picture by more than this, mean absolute, of 1.
VISIBLE = 0.002


@dataclass(frozen=True)
class Recovered:
    """One character and what came back of it. ``row``: plain values."""

    row: Mapping[str, Any]
    result: FitResult = field(repr=False)


def recover(
    fitter: Fitter,
    which: range,
    options: Mapping[str, Any],
    visible: np.ndarray[Any, np.dtype[np.bool_]],
    pose: str = "",
    done: Callable[[int], object] = lambda index: None,
) -> tuple[list[Recovered], list[dict[str, str]]]:
    """Fit pictures of known characters; what was found, and what failed and why.

    Args:
        which: numbers of the characters; the same number is the same character.
        visible: (C,), the sliders that count (:func:`sensitive`).
        pose: one of ``POSES``: the head is turned in the picture that the fit sees.

    Raises:
        BridgeError: the engine is gone.
    """
    assert fitter.engine is not None
    layout = fitter.layout
    recovered: list[Recovered] = []
    failed: list[dict[str, str]] = []
    scene = POSES[pose] if pose else {}
    for i in which:
        true = torch.from_numpy(layout.encode(layout.random(i, seed=UNSEEN + options["seed"])))
        plain = fitter.engine.draw(true[None], fitter.size)[0]
        shown = fitter.engine.draw(true[None], fitter.size, [scene])[0] if scene else plain
        begun = time.perf_counter()
        try:
            result = fitter.fit(shown, **options)
        except BridgeError:
            raise
        except F2PError as error:
            failed.append({"file": f"character {i}", "error": error.message})
            continue
        finally:
            done(i)
        found = torch.from_numpy(layout.encode(result.character))
        apart = (found - true)[: layout.n_continuous].abs()[torch.from_numpy(visible)]
        right = [int(found[s].argmax()) == int(true[s].argmax()) for s in layout.slots]
        assert result.picture is not None
        judged = fitter.embed(plain, fitter.judge)
        row = {
            "character": i,
            "continuous_mae": float(apart.mean()) if len(apart) else 0.0,
            "discrete_right": sum(right),
            "picture_psnr_db": psnr(_mean_square(result.picture, plain), peak=255),
            "average_character": fitter.distance(fitter.average_picture(), judged),
            "fitted": fitter.distance(result.picture, judged),
            "seconds": time.perf_counter() - begun,
        }
        recovered.append(Recovered(row, result))
    return recovered, failed


def recovery(
    fitter: Fitter,
    recovered: list[Recovered],
    visible: np.ndarray[Any, np.dtype[np.bool_]],
) -> dict[str, Any]:
    """The figures of one method over the characters it found again."""
    rows = [one.row for one in recovered]
    slots = max(1, len(fitter.layout.slots))
    return {
        "recovered": len(rows),
        "continuous_mae": mean(rows, "continuous_mae"),
        "continuous_counted": int(visible.sum()),
        "continuous": fitter.layout.n_continuous,
        "discrete_accuracy": mean(rows, "discrete_right") / slots,
        "picture_psnr_db": mean(rows, "picture_psnr_db"),
        "identity_distance": {name: mean(rows, name) for name in ("average_character", "fitted")},
        "seconds_per_character": mean(rows, "seconds"),
    }


def sensitive(fitter: Fitter, size: int = 256) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """(C,) which sliders change the average character's picture visibly over their full sweep."""
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
