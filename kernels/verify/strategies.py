"""Strategies for tests of kernels: geometries, options, arrays and whole calls.

    from kernels.verify import agree, bounds_of, by_definition, calls_of

    @given(calls_of(mine, large=None))
    def test_mine_is_a_convolution(call):
        (found,), (expected,), (bound,) = call.run(mine), by_definition(call), bounds_of(mine, call)
        agree(found, expected, bound)

They are hypothesis's. A `Call` is one call as a value: its geometry `g`, its arrays `inputs`, and
its `options`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import DTypeLike

from kernels.contract.registry import Kernel
from kernels.verify.arrays import FILLS, GUISES
from kernels.verify.calls import Call, calls
from kernels.verify.strata.networks import NETWORKS
from kernels.verify.strata.thresholds import THRESHOLDS
from kernels.verify.subject import kernel_of, operation_of, require_known, serves

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
    kernel = kernel_of(subject)
    its = operation_of(kernel.operation)
    sizes = st.booleans() if large is None else st.just(large)
    drawn = sizes.flatmap(lambda size: its.geometries(kernel, size))
    return drawn.filter(lambda g: serves(kernel, g))


def listed_geometries(subject: Kernel | str, stratum: str = "networks") -> tuple[Any, ...]:
    """Listed geometries that a kernel supports, or all of an operation, those of the least work
    first.

    stratum: "networks", the layers of published networks, or "thresholds", one below, at and above
             powers of two and other sizes at which kernels change their way.

    ValueError for an unknown stratum, or an operation that it lists nothing for.

    >>> [g for g in listed_geometries("conv2d") if g.x_shape == (1, 3, 224, 224)][0].R > 1
    True
    """
    kernel = kernel_of(subject)
    if stratum not in LISTS:
        raise ValueError(f"there is no stratum {stratum!r}; there are {', '.join(LISTS)}")
    if kernel.operation not in LISTS[stratum].operations:
        known = ", ".join(LISTS[stratum].operations)
        raise ValueError(f"{stratum} lists nothing for {kernel.operation!r}; it does for {known}")
    return tuple(g for g in LISTS[stratum].geometries(kernel.operation) if serves(kernel, g))


def options_of(subject: Kernel | str, g: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Strategy of the settings of a call beside its arrays, such as the law of unpooling for
    collisions or the hyperparameters of a step, restricted to those that the kernel supports.

    g: the call's geometry.

    >>> from hypothesis import find
    >>> sorted(find(options_of("random_bits", 5), bool))
    ['seed', 'step', 'stream']
    """
    kernel = kernel_of(subject)
    return st.fixed_dictionaries(operation_of(kernel.operation).options(kernel, g))


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
    require_known("fill", fills, FILLS)
    require_known("layout", layouts, GUISES)
    fill, dtype = draw(st.sampled_from(list(fills))), draw(st.sampled_from(list(dtypes)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return GUISES[draw(st.sampled_from(list(layouts)))](FILLS[fill](shape, rng, dtype))


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
    require_known("fill", fills, FILLS)
    return calls(kernel, tuple(fills), large, tuple(dtypes), optional=optional, device=device, g=g)
