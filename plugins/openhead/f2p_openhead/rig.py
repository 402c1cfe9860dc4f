"""A rig says what a layout's parameters do to the head: morphs, bones, look values and choices.

A rig is a TOML file that an adapter brings; docs/reference/rig.md describes it. Every continuous parameter
becomes two displacement fields (towards its low and its high end) and a set of look values; the
pose of the head is then a weighted sum of fields.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from f2p_sdk import Layout

from .assets import cached_arrays, load_target
from .head import Head
from .lips import Lips
from .rigfile import RigError, read_rig

__all__ = ["Rig", "RigError", "load_rig"]

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Rig:
    """A rig bound to its layout; lengths in decimetres, face coordinates.

    ``base`` (V, 3) the resting head; ``low`` and ``high`` (P, V * 3) the displacement of every
    vertex at the ends of slider p, in the order of ``sliders``; ``looks`` slider -> {look: (at low,
    at middle, at high)}; ``constants`` look values before any slider adds to them; ``choices`` slot
    -> choice -> settings; ``camera`` height, span and distance; ``lips`` keeps them from
    crossing.
    """

    layout: Layout
    sliders: tuple[str, ...]
    base: Array
    low: Array
    high: Array
    slider_material: Mapping[str, Mapping[str, tuple[float, float, float]]]
    material_base: Mapping[str, float]
    choices: Mapping[str, Mapping[str, Mapping[str, Any]]]
    camera: Mapping[str, float] = field(default_factory=dict)
    lips: Lips | None = None

    def pose(self, values: Mapping[str, float | str]) -> Array:
        """Vertices (V, 3) of the head with these values (game units)."""
        points = self.blend(values)
        return points if self.lips is None else self.lips(points)

    def blend(self, values: Mapping[str, float | str]) -> Array:
        """The sum of all sliders' fields (V, 3), before skin is kept from what it touches."""
        out = self.base.reshape(-1).copy()
        for amount, low, high in zip(
            self._amounts(values).tolist(), self._low, self._high, strict=True
        ):
            span, values_there = high if amount > 0 else low
            out[span] += np.float32(abs(amount)) * values_there
        return out.reshape(-1, 3)

    @cached_property
    def _low(self) -> list[tuple[Any, Array]]:
        return [_sparse(row) for row in self.low]

    @cached_property
    def _high(self) -> list[tuple[Any, Array]]:
        return [_sparse(row) for row in self.high]

    def material(self, values: Mapping[str, float | str]) -> dict[str, float]:
        """Every look value with these slider values."""
        out = dict(self.material_base)
        for name, t in zip(self.sliders, self._amounts(values).tolist(), strict=True):
            for key, (low, middle, high) in self.slider_material.get(name, {}).items():
                out[key] = out.get(key, 0.0) + (
                    middle + (high - middle) * t if t > 0 else middle + (middle - low) * t
                )
        return out

    def _amounts(self, values: Mapping[str, float | str]) -> Array:
        """Slider values scaled to [-1, 1], 0 the middle of the range."""
        by_name = {p.name: p for p in self.layout.continuous}
        amounts = [
            2 * (float(values[n]) - by_name[n].low) / (by_name[n].high - by_name[n].low) - 1
            for n in self.sliders
        ]
        return np.array(amounts, np.float32)


def _sparse(row: Array) -> tuple[Any, Array]:
    """What a field moves, as (where, how much): most sliders move a small part of the head."""
    where = np.flatnonzero(row)
    if len(where) > len(row) // 3:
        return slice(None), row
    return where, row[where]


def _weights(points: Array, centre: Array, radius: Array) -> Array:
    """Influence of a bone, (V,): 1 at its centre, smoothly to 0 at ``radius`` (per axis)."""
    r = np.sqrt((((points - centre) / radius) ** 2).sum(1))
    return np.asarray(np.where(r < 1, (1 - np.minimum(r, 1) ** 2) ** 2, 0), np.float32)


def _rotation(degrees: Array) -> NDArray[np.float64]:
    x, y, z = np.radians(degrees.astype(np.float64))
    rx = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    ry = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    rz = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    return rz @ ry @ rx


def _bone_field(points: Array, bone: Mapping[str, Any], sign: float) -> Array:
    """Displacements (V, 3) of one bone at the low (sign -1) or high (+1) end of its slider."""
    out = np.zeros_like(points)
    side = str(bone.get("side", "both"))
    mirror = (1.0,) if side == "middle" else (1.0, -1.0)
    move = np.array(bone.get("move", (0, 0, 0)), np.float32)
    turn = np.array(bone.get("rotate", (0, 0, 0)), np.float32)
    scale = np.array(bone.get("scale", (0, 0, 0)), np.float32)
    for m in mirror:
        flip = np.array((m, 1, 1), np.float32)
        # asymmetric: the other side goes the other way; twist: both sides go the same way in space.
        way = sign * (m if side == "asymmetric" else 1.0)
        centre = np.array(bone["at"], np.float32) * flip
        w = _weights(points, centre, np.array(bone["radius"], np.float32))[:, None]
        shift = move * (np.ones(3, np.float32) if side == "twist" else flip) * way
        spin = turn * np.array((1, m, m), np.float32) * way
        arm = points - centre
        turned = (arm @ _rotation(spin).T).astype(np.float32) - arm
        out += w * (shift + turned + arm * scale * way)
    if len(mirror) == 2 and bool(bone.get("normalise", True)):
        # Where both sides' influences meet the middle must not be moved twice.
        a, b = (
            _weights(
                points,
                np.array(bone["at"], np.float32) * np.array((m, 1, 1), np.float32),
                np.array(bone["radius"], np.float32),
            )
            for m in mirror
        )
        out /= np.maximum(a + b, 1)[:, None]
    return out


def _targets(head: Head, names: Mapping[str, float], centred: bool) -> Array:
    """Weighted sum of morph targets, displacements (V, 3).

    ``centred`` takes out the move of the whole head, which macro targets (a taller body) bring
    along; the camera stays with the face.
    """
    out = np.zeros_like(head.rest)
    for name, weight in names.items():
        for one in [name.replace("%", s) for s in "lr"] if "%" in name else [name]:
            out += weight * load_target(one)[head.ids]
    if centred:
        eyes = np.concatenate([head.left_eye, head.right_eye])
        out -= out[eyes].mean(0)
    return out


def load_rig(path: str | Path, layout: Layout, head: Head) -> Rig:
    """Read a rig and bind it to its layout.

    Raises RigError naming file, slider, rule and value; AssetError for an unknown morph target.
    """
    path = Path(path)
    rig = read_rig(path)
    names = tuple(s["name"] for s in rig["slider"])
    missing = {p.name for p in layout.continuous} ^ set(names)
    if missing:
        raise RigError(
            f"{path}: sliders of rig and layout differ: {sorted(missing)[:5]}",
            remedy="edit the rig",
        )
    source = json.dumps(rig).encode() + b"fields-3" + head.rest.tobytes()
    key = hashlib.sha256(source).hexdigest()[:16]
    fields = cached_arrays(f"rig-{key}", lambda: _fields(rig, head))
    base, low, high = fields["base"], fields["low"], fields["high"]
    slider_material = {
        s["name"]: {
            k: (
                float(v[0]),
                (float(v[0]) + float(v[-1])) / 2 if len(v) == 2 else float(v[1]),
                float(v[-1]),
            )
            for k, v in s.get("material", {}).items()
        }
        for s in rig["slider"]
    }
    _check_choices(path, layout, rig.get("choices", {}))
    return Rig(
        layout,
        names,
        base,
        low,
        high,
        slider_material,
        dict(rig.get("material", {})),
        rig.get("choices", {}),
        rig.get("camera", {}),
        Lips(base, head),
    )


def _fields(rig: Mapping[str, Any], head: Head) -> dict[str, Array]:
    base = head.rest + _targets(head, rig.get("base", {}), centred=True)
    # Face coordinates: the origin lies between the centres of the eyes.
    base -= base[np.concatenate([head.left_eye, head.right_eye])].mean(0)
    low, high = [], []
    for slider in rig["slider"]:
        both = []
        for end, sign in (("low", -1.0), ("high", 1.0)):
            total = _targets(head, slider.get(end, {}), centred=bool(slider.get("macro", False)))
            for bone in slider.get("bone", []):
                part = _bone_field(base, bone, sign)
                if bone.get("only") == "eyeball":
                    kept = np.zeros_like(part)
                    eyes = np.concatenate([head.left_eye, head.right_eye])
                    kept[eyes] = part[eyes]
                    part = kept
                total += part
            both.append(total.ravel())
        low.append(both[0])
        high.append(both[1])
    fields = {"base": base, "low": low, "high": high}
    return {name: np.asarray(value, np.float32) for name, value in fields.items()}


def _check_choices(path: Path, layout: Layout, choices: Mapping[str, Any]) -> None:
    for slot in layout.discrete:
        settings = choices.get(slot.name)
        if settings is None or set(settings) != set(slot.choices):
            raise RigError(
                f"{path}: choices of {slot.name} differ from the layout's", remedy="edit the rig"
            )
