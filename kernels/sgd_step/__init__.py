"""A step of stochastic gradient descent with momentum."""
