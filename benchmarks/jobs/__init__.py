"""The article's job as whole scripts: pydeepl's and its peers'."""
