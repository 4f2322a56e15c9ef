"""Library for tests of kernels: strategies of calls, oracles, bounds, and the trial of a property.

    from kernels.verify import agree, bounds_of, by_definition, calls_of

    @given(calls_of(mine, large=None))
    def test_mine_is_a_convolution(call):
        (found,), (expected,), (bound,) = call.run(mine), by_definition(call), bounds_of(mine, call)
        agree(found, expected, bound)

Strategies are hypothesis's. A `Call` is one call as a value: its geometry `g`, its arrays `inputs`,
and its `options`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import ArrayLike, DTypeLike

import kernels.verify.properties  # noqa: F401  (which finds them all)
from kernels.contract.probe import supports
from kernels.contract.problem import Problem
from kernels.contract.registry import Kernel
from kernels.contract.sources import load
from kernels.verify.arrays import FILLS, GUISES
from kernels.verify.calls import OPERATIONS, Call, Operation, Results, calls
from kernels.verify.measured import share_of
from kernels.verify.oracles import onnx, pytorch
from kernels.verify.property import PROPERTIES, Property
from kernels.verify.replay import Run
from kernels.verify.report import explained
from kernels.verify.runner import PROFILES, try_property
from kernels.verify.strata.networks import NETWORKS
from kernels.verify.strata.thresholds import THRESHOLDS

LISTS = {stratum.name: stratum for stratum in (NETWORKS, THRESHOLDS)}


def geometries_of(subject: Kernel | str, *, large: bool | None = False) -> st.SearchStrategy[Any]:
    """Strategy of the geometries that a kernel supports, or of all of an operation.

    subject: a kernel, or the name of an operation. A geometry is a `ConvGeometry`, `PoolGeometry`
             and so on, (M,N,K) for "matmul", and the shape for elementwise operations.
    large:   sizes beyond the tiles of an algorithm, up to hundreds of pixels or channels; False:
             those that nested loops compute in milliseconds; None: both.

    ValueError for an unknown operation.

    >>> from hypothesis import find
    >>> find(geometries_of("conv2d"), lambda g: g.stride == (2, 1) and g.groups == 3).groups
    3
    """
    kernel = _kernel(subject)
    its = _operation(kernel.operation)
    sizes = st.booleans() if large is None else st.just(large)
    drawn = sizes.flatmap(lambda size: its.geometries(kernel, size))
    return drawn.filter(lambda g: _serves(kernel, g))


def listed_geometries(subject: Kernel | str, stratum: str = "networks") -> tuple[Any, ...]:
    """Listed geometries that a kernel supports, or all of an operation, those of the least work
    first.

    stratum: "networks", the layers of published networks, or "thresholds", one below, at and above
             powers of two and other sizes at which kernels change their way.

    ValueError for an unknown stratum, or an operation that it lists nothing for.

    >>> [g for g in listed_geometries("conv2d") if g.x_shape == (1, 3, 224, 224)][0].R > 1
    True
    """
    kernel = _kernel(subject)
    if stratum not in LISTS:
        raise ValueError(f"there is no stratum {stratum!r}; there are {', '.join(LISTS)}")
    if kernel.operation not in LISTS[stratum].operations:
        known = ", ".join(LISTS[stratum].operations)
        raise ValueError(f"{stratum} lists nothing for {kernel.operation!r}; it does for {known}")
    return tuple(g for g in LISTS[stratum].geometries(kernel.operation) if _serves(kernel, g))


def options_of(subject: Kernel | str, g: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Strategy of the settings of a call beside its arrays, such as the law of unpooling for
    collisions or the hyperparameters of a step, restricted to those that the kernel supports.

    g: the call's geometry.

    >>> from hypothesis import find
    >>> sorted(find(options_of("random_bits", 5), bool))
    ['seed', 'step', 'stream']
    """
    kernel = _kernel(subject)
    return st.fixed_dictionaries(_operation(kernel.operation).options(kernel, g))


@st.composite
def arrays_of(
    draw: st.DrawFn,
    shape: Sequence[int],
    *,
    dtypes: Sequence[DTypeLike] = (np.float32,),
    fills: Sequence[str] = ("normal", "integers", "scaled"),
    layouts: Sequence[str] = ("row-major",),
) -> np.ndarray:
    """Strategy of arrays of one shape.

    dtypes:  float types to draw from.
    fills:   kinds of values: "normal" of many magnitudes, "integers" from -4 to 4, "scaled" by up
             to 2^30, "positive" from 1 to 2.
    layouts: memory layouts: "row-major", "column-major", "channels-last", "every second", "negative
             strides", "read-only", "misaligned", "byte-swapped".

    ValueError for an unknown fill or layout.

    >>> from hypothesis import find
    >>> find(arrays_of((2, 3), layouts=["column-major"]), lambda a: a.any()).flags.f_contiguous
    True
    """
    _known("fill", fills, FILLS)
    _known("layout", layouts, GUISES)
    fill, dtype = draw(st.sampled_from(list(fills))), draw(st.sampled_from(list(dtypes)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return GUISES[draw(st.sampled_from(list(layouts)))](FILLS[fill](shape, rng, dtype))


def load_kernels(source: str) -> list[Kernel]:
    """Import a path to a .py file, or a module's dotted name; the kernels that it registered.

    ValueError names the file and the failure: it does not exist, does not import, or registers
    nothing.

    >>> load_kernels("no_such_file.py")
    Traceback (most recent call last):
        ...
    ValueError: no_such_file.py does not import: FileNotFoundError: there is no such file
    """
    return load(source)


def calls_of(
    kernel: Kernel,
    *,
    fills: Sequence[str] = ("normal",),
    large: bool | None = False,
    dtypes: Sequence[DTypeLike] = (np.float32, np.float64),
    optional: bool = True,
    g: Any = None,
    device: str = "emulator",
) -> st.SearchStrategy[Call]:
    """Strategy of the calls that a kernel supports: geometry, arrays and options together.

    fills, dtypes: those of `arrays_of`; large: that of `geometries_of`.
    optional:      with and without optional arrays, such as a bias.
    g:             the geometry of all calls, instead of drawn ones.
    device:        where a CUDA kernel computes, "emulator" or "cuda".

    >>> import kernels
    >>> from hypothesis import find
    >>> relu = kernels.named("relu", "elementwise")
    >>> call = find(calls_of(relu, dtypes=[np.float64]), lambda call: call.g == (2, 3))
    >>> call.operation, call.dtype.name, [y.shape for y in call.run(relu)]
    ('relu', 'float64', [(2, 3)])
    """
    _known("fill", fills, FILLS)
    return calls(kernel, tuple(fills), large, tuple(dtypes), optional=optional, device=device, g=g)


def by_definition(call: Call) -> Results:
    """The results of a call by the definition, in float64: nested loops that sum the products one
    by one (`kernels.reference`), or array expressions where the loops would take longer than
    seconds.

    >>> from kernels.verify import make
    >>> float(by_definition(make("relu", (2, 3), "integers", 0))[0].min())
    0.0
    """
    return call.define()


def in_float64(call: Call) -> Results:
    """The results of a call in float64 by array expressions (`kernels.definition`), fast enough for
    the layers of networks.

    >>> from kernels.verify import make
    >>> in_float64(make("matmul", (300, 200, 100), "normal", 0))[0].shape
    (300, 200)
    """
    return call.its.in_float64(call)


def by_pytorch(call: Call) -> Results | None:
    """PyTorch's results in float64; None where it does not have the operation or the geometry.

    ModuleNotFoundError if torch is not installed.

    >>> from kernels.verify import make
    >>> by_pytorch(make("random_bits", 4, "normal", 0)) is None
    True
    """
    return pytorch.answer(call)


def by_onnx(call: Call) -> Results | None:
    """The results of ONNX's reference evaluator in float64; None where it does not have the
    operation or the geometry.

    ModuleNotFoundError if onnx is not installed.

    >>> from kernels.verify import make
    >>> by_onnx(make("random_bits", 4, "normal", 0)) is None
    True
    """
    return onnx.answer(call) if call.operation in onnx.operations() else None


def bounds_of(kernel: Kernel, call: Call) -> tuple[np.ndarray | float, ...]:
    """The bound of the error of each result against the definition, for each element.

    It follows from the number format and from what the kernel declares (`Accuracy`), for these
    operands. ValueError if the kernel is declared not exact and states no bound.

    >>> import kernels
    >>> from kernels.verify import make
    >>> call = make("matmul", (2, 2, 500), "positive", 0, np.float32)
    >>> bool((bounds_of(kernels.named("matmul", "blas"), call)[0] < 0.2).all())
    True
    """
    return call.bound(kernel)


def error_in_bounds(
    found: ArrayLike, expected: ArrayLike, bound: np.ndarray | float = 0.0
) -> float:
    """The largest error in units of its bound: at most 1 if the result is right.

    Infinity for a NaN that differs, or for any error where none is allowed. ValueError for
    different shapes.

    >>> error_in_bounds([1.0, 2.25], [1.0, 2.0], 0.5)
    0.5
    """
    one, other = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    if one.shape != other.shape:
        raise ValueError(f"the result has the shape {one.shape}, the expected one {other.shape}")
    with np.errstate(invalid="ignore"):
        return share_of(np.abs(one - other), bound)


def properties_of(subject: Kernel | str) -> dict[str, Property]:
    """The properties that concern a kernel, or kernels of an operation, by name.

    >>> "adjoint" in properties_of("conv2d"), "adjoint" in properties_of("relu")
    (True, False)
    """
    kernel = _kernel(subject)
    return {name: each for name, each in PROPERTIES.items() if each.concerns(kernel)}


def require_properties(
    kernel: Kernel,
    *names: str,
    profile: str = "ci",
    seed: int = 0,
    device: str = "emulator",
) -> None:
    """AssertionError with a report of every failure unless these properties of a kernel hold.

    names:   of the properties; all that concern it, if none.
    profile: number of examples: "few", "dev", "ci" or "intense".
    seed:    the same seed draws the same examples.
    device:  where a CUDA kernel computes, "emulator" or "cuda".

    ValueError for an unknown profile, or for a property that does not concern the kernel.

    >>> import kernels
    >>> require_properties(kernels.named("relu", "elementwise"), "inputs kept", profile="few")
    """
    text = failures(kernel, *names, profile=profile, seed=seed, device=device)
    if text:
        raise AssertionError(text)


def failures(
    kernel: Kernel, *names: str, profile: str = "ci", seed: int = 0, device: str = "emulator"
) -> str:
    """The report of `require_properties` as a text; "" if all hold.

    >>> import kernels
    >>> wrong = kernels.Kernel("relu", "wrong", "cpu", lambda x: np.abs(x))
    >>> print(failures(wrong, "definition", profile="few"))  # doctest: +ELLIPSIS
    relu wrong: definition
    The error of the result is within the bound, ...
    """
    if profile not in PROFILES:
        raise ValueError(f"there is no profile {profile!r}; there are {', '.join(PROFILES)}")
    concerning = properties_of(kernel)
    _known("property", names, concerning)
    parts = []
    for name in names or concerning:
        outcome = try_property(kernel, concerning[name], PROFILES[profile], seed, device=device)
        if outcome.inapplicable and name == "definition":
            outcome = replace(outcome, unmet="supports(g) is false for all drawn calls")
        if not outcome.holds and not outcome.inapplicable:
            text = explained(outcome, None, Run(profile, seed))
            parts.append(f"{kernel.operation} {kernel.name}: {name}\n{text}")
    return "\n".join(parts)


def _kernel(subject: Kernel | str) -> Kernel:
    """The kernel, or one of the operation that supports everything."""
    if isinstance(subject, Kernel):
        return subject
    _operation(subject)
    return Kernel(subject, "any", "cpu", _uncalled)


def _serves(kernel: Kernel, g: Any) -> bool:
    """True if the kernel supports a plain call of the geometry in one of the types."""
    return any(supports(kernel, Problem(g, np.dtype(t))) for t in (np.float32, np.float64))


def _uncalled(*arguments: Any, **options: Any) -> None:
    raise TypeError("this kernel stands for an operation, and computes nothing")


def _operation(name: str) -> Operation:
    _known("operation", [name], OPERATIONS)
    return OPERATIONS[name]


def _known(what: str, names: Sequence[str], known: Any) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f"there is no {what} {name!r} here; there are {', '.join(known)}")
