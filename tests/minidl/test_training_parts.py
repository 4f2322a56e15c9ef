"""Tests of optimisers, schedules, files, data loaders, modules and hooks."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import Tensor, data, nn, optim
from minidl import functional as F

torch: Any = pytest.importorskip("torch")
pytestmark = pytest.mark.quick
OPTIMISERS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"lr": 0.1, "momentum": 0.8, "dampening": 0.3}),
    ("Adam", {"lr": 0.05}),
    ("Adam", {"lr": 0.05, "weight_decay": 0.1, "amsgrad": True, "betas": (0.8, 0.95)}),
    ("AdamW", {"lr": 0.05, "eps": 1e-4}),
]
SCHEDULES: dict[str, Any] = {
    "StepLR": lambda s, o: s.StepLR(o, 3, 0.5),
    "MultiStepLR": lambda s, o: s.MultiStepLR(o, [2, 5, 5], 0.1),
    "ExponentialLR": lambda s, o: s.ExponentialLR(o, 0.9),
    "CosineAnnealingLR": lambda s, o: s.CosineAnnealingLR(o, 5, 0.01),
    "LinearLR": lambda s, o: s.LinearLR(o, 0.25, total_iters=4),
    "ConstantLR": lambda s, o: s.ConstantLR(o, 0.5, 3),
    "OneCycleLR": lambda s, o: s.OneCycleLR(o, 0.5, total_steps=14),
    "OneCycleLR linear": lambda s, o: s.OneCycleLR(
        o, 0.5, epochs=7, steps_per_epoch=2, anneal_strategy="linear", pct_start=0.4
    ),
    "LambdaLR": lambda s, o: s.LambdaLR(o, lambda epoch: 1 / (1 + epoch)),
    "SequentialLR": lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o, 0.1, total_iters=3), s.ExponentialLR(o, 0.8), s.StepLR(o, 2)], [3, 7]
    ),
}


@pytest.mark.parametrize(("name", "settings"), OPTIMISERS)
def test_an_optimiser_steps_and_resumes_as_pytorchs(name: str, settings: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    start, size = rng.standard_normal((40, 500)), 5
    gradients = rng.standard_normal((size, *start.shape))
    w = nn.Parameter(start.copy())
    t = torch.nn.Parameter(torch.tensor(start))
    ours, theirs = (
        getattr(optim, name)([w], **settings),
        getattr(torch.optim, name)([t], **settings),
    )
    for at, g in enumerate(gradients):
        w.grad, t.grad = Tensor(g), torch.tensor(g)
        ours.step(), theirs.step()
        if at == 2:
            state = ours.state_dict()
            ours = getattr(optim, name)([w], lr=1.0)
            ours.load_state_dict(state)
        np.testing.assert_allclose(w.data, t.detach().numpy(), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_has_pytorchs_rates(name: str) -> None:
    ours = optim.SGD([nn.Parameter(np.zeros(1))], lr=0.2, momentum=0.9)
    theirs = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.2, momentum=0.9)
    own = SCHEDULES[name](optim.lr_scheduler, ours)
    other = SCHEDULES[name](torch.optim.lr_scheduler, theirs)
    for _ in range(12):
        for key in ("lr", "momentum"):
            assert ours.param_groups[0][key] == pytest.approx(
                theirs.param_groups[0][key], rel=1e-12
            )
        assert own.get_last_lr() == pytest.approx(other.get_last_lr(), rel=1e-12)
        theirs.step(), ours.step(), own.step(), other.step()


@pytest.mark.parametrize("mode", ["min", "max"])
def test_a_plateau_lowers_the_rate_when_pytorchs_does(mode: str) -> None:
    ours = optim.SGD([nn.Parameter(np.zeros(1))], lr=0.2)
    theirs = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.2)
    settings = {"mode": mode, "patience": 1, "factor": 0.5, "cooldown": 1, "min_lr": 0.02}
    own = optim.lr_scheduler.ReduceLROnPlateau(ours, **settings)
    other = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, **settings)
    for metric in (3, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1):
        own.step(float(metric)), other.step(float(metric))
        assert ours.param_groups[0]["lr"] == pytest.approx(theirs.param_groups[0]["lr"])


def test_sgd_of_a_mapping_keeps_its_momentum_and_of_parameters_has_none() -> None:
    layer = nn.Linear(2, 2)
    assert optim.SGD(dict(layer.named_parameters()), 0.1).param_groups[0]["momentum"] == 0.9
    assert optim.SGD(layer.parameters(), 0.1).param_groups[0]["momentum"] == 0
    with pytest.raises(ValueError, match="got no parameters"):
        optim.SGD([], 0.1)


def test_what_is_saved_is_loaded_and_nothing_else_is_stored(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "checkpoint.pt"
    given = {
        "tensor": minidl.arange(3), "array": np.eye(2), "number": 1e-3, "epoch": 7, "none": None,
        "inf": float("inf"), "list": [1, (2, "a")], 5: {"x": minidl.ones(2, requires_grad=True)},
        "a.b": minidl.zeros(()), "a": {"b": minidl.ones(1)}, "flag": True,
    }  # fmt: skip
    minidl.save(given, path)
    found = minidl.load(path)
    assert found.keys() == given.keys() and found["list"] == given["list"]
    assert found["tensor"].tolist() == [0, 1, 2] and found["tensor"].dtype == minidl.int64
    assert isinstance(found["array"], np.ndarray) and found[5]["x"].requires_grad
    assert found["a.b"].shape == () and found["a"]["b"].tolist() == [1.0]
    assert [found[k] for k in ("number", "epoch", "none", "inf", "flag")] == [
        1e-3, 7, None, float("inf"), True,
    ]  # fmt: skip
    for wrong in (nn.ReLU(), {"a": object()}, {("a",): 1}, [lambda: 0], np.ones(1, np.float16)):
        before = path.read_bytes()
        with pytest.raises(TypeError, match="save"):
            minidl.save(wrong, path)
        assert path.read_bytes() == before
    evil = tmp_path / "evil.pt"
    evil.write_bytes(pickle.dumps(print))
    with pytest.raises(ValueError):
        minidl.load(evil)
    torch.save({"w": torch.ones(2)}, tmp_path / "theirs.pth")
    assert minidl.load(tmp_path / "theirs.pth")["w"].tolist() == [1.0, 1.0]


def test_batches_are_the_same_with_any_number_of_workers() -> None:
    x, y = np.arange(23.0), np.arange(23)
    for settings in (
        {},
        {"shuffle": True},
        {"drop_last": True},
        {"shuffle": True, "batch_size": 3},
    ):
        seen = []
        for workers in (0, 1, 3):
            generator = np.random.default_rng(5)
            loader = data.DataLoader(
                data.TensorDataset(x, y), **{"batch_size": 4, **settings}, num_workers=workers,
                generator=generator,
            )  # fmt: skip
            epochs = [[(a.tolist(), b.tolist()) for a, b in loader] for _ in range(2)]
            assert len(epochs[0]) == len(loader)
            seen.append(epochs)
        assert seen[0] == seen[1] == seen[2]
        assert all(a == [float(n) for n in b] for a, b in seen[0][0])
        if settings.get("shuffle"):
            assert seen[0][0] != seen[0][1] and sorted(n for _, b in seen[0][0] for n in b) == [*y]


def test_samples_of_any_form_are_collated() -> None:
    samples = [({"x": np.ones(2), "n": 3}, "a", 0.5, minidl.tensor([1])) for _ in range(2)]
    ((first, names, numbers, tensors),) = data.DataLoader(samples, batch_size=2)
    assert first["x"].shape == (2, 2) and first["n"].tolist() == [3, 3]
    assert names == ["a", "a"] and numbers.tolist() == [0.5, 0.5] and tensors.shape == (2, 1)
    parts = data.random_split(range(10), [0.7, 0.3], np.random.default_rng(0))
    assert sorted([*parts[0], *parts[1]]) == [*range(10)] and len(parts[1]) == 3

    def fail(index: int) -> Any:
        raise OSError("unreadable")

    broken = type("Broken", (data.Dataset,), {"__len__": lambda s: 3, "__getitem__": fail})()
    with pytest.raises(TypeError):
        list(data.DataLoader(broken, num_workers=2))


def test_children_are_modules_and_pairs() -> None:
    net = nn.Sequential(nn.Conv2d(1, 1, 1), nn.Sequential(nn.ReLU(), nn.Flatten()))
    assert [isinstance(m, nn.Conv2d) for m in net.modules()] == [False, True, False, False, False]
    assert [name for name, _ in net.children()] == ["0", "1"] == list(dict(net.children()))
    (conv, inner) = net.children()
    assert conv.weight is net[0].weight and len(inner) == 2 and inner[0] is net[1][0]
    assert nn.Sequential(*list(net.children())[:-1])[0] is net[0]
    assert [name for name, _ in net.named_modules()] == ["", "0", "1", "1.0", "1.1"]


def test_hooks_see_and_replace_and_are_removed() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU(), nn.MaxPool2d(1))
    x, seen = minidl.randn(1, 1, 2, 2, requires_grad=True), []
    plain = net(x)
    with net[1].register_forward_hook(lambda m, i, y: seen.append(y.shape)):
        assert np.allclose(net(x).numpy(), plain.numpy()), "a hooked layer is not fused"
    double = net[0].register_full_backward_hook(lambda m, gx, gy: (gx[0] * 2.0,))
    net(x).sum().backward()
    doubled, x.grad = x.grad, None
    double.remove()
    net[0].register_forward_pre_hook(lambda m, i: (i[0] * 1.0,))
    net(x).sum().backward()
    assert seen == [(1, 2, 2, 2)] and np.allclose(doubled.data, 2 * x.grad.data)


def test_dropout_draws_a_new_mask_each_call_from_the_seed() -> None:
    x, drop = minidl.ones(1000), nn.Dropout(0.5)
    minidl.manual_seed(3)
    first, second = drop(x).tolist(), drop(x).tolist()
    minidl.manual_seed(3)
    assert drop(x).tolist() == first != second
    drop.seed, drop.step = 1, 2
    assert drop(x).tolist() == drop(x).tolist() == F.dropout(x, seed=1, step=2).tolist()
    planes = nn.Dropout2d(0.5)(minidl.ones(4, 50, 2, 2)).numpy().reshape(4, 50, 4)
    assert (planes.std(axis=2) == 0).all() and 0 < (planes == 0).mean() < 1
