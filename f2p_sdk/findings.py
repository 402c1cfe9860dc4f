"""Results of checks."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .errors import F2PError, PluginError

__all__ = ["Finding"]

STATUSES = ("ok", "warning", "failed", "skipped")


@dataclass(frozen=True)
class Finding:
    """Result of one rule for one subject.

    Attributes:
        check: name of the check, e.g. ``"bridge"``.
        subject: the checked thing, e.g. ``"justice/female"`` or a slider.
        rule: the requirement as a statement, e.g. ``"same character, same bytes"``.
        status: ``"ok"``, ``"failed"``, ``"warning"`` if the rule does not hold but the kind can be
            used, or ``"skipped"`` if the rule could not be checked.
        value: the measured value, with its unit.
        remedy: the next step; empty if the status is ``"ok"``.
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
        """False if the rule is broken; a warning and a skipped rule are not."""
        return self.status != "failed"

    def as_dict(self) -> dict[str, Any]:
        """The attributes by name."""
        return asdict(self)

    @classmethod
    def of(
        cls, check: str, subject: str, rule: str, ok: bool, value: str = "", remedy: str = ""
    ) -> Finding:
        """An ok or a failed finding; ``remedy`` is kept only for a failed one."""
        return cls(check, subject, rule, "ok" if ok else "failed", value, "" if ok else remedy)

    @classmethod
    def of_error(cls, check: str, subject: str, rule: str, error: BaseException) -> Finding:
        """A failed finding with the message and remedy of an error."""
        if isinstance(error, F2PError):
            return cls(check, subject, rule, "failed", error.message, error.remedy)
        value, remedy = f"{type(error).__name__}: {error}", "this is a defect: report it"
        return cls(check, subject, rule, "failed", value, remedy)
