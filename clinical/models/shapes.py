"""What stands in the JSON columns of people and care. Each shape reads a column's value or says what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SEVERITIES = ("none", "low", "moderate", "high", "critical")
_SEVERITY_ALIASES = {"medium": "moderate"}  # the word that one of the seeds uses


@dataclass(frozen=True, slots=True)
class Facts:
    """A flat set of named facts: text, number, yes/no, or a list of texts."""

    entries: Mapping[str, str | int | float | bool | list[str] | None]

    @classmethod
    def read(cls, value: Any) -> Facts:
        if not isinstance(value, dict):
            raise TypeError('expected an object of named facts, like {"occupation": "nurse"}.')
        for name, fact in value.items():
            plain = fact is None or isinstance(fact, str | int | float | bool)
            if not plain and not (isinstance(fact, list) and all(isinstance(one, str) for one in fact)):
                raise ValueError(f"“{name}” must be a text, a number, yes/no or a list of texts.")
        return cls(value)


@dataclass(frozen=True, slots=True)
class RiskFactor:
    """One factor of a client's risk. `severity` None is "not assessed", which is not "low"."""

    factor: str
    severity: str | None = None
    since: str | None = None
    source: str | None = None

    @classmethod
    def read(cls, value: Any) -> RiskFactor:
        if not isinstance(value, dict) or not isinstance(value.get("factor"), str) or not value["factor"].strip():
            raise ValueError("a risk factor is an object with at least a “factor” in words.")
        unknown = value.keys() - {"factor", "severity", "since", "source"}
        if unknown:
            raise ValueError(f"a risk factor has no “{sorted(unknown)[0]}”; it has factor, severity, since, source.")
        severity = value.get("severity")
        severity = _SEVERITY_ALIASES.get(severity, severity) if isinstance(severity, str) else severity
        if severity is not None and severity not in SEVERITIES:
            raise ValueError(f"severity is one of {', '.join(SEVERITIES)}, or left out where nobody assessed it.")
        return cls(value["factor"], severity, value.get("since"), value.get("source"))


def read_risk_factors(value: Any) -> tuple[RiskFactor, ...]:
    if not isinstance(value, list):
        raise TypeError("expected a list of risk factors.")
    return tuple(RiskFactor.read(one) for one in value)
