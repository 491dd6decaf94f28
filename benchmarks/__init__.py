"""Measures pydeepl beside its peers, in the same run: `python -m benchmarks NAME`."""
