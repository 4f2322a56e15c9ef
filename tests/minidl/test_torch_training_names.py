"""Optimisers, schedules and functions of the user under names of PyTorch, against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import minidl
from minidl import Tensor, nn
from tests.minidl.second_order import same_to_second_order
from tests.minidl.test_torch_names import GIVEN, names

pytestmark = pytest.mark.quick


OPTIMISERS: dict[str, dict[str, Any]] = {
    "RMSprop": {"weight_decay": 0.01}, "RMSprop ": {"momentum": 0.9, "centered": True},
    "Adagrad": {"lr_decay": 0.1, "initial_accumulator_value": 0.1}, "Adadelta": {"lr": 0.5},
    "NAdam": {"weight_decay": 0.02},
}  # fmt: skip


@pytest.mark.parametrize("kind", OPTIMISERS)
def test_an_optimiser_steps_as_pytorchs(kind: str) -> None:
    def run(engine: Any) -> Any:
        w = engine.nn.Parameter(engine.tensor(GIVEN["x"]))
        make = getattr(engine.optim, kind.strip())
        optimizer = make([w], **OPTIMISERS[kind])
        for step in range(6):
            if step == 3:  # through a file
                state = optimizer.state_dict()
                optimizer = make([w], **OPTIMISERS[kind])
                optimizer.load_state_dict(state)
            optimizer.zero_grad()
            ((w * w).sum() + (w * engine.tensor(GIVEN["q"])).sum().exp() * 1e-2).backward()
            optimizer.step()
        return w.detach().numpy()

    rtol = 1e-8 if kind == "NAdam" else 1e-10  # PyTorch has its product of momenta in float32
    np.testing.assert_allclose(run(minidl), run(torch), rtol=rtol)


SCHEDULES: dict[str, Any] = {
    "OneCycleLR, a step too many": lambda s, o: s.OneCycleLR(o, 0.8, total_steps=12),
    "PolynomialLR": lambda s, o: s.PolynomialLR(o, 6, 2.0),
    "CosineAnnealingWarmRestarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, 2, 0.01),
    "every third": lambda s, o: s.CosineAnnealingWarmRestarts(o, 3),
    "ChainedScheduler": lambda s, o: s.ChainedScheduler(
        [s.ConstantLR(o, 0.1, 3), s.ExponentialLR(o, 0.9)]
    ),
}


@pytest.mark.parametrize("kind", SCHEDULES)
def test_a_schedule_is_pytorchs(kind: str) -> None:
    def run(engine: Any) -> list[float]:
        optimizer = engine.optim.SGD([engine.nn.Parameter(engine.ones(1))], lr=0.5)
        schedule = SCHEDULES[kind](engine.optim.lr_scheduler, optimizer)
        rates = [optimizer.param_groups[0]["lr"]]
        for _ in range(12):
            optimizer.step()
            schedule.step()
            rates += [optimizer.param_groups[0]["lr"], *schedule.get_last_lr()]
        return rates

    np.testing.assert_allclose(run(minidl), run(torch), rtol=1e-12)


def test_data_of_a_parameter_has_tensors_methods_and_is_an_array() -> None:
    weight = nn.Linear(50, 40).weight
    before = weight.version
    weight.data.normal_(1.0, 0.1)
    assert weight.version > before and abs(weight.data.mean() - 1) < 0.05
    weight.data.fill_(2.0)
    weight.data.add_(weight.data, alpha=-0.25)
    weight.data[0].zero_()
    weight.data.clamp_(max=1.25)
    assert (weight.data[0] == 0).all() and (weight.data[1:] == 1.25).all()
    nn.init.uniform_(weight.data, 3, 4)
    assert weight.data.min() >= 3 and weight.data.numel() == 2000
    assert isinstance(weight.data, np.ndarray) and type(weight.data * 2) is np.ndarray
    assert isinstance(weight.data.mean(), np.float32)
    state = nn.BatchNorm2d(3).state_dict()
    average = {name: value.detach().clone() for name, value in state.items()}
    for name in ("weight", "running_var"):
        average[name].mul_(0.9).add_(state[name], alpha=0.1)
    assert minidl.allclose(average["running_var"], state["running_var"])
    assert state["weight"].size() == (3,) and state["weight"].size == 3
    assert minidl.max(weight.data, 1)[1].shape == (40,)
    with pytest.raises(AttributeError, match="neither an array nor a Tensor"):
        _ = weight.data.nothing


def test_a_kept_gradient_and_the_switch_of_recording() -> None:
    x = minidl.ones(3, requires_grad=True)
    y = x * 2
    y.retain_grad()
    for _ in range(2):
        (y * y).sum().backward()
    assert y.grad is not None and (y.grad == 8).all() and y.grad._array.base is None
    with pytest.raises(RuntimeError, match="requires no gradient"):
        minidl.ones(2).retain_grad()
    minidl.set_grad_enabled(False)
    assert not (x * 2).requires_grad
    minidl.set_grad_enabled(True)
    with minidl.set_grad_enabled(False):
        assert not minidl.is_grad_enabled()
    assert minidl.is_grad_enabled()
    assert not minidl.set_grad_enabled(False)(lambda: x * 2)().requires_grad
    assert minidl.is_grad_enabled()


def test_a_function_of_the_users_is_pytorchs_to_second_order() -> None:
    def made(engine: Any) -> Any:
        class Legendre(engine.autograd.Function):  # type: ignore[misc]
            @staticmethod
            def forward(ctx: Any, x: Any, scale: float, q: Any) -> Any:
                ctx.save_for_backward(x, q)
                ctx.scale = scale
                return scale * (5 * x**3 - 3 * x) * q

            @staticmethod
            def backward(ctx: Any, gy: Any) -> Any:
                x, q = ctx.saved_tensors
                gx = gy * ctx.scale * (15 * x**2 - 3) * q
                return gx, None, gy * ctx.scale * (5 * x**3 - 3 * x)

        return Legendre

    (ours, _), (theirs, _) = names(minidl, True), names(torch, True)
    results = [made(e).apply(n["x"], 0.5, n["q"]) for e, n in ((minidl, ours), (torch, theirs))]
    same_to_second_order(*results, [ours["x"], ours["q"]], [theirs["x"], theirs["q"]])


class Steps(minidl.autograd.Function):
    """The sign, with the gradient of the identity (a straight-through estimator)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y = x.sign()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, gy: Any) -> Any:
        assert ctx.saved_tensors[0].requires_grad
        return gy.sum(0) if ctx.needs_input_grad[0] and gy.shape[0] == 2 else gy


def test_a_straight_through_estimator_and_its_mistakes() -> None:
    x = minidl.tensor([0.5, -2.0, 3.0], requires_grad=True)
    Steps.apply(x).sum().backward()
    assert x.grad is not None and (x.grad == 1).all()
    pair = minidl.ones(2, 3, requires_grad=True)
    with pytest.raises(ValueError, match=r"gradient \(3,\) is not of its argument's shape"):
        Steps.apply(pair).sum().backward()
    out = minidl.zeros(3)
    assert minidl.add(x.detach(), 1, out=out) is out and (out == x + 1).all()


def test_settings_of_habit_say_what_they_do() -> None:
    minidl.backends.cudnn.benchmark = True
    minidl.set_default_dtype(minidl.float32)
    with pytest.raises(ValueError, match=r"\.double\(\)"):
        minidl.set_default_dtype(minidl.float64)
    with pytest.raises(TypeError, match="half precision"):
        minidl.autocast("cpu")
    with minidl.autocast("cuda", enabled=False):
        pass
    with pytest.raises(AttributeError, match="use float32"):
        _ = minidl.bfloat16  # type: ignore[attr-defined]
    model = nn.Linear(2, 2)
    assert minidl.compile(model) is model
    drawn = [minidl.rand(3, generator=minidl.Generator().manual_seed(4)) for _ in range(2)]
    assert (drawn[0] == drawn[1]).all()
    vector = nn.utils.parameters_to_vector(model.parameters())
    nn.utils.vector_to_parameters(vector * 0 + 3, model.parameters())
    assert (model.weight.data == 3).all() and (model.bias.data == 3).all()  # type: ignore[union-attr]
    with pytest.raises(ValueError, match="more than once"):
        minidl.zeros(3).scatter(0, [0, 0], Tensor([1.0, 2.0]))
