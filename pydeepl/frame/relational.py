"""groupBy, distinct, orderBy and join as relations."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pyarrow as pa

from pydeepl.frame.batches import is_heavy
from pydeepl.frame.bind import HUGE, Bound, Scope, bind_path, resolve
from pydeepl.frame.column import Column, Expression, Named, Order, Reference
from pydeepl.frame.errors import AnalysisException, unknown_column
from pydeepl.frame.plan import ROW, Node
from pydeepl.frame.relation import Fetched, Own, Relation, leaf_table, nullable
from pydeepl.frame.sql import query, quoted

HOWS = {
    "inner": "inner",
    "cross": "cross",
    "left": "left",
    "leftouter": "left",
    "right": "right",
    "rightouter": "right",
    "outer": "full",
    "full": "full",
    "fullouter": "full",
    "semi": "semi",
    "leftsemi": "semi",
    "anti": "anti",
    "leftanti": "anti",
}


def digest(bound: Bound) -> Bound:
    """A heavy column as a hash of each cell, to compare by."""

    def evaluate(batch: pa.RecordBatch) -> pa.Array:
        column = bound.evaluate(batch)
        storage = column.storage if isinstance(column, pa.ExtensionArray) else column
        cells = [
            hashlib.blake2b(repr(cell).encode(), digest_size=16).hexdigest() for cell in storage.to_pylist()
        ]
        return pa.array(cells, pa.string())

    return Bound(pa.field(bound.field.name, pa.string(), False), bound.columns, evaluate, bound.text)


def key_sql(expression: Expression, scope: Scope) -> tuple[str, Bound | None]:
    """What to compare rows by: the expression's SQL; for a heavy column its hash, and the column."""
    bare = expression
    while isinstance(bare, Named):
        bare = bare.child
    if isinstance(bare, Reference):
        bound = bare.bind(scope.schema)
        if is_heavy(bound.field.type):
            return scope.leaf(digest(bound)), bound
    return expression.sql(scope)[0], None


def grouped(node: Node, keys: Sequence[Expression], aggregates: Sequence[Expression]) -> Relation:
    """SELECT keys, aggregates GROUP BY keys, in the order in which the keys first appear."""
    scope = Scope(node.schema, ordinals=True)
    texts: list[str] = []
    groups: list[str] = []
    outputs: list[Own | Fetched] = []
    for place, key in enumerate(keys):
        text, heavy = key_sql(key, scope)
        groups.append(text)
        bound = key.bind(node.schema)
        if heavy is not None and len(heavy.path) == 1:
            outputs.append(Fetched(bound.field, 0, heavy.path[0]))
        elif heavy is not None:
            raise AnalysisException(f"cannot group by {bound.text}: select it as a column of its own first")
        else:
            texts.append(f"{text} AS {quoted(bound.field.name)}")
            outputs.append(Own(bound.field))
        if bound.field.name in [output.field.name for output in outputs[:place]]:
            raise AnalysisException(f"groupBy: {bound.field.name} is named twice")
    for aggregate in aggregates:
        text, null = aggregate.sql(scope)
        arrow = scope.type_of(text)
        if arrow == HUGE and not any(pa.types.is_decimal(leaf.field.type) for leaf in scope.leaves):
            text, arrow = f"CAST({text} AS BIGINT)", pa.int64()
        texts.append(f"{text} AS {quoted(aggregate.name)}")
        outputs.append(Own(pa.field(aggregate.name, arrow, null)))
    select = ", ".join([*texts, *([f"min({ROW}) AS __id0"] if groups else [])])
    tail = f" GROUP BY {', '.join(groups)} ORDER BY min({ROW})" if groups else ""
    return _over_one(node, scope, f"SELECT {select} FROM leaves{tail}", outputs, f"Aggregate [{select}]")


def _over_one(node: Node, scope: Scope, sql: str, outputs: Sequence[Own | Fetched], text: str) -> Relation:
    def run() -> pa.Table:
        return query(sql, {"leaves": leaf_table(node, sorted(scope.columns - {ROW}), scope.table)})

    return Relation([node], run, outputs, text)


def all_of(node: Node, source: int = 0) -> list[Own | Fetched]:
    """All columns of an input."""
    return [Fetched(field, source, field.name) for field in node.schema]


def distinct(node: Node, names: Sequence[str]) -> Relation:
    """The first row of each different combination of the columns."""
    scope = Scope(node.schema, ordinals=True)
    groups = ", ".join(key_sql(Reference([resolve(name, node.schema)]), scope)[0] for name in names)
    sql = f"SELECT min({ROW}) AS __id0 FROM leaves GROUP BY {groups} ORDER BY 1"
    return _over_one(node, scope, sql, all_of(node), f"Distinct [{', '.join(names)}]")


def ordered(node: Node, orders: Sequence[Order]) -> Relation:
    """The rows sorted; rows that compare equal stay in their order."""
    scope = Scope(node.schema, ordinals=True)
    terms = []
    for order in orders:
        field = order.expression.bind(node.schema).field
        if is_heavy(field.type):
            raise AnalysisException(f"orderBy: {field.name} of type {field.type} has no order")
        first = order.nulls_first if order.nulls_first is not None else not order.descending
        direction, nulls = "DESC" if order.descending else "ASC", "FIRST" if first else "LAST"
        terms.append(f"{order.expression.sql(scope)[0]} {direction} NULLS {nulls}")
    sql = f"SELECT {ROW} AS __id0 FROM leaves ORDER BY {', '.join([*terms, ROW])}"
    shown = ", ".join(f"{order.expression.name} {'DESC' if order.descending else 'ASC'}" for order in orders)
    return _over_one(node, scope, sql, all_of(node), f"Sort [{shown}]")


class JoinScope(Scope):
    """The leaves of one side of a join, named apart from the other's."""

    def __init__(self, schema: pa.Schema, side: int) -> None:
        super().__init__(schema, ordinals=True)
        self.prefix = f"__{'lr'[side]}"


def joined(left: Node, right: Node, on: str | Sequence[str] | Column | None, how: str) -> Relation:
    """A join on columns of the same names, or on a condition over columns of different names."""
    kind = HOWS.get(how.lower().replace("_", ""))
    if kind is None:
        raise unknown_column(how, sorted(set(HOWS)), "kind of join")
    scopes = JoinScope(left.schema, 0), JoinScope(right.schema, 1)
    names = [] if on is None or isinstance(on, Column) else [on] if isinstance(on, str) else list(on)
    if isinstance(on, Column):
        condition = _condition(on, left, right, scopes)
    else:
        condition = _same_keys(names, left, right, scopes)
    keys = [_key(name, left, right, scopes, kind) for name in names]
    outputs = _join_outputs(left, right, names, [own for _, own in keys], kind)
    ids = f"l.{ROW} AS __id0" + ("" if kind in ("semi", "anti") else f", r.{ROW} AS __id1")
    select = ", ".join([*(text for text, _ in keys), ids])
    sides = "" if kind in ("semi", "anti") else f", r.{ROW} NULLS LAST"
    word = {"full": "FULL", "left": "LEFT", "right": "RIGHT", "semi": "SEMI", "anti": "ANTI"}.get(
        kind, "INNER"
    )
    sql = f"SELECT {select} FROM l {word} JOIN r ON {condition} ORDER BY l.{ROW} NULLS LAST{sides}"

    def run() -> pa.Table:
        tables = {}
        for name, node, scope in (("l", left, scopes[0]), ("r", right, scopes[1])):
            tables[name] = leaf_table(node, sorted(scope.columns - {ROW}), scope.table)
        return query(sql, tables)

    return Relation([left, right], run, outputs, f"Join {kind} on {condition}")


def _same_keys(names: Sequence[str], left: Node, right: Node, scopes: Sequence[Scope]) -> str:
    terms = []
    for name in names:
        sides = []
        for node, scope in zip((left, right), scopes, strict=True):
            bound = Reference([resolve(name, node.schema)]).bind(node.schema)
            if is_heavy(bound.field.type):
                raise AnalysisException(f"join: {name} of type {bound.field.type} cannot be a key")
            sides.append(scope.leaf(bound))
        terms.append(f"l.{sides[0]} = r.{sides[1]}")
    return " AND ".join(terms) or "true"


def _key(name: str, left: Node, right: Node, scopes: Sequence[Scope], kind: str) -> tuple[str, Own]:
    """A key column of the result: the left's, the right's in a right join, whichever there is in a full
    one."""
    mine, theirs = resolve(name, left.schema), resolve(name, right.schema)
    one = scopes[0].leaf(bind_path((mine,), left.schema, mine))
    two = scopes[1].leaf(bind_path((theirs,), right.schema, theirs))
    fields = left.schema.field(mine), right.schema.field(theirs)
    if kind == "right":
        return f"r.{two} AS {quoted(mine)}", Own(fields[1].with_name(mine))
    if kind == "full":
        empty = {"l": scopes[0].empty_table(), "r": scopes[1].empty_table()}
        text = f"coalesce(l.{one}, r.{two}) AS {quoted(mine)}"
        arrow = query(f"SELECT {text} FROM l, r", empty, types_only=True).schema.field(0).type
        return text, Own(pa.field(mine, arrow, fields[0].nullable or fields[1].nullable))
    return f"l.{one} AS {quoted(mine)}", Own(fields[0])


def _condition(on: Column, left: Node, right: Node, scopes: Sequence[JoinScope]) -> str:
    """A condition's SQL; its columns go to the side that has them."""
    both = sorted(set(left.schema.names) & set(right.schema.names))
    if both:
        raise AnalysisException(
            f"join on a condition: both frames have {', '.join(both)}; rename there, or join on the name"
        )
    whole = Scope(pa.schema([*left.schema, *right.schema]), prefix="__j")
    sql = on._expression.sql(whole)[0]
    if whole.paths:
        raise AnalysisException("join: give the condition as a Column of columns, not as SQL text")
    for place in reversed(range(len(whole.leaves))):
        leaf = whole.leaves[place]
        if not leaf.path:
            raise AnalysisException(
                f"join: {leaf.text} cannot be part of a condition; add it as a column first"
            )
        side = 0 if leaf.path[0] in left.schema.names else 1
        sql = sql.replace(f"__j{place}", f"{'lr'[side]}.{scopes[side].leaf(leaf)}")
    return sql


def _join_outputs(
    left: Node, right: Node, names: Sequence[str], keys: Sequence[Own], kind: str
) -> list[Own | Fetched]:
    taken = {name.lower() for name in names}
    mine = [field for field in left.schema if field.name.lower() not in taken]
    theirs = [field for field in right.schema if field.name.lower() not in taken]
    if kind in ("semi", "anti"):
        theirs = []
    both = sorted({field.name for field in mine} & {field.name for field in theirs})
    if both:
        raise AnalysisException(
            f"join: both frames have {', '.join(both)}; rename or drop them in one of the frames"
        )
    mine_now = nullable(mine) if kind in ("right", "full") else mine
    theirs_now = nullable(theirs) if kind in ("left", "full") else theirs
    fetched = [Fetched(field, 0, field.name) for field in mine_now]
    return [*keys, *fetched, *(Fetched(field, 1, field.name) for field in theirs_now)]
