"""Logistic regression beside Spark MLlib and scikit-learn: speed, memory, bad input, search."""
