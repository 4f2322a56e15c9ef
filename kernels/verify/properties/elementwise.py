"""Properties of rectification and of the matrix product."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from kernels.bounds import of_kernel
from kernels.contract.registry import Kernel
from kernels.verify.arrays import GUISES
from kernels.verify.calls import Call, make
from kernels.verify.property import agree, assume, holds, require, same

SPECIAL = np.array([np.nan, -np.inf, np.inf, -1, 1, -0.0, 0.0, 1e-38, -1e-38])
seeds = st.integers(0, 2**32 - 1)


def run(kernel: Kernel, call: Call) -> np.ndarray:
    (result,) = call.run(kernel)
    return result


def special(shape: tuple[int, ...], seed: int, dtype: Any) -> np.ndarray:
    """NaN, infinities, zeros of both signs, and the numbers next to them."""
    return np.random.default_rng(seed).choice(SPECIAL, shape).astype(dtype)


@holds("unlike memory", "relu_vjp", "matmul", seed=seeds, rows=st.integers(1, 6),
       guises=st.tuples(st.sampled_from([*GUISES]), st.sampled_from(["row-major", "column-major"]))
)  # fmt: skip
def takes_matrices_of_unlike_memory(
    kernel: Kernel, call: Call, seed: int, rows: int, guises: tuple[str, str]
) -> None:
    """Two matrices of different memory layouts give the same result as two of equal layouts, except
    for rounding in another order."""
    if call.operation == "relu_vjp":
        made = make("relu_vjp", (rows, 7 - rows), "normal", seed, call.dtype)
        call = replace(made, device=call.device)
    pairs = zip(call.inputs.items(), guises, strict=True)
    disguised = call.but(**{name: GUISES[guise](a) for (name, a), guise in pairs})
    result, plain = run(kernel, disguised), run(kernel, call)
    agree(result, plain, 2 * np.asarray(call.bound(kernel)[0]), " beside ".join(guises))


@holds("special values", "relu", seed=seeds)
def keeps_nan_and_infinity(kernel: Kernel, call: Call, seed: int) -> None:
    """relu keeps NaN and infinity; minus infinity becomes 0."""
    x = special(call.g, seed, call.dtype)
    same(run(kernel, call.but(x=x)), np.where(x <= 0, 0, x), "special values")


@holds("rectified twice", "relu", fills=("normal", "integers"))
def rectifying_again_changes_nothing(kernel: Kernel, call: Call) -> None:
    """relu(relu(x)) = relu(x)."""
    y = run(kernel, call)
    agree(run(kernel, call.but(x=y)), y)


@holds("two halves", "relu", fills=("normal", "integers"), large=True)
def the_two_halves_make_the_whole(kernel: Kernel, call: Call) -> None:
    """relu(x) - relu(-x) = x, and neither is below 0."""
    x = call.inputs["x"]
    above, below = run(kernel, call), run(kernel, call.but(x=-x))
    require((above >= 0).all() and (below >= 0).all(), "a rectified value is below 0")
    agree(above - below, x)


@holds("gate", "relu_vjp", seed=seeds)
def passes_where_x_is_above_zero(kernel: Kernel, call: Call, seed: int) -> None:
    """The gradient is gy where x > 0, and 0 where x is 0, of either sign. Where x is NaN it is gy,
    as in PyTorch, or 0."""
    x = special(call.g, seed, call.dtype)
    gx, gy = run(kernel, call.but(x=x)), call.inputs["gy"]
    passed = np.where(np.isnan(x) & (gx != 0), 1, x)
    same(gx, np.where(passed > 0, gy, 0), "at special values of x")


@holds("passes all", "relu_vjp", seed=seeds)
def passes_any_gradient(kernel: Kernel, call: Call, seed: int) -> None:
    """Where x is below 0 the gradient is 0, even if gy is NaN; where x is above 0 it is gy, NaN and
    infinity included."""
    gy = special(call.g, seed, call.dtype)
    expected = np.where(call.inputs["x"] > 0, gy, 0)
    same(run(kernel, call.but(gy=gy)), expected, "with special values in gy")


def exactly_or_bound(kernel: Kernel, *calls: Call) -> Any:
    """The bound for sums of integers: 0 if the kernel sums the products of the definition."""
    return (
        0.0 if kernel.exact else sum(np.max(call.bound(kernel)[0], initial=0.0) for call in calls)
    )


@holds("large product", "matmul", "batched_matmul", fills=("normal", "integers"), large=True,
       threads=True, guise=st.sampled_from(["row-major", "column-major"]))  # fmt: skip
def leaves_no_row_or_column_out(kernel: Kernel, call: Call, guise: str) -> None:
    """With many rows and columns, not divisible by any block size, every error is within the bound,
    also for transposed factors."""
    a, b = (array.astype(np.longdouble) for array in call.inputs.values())
    # (...,M,K) x (...,K,N) -> (...,M,N)
    agree(run(kernel, call.each(GUISES[guise])), (a @ b).astype(np.float64), call.bound(kernel)[0])


@holds("identity", "matmul", side=st.booleans())
def the_identity_changes_nothing(kernel: Kernel, call: Call, side: bool) -> None:
    """a times the identity is a; the identity times b is b."""
    M, N, K = call.g
    kept, size = ("b", K) if side else ("a", K)
    g, one = ((K, N, K), "a") if side else ((M, K, K), "b")
    assume(call.served(kernel, g))
    product = replace(call, g=g).but(**{one: np.eye(size, dtype=call.dtype)})
    agree(run(kernel, product), call.inputs[kept], exactly_or_bound(kernel, product))


@holds("product's transpose", "matmul", fills=("integers",))
def a_transposed_product_swaps_its_factors(kernel: Kernel, call: Call) -> None:
    """(a b)^T = b^T a^T."""
    (M, N, K), (a, b) = call.g, call.inputs.values()
    assume(call.served(kernel, (N, M, K)))
    swapped = replace(call, g=(N, M, K)).but(a=b.T.copy(), b=a.T.copy())
    bound = exactly_or_bound(kernel, call, swapped)
    agree(run(kernel, swapped).T, run(kernel, call), bound)


@holds("rows alone", "matmul", fills=("integers",))
def rows_are_products_of_their_own(kernel: Kernel, call: Call) -> None:
    """Each row of a alone gives the same row of the product."""
    M, N, K = call.g
    assume(M and call.served(kernel, (1, N, K)))
    alone = [replace(call, g=(1, N, K)).but(a=row[None].copy()) for row in call.inputs["a"]]
    expected = np.concatenate([run(kernel, one) for one in alone])
    agree(run(kernel, call), expected, exactly_or_bound(kernel, call, alone[0]))


@holds("products alone", "batched_matmul", fills=("integers",))
def products_do_not_meet(kernel: Kernel, call: Call) -> None:
    """Each pair of the batch alone gives the same product."""
    B, *sizes = call.g
    assume(B and call.served(kernel, (1, *sizes)))
    alone = [
        replace(call, g=(1, *sizes)).but(**{k: v[n : n + 1].copy() for k, v in call.inputs.items()})
        for n in range(B)
    ]
    expected = np.concatenate([run(kernel, one) for one in alone])
    agree(run(kernel, call), expected, exactly_or_bound(kernel, call, *alone))


@holds("transposed products", "batched_matmul", fills=("integers",))
def each_transposed_product_swaps_its_factors(kernel: Kernel, call: Call) -> None:
    """(a b)^T = b^T a^T for every pair, whose operands are then column-major."""
    (B, M, N, K), (a, b) = call.g, call.inputs.values()
    assume(call.served(kernel, (B, N, M, K)))
    # (B,K,N) -> (B,N,K), (B,M,K) -> (B,K,M)
    swapped = replace(call, g=(B, N, M, K)).but(a=b.swapaxes(1, 2), b=a.swapaxes(1, 2))
    bound = exactly_or_bound(kernel, call, swapped)
    agree(run(kernel, swapped).swapaxes(1, 2), run(kernel, call), bound)


@holds("column's bias", "matmul", seed=seeds)
def adds_one_bias_a_column(kernel: Kernel, call: Call, seed: int) -> None:
    """With a bias, the value of each column is added to every row of the product."""
    a, b = (array.astype(np.float64) for array in call.inputs.values())
    bias = np.random.default_rng(seed).standard_normal(call.g[1]).astype(call.dtype)
    biased = replace(call, options={"bias": bias})
    absolute = np.abs(a) @ np.abs(b) + np.abs(bias)  # (M,K) x (K,N) -> (M,N)
    bound = of_kernel(kernel, call.g, absolute, call.dtype, call.g[2] + 1)
    agree(run(kernel, biased), biased.define()[0], bound)
