"""What a check finds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .errors import F2PError, PluginError

__all__ = ["Finding"]

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
