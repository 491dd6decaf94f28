"""The plan behind a frame: nodes that give their rows as a stream of record batches.

A node is asked for columns and conditions, `stream(columns, conditions)`, and gives the batches of exactly
those columns, in row order, of the rows that meet all conditions. What nobody asks for is not made, and
conditions travel down: past unions, projections and stages to the source, so that a row which is dropped is
not decoded first.

Every row has an ordinal, the hidden int64 column ROW: unique in its frame, ascending in row order, the same
in every run. A source numbers its rows (see Scan), a union shifts its branches' numbers behind each other,
and whatever keeps rows as they are keeps their numbers. randomSplit and sample draw by hashing (seed, ROW):
deterministic, and decided before anything is read.

Where cells are read from files, a source may give the files' paths in their place: the hidden column
file_of(column). Who asks for it (after has_files) spares the reading.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pydeepl.frame.batches import (
    Batches,
    Feed,
    Mask,
    batch_of,
    conform,
    conform_batch,
    filter_batch,
    first_rows,
    is_heavy,
    skip_rows,
    split_rows,
    zip_streams,
)
from pydeepl.frame.keep import Kept

if TYPE_CHECKING:
    from pydeepl.frame.bind import Bound

ROW = "__row__"
ROWS_AT_ONCE = 4096  # ordinals decided on at a time
UNKNOWN_SPAN = 2**40  # the ordinals set apart for a source that does not know how many rows it has
_FILE_OF = "__file_of__."

Ordinals = npt.NDArray[np.int64]


def file_of(column: str) -> str:
    """The name of the hidden binary column of the paths (os.fsencode) that a column's cells are read from."""
    return _FILE_OF + column


def hidden_field(name: str) -> pa.Field | None:
    """The field of a hidden column, None for any other name."""
    if name == ROW:
        return pa.field(ROW, pa.int64(), False)
    return pa.field(name, pa.binary(), False) if name.startswith(_FILE_OF) else None


class Condition(Protocol):
    """A test of rows: the columns it reads (ROW too) and the mask of the rows that pass."""

    columns: frozenset[str]

    def mask(self, batch: pa.RecordBatch) -> Mask:
        """The rows of a batch (of at least `columns`) that pass."""
        ...


Conditions = tuple[Condition, ...]


def unique(*groups: Iterable[str]) -> list[str]:
    """The names of all groups, each once, in order of appearance."""
    return list(dict.fromkeys(name for group in groups for name in group))


def passing(batches: Batches, conditions: Sequence[Condition], columns: Sequence[str]) -> Batches:
    """The rows that meet all conditions, with the columns asked for; empty batches are left out."""
    for batch in batches:
        for condition in conditions:
            if batch.num_rows:
                batch = filter_batch(batch, condition.mask(batch))
        if batch.num_rows:
            yield batch.select(columns)


class Node(ABC):
    """A step of a plan. Attributes: schema; children; partitions, the number that Spark would report."""

    schema: pa.Schema
    children: tuple[Node, ...] = ()

    @abstractmethod
    def stream(self, columns: Sequence[str], conditions: Conditions = ()) -> Batches:
        """The batches of the columns asked for (at least one; ROW is one) of the rows that meet the
        conditions."""

    @abstractmethod
    def describe(self) -> str:
        """The step in a line, for explain()."""

    @property
    def partitions(self) -> int:
        """The number of partitions Spark would report."""
        return self.children[0].partitions if self.children else 1

    @property
    def span(self) -> int:
        """A bound that all ordinals stay below."""
        return self.children[0].span

    def most_rows(self, conditions: Conditions = ()) -> int | None:
        """The most rows that can meet the conditions, told by ordinals alone; None where they do not tell."""
        return None

    def has_files(self, column: str) -> bool:
        """Whether stream() takes file_of(column)."""
        return False

    @property
    def draws(self) -> int:
        """How many random draws lie below: each draws by numbers of its own, so that a split's split is
        fair."""
        return max((child.draws for child in self.children), default=0)


class Scan(Node):
    """A source of rows. `frame.scan` documents what it may do."""

    def __init__(
        self,
        schema: pa.Schema,
        batches: Callable[..., Iterator[pa.RecordBatch]],
        name: str,
        slots: int | Callable[[], int] | None,
        partitions: int | Callable[[], int],
        files: Sequence[str] = (),
    ) -> None:
        self.schema = schema
        self._batches, self._name, self._slots, self._partitions = batches, name, slots, partitions
        self._files = frozenset(files)

    @property
    def partitions(self) -> int:
        return self._partitions() if callable(self._partitions) else self._partitions

    @cached_property
    def slots(self) -> int | None:
        """The number of ordinals, where the source takes a selection of rows."""
        return self._slots() if callable(self._slots) else self._slots

    @property
    def span(self) -> int:
        return UNKNOWN_SPAN if self.slots is None else self.slots

    def has_files(self, column: str) -> bool:
        return column in self._files

    def describe(self) -> str:
        return f"Scan {self._name} [{', '.join(self.schema.names)}]"

    def stream(self, columns: Sequence[str], conditions: Conditions = ()) -> Batches:
        asked = unique(columns, *(condition.columns for condition in conditions))
        if self._slots is None:
            return passing(self._whole(asked), conditions, columns)
        return self._selected(asked, columns, conditions)

    def _whole(self, asked: list[str]) -> Batches:
        """All rows of a source that cannot select; the ordinals are counted here."""
        names = [name for name in asked if name != ROW]
        if not names:  # the rows are only counted: by the lightest column
            names = [min(self.schema, key=lambda field: (is_heavy(field.type), field.type.num_fields)).name]
        start = 0
        for batch in self._batches(names):
            batch = self._checked(batch, names)
            rows = batch.num_rows
            if ROW in asked:
                ordinals = pa.array(np.arange(start, start + rows, dtype=np.int64))
                batch = batch_of([*batch.columns, ordinals], [*names, ROW])
            start += rows
            yield batch.select(asked)

    def _selected(self, asked: list[str], columns: Sequence[str], conditions: Conditions) -> Batches:
        """Rows chosen before they are made: by their ordinals alone, then by light columns, then by the
        rest."""
        by_ordinal = [condition for condition in conditions if condition.columns <= {ROW}]
        rest = [condition for condition in conditions if not condition.columns <= {ROW}]
        rows = self._passing_ordinals(by_ordinal) if by_ordinal else None
        light = [condition for condition in rest if not any(self._heavy(name) for name in condition.columns)]
        if light and any(self._heavy(name) for name in asked):
            first = unique([ROW], *(condition.columns for condition in light))
            chosen = passing(self._read(first, rows), light, [ROW])
            rows = (batch.column(0).to_numpy() for batch in chosen)
            rest = [condition for condition in rest if condition not in light]
            asked = unique(columns, *(condition.columns for condition in rest))
        return passing(self._read(asked, rows), rest, columns)

    def _heavy(self, name: str) -> bool:
        return hidden_field(name) is None and is_heavy(self.schema.field(name).type)

    def most_rows(self, conditions: Conditions = ()) -> int | None:
        if self._slots is None or callable(self._slots):  # counting may cost
            return None
        by_ordinal = [condition for condition in conditions if condition.columns <= {ROW}]
        return sum(map(len, self._passing_ordinals(by_ordinal))) if by_ordinal else self._slots

    def _passing_ordinals(self, conditions: Sequence[Condition]) -> Iterator[Ordinals]:
        slots = self.slots or 0
        for start in range(0, slots, ROWS_AT_ONCE):
            ordinals = np.arange(start, min(start + ROWS_AT_ONCE, slots), dtype=np.int64)
            batches = iter([batch_of([pa.array(ordinals)], [ROW])])
            for batch in passing(batches, conditions, [ROW]):
                yield batch.column(0).to_numpy()

    def _read(self, asked: list[str], rows: Iterator[Ordinals] | None) -> Batches:
        for batch in self._batches(asked, rows):
            yield self._checked(batch, asked)

    def _checked(self, batch: pa.RecordBatch, names: list[str]) -> pa.RecordBatch:
        if batch.schema.names != names:
            batch = batch.select(names)
        fields = [hidden_field(name) or self.schema.field(name) for name in names]
        return conform_batch(batch, pa.schema(fields))


class Composed:
    """A condition on computed columns, asked of the columns they are computed from."""

    def __init__(self, condition: Condition, bounds: dict[str, Bound]) -> None:
        self._condition, self._bounds = condition, bounds
        own = condition.columns & {ROW}
        self.columns = own.union(*(bound.columns for bound in bounds.values()))

    def mask(self, batch: pa.RecordBatch) -> Mask:
        """The rows that pass."""
        names = list(self._condition.columns)
        arrays = [batch.column(ROW) if name == ROW else self._bounds[name].evaluate(batch) for name in names]
        return self._condition.mask(batch_of(arrays, names))


class Project(Node):
    """Columns computed row by row from the child's."""

    def __init__(self, child: Node, bounds: Sequence[Bound]) -> None:
        self.children = (child,)
        self.schema = pa.schema([bound.field for bound in bounds])
        self._bounds = {bound.field.name: bound for bound in bounds}

    def path(self, name: str) -> tuple[str, ...]:
        """The path of the child's column (or field of one) that a column is; empty where it is computed."""
        return self._bounds[name].path

    def describe(self) -> str:
        return f"Project [{', '.join(str(bound) for bound in self._bounds.values())}]"

    def stream(self, columns: Sequence[str], conditions: Conditions = ()) -> Batches:
        down, here = [], []
        for condition in conditions:
            bounds = {name: self._bounds[name] for name in condition.columns if name != ROW}
            if all(bound.cheap for bound in bounds.values()):
                down.append(Composed(condition, bounds))
            else:
                here.append(condition)
        made = unique(columns, *(condition.columns for condition in here))
        asked = unique(*(self._needed(name) for name in made))
        source = self.children[0].stream(asked or [ROW], tuple(down))
        return passing((self._made(batch, made) for batch in source), here, columns)

    def most_rows(self, conditions: Conditions = ()) -> int | None:
        return self.children[0].most_rows(tuple(each for each in conditions if each.columns <= {ROW}))

    def has_files(self, column: str) -> bool:
        bound = self._bounds.get(column)
        return bound is not None and len(bound.path) == 1 and self.children[0].has_files(bound.path[0])

    def _hidden(self, name: str) -> str | None:
        """The child's name of a hidden column; None for any other."""
        if name == ROW or hidden_field(name) is None:
            return ROW if name == ROW else None
        return file_of(self._bounds[name.removeprefix(_FILE_OF)].path[0])

    def _needed(self, name: str) -> Iterable[str]:
        hidden = self._hidden(name)
        return self._bounds[name].columns if hidden is None else [hidden]

    def _made(self, batch: pa.RecordBatch, names: list[str]) -> pa.RecordBatch:
        arrays = []
        for name in names:
            hidden = self._hidden(name)
            arrays.append(self._bounds[name].evaluate(batch) if hidden is None else batch.column(hidden))
        return batch_of(arrays, names)


class Filter(Node):
    """The rows that meet a condition."""

    def __init__(self, child: Node, condition: Condition, text: str, draws: bool = False) -> None:
        self.children, self.schema = (child,), child.schema
        self._condition, self._text, self._draws = condition, text, draws

    @property
    def draws(self) -> int:
        return super().draws + self._draws

    def describe(self) -> str:
        return f"Filter {self._text}"

    def stream(self, columns: Sequence[str], conditions: Conditions = ()) -> Batches:
        return self.children[0].stream(columns, (self._condition, *conditions))

    def most_rows(self, conditions: Conditions = ()) -> int | None:
        return self.children[0].most_rows((self._condition, *conditions))

    def has_files(self, column: str) -> bool:
        return self.children[0].has_files(column)


class Cell:
    """The rows whose random number in [0, 1) lies in [low, high): one cell of a split."""

    columns = frozenset([ROW])

    def __init__(self, low: float, high: float, seed: int, draw: int) -> None:
        self._low, self._high, self._seed, self._draw = low, high, seed, draw

    def mask(self, batch: pa.RecordBatch) -> Mask:
        """The rows that pass."""
        numbers = uniform(batch.column(ROW).to_numpy(), self._seed, self._draw)
        return (numbers >= self._low) & (numbers < self._high)


def uniform(ordinals: Ordinals, seed: int, draw: int = 0) -> npt.NDArray[np.float64]:
    """Numbers in [0, 1), one for each ordinal, by hashing it with the seed.

    SplitMix64's finalizer, twice: Steele, Lea, Flood: "Fast splittable pseudorandom number generators",
    OOPSLA 2014.
    """
    start = _mixed(np.array([seed & (2**64 - 1)], np.uint64) + np.uint64(draw))
    hashed = _mixed(_mixed(ordinals.astype(np.uint64) + start) ^ start)
    numbers: npt.NDArray[np.float64] = (hashed >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return numbers


def _mixed(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    values = values ^ (values >> np.uint64(31))
    return values


class Shifted:
    """A condition on a union's ordinals, asked of a branch's."""

    def __init__(self, condition: Condition, offset: int) -> None:
        self._condition, self._offset = condition, offset
        self.columns = condition.columns

    def mask(self, batch: pa.RecordBatch) -> Mask:
        """The rows that pass."""
        return self._condition.mask(shift_rows(batch, self._offset))


def shift_rows(batch: pa.RecordBatch, offset: int) -> pa.RecordBatch:
    """The batch with its ordinals (where it has them) moved up."""
    if offset == 0 or ROW not in batch.schema.names:
        return batch
    place = batch.schema.get_field_index(ROW)
    return batch.set_column(place, ROW, pc.add(batch.column(place), offset))


class Union(Node):
    """The rows of frames with the same column names, one frame after another, in the types of `schema`."""

    def __init__(self, children: Sequence[Node], schema: pa.Schema) -> None:
        # A union of unions is one: reduce(union) over many frames stays flat.
        flat: list[Node] = []
        for child in children:
            same = isinstance(child, Union) and child.schema.types == schema.types
            flat += child.children if same else [child]
        self.children, self.schema = tuple(flat), schema

    @property
    def partitions(self) -> int:
        return sum(child.partitions for child in self.children)

    @property
    def span(self) -> int:
        return sum(child.span for child in self.children)

    def describe(self) -> str:
        return f"Union of {len(self.children)}"

    def stream(self, columns: Sequence[str], conditions: Conditions = ()) -> Batches:
        offset = 0
        for child in self.children:
            for batch in child.stream(columns, self._of_branch(child, conditions, offset)):
                yield self._conformed(shift_rows(batch, offset))
            offset += child.span

    def most_rows(self, conditions: Conditions = ()) -> int | None:
        total, offset = 0, 0
        for child in self.children:
            rows = child.most_rows(self._of_branch(child, conditions, offset))
            if rows is None:
                return None
            total, offset = total + rows, offset + child.span
        return total

    def has_files(self, column: str) -> bool:
        return all(child.has_files(column) for child in self.children)

    def _of_branch(self, child: Node, conditions: Conditions, offset: int) -> Conditions:
        return tuple(Shifted(each, offset) if offset and ROW in each.columns else each for each in conditions)

    def _conformed(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        names = batch.schema.names
        arrays = [
            array if hidden_field(name) else conform(array, self.schema.field(name).type)
            for name, array in zip(names, batch.columns, strict=True)
        ]
        return batch_of(arrays, names)


class Limit(Node):
    """The first rows; what comes after them is not computed."""

    def __init__(self, child: Node, count: int) -> None:
        self.children, self.schema, self._count = (child,), child.schema, count

    @property
    def partitions(self) -> int:
        return 1

    def describe(self) -> str:
        return f"Limit {self._count}"

    def stream(self, columns: Sequence[str], conditions: Conditions = ()) -> Batches:
        asked = unique(columns, *(condition.columns for condition in conditions))
        return passing(first_rows(self.children[0].stream(asked), self._count), conditions, columns)

    def most_rows(self, conditions: Conditions = ()) -> int | None:
        rows = self.children[0].most_rows()
        return None if rows is None else min(rows, self._count)

    def has_files(self, column: str) -> bool:
        return self.children[0].has_files(column)


class Repartition(Node):
    """Remembers a number of partitions. Rows stay where they are: there is one machine."""

    def __init__(self, child: Node, count: int) -> None:
        self.children, self.schema, self._count = (child,), child.schema, count

    @property
    def partitions(self) -> int:
        return self._count

    def describe(self) -> str:
        return f"Repartition {self._count}"

    def stream(self, columns: Sequence[str], conditions: Conditions = ()) -> Batches:
        return self.children[0].stream(columns, conditions)

    def most_rows(self, conditions: Conditions = ()) -> int | None:
        return self.children[0].most_rows(conditions)

    def has_files(self, column: str) -> bool:
        return self.children[0].has_files(column)


StageFunction = Callable[[Iterator[pa.RecordBatch]], Iterator[list[pa.Array]]]


class Computation:
    """A stage's function with the columns it reads and makes; holds no node, so a paused run keeps no plan
    alive."""

    def __init__(
        self,
        function: StageFunction,
        inputs: Sequence[str],
        outputs: Sequence[pa.Field],
        rows: int | None = None,
    ) -> None:
        self._function, self.inputs, self.outputs = function, list(inputs), pa.schema(list(outputs))
        self.names: list[str] = self.outputs.names
        self._rows = rows  # the most rows of a batch that the function is fed

    def __str__(self) -> str:
        return f"Stage [{', '.join(self.inputs)}] -> [{', '.join(self.names)}]"

    def run(self, batches: Batches, others: Sequence[str] = ()) -> Batches:
        """The columns made, beside other columns of the batches the function is fed."""
        feed = Feed(batches if self._rows is None else split_rows(batches, self._rows), self.inputs)
        for arrays in self._function(iter(feed)):
            try:
                batch = feed.next_answered()
            except IndexError:
                raise RuntimeError(f"{self}: more batches came out than went in") from None
            made = [conform(array, field.type) for array, field in zip(arrays, self.outputs, strict=True)]
            if any(len(array) != batch.num_rows for array in made):
                counts = [len(array) for array in made]
                raise RuntimeError(f"{self}: {batch.num_rows} rows went in, {counts} came out")
            yield batch_of([*(batch.column(name) for name in others), *made], [*others, *self.names])
        if lost := feed.finish():
            raise RuntimeError(f"{self}: {lost} batches went in and did not come out")

    def resume(self, child: Node, skip: int) -> Batches:
        """The columns made from the child's row `skip` on."""
        for batch in self.run(skip_rows(child.stream(self.inputs or [ROW]), skip)):
            yield conform_batch(batch, self.outputs)


class Stage(Node):
    """Columns that a function computes batch by batch; `DataFrame._with_stage` documents it.

    A kept stage remembers its columns by position, so conditions do not pass below it: they would leave gaps.
    """

    def __init__(self, child: Node, computation: Computation, keep: bool) -> None:
        self.children, self._computation = (child,), computation
        self._made = set(computation.names)
        # A dict's keys keep their places: a column that is made anew stays where it was.
        fields = {field.name: field for field in [*child.schema, *computation.outputs]}
        self.schema = pa.schema(list(fields.values()))
        self.kept = Kept(computation.outputs, partial(computation.resume, child)) if keep else None

    def makes(self, name: str) -> bool:
        """Whether a column is one that the function computes."""
        return name in self._made

    def describe(self) -> str:
        return f"{self._computation}{', kept' if self.kept else ''}"

    def stream(self, columns: Sequence[str], conditions: Conditions = ()) -> Batches:
        child = self.children[0]
        here = tuple(each for each in conditions if each.columns & self._made)
        if not (here or self._made.intersection(columns)):
            return child.stream(columns, conditions)
        if self.kept is not None:
            return self._stored(self.kept, columns, conditions)
        asked = unique(columns, *(condition.columns for condition in here))
        down = tuple(each for each in conditions if each not in here)
        others = [name for name in asked if name not in self._made]
        source = child.stream(unique(self._computation.inputs, others) or [ROW], down)
        return passing(self._computation.run(source, others), here, columns)

    def most_rows(self, conditions: Conditions = ()) -> int | None:
        return self.children[0].most_rows(tuple(each for each in conditions if each.columns <= {ROW}))

    def has_files(self, column: str) -> bool:
        return column not in self._made and self.children[0].has_files(column)

    def _stored(self, kept: Kept, columns: Sequence[str], conditions: Conditions) -> Batches:
        """Kept columns beside the child's others; heavy ones are made for the rows that pass only."""
        child = self.children[0]
        asked = unique(columns, *(condition.columns for condition in conditions))
        tested = set().union(*(condition.columns for condition in conditions))
        late = [name for name in asked if name not in tested | self._made and hidden_field(name) is None]
        late = [name for name in late if is_heavy(child.schema.field(name).type)]
        if not conditions or tested & self._made:
            late = []
        early = [name for name in asked if name not in late]
        others = [name for name in early if name not in self._made]
        found = zip_streams([kept.batches(), child.stream(others)]) if others else kept.batches()
        found = passing(found, conditions, early)
        if late:
            found = zip_streams([found, child.stream(late, conditions)])
        return (batch.select(columns) for batch in found)


class Cached(Node):
    """All columns of the child, kept once computed: cache(), persist() and the results of relational work."""

    def __init__(self, child: Node) -> None:
        self.children, self.schema = (child,), child.schema
        self._stored_schema = pa.schema([*child.schema, pa.field(ROW, pa.int64(), False)])
        self.kept: Kept | None = None
        self.fill()

    def fill(self) -> None:
        """Keeps what is computed from now on."""
        self.kept = self.kept or Kept(
            self._stored_schema, partial(read_from, self.children[0], self._stored_schema)
        )

    def drop(self) -> None:
        """Forgets what was kept, and keeps no more."""
        self.kept = None

    def describe(self) -> str:
        return "Cached" if self.kept else "Cached (dropped)"

    def stream(self, columns: Sequence[str], conditions: Conditions = ()) -> Batches:
        if self.kept is None:
            return self.children[0].stream(columns, conditions)
        return passing(self.kept.batches(), conditions, columns)


def read_from(node: Node, schema: pa.Schema, skip: int) -> Batches:
    """A node's columns from row `skip` on."""
    for batch in skip_rows(node.stream(schema.names), skip):
        yield conform_batch(batch, schema)
