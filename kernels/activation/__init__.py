"""Activation functions of each element, and the exponential and error function in them."""
