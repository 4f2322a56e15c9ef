"""`zfnet show`: counts, printing, and sentences about images and projections."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open

from minidl import Tensor, nn
from tests.shared.branches import branching
from tests.zfnet.test_cli import refused, zfnet
from zfnet.data import Preprocess
from zfnet.imported import Imported
from zfnet.layer_table import Colours, beyond_the_paper, colours, rows
from zfnet.network import FILE, Network, load
from zfnet.projection_rules import RULES

SIDE = 12
ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "your-network.md").read_text(encoding="utf-8")
GOOGLENET = ROOT.parent / "shared" / "data" / "bvlc_googlenet.onnx"
RNG = np.random.default_rng(0)


def weight(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def chain(conv: str = "conv", *between: nn.Module) -> Imported:
    """A grouped convolution, a given layer, a transposed convolution, and three scores."""
    layers: dict[str, nn.Module] = {
        conv: nn.Conv2d.of(weight(6, 1, 3, 3), weight(6), stride=2, padding=1, groups=3),
        **{f"between{i}": layer for i, layer in enumerate(between)},
        "up": nn.ConvTranspose2d.of(weight(6, 2, 2, 2), stride=2, groups=2),
        "flat": nn.Flatten(),
        "scores": nn.Linear.of(weight(3, 4 * SIDE * SIDE), weight(3)),
    }
    names = list(layers)
    wiring = {n: [b] for n, b in zip(names, [nn.INPUT, *names], strict=False)}
    return Imported(nn.Graph(layers, wiring), SIDE)


def saved(where: Path, model: Imported, fit: str = "warp") -> Path:
    """A run with the network, its classes named after a fish each."""
    S = model.image_size
    preprocess = Preprocess.with_one_mean(S, S + 4, (123.0, 116.5, 104.25), fit)
    names = tuple(f"tench {i}, Tinca tinca" for i in range(model.num_classes))
    where.mkdir()
    Network(model, preprocess, names).save(where)
    return where


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """What `zfnet show ARGUMENTS` prints."""

    def run(*arguments: object) -> str:
        capsys.readouterr()
        assert zfnet(monkeypatch, "show", *arguments) == 0
        return capsys.readouterr().out

    return run


def test_multiply_adds_are_those_of_the_definition() -> None:
    found = {row.name: row for row in rows(chain())}
    # Each of 6 x 6 x 6 outputs: one channel of its group under 3 x 3.
    assert found["conv"].macs == 6 * 36 * 9
    # Each of 6 x 6 x 6 inputs: into the two channels of its group under 2 x 2.
    assert found["up"].macs == 6 * 36 * 2 * 4
    assert found["scores"].macs == 3 * 4 * SIDE * SIDE
    assert found["flat"].macs == 0


def test_multiply_adds_are_as_many_as_products_of_ones() -> None:
    """With ones for weights and pixels and no padding, the sum of the outputs counts products."""
    ones = np.ones((4, 3, 3, 2), np.float32)
    conv = nn.Conv2d.of(ones, stride=(2, 1), padding=0, dilation=(1, 3))
    head = nn.Linear.of(weight(2, 4))
    layers = {"conv": conv, "mean": nn.GlobalAvgPool2d(), "flat": nn.Flatten(), "head": head}
    wires = {"conv": [nn.INPUT], "mean": ["conv"], "flat": ["mean"], "head": ["flat"]}
    model = Imported(nn.Graph(layers, wires), SIDE)
    products = conv(Tensor(np.ones((1, 3, SIDE, SIDE), np.float32))).data.sum()
    assert rows(model)[0].macs == products


def test_the_tables_sizes_and_steps_are_those_of_receptive_fields() -> None:
    model = branching(np.float32, 40)
    planar = [row for row in rows(model) if row.sees and row.step and min(row.shape[1:]) > 1]
    assert len(planar) > 12
    for row in planar:
        box, next_ = (model.receptive_field(row.name, i, i) for i in (0, 1))
        assert (box.bottom - box.top, box.right - box.left) == row.sees
        assert (next_.top - box.top, next_.left - box.left) == row.step


def test_units_that_all_see_all_have_no_window() -> None:
    found = {row.name: row for row in rows(branching(np.float32, 40))}
    assert found["scores"].sees is None and found["flat"].step is None


def test_a_layer_is_one_line_that_nothing_is_cut_from(
    tmp_path: Path, shown: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = "module/" * 30 + "conv"
    run = saved(tmp_path / "run", chain(long))
    monkeypatch.setenv("COLUMNS", "40")
    out = shown(run)
    (line,) = (line for line in out.splitlines() if line.startswith(long))
    assert "6 x 6 x 6" in line and f"{6 * 36 * 9:,}" in line
    assert "…" not in out and "\x1b" not in out
    assert all(line == line.rstrip() for line in out.splitlines())


@pytest.mark.parametrize(
    ("name", "printed"),
    [("[bold]a[/x]", "[bold]a[/x]"), ("a\x1b[2Jb\nc", "a\\x1b[2Jb\\nc"), ("größe", "größe")],
)
def test_a_layers_name_is_printed_and_not_obeyed(
    name: str, printed: str, tmp_path: Path, shown: Any
) -> None:
    run = saved(tmp_path / "run", chain(name))
    (line,) = (line for line in shown(run).splitlines() if "Conv2d" in line)
    assert line.startswith(f"{printed} ")


def test_inputs_are_listed_where_they_are_not_the_layer_before(tmp_path: Path, shown: Any) -> None:
    run = saved(tmp_path / "run", branching(np.float32, 32))
    lines = {line.split()[0]: line.split() for line in shown(run).splitlines() if line}
    assert lines["join"][-4:] == ["a/relu,", "b/relu,", "c/leaky,", "d/mean"]
    assert lines["b/3x3"][-1] == "norm"
    assert lines["stem/relu"][-3:] == ["2", "x", "2"]


def test_preprocessing_is_shown_as_the_network_has_it(tmp_path: Path, shown: Any) -> None:
    out = shown(saved(tmp_path / "run", branching(np.float32, 32)))
    assert "the whole image warped to 36, the centre 32 x 32 of it" in out
    assert "minus the mean 123, 116.5, 104.25 (red, green, blue, of 0..255)" in out
    assert "in the order blue, green, red, times 0.1, 0.2, 0.1." in out
    assert "5 classes: tench 0, Tinca tinca; tench 1, Tinca tinca;" in out


def test_a_network_without_a_layer_for_colours_takes_them_as_they_are() -> None:
    assert colours(chain()) == Colours(("red", "green", "blue"), (1.0, 1.0, 1.0))


def test_layers_with_rules_beyond_the_paper_are_named(tmp_path: Path, shown: Any) -> None:
    model = branching(np.float32, 32)
    found = {name: rule for names, rule in beyond_the_paper(model) for name in names}
    kinds = {name: type(layer) for name, layer in model.children()}
    assert found == {name: RULES[kind] for name, kind in kinds.items() if kind in RULES}
    assert {"d/mean", "mean", "sum", "join", "c/leaky", "affine", "pixels"} == set(found)
    assert f"In projections at d/mean, mean: {RULES[nn.AvgPool2d]}." in shown(
        saved(tmp_path / "run", model)
    )


def test_json_has_the_same_numbers(tmp_path: Path, shown: Any) -> None:
    run, file = saved(tmp_path / "run", branching(np.float32, 32)), tmp_path / "new" / "show.json"
    out = shown(run, "--json", file)

    def strict(constant: str) -> None:
        raise AssertionError(f"JSON has no {constant}")

    written = json.loads(file.read_text("utf-8"), parse_constant=strict)
    layers = written["layers"]
    assert [row["name"] for row in layers] == list(branching(np.float32, 32).layer_names())
    assert sum(row["parameters"] for row in layers) == written["parameters"]
    assert sum(row["macs"] for row in layers) == written["macs"]
    assert f"{written['parameters']:,} parameters, {written['macs']:,} multiply-adds" in out
    assert written["preprocess"] == {
        "image_size": 32, "resize": 36, "fit": "warp", "mean": [123.0, 116.5, 104.25],
        "channels": ["blue", "green", "red"], "scale": [0.1, 0.2, 0.1],
    }  # fmt: skip
    assert len(written["classes"]) == 5


def test_a_bound_that_is_none_is_null_in_json(tmp_path: Path, shown: Any) -> None:
    run = saved(tmp_path / "run", chain("conv", nn.Clip(0, float("inf"))))
    shown(run, "--json", tmp_path / "show.json")
    text = (tmp_path / "show.json").read_text("utf-8")
    layers = {row["name"]: row for row in json.loads(text)["layers"]}
    assert layers["between0"]["settings"] == {"low": 0.0, "high": None}
    assert "Infinity" not in text


def test_without_a_run_it_is_the_pretrained_network(shown: Any) -> None:
    out = shown()
    assert "pretrained" in out and "LocalContrastNorm" in out
    assert "minus the mean image, on average" in out and "In projections" not in out


def test_a_damaged_run_is_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = saved(tmp_path / "run", chain()) / FILE
    file.write_bytes(file.read_bytes()[:-100])
    told = refused(monkeypatch, capsys, "show", tmp_path / "run", "--json", tmp_path / "a.json")
    assert str(file) in told and not (tmp_path / "a.json").exists()


@pytest.mark.skipif(not GOOGLENET.is_file(), reason="the trained GoogLeNet is not here")
def test_the_guide_has_the_printed_table(
    tmp_path: Path, shown: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    assert zfnet(monkeypatch, "import", GOOGLENET, "--out", run, "--preset", "googlenet") == 0
    printed = set(shown(run).splitlines())
    lines = [line for line in GUIDE.splitlines() if not line.startswith(">>>")]
    quoted = [line for line in lines if " x " in line or line.startswith("layer  ")]
    assert len(quoted) > 7 and set(quoted) <= printed


def test_a_layer_used_twice_is_counted_once(tmp_path: Path, shown: Any) -> None:
    conv = nn.Conv2d.of(weight(3, 3, 3, 3), weight(3), padding=1)
    layers = {
        "a": conv, "r": nn.ReLU(), "b": conv, "flat": nn.Flatten(),
        "scores": nn.Linear.of(weight(3, 3 * SIDE * SIDE), weight(3)),
    }  # fmt: skip
    wiring = {n: [b] for n, b in zip(layers, [nn.INPUT, *layers], strict=False)}
    model = Imported(nn.Graph(layers, wiring), SIDE)
    run = saved(tmp_path / "tied", model)
    own, linear = 3 * 3 * 9 + 3, 3 * 3 * SIDE * SIDE + 3
    assert [row.parameters for row in rows(model)] == [own, 0, 0, 0, linear]
    assert model.parameter_count == own + linear
    assert f"{own + linear:,} parameters" in shown(run)
    again = load(run).model
    assert [name for name, _ in again.named_parameters()] == [
        "a.weight", "a.bias", "scores.weight", "scores.bias",
    ]  # fmt: skip


def test_half_precision_keeps_one_array_for_two_names(tmp_path: Path) -> None:
    conv = nn.Conv2d.of(weight(3, 3, 3, 3), weight(3), padding=1)
    layers = {"a": conv, "b": conv, "f": nn.Flatten(), "s": nn.Linear.of(weight(3, 3 * SIDE**2))}
    wiring = {n: [b] for n, b in zip(layers, [nn.INPUT, *layers], strict=False)}
    model = Imported(nn.Graph(layers, wiring), SIDE)
    S = model.image_size
    preprocess = Preprocess.with_one_mean(S, S + 4, (123.0, 116.5, 104.25), "warp")
    file = tmp_path / "half.safetensors"
    Network(model, preprocess, ("x", "y", "z")).save(file, half=True)
    with safe_open(str(file), "numpy") as raw:
        assert set(raw.keys()) == {"a.weight", "a.bias", "s.weight", "preprocess.mean"}
    assert len(list(load(file).model.parameters())) == 3
