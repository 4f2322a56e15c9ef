"""Selection of operations, layers, batches and contenders from the words of the command line."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from bench.cases import KERNELS_FOR, Case, Contender
from bench.catalogue import LAYERS, select
from bench.contenders import contenders
from bench.layers import Layer
from bench.operations import OPERATIONS, KernelOperation
from kernels import Kernel, all_kernels

Cases = dict[Case, list[Contender]]

QUICK = (
    ("conv2d", "zfnet.conv5"),
    ("conv2d_dgrad", "zfnet.conv5"),
    ("conv2d_wgrad", "zfnet.conv5"),
    ("max_pool2d", "zfnet.pool5"),
    ("local_response_norm", "zfnet.norm2"),
    ("local_contrast_norm_vjp", "zfnet.norm2"),
    ("conv_relu_pool", "zfnet.stage5"),
    ("zfnet_step", "small.lrn"),
)
"""One case of each kind, for `--quick`."""


def words(text: str) -> list[str]:
    """The words of "a,b"; ValueError if there are none."""
    found = [word.strip() for word in text.split(",") if word.strip()]
    if not found:
        raise ValueError(f"expected words separated by commas, got {text!r}")
    return list(dict.fromkeys(found))


def batches(text: str) -> list[int]:
    """The numbers of "1,16"; ValueError unless each is an integer of at least 1."""
    found = words(text)
    if not all(word.isdecimal() and int(word) >= 1 for word in found):
        raise ValueError(f"--batch takes numbers of images, as in 1,16; got {text!r}")
    return [int(word) for word in found]


def operations(named: str | None, mine: Sequence[Kernel]) -> list[str]:
    """The named operations, or those of the user's kernels, or all; ValueError for unknown ones."""
    known = ", ".join(OPERATIONS)
    if named:
        for operation in words(named):
            if operation not in OPERATIONS:
                raise ValueError(f"--op: no benchmark for {operation!r}; known: {known}")
        return words(named)
    if not mine:
        return list(OPERATIONS)
    own = list(dict.fromkeys(k.operation for k in mine))
    found = [name for name, o in OPERATIONS.items() if getattr(o, "kernel", "") in own]
    if not found:
        raise ValueError(f"these are kernels of {', '.join(own)}; what is timed: {known}")
    return found


def quick(against: Sequence[str], batches: Sequence[int], device: str = "cpu") -> Cases:
    """The cases of `QUICK` with their contenders."""
    drawn = itertools.product(batches, QUICK)
    every = [Case(operation, select([title])[0], batch) for batch, (operation, title) in drawn]
    return {case: contenders(case, [], against, device) for case in every}


def cases(
    operations: Sequence[str],
    layers: Sequence[str],
    batches: Sequence[int],
    kernels: Sequence[str],
    against: Sequence[str],
    known: Sequence[Layer] = LAYERS,
    device: str = "cpu",
) -> Cases:
    """Every case that one of our contenders supports, with its contenders.

    ValueError for a layer or a kernel that does not exist, or if no case is left.
    """
    selected = select(layers, known)
    _check(kernels, operations, KERNELS_FOR[device])
    every = [
        Case(operation, layer, batch)
        for operation, batch, layer in itertools.product(operations, batches, selected)
        if type(layer) is OPERATIONS[operation].layer
    ]
    if not every:
        raise ValueError(_misfit(operations, selected, known))
    found = {case: contenders(case, kernels, against, device) for case in every}
    served = {case: some for case, some in found.items() if any(s.ours for s in some)}
    if not served:
        names = ", ".join(kernels) or "registered"
        raise ValueError(f"no kernel ({names}) serves {'; '.join(case.title for case in every)}")
    return served


def _check(kernels: Sequence[str], operations: Sequence[str], side: str) -> None:
    """ValueError for a kernel name that none of the operations has on the device."""
    made = [OPERATIONS[operation] for operation in operations]
    known = ["minidl"] * any(not isinstance(o, KernelOperation) for o in made)
    for o in made:
        if isinstance(o, KernelOperation):
            known += [k.name for k in all_kernels(o.kernel) if k.device == side]
    for name in kernels:
        if name not in known:
            listed = ", ".join(dict.fromkeys(known))
            raise ValueError(
                f"no kernel {name!r} for {', '.join(operations)}; registered: {listed}"
            )


def _misfit(operations: Sequence[str], selected: Sequence[Layer], known: Sequence[Layer]) -> str:
    kinds = tuple(OPERATIONS[operation].layer for operation in operations)
    fitting = ", ".join(layer.title for layer in known if type(layer) in kinds)
    return (
        f"{', '.join(operations)} cannot run on {', '.join(layer.title for layer in selected)}; "
        f"what fits: {fitting}"
    )
