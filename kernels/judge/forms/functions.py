"""Functions with PyTorch's names and arguments on NumPy arrays, as kernels.

    def conv2d(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1): ...

A function takes what it has parameters for; of the others it is tried on the defaults alone. A
setting that is one number on both axes is passed as a number, and as a pair to a function that
refuses numbers. Arrays are passed as they are drawn, mostly row-major; results in float64 are
demanded of a function that gives them for a small call.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import numpy as np

from kernels.contract.activation_geometry import ActivationGeometry
from kernels.contract.declarations import Abilities, Accuracy, Cost
from kernels.contract.geometry import ConvGeometry, PoolGeometry
from kernels.contract.kernel import Kernel
from kernels.contract.norm_geometry import LRNGeometry
from kernels.contract.problem import Problem

Settings = dict[str, Any]
TINY = ConvGeometry.of((1, 2, 5, 5), (3, 2, 3, 3), 1, 1)
TINY_POOL = PoolGeometry.of((1, 2, 6, 6), 2)


@dataclass(frozen=True)
class Form:
    """An operation as PyTorch's function.

    settings:  the arguments of a geometry, under PyTorch's names; None if it has no such call.
    defaults:  of the settings, where a function without that parameter still serves.
    given:     the array arguments, from those of the kernel.
    tiny:      a geometry for a first call.
    """

    operation: str
    settings: Callable[[Any], Settings | None]
    defaults: Mapping[str, Any]
    given: Callable[[tuple[Any, ...], Any], tuple[Any, ...]]
    tiny: Any
    inputs: Callable[[Any], list[tuple[int, ...]]]


def _symmetric(g: Any) -> tuple[int, int] | None:
    top, bottom, left, right = g.padding
    return (top, left) if top == bottom >= 0 and left == right >= 0 else None


def _convolution(g: ConvGeometry) -> Settings | None:
    pads = _symmetric(g)
    return None if pads is None else {"stride": g.stride, "padding": pads, "dilation": g.dilation,
                                      "groups": g.groups}  # fmt: skip


def _transposed(g: ConvGeometry) -> Settings | None:
    """conv_transpose2d's arguments: the pixels that no window reaches are its output padding."""
    plain = _convolution(g)
    if plain is None:
        return None
    reach = [(p - 1) * s - 2 * pad + extent for p, s, pad, extent in zip(
        (g.P, g.Q), g.stride, plain["padding"], g.extent, strict=True)]  # fmt: skip
    more = (g.H - reach[0], g.W - reach[1])
    able = all(0 <= m < max(s, d) for m, s, d in zip(more, g.stride, g.dilation, strict=True))
    return plain | {"output_padding": more} if able else None


def _average(g: PoolGeometry) -> Settings | None:
    pads = _symmetric(g)
    if pads is None or g.dilation != (1, 1) or pads[0] > g.R // 2 or pads[1] > g.S // 2:
        return None
    return {"kernel_size": (g.R, g.S), "stride": g.stride, "padding": pads,
            "ceil_mode": g.ceil_mode, "count_include_pad": g.count_include_pad}  # fmt: skip


def _maximum(g: PoolGeometry) -> Settings | None:
    pads = _symmetric(g)
    if pads is None or pads[0] > g.R // 2 or pads[1] > g.S // 2:
        return None
    return {"kernel_size": (g.R, g.S), "stride": g.stride, "padding": pads,
            "dilation": g.dilation, "ceil_mode": g.ceil_mode, "return_indices": True}  # fmt: skip


def _response(g: LRNGeometry) -> Settings | None:
    """PyTorch's window of an even size lies one channel lower than ONNX's."""
    return {"size": g.size, "alpha": g.alpha, "beta": g.beta, "k": g.k} if g.size % 2 else None


def _nothing(g: Any) -> Settings:
    return {}


def _first(given: tuple[Any, ...], bias: Any) -> tuple[Any, ...]:
    return given[:1]


def _two(given: tuple[Any, ...], bias: Any) -> tuple[Any, ...]:
    return given[:2]


def _biased(given: tuple[Any, ...], bias: Any) -> tuple[Any, ...]:
    return (*given[:2], bias)


def _linear(given: tuple[Any, ...], bias: Any) -> tuple[Any, ...]:
    return given[0], np.ascontiguousarray(given[1].T), bias  # (K,N) -> (N,K)


def _activation(name: str) -> Form:
    """An activation without a parameter, of arrays of any shape."""

    def settings(g: ActivationGeometry) -> Settings | None:
        return {} if g.function == name else None

    tiny = ActivationGeometry.of(name, (2, 3))
    return Form("activation", settings, {}, _first, tiny, lambda g: [g.shape])


PLAIN = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
FORMS: dict[str, Form] = {
    "conv2d": Form("conv2d", _convolution, PLAIN, _biased, TINY,
                   lambda g: [g.x_shape, g.w_shape]),
    "conv_transpose2d": Form("conv2d_dgrad", _transposed, PLAIN | {"output_padding": 0}, _biased,
                             TINY, lambda g: [g.y_shape, g.w_shape]),
    "max_pool2d": Form("max_pool2d", _maximum, {"dilation": 1, "padding": 0, "ceil_mode": False},
                       _first, TINY_POOL, lambda g: [g.x_shape]),
    "avg_pool2d": Form("avg_pool2d", _average,
                       {"padding": 0, "ceil_mode": False, "count_include_pad": True}, _first,
                       TINY_POOL, lambda g: [g.x_shape]),
    "local_response_norm": Form("local_response_norm", _response,
                                {"alpha": 1e-4, "beta": 0.75, "k": 1.0}, _first,
                                LRNGeometry(1, 6, 2, 2), lambda g: [g.x_shape]),
    "matmul": Form("matmul", _nothing, {}, _two, (2, 3, 4),
                   lambda g: [(g[0], g[2]), (g[2], g[1])]),
    "linear": Form("matmul", _nothing, {}, _linear, (2, 3, 4),
                   lambda g: [(g[0], g[2]), (g[2], g[1])]),
    "relu": Form("relu", _nothing, {}, _first, (2, 3), lambda g: [g]),
    **{name: _activation(name) for name in ("gelu", "sigmoid", "silu", "tanh", "hardswish",
                                            "hardsigmoid", "mish", "relu6")},
}  # fmt: skip
"""By the function's name."""


def found(module: ModuleType) -> list[Kernel]:
    """The functions of a module that have such names, as kernels named after its file."""
    name = str(module.__name__).rpartition("_")[0] or str(module.__name__)
    return [
        adapted(function, form, name)
        for word, form in FORMS.items()
        if callable(function := vars(module).get(word))
        and getattr(function, "__module__", module.__name__) == module.__name__
    ]


@dataclass(frozen=True)
class Adapted:
    """A function with the arguments of a kernel.

    takes:   the names of its settings.
    pairs:   a setting of both axes is always a pair.
    doubles: it computes in float64; empty: arrays without elements.
    """

    function: Callable[..., Any]
    form: Form
    takes: frozenset[str]
    biased: bool
    pairs: bool = False
    doubles: bool = True
    empty: bool = True

    def __call__(self, *given: Any, bias: Any = None) -> Any:
        settings = self.form.settings(given[-1])
        assert settings is not None
        named = {name: self._passed(v) for name, v in settings.items() if name in self.takes}
        arrays = self.form.given(given, bias if self.biased else None)
        if not self.biased and self.form.given in (_biased, _linear):
            arrays = arrays[:2]
        result = self.function(*arrays, **named)
        if bias is not None and not self.biased:  # the operation has one, this function has not
            axes = (1,) * (np.ndim(result) - 2)
            result = result + bias.reshape(-1, *axes)  # (K,) -> (K,1,1)
        if self.form.operation == "max_pool2d" and isinstance(result, tuple) and len(result) == 2:
            return result[0], np.asarray(result[1]).astype(np.int32)  # PyTorch's are int64
        return result

    def supports(self, problem: Problem) -> bool:
        """Whether the call has such arguments, and the function takes them."""
        if problem.dtype == np.float64 and not self.doubles:
            return False
        if not self.empty and any(0 in shape for shape in self.form.inputs(problem.geometry)):
            return False
        settings = self.form.settings(problem.geometry)
        if settings is None:
            return False
        left = {name: value for name, value in settings.items() if name not in self.takes}
        return all(
            name in self.form.defaults and _single(value) == self.form.defaults[name]
            for name, value in left.items()
        )

    def _passed(self, value: Any) -> Any:
        return value if self.pairs else _single(value)


def _single(value: Any) -> Any:
    """A pair of equal numbers as one number."""
    pair = isinstance(value, tuple) and len(value) == 2 and value[0] == value[1]
    return value[0] if pair else value


class Plain(Kernel):
    """A kernel whose operands are passed as they are, not in canonical form."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        return self.function(*(_native(a) for a in args), **options)


def _native(value: Any) -> Any:
    """An array in native byte order and aligned, as every function of NumPy's expects."""
    if isinstance(value, np.ndarray) and not (value.dtype.isnative and value.flags.aligned):
        return np.array(value, value.dtype.newbyteorder("="))
    return value


def adapted(function: Callable[..., Any], form: Form, name: str) -> Kernel:
    """The function as a kernel; ValueError if it takes no such call at all."""
    parameters = inspect.signature(function).parameters
    anything = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    settings = form.settings(form.tiny)
    assert settings is not None
    takes = frozenset(n for n in settings if anything or n in parameters)
    positional = [p for p in parameters.values() if p.kind in (p.POSITIONAL_ONLY,
                  p.POSITIONAL_OR_KEYWORD, p.VAR_POSITIONAL)]  # fmt: skip
    biased = "bias" in parameters or anything or len(positional) > 2 + len(takes)
    made = _tried(Adapted(function, form, takes, biased))
    abilities = Abilities(supports=made.supports)
    return Plain(form.operation, name, "cpu", made, Accuracy(spreads=_spreads(form)), Cost(),
                 abilities)  # fmt: skip


def _spreads(form: Form) -> str:
    """Zeros of the padding may be multiplied like pixels, as in every library."""
    return "padding" if form.operation.startswith("conv2d") else "nowhere"


def _tried(made: Adapted) -> Adapted:
    """Numbers or pairs, and float64 or not, as a small call shows; the first error stands, to be
    raised by every call, if neither serves."""
    for pairs in (False, True):
        candidate = replace(made, pairs=pairs)
        try:
            candidate(*_inputs(made.form, np.float32), made.form.tiny)
        except TypeError:
            continue
        except Exception:
            return candidate
        doubles, empty = _gives_doubles(candidate), _takes_nothing(candidate)
        return replace(candidate, doubles=doubles, empty=empty)
    return made


def _inputs(form: Form, dtype: Any) -> list[np.ndarray]:
    return [np.ones(shape, dtype) for shape in form.inputs(form.tiny)]


def _takes_nothing(made: Adapted) -> bool:
    """Whether a call on arrays without images, and without channels, returns."""
    for axis in (0, 1):
        shapes = [a.shape for a in _inputs(made.form, np.float32)]
        if len(shapes[0]) < 4:
            return True
        g = replace(made.form.tiny, **{"NC"[axis]: 0})
        try:
            made(*(np.ones(shape, np.float32) for shape in made.form.inputs(g)), g)
        except Exception:
            return False
    return True


def _gives_doubles(made: Adapted) -> bool:
    try:
        result = made(*_inputs(made.form, np.float64), made.form.tiny)
    except Exception:
        return False
    first = result[0] if isinstance(result, tuple) else result
    return bool(getattr(first, "dtype", None) == np.float64)
