"""The two measurements behind ``f2p evaluate fit``: real photos, and characters drawn before."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...errors import BridgeError, F2PError
from ...pipeline import FitResult, Fitter
from .._common import Progress
from .._page import Row

__all__ = ["flat", "photos", "recover", "sensitive"]

#: Characters to recover come from seeds far from those that datasets are captured with.
UNSEEN = 7_000_000
#: A slider counts if its full sweep changes the picture by more than this, mean absolute, of 1.
VISIBLE = 0.002


def photos(
    fitter: Fitter,
    listed: Sequence[Mapping[str, str]],
    options: Mapping[str, Any],
    rows: list[Row],
    update: Progress,
) -> dict[str, Any]:
    """Fit each photo and compare with the average character; both as the engine draws them.

    ``listed``: path, file, and what else is known of a photo. Adds to ``rows`` for the page.
    """
    measured: list[dict[str, Any]] = []
    failed: list[dict[str, str]] = []
    for i, photo in enumerate(listed):
        known = {key: photo[key] for key in ("file", "identity", "kind") if key in photo}
        begun = time.perf_counter()
        try:
            result = fitter.fit(Path(photo["path"]), **options)
        except BridgeError:
            raise
        except F2PError as error:
            failed.append({**known, "error": error.message})
            continue
        finally:
            update(i + 1, len(listed), photo["file"])
        distance = result.report["identity_distance"]
        measured.append(
            {
                **known,
                "average_character": distance["average_character"],
                "fitted": distance["engine"],
                "imitator": distance["imitator"],
                "gain": distance["average_character"] - distance["engine"],
                "chosen": result.report["chosen"],
                "seconds": time.perf_counter() - begun,
            }
        )
        figures = {k: v for k, v in measured[-1].items() if k != "file"}
        rows.append(Row(photo["file"], _shown(fitter, result), figures))
    return {
        "photos": len(measured),
        "identity_distance": {
            "average_character": _mean(measured, "average_character"),
            "fitted": _mean(measured, "fitted"),
            "imitator": _mean(measured, "imitator"),
        },
        "improved": _mean([{"up": float(row["gain"] > 0)} for row in measured], "up"),
        "gain": _mean(measured, "gain"),
        "seconds_per_photo": _mean(measured, "seconds"),
        "failed": failed,
        "rows": measured,
    }


def recover(
    fitter: Fitter, count: int, options: Mapping[str, Any], rows: list[Row], update: Progress
) -> dict[str, Any]:
    """Fit pictures of known characters and compare the values found with the true ones."""
    assert fitter.engine is not None
    layout = fitter.layout
    visible = sensitive(fitter)
    measured: list[dict[str, Any]] = []
    failed: list[dict[str, str]] = []
    for i in range(count):
        true = torch.from_numpy(layout.encode(layout.random(i, seed=UNSEEN + options["seed"])))
        picture = fitter.engine.draw(true[None], fitter.size)[0]
        begun = time.perf_counter()
        try:
            result = fitter.fit(picture, **options)
        except BridgeError:
            raise
        except F2PError as error:
            failed.append({"file": f"character {i}", "error": error.message})
            continue
        finally:
            update(i + 1, count)
        found = torch.from_numpy(layout.encode(result.character))
        apart = (found - true)[: layout.n_continuous].abs()[torch.from_numpy(visible)]
        right = [int(found[s].argmax()) == int(true[s].argmax()) for s in layout.slots]
        assert result.picture is not None
        measured.append(
            {
                "character": i,
                "continuous_mae": float(apart.mean()) if len(apart) else 0.0,
                "discrete_right": sum(right),
                "picture_psnr_db": psnr(result.picture, picture),
                "average_character": result.report["identity_distance"]["average_character"],
                "fitted": result.report["identity_distance"]["engine"],
                "seconds": time.perf_counter() - begun,
            }
        )
        rows.append(Row(f"character {i}", _shown(fitter, result), measured[-1]))
    slots = max(1, len(layout.slots))
    return {
        "recovered": len(measured),
        "continuous_mae": _mean(measured, "continuous_mae"),
        "continuous_counted": int(visible.sum()),
        "continuous": layout.n_continuous,
        "discrete_accuracy": _mean(measured, "discrete_right") / slots,
        "picture_psnr_db": _mean(measured, "picture_psnr_db"),
        "identity_distance": {
            "average_character": _mean(measured, "average_character"),
            "fitted": _mean(measured, "fitted"),
        },
        "seconds_per_character": _mean(measured, "seconds"),
        "failed": failed,
        "rows": measured,
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


def psnr(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> float:
    """Peak signal-to-noise ratio in dB of two uint8 pictures; 99 where they are equal."""
    error = float(np.square(a.astype(np.float64) - b).mean())
    return 99.0 if error == 0 else min(99.0, float(10 * np.log10(255**2 / error)))


def flat(document: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """``{"a": {"b": 1}}`` as ``{"a.b": 1}``."""
    found: dict[str, Any] = {}
    for name, value in document.items():
        if isinstance(value, Mapping):
            found.update(flat(value, f"{prefix}{name}."))
        else:
            found[prefix + name] = value
    return found


def _shown(fitter: Fitter, result: FitResult) -> list[tuple[str, Any]]:
    assert result.picture is not None
    return [
        ("photo", result.photo),
        ("imitator", result.imitation),
        ("engine", result.picture),
        ("average character", fitter.average_picture()),
    ]


def _mean(rows: Sequence[Mapping[str, Any]], name: str) -> float:
    return float(np.mean([row[name] for row in rows])) if rows else 0.0
