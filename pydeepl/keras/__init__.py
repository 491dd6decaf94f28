"""Reads the weights of Keras models, in every format that Keras has written them in."""
