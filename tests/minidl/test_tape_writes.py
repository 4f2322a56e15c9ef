"""Writes into memory that the tape saved: the backward pass refuses them, through whatever view.

Where PyTorch's autograd raises for the same program, so does this one; where the tape has copies of
its own, gradients are the old ones.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from kernels.bounds import same_bits
from minidl import Tensor, backward, nn, no_grad, optim, rules, versions
from minidl import functional as F

pytestmark = pytest.mark.quick

CHANGED = "was changed in place"


def leaf(*shape: int, seed: int = 0) -> Tensor:
    return Tensor(np.random.default_rng(seed).standard_normal(shape), True)


def array(*shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


RELATIVES: dict[str, Callable[[Tensor], Tensor]] = {
    "detached": lambda t: t.detach(),
    "a slice": lambda t: t[1:],
    "a row": lambda t: t[0],
    "every other column": lambda t: t[:, ::2],
    "reshaped": lambda t: t.reshape(2, -1),
    "transposed": lambda t: t.T,
    "flattened": lambda t: F.flatten(t, 0),
    "a slice of a transposed one": lambda t: t.T[1:],
    "a tensor of the array": lambda t: Tensor(t.data),
    "a tensor of a view of the array": lambda t: Tensor(t.data.reshape(-1)[3:5]),
}
WRITES: dict[str, Callable[[Tensor], object]] = {
    "assign": lambda t: t.assign(np.zeros(t.shape)),
    "assign its own array": lambda t: t.assign(t.data),
    "data *= 2": lambda t: setattr(t, "data", np.multiply(t.data, 2, out=t.data)),
}


@pytest.mark.parametrize("relative", RELATIVES)
@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("saved", [0, 1])
def test_a_write_through_a_relative_is_refused(relative: str, write: str, saved: int) -> None:
    operands = leaf(4, 6), leaf(6, 4)
    y = F.matmul(*operands)
    with no_grad():
        WRITES[write](RELATIVES[relative](operands[saved]))
    with pytest.raises(RuntimeError, match=CHANGED):
        y.backward(np.ones(y.shape))


@pytest.mark.parametrize("relative", RELATIVES)
@pytest.mark.parametrize("write", WRITES)
def test_a_write_into_what_a_view_was_made_of_is_refused(relative: str, write: str) -> None:
    x = leaf(4, 6)
    y = F.exp(RELATIVES[relative](x) * 1.0) if relative == "detached" else RELATIVES[relative](x)
    z = y * y if y.requires_grad else x * x
    with no_grad():
        WRITES[write](x)
    with pytest.raises(RuntimeError, match=CHANGED):
        z.backward(np.ones(z.shape))


@pytest.mark.parametrize("relative", RELATIVES)
def test_a_write_before_the_forward_pass_is_allowed(relative: str) -> None:
    x = leaf(4, 6)
    with no_grad():
        RELATIVES[relative](x).assign(np.ones(RELATIVES[relative](x).shape))
    (x * x).backward(np.ones(x.shape))
    assert x.grad is not None
    assert same_bits(x.grad.data, 2 * x.data)


def test_a_write_into_other_memory_is_allowed() -> None:
    x, other = leaf(3), leaf(3)
    y = x * x
    other.assign(np.zeros(3))
    copy.deepcopy(x).assign(np.zeros(3))
    Tensor(x.data.copy()).assign(np.zeros(3))
    y.backward(np.ones(3))


def test_memory_that_is_used_again_is_not_taken_for_what_it_was() -> None:
    for _ in range(200):
        x = Tensor(np.ones(3), True)
        y = x * x
        y.backward(np.ones(3))
        x.assign(np.zeros(3))


def test_replaced_data_are_refused() -> None:
    x = leaf(3)
    y = x * x
    x.data = np.zeros(3)
    with pytest.raises(RuntimeError, match=CHANGED):
        y.backward(np.ones(3))
    (x * x).backward(np.ones(3))


def test_data_must_be_of_floats() -> None:
    x = leaf(3)
    with pytest.raises(TypeError, match="float32 or float64, got int64"):
        x.data = np.arange(3)


# Layers after an optimiser's step.


class MatMul(nn.Module):
    def __init__(self) -> None:
        self.w = nn.Parameter(array(5, 4))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.w.T


class Half(MatMul):
    def forward(self, x: Tensor) -> Tensor:
        return x @ F.transpose(self.w[:3])


def generator() -> np.random.Generator:
    return np.random.default_rng(2)


CONV = {"kernel_size": 3, "padding": 1}
LAYERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "convolution": (lambda: nn.Conv2d(2, 3, **CONV, rng=generator()), (2, 2, 6, 6)),
    "convolution without bias": (
        lambda: nn.Conv2d(2, 3, **CONV, bias=False, rng=generator()),
        (2, 2, 6, 6),
    ),
    "transposed convolution": (
        lambda: nn.ConvTranspose2d(2, 3, 3, bias=False, rng=generator()),
        (2, 2, 6, 6),
    ),
    "fused": (
        lambda: nn.Sequential(
            c=nn.Conv2d(2, 3, **CONV, rng=generator()), r=nn.ReLU(), p=nn.MaxPool2d(2)
        ),
        (2, 2, 6, 6),
    ),
    "linear": (lambda: nn.Linear(4, 5, rng=generator()), (3, 4)),
    "linear without bias": (lambda: nn.Linear(4, 5, bias=False, rng=generator()), (3, 4)),
    "affine": (lambda: nn.Affine(array(2), array(2)), (3, 2, 4, 4)),
    "PReLU": (lambda: nn.PReLU(array(2)), (3, 2, 4, 4)),
    "x @ w.T": (MatMul, (3, 4)),
    "x @ w[:3].T": (Half, (3, 4)),
}


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("create_graph", [False, True])
def test_after_a_step_the_old_tape_is_refused(layer: str, create_graph: bool) -> None:
    make, shape = LAYERS[layer]
    module, x = make(), Tensor(array(*shape, seed=3), True)
    y = module(x)
    gy = array(*y.shape, seed=4)
    (before,) = y.backward(gy, inputs=[x])
    y.backward(gy)
    optim.SGD(dict(module.named_parameters()), 1.0).step()
    with pytest.raises(RuntimeError, match=CHANGED):
        y.backward(gy, inputs=[x], create_graph=create_graph)
    (after,) = module(x).backward(gy, inputs=[x])
    assert not np.array_equal(after.data, before.data)


@pytest.mark.parametrize("layer", LAYERS)
def test_a_step_between_the_first_and_the_second_derivative_is_refused(layer: str) -> None:
    make, shape = LAYERS[layer]
    module, x = make(), Tensor(array(*shape, seed=3), True)
    y = module(x)
    (gx,) = y.backward(array(*y.shape, seed=4), inputs=[x], create_graph=True)
    for parameter in module.parameters():
        parameter.grad = Tensor(np.ones(parameter.shape, np.float32))
    optim.SGD(dict(module.named_parameters()), 1.0).step()
    with pytest.raises(RuntimeError, match=CHANGED):
        gx.backward(array(*gx.shape, seed=5))


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("table", [rules.gradient, rules.deconvnet], ids=["gradient", "deconvnet"])
def test_numpys_write_into_a_parameter_is_refused(layer: str, held: bool, table: Any) -> None:
    """Through an array that was taken before the forward pass, or after it."""
    make, shape = LAYERS[layer]
    module, x = make(), Tensor(array(*shape, seed=3), True)
    taken = [next(module.parameters()).data[..., :1]] if held else []
    y = module(x)
    if not taken:
        taken = [next(module.parameters()).data[..., :1]]
    y.backward(np.ones(y.shape, np.float32), rules=table)
    taken[0][...] += 1
    with pytest.raises(RuntimeError, match=CHANGED):
        y.backward(np.ones(y.shape, np.float32), rules=table)


def test_reading_a_parameters_array_is_no_write() -> None:
    module, x = nn.Linear(4, 5, rng=generator()), Tensor(array(3, 4), True)
    taken = module.state_dict()
    y = module(x)
    copies = {name: w.copy() for name, w in taken.items()}
    assert float(module.weight.data.sum()) == float(copies["weight"].sum())
    y.backward(array(3, 5))


def test_a_module_that_moved_is_refused() -> None:
    module, x = nn.Linear(4, 5, bias=False, rng=generator()), Tensor(array(3, 4), True)
    y = module(x)
    module.to("emulator")
    with pytest.raises(RuntimeError, match=CHANGED):
        y.backward(array(3, 5))


# What it costs.


def test_nothing_is_looked_up_while_nothing_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between a forward and a backward pass nothing is: the check of a node is one comparison."""
    x = leaf(3, 4)
    x.assign(np.ones((3, 4)))
    y = F.sum(F.exp(x) * x)

    def never(_: Any) -> int:
        raise AssertionError("a time was looked up")

    monkeypatch.setattr(versions, "last_write", never)
    backward(y)


def test_times_of_memory_that_is_gone_are_forgotten() -> None:
    before = len(versions._written)
    for _ in range(100):
        leaf(3).assign(np.zeros(3))
    assert len(versions._written) <= before + 1
