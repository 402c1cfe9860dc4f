"""What an adapter ships: layout, framing and weights, without any engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import F2PError
from ..findings import Finding
from ..parameters import Character, Continuous, Layout

if TYPE_CHECKING:
    from ..kinds import Kind

__all__ = ["check_adapter", "check_weights"]

SAMPLES = 20


def check_adapter(kind: Kind) -> Iterator[Finding]:
    """Layout and framing of a kind."""

    try:
        layout = kind.layout
    except F2PError as error:
        yield Finding.of_error("adapter", kind.name, "the layout is valid", error)
        return
    discrete = layout.size - layout.n_continuous
    sizes = f"{layout.n_continuous} continuous + {discrete} discrete = {layout.size}"
    yield Finding("adapter", kind.name, "the layout is valid", value=sizes)
    again = Layout.load(kind.layout_path).hash
    same = again == layout.hash
    yield Finding(
        "adapter",
        kind.name,
        "the layout's hash is stable",
        "ok" if same else "failed",
        layout.hash if same else f"{layout.hash}, read again {again}",
        "" if same else "do not change the file while it is in use",
    )
    yield _round_trip(kind.name, layout)
    bare = [p.name for p in layout.parameters if not p.label]
    yield Finding(
        "adapter",
        kind.name,
        "every parameter has a label for players",
        "skipped" if bare else "ok",
        f"{len(bare)} have none, e.g. {', '.join(bare[:3])}" if bare else "",
        "a label is optional: without one players see the name" if bare else "",
    )
    yield _framing(kind)


def _round_trip(name: str, layout: Layout) -> Finding:
    """Characters survive the vector and the file."""
    rule = "characters survive vector and JSON"
    people = [layout.default(), *(layout.random(i) for i in range(SAMPLES))]
    worst = 0.0
    for person in people:
        back = layout.decode(layout.encode(person))
        if Character.from_json(person.to_json(), layout) != person:
            return Finding("adapter", name, rule, "failed", "JSON gives another", "report this")
        for p in layout.parameters:
            before, after = person.values[p.name], back.values[p.name]
            if isinstance(p, Continuous):
                worst = max(worst, abs(float(after) - float(before)) / (p.high - p.low))
            elif before != after:
                return Finding(
                    "adapter", name, rule, "failed", f"{p.name}: {before} to {after}", "report this"
                )
    # A float32 vector keeps seven digits.
    status = "ok" if worst < 1e-6 else "failed"
    value = f"{len(people)} characters, off by {worst:.1e} of a range at most"
    return Finding("adapter", name, rule, status, value, "" if status == "ok" else "report this")


def _framing(kind: Kind) -> Finding:
    rule = "the framing is a face in the picture"
    if kind.framing_path is None:
        remedy = "give the Kind a framing_path to fit photos to it"
        return Finding("adapter", kind.name, rule, "skipped", "there is none", remedy)
    try:
        framing = kind.framing
    except F2PError as error:
        return Finding.of_error("adapter", kind.name, rule, error)
    points = np.array(framing.landmarks)
    right_outer, right_inner, left_outer, left_inner, nose = points
    wrong = [
        text
        for text, broken in (
            ("a point lies outside the picture", (points < 0).any() or (points > 1).any()),
            ("the nose is not below the eyes", nose[1] <= points[:4, 1].max()),
            (
                "eyes are not in dlib's order: right outer, right inner, left outer, left inner",
                not left_outer[0] < left_inner[0] < right_inner[0] < right_outer[0],
            ),
        )
        if broken
    ]
    eyes = float(np.linalg.norm(points[0] - points[2]))
    value = "; ".join(wrong) or f"{framing.size} pixels, eyes {eyes:.2f} of the width apart"
    status = "failed" if wrong else "ok"
    remedy = "draw the default character and measure its five points" if wrong else ""
    return Finding("adapter", kind.name, rule, status, value, remedy)


def check_weights(kind: Kind) -> Iterator[Finding]:
    """Every imitator of a kind: its card, its layout, its golden picture."""
    if not kind.weights:
        yield Finding("weights", kind.name, "there is an imitator", "skipped", *_untrained(kind))
    for name, path in kind.weights.items():
        subject = f"{kind.name} {name}"
        if not Path(path).is_file():
            yield Finding("weights", subject, "the file is there", "skipped", *_untrained(kind))
            continue
        yield from _weights_file(kind, subject, Path(path))


def _untrained(kind: Kind) -> tuple[str, str]:
    remedy = f"f2p capture -g {kind.name}, then f2p train imitator -g {kind.name}"
    return "not trained yet", remedy


def _weights_file(kind: Kind, subject: str, path: Path) -> Iterator[Finding]:
    # Imported here: the module alone loads no torch.
    from ..weights import load_card, load_imitator

    rule = "they load, fit the layout and draw their golden picture"
    try:
        card = load_card(path)
        load_imitator(path, kind.layout)
    except F2PError as error:
        yield Finding.of_error("weights", subject, rule, error)
        return
    figures = card.get("figures") or {}
    shown = ", ".join(f"{k} {v:.4g}" for k, v in figures.items() if isinstance(v, (int, float)))
    yield Finding("weights", subject, rule, value=shown or "no figures on the card")
    licence = str(card.get("licence") or "")
    yield Finding(
        "weights",
        subject,
        "the card names a licence",
        "ok" if licence else "failed",
        licence,
        "" if licence else "train again with a licence",
    )
