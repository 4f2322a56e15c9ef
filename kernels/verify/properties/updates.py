"""Properties of updates of parameters."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
from hypothesis import strategies as st

from kernels.contract.registry import Kernel
from kernels.verify.arrays import GUISES
from kernels.verify.calls import Call, make
from kernels.verify.properties.every import exactly
from kernels.verify.property import agree, holds

ORDERS = list(product(("row-major", "column-major"), repeat=3))


@holds("in place", "sgd_step", large=None)
def changes_its_inputs_where_they_are_its_results(kernel: Kernel, call: Call) -> None:
    """With out=(w, v), the inputs themselves, the same bits are written there."""
    call = call.each(GUISES["channels-last"])
    expected = call.run(kernel)
    own = call.each(np.copy).each(GUISES["channels-last"])
    out = own.inputs["w"], own.inputs["v"]
    exactly(replace(own, options=own.options | {"out": out}).run(kernel), expected, "in place")
    exactly(out, expected, "in the inputs' own memory")


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
