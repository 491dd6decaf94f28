"""Modules named pyspark and sparkdl that are pydeepl's, for one process: a hook over spark_names' table."""

import sys
from collections.abc import Callable, Sequence, Set
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from pydeepl.compat.spark_names import STAND_INS

_ROOTS = {name.partition(".")[0] for name in STAND_INS}


class StandIns(MetaPathFinder, Loader):
    """Finds and makes the stand-in modules; an unknown one is an ImportError that says what there is.

    Parameters: roots, the packages whose modules are stand-ins; names_of: what an entry of the table stands
    for.
    """

    def __init__(self, roots: Set[str], names_of: Callable[[str], dict[str, Any]]) -> None:
        self.roots, self._names_of = roots, names_of

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A spec for every module under the roots, None for all others."""
        if fullname.partition(".")[0] not in self.roots:
            return None
        if fullname not in STAND_INS:
            known = ", ".join(sorted(name for name in STAND_INS if name.partition(".")[0] in self.roots))
            raise ModuleNotFoundError(
                f"pydeepl does not provide {fullname}; the modules it stands in for: {known}", name=fullname
            )
        spec = ModuleSpec(fullname, self, origin="pydeepl.compat", is_package=True)
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """An empty stand-in."""
        return _StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Fills the stand-in with the names of its row."""
        names: dict[str, Any] = {}
        for entry in STAND_INS[module.__name__]:
            names.update(self._names_of(entry))
        module.__dict__.update(names)
        module.__dict__["__all__"] = sorted(names)
        if module.__name__ == "pyspark":
            module.__dict__["__version__"] = import_module("pydeepl.frame.context").PYSPARK


class _StandIn(ModuleType):
    def __getattr__(self, name: str) -> Any:
        # A submodule that was not imported yet: `import pyspark.sql` is enough in PySpark for much of what is
        # below.
        if f"{self.__name__}.{name}" in STAND_INS:
            return import_module(f"{self.__name__}.{name}")
        if name.startswith("_"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        provided = ", ".join(self.__dict__["__all__"])
        # `from module import name` reports an AttributeError without its text; this one reaches the reader.
        raise ImportError(
            f"pydeepl does not provide {self.__name__}.{name}; it provides: {provided}", name=name
        )


def install() -> None:
    """Makes `import pyspark` and `import sparkdl` give pydeepl's classes in this process from now on.

    For a script or a notebook whose code is to stay as it is; PySpark need not be installed, and is not used
    where it is. A second call changes nothing. Names that pydeepl does not stand in for are ImportErrors that
    list what there is. Raises ImportError where the real modules are imported already.
    """
    stand_in(_ROOTS, names_of)


def stand_in(roots: Set[str], names_of: Callable[[str], dict[str, Any]]) -> None:
    """Has stand-ins take the place of packages, unless they have it; parameters as StandIns'.

    Raises ImportError where the real modules are imported already.
    """
    if any(isinstance(finder, StandIns) and finder.roots == roots for finder in sys.meta_path):
        return
    clash = sorted(roots & sys.modules.keys())
    if clash:
        raise ImportError(f"{' and '.join(clash)} is imported already: its stand-in cannot take its place")
    sys.meta_path.insert(0, StandIns(roots, names_of))


def names_of(entry: str) -> dict[str, Any]:
    """The names that an entry of the table stands for (its three forms are in spark_names)."""
    module_name, _, name = entry.partition(":")
    holder: Any = import_module(module_name)
    if name and not name.endswith(".*"):
        return {name: getattr(holder, name)}
    if name:
        holder = getattr(holder, name.removesuffix(".*"))
    public = getattr(holder, "__all__", None) or [each for each in dir(holder) if _is_own(holder, each)]
    return {each: getattr(holder, each) for each in public}


def _is_own(module: ModuleType, name: str) -> bool:
    """Whether a public name was made in a module, not imported: `from functions import *` brings no numpy."""
    return not name.startswith("_") and getattr(getattr(module, name), "__module__", None) == module.__name__
