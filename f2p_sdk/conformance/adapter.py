"""Checks of an adapter's files, without an engine: layout, framing and weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import F2PError
from ..findings import Finding
from ..kinds import SMALLEST_EYES, SMALLEST_PICTURE
from ..parameters import Character, Continuous, Layout, unknown_groups

if TYPE_CHECKING:
    from ..kinds import Kind

SAMPLES = 20  # random characters
TOLERANCE = 1e-6  # of a slider's range: a float32 has seven digits


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
    value = layout.hash if same else f"{layout.hash}, read again {again}"
    remedy = "do not change the file while it is in use"
    yield Finding.of("adapter", kind.name, "the layout's hash is stable", same, value, remedy)
    yield _round_trip(kind.name, layout)
    bare = [p.name for p in layout.parameters if not p.label]
    note = f"{len(bare)} have none, e.g. {', '.join(bare[:3])}"
    remedy = "a label is optional: without one players see the name"
    found = ("skipped", note, remedy) if bare else ("ok", "", "")
    yield Finding("adapter", kind.name, "every parameter has a label for players", *found)
    unknown = "; ".join(unknown_groups(layout.groups))
    remedy = "use a known group, so that a fit treats the parameters as that part of the face"
    found = ("skipped", unknown, remedy) if unknown else ("ok", "", "")
    yield Finding("adapter", kind.name, "every group is a known part of the face", *found)
    yield _framing(kind)


def _round_trip(name: str, layout: Layout) -> Finding:
    """Conversion of characters to the vector and to JSON, and back."""
    rule = "characters survive vector and JSON"
    remedy = "this is a defect of f2p-sdk: report it"
    characters = [layout.default(), *(layout.random(i) for i in range(SAMPLES))]
    worst = 0.0
    for character in characters:
        decoded = layout.decode(layout.encode(character))
        if Character.from_json(character.to_json(), layout) != character:
            value = "JSON gives another character"
            return Finding("adapter", name, rule, "failed", value, remedy)
        for p in layout.parameters:
            before, after = character.values[p.name], decoded.values[p.name]
            if isinstance(p, Continuous):
                worst = max(worst, abs(float(after) - float(before)) / (p.high - p.low))
            elif before != after:
                value = f"{p.name}: {before} to {after}"
                return Finding("adapter", name, rule, "failed", value, remedy)
    value = f"{len(characters)} characters, largest difference {worst:.1e} of a range"
    return Finding.of("adapter", name, rule, worst < TOLERANCE, value, remedy)


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
    left_outer, left_inner, right_outer, right_inner, nose = points
    apart = framing.eye_distance(SMALLEST_PICTURE)
    problems = {
        "a point lies outside the picture": (points < 0).any() or (points > 1).any(),
        "the nose is not below the eyes": nose[1] <= points[:4, 1].max(),
        "eyes are not in dlib's order: the subject's left outer and inner corner, right outer and "
        "inner corner": not right_outer[0] < right_inner[0] < left_inner[0] < left_outer[0],
        f"the eyes must be {SMALLEST_EYES:.0f} or more pixels apart in a picture of "
        f"{SMALLEST_PICTURE}, they are {apart:.1f}": apart < SMALLEST_EYES,
    }
    wrong = "; ".join(text for text, found in problems.items() if found)
    eyes = float(np.linalg.norm(points[0] - points[2]))
    value = wrong or f"{framing.size} pixels, eyes {eyes:.2f} of the width apart"
    remedy = "draw the default character and measure its five points"
    return Finding.of("adapter", kind.name, rule, not wrong, value, remedy)


def check_weights(kind: Kind) -> Iterator[Finding]:
    """Card, layout and golden picture of every imitator of a kind."""
    remedy = f"f2p capture -g {kind.name}, then f2p train imitator -g {kind.name}"
    untrained = ("skipped", "not trained yet", remedy)
    if not kind.weights:
        yield Finding("weights", kind.name, "there is an imitator", *untrained)
    for name, path in kind.weights.items():
        subject = f"{kind.name} {name}"
        if Path(path).is_file():
            yield from _weights_file(kind, subject, Path(path))
        else:
            yield Finding("weights", subject, "the file exists", *untrained)


def _weights_file(kind: Kind, subject: str, path: Path) -> Iterator[Finding]:
    # Imported here, so that importing this module does not import torch.
    from ..weights import UNSPECIFIED, load_card, load_imitator

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
    rule, remedy = "the card names a licence", "f2p train imitator --licence TEXT"
    if licence == UNSPECIFIED:
        yield Finding("weights", subject, rule, "skipped", licence, remedy)
    else:
        yield Finding.of("weights", subject, rule, bool(licence), licence, remedy)
