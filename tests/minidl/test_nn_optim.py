"""Tests of modules and their state, gradient descent, schedules and renormalisation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels.bounds import eps, same_bits, within
from kernels.contract import memory
from kernels.verify.arrays import GUISES, dtypes, integers, normal, rngs, small
from minidl import Tensor, init, nn, optim
from minidl import functional as F

pytestmark = pytest.mark.quick


def network(seed: int = 0) -> nn.Sequential:
    rng = np.random.default_rng(seed)
    return nn.Sequential(
        conv=nn.Conv2d(2, 4, 3, padding=1, rng=rng),
        relu=nn.ReLU(),
        pool=nn.MaxPool2d(2),
        flat=nn.Flatten(),
        drop=nn.Dropout(0.5),
        fc=nn.Linear(16, 3, rng=rng),
    )


def images() -> Tensor:
    return Tensor(np.random.default_rng(1).standard_normal((5, 2, 4, 4)).astype(np.float32))


def test_parameters_are_named_by_where_they_stand() -> None:
    names = [name for name, _ in network().named_parameters()]
    assert names == ["conv.weight", "conv.bias", "fc.weight", "fc.bias"]


def test_a_loaded_state_makes_two_networks_one() -> None:
    one, other = network(0).eval(), network(1).eval()
    assert not np.array_equal(one(images()).data, other(images()).data)
    other.load_state_dict(one.state_dict())
    assert same_bits(one(images()).data, other(images()).data)


def test_a_loaded_state_is_a_copy() -> None:
    one, other = network(0), network(1)
    other.load_state_dict(one.state_dict())
    for parameter in one.parameters():
        parameter.assign(np.zeros(parameter.shape))
    assert all(array.any() for name, array in other.state_dict().items() if "weight" in name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("fc.bias"), r"missing \['fc\.bias'\], unknown none"),
        (lambda s: s.update(extra=np.zeros(1)), r"missing none, unknown \['extra'\]"),
        (
            lambda s: s.update({"fc.bias": np.zeros(4, np.float32)}),
            r"fc\.bias: float32 \(4,\), expected float32 \(3,\)",
        ),
        (
            lambda s: s.update({"fc.bias": np.zeros(3)}),
            r"fc\.bias: float64 \(3,\), expected float32 \(3,\)",
        ),
    ],
)
def test_a_state_that_does_not_fit_is_refused_and_nothing_loaded(change: Any, message: str) -> None:
    model, state = network(0), dict(network(1).state_dict())
    before = {name: array.copy() for name, array in model.state_dict().items()}
    change(state)
    with pytest.raises(ValueError, match=message):
        model.load_state_dict(state)
    assert all(same_bits(array, before[name]) for name, array in model.state_dict().items())


def test_train_and_eval_reach_every_module() -> None:
    model = nn.Sequential(inner=network())
    assert not any(module.training for _, module in model.eval().modules())
    assert all(module.training for _, module in model.train().modules())


def test_dropout_is_off_in_eval() -> None:
    model = network().eval()
    assert same_bits(model(images()).data, model(images()).data)
    x, drop = images(), nn.Dropout(0.5).eval()
    assert drop(x) is x


def test_activations_end_at_the_layer_asked_for() -> None:
    outputs = network().activations(images(), until="pool")
    assert {name: t.shape for name, t in outputs.items()} == {
        "conv": (5, 4, 4, 4),
        "relu": (5, 4, 4, 4),
        "pool": (5, 4, 2, 2),
    }


def test_zero_grad_forgets_every_gradient() -> None:
    model = network()
    F.sum(model(images())).backward()
    assert all(p.grad is not None for p in model.parameters())
    model.zero_grad()
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize(
    ("module", "shape", "function"),
    [
        (
            nn.ConvTranspose2d(2, 3, 3, 2, 1, 1, rng=np.random.default_rng(5)),
            (1, 2, 4, 4),
            "conv_transpose2d",
        ),
        (nn.AvgPool2d(2), (1, 2, 4, 4), "avg_pool2d"),
        (nn.LocalContrastNorm(5), (1, 2, 4, 4), "local_contrast_norm"),
        (nn.LocalResponseNorm(3), (1, 2, 4, 4), "local_response_norm"),
    ],
)
def test_a_module_calls_its_function_with_its_settings(
    module: Any, shape: tuple[int, ...], function: str
) -> None:
    x = Tensor(np.random.default_rng(0).standard_normal(shape).astype(np.float32))
    own = [module.weight, module.bias] if hasattr(module, "weight") else []
    expected = getattr(F, function)(x, *own, **module.settings)
    assert same_bits(module(x).data, expected.data)


def sgd_of(w: np.ndarray, **settings: float) -> tuple[nn.Parameter, optim.SGD]:
    parameter = nn.Parameter(w.copy())
    return parameter, optim.SGD({"w": parameter}, **settings)


@given(rng=rngs, dtype=dtypes, lr=st.floats(1e-3, 1), momentum=st.sampled_from([0.0, 0.5, 0.9]),
       weight_decay=st.sampled_from([0.0, 1e-2]))  # fmt: skip
def test_sgd_takes_pytorchs_steps(
    rng: Any, dtype: Any, lr: float, momentum: float, weight_decay: float
) -> None:
    torch = pytest.importorskip("torch")
    w, gradients = normal((3, 4), rng, dtype), [normal((3, 4), rng, dtype) for _ in range(6)]
    ours, optimiser = sgd_of(w, lr=lr, momentum=momentum, weight_decay=weight_decay)
    theirs = torch.nn.Parameter(torch.tensor(w))
    other = torch.optim.SGD([theirs], lr=lr, momentum=momentum, weight_decay=weight_decay)
    weight, velocity = np.abs(w.astype(np.float64)), np.zeros((3, 4))
    for gradient in gradients:
        ours.grad, theirs.grad = Tensor(gradient), torch.tensor(gradient)
        optimiser.step()
        other.step()
        velocity = momentum * velocity + np.abs(gradient) + weight_decay * weight
        weight = weight + lr * velocity
    # The recursion with every term positive; nine roundings per step (three of settings'), twice.
    bound = 2 * 9 * len(gradients) * eps(dtype) * weight
    assert ours.dtype == dtype
    assert within(ours.data, theirs.detach().numpy(), bound)


@given(rng=rngs, dtype=dtypes, weight_decay=st.sampled_from([0.0, 1e-2]), data=st.data(),
       shape=st.tuples(small(0, 150), small(0, 20)) | st.lists(small(0, 5), min_size=1, max_size=5)
)  # fmt: skip
def test_a_step_is_numpys_formula_whatever_the_memory_of_the_three(
    rng: Any, dtype: Any, weight_decay: float, data: st.DataObject, shape: Any
) -> None:
    guises = [GUISES[data.draw(st.sampled_from([*GUISES]))] for _ in range(3)]
    w, v, g = (guise(normal(tuple(shape), rng, dtype)) for guise in guises)
    w, v = (a if a.flags.writeable else a.copy() for a in (w, v))
    expected_v = dtype(0.9) * v + g
    if weight_decay:
        expected_v = expected_v + dtype(weight_decay) * w
    expected_w = w - dtype(0.1) * expected_v
    optim.ready(w, v, g, lr=0.1, momentum=0.9, weight_decay=weight_decay)()
    assert np.array_equal(v, expected_v)  # same_bits would compare the byte order too
    assert np.array_equal(w, expected_w)


def test_an_infinite_weight_without_decay_leaves_the_velocity_finite() -> None:
    w, v = np.array([np.inf], np.float32), np.zeros(1, np.float32)
    optim.ready(w, v, np.ones(1, np.float32), lr=0.5, momentum=0.9, weight_decay=0.0)()
    assert v.item() == 1


def test_a_step_refuses_arrays_that_do_not_fit() -> None:
    w = np.ones((2, 3), np.float32)
    with pytest.raises(ValueError, match=r"w \(2, 3\), v \(2, 3\) and g \(3, 2\)"):
        optim.ready(w, w.copy(), np.ones((3, 2), np.float32), lr=1, momentum=0, weight_decay=0)
    with pytest.raises(TypeError, match="float32, float64"):
        optim.ready(w, w.copy(), np.ones((2, 3)), lr=1, momentum=0, weight_decay=0)


def test_sgd_leaves_a_parameter_without_a_gradient_alone() -> None:
    ours, optimiser = sgd_of(np.ones(3, np.float32), lr=1.0, weight_decay=0.5)
    optimiser.step()
    assert np.array_equal(ours.data, np.ones(3))


def test_a_step_of_sgd_counts_as_a_change_for_the_tape() -> None:
    ours, optimiser = sgd_of(np.ones(3, np.float32), lr=1.0)
    y = F.sum(ours * ours)
    y.backward()
    optimiser.step()
    with pytest.raises(RuntimeError, match="input 0 of multiply"):
        y.backward()


def test_plateau_lowers_the_rate_after_patience_epochs_without_progress() -> None:
    schedule = optim.Plateau(1.0, factor=0.5, patience=2, threshold=0.01)
    errors = [None, 0.9, 0.8, 0.795, 0.8, 0.7, 0.7, 0.7, 0.7, 0.7]
    rates = [schedule(epoch, error) for epoch, error in enumerate(errors)]
    assert rates == [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125]


def test_a_plateau_that_is_not_a_number_is_no_progress() -> None:
    schedule = optim.Plateau(1.0, factor=0.5, patience=1)
    assert [schedule(i, error) for i, error in enumerate([0.5, math.nan])] == [1.0, 0.5]


@given(cut=small(0, 8))
def test_a_plateau_resumes_from_its_saved_state(cut: int) -> None:
    errors = [0.9, 0.8, 0.8, 0.8, 0.7, 0.7, 0.7, 0.7]
    whole = optim.Plateau(1.0, patience=2)
    expected = [whole(i, error) for i, error in enumerate(errors)]
    first, second = optim.Plateau(1.0, patience=2), optim.Plateau(1.0, patience=2)
    rates = [first(i, error) for i, error in enumerate(errors[:cut])]
    second.load(first.state())
    assert rates + [second(i, error) for i, error in enumerate(errors[cut:], cut)] == expected


def test_the_other_schedules_follow_from_the_epoch_alone() -> None:
    steps, cosine = optim.Steps(1.0, at=(2, 3), factor=0.5), optim.Cosine(2.0, epochs=4)
    assert [steps(epoch, None) for epoch in range(5)] == [1.0, 1.0, 0.5, 0.25, 0.25]
    assert [round(cosine(epoch, 0.5), 12) for epoch in (0, 2, 4, 9)] == [2.0, 1.0, 0.0, 0.0]


@given(rng=rngs, max_rms=st.sampled_from([0.1, 0.5, 2.0]))
def test_renormalisation_scales_loud_filters_to_the_limit_and_leaves_the_others(
    rng: Any, max_rms: float
) -> None:
    w = (rng.standard_normal((5, 2, 3, 3)) * rng.uniform(0, 1, (5, 1, 1, 1))).astype(np.float32)
    w[0] = 0
    rms = np.sqrt((w.astype(np.float64) ** 2).mean(axis=(1, 2, 3)))
    scaled, loud = w.copy(), rms > max_rms
    init.renormalise_filters(scaled, max_rms)
    assert same_bits(scaled[~loud], w[~loud])
    expected = w[loud] * (max_rms / rms[loud])[:, None, None, None]
    assert within(scaled[loud], expected, 2 * eps(np.float32) * np.abs(expected))


def test_renormalisation_takes_channels_last_weights_in_place() -> None:
    w = init.normal((3, 2, 5, 5), 1.0, np.random.default_rng(0))
    copies = memory.counters.copies
    init.renormalise_filters(w, 0.1)
    assert memory.counters.copies == copies
    assert within(np.sqrt((w**2).mean(axis=(1, 2, 3))), np.full(3, 0.1), 1e-6)


def test_weights_of_any_strides_are_renormalised_where_they_are() -> None:
    wide = np.ones((3, 2, 5, 10), np.float64)
    w = wide[:, :, :, ::2]
    init.renormalise_filters(w, 0.1)
    assert within(w, np.full(w.shape, 0.1), 4 * eps(np.float64))
    assert (wide[:, :, :, 1::2] == 1).all()


@pytest.mark.parametrize(("std", "make"), [
    (1e-2, lambda shape, rng: init.normal(shape, 1e-2, rng)),
    (math.sqrt(2 / 150), init.he_normal),
])  # fmt: skip
def test_weights_are_drawn_with_their_standard_deviation(std: float, make: Any) -> None:
    w = make((200, 6, 5, 5), np.random.default_rng(0))
    assert w.dtype == np.float32
    # The standard deviation of an estimate of one from n normal numbers is std / sqrt(2 n).
    assert abs(w.std() - std) <= 5 * std / math.sqrt(2 * w.size)
    assert abs(w.mean()) <= 5 * std / math.sqrt(w.size)


@given(rng=rngs)
def test_training_by_hand_follows_the_gradient(rng: Any) -> None:
    w, x = integers((2, 3), rng, np.float64), integers((4, 3), rng, np.float64)
    parameter, optimiser = sgd_of(w, lr=0.5, momentum=0.0)
    F.sum(F.linear(Tensor(x), parameter)).backward()
    optimiser.step()
    assert np.array_equal(parameter.data, w - 0.5 * x.sum(axis=0))
