"""Lineage: whether a frame has another's rows one by one, and what becomes of its columns on the way."""

from __future__ import annotations

from pydeepl.frame.dataframe import DataFrame
from pydeepl.frame.plan import Filter, Node, Project, Repartition, Stage

__all__ = ["column_origin", "keeps_rows"]


def _steps(frame: DataFrame, below: DataFrame) -> list[Node] | None:
    """The steps that make `frame` of `below`, the last one first; None where one is not taken row by row."""
    steps: list[Node] = []
    node = frame._node
    while node is not below._node:
        drawing = isinstance(node, Filter) and node.draws > node.children[0].draws
        if drawing or not isinstance(node, Stage | Project | Filter | Repartition):
            return None
        steps.append(node)
        node = node.children[0]
    return steps


def keeps_rows(frame: DataFrame, below: DataFrame) -> bool:
    """Whether `frame` is made of `below` row by row: columns computed, rows dropped by their own values.

    Then it does not matter whether rows of `below` are chosen before that or after it. Random draws,
    relational work and limits look at other rows, and frames of other sources have other rows.
    """
    return _steps(frame, below) is not None


def column_origin(frame: DataFrame, below: DataFrame, name: str) -> str:
    """Where a column of a frame that keeps the rows of `below` comes from.

    Returns "source", a column of `below` as it is; "kept", computed once and kept; "made", computed by every
    action.
    """
    for node in _steps(frame, below) or []:
        if isinstance(node, Stage) and node.makes(name):
            return "kept" if node.kept is not None else "made"
        if isinstance(node, Project):
            path = node.path(name)
            if len(path) != 1:
                return "made"
            name = path[0]
    return "source"
