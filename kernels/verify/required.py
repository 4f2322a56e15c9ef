"""Trial of properties by name, for tests of kernels, with a report of what fails."""

from __future__ import annotations

from dataclasses import replace

import kernels.verify.properties  # noqa: F401  (which finds them all)
from kernels.contract.registry import Kernel
from kernels.contract.sources import load
from kernels.verify.property import PROPERTIES, Property
from kernels.verify.replay import Run
from kernels.verify.report import explained
from kernels.verify.runner import PROFILES, try_property
from kernels.verify.subject import kernel_of, require_known


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


def properties_of(subject: Kernel | str) -> dict[str, Property]:
    """The properties that concern a kernel, or kernels of an operation, by name.

    >>> "adjoint" in properties_of("conv2d"), "adjoint" in properties_of("relu")
    (True, False)
    """
    kernel = kernel_of(subject)
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
    >>> wrong = kernels.Kernel("relu", "wrong", "cpu", lambda x: abs(x))
    >>> print(failures(wrong, "definition", profile="few"))  # doctest: +ELLIPSIS
    relu wrong: definition
    The error of the result is within the bound, ...
    """
    if profile not in PROFILES:
        raise ValueError(f"there is no profile {profile!r}; there are {', '.join(PROFILES)}")
    concerning = properties_of(kernel)
    require_known("property", names, concerning)
    parts = []
    for name in names or concerning:
        outcome = try_property(kernel, concerning[name], PROFILES[profile], seed, device=device)
        if outcome.inapplicable and name == "definition":
            outcome = replace(outcome, unmet="supports(g) is false for all drawn calls")
        if not outcome.holds and not outcome.inapplicable:
            text = explained(outcome, None, Run(profile, seed))
            parts.append(f"{kernel.operation} {kernel.name}: {name}\n{text}")
    return "\n".join(parts)
