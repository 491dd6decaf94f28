"""Every Python example of docs/*.md runs, a page's from top to bottom, in a folder with the files they name.

`<!-- test: keras -->` before an example says that it needs live Keras: it runs in the tests of that marker,
after the page's others. `<!-- test: none -->` says that an example is no program.
"""

import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pydeepl

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
MODELS = ROOT / "tests" / "golden" / "keras" / "models"
EXAMPLE = re.compile(r"^(?:<!-- test: (\w+) -->\n)?```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARKERS = ("keras", "spark")


def examples(page):
    """(line, what it needs, code) of a page's examples."""
    text = page.read_text()
    return [
        (text.count("\n", 0, found.start(2)), found[1] or "", found[2]) for found in EXAMPLE.finditer(text)
    ]


def cases():
    found = []
    for page in PAGES:
        needs = {need for _, need, _ in examples(page)} - {"none"}
        for need in sorted(needs):
            marks = [getattr(pytest.mark, need)] if need in MARKERS else []
            found.append(pytest.param(page, need, id=f"{page.name}{need and '-'}{need}", marks=marks))
    return found


@pytest.fixture
def files(tmp_path, monkeypatch, own_session):
    """photos/CLASS/*.png, and models: flowers.keras and flowers.onnx of images, table.keras of vectors."""
    random = np.random.default_rng(0)
    for number, name in enumerate(("daisy", "rose")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for index in range(6):
            pixels = random.integers(100 * number, 100 * number + 120, (30, 40, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{index}.png")
    shutil.copy(MODELS / "branches.keras", tmp_path / "flowers.keras")
    shutil.copy(MODELS / "table.keras", tmp_path / "table.keras")
    shutil.copy(ROOT / "tests" / "golden" / "onnx" / "keras.onnx", tmp_path / "flowers.onnx")
    monkeypatch.chdir(tmp_path)
    # PySpark's workers run this interpreter and this pydeepl.
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    monkeypatch.setenv("PYTHONPATH", str(Path(pydeepl.__file__).parents[1]))
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == "sparkdl"]:
        del sys.modules[name]


@pytest.mark.parametrize("page, need", cases())
def test_the_examples_run(page, need, files):
    scope = {"__name__": "example"}
    for line, needed, code in examples(page):
        if needed in ("", need):
            exec(compile("\n" * line + code, str(page), "exec"), scope)
    if need == "spark":
        scope["spark"].stop()


def test_pages_have_examples():
    assert {"custom-models.md", "porting.md"} <= {page.name for page in PAGES if examples(page)}


def test_no_row_of_a_table_is_empty():
    for page in PAGES:
        for line in page.read_text().splitlines():
            if line.startswith("|"):
                cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
                assert any(cells), f"{page.name}: {line}"


def test_every_name_of_sparkdl_is_in_the_porting_table():
    """The names of sparkdl that pydeepl's stand-in has, and those of imageIO, each in a row of its own."""
    from pydeepl.compat.spark_names import STAND_INS
    from pydeepl.compat.stand_ins import names_of

    text = (ROOT / "docs" / "porting.md").read_text()
    rows = [line.split("|")[1:-1] for line in text.splitlines() if line.startswith("|")]
    told = {name for row in rows for name in re.findall(r"`(\w+)", row[0])}
    for module in (each for each in STAND_INS if each.startswith("sparkdl")):
        for entry in STAND_INS[module]:
            missing = {name for name in names_of(entry) if name not in told}
            assert not missing, f"{module}: {missing}"
    for row in rows:
        assert all(cell.strip() for cell in row), f"an empty cell: {row}"
