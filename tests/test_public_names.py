"""`from pydeepl import ...`: what is there, and what is said of what is not."""

import pytest

import pydeepl

LATER = {
    "KerasImageFileEstimator",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(set(pydeepl.__all__)))
def test_every_public_name_can_be_imported(name):
    scope = {}
    exec(f"from pydeepl import {name}", scope)
    assert scope[name] is getattr(pydeepl, name)
    assert name in dir(pydeepl)


@pytest.mark.parametrize("name", sorted(LATER))
def test_a_name_of_sparks_that_is_not_there_is_said_with_what_is(name):
    with pytest.raises(
        ImportError, match=rf"{name} is not in pydeepl [\d.]+, which has: .*DeepImageFeaturizer"
    ):
        exec(f"from pydeepl import {name}")
    assert name not in dir(pydeepl)


def test_other_names_are_pythons_usual_errors():
    assert not hasattr(pydeepl, "Nonsense")
    with pytest.raises(ImportError, match="cannot import name 'Nonsense'"):
        exec("from pydeepl import Nonsense")
