"""Properties of updates of parameters."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
from hypothesis import strategies as st

from kernels.bounds import eps
from kernels.contract.registry import Kernel
from kernels.verify.arrays import GUISES
from kernels.verify.calls import Call, make
from kernels.verify.properties.every import exactly
from kernels.verify.property import agree, assume, holds, require, same

ORDERS = list(product(("row-major", "column-major"), repeat=3))


@holds("in place", "sgd_step", "renormalise", large=None)
def changes_its_inputs_where_they_are_its_results(kernel: Kernel, call: Call) -> None:
    """With `out` the inputs of the results' names, the same bits are written there."""
    call = call.each(GUISES["channels-last"])
    expected = call.run(kernel)
    own = call.each(np.copy).each(GUISES["channels-last"])
    inputs = tuple(own.inputs[name] for name in call.its.returns)
    out = inputs if len(inputs) > 1 else inputs[0]
    exactly(replace(own, options=own.options | {"out": out}).run(kernel), expected, "in place")
    exactly(inputs, expected, "in the inputs' own memory")


@holds("no rate", "sgd_step", fills=("normal", "integers"))
def without_a_rate_the_weights_stay(kernel: Kernel, call: Call) -> None:
    """With lr = 0 the weights are unchanged; without momentum and weight decay the velocity is the
    gradient."""
    settings = {"lr": 0.0, "momentum": 0.0, "weight_decay": 0.0}
    w, v = replace(call, options=call.options | settings).run(kernel)
    agree(w, call.inputs["w"])
    agree(v, call.inputs["g"])


@holds("no decay", "sgd_step")
def without_decay_an_infinite_weight_leaves_the_velocity(kernel: Kernel, call: Call) -> None:
    """With weight_decay = 0 the velocity does not depend on the weights, even if they are
    infinite."""
    plain = replace(call, options=call.options | {"weight_decay": 0.0})
    infinite = plain.but(w=np.full_like(call.inputs["w"], np.inf))
    agree(infinite.run(kernel)[1], plain.run(kernel)[1])


@holds("unlike orders", "sgd_step", seed=st.integers(0, 2**32 - 1), rows=st.integers(1, 70),
       columns=st.integers(1, 20), orders=st.sampled_from(ORDERS), place=st.booleans())  # fmt: skip
def takes_matrices_of_unlike_order(
    kernel: Kernel, call: Call, seed: int, rows: int, columns: int,
    orders: tuple[str, str, str], place: bool,
) -> None:  # fmt: skip
    """Matrices of which some are row-major and others column-major give the same bits as matrices
    of one order, also in place."""
    made = make("sgd_step", (rows, columns), "normal", seed, call.dtype, **call.options)
    call = replace(made, device=call.device)
    expected = call.run(kernel)
    names = zip(call.inputs, orders, strict=True)
    unlike = call.but(**{name: GUISES[order](call.inputs[name]) for name, order in names})
    if place:
        out = unlike.inputs["w"], unlike.inputs["v"]
        unlike = replace(unlike, options=unlike.options | {"out": out})
    for result, other in zip(unlike.run(kernel), expected, strict=True):
        agree(result, other)


@holds("largest rms", "renormalise", fills=("normal", "integers"), large=None)
def leaves_no_filter_above_the_largest_rms(kernel: Kernel, call: Call) -> None:
    """After it every filter has an rms of at most max_rms, and a filter that had one below keeps
    its bits; both within the rounding of the rms."""
    (w,), (y,) = call.inputs.values(), call.run(kernel)
    slack = w[:1].size * eps(np.float64) + 3 * eps(call.dtype)
    most = call.options["max_rms"]
    tiny = float(np.finfo(call.dtype).tiny)
    require((_rms(y) <= most * (1 + slack) + 3 * tiny).all(), f"a filter's rms exceeds {most}")
    below = _rms(w) <= most * (1 - slack)
    same(y[below], w[below], "filters of a smaller rms")


@holds("filters alone", "renormalise", large=None, threads=True)
def treats_filters_alone(kernel: Kernel, call: Call) -> None:
    """Each filter alone is scaled as it is among the others."""
    (w,), (y,) = call.inputs.values(), call.run(kernel)
    for k in range(len(w)):
        part = replace(call, g=(1, *call.g[1:])).but(w=w[k : k + 1])
        exactly(part.run(kernel), (y[k : k + 1],), f"filter {k} alone")


@holds("NaN filter", "renormalise", where=st.integers(0, 2**32 - 1))
def leaves_a_filter_with_nan_as_it_is(kernel: Kernel, call: Call, where: int) -> None:
    """A filter with a NaN has no rms: it is not scaled, and the other filters are as before."""
    assume(min(call.g) > 0)
    w, y = call.inputs["w"].copy(), call.run(kernel)[0].copy()
    k = where % len(w)
    w[k].flat[where % w[k].size] = np.nan
    y[k] = w[k]
    same(call.but(w=w).run(kernel)[0], y, "with a NaN")


def _rms(w: np.ndarray) -> np.ndarray:
    """(K,C,R,S) -> (K,)"""
    return np.sqrt(np.square(w, dtype=np.float64).sum(axis=(1, 2, 3)) / max(w[:1].size, 1))
