"""Properties of patches, of concatenation and of plane maxima."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from kernels.contract.plane_geometry import ConcatenateGeometry, PatchGeometry
from kernels.contract.registry import Kernel
from kernels.verify.calls import Call
from kernels.verify.properties.elementwise import special
from kernels.verify.property import agree, assume, holds, require, same

MOVING = "patches_gather", "patches_fill", "concatenate"
seeds = st.integers(0, 2**32 - 1)


def run(kernel: Kernel, call: Call) -> np.ndarray:
    (result,) = call.run(kernel)
    return result


def _gathered(call: Call, x: np.ndarray, at: np.ndarray, shape: tuple[int, int]) -> Call:
    """The call that cuts patches of `shape` out of x, without an overlay."""
    none = np.zeros((len(at), x.shape[1], 0, 0), x.dtype)
    inputs = {"x": x, "at": at, "part": none, "part_at": np.zeros_like(at)}
    return replace(call, g=PatchGeometry.of(x.shape, len(at), shape), inputs=inputs)


@holds("any value", *MOVING, seed=seeds)
def moves_any_value(kernel: Kernel, call: Call, seed: int) -> None:
    """NaN, infinities and zeros of either sign are copied unchanged."""
    floats = {n: a for n, a in call.inputs.items() if a.dtype.kind == "f"}
    values = {
        name: special(a.shape, seed + i, a.dtype) for i, (name, a) in enumerate(floats.items())
    }
    strange = call.but(**values)
    (expected,) = strange.define()
    same(run(kernel, strange), expected.astype(call.dtype), "with special values")


@holds("whole plane", "patches_gather")
def a_patch_of_the_planes_size_is_the_plane(kernel: Kernel, call: Call) -> None:
    """A patch at the origin, of the plane's size and without an overlay, is the plane."""
    x, at = call.inputs["x"], np.zeros_like(call.inputs["at"])
    assume(len(x) == len(at))
    agree(run(kernel, _gathered(call, x, at, x.shape[2:])), x)


@holds("own part", "patches_gather", large=None)
def a_part_hides_the_plane(kernel: Kernel, call: Call) -> None:
    """An overlay hides the plane: a patch that overlays its own origin is the result, although the
    plane is NaN."""
    g, x, at = call.g, call.inputs["x"], call.inputs["at"]
    patch = run(kernel, _gathered(call, x, at, (g.h, g.w)))
    inputs = {"x": np.full_like(x, np.nan), "at": at, "part": patch, "part_at": at.copy()}
    again = replace(call, g=PatchGeometry.of(g.x_shape, g.N, (g.h, g.w), (g.h, g.w)), inputs=inputs)
    agree(run(kernel, again), patch)


@holds("patches of patches", "patches_gather", seed=seeds)
def patches_of_patches_are_patches(kernel: Kernel, call: Call, seed: int) -> None:
    """A patch of a patch is the patch whose origin is the sum of both origins."""
    x, at, g = call.inputs["x"], call.inputs["at"], call.g
    first = run(kernel, _gathered(call, x, at, (g.h, g.w)))
    rng = np.random.default_rng(seed)
    h, w = (int(rng.integers(1, size + 1)) for size in (g.h, g.w))
    inner = rng.integers(0, (g.h - h + 1, g.w - w + 1), at.shape)
    second = run(kernel, _gathered(call, first, inner, (h, w)))
    agree(run(kernel, _gathered(call, x, at + inner, (h, w))), second)


@holds("filled twice", "patches_fill", large=None)
def filling_again_changes_nothing(kernel: Kernel, call: Call) -> None:
    """Filling the result again changes nothing."""
    y = run(kernel, call)
    agree(run(kernel, call.but(x=y)), y)


@holds("inside kept", "patches_fill")
def pixels_inside_are_kept(kernel: Kernel, call: Call) -> None:
    """Where the plane contains all patches, nothing is filled."""
    g, at = call.g, np.abs(call.inputs["at"])
    wide = replace(g, H=int(at.max(initial=0)) + g.h, W=int(at.max(initial=0)) + g.w)
    agree(run(kernel, replace(call.but(at=at), g=wide)), call.inputs["x"])


@holds("own transpose", "patches_fill", fills=("integers",), seed=seeds)
def is_its_own_transpose(kernel: Kernel, call: Call, seed: int) -> None:
    """With fill 0 the operation is linear and its own transpose: <f(x), y> = <x, f(y)>."""
    call = replace(call, options={"fill": 0.0})
    x = call.inputs["x"]
    y = np.random.default_rng(seed).integers(-4, 5, x.shape).astype(x.dtype)
    agree((run(kernel, call) * y).sum(), (x * run(kernel, call.but(x=y))).sum())


@holds("given back", "concatenate", large=None, threads=True)
def each_array_is_found_again(kernel: Kernel, call: Call) -> None:
    """The channels of the result are those of the arrays in their order."""
    y, first = run(kernel, call), 0
    require(y.shape == call.g.y_shape, f"the result's shape is {y.shape}, not {call.g.y_shape}")
    for name, x in call.inputs.items():
        agree(y[:, first : first + x.shape[1]], x, 0.0, name)
        first += x.shape[1]


@holds("one after another", "concatenate")
def joining_in_two_steps_is_joining_at_once(kernel: Kernel, call: Call) -> None:
    """Concatenating the last array to the others concatenated is concatenating all at once."""
    *some, last = call.inputs.values()
    assume(some)

    def joined(*arrays: np.ndarray) -> np.ndarray:
        g = ConcatenateGeometry.of(*(a.shape for a in arrays))
        inputs = {f"x{i}": a for i, a in enumerate(arrays)}
        return run(kernel, replace(call, g=g, inputs=inputs))

    agree(joined(joined(*some), last), run(kernel, call))


@holds("maximum", "plane_max", fills=("integers", "normal"), large=None, threads=True)
def is_the_first_of_the_largest(kernel: Kernel, call: Call) -> None:
    """The value is the largest of its plane, and the place h W + w is that of the first such."""
    x = call.inputs["x"]
    N, C, H, W = x.shape
    flat = x.reshape(N, C, H * W)  # (N,C,H,W) -> (N,C,HW)
    values, places = call.run(kernel)
    agree(values, flat.max(axis=2))
    agree(places, flat.argmax(axis=2))


@holds("without order", "plane_max", seed=seeds)
def treats_nan_and_infinity_by_comparison(kernel: Kernel, call: Call, seed: int) -> None:
    """No value compares as larger than NaN, nor NaN as larger than a value; zeros of both signs are
    equal."""
    strange = call.but(x=special(call.g, seed, call.dtype))
    for result, expected in zip(strange.run(kernel), strange.define(), strict=True):
        same(result, expected.astype(result.dtype), "with special values")
