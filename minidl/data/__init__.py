"""Data sets of arrays, and batches of them, named as in PyTorch's `torch.utils.data`."""

from minidl.data.collate import default_collate
from minidl.data.datasets import Dataset, Subset, TensorDataset, random_split
from minidl.data.loader import DataLoader

__all__ = ["DataLoader", "Dataset", "Subset", "TensorDataset", "default_collate", "random_split"]
