"""The `pydeepl` command: one file a command, each with `add_arguments(parser)` and `run(arguments)`."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from pydeepl import __version__

# Command -> (module, what it does).
_COMMANDS = {
    "demo": ("demo", "the whole job on handwritten digits, or on your own folders of images"),
    "run": ("run", "run a PySpark/sparkdl script, unchanged, on pydeepl"),
    "weights": ("weights", "list, fetch or verify the networks' weights"),
    "cache": ("cache", "show or clear the features kept on disk"),
    "bench": ("bench", "how fast a network runs here, and where its time goes"),
    "version": ("version", "versions of pydeepl and of what it stands on"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; `arguments` are those of the process by default. Returns the exit code.

    Errors that say what is wrong with the input end the command with one message and code 1; Ctrl-C with 130.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser(given).parse_args(given)
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("pydeepl: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read our output has left; what Python still holds for them must not fail at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (OSError, ValueError, ImportError, NotImplementedError, MemoryError) as error:
        if os.environ.get("PYDEEPL_TRACEBACK"):
            raise
        print(f"pydeepl {options.command}: {str(error) or 'out of memory'}", file=sys.stderr)
        return 1
    return code


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pydeepl",
        description="Folders of images to trained classifiers.",
        epilog="PYDEEPL_TRACEBACK=1 shows where an error comes from; PYDEEPL_PROGRESS=0 hides progress bars.",
    )
    parser.add_argument("--version", action="version", version=f"pydeepl {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (module, help_text) in _COMMANDS.items():
        command = commands.add_parser(
            name, help=help_text, description=help_text[0].upper() + help_text[1:] + "."
        )
        # Only the command that is asked for is imported.
        if name in given[:1]:
            implementation = import_module(f"pydeepl.cli.{module}")
            implementation.add_arguments(command)
            command.set_defaults(run=implementation.run)
    return parser
