"""Calls of registered functions, taken out of SQL text: Arrow batches go through them, not DuckDB's rows.

SELECT my_udf(image) AS p FROM t WHERE label = 1
SELECT t.__call0 AS p FROM t WHERE label = 1          with __call0 = my_udf(image), a column of t
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydeepl.frame.errors import AnalysisException
from pydeepl.frame.sql import query, syntax_tree, text_literal, tree_nodes

_QUOTED = re.compile(r"""'(?:[^']|'')*' | "((?:[^"]|"")*)" """, re.VERBOSE)  # text, or a name
_NAME = re.compile(r"(?:\w+\.)?__call(\d+)\b")


@dataclass(frozen=True)
class Call:
    """A call: the function's name, its arguments as Spark's SQL, and the column that stands for it."""

    function: str
    arguments: tuple[str, ...]
    column: str
    table: str = ""
    """The view that the arguments are columns of; empty in text that is no query."""

    @property
    def text(self) -> str:
        """The call as SQL, to be read: without needless quotes."""
        return re.sub(r"`(\w+)`", r"\1", f"{self.function}({', '.join(self.arguments)})")


@dataclass(frozen=True)
class Source:
    """A table of a FROM clause: the name it has there, the view it is, and that view's columns.

    A subquery is a source without a view.
    """

    alias: str
    view: str = ""
    columns: frozenset[str] = frozenset()
    missing: bool = False
    """Whether it is called like a view that is not there."""


class Calls:
    """SQL text without its calls of registered functions.

    Attributes: sql, the text with columns in their places; calls, those that were taken out.
    """

    def __init__(self, sql: str, functions: Collection[str], views: Mapping[str, Sequence[str]]) -> None:
        self.calls: list[Call] = []
        self._functions, self._views = functions, views
        self.sql = sql
        if functions and any(_is_call(each, functions) for each in tree_nodes(syntax_tree(sql))):
            tree = copy.deepcopy(syntax_tree(sql))
            self._local = {
                str(pair["key"]).lower()
                for each in tree_nodes(tree)
                if isinstance(each.get("cte_map"), dict)
                for pair in each["cte_map"].get("map", [])
            }
            self._walk(tree, [])
            self._tree = tree
            self.sql = _as_sql(tree)

    @property
    def plain(self) -> frozenset[str]:
        """The calls' columns that the result may take row by row: each is a column of it, as it is, and the
        query does nothing else with any."""
        if not self.calls:
            return frozenset()
        nodes = list(tree_nodes(self._tree))
        selects = [each for each in nodes if each.get("type") in ("SELECT_NODE", "SET_OPERATION_NODE")]
        if len(selects) != 1 or selects[0].get("group_expressions") or self._local:
            return frozenset()
        modifiers = selects[0].get("modifiers", [])
        if any(each.get("type") not in ("LIMIT_MODIFIER", "ORDER_MODIFIER") for each in modifiers):
            return frozenset()
        listed = selects[0]["select_list"]
        aliases = {each.get("alias", "").lower() for each in listed if _stand_in(each)}
        others = [each for each in nodes if "column_names" in each and each not in listed]
        if any(
            {name.lower() for name in each["column_names"]} & aliases or _stand_in(each) for each in others
        ):
            return frozenset()
        orders = [order["expression"] for each in modifiers for order in each.get("orders", [])]
        if any(each.get("class") in ("CONSTANT", "STAR") for each in orders):  # ORDER BY 2, ORDER BY ALL
            return frozenset()
        return frozenset(call.column for call in self.calls)

    def named(self, name: str) -> str | None:
        """A result column's name with the calls' texts in it; None for a column that only * gave."""
        if _NAME.fullmatch(name):
            return None
        return _NAME.sub(lambda match: self.calls[int(match[1])].text, name)

    def _walk(self, node: Any, sources: Sequence[Source]) -> None:
        """Takes the calls out of a tree, in place."""
        if isinstance(node, dict) and node.get("type") == "SELECT_NODE":
            sources = list(self._sources(node.get("from_table")))
            for each in node.get("select_list", []) if self._views else []:
                if _is_call(each, self._functions) and not each.get("alias"):
                    each["alias"] = "\0"  # its own text, once that is known
        children = node.items() if isinstance(node, dict) else enumerate(node)
        for place, child in list(children):
            if _is_call(child, self._functions):
                node[place] = self._taken(child, sources)
            elif isinstance(child, dict | list):
                self._walk(child, sources)

    def _sources(self, table: Any) -> Iterator[Source]:
        if not isinstance(table, dict):
            return
        if table.get("type") == "JOIN":
            yield from self._sources(table.get("left"))
            yield from self._sources(table.get("right"))
            return
        name = str(table.get("table_name", "")).lower()
        alias = table.get("alias") or table.get("table_name") or ""
        known = table.get("type") == "BASE_TABLE" and name not in self._local and name in self._views
        columns = frozenset(each.lower() for each in self._views[name]) if known else frozenset()
        missing = table.get("type") == "BASE_TABLE" and not known and name not in self._local
        yield Source(alias, name if known else "", columns, missing)

    def _taken(self, node: dict[str, Any], sources: Sequence[Source]) -> dict[str, Any]:
        """The column that takes a call's place."""
        function, arguments = node["function_name"], _arguments(node)
        source = self._source(function, arguments, sources) if self._views else None
        if source is not None:
            for each in tree_nodes(arguments):
                if _qualified(each, source):
                    each["column_names"] = each["column_names"][1:]
        texts = tuple(_in_spark(_as_sql(_select_of(each)).removeprefix("SELECT ")) for each in arguments)
        call = Call(function.lower(), texts, f"__call{len(self.calls)}", source.view if source else "")
        same = [other for other in self.calls if other == replace(call, column=other.column)]
        call = same[0] if same else call
        self.calls += [] if same else [call]
        alias = call.text if node.get("alias") == "\0" else node.get("alias", "")
        names = [source.alias, call.column] if source else [call.column]
        template: dict[str, Any] = copy.deepcopy(_first(syntax_tree("SELECT a_column")))
        return {**template, "alias": alias, "column_names": names}

    def _source(self, function: str, arguments: list[Any], sources: Sequence[Source]) -> Source:
        """The one table that a call's arguments are columns of."""
        found: dict[str, Source] = {}
        for each in tree_nodes(arguments):
            if "column_names" in each:
                names = [source for source in sources if _qualified(each, source)]
                owners = names or [s for s in sources if each["column_names"][0].lower() in s.columns]
                if len(owners) != 1 or not owners[0].view:
                    owners = []
                for owner in owners:
                    found[owner.alias.lower()] = owner
                if not owners:
                    raise AnalysisException(f"{function}: {_no_column(each['column_names'], sources)}")
        if len(found) > 1:
            raise AnalysisException(
                f"{function}: its arguments are columns of {' and '.join(found)}: expected one"
            )
        tables = [source for source in sources if source.view]
        if not found and len(tables) != 1:
            raise AnalysisException(f"{function}: expected a column of a view as argument")
        return next(iter(found.values()), tables[0] if tables else Source(""))


def _no_column(names: Sequence[str], sources: Sequence[Source]) -> str:
    """Why a name is no column that a registered function can take."""
    missing = [source.alias for source in sources if source.missing]
    if missing:
        return f"there is no view {missing[0]!r}"
    there = [f" ({each.alias} has {', '.join(sorted(each.columns))})" for each in sources if each.view]
    return (
        f"{'.'.join(names)} is no column of a view in the same FROM{''.join(there)}; "
        "a registered function takes columns of views, not of subqueries: call it inside"
    )


def _is_call(node: Any, functions: Collection[str]) -> bool:
    return (
        isinstance(node, dict)
        and node.get("class") == "FUNCTION"
        and str(node.get("function_name", "")).lower() in functions
    )


def _arguments(node: dict[str, Any]) -> list[Any]:
    """A call's arguments: DuckDB 1 lists them as children, DuckDB 2 as arguments that may have names."""
    if "arguments" in node:
        return [each["expression"] for each in node["arguments"]]
    return list(node["children"])


def _qualified(node: dict[str, Any], source: Source) -> bool:
    """Whether a column's name begins with the source's."""
    names = node.get("column_names", [])
    return len(names) > 1 and names[0].lower() == source.alias.lower()


def _stand_in(node: dict[str, Any]) -> bool:
    return any(_NAME.fullmatch(name) for name in node.get("column_names", []))


def _first(tree: Any) -> Any:
    """The first expression of a SELECT."""
    return tree["statements"][0]["node"]["select_list"][0]


def _select_of(expression: Any) -> Any:
    """The tree of SELECT expression."""
    tree = copy.deepcopy(syntax_tree("SELECT a_column"))
    tree["statements"][0]["node"]["select_list"] = [{**expression, "alias": ""}]
    return tree


def _in_spark(sql: str) -> str:
    """DuckDB's spelling as Spark's: names in quotes of Spark's own."""
    return _QUOTED.sub(lambda match: match[0] if match[1] is None else _backticks(match[1]), sql)


def _backticks(name: str) -> str:
    return "`" + name.replace('""', '"').replace("`", "``") + "`"


def _as_sql(tree: Any) -> str:
    """A tree as SQL text."""
    text = text_literal(json.dumps(tree))
    return str(query(f"SELECT json_deserialize_sql({text}::JSON) AS text", {}).column(0)[0].as_py())
