"""Drawn models of elementwise operators, reductions, normalisations and matrix products."""

from __future__ import annotations

import numpy as np

from tests.minidl.onnx_cases import CASES, Case, Draw, chain, pair, planes, single
from tests.minidl.onnx_graphs import drawn, node

# Runtimes compute these by polynomials of their own, good to a few units in the last place.
SMOOTH = {
    "Mish": {}, "HardSwish": {}, "Softplus": {}, "Erf": {}, "Sin": {}, "Cos": {}, "Exp": {},
    "HardSigmoid": {"alpha": 0.3, "beta": 0.4}, "Elu": {"alpha": 0.7}, "Gelu": {},
    "Neg": {}, "Abs": {}, "Floor": {}, "Round": {}, "Sign": {}, "Ceil": {}, "Softsign": {},
    "Selu": {}, "Celu": {"alpha": 0.6},
}  # fmt: skip


def _smooth(operator: str) -> Draw:
    def draw(rng: np.random.Generator, opset: int) -> Case:
        x = 2 * planes(rng)
        size = float(np.exp(np.abs(x).max())) if operator == "Exp" else 8.0
        return Case(single(operator, opset, x, **SMOOTH[operator]), x, terms=8 * size, of="one")

    return draw


def _positive(operator: str) -> Draw:
    """Of values well above 0."""

    def draw(rng: np.random.Generator, opset: int) -> Case:
        x = np.abs(planes(rng)) + np.float32(0.5)
        return Case(single(operator, opset, x), x, terms=8, of="one")

    return draw


def _extreme(operator: str) -> Draw:
    def draw(rng: np.random.Generator, opset: int) -> Case:
        x, form = planes(rng), int(rng.integers(3))
        if form == 0 or opset < 8:  # which broadcasts nothing
            nodes = node("Relu", "v", "a"), node(operator, "a v")
            return Case(chain(x, opset, *nodes), x)
        constant = np.float32(0.3) if form == 1 else drawn(rng, x.shape[1], 1, x.shape[3])
        return Case(chain(x, opset, node(operator, "v c"), c=constant), x)

    return draw


def _reduced(operator: str) -> Draw:
    def draw(rng: np.random.Generator, opset: int) -> Case:
        x, kept = planes(rng), int(rng.integers(2))
        axes = [[1], [2, 3], [3], [1, 2, 3], [-1] if opset >= 11 else [3]][rng.integers(5)]
        late = opset >= (13 if operator == "ReduceSum" else 18)
        if late:
            proto = single(operator, opset, x, np.array(axes), keepdims=kept)
        else:
            proto = single(operator, opset, x, axes=axes, keepdims=kept)
        return Case(proto, x, terms=8 * x[0].size * float(np.abs(x).max()) ** 2, of="one")

    return draw


for _name in SMOOTH:
    CASES[_name] = _smooth(_name)
for _name in ("Reciprocal", "Log", "Sqrt"):
    CASES[_name] = _positive(_name)
for _name in ("Max", "Min"):
    CASES[_name] = _extreme(_name)
for _name in ("ReduceMin", "ReduceSum", "ReduceSumSquare", "ReduceL2", "ReduceL1"):
    CASES[_name] = _reduced(_name)


def _case(draw: Draw) -> Draw:
    CASES[draw.__name__] = draw
    return draw


@_case
def Pow(rng: np.random.Generator, opset: int) -> Case:
    x = np.abs(planes(rng)) + np.float32(0.5)
    power = np.float32([0.5, 2, 3, -0.75][rng.integers(4)])
    return Case(single("Pow", opset, x, power), x, terms=400, of="one")


@_case
def Where(rng: np.random.Generator, opset: int) -> Case:
    x = planes(rng)
    mask = rng.random(x.shape[2:]) < 0.5
    inputs = ["m v c", "m c v", "m v a"][rng.integers(3)]
    nodes = node("Relu", "v", "a"), node("Where", inputs)
    return Case(chain(x, opset, *nodes, m=mask, c=np.float32(-3)), x)


@_case
def LogSoftmax(rng: np.random.Generator, opset: int) -> Case:
    x, axis = planes(rng), int(rng.integers(1, 4))
    proto = single("LogSoftmax", opset, x, axis=axis)
    return Case(proto, x, terms=x[0].size + 80, of="one", reference=opset >= 13)


@_case
def Mean(rng: np.random.Generator, opset: int) -> Case:
    x = planes(rng)
    nodes = node("Relu", "v", "a"), node("Mean", "v a" if opset < 8 else "v a c")
    constants = {} if opset < 8 else {"c": drawn(rng, x.shape[1], 1, 1)}
    return Case(chain(x, opset, *nodes, **constants), x, terms=8, of="one")


@_case
def Tan(rng: np.random.Generator, opset: int) -> Case:
    x = np.clip(planes(rng), -1.2, 1.2)
    return Case(single("Tan", opset, x), x, terms=64, of="one")


@_case
def ReduceLogSum(rng: np.random.Generator, opset: int) -> Case:
    x = np.abs(planes(rng)) + np.float32(0.5)
    given = {"axes": [2, 3]} if opset < 18 else {}
    constants = [] if opset < 18 else [np.array([2, 3])]
    proto = single("ReduceLogSum", opset, x, *constants, **given)
    return Case(proto, x, terms=8 * x[0].size, of="one")


@_case
def ReduceLogSumExp(rng: np.random.Generator, opset: int) -> Case:
    """Of values whose powers overflow in float32, too."""
    x, axis = planes(rng) * np.float32(rng.choice([1, 100])), int(rng.integers(1, 4))
    given = {"axes": [axis]} if opset < 18 else {}
    constants = [] if opset < 18 else [np.array([axis])]
    proto = single("ReduceLogSumExp", opset, x, *constants, keepdims=int(rng.integers(2)), **given)
    return Case(proto, x, terms=(x[0].size + 80) * float(1 + np.abs(x).max()), of="one",
                reference=False)  # fmt: skip


@_case
def LpNormalization(rng: np.random.Generator, opset: int) -> Case:
    x = planes(rng)
    settings = {"axis": int(rng.integers(1, 4)), "p": int(rng.integers(1, 3))}
    proto = single("LpNormalization", opset, x, **settings)
    plain = settings["p"] == 2  # of p = 1 the evaluator adds the values with their signs
    return Case(proto, x, terms=8 + x[0].size, of="one", reference=plain)


@_case
def MeanVarianceNormalization(rng: np.random.Generator, opset: int) -> Case:
    x, axes = planes(rng), [[2, 3], [1, 2, 3]][rng.integers(2)]
    proto = single("MeanVarianceNormalization", max(opset, 9), x, axes=axes)
    return Case(proto, x, terms=200 * x[0].size, of="one", reference=False)


@_case
def GlobalLpPool(rng: np.random.Generator, opset: int) -> Case:
    x, p = planes(rng), int(rng.integers(1, 4))
    terms = 8 * x[0].size * float(np.abs(x).max())
    proto = single("GlobalLpPool", min(opset, 21), x, p=p)  # ONNX Runtime has no later form
    return Case(proto, x, terms=terms, of="one", reference=False)


@_case
def RMSNormalization(rng: np.random.Generator, opset: int) -> Case:
    x, axis = planes(rng), int(rng.integers(1, 4))
    scale = drawn(rng, *x.shape[axis:])
    proto = single("RMSNormalization", max(opset, 23), x, scale, axis=axis, epsilon=1e-2)
    return Case(proto, x, terms=40 * x[0].size, of="one")


@_case
def LpPool(rng: np.random.Generator, opset: int) -> Case:
    x, p = drawn(rng, 2, 3, 7, 8), int(rng.integers(1, 4))
    settings = {"kernel_shape": [2, 3], "strides": pair(rng, 1, 2), "pads": [0, 1, 0, 1]}
    proto = single("LpPool", opset, x, p=p, **settings)
    return Case(proto, x, terms=400 * float(np.abs(x).max()), of="one", reference=False)


@_case
def CastLike(rng: np.random.Generator, opset: int) -> Case:
    x = planes(rng)
    return Case(single("CastLike", max(opset, 15), x, np.float32(0)), x)


@_case
def LayerNormalization(rng: np.random.Generator, opset: int) -> Case:
    x, axis = planes(rng), int(rng.integers(1, 4))
    weights = [drawn(rng, *x.shape[axis:]) for _ in range(int(rng.integers(1, 3)))]
    proto = single("LayerNormalization", max(opset, 17), x, *weights, axis=axis, epsilon=1e-2)
    return Case(proto, x, terms=40 * x[0].size, of="one", reference=False)


@_case
def InstanceNormalization(rng: np.random.Generator, opset: int) -> Case:
    x = planes(rng)
    weights = drawn(rng, x.shape[1]), drawn(rng, x.shape[1])
    proto = single("InstanceNormalization", opset, x, *weights, epsilon=1e-2)
    return Case(proto, x, terms=40 * x[0].size, of="one")


@_case
def GroupNormalization(rng: np.random.Generator, opset: int) -> Case:
    groups = int(rng.integers(1, 4))
    x, opset = planes(rng, channels=2 * groups), max(opset, 21)
    weights = drawn(rng, x.shape[1]), drawn(rng, x.shape[1])
    settings = {"num_groups": groups, "epsilon": 1e-2}
    proto = single("GroupNormalization", opset, x, *weights, **settings)
    return Case(proto, x, terms=40 * x[0].size, of="one", reference=False)


@_case
def Einsum(rng: np.random.Generator, opset: int) -> Case:
    x = planes(rng)
    equation = ["nchw,ncij->nhwij", "nchw,nihw->nci", "nchw, ndhw -> ndc"][rng.integers(3)]
    if "ij->" in equation:
        nodes = node("Relu", "v", "a"), node("Einsum", "v a", equation=equation)
    else:
        nodes = node("Relu", "v", "a"), node("Einsum", "a v", equation=equation)
    proto = chain(x, max(opset, 12), *nodes)
    return Case(proto, x, terms=40 * x[0].size, of="one")


@_case
def MatMul(rng: np.random.Generator, opset: int) -> Case:
    """Rows, tokens or planes by a constant matrix, or two activations."""
    F, K = pair(rng, 1, 9)
    form = int(rng.integers(4))
    if form == 0:
        x = drawn(rng, 3, F, 1, 1)
        return Case(single("MatMul", opset, x, drawn(rng, F, K)), x, terms=F)
    x = drawn(rng, 2, 3, K, F)
    if form == 1:
        return Case(chain(x, opset, node("MatMul", "v c"), c=drawn(rng, F, 5)), x, terms=F)
    if form == 2:
        return Case(chain(x, opset, node("MatMul", "c v"), c=drawn(rng, 4, K)), x, terms=K)
    nodes = node("Transpose", "v", "t", perm=[0, 1, 3, 2]), node("MatMul", "v t")
    return Case(chain(x, opset, *nodes), x, terms=40 * F * float(np.square(x).max()), of="one")
