"""`pydeepl run script.py`: a PySpark/sparkdl script, unchanged, on pydeepl."""

import argparse
import os
import sys
from pathlib import Path
from types import CodeType, ModuleType, TracebackType

from pydeepl.compat import install


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """script and its own arguments."""
    parser.epilog = "In this process pyspark and sparkdl are pydeepl's modules; nothing else changes."
    parser.add_argument(
        "--spark", action="store_true", help="on the PySpark that is installed: sparkdl alone is pydeepl's"
    )
    parser.add_argument("script", help="the Python script")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="passed to the script")


def run(arguments: argparse.Namespace) -> int:
    """Runs the script as __main__, as `python script.py` does; its exceptions and exit code are its own."""
    script = Path(arguments.script)
    source = _source(script)
    file = os.path.abspath(script)  # of __file__ and tracebacks, also after the script has changed its folder
    if arguments.spark:
        from pydeepl.spark import install_as_sparkdl

        install_as_sparkdl()
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # the PATH's python3 may have no pydeepl
    else:
        install()
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        os.environ.setdefault("MPLBACKEND", "Agg")  # no screen: plots are drawn for files only
    sys.argv = [str(script), *arguments.arguments]
    sys.path.insert(0, str(script.resolve().parent))
    main = ModuleType("__main__")
    vars(main).update(__file__=file, __builtins__=__builtins__)
    sys.modules["__main__"] = main  # for good: what the script leaves running finds its names there
    try:
        code: CodeType = compile(source, file, "exec", dont_inherit=True)
        exec(code, vars(main))
    except Exception as error:
        error.with_traceback(_inside(error.__traceback__, file))
        sys.excepthook(type(error), error, error.__traceback__)
        return 1
    return 0


def _source(script: Path) -> bytes:
    """The script's text. Raises OSError where there is none, ValueError for what is no text."""
    if script.is_dir():
        raise IsADirectoryError(f"{script}: expected a Python script, found a folder")
    if not script.exists():  # a pipe is as good as a file
        raise FileNotFoundError(f"no such script: {script}")
    source = script.read_bytes()
    if b"\0" in source:  # in every archive, model and image, and in no script
        raise ValueError(f"{script}: expected a Python script, found a binary file")
    return source


def _inside(traceback: TracebackType | None, file: str) -> TracebackType | None:
    """The traceback from the script's first frame on; none where the script never ran."""
    while traceback is not None and traceback.tb_frame.f_code.co_filename != file:
        traceback = traceback.tb_next
    return traceback
