"""Tests of nodes that cannot be imported: the error names the operator, the node and the reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.minidl.onnx_graphs import classifier, drawn, model, node, onnx
from tests.minidl.onnx_running import refused

RNG = np.random.default_rng(0)
W = drawn(RNG, 4, 3, 3, 3)
SAME: dict[str, Any] = {"auto_pad": "SAME_UPPER"}
FOUR = [np.ones(3, np.float32)] * 4
FLAT = node("Flatten", "x", "f")
Nodes = list[Any]


def made(*nodes: Any, opset: int = 13, **constants: Any) -> Any:
    return model(nodes, ["N", 3, 8, 6], opset, **constants)


def one(operator: str, *constants: Any, opset: int = 13, **attributes: Any) -> Any:
    """A model of one node that takes the image and constants."""
    named = {f"c{at}": each for at, each in enumerate(constants)}
    inputs = " ".join(["x", *named])
    return made(node(operator, inputs, **attributes), opset=opset, **named)


REFUSED = {
    "unknown": (one("Det"), r"operator Det of node 'y' \(inputs \(1, 3, 8, 6\)\): there i"),
    "control": (one("Loop", np.array(2), body=made(FLAT).graph), "operator Loop of node 'y' .*loo"),
    "domain": (one("FusedConv", domain="com.microsoft"),
               "operator FusedConv of node 'y' of the domain 'com.microsoft' is not one of the st"),
    "domains": (made(*(node("Fused", "x", f"f{i}", domain="a.b") for i in range(5)),
                     node("Sum", "f0 f1 f2 f3 f4")),
                "operator Fused of nodes 'f0', 'f1', 'f2' and 2 more of the domain 'a.b' is not o"),
    "later": (one("Celu", opset=11), "operator Celu of node 'y' is not one of .* in opset 11"),
    "deprecated": (one("Upsample", opset=10), "operator Upsample of node 'y' is not one of the st"),
    "attribute": (one("Relu", slope=1.0), "has the attribute 'slope' of type FLOAT; .* none"),
    "type": (one("LRN", size=3.0), "the attribute 'size' of type FLOAT; .* it is of type INT"),
    "missing": (one("MaxPool"), "operator MaxPool of node 'y' lacks the attribute kernel_shape"),
    "inputs": (one("Relu", W), "operator Relu of node 'y' has 2 inputs; in opset 13 there are 1"),
    "inputs of a formula": (
        made(node("Reshape", "x", "r"), node("InstanceNormalization", "r a a", "i"),
             node("Reshape", "i t"), a=np.ones(3, np.float32), t=np.array([0, 3, 8, 6])),
        "operator Reshape of node 'r' has 1 inputs"),
    "second": (made(node("MaxPool", "x", "m i", kernel_shape=[2, 2]), node("Relu", "i")),
               "operator Relu of node 'y' .*: it takes 'i', a second output"),
    "second last": (made(node("MaxPool", "x", "m y", kernel_shape=[2, 2])),
                    "its output 'y' is not computed from the image"),
    "constant": (made(FLAT, node("LRN", "c", size=1), c=W), r"operator LRN .* constants alone; "),
    "made weight": (made(node("Relu", "x", "r"), node("Conv", "x r")),
                    r"operator Conv of node 'y' .*: its input number 1 is computed from the image"),
    "integers": (one("Conv", W.astype(np.int32)), "its input number 1 holds int32; floats can be"),
    "too large": (one("Conv", W.astype(np.float64) * 1e300), "has values too large for float32"),
    "window": (one("Conv", W, kernel_shape=[2, 3]), r"kernel_shape \(2, 3\) is not the weight's"),
    "line": (one("Conv", W[:, :, 0]), "are not both of four axes; only convolutions of planes"),
    "groups": (one("Conv", W, group=2), "operator Conv of node 'y' .*groups=2"),
    "too small": (one("Conv", drawn(RNG, 4, 3, 9, 9)), "9x9 pixels and does not fit into the inp"),
    "bias": (one("Conv", W, np.ones(3, np.float32)), r"bias \(3,\) must have the shape \(4,\)"),
    "strides": (one("Conv", W, strides=[2]), r"strides \(2,\) is not of two axes"),
    "pads": (one("Conv", W, pads=[1, 1]), r"pads \(1, 1\) are not those of rows and columns"),
    "far": (one("Conv", W, pads=[2**20] * 4), "it would make planes of 3 x 2097160 x 2097158"),
    "auto": (one("Conv", W, auto_pad="SAME"), "auto_pad 'SAME' is not one of NOTSET, VALID"),
    "skips": (one("Conv", W[:, :, :1, :1], strides=[4, 4], **SAME), "on which side is not defined"),
    "dilated": (one("MaxPool", kernel_shape=[2, 2], dilations=[2, 2], **SAME), "in two ways"),
    "dilated mean": (one("AveragePool", opset=19, kernel_shape=[2, 2], dilations=[2, 2]),
                     "averages are taken of adjacent pixels only"),
    "padding": (one("MaxPool", kernel_shape=[1, 1], pads=[1, 0, 0, 0]), "nothing but padding"),
    "output": (one("ConvTranspose", drawn(RNG, 3, 2, 2, 2), output_shape=[10, 7]),
               r"its output would be \(10, 7\), larger than"),
    "far output": (one("ConvTranspose", drawn(RNG, 3, 2, 2, 2), strides=[2**20] * 2),
                   "it would make planes of 2 x 7340034 x 5242882"),
    "transA": (made(FLAT, node("Gemm", "f c d", transA=1), c=W[0, 0], d=W[0, 0, 0]), "transA=1"),
    "rows": (made(FLAT, node("Gemm", "f c d"), c=drawn(RNG, 144, 4), d=drawn(RNG, 4, 1)),
             r"its bias \(4, 1\) is not one row of 4"),
    "left": (made(FLAT, node("MatMul", "c f"), c=W[0, 0]), "3 values along the axis of the images"),
    "features": (made(FLAT, node("MatMul", "f c"), c=drawn(RNG, 9, 4)), "operator MatMul .*144"),
    "bounds": (one("Clip", np.float32(2), np.float32(1)), "low 2.0 must be at most high 1.0"),
    "slope": (one("PRelu", drawn(RNG, 6)), r"its constant \(6,\) is not one number for each chan"),
    "plane": (one("Add", drawn(RNG, 8, 5)), r"operator Add .*\(8, 5\).* broadcast"),
    "shapes": (made(node("MaxPool", "x", "p", kernel_shape=[2, 2]), node("Add", "x p")),
               "operator Add of node 'y' .*do not broadcast"),
    "zero": (one("Div", np.zeros(3, np.float32).reshape(3, 1, 1)), "it divides by zero"),  # (3,1,1)
    "training outputs": (
        made(node("BatchNormalization", "x a b c d", "y p q r t"), opset=9,
             **dict(zip("abcd", FOUR, strict=True))),
        "it has 5 outputs, which is training mode",
    ),
    "doubling": (
        made(*(node("Concat", f"{a} {a}", b, axis=0) for a, b in zip("abcdefg", "bcdefgh",
                                                                     strict=True)),
             node("Concat", "h h h h h h h h", "i", axis=0), node("Add", "x i"),
             a=np.zeros(2**17, np.float32)),
        "operator Concat of node 'h' .*a constant of 67108864 bytes is more than may be",
    ),
    "stretched": (
        made(node("Add", "a b", "c"), node("Add", "x c"), a=np.zeros((2**16, 1), np.float32),
             b=np.zeros((1, 2**16), np.float32)),
        "operator Add of node 'c' .*a constant of 17179869184 bytes is more than may be",
    ),
    "no window": (one("LRN", size=2**62), "the attribute size 4611686018427387904; no size or"),
    "large window": (one("LRN", size=2**30), "size must be an integer from 1 to 65,535"),
    "wide pads": (one("MaxPool", kernel_shape=[2, 2], pads=[2**62, 0, 0, 0]), "the attribute pads"),
    "growing": (
        made(*(node("Concat", f"{a} {a}", b, axis=1) for a, b in zip(
            ["x", *(f"c{i}" for i in range(40))], [f"c{i}" for i in range(41)], strict=True)),
            node("Mul", "c40 s"), s=np.float32(2)),
        r"its output \(1, \d+, 8, 6\) would take 2 GiB or more for one image",
    ),
    "training": (one("BatchNormalization", *FOUR, training_mode=1, opset=14), "training_mode=1"),
    "spatial": (one("BatchNormalization", *FOUR, spatial=0, opset=7), "spatial=0"),
    "statistics": (one("BatchNormalization", *FOUR[1:], W[:2, 0, 0, 0]), "are not one for each"),
    "variance": (one("BatchNormalization", *FOUR[1:], -FOUR[0]), "a variance of -1.0 leaves"),
    "dropping": (one("Dropout", np.float32(0.5), np.array(True)), "training_mode is true"),
    "cast": (one("Cast", to=onnx.TensorProto.INT64), "it casts to INT64; activations are float32"),
    "part": (one("Concat", W, axis=1), r"its constant \(4, 3, 3, 3\) has 4 values along the axi"),
    "batch concat": (made(node("Concat", "x x", axis=0)), "axis 0 of its input .* is the batch's"),
    "batch softmax": (one("Softmax", axis=-4), "axis -4 of its input .* is the batch's"),
    "reshape size": (one("Reshape", np.array([0, 7])), r"its target \(N, 7\) for one image of"),
    "reshape rest": (one("Reshape", np.array([0, -1, 7])), r"its target \(N, -1, 7\) does not div"),
    "reshape copy": (one("Reshape", np.array([0, 3, 8, 6, 0])), "copies an axis"),
    "reshape zero": (one("Reshape", np.array([0, -1]), allowzero=1, opset=14), r"target \(0, -1\)"),
    "target": (made(FLAT, node("Reshape", "x f")), "input number 1 is computed from the image"),
    "squeeze axis": (one("Squeeze", np.array([1])), r"it drops the axes \(1,\) of \(1, 3, 8, 6\)"),
    "mean": (one("ReduceMean"), r"it reduces all axes of \(1, 3, 8, 6\), the images too"),
    "images": (one("ReduceMean", axes=[0]), "axis 0 of its input .* is the batch's"),
    "some images": (one("Slice", np.array([1]), np.array([9]), np.array([0])), "all must be"),
    "windows of others": (one("Reshape", np.array([3, -1, 8, 6])), r"does not keep the images ap"),
    "shape alone": (made(node("Shape", "x")), "its output 'y' is not computed from the image"),
    "huge": (made(node("ConstantOfShape", "n", "c"), node("Add", "x c"), n=np.array([2**40])),
             "operator ConstantOfShape of node 'c' .*4398046511104 bytes is more than"),
    "constant zero": (made(node("Div", "a b", "c"), node("Add", "x c"), a=W, b=0 * W),
                      "operator Div of node 'c' .*: it divides by zero"),
    "text": (made(node("Constant", "", "c", value_string="one"), node("Add", "x c")),
             "operator Constant of node 'c' .*: a constant with value_string cannot be read"),
    "gather": (made(node("Gather", "a b", "c"), node("Add", "x c"), a=W, b=np.array(9)),
               "operator Gather of node 'c' .*out of bounds"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_node_that_cannot_be_imported_is_named_with_the_reason(name: str, tmp_path: Path) -> None:
    proto, message = REFUSED[name]
    refused(proto, tmp_path, message)


def test_an_error_names_the_file_the_operator_the_node_and_its_inputs(tmp_path: Path) -> None:
    proto = classifier(13, ["N", 3, 8, 6], w=drawn(RNG, 4, 2, 3, 3))
    refused(
        proto,
        tmp_path,
        r"model\.onnx cannot be imported: operator Conv of node 'conv1' \(inputs \(1, 3, 8, 6\), "
        r"\(4, 2, 3, 3\), \(4,\)\): conv2d: x \(1, 3, 8, 6\) and weight \(4, 2, 3, 3\)",
    )
