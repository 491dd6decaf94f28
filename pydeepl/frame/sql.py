"""The bridge to DuckDB: SQL over Arrow tables, for expressions and relational work. DuckDB loads on first
use."""

from __future__ import annotations

import json
import os
import re
import tempfile
import threading
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import pyarrow as pa

from pydeepl.frame.dialect import MACROS, with_places_from_one, with_whole_casts
from pydeepl.frame.errors import AnalysisException, ParseException

SETTINGS = {
    "TimeZone": "UTC",
    "enable_progress_bar": "false",
    "default_null_order": "nulls_first_on_asc_last_on_desc",  # as Spark sorts
}

_LOCAL = threading.local()
_CONNECT = threading.Lock()
_DATABASE: list[Any] = []  # the one in-memory database, once somebody needed it


def _cursor() -> Any:
    """This thread's connection to the in-memory database."""
    if not hasattr(_LOCAL, "cursor"):
        import duckdb

        with _CONNECT:
            if not _DATABASE:
                spill = tempfile.mkdtemp(prefix="pydeepl-sql-")  # made by DuckDB only where memory runs out
                os.rmdir(spill)
                database = duckdb.connect(":memory:", config={"temp_directory": spill})
                database.execute(";".join(MACROS))
                _DATABASE.append(database)
            _LOCAL.cursor = _DATABASE[0].cursor()
            for setting, value in SETTINGS.items():
                _LOCAL.cursor.execute(f"SET {setting} = '{value}'")
    return _LOCAL.cursor


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def text_literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def query(sql: str, tables: Mapping[str, pa.Table], types_only: bool = False) -> pa.Table:
    """Runs a query over Arrow tables.

    Parameters: sql; tables by name; types_only, whether no row is wanted, only the result's schema.
    Returns the result. Raises AnalysisException where the query does not fit the tables, ParseException where
    it is no SQL, ArithmeticError and ValueError where a value cannot be computed (overflow, a cast, a
    division by zero).
    """
    import duckdb

    cursor = _cursor()
    for name, table in tables.items():
        cursor.register(name, table)
    try:
        relation = cursor.sql(sql)
        if relation is None:
            raise ParseException(f"SQL that gives no rows is not supported: {sql}")
        return relation.limit(0).to_arrow_table() if types_only else relation.to_arrow_table()
    except (duckdb.ConversionException, duckdb.OutOfRangeException, duckdb.InvalidInputException) as error:
        raise ValueError(f"{_first_line(error)} (in {sql})") from error
    except duckdb.ParserException as error:
        raise ParseException(f"{_first_line(error)} (in {sql})") from error
    except duckdb.ProgrammingError as error:
        raise AnalysisException(f"{_first_line(error)} (in {sql})") from error
    finally:
        for name in tables:
            cursor.unregister(name)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]


@lru_cache(maxsize=1024)
def syntax_tree(sql: str) -> Any:
    """The statement's parsed tree. Raises ParseException where it is no SELECT."""
    found = query(f"SELECT json_serialize_sql({text_literal(sql)}) AS tree", {}).column(0)[0].as_py()
    tree = json.loads(found)
    if tree.get("error_type") == "not implemented":
        raise ParseException(f"expected one SELECT statement, found {sql}")
    if tree.get("error"):
        raise ParseException(f"{tree.get('error_message', 'cannot be read')} (in {sql})")
    return tree


def tree_nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """All objects of a syntax tree."""
    if isinstance(tree, dict):
        yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for part in tree:
            yield from tree_nodes(part)


def alias_of(sql: str) -> str:
    """The name that a SELECT gives its first column; "" where it gives none. Raises ParseException."""
    node = syntax_tree(sql)["statements"][0]["node"]
    return str(node["select_list"][0]["alias"]) if node.get("select_list") else ""


def column_references(sql: str) -> list[tuple[str, ...]]:
    """The (dotted) column names that a statement mentions, each once."""
    nodes = tree_nodes(syntax_tree(sql))
    return list(dict.fromkeys(tuple(node["column_names"]) for node in nodes if "column_names" in node))


_TOKENS = re.compile(
    r"""'(?:[^'\\]|''|\\.)*'            # text
      | "(?:[^"\\]|\\.)*"               # text too, in Spark
      | `(?:[^`]|``)*`                  # a name
      | <=>                             # equality where null equals null
      | \barray\s*\(                    # a list of values
      """,
    re.VERBOSE | re.IGNORECASE,
)


def from_spark(sql: str) -> str:
    """Spark's spellings as DuckDB's: quotes of their own for "text" and `name`, <=>, array(), casts, a[0]."""

    def spelled(match: re.Match[str]) -> str:
        token = match[0]
        if token == "<=>":
            return " IS NOT DISTINCT FROM "
        if token[0] in "aA":
            return "list_value("
        if token[0] == "`":
            return quoted(token[1:-1].replace("``", "`"))
        if token[0] == '"':
            return text_literal(re.sub(r"\\(.)", r"\1", token[1:-1]))
        return token.replace("\\'", "''")

    return with_places_from_one(with_whole_casts(_TOKENS.sub(spelled, sql)))
