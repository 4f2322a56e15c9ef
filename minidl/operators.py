"""Tensor's operators and methods, installed by a module above Tensor and the functions.

The functions of `minidl.functional` are built on Tensor, and Tensor's operators call them. Neither
module imports the other: this one imports both, as HIPS autograd's `numpy_boxes` does.
`minidl/__init__.py` imports it, so that every Tensor has its operators.
"""

from __future__ import annotations

from minidl import functional as F
from minidl.backward_pass import backward
from minidl.functional.copies import cast, clone
from minidl.functional.shape import to
from minidl.handed_array import HandedArray
from minidl.in_place import assign_item, change
from minidl.tensor import Functions, Tensor, plain

HandedArray.tensor_of = plain
Tensor.functions = Functions(
    add=F.add,
    subtract=F.subtract,
    multiply=F.multiply,
    divide=F.divide,
    negate=F.negate,
    power=F.power,
    matmul=F.matmul,
    relu=F.relu,
    sum=F.sum,
    mean=F.mean,
    reshape=F.reshape,
    transpose=F.transpose,
    getitem=F.getitem,
    setitem=assign_item,
    in_place=change,
    clone=clone,
    cast=cast,
    plain=plain,
    library=F,
    to=to,
    backward=backward,
)
