"""The developers' Spark numbers: 3.5.3 (centred) and 3.1.3 (uncentred)."""

import json
from pathlib import Path

import numpy as np
import pytest
from linear.fitting import fit, formula_data

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "spark_lr"

pytestmark = pytest.mark.shared


def cases():
    for version in ("3.5.3", "3.1.3"):
        path = FOLDER / f"spark_lr_golden_{version}.json"
        if path.exists():
            golden = json.loads(path.read_text())
            for name in golden["results"]:
                yield pytest.param(golden, name, id=f"{version}-{name}")


@pytest.mark.parametrize("kernels", ["portable", "avx2", "avx512"])
@pytest.mark.parametrize(("golden", "name"), list(cases()))
def test_spark_golden(golden, name, kernels, monkeypatch):
    monkeypatch.setenv("PYDEEPL_KERNELS", kernels)
    data, params = name.split("|", 1)
    params = json.loads(params)
    expected = golden["results"][name]
    labels = golden["y_multi3" if data == "multi3" else "y_bin"]
    weights = golden["w"] if params.pop("weightCol", None) else None
    coefficients, intercepts, history = fit(
        formula_data(), labels, weights, uncentred=golden["spark"].startswith("3.1"), **params
    )
    assert len(history) == len(expected["objectiveHistory"])
    np.testing.assert_allclose(history[:6], expected["objectiveHistory"][:6], rtol=1e-9, atol=0)
    np.testing.assert_allclose(coefficients, expected["coefficientMatrix"], rtol=0, atol=1e-8)
    np.testing.assert_allclose(intercepts, expected["interceptVector"], rtol=0, atol=1e-8)
