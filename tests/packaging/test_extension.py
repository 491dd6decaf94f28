"""What the built extension shows to the dynamic linker, and that the package carries all it needs."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import pydeepl
from pydeepl import _core

PACKAGE = Path(pydeepl.__file__).parent
EXTENSION = Path(_core.__file__)
ONEDNN = PACKAGE / "libpydeepl_dnnl.so.3"


def readelf(option: str, path: Path) -> str:
    command = ["readelf", "-W", option, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def dynamic_entries(path: Path, tag: str) -> list[str]:
    return re.findall(rf"\({tag}\).*\[(.*)\]", readelf("-d", path))


def test_only_the_init_function_is_exported():
    symbols = [line.split() for line in readelf("--dyn-syms", EXTENSION).splitlines()]
    defined = {words[7] for words in symbols if len(words) > 7 and words[6] not in ("UND", "Ndx")}
    assert defined == {"PyInit__core"}


def test_oneDNN_has_a_name_of_its_own_and_is_looked_for_beside_the_extension_first():
    assert dynamic_entries(ONEDNN, "SONAME") == ["libpydeepl_dnnl.so.3"]
    assert "libpydeepl_dnnl.so.3" in dynamic_entries(EXTENSION, "NEEDED")
    assert not any(name.startswith("libdnnl") for name in dynamic_entries(EXTENSION, "NEEDED"))
    (runpath,) = dynamic_entries(EXTENSION, "RUNPATH")
    assert runpath.split(":")[0] == "$ORIGIN"


def test_no_executable_stack():
    (stack,) = re.findall(r"GNU_STACK.*", readelf("-l", EXTENSION))
    assert "RWE" not in stack


@pytest.mark.parametrize("notice", ["LICENSE", "THIRD-PARTY-PROGRAMS"])
def test_oneDNN_notices_are_beside_it(notice):
    text = ONEDNN.with_name(f"{ONEDNN.name}.{notice}").read_text()
    assert "Apache License" in text


def test_package_works_from_another_folder(tmp_path):
    """A copy of the installed folder, without the folder it was installed to: nothing points back."""
    shutil.copytree(PACKAGE, tmp_path / "pydeepl", ignore=shutil.ignore_patterns("__pycache__"))
    script = Path(__file__).with_name("core_work.py")
    code = (
        "import sys, runpy; sys.path.insert(0, sys.argv[1]); import pydeepl; "
        "assert pydeepl.__file__.startswith(sys.argv[1]); "
        f"runpy.run_path({str(script)!r}, run_name='__main__'); "
        "maps = open('/proc/self/maps').read(); "
        "assert sys.argv[1] + '/pydeepl/libpydeepl_dnnl.so.3' in maps; "
        f"assert {str(PACKAGE)!r} not in maps"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["network"]
