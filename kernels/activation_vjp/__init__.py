"""The gradients of activation functions."""
