"""Properties of stages: a convolution with bias and ReLU, then max-pooling."""

from __future__ import annotations

from typing import Any

from kernels.contract.registry import Kernel, named
from kernels.verify.calls import Call, Results
from kernels.verify.operations.stages import ConvReluPool
from kernels.verify.placing import run_on
from kernels.verify.properties.every import exactly
from kernels.verify.property import holds


def both(kernel: Kernel, call: Call) -> Results:
    its = call.its
    assert isinstance(its, ConvReluPool)
    return its.both(kernel, call)


@holds("one after another's bits", "conv_relu_pool", fills=("normal", "integers"), optional=True,
       large=None, threads=True)  # fmt: skip
def is_its_steps_one_after_another(kernel: Kernel, call: Call) -> None:
    """The convolution's kernel, rectification and pooling one after the other give the same values
    and switches, bit for bit. Pooling is applied to rectified values: of equal maxima, many of them
    0, the first has the switch."""
    g, device = call.g, kernel.device

    def on(step: Kernel, *arguments: Any, **options: Any) -> Any:
        return run_on(call.device, step, *arguments, **options)

    convolve = named("conv2d", g.convolution, device)
    y = on(convolve, *call.inputs.values(), g.conv, **call.options)
    rectify, pooling = named("relu", "elementwise", device), named("max_pool2d", "scan", device)
    exactly(both(kernel, call), on(pooling, on(rectify, y), g.pool), "one after the other")


@holds("prepared stage", "conv_relu_pool", fills=("normal",), optional=True)
def takes_what_the_convolution_prepared(kernel: Kernel, call: Call) -> None:
    """Weights prepared by the convolution's kernel give the same bits."""
    convolve = named("conv2d", call.g.convolution, kernel.device)
    kept = call.prepared(convolve, call.inputs["w"], call.g.conv)
    given = call.on(kernel)(*call.its.arguments(call), **call.options, prepared=kept)
    exactly(given, both(kernel, call), "with prepared weights")
