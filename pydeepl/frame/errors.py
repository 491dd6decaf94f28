"""Errors of plans, under PySpark's names."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class AnalysisException(ValueError):
    """A plan that cannot be: an unknown column, unions of unlike frames, a type that does not fit."""


class ParseException(AnalysisException):
    """SQL text that cannot be read."""


def unknown_column(name: str, known: Iterable[str], what: str = "column") -> AnalysisException:
    """The error for a name that is not there: names near ones and lists those that are."""
    names = list(known)
    lower = {other.lower(): other for other in names}
    near = [lower[match] for match in get_close_matches(name.lower(), list(lower), 3, 0.6)]
    hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
    return AnalysisException(f"There is no {what} {name!r}.{hint} There are: {', '.join(names) or 'none'}.")
