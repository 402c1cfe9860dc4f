"""The runs behind ``f2p evaluate fit``: every method on all photos, or on all characters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...evaluation import (
    DISTURBANCES,
    POSES,
    Photo,
    fit_photos,
    recover,
    recovery,
    robustness,
    sensitive,
    summary,
)
from ...pipeline import FitResult, Fitter
from .._common import Progress
from .._page import Row

__all__ = ["Runs"]


class Runs:
    """Collects documents and pictures, method by method.

    Args:
        fitter: from the name of a kind; asked once for each.
        seed, steps: of every fit.
    """

    def __init__(self, fitter: Callable[[str], Fitter], seed: int, steps: int | None) -> None:
        self._make, self._fitters = fitter, dict[str, Fitter]()
        self._options = {"seed": seed, "steps": steps}
        self._shown: dict[str, Row] = {}
        self._done = 0
        self.update: Progress | None = None
        self.documents: dict[str, dict[str, Any]] = {}

    @staticmethod
    def rounds(disturbed: bool, *, photos: bool) -> int:
        """How often every photo or character is fitted by a method."""
        return 1 + (len(DISTURBANCES if photos else POSES) if disturbed else 0)

    def rows(self) -> list[Row]:
        """For the page: a row for each photo or character, all methods side by side."""
        return list(self._shown.values())

    def photos(
        self, method: str, listed: Sequence[Mapping[str, str]], kinds: Sequence[str], more: bool
    ) -> None:
        """Fit each photo and compare with the average character; both as the engine draws them.

        ``listed``: path, file and whom a photo shows; ``kinds``: as what each is fitted; ``more``:
        also disturbed.
        """
        photos = [
            Photo(row["path"], row["file"], row.get("identity", ""), kind)
            for row, kind in zip(listed, kinds, strict=True)
        ]
        options = {**self._options, "method": method}
        found = {
            name: fit_photos(self._fitter, photos, options, name, self._tell)
            for name in ("", *(DISTURBANCES if more else ()))
        }
        fitted, failed = found.pop("")
        for one in fitted:
            self._show(one.photo.file, method, self._fitter(one.photo.kind), one.result, one.row)
        document = {**summary(fitted), "failed": failed, "rows": [dict(one.row) for one in fitted]}
        if more:
            # the same photos on both sides, or a photo that failed would count as a change
            document["robustness"] = robustness(fitted, {k: v for k, (v, _) in found.items()})
        self.documents[method] = document

    def recover(self, method: str, kind: str, which: range, more: bool) -> None:
        """Fit pictures of known characters and compare the values found with the true ones."""
        fitter = self._fitter(kind)
        options = {**self._options, "method": method}
        visible = sensitive(fitter)
        found = {
            pose: recover(fitter, which, options, visible, pose, self._tell)
            for pose in ("", *(POSES if more else ()))
        }
        recovered, failed = found.pop("")
        for one in recovered:
            self._show(f"character {one.row['character']}", method, fitter, one.result, one.row)
        document = {
            **recovery(fitter, recovered, visible),
            "failed": failed,
            "rows": [dict(one.row) for one in recovered],
        }
        if more:
            document["robustness"] = {
                pose: recovery(fitter, some, visible) for pose, (some, _) in found.items()
            }
        self.documents[method] = document

    def _fitter(self, kind: str) -> Fitter:
        if kind not in self._fitters:
            self._fitters[kind] = self._make(kind)
        return self._fitters[kind]

    def _tell(self, what: object) -> None:
        self._done += 1
        if self.update is not None:
            self.update(self._done, note=what.file if isinstance(what, Photo) else "")

    def _show(
        self, title: str, method: str, fitter: Fitter, result: FitResult, row: Mapping[str, Any]
    ) -> None:
        assert result.picture is not None
        before = self._shown.get(title)
        pictures = (
            [("photo", result.photo), ("average character", fitter.average_picture())]
            if before is None
            else list(before.pictures)
        )
        pictures += [
            (f"{method}: imitator", result.imitation),
            (f"{method}: engine", result.picture),
        ]
        figures = {f"{method}: {k}": v for k, v in row.items() if k not in ("file", "character")}
        past = {} if before is None else before.figures
        self._shown[title] = Row(title, pictures, {**past, **figures})
