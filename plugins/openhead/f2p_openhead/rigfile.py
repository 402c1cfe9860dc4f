"""Reader of rig files: checks the form of a rig before it is used."""

from __future__ import annotations

import difflib
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from f2p_sdk import F2PError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["RigError", "read_rig"]

_TABLES = ("camera", "base", "material", "choices", "slider")
_SLIDER = ("name", "low", "high", "macro", "bone", "material")
_BONE = ("at", "radius", "move", "rotate", "scale", "side", "normalise", "only")
_SIDES = ("both", "middle", "asymmetric", "twist")


class RigError(F2PError):
    """A rig file is invalid, or does not match its layout."""


def read_rig(path: Path) -> dict[str, Any]:
    """Read the tables of a rig file; their form is in docs/reference/rig.md.

    It does not check the rig against a layout or a head.

    Raises:
        RigError: names file, slider, key, rule and value.
    """
    try:
        rig: dict[str, Any] = tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise RigError(f"{path}: {error.strerror}", remedy="give the path of a rig file") from error
    except (ValueError, RecursionError) as error:  # not UTF-8, or not TOML
        raise RigError(f"{path}: is not valid TOML: {error}", remedy="edit the rig") from error
    _keys(f"{path}", rig, _TABLES)
    for name in ("camera", "base", "material"):
        _numbers(f"{path}: [{name}]", rig.get(name, {}))
    sliders = rig.get("slider")
    if not isinstance(sliders, list) or not all(isinstance(s, dict) for s in sliders):
        raise _refused(f"{path}: slider", "must be written as [[slider]] tables", sliders)
    names: set[str] = set()
    for number, slider in enumerate(sliders, start=1):
        name = slider.get("name")
        if not isinstance(name, str):
            raise _refused(f"{path}: [[slider]] number {number}", "needs a name", name)
        if name in names:
            raise RigError(f"{path}: slider {name} occurs twice", remedy="remove one")
        names.add(name)
        _slider(f"{path}: slider {name}", slider)
    choices = _table(f"{path}: [choices]", rig.get("choices", {}))
    for slot, settings in choices.items():
        for choice, style in _table(f"{path}: choices of {slot}", settings).items():
            _table(f"{path}: {slot} {choice}", style)
    return rig


def _slider(where: str, slider: Mapping[str, Any]) -> None:
    _keys(where, slider, _SLIDER)
    for end in ("low", "high"):
        _numbers(f"{where}: {end}", slider.get(end, {}))
    for name, ends in _table(f"{where}: material", slider.get("material", {})).items():
        if not isinstance(ends, list) or len(ends) not in (2, 3) or not all(map(_number, ends)):
            raise _refused(
                f"{where}: material {name}", "must be [low, high] or [low, middle, high]", ends
            )
    bones = slider.get("bone", [])
    if not isinstance(bones, list):
        raise _refused(f"{where}: bone", "must be a list of bones", bones)
    for bone in bones:
        _bone(f"{where}: bone", _table(f"{where}: bone", bone))


def _bone(where: str, bone: Mapping[str, Any]) -> None:
    _keys(where, bone, _BONE)
    for key in ("at", "radius", "move", "rotate", "scale"):
        value = bone.get(key, [0, 0, 0] if key not in ("at", "radius") else None)
        if not isinstance(value, list) or len(value) != 3 or not all(map(_number, value)):
            raise _refused(f"{where} {key}", "must be three numbers", value)
    if not all(r > 0 for r in bone["radius"]):
        raise _refused(f"{where} radius", "must be above 0", bone["radius"])
    side = bone.get("side", "both")
    if side not in _SIDES:
        raise _refused(f"{where} side", f"must be {', '.join(_SIDES[:-1])} or {_SIDES[-1]}", side)


def _keys(where: str, table: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            meant = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
            raise RigError(f"{where}: unknown key {key!r}", remedy=meant)


def _table(where: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _refused(where, "must be a table", value)
    return value


def _numbers(where: str, value: object) -> None:
    for name, number in _table(where, value).items():
        if not _number(number):
            raise _refused(f"{where} {name}", "must be a number", number)


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _refused(where: str, rule: str, value: object) -> RigError:
    return RigError(
        f"{where} {rule}, got {value!r}", remedy="edit the rig; see docs/reference/rig.md"
    )
