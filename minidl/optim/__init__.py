"""Optimisers and schedules of their learning rate, named as in PyTorch."""

from minidl.optim import lr_scheduler
from minidl.optim.adam import Adam, AdamW
from minidl.optim.adaptive import Adadelta, Adagrad, NAdam, RMSprop
from minidl.optim.optimizer import Optimizer
from minidl.optim.schedules import Cosine, Plateau, Schedule, Steps
from minidl.optim.sgd import SGD, ready

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Cosine",
    "NAdam",
    "Optimizer",
    "Plateau",
    "RMSprop",
    "Schedule",
    "Steps",
    "lr_scheduler",
    "ready",
]
