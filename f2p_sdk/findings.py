"""What a check finds, and checks that plugins bring of their own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from .errors import F2PError, PluginError

if TYPE_CHECKING:
    from .hookspecs import Kind

__all__ = ["CheckSpec", "Finding"]

STATUSES = ("ok", "failed", "skipped")


@dataclass(frozen=True)
class Finding:
    """One rule, looked at for one subject.

    Attributes:
        check: which check it belongs to, e.g. ``"bridge"``.
        subject: what was looked at, e.g. ``"justice/female"`` or the name of a slider.
        rule: what should be so, as a statement: ``"same character, same bytes"``.
        status: ``"ok"``, ``"failed"``, or ``"skipped"`` where it could not be looked at.
        value: what was found, with its unit.
        remedy: what to do next; only where the status is not ``"ok"``.
    """

    check: str
    subject: str
    rule: str
    status: str = "ok"
    value: str = ""
    remedy: str = ""

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise PluginError(
                f"finding {self.rule!r}: status must be one of {', '.join(STATUSES)}, "
                f"got {self.status!r}"
            )

    @property
    def ok(self) -> bool:
        """False where the rule is broken; what was skipped breaks none."""
        return self.status != "failed"

    def as_dict(self) -> dict[str, Any]:
        """The attributes by name."""
        return asdict(self)

    @classmethod
    def of_error(cls, check: str, subject: str, rule: str, error: BaseException) -> Finding:
        """A failed finding whose value and remedy are those of an error."""
        if isinstance(error, F2PError):
            return cls(check, subject, rule, "failed", error.message, error.remedy)
        value = f"{type(error).__name__}: {error}"
        return cls(
            check, subject, rule, "failed", value, "this is a defect: report it to its owner"
        )


@dataclass(frozen=True)
class CheckSpec:
    """A check that a plugin brings, e.g. of the rigs of its engine; `f2p check` runs it.

    Attributes:
        name, title: for the command line, and for people.
        run: looks at a kind; what it raises becomes a failed finding.
        applies: whether it has anything to look at; must be quick.
    """

    name: str
    title: str
    run: Callable[[Kind], Iterable[Finding]]
    applies: Callable[[Kind], bool] = lambda kind: True

    def __post_init__(self) -> None:
        name: object = self.name
        if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
            raise PluginError(
                f"the name of a check must be lower-case letters, digits, _ and -, got {name!r}"
            )
