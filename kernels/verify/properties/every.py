"""Properties of every kernel of every operation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from kernels.bounds import same_bits
from kernels.contract import memory, threads
from kernels.contract.bound import Options
from kernels.contract.registry import Kernel
from kernels.verify.arrays import GUISES
from kernels.verify.calls import OPERATIONS, Call, Results
from kernels.verify.precision import of_result
from kernels.verify.property import agree, assume, holds, require
from kernels.verify.together import run_together
from kernels.verify.verdicts import Violation

WHOLE = tuple(name for name, its in OPERATIONS.items() if its.whole)
COUNTS = 1, 2, 3, 8
"""Numbers of threads: even and odd shares, and more than most machines of CI have."""
WITH_ARRAYS = tuple(name for name in OPERATIONS if name != "random_bits")


def exactly(results: Results, expected: Results, what: str) -> None:
    """Violation unless every result has the same bits."""
    for one, other in zip(results, expected, strict=True):
        if not same_bits(one, other):
            agree(one, other, 0.0, what)
            raise Violation(f"{what}: the bits differ, in the type, a NaN or a zero's sign")


@holds("definition", fills=("normal", "integers", "scaled"), optional=True)
def is_its_definition(kernel: Kernel, call: Call) -> None:
    """The error of the result is within the bound, and its type and shape are those of the
    definition, whatever the memory held before."""
    with memory.poisoned():
        results = call.run(kernel)
    defined = zip(results, call.define(), call.bound(kernel), strict=True)
    for number, (result, expected, bound) in enumerate(defined):
        if expected.dtype.kind == "f":
            require(
                result.dtype == call.dtype,
                f"the result is {result.dtype}, the inputs are {call.dtype}",
            )
        try:
            agree(result, expected, bound)
        except Violation as error:
            raise Violation(str(error), of_result(call, number, results, bound)) from None


@holds("integers", *WHOLE, fills=("integers",), optional=True, applies=lambda kernel: kernel.exact)
def makes_no_error_on_integers(kernel: Kernel, call: Call) -> None:
    """Products and sums of small integers are exact, so a kernel that sums the products of the
    definition makes no error, in any order of summation."""
    for result, expected in zip(call.run(kernel), call.define(), strict=True):
        agree(result, expected)


@holds("into", optional=True, large=None, applies=lambda kernel: kernel.into)
def writes_to_out_alone(kernel: Kernel, call: Call) -> None:
    """With `out`, a part of the images of larger arrays, the same bits are written there, and the
    images around it stay unchanged."""
    expected = call.run(kernel)
    assume(all(a.ndim for a in expected))
    wide = [_made((len(a) + 2, *a.shape[1:]), a) for a in expected]
    for array in wide:
        array[...] = 7
    inside = tuple(array[1:-1] for array in wide)
    out = inside if len(inside) > 1 else inside[0]
    results = replace(call, options=call.options | {"out": out}).run(kernel)
    exactly(results, expected, "with out")
    exactly(inside, expected, "in out")
    for array in wide:
        require((array[0] == 7).all() and (array[-1] == 7).all(), "it wrote beside out")


def _made(shape: tuple[int, ...], like: np.ndarray) -> np.ndarray:
    return memory.empty(shape, like.dtype, "NHWC" if like.ndim == 4 else "C")


@holds("bound again", "max_pool2d", "avg_pool2d", "matmul", optional=True, large=None,
       applies=lambda kernel: kernel.abilities.bind is not None)  # fmt: skip
def binds_its_own_call(kernel: Kernel, call: Call) -> None:
    """A bound call gives the bits of a call, each time it runs, of what its arrays hold then."""
    expected, bind = call.run(kernel), kernel.abilities.bind
    assert bind is not None
    operands = [memory.canonicalise(array).copy("K") for array in call.inputs.values()]
    assume(all(array.size for array in (*operands, *expected)))
    values = [operand.copy() for operand in operands]
    for operand in operands:
        operand[...] = 3
    made = tuple(_made(array.shape, array) for array in expected)
    out = made if len(made) > 1 else made[0]
    bound = bind(*operands, call.g, out, Options(call.options.get("bias")))
    for run_number in range(2):
        for array, value in zip(operands, values, strict=True):
            array[...] = value
        for array in made:
            array[...] = 7
        bound()
        exactly(made, expected, f"run {run_number} of the bound call")


@holds("any memory", *WITH_ARRAYS, fills=("normal", "integers"), optional=True, large=None,
       guise=st.sampled_from([*GUISES]))  # fmt: skip
def takes_any_memory(kernel: Kernel, call: Call, guise: str) -> None:
    """Row-major, column-major, channels-last, strided, reversed, read-only, misaligned or
    byte-swapped: equal values give equal results, except for rounding in another order."""
    # Arrays of four axes are canonicalised to channels-last; matrices keep their layout.
    pairs = zip(call.each(GUISES[guise]).run(kernel), call.run(kernel), strict=True)
    for (result, plain), bound in zip(pairs, call.bound(kernel), strict=True):
        agree(result, plain, 2 * np.asarray(bound), f"{guise} inputs")


@holds("inputs kept", *WITH_ARRAYS, optional=True, large=None,
       guise=st.sampled_from(["row-major", "channels-last"]))  # fmt: skip
def only_reads_its_inputs(kernel: Kernel, call: Call, guise: str) -> None:
    """No input is written to, and no result shares memory with an input."""
    call = call.each(GUISES[guise])
    before = {name: a.copy() for name, a in call.arrays.items()}
    results = call.run(kernel)
    for name, array in call.arrays.items():
        require(same_bits(array, before[name]), f"the kernel writes to its input {name}")
        for result in results:
            require(not np.shares_memory(result, array), f"a result shares memory with {name}")


@holds("changed in place", *WITH_ARRAYS, fills=("integers",), large=None)
def sees_what_was_changed_in_place(kernel: Kernel, call: Call) -> None:
    """An array that was changed in place is read anew at the next call: no cache depends on its
    identity or address."""
    call = call.each(GUISES["channels-last"])
    call.run(kernel)
    for array in call.inputs.values():
        if array.dtype.kind == "f":
            array *= -2
    exactly(call.run(kernel), call.each(np.copy).run(kernel), "after a change in place")


@holds("all written", large=True, optional=True)
def writes_all_of_its_result(kernel: Kernel, call: Call) -> None:
    """Every element of the result is written, also where the memory held NaN before: in buffers of
    `kernels.memory`, and in memory that the process has just freed."""
    plain = call.run(kernel)
    with memory.poisoned():
        exactly(call.run(kernel), plain, "with poisoned buffers")
    rubbish = [np.full(a.nbytes, 255, np.uint8) for a in (*plain, *plain, *plain)]
    del rubbish
    exactly(call.run(kernel), plain, "in memory that was just set free")


@holds("same bits", large=True, threads=True, optional=True)
def gives_the_same_bits(kernel: Kernel, call: Call) -> None:
    """The same call gives the same bits, and leaves the results of earlier calls unchanged.

    Python's and NumPy's global random generators are seeded anew for every example, so a kernel
    that uses them is not found.
    """
    first = call.run(kernel)
    kept = tuple(a.copy() for a in first)
    call.each(other_values).run(kernel)
    exactly(first, kept, "the first result, after another call")
    for _ in range(2):
        exactly(call.run(kernel), kept, "called again")


@holds("any threads", fills=("normal",), large=True, threads=True, optional=True, share=0.5,
       launched=max(COUNTS), applies=lambda kernel: kernel.device == "cpu")  # fmt: skip
def any_number_of_threads_will_do(kernel: Kernel, call: Call) -> None:
    """With 1, 2, 3 and 8 threads, whatever the machine has, the results are within the bound, and
    the same number gives the same bits."""
    # `kernels verify` launches eight (cli/restart.py); another program may have launched fewer.
    before, expected, bounds = (
        threads.get_num_threads(),
        call.its.in_float64(call),
        call.bound(kernel),
    )
    try:
        for count in (count for count in COUNTS if count <= threads.most()):
            threads.set_num_threads(count)
            results = call.run(kernel)
            for result, true, bound in zip(results, expected, bounds, strict=False):
                agree(result, true, bound, f"with {count} threads")
            exactly(call.run(kernel), results, f"with {count} threads again")
    finally:
        threads.set_num_threads(before)


@holds("two threads", large=True, threads=True, optional=True)
def serves_two_threads(kernel: Kernel, call: Call) -> None:
    """Two Python threads that call the kernel at once get the same results as each alone."""
    other = call.each(other_values)
    alone = [c.run(kernel) for c in (call, other)]
    for results, expected in zip(run_together(kernel, call, other), alone, strict=True):
        exactly(results, expected, "beside another thread")


def other_values(a: np.ndarray) -> np.ndarray:
    """Other values in the same memory layout; switches unchanged.

    Not -a, since a product of two arrays with their signs changed is the same.
    """
    return -2 * a if a.dtype.kind == "f" else a
