"""Runs of ``f2p evaluate fit``: every method on all photos, or on all characters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...evaluation import (
    PERTURBATIONS,
    POSES,
    Photo,
    fit_photos,
    recover,
    recovery,
    robustness,
    summary,
    visible_sliders,
)
from ...pipeline import FitResult, Fitter
from .._common import Progress
from .._html import Row


class Runs:
    """Runs methods and collects their figures and pictures.

    Args:
        fitter: returns the fitter of a kind; called once per kind.
        seed, steps: of every fit.

    Attributes:
        update: progress callback.
        documents: figures by method.
    """

    def __init__(self, fitter: Callable[[str], Fitter], seed: int, steps: int | None) -> None:
        self._new_fitter, self._fitters = fitter, dict[str, Fitter]()
        self._options = {"seed": seed, "steps": steps}
        self._rows: dict[str, Row] = {}
        self._done = 0
        self.update: Progress | None = None
        self.documents: dict[str, dict[str, Any]] = {}

    @staticmethod
    def rounds(perturbed: bool, *, photos: bool) -> int:
        """Number of fits of every photo or character by a method."""
        return 1 + (len(PERTURBATIONS if photos else POSES) if perturbed else 0)

    def rows(self) -> list[Row]:
        """Rows of the HTML page: one per photo or character, with the pictures of all methods."""
        return list(self._rows.values())

    def photos(
        self, method: str, listed: Sequence[Mapping[str, str]], kinds: Sequence[str], perturb: bool
    ) -> None:
        """Fit photos and compare the engine's pictures with those of the average character.

        Args:
            listed: path, file and identity of each photo.
            kinds: kind of character of each photo.
            perturb: also fit the perturbed photos.
        """
        photos = [
            Photo(row["path"], row["file"], row.get("identity", ""), kind)
            for row, kind in zip(listed, kinds, strict=True)
        ]
        options = {**self._options, "method": method}
        found = {
            name: fit_photos(self._fitter, photos, options, name, self._count)
            for name in ("", *(PERTURBATIONS if perturb else ()))
        }
        fitted, failed = found.pop("")
        for one in fitted:
            self._add(one.photo.file, method, self._fitter(one.photo.kind), one.result, one.row)
        document = {**summary(fitted), "failed": failed, "rows": [dict(one.row) for one in fitted]}
        if perturb:
            document["robustness"] = robustness(fitted, {k: v for k, (v, _) in found.items()})
        self.documents[method] = document

    def recover(self, method: str, kind: str, numbers: range, perturb: bool) -> None:
        """Fit pictures of known characters and compare the fitted values with the true ones."""
        fitter = self._fitter(kind)
        options = {**self._options, "method": method}
        visible = visible_sliders(fitter)
        found = {
            pose: recover(fitter, numbers, options, visible, pose, self._count)
            for pose in ("", *(POSES if perturb else ()))
        }
        recovered, failed = found.pop("")
        for one in recovered:
            self._add(f"character {one.row['character']}", method, fitter, one.result, one.row)
        document = {
            **recovery(fitter, recovered, visible),
            "failed": failed,
            "rows": [dict(one.row) for one in recovered],
        }
        if perturb:
            document["robustness"] = {
                pose: recovery(fitter, some, visible) for pose, (some, _) in found.items()
            }
        self.documents[method] = document

    def _fitter(self, kind: str) -> Fitter:
        if kind not in self._fitters:
            self._fitters[kind] = self._new_fitter(kind)
        return self._fitters[kind]

    def _count(self, fitted: object) -> None:
        self._done += 1
        if self.update is not None:
            self.update(self._done, note=fitted.file if isinstance(fitted, Photo) else "")

    def _add(
        self, title: str, method: str, fitter: Fitter, result: FitResult, row: Mapping[str, Any]
    ) -> None:
        assert result.picture is not None
        if title not in self._rows:
            first = [("photo", result.photo), ("average character", fitter.average_picture())]
            self._rows[title] = Row(title, first)
        before = self._rows[title]
        added = [(f"{method}: imitator", result.imitation), (f"{method}: engine", result.picture)]
        if result.as_photo is not None:
            added.insert(1, (f"{method}: as in the photo", result.as_photo))
        figures = {f"{method}: {k}": v for k, v in row.items() if k not in ("file", "character")}
        self._rows[title] = Row(title, [*before.pictures, *added], {**before.figures, **figures})
