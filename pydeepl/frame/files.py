"""Frames from and to files: spark.read and frame.write."""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from inspect import Parameter, signature
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import unquote, urlparse

import pyarrow as pa

from pydeepl.frame.bind import is_heavy
from pydeepl.frame.convert import _plain_type, from_table
from pydeepl.frame.dataframe import DataFrame, scan
from pydeepl.frame.errors import unknown_column
from pydeepl.frame.types import StructType, parse_type, schema_to_arrow

ROWS_AT_ONCE = 1024
WRITTEN_ROWS = 65536  # most rows of a Parquet row group; heavy rows are grouped by bytes
WRITTEN_BYTES = 16 * 2**20
FORMATS = {
    "image": "pydeepl.images:read_image_frame",
    "parquet": "pydeepl.frame.files:read_parquet",
    "csv": "pydeepl.frame.files:read_csv",
    "json": "pydeepl.frame.files:read_json",
}

Options = dict[str, Any]


def register_format(name: str, reader: str) -> None:
    """Adds a format to spark.read. Parameters: name; reader, "module:function" of function(paths,
    **options)."""
    FORMATS[name] = reader


class Reader:
    """spark.read: read.format("image").option("dropInvalid", True).load(path)."""

    def __init__(self) -> None:
        self._format = "parquet"
        self._options: Options = {}
        self._schema: pa.Schema | None = None

    def format(self, source: str) -> Reader:
        """Chooses the format: image, parquet, csv or json. Raises AnalysisException for another."""
        if source.lower() not in FORMATS:
            raise unknown_column(source, sorted(FORMATS), "format")
        self._format = source.lower()
        return self

    def option(self, key: str, value: Any) -> Reader:
        """Sets an option of the format; "true" and "false" are booleans."""
        self._options[key] = (
            {"true": True, "false": False}.get(value.lower(), value) if isinstance(value, str) else value
        )
        return self

    def options(self, **options: Any) -> Reader:
        """Sets several options."""
        for key, value in options.items():
            self.option(key, value)
        return self

    def schema(self, schema: StructType | str) -> Reader:
        """The columns to read, for csv and json."""
        found = parse_type(schema) if isinstance(schema, str) else schema
        if not isinstance(found, StructType):
            raise TypeError(f"schema: expected a StructType or its SQL spelling, got {schema!r}")
        self._schema = schema_to_arrow(found)
        return self

    def load(self, path: str | Sequence[str], format: str | None = None, **options: Any) -> DataFrame:
        """The frame of a path or several. Raises FileNotFoundError where there is nothing, AnalysisException
        for an unknown option."""
        if format is not None:
            self.format(format)
        self.options(**options)
        module, _, name = FORMATS[self._format].partition(":")
        function = getattr(import_module(module), name)
        arguments = _known_options(self._options, function, self._format)
        if self._schema is not None:
            arguments["schema"] = self._schema
        frame: DataFrame = function(path, **arguments)
        return frame

    def parquet(self, *paths: str, **options: Any) -> DataFrame:
        """The frame of Parquet files or folders."""
        return self.load(list(paths), "parquet", **options)

    def csv(self, path: str | Sequence[str], schema: Any = None, **options: Any) -> DataFrame:
        """The frame of CSV files. Options: header, sep, inferSchema, schema."""
        if schema is not None:
            self.schema(schema)
        return self.load(path, "csv", **options)

    def json(self, path: str | Sequence[str], schema: Any = None, **options: Any) -> DataFrame:
        """The frame of files with one JSON object a line."""
        if schema is not None:
            self.schema(schema)
        return self.load(path, "json", **options)

    def table(self, tableName: str) -> DataFrame:
        """A temporary view."""
        from pydeepl.frame.session import SparkSession

        return SparkSession.builder.getOrCreate().table(tableName)

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"pydeepl does not read {name}; formats: {', '.join(sorted(FORMATS))}")


def _known_options(options: Options, function: Callable[..., DataFrame], format: str) -> Options:
    """The options under the names of the function's parameters, told in any case, as Spark takes them.

    Raises AnalysisException for an option that the function has no parameter for.
    """
    parameters = list(signature(function).parameters.values())[1:]
    if any(parameter.kind is Parameter.VAR_KEYWORD for parameter in parameters):
        return dict(options)
    known = {each.name.lower(): each.name for each in parameters if each.name != "schema"}
    for key in options:
        if key.lower() not in known:
            raise unknown_column(key, known.values(), f"option of the format {format}")
    return {known[key.lower()]: value for key, value in options.items()}


def local_files(paths: str | Sequence[str], suffix: str) -> list[str]:
    """The files at paths (files, folders, glob patterns, file: URIs), each folder's in the order of their
    names.

    Raises FileNotFoundError where a path is not there or a folder has no file.
    """
    found: list[str] = []
    for path in [paths] if isinstance(paths, str | os.PathLike) else paths:
        text = os.fspath(path)
        text = unquote(urlparse(text).path) if text.startswith("file:") else text
        matches = sorted(glob.glob(text)) if glob.has_magic(text) and not os.path.exists(text) else [text]
        if not matches or not all(map(os.path.exists, matches)):
            raise FileNotFoundError(f"{text}: there is no such file or folder")
        for match in matches:
            inside = sorted(str(file) for file in Path(match).rglob("*") if _is_data(file))
            found += inside if os.path.isdir(match) else [match]
    if not found:
        raise FileNotFoundError(f"{paths}: the folder has no file (expected {suffix} files)")
    return found


def _is_data(file: Path) -> bool:
    return file.is_file() and not file.name.startswith(("_", "."))


def read_parquet(paths: str | Sequence[str]) -> DataFrame:
    """The frame of Parquet files, read batch by batch, only the columns asked for."""
    import pyarrow.parquet as pq

    files = local_files(paths, ".parquet")
    with _named_errors(files[0]):
        first = pq.read_schema(files[0])
    schema = pa.schema([field.with_type(_plain_type(field.type)) for field in first.remove_metadata()])

    def batches(columns: list[str]) -> Iterator[pa.RecordBatch]:
        rows = 64 if any(is_heavy(schema.field(name).type) for name in columns) else ROWS_AT_ONCE * 8
        for path in files:
            with _named_errors(path), pq.ParquetFile(path, pre_buffer=False) as file:
                for batch in file.iter_batches(rows, columns=columns, use_threads=False):
                    yield batch.select(columns)

    return scan(schema, batches, f"parquet {paths}")


def read_csv(
    paths: str | Sequence[str],
    header: bool = False,
    sep: str = ",",
    inferSchema: bool = False,
    schema: pa.Schema | None = None,
) -> DataFrame:
    """The frame of CSV files; without a schema all columns are text, unless inferSchema finds types.

    An empty cell is null, and no other: "NA" and "null" are texts. A schema's names count, not the header's.
    """
    tables = [_csv_table(path, header, sep, inferSchema, schema) for path in local_files(paths, ".csv")]
    return from_table(pa.concat_tables(tables, promote_options="default"))


def _csv_table(path: str, header: bool, sep: str, infer: bool, schema: pa.Schema | None) -> pa.Table:
    from pyarrow import csv

    parse = csv.ParseOptions(delimiter=sep)
    types: dict[str, pa.DataType] = {}
    read = csv.ReadOptions(autogenerate_column_names=not header)
    if schema is not None:
        read = csv.ReadOptions(column_names=schema.names, skip_rows=int(header))
        types = {field.name: field.type for field in schema}
    with _named_errors(path):
        if not infer and schema is None:
            types = dict.fromkeys(csv.open_csv(path, read, parse).schema.names, pa.string())
        convert = csv.ConvertOptions(column_types=types, null_values=[""], strings_can_be_null=True)
        table = csv.read_csv(path, read, parse, convert)
    if read.autogenerate_column_names:
        return table.rename_columns([f"_c{place}" for place in range(table.num_columns)])
    return table if schema is None else table.cast(schema)


@contextmanager
def _named_errors(path: str) -> Iterator[None]:
    """Puts a file's name into what pyarrow says of it."""
    try:
        yield
    except pa.ArrowInvalid as error:
        raise ValueError(f"{path}: {error}") from error


def read_json(paths: str | Sequence[str], schema: pa.Schema | None = None) -> DataFrame:
    """The frame of files with one JSON object a line."""
    from pyarrow import json

    options = json.ParseOptions(explicit_schema=schema)
    tables = []
    for path in local_files(paths, ".json"):
        with _named_errors(path):
            tables.append(json.read_json(path, parse_options=options))
    table = pa.concat_tables(tables, promote_options="default")
    return from_table(table.select(schema.names) if schema is not None else table)


class Writer:
    """frame.write: write.mode("overwrite").parquet(path). Rows are computed and written batch by batch."""

    def __init__(self, frame: DataFrame) -> None:
        self._frame = frame
        self._mode = "errorifexists"
        self._format = "parquet"
        self._options: Options = {}

    def mode(self, saveMode: str) -> Writer:
        """What happens where the path exists: "error" (default), "overwrite" or "ignore"."""
        modes = {"error": "errorifexists"}
        self._mode = modes.get(saveMode.lower(), saveMode.lower())
        if self._mode not in ("errorifexists", "overwrite", "ignore"):
            raise ValueError(f"mode: expected error, overwrite or ignore, got {saveMode!r}")
        return self

    def format(self, source: str) -> Writer:
        """Chooses the format: parquet, csv or json."""
        if source.lower() not in ("parquet", "csv", "json"):
            raise unknown_column(source, ["csv", "json", "parquet"], "format to write")
        self._format = source.lower()
        return self

    def option(self, key: str, value: Any) -> Writer:
        """Sets an option: header for csv, compression for parquet."""
        self._options[key] = (
            {"true": True, "false": False}.get(value.lower(), value) if isinstance(value, str) else value
        )
        return self

    def save(self, path: str, format: str | None = None, mode: str | None = None) -> None:
        """Writes a folder with one part and, when it is complete, the file _SUCCESS."""
        if mode is not None:
            self.mode(mode)
        if format is not None:
            self.format(format)
        write = {"parquet": _write_parquet, "csv": _write_csv, "json": _write_json}[self._format]
        self._write(path, write)

    def parquet(self, path: str, mode: str | None = None, compression: str | None = None) -> None:
        """Writes Parquet. Vectors and columns' metadata come back when pydeepl reads it."""
        if compression is not None:
            self.option("compression", compression)
        self.save(path, "parquet", mode)

    def csv(self, path: str, mode: str | None = None, header: bool | None = None) -> None:
        """Writes CSV."""
        if header is not None:
            self.option("header", header)
        self.save(path, "csv", mode)

    def json(self, path: str, mode: str | None = None) -> None:
        """Writes a JSON object a line."""
        self.save(path, "json", mode)

    def _write(self, path: str, write: Callable[[DataFrame, Path, Options], None]) -> None:
        target = Path(unquote(urlparse(str(path)).path) if str(path).startswith("file:") else path)
        if target.exists():
            if self._mode == "ignore":
                return
            if self._mode == "errorifexists":
                raise FileExistsError(f"{target} exists already; write.mode('overwrite') replaces it")
        folder = _folder_beside(target)
        try:
            write(self._frame, folder / f"part-00000.{self._format}", self._options)
            (folder / "_SUCCESS").touch()
            folder.chmod(0o777 & ~_umask())
            if target.is_dir():
                shutil.rmtree(target)
            elif target.exists():
                target.unlink()
            folder.rename(target)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise


def _folder_beside(target: Path) -> Path:
    """A new folder beside the target, to be moved there whole: a frame may be read from what it replaces.

    Raises OSError that names the target where no folder can be made there.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise type(error)(error.errno, f"cannot write {target}: {error.strerror}") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _grouped(frame: DataFrame) -> Iterator[pa.Table]:
    """The rows in tables of a row group's size."""
    waiting: list[pa.RecordBatch] = []
    size = rows = 0
    for batch in frame._arrow():
        waiting.append(batch)
        size, rows = size + batch.nbytes, rows + batch.num_rows
        if size >= WRITTEN_BYTES or rows >= WRITTEN_ROWS:
            yield pa.Table.from_batches(waiting)
            waiting, size, rows = [], 0, 0
    if waiting:
        yield pa.Table.from_batches(waiting)


def _write_parquet(frame: DataFrame, path: Path, options: Options) -> None:
    import pyarrow.parquet as pq

    compression = options.get("compression", "snappy")
    # Dictionaries of features or pixels would only cost time: they pay for light columns.
    light = [field.name for field in frame._node.schema if not is_heavy(field.type)]
    with pq.ParquetWriter(path, frame._node.schema, compression=compression, use_dictionary=light) as writer:
        for table in _grouped(frame):
            writer.write_table(table, row_group_size=max(1, table.num_rows))


def _write_csv(frame: DataFrame, path: Path, options: Options) -> None:
    from pyarrow import csv

    schema = frame._node.schema
    for field in schema:
        if field.type.num_fields or is_heavy(field.type):
            raise TypeError(
                f"write.csv: column {field.name} of type {field.type} has no text form; drop or select first"
            )
    settings = csv.WriteOptions(include_header=bool(options.get("header", False)), quoting_style="needed")
    with csv.CSVWriter(path, schema, write_options=settings) as writer:
        for table in _grouped(frame):
            writer.write_table(table)


def _write_json(frame: DataFrame, path: Path, options: Options) -> None:
    import json

    with path.open("w", encoding="utf-8") as file:
        for row in frame.toLocalIterator():
            cells = {name: cell for name, cell in row.asDict(True).items() if cell is not None}
            file.write(json.dumps(cells, default=_json_cell, ensure_ascii=False) + "\n")


def _json_cell(value: Any) -> Any:
    import base64

    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    if hasattr(value, "toArray"):
        return value.toArray().tolist()
    return str(value)
