"""Tests of other writers' habits in ONNX files: what a reader must leave alone, or take anyway."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl import load_onnx
from tests.minidl.onnx_graphs import drawn, model, node, onnx, reference, runtime
from tests.minidl.onnx_running import run

RNG = np.random.default_rng(8)
SHAPE = ["N", 3, 8, 6]
W, X = drawn(RNG, 4, 3, 3, 3), drawn(RNG, 2, 3, 8, 6)
NODES = [node("Conv", "x w", "c", pads=[1, 1, 1, 1]), node("Relu", "c")]
TYPES = onnx.TensorProto


def convolution(**constants: Any) -> Any:
    return model(NODES, SHAPE, 21, **{"w": W, **constants})


def information(name: str, kind: int, shape: Any) -> Any:
    return onnx.helper.make_tensor_value_info(name, kind, shape)


def same(proto: Any, expected: Any | None = None, x: np.ndarray = X) -> None:
    """The model gives what ONNX Runtime gives, for it or for another model."""
    theirs = runtime(proto if expected is None else expected, x)
    ours = run(load_onnx(proto), x.astype(np.float32))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("front", [False, True])
def test_an_input_that_no_node_reads_is_left_out(front: bool) -> None:
    """As a flag of training that an exporter left."""
    proto, flag = convolution(), information("training", TYPES.BOOL, [])
    inputs = [flag, *proto.graph.input] if front else [*proto.graph.input, flag]
    del proto.graph.input[:]
    proto.graph.input.extend(inputs)
    same(proto, convolution())


@pytest.mark.parametrize("name", ["x", "w"])
def test_the_first_output_is_one_that_a_node_makes(name: str) -> None:
    proto = convolution()
    proto.graph.output.insert(0, information(name, TYPES.FLOAT, None))
    same(proto, convolution())
    with pytest.raises(ValueError, match=f"its output '{name}' is its input, or a constant"):
        load_onnx(proto, output=name)


@pytest.mark.parametrize("kind", ["INT4", "STRING", "COMPLEX64"])
def test_a_constant_that_no_node_reads_may_be_of_any_type(kind: str) -> None:
    proto = convolution()
    proto.graph.initializer.add(name="spare", data_type=getattr(TYPES, kind), dims=[2])
    same(proto, convolution())


@pytest.mark.parametrize("kind", ["INT4", "FLOAT8E4M3FN"])
def test_a_quantised_weight_is_refused_by_what_reads_it(kind: str) -> None:
    """With everything else in the file that cannot be imported."""
    nodes = [node("DequantizeLinear", "q s", "w"), *NODES, node("Hardmax", "y", "z")]
    proto = model(nodes, SHAPE, 21, s=np.float32(0.1))
    proto.graph.initializer.add(name="q", data_type=getattr(TYPES, kind), dims=W.shape)
    proto.graph.output[0].name = "z"
    with pytest.raises(ValueError, match=r"2 of its nodes .* DequantizeLinear .*Hardmax"):
        load_onnx(proto)


def test_weights_of_bfloat16_are_read_exactly() -> None:
    """Bits of a float32's upper half, as ml_dtypes writes them."""
    bits = W.view(np.uint32) >> 16
    rounded = (bits << 16).view(np.float32)
    proto = model([node("Cast", "h", "w", to=TYPES.FLOAT), *NODES], SHAPE, 21)
    raw = bits.astype("<u2").tobytes()
    proto.graph.initializer.add(name="h", data_type=TYPES.BFLOAT16, dims=W.shape, raw_data=raw)
    same(proto, convolution(w=rounded))


@pytest.mark.parametrize("moved", [False, True])
def test_an_image_of_whole_numbers_is_cast_to_floats(moved: bool) -> None:
    """As TensorFlow's detectors take it, some after a Transpose."""
    pixels = RNG.integers(0, 256, (2, 8, 6, 3) if moved else (2, 3, 8, 6)).astype(np.uint8)
    transposed = [node("Transpose", "x", "t", perm=[0, 3, 1, 2])] if moved else []
    cast = node("Cast", "t" if moved else "x", "f", to=TYPES.FLOAT)
    first = node("Conv", "f w", "c", pads=[1, 1, 1, 1])
    proto = model([*transposed, cast, first, NODES[1]], ["N", *pixels.shape[1:]], 21, w=W / 255)
    proto.graph.input[0].type.tensor_type.elem_type = TYPES.UINT8
    same(proto, x=pixels)


OLD = {
    "a row": (node("Add", "x c", broadcast=1), drawn(RNG, 6)),
    "channels": (node("Mul", "x c", broadcast=1, axis=1), drawn(RNG, 3)),
    "channels from behind": (node("Sub", "x c", broadcast=1, axis=-3), drawn(RNG, 3)),
    "slopes": (node("PRelu", "x c"), drawn(RNG, 3)),
    "one slope": (node("PRelu", "x c"), drawn(RNG, 1)),
    "planes": (node("Div", "x c", broadcast=1, axis=1), np.abs(drawn(RNG, 3, 8)) + 1),
}


@pytest.mark.parametrize("name", OLD)
def test_opset_6_broadcasts_along_an_axis(name: str) -> None:
    """Expected is the same in opset 7, where the operand has the axes of 1 itself."""
    old, constant = OLD[name]
    shape = constant.shape if name == "a row" else (*constant.shape, *(1,) * (3 - constant.ndim))
    later = node(old.op_type, "x c")
    same(model([old], SHAPE, 6, c=constant), model([later], SHAPE, 7, c=constant.reshape(shape)))


def test_opset_6_normalises_in_inference_alone() -> None:
    four = dict(zip("sbmv", (np.abs(drawn(RNG, 3)) + 0.5 for _ in range(4)), strict=True))
    old = model([node("BatchNormalization", "x s b m v", is_test=1)], SHAPE, 6, **four)
    same(old, model([node("BatchNormalization", "x s b m v")], SHAPE, 7, **four))
    training = model([node("BatchNormalization", "x s b m v")], SHAPE, 6, **four)
    with pytest.raises(ValueError, match="is_test=0, which is training mode"):
        load_onnx(training)


def heads(inputs: str, parts: int, **settings: Any) -> Any:
    """Attention of opset 23 with two heads, of the pixels' places and their 4 features."""
    flat = [
        node("Conv", "x w", "c"),
        node("Reshape", "c flat", "f"),  # (N,12,6,4) -> (N,12,24)
        node("Transpose", "f", "t", perm=[0, 2, 1]),  # (N,24,12)
        node("Split", "t", "q k v", axis=2, num_outputs=3),
    ]
    constants = {"w": drawn(RNG, 12, 3, 3, 3), "flat": np.array([0, 0, -1])}
    if parts == 4:
        four = np.array([0, 0, 2, 2])
        for part in "qkv":  # (N,24,4) -> (N,2,24,2)
            flat += [node("Reshape", f"{part} four", f"{part}r"),
                     node("Transpose", f"{part}r", f"{part}h", perm=[0, 2, 1, 3])]  # fmt: skip
        constants["four"] = four
        inputs = inputs.replace("q k v", "qh kh vh")
    else:
        settings |= {"q_num_heads": 2, "kv_num_heads": 2}
    masks = {"m": drawn(RNG, 24, 24), "b": RNG.random((24, 24)) < 0.7}
    constants |= {name: mask for name, mask in masks.items() if name in inputs.split()}
    return model([*flat, node("Attention", inputs, **settings)], SHAPE, 23, **constants)


@pytest.mark.parametrize("parts", [3, 4])
@pytest.mark.parametrize("inputs", ["q k v", "q k v m", "q k v b"])
@pytest.mark.parametrize("scale", [None, 0.3])
def test_attention_is_its_formula(parts: int, inputs: str, scale: float | None) -> None:
    """softmax(scale q k^T + mask) v, against the standard's own evaluator."""
    settings = {} if scale is None else {"scale": scale}
    proto = heads(inputs, parts, **settings)
    net, expected = load_onnx(proto), reference(proto, X)
    np.testing.assert_allclose(run(net, X), expected, rtol=1e-4, atol=1e-5)
    names = dict(net.children())
    assert any("weights" in name for name in names), "the weights of attention are a layer"


@pytest.mark.parametrize(("setting", "value"), [("is_causal", 1), ("softcap", 2.0)])
def test_other_attention_is_refused_by_name(setting: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"operator Attention of node 'y' has {setting}; only"):
        load_onnx(heads("q k v", 3, **{setting: value}))
