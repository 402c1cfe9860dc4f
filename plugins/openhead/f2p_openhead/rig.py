"""A rig maps a layout's parameters to the head: morph targets, bones, material values, choices.

A rig is a TOML file of an adapter; docs/reference/rig.md describes it. Each continuous parameter
becomes two displacement fields, one per end, and a set of material values. A pose is a weighted sum
of the fields.
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

    Attributes:
        sliders: names of the continuous parameters, in the rig's order.
        base: (V, 3) the resting head.
        low, high: (P, V * 3) displacement of every vertex at the ends of each slider.
        slider_material: slider -> {material value: (at low, at middle, at high)}.
        material_base: material values before sliders add to them.
        choices: discrete parameter -> choice -> settings.
        camera: height, span and distance.
        lips: contact resolver of the lips; None to skip it.
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
        """Vertices (V, 3) as the plain sum of the fields, before lip contact is resolved."""
        out = self.base.reshape(-1).copy()
        for amount, low, high in zip(
            self._amounts(values).tolist(), self._low, self._high, strict=True
        ):
            where, field = high if amount > 0 else low
            out[where] += np.float32(abs(amount)) * field
        return np.asarray(out.reshape(-1, 3), np.float32)

    @cached_property
    def _low(self) -> list[tuple[Any, Array]]:
        return [_sparse(row) for row in self.low]

    @cached_property
    def _high(self) -> list[tuple[Any, Array]]:
        return [_sparse(row) for row in self.high]

    def material(self, values: Mapping[str, float | str]) -> dict[str, float]:
        """All material values of these slider values."""
        out = dict(self.material_base)
        for name, t in zip(self.sliders, self._amounts(values).tolist(), strict=True):
            for key, (low, middle, high) in self.slider_material.get(name, {}).items():
                out[key] = out.get(key, 0.0) + (
                    middle + (high - middle) * t if t > 0 else middle + (middle - low) * t
                )
        return out

    def _amounts(self, values: Mapping[str, float | str]) -> Array:
        """Slider values scaled to [-1, 1]; 0 is the middle of the range."""
        by_name = {p.name: p for p in self.layout.continuous}
        amounts = [
            2 * (float(values[n]) - by_name[n].low) / (by_name[n].high - by_name[n].low) - 1
            for n in self.sliders
        ]
        return np.array(amounts, np.float32)


def _sparse(row: Array) -> tuple[Any, Array]:
    """A field as (indices, values): most sliders move a small part of the head."""
    where = np.flatnonzero(row)
    if len(where) > len(row) // 3:
        return slice(None), row
    return where, row[where]


def _weights(points: Array, centre: Array, radius: Array) -> Array:
    """Influence (V,) of a bone: 1 at its centre, smoothly down to 0 at ``radius`` (per axis)."""
    r = np.sqrt((((points - centre) / radius) ** 2).sum(1))
    return np.asarray(np.where(r < 1, (1 - np.minimum(r, 1) ** 2) ** 2, 0), np.float32)


def _rotation(degrees: Array) -> NDArray[np.float64]:
    x, y, z = np.radians(degrees.astype(np.float64))
    rx = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    ry = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    rz = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    return np.asarray(rz @ ry @ rx)


def _bone_field(points: Array, bone: Mapping[str, Any], sign: float) -> Array:
    """Displacements (V, 3) of one bone at the low (sign -1) or high (+1) end of its slider."""
    out = np.zeros_like(points)
    side = str(bone.get("side", "both"))
    mirror = (1.0,) if side == "middle" else (1.0, -1.0)
    move = np.array(bone.get("move", (0, 0, 0)), np.float32)
    rotate = np.array(bone.get("rotate", (0, 0, 0)), np.float32)
    scale = np.array(bone.get("scale", (0, 0, 0)), np.float32)
    for m in mirror:
        flip = np.array((m, 1, 1), np.float32)
        # asymmetric: the other side has the opposite sign; twist: both sides move by one vector.
        amount = sign * (m if side == "asymmetric" else 1.0)
        centre = np.array(bone["at"], np.float32) * flip
        w = _weights(points, centre, np.array(bone["radius"], np.float32))[:, None]
        shift = move * (np.ones(3, np.float32) if side == "twist" else flip) * amount
        angles = rotate * np.array((1, m, m), np.float32) * amount
        arm = points - centre
        rotated = (arm @ _rotation(angles).T).astype(np.float32) - arm
        out += w * (shift + rotated + arm * scale * amount)
    if len(mirror) == 2 and bool(bone.get("normalise", True)):
        # Normalise where both sides overlap, so that the middle does not move twice as far.
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

    ``centred`` removes the translation of the whole head, which macro targets (a taller body)
    contain, because the camera follows the face.
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
    """Read a rig and bind it to its layout; displacement fields are cached.

    Raises:
        RigError: names file, slider, rule and value.
        AssetError: a morph target does not exist.
    """
    path = Path(path)
    rig = read_rig(path)
    names = tuple(s["name"] for s in rig["slider"])
    missing = {p.name for p in layout.continuous} ^ set(names)
    if missing:
        raise RigError(
            f"{path}: sliders must be the layout's continuous parameters, "
            f"different are {sorted(missing)[:5]}",
            remedy="add or remove [[slider]] tables",
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
    # Face coordinates: the origin is between the centres of the eyes.
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
                f"{path}: choices of {slot.name} must be those of the layout",
                remedy=f"edit [choices.{slot.name}]",
            )
