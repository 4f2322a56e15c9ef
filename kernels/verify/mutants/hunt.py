"""Mutation test of one planted bug: the properties of its kernel are tried until one fails.

A mutant is caught only by an example on which the sound kernel passes: a property that is itself
wrong catches nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from kernels.contract.registry import Kernel
from kernels.cuda.emulator import CompileError
from kernels.verify.mutants.mutant import Mutant
from kernels.verify.mutants.plant import planted, sound_kernel
from kernels.verify.property import PROPERTIES, Property
from kernels.verify.runner import PROFILES, Failure, try_property


@dataclass(frozen=True)
class Catch:
    """A property that does not hold for the mutant, found at its example number `examples`."""

    property: str
    examples: int
    reason: str


@dataclass(frozen=True)
class Result:
    """Result of a hunt: without a catch the mutant escaped, or the hunt failed, see `amiss`."""

    mutant: Mutant
    catches: tuple[Catch, ...] = ()
    seconds: float = 0.0
    amiss: str = ""

    @property
    def caught(self) -> bool:
        return bool(self.catches)


def quiet(name: str) -> None:
    """The default of `tell`: reports nothing."""


def hunt(
    mutant: Mutant,
    profile: str = "ci",
    seed: int = 0,
    every: bool = False,
    tell: Callable[[str], None] = quiet,
) -> Result:
    """The first property that catches the mutant, or with `every` all that do.

    Runs in this process, which a mutant may end: `tell` is called with a property's name before it
    is tried. ValueError if the mutant does not apply to the present sources, CompileError if it
    does not compile.
    """
    catches: list[Catch] = []
    unmet, began, sound = "", time.monotonic(), sound_kernel(mutant)
    with planted(mutant) as kernel:
        for property in properties_of(kernel):
            tell(property.name)
            outcome = try_property(kernel, property, PROFILES[profile], seed, shrink=False)
            if outcome.failure and isinstance(outcome.failure.error, CompileError):
                raise outcome.failure.error  # a bug that anybody would notice
            unmet = unmet or (outcome.unmet and f"{property.name}: {outcome.unmet}")
            if outcome.failure and _passes(sound, property, outcome.failure):
                catches.append(Catch(property.name, outcome.examples, outcome.failure.reason))
            if catches and not every:
                break
    amiss = "" if catches else unmet
    return Result(mutant, tuple(catches), time.monotonic() - began, amiss)


def properties_of(kernel: Kernel) -> list[Property]:
    """The properties of the kernel, those of small sizes first, since their examples are quick."""
    concerning = [p for p in PROPERTIES.values() if p.concerns(kernel)]
    return sorted(concerning, key=lambda p: (p.drawn["large"] is True, p.name != "definition"))


def _passes(sound: Kernel, property: Property, failure: Failure) -> bool:
    """True if the property holds for the sound kernel, or if it does not serve the call."""
    if not failure.call.served(sound):
        return True
    try:
        property.check(sound, failure.call, **failure.extras)
    except Exception:
        return False
    return True
