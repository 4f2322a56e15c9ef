"""Properties of sequences of calls: no result depends on the calls before it, or changes after.

Every result is compared with the definition, not with another result of the kernel, which might
have been kept as well.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from kernels.bounds import same_bits
from kernels.contract.geometry import ConvGeometry, PoolGeometry
from kernels.contract.interruption import file_of, interrupted
from kernels.contract.registry import Kernel
from kernels.verify.arrays import GUISES
from kernels.verify.calls import OPERATIONS, Bounds, Call, Results, make
from kernels.verify.neutral import neutral
from kernels.verify.properties.every import other_values
from kernels.verify.property import agree, assume, holds, require
from kernels.verify.strata.stratum import work
from kernels.verify.together import run_together

WITH_ARRAYS = tuple(name for name in OPERATIONS if name != "random_bits")
WINDOWED = tuple(n for n in WITH_ARRAYS if "pool" in n or n.startswith("conv2d"))
WINDOWED = tuple(n for n in WINDOWED if "unpool" not in n and n != "conv_relu_pool")
MOST_CHANGED = 12
"""Elements that one example changes, one at a time."""
CALLS = 1400
"""Calls of a long history; a counter of calls seldom is of more than 10 bits."""
MOST_WORK = 5e8
"""Operations of all calls of a long history."""
seeds = st.integers(0, 2**32 - 1)


def expected(kernel: Kernel, call: Call) -> tuple[Results, Bounds]:
    """The results in float64 and their bounds."""
    return call.its.in_float64(call), call.bound(kernel)


def check(results: Results, wanted: tuple[Results, Bounds], what: str) -> None:
    """Violation unless the results are within their bounds."""
    for result, true, bound in zip(results, *wanted, strict=False):
        agree(result, true, bound, what)


@holds("one element", *WITH_ARRAYS, fills=("integers",), optional=True, large=None, share=0.5,
       seed=seeds)  # fmt: skip
def sees_every_element(kernel: Kernel, call: Call, seed: int) -> None:
    """After one element of an array was changed in place, of any, the result is that of the new
    values: nothing is kept by shape, address, checksum or some of the values."""
    call, rng = call.each(GUISES["channels-last"]), np.random.default_rng(seed)
    check(call.run(kernel), expected(kernel, call), "before any change")
    arrays = [a for a in call.arrays.values() if a.dtype.kind == "f" and a.size]
    assume(arrays)
    for _ in range(MOST_CHANGED):
        array = arrays[int(rng.integers(len(arrays)))]
        index = np.unravel_index(int(rng.integers(array.size)), array.shape)
        array[index] = -array[index] + rng.integers(5, 9)
        check(call.run(kernel), expected(kernel, call), "after one element was changed in place")


@holds("same sum", *WITH_ARRAYS, fills=("integers",), optional=True, large=None, share=0.5,
       seed=seeds)  # fmt: skip
def sees_a_change_that_keeps_every_sum(kernel: Kernel, call: Call, seed: int) -> None:
    """After the elements of an array were permuted in place, the result is that of the new values:
    a sum, a norm, a minimum and a histogram are the same, and are no key."""
    call, rng = call.each(GUISES["channels-last"]), np.random.default_rng(seed)
    call.run(kernel)
    for array in call.arrays.values():
        if array.dtype.kind == "f" and array.ndim:
            axis = int(rng.integers(array.ndim))
            array[...] = np.roll(array, 1, axis) if rng.random() < 0.5 else np.flip(array, axis)
            check(call.run(kernel), expected(kernel, call), "after a permutation in place")


@holds("same address", *WITH_ARRAYS, fills=("integers",), large=None, share=0.5, seed=seeds)
def sees_new_arrays_at_an_old_address(kernel: Kernel, call: Call, seed: int) -> None:
    """New arrays, which the allocator places where freed ones were, give results of their own."""
    assume(call.origin is not None)
    fill, first = call.origin or ("integers", 0)
    for turn in range(4):
        fresh = make(call.operation, call.g, fill, first + turn, call.dtype, **call.options)
        fresh = replace(fresh, device=call.device).each(GUISES["channels-last"])
        check(fresh.run(kernel), expected(kernel, fresh), "with new arrays")
        del fresh


@holds("in turn", *WITH_ARRAYS, fills=("normal",), optional=True, large=None, share=0.5,
       seed=seeds)  # fmt: skip
def geometries_in_turn_do_not_mix(kernel: Kernel, call: Call, seed: int) -> None:
    """Calls of several geometries, types and contents in any order, each several times, give the
    results of their own, and no result changes later."""
    rng = np.random.default_rng(seed)
    some = [call, call.each(other_values), *_relatives(kernel, call, seed)]
    wanted = [expected(kernel, one) for one in some]
    order = [int(i) for i in rng.permutation(np.tile(np.arange(len(some)), 3))]
    held: list[tuple[Results, Results]] = []
    for i in order:
        results = some[i].run(kernel)
        check(results, wanted[i], f"call {len(held) + 1} of {some[i].g}")
        held.append((results, tuple(a.copy() for a in results)))
    for results, kept in held:
        for result, copied in zip(results, kept, strict=True):
            require(same_bits(result, copied), "a result has changed after later calls")


def _relatives(kernel: Kernel, call: Call, seed: int) -> list[Call]:
    """Calls of geometries that are like the call's: another batch, another type, other pads of the
    same padded size."""
    near: list[tuple[Any, Any]] = [(g, call.dtype) for g in _near(call.g)]
    other = np.dtype(np.float64 if call.dtype == np.float32 else np.float32)
    options = {k: v for k, v in call.options.items() if not isinstance(v, np.ndarray)}
    made = [
        replace(make(call.operation, g, "normal", seed, dtype, **options), device=call.device)
        for g, dtype in (*near, (call.g, other))
    ]
    return [one for one in made if one.served(kernel)]


def _near(g: Any) -> Iterator[Any]:
    if hasattr(g, "N") and hasattr(g, "x_shape") and not hasattr(g, "planes"):
        yield replace(g, N=g.N + 1)
    if isinstance(g, ConvGeometry | PoolGeometry):
        yield from moved_pads(g)


def moved_pads(g: ConvGeometry | PoolGeometry) -> Iterator[Any]:
    """Geometries whose padded plane has the size of g's: pads exchanged, and a larger plane with no
    padding."""
    top, bottom, left, right = g.padding
    candidates: list[dict[str, Any]] = [{"padding": (bottom, top, right, left)}]
    if min(g.padding) >= 0:
        H, W = g.H + top + bottom, g.W + left + right
        candidates.append({"H": H, "W": W, "padding": (0, 0, 0, 0)})
    for changed in candidates:
        other = replace(g, **changed)
        if other != g and _valid(other):
            yield other


def _valid(g: Any) -> bool:
    """False for pooling windows of padding alone, whose results are not defined."""
    if not isinstance(g, PoolGeometry):
        return True
    try:
        PoolGeometry.of(g.x_shape, (g.R, g.S), g.stride, g.padding, g.dilation, g.ceil_mode)
    except ValueError:
        return False
    return True


@holds("other pads", *WINDOWED, fills=("positive",), share=0.5, seed=seeds, pads=st.tuples(
       *[st.integers(0, 2)] * 4))  # fmt: skip
def padding_is_zero_after_any_call(
    kernel: Kernel, call: Call, seed: int, pads: tuple[int, int, int, int]
) -> None:
    """A call without padding on a plane of the padded size, between two calls with padding, leaves
    nothing in the border."""
    assume(any(pads) and not getattr(call.g, "ceil_mode", False))
    g = replace(call.g, padding=pads)
    assume(_fits(g) and _valid(g))
    some = [
        replace(make(call.operation, one, "positive", seed, call.dtype), device=call.device)
        for one in (g, *moved_pads(g), g)
    ]
    some = [one for one in some if one.served(kernel)]
    assume(len(some) > 2)
    for one in some:
        check(one.run(kernel), expected(kernel, one), f"with padding {one.g.padding}")


def _fits(g: Any) -> bool:
    top, bottom, left, right = g.padding
    return g.H + top + bottom >= g.extent[0] and g.W + left + right >= g.extent[1]


@holds("own memory", *WITH_ARRAYS, fills=("positive",), share=0.25, large=None)
def returns_memory_of_its_own(kernel: Kernel, call: Call) -> None:
    """Where the result equals an input (an identity filter, a window of one pixel, values above
    zero, a single array) it is a copy."""
    made = neutral(call)
    assume(made is not None)
    assert made is not None
    same = made.each(GUISES["channels-last"])
    assume(same.served(kernel))
    results = same.run(kernel)
    check(results, expected(kernel, same), "where the result is an input")
    for result in results:
        for name, array in same.arrays.items():
            require(not np.shares_memory(result, array), f"a result shares memory with {name}")


@holds("many calls", *WITH_ARRAYS, fills=("integers",), dtypes=(np.float32,), share=0.03)
def is_the_same_after_many_calls(kernel: Kernel, call: Call) -> None:
    """After hundreds of calls with contents in turn, each result still is that of its content."""
    affordable = int(MOST_WORK / (work(call.operation, call.g) + 1)) + 4
    count = min(CALLS if kernel.device == "cpu" else 20, affordable)
    some = [call, call.each(other_values), call.each(lambda a: 3 * a if a.dtype.kind == "f" else a)]
    first = [one.run(kernel) for one in some]
    for results, one in zip(first, some, strict=True):
        check(results, expected(kernel, one), "at first")
    kept = [tuple(a.copy() for a in results) for results in first]
    for number in range(count):
        results, wanted = some[number % 3].run(kernel), kept[number % 3]
        for result, true in zip(results, wanted, strict=True):
            if not same_bits(result, true):
                agree(result, true, 0.0, f"in call {number + 4}")
                require(False, f"in call {number + 4} the bits differ from those of call 1 to 3")


@holds("racing", *WITH_ARRAYS, fills=("integers",), large=None, share=0.1, optional=True)
def serves_callers_who_race(kernel: Kernel, call: Call) -> None:
    """Three Python threads that call the kernel again and again, and are interrupted at any point,
    get the results of their own arrays."""
    some = [call, call.each(other_values), call.each(lambda a: 3 * a if a.dtype.kind == "f" else a)]
    wanted = [expected(kernel, one) for one in some]
    with _impatient():
        for _ in range(8 if kernel.device == "cpu" else 1):
            for results, one in zip(run_together(kernel, *some), wanted, strict=True):
                check(results, one, "beside other threads")


@contextmanager
def _impatient() -> Iterator[None]:
    """Context in which Python changes threads after a few instructions."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@holds("interrupted", *WITH_ARRAYS, fills=("integers",), optional=True, share=0.25, seed=seeds,
       applies=lambda kernel: file_of(kernel.function) is not None)  # fmt: skip
def serves_another_caller_between_two_lines(kernel: Kernel, call: Call, seed: int) -> None:
    """A call of the same shapes that is made between two lines of the kernel, as another thread
    may, changes nothing: the two share no buffer."""
    file = file_of(kernel.function)
    assert file is not None
    rng, other = np.random.default_rng(seed), call.each(other_values)
    wanted = expected(kernel, call)
    results, lines = interrupted(lambda: call.run(kernel), file, -1, lambda: None)
    check(results, wanted, "alone")
    for line in rng.permutation(lines)[:MOST_CHANGED]:
        results, _ = interrupted(
            lambda: call.run(kernel), file, int(line), lambda: other.run(kernel)
        )
        check(results, wanted, "with another call between two lines")
