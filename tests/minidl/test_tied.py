"""Tests of parameters with several names: listed, counted, stepped and stored once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open

from kernels.bounds import same_bits
from minidl import Tensor, nn, optim, serialize
from minidl.formats.pickled import read_pth
from minidl.nn.describe import build, describe
from minidl.nn.folding import fold

torch: Any = pytest.importorskip("torch")


def draw(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def used_twice() -> nn.Sequential:
    """One convolution under two names."""
    conv = nn.Conv2d.of(draw(0, 2, 2, 3, 3), draw(1, 2), padding=1)
    return nn.Sequential(a=conv, r=nn.ReLU(), c=conv)


def assigned() -> nn.Sequential:
    """Two linear layers with one weight, and a bias each."""
    first, second = nn.Linear.of(draw(0, 3, 3), draw(1, 3)), nn.Linear.of(draw(2, 3, 3), draw(3, 3))
    second.weight = first.weight
    return nn.Sequential(a=first, r=nn.ReLU(), c=second)


def in_torch(make: Any) -> Any:
    if make is used_twice:
        conv = torch.nn.Conv2d(2, 2, 3, padding=1)
        net = torch.nn.Sequential()
        second = conv
    else:
        conv, second, net = torch.nn.Linear(3, 3), torch.nn.Linear(3, 3), torch.nn.Sequential()
        second.weight = conv.weight
    for name, layer in (("a", conv), ("r", torch.nn.ReLU()), ("c", second)):
        net.add_module(name, layer)
    net.load_state_dict({name: torch.tensor(a.copy()) for name, a in make().state_dict().items()})
    return net


def batch(make: Any) -> np.ndarray:
    return draw(7, 2, 2, 5, 5) if make is used_twice else draw(7, 4, 3)


MAKERS = pytest.mark.parametrize("make", [used_twice, assigned])


@MAKERS
def test_a_parameter_with_two_names_is_listed_once_and_its_array_under_both(make: Any) -> None:
    net, theirs = make(), in_torch(make)
    assert [n for n, _ in net.named_parameters()] == [n for n, _ in theirs.named_parameters()]
    assert list(net.state_dict()) == list(theirs.state_dict())
    everything = [n for n, _ in net.named_parameters(remove_duplicate=False)]
    assert everything == [n for n, _ in theirs.named_parameters(remove_duplicate=False)]
    assert len(list(net.parameters())) == len(list(theirs.parameters()))


@MAKERS
def test_three_steps_of_sgd_are_pytorchs(make: Any) -> None:
    net, theirs, x = make(), in_torch(make), batch(make)
    ours = optim.SGD(dict(net.named_parameters()), 0.05, 0.9, 0.01)
    other = torch.optim.SGD(theirs.parameters(), 0.05, 0.9, weight_decay=0.01)
    for step in range(3):
        y, target = net(Tensor(x)), theirs(torch.tensor(x))
        gy = draw(20 + step, *y.shape)
        net.zero_grad()
        other.zero_grad()
        y.backward(gy)
        target.backward(torch.tensor(gy))
        ours.step()
        other.step()
    for name, parameter in theirs.named_parameters():
        assert np.allclose(net.state_dict()[name], parameter.detach().numpy(), rtol=1e-4, atol=1e-5)


def test_an_optimiser_that_is_given_both_names_steps_once() -> None:
    alone, both = used_twice(), used_twice()
    listed = [dict(n.named_parameters(remove_duplicate=n is alone)) for n in (alone, both)]
    optimisers = [optim.SGD(named, 0.1) for named in listed]
    assert list(optimisers[1].velocity) == ["a.weight", "a.bias"]
    for net, optimiser in zip((alone, both), optimisers, strict=True):
        for _ in range(2):
            y = net(Tensor(batch(used_twice)))
            y.backward(draw(5, *y.shape))
            optimiser.step()
    assert same_bits(alone.state_dict()["a.weight"], both.state_dict()["a.weight"])


@MAKERS
def test_a_state_is_loaded_under_both_names(make: Any) -> None:
    source, target = make(), make()
    for parameter in source.parameters():
        parameter.assign(parameter.data * 2)
    target.load_state_dict(source.state_dict())
    assert all(same_bits(a, target.state_dict()[name]) for name, a in source.state_dict().items())
    assert len(list(target.parameters())) == len(list(source.parameters()))


@MAKERS
def test_two_arrays_for_one_parameter_are_refused_and_nothing_loaded(make: Any) -> None:
    net = make()
    before = {name: a.copy() for name, a in net.state_dict().items()}
    changed = {name: a + 1 for name, a in before.items()} | {"c.weight": before["c.weight"]}
    with pytest.raises(ValueError, match=r"a\.weight and c\.weight are one parameter"):
        net.load_state_dict(changed)
    assert all(same_bits(a, net.state_dict()[name]) for name, a in before.items())


@MAKERS
def test_a_file_has_one_array_and_gives_the_tie_back(make: Any, tmp_path: Path) -> None:
    net, file = make(), tmp_path / "net.safetensors"
    serialize.save(file, net.state_dict(), {"graph": json.dumps(describe(net))})
    with safe_open(str(file), "numpy") as raw:
        assert set(raw.keys()) == {name for name, _ in net.named_parameters()}
    arrays, text = serialize.load(file)
    again = build(json.loads(text["graph"]), arrays)
    assert list(text) == ["graph"] and serialize.load_text(file) == text
    assert list(again.state_dict()) == list(net.state_dict())
    assert [n for n, _ in again.named_parameters()] == [n for n, _ in net.named_parameters()]
    x = Tensor(batch(make))
    assert same_bits(again(x).data, net(x).data)


def test_equal_arrays_of_two_parameters_stay_two(tmp_path: Path) -> None:
    first, second = (nn.Linear.of(draw(0, 3, 3)) for _ in range(2))
    net, file = nn.Sequential(a=first, c=second), tmp_path / "net.safetensors"
    serialize.save(file, net.state_dict())
    again = build(describe(net), serialize.load(file)[0])
    assert len(list(again.parameters())) == 2


def test_views_and_empty_arrays_are_stored_each_for_itself(tmp_path: Path) -> None:
    w = draw(0, 4, 4)
    arrays = {"w": w, "t": w.T, "part": w[:2], "none": w[:0], "nothing": w[:0]}
    serialize.save(tmp_path / "a", arrays)
    found, text = serialize.load(tmp_path / "a")
    assert not text and found.keys() == arrays.keys()
    assert all(same_bits(found[name], a) for name, a in arrays.items())


@pytest.mark.parametrize(
    "others", ['{"b": "c"}', '{"a": "a"}', "[]", "3", '{"b": ["a"]}', "{", '{"b": {}}']
)
def test_a_wrong_table_of_names_is_refused_by_the_files_name(others: str, tmp_path: Path) -> None:
    file = tmp_path / "damaged"
    serialize.save(file, {"a": np.ones(2)}, {serialize.ALIASES: others})
    with pytest.raises(ValueError, match="damaged is not a whole safetensors file"):
        serialize.load(file)


def test_a_fused_network_used_twice_has_the_gradients_of_its_layers() -> None:
    conv = nn.Conv2d.of(draw(0, 2, 2, 3, 3), draw(1, 2), padding=1)
    net = nn.Sequential(
        a=conv, r=nn.ReLU(), p=nn.MaxPool2d(2), c=conv, s=nn.ReLU(), q=nn.MaxPool2d(2)
    )
    found = []
    for walk in (net, lambda x: net.activations(x)["q"]):
        net.zero_grad()
        y = walk(Tensor(draw(2, 2, 2, 8, 8)))
        y.backward(draw(3, *y.shape))
        found.append([y.data, *(p.grad.data for p in net.parameters())])  # type: ignore[union-attr]
    assert all(np.allclose(a, b, rtol=1e-4, atol=1e-5) for a, b in zip(*found, strict=True))


def test_folding_leaves_a_shared_layer_and_its_scale_as_they_are() -> None:
    conv = nn.Conv2d.of(draw(0, 2, 2, 3, 3), draw(1, 2), padding=1)
    other = nn.Conv2d.of(draw(4, 2, 2, 3, 3), draw(5, 2), padding=1)
    net = nn.Sequential(
        a=conv, b=nn.Affine(draw(2, 2), draw(3, 2)), c=conv, d=other,
        e=nn.Affine(draw(6, 2), draw(7, 2)),
    )  # fmt: skip
    folded, x = fold(net), Tensor(draw(8, 2, 2, 6, 6))
    assert [name for name, _ in folded.children()] == ["a", "b", "c", "d"]
    assert np.allclose(folded(x).data, net(x).data, rtol=1e-4, atol=1e-4)
    assert folded.state_dict()["a.weight"] is folded.state_dict()["c.weight"]


def test_a_checkpoint_of_pytorch_with_one_storage_gives_one_parameter(tmp_path: Path) -> None:
    for make in (used_twice, assigned):
        theirs, file = in_torch(make), tmp_path / f"{make.__name__}.pth"
        torch.save(theirs.state_dict(), file)
        arrays = read_pth(file)
        assert arrays["a.weight"] is arrays["c.weight"]
        again = build(describe(make()), arrays)
        assert [n for n, _ in again.named_parameters()] == [n for n, _ in theirs.named_parameters()]


def test_moving_a_module_keeps_its_ties() -> None:
    net = used_twice().to("emulator")
    assert [n for n, _ in net.named_parameters()] == ["a.weight", "a.bias"]
    assert net.state_dict()["a.weight"] is net.state_dict()["c.weight"]
