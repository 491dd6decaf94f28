"""docs/conformance.md names tests that exist, in every row."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parent
ROWS = [
    line
    for line in (TESTS.parent / "docs" / "conformance.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("|") and not re.match(r"\|\s*(-|behaviour)", line)
]


def functions(file):
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_row_names_a_test_that_exists():
    assert len(ROWS) > 60
    for row in ROWS:
        named = re.findall(r"`([\w/]+\.py)(?:::(\w+)(?:\[(\w+)\])?)?`", row.split("|")[-2])
        assert named, row
        for file, *names in named:
            assert (TESTS / file).is_file(), row
            assert set(filter(None, names)) <= functions(file), row
