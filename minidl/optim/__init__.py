"""Optimisers and schedules of their learning rate, named as in PyTorch."""

from minidl.optim import lr_scheduler
from minidl.optim.adam import Adam, AdamW
from minidl.optim.optimizer import Optimizer
from minidl.optim.schedules import Cosine, Plateau, Schedule, Steps
from minidl.optim.sgd import SGD, ready

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "Cosine",
    "Optimizer",
    "Plateau",
    "Schedule",
    "Steps",
    "lr_scheduler",
    "ready",
]
