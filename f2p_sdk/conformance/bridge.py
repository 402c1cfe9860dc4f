"""Checks of an engine over the bridge: what it offers, draws and refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ..bridge import differing_assets
from ..bridge.messages import PASSES
from ..errors import EngineError, EngineLostError, F2PError
from ..findings import Finding
from ..weights import load_card

if TYPE_CHECKING:
    from ..bridge import EngineInfo, Host, Rendering
    from ..kinds import Kind

SIZES: tuple[tuple[int, int], ...] = ((64, 64), (256, 256), (320, 240))
CLASSES = 11  # of the labels pass
Verdict: TypeAlias = "tuple[bool, str, str]"
"""True if the rule holds, the measured value, the remedy if it does not hold."""


def check_bridge(kind: Kind, host: Host) -> Iterator[Finding]:
    """Check the engine of ``kind`` that is connected to ``host``."""
    info = host.wait()
    checks = _EngineChecks(kind, host, info)
    rules: list[tuple[str, Callable[[], Verdict]]] = [
        ("its layout is the adapter's", checks.layout),
        ("the handshake gave no warning", checks.warnings),
        *((f"draws {w}x{h}", lambda size=(w, h): checks.size(size)) for w, h in SIZES),
        ("draws its largest picture", lambda: checks.size((info.max_size, info.max_size))),
        ("same character, same bytes", checks.same),
        ("another character, another picture", checks.other),
        ("refuses a character without values, and continues", checks.refuses_no_values),
        ("refuses an unknown kind, and continues", checks.refuses_kind),
        *(
            (f"pass {name} is valid", lambda name=name: checks.optional_pass(name))
            for name in info.passes
            if name in PASSES and name != "color"
        ),
    ]
    for rule, check in rules:
        try:
            ok, value, remedy = check()
        except EngineLostError:
            raise  # no engine is left to check
        except F2PError as error:
            yield Finding.of_error("bridge", kind.name, rule, error)
            continue
        yield Finding.of("bridge", kind.name, rule, ok, value, remedy)
    yield from _assets(kind, info)


def _assets(kind: Kind, info: EngineInfo) -> Iterator[Finding]:
    """Compare the engine's assets with those that each imitator was trained with."""
    for name, path in kind.weights.items():
        try:
            made_with = str(load_card(path).get("assets", "")) if Path(path).is_file() else ""
        except F2PError:
            continue  # check_weights reports it
        if info.assets and made_with:
            text = differing_assets(f"imitator {name}", made_with, info.assets)
            remedy = f"capture and train again: f2p capture -g {kind.name}, f2p train imitator"
            # Not a broken rule: a small change of the art may be harmless.
            verdict = ("warning", text, remedy) if text else ("ok", info.assets, "")
            rule = "its assets are those of the imitator"
            yield Finding("bridge", f"{kind.name} {name}", rule, *verdict)


class _EngineChecks:
    """One method per rule."""

    def __init__(self, kind: Kind, host: Host, info: EngineInfo) -> None:
        self.kind, self.host, self.info = kind, host, info
        self.characters = [dict(kind.layout.random(i, seed=1).values) for i in range(3)]

    def draw(self, index: int = 0, size: tuple[int, int] = (128, 128), *passes: str) -> Rendering:
        return self.host.render(
            self.characters[index], kind=self.kind.kind, size=size, passes=("color", *passes)
        )

    def layout(self) -> Verdict:
        engine, adapter = self.info.kinds.get(self.kind.kind), self.kind.layout.hash
        same = engine == adapter
        value = adapter if same else f"the engine's is {engine}, the adapter's {adapter}"
        return same, value, "install the same version of the adapter on both sides"

    def warnings(self) -> Verdict:
        return not self.info.warnings, "; ".join(self.info.warnings), "update the older side"

    def size(self, size: tuple[int, int]) -> Verdict:
        color = self.draw(0, size).color
        # Per channel: a plane of one colour has channels that differ.
        deviation = float(color.std(axis=(0, 1)).max())
        value = f"{size[0]}x{size[1]}, deviation {deviation:.0f} of 255"
        remedy = "a picture of one colour shows no face: check the engine's drawing"
        return deviation > 2, value, remedy

    def same(self) -> Verdict:
        first = self.draw(0).color
        self.draw(1)  # must not influence the next picture
        again = self.draw(0).color
        different = int((first != again).any(-1).sum())
        remedy = "a picture must not depend on time, random numbers or earlier characters"
        return different == 0, f"{different} of {first[..., 0].size} pixels differ", remedy

    def other(self) -> Verdict:
        share = float((self.draw(0).color != self.draw(1).color).any(-1).mean())
        return share > 0, f"{share:.0%} of the pixels differ", "the engine must read the values"

    def refuses_no_values(self) -> Verdict:
        return self._refuses({}, self.kind.kind)

    def refuses_kind(self) -> Verdict:
        return self._refuses(self.characters[0], "no-such-kind")

    def _refuses(self, values: dict[str, float | str], kind: str) -> Verdict:
        try:
            self.host.render(values, kind=kind, size=128)
        except EngineError as error:
            self.draw(0)  # the engine still answers
            return True, error.message.splitlines()[0][:80], ""
        return False, "it drew a picture", "raise an exception in render: it reaches the caller"

    def optional_pass(self, name: str) -> Verdict:
        """Check a pass's contents at two sizes; the bridge checks shape and type."""
        small, large = self.draw(0, (96, 96), name), self.draw(1, (192, 128), name)
        a, b = getattr(small, name), getattr(large, name)
        problem = ""
        if name == "labels":
            highest = int(max(a.max(), b.max()))
            problem = f"class {highest}" if highest >= CLASSES else ""
            if len(np.unique(a)) < 2:
                problem = "one class everywhere"
        elif not (np.isfinite(a).all() and np.isfinite(b).all()):
            problem = "has numbers that are not finite"
        elif name == "landmarks" and a.shape != b.shape:
            problem = f"{len(a)} points of one character, {len(b)} of another"
        value = problem or f"{a.dtype} {' x '.join(map(str, a.shape))}"
        return not problem, value, "see the passes in docs/reference/protocol.md"
