"""Whether an engine keeps the bridge's contract, asked over the bridge as any user of it asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ..bridge.messages import PASSES
from ..errors import EngineError, EngineLostError, F2PError
from ..findings import Finding

if TYPE_CHECKING:
    from ..bridge import EngineInfo, Host, Picture
    from ..kinds import Kind

__all__ = ["check_bridge"]

SIZES: tuple[tuple[int, int], ...] = ((64, 64), (256, 256), (320, 240))
CLASSES = 11
Verdict: TypeAlias = "tuple[bool, str, str]"
"""Whether the rule holds, what was found, what to do if not."""


def check_bridge(kind: Kind, host: Host) -> Iterator[Finding]:
    """What an engine of ``kind``, connected to ``host``, says of itself, draws and refuses."""
    info = host.wait()
    probe = _Probe(kind, host, info)
    rules: list[tuple[str, Callable[[], Verdict]]] = [
        ("its layout is the adapter's", probe.layout),
        ("the handshake gave no warning", probe.warnings),
        *((f"draws {w}x{h}", lambda size=(w, h): probe.size(size)) for w, h in SIZES),
        ("draws its largest picture", lambda: probe.size((info.max_size, info.max_size))),
        ("same character, same bytes", probe.same),
        ("another character, another picture", probe.other),
        ("refuses a character without values, and goes on", probe.refuses_nothing),
        ("refuses a kind it does not have, and goes on", probe.refuses_kind),
        *(
            (f"pass {name} is what it should be", lambda name=name: probe.offered(name))
            for name in info.passes
            if name in PASSES and name != "color"
        ),
    ]
    for rule, look in rules:
        try:
            ok, value, remedy = look()
        except EngineLostError:
            raise  # nothing is left to ask
        except F2PError as error:
            yield Finding.of_error("bridge", kind.name, rule, error)
            continue
        status = "ok" if ok else "failed"
        yield Finding("bridge", kind.name, rule, status, value, "" if ok else remedy)


class _Probe:
    """One engine, asked one thing at a time."""

    def __init__(self, kind: Kind, host: Host, info: EngineInfo) -> None:
        self.kind, self.host, self.info = kind, host, info
        self.people = [dict(kind.layout.random(i, seed=1).values) for i in range(3)]

    def draw(self, who: int = 0, size: tuple[int, int] = (128, 128), *passes: str) -> Picture:
        return self.host.render(
            self.people[who], kind=self.kind.kind, size=size, passes=("color", *passes)
        )

    def layout(self) -> Verdict:
        theirs, ours = self.info.kinds.get(self.kind.kind), self.kind.layout.hash
        value = ours if theirs == ours else f"the engine's is {theirs}, the adapter's {ours}"
        return theirs == ours, value, "install the same version of the adapter on both sides"

    def warnings(self) -> Verdict:
        return not self.info.warnings, "; ".join(self.info.warnings), "update the older side"

    def size(self, size: tuple[int, int]) -> Verdict:
        color = self.draw(0, size).color
        deviation = float(color.std())
        value = f"{size[0]}x{size[1]}, deviation {deviation:.0f} of 255"
        return deviation > 2, value, "a picture of one colour shows nobody: look at the engine"

    def same(self) -> Verdict:
        first = self.draw(0).color
        self.draw(1)  # must leave no trace
        again = self.draw(0).color
        apart = int((first != again).any(-1).sum())
        remedy = "no time, randomness or leftovers of other characters may show in a picture"
        return apart == 0, f"{apart} of {first[..., 0].size} pixels differ", remedy

    def other(self) -> Verdict:
        apart = float((self.draw(0).color != self.draw(1).color).any(-1).mean())
        return apart > 0, f"{apart:.0%} of the pixels differ", "the engine must read the values"

    def refuses_nothing(self) -> Verdict:
        return self._refused({}, self.kind.kind)

    def refuses_kind(self) -> Verdict:
        return self._refused(self.people[0], "no-such-kind")

    def _refused(self, values: dict[str, float | str], kind: str) -> Verdict:
        try:
            self.host.render(values, kind=kind, size=128)
        except EngineError as error:
            self.draw(0)  # goes on
            return True, error.message.splitlines()[0][:80], ""
        return False, "it drew something", "raise an exception in render: it travels to the caller"

    def offered(self, name: str) -> Verdict:
        """A pass at two sizes: shape and type are the bridge's own rules; here, what is in it."""
        small, large = self.draw(0, (96, 96), name), self.draw(1, (192, 128), name)
        a, b = getattr(small, name), getattr(large, name)
        wrong = ""
        if name == "labels":
            highest = int(max(a.max(), b.max()))
            wrong = f"class {highest}" if highest >= CLASSES else ""
            if len(np.unique(a)) < 2:
                wrong = "one class everywhere"
        elif not (np.isfinite(a).all() and np.isfinite(b).all()):
            wrong = "numbers that are not finite"
        elif name == "landmarks" and a.shape != b.shape:
            wrong = f"{len(a)} points of one character, {len(b)} of another"
        value = wrong or f"{a.dtype} {' x '.join(map(str, a.shape))}"
        return not wrong, value, "see the passes in docs/reference/protocol.md"
