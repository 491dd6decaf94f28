"""`from pydeepl import ...`: every public name is there."""

import pytest

import pydeepl


@pytest.mark.parametrize("name", sorted(set(pydeepl.__all__)))
def test_every_public_name_can_be_imported(name):
    scope = {}
    exec(f"from pydeepl import {name}", scope)
    assert scope[name] is getattr(pydeepl, name)
    assert name in dir(pydeepl)


def test_other_names_are_pythons_usual_errors():
    assert not hasattr(pydeepl, "Nonsense")
    with pytest.raises(ImportError, match="cannot import name 'Nonsense'"):
        exec("from pydeepl import Nonsense")
