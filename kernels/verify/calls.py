"""Call of a kernel as a value: drawn, run, compared, simplified, printed.

`Operation` describes the calls of one operation: their arrays, their result by the definition, and
the bound of a kernel's error. One file for each family in `operations/`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from kernels import reference
from kernels.bounds import of_kernel
from kernels.contract.probe import supports
from kernels.contract.problem import Problem
from kernels.contract.registry import Kernel
from kernels.verify.arrays import FILLS
from kernels.verify.placing import prepared_on, run_on
from kernels.verify.strata.stratum import work
from kernels.verify.verdicts import Misreturn

Results = tuple[np.ndarray, ...]
Bounds = tuple[np.ndarray | float, ...]


class _Operations(dict[str, "Operation"]):
    """Operations by name. Those of `OF_OTHERS` are found, but are not among them."""

    def __missing__(self, name: str) -> Operation:
        return OF_OTHERS[name]


OPERATIONS: dict[str, Operation] = _Operations()
OF_OTHERS: dict[str, Operation] = {}
"""Operations of which this project has no kernels (`kernels.judge.tasks`)."""
MOST_LOOPS = 3_000_000
"""Operations of the definition that nested loops take some seconds for."""


@dataclass(frozen=True)
class Call:
    """One call: `inputs` are its arrays in the order of the kernel's parameters.

    They are NumPy arrays for every kernel; a CUDA kernel computes on `device`, "emulator" or
    "cuda". `origin` is the fill and the seed from which `make` drew the inputs; None if they were
    changed since.

    >>> list(make("relu", (2, 3), "integers", 0, np.float32).inputs)
    ['x']
    """

    operation: str
    g: Any
    inputs: dict[str, np.ndarray]
    options: dict[str, Any] = field(default_factory=dict)
    device: str = "emulator"
    origin: tuple[str, int] | None = None

    @property
    def its(self) -> Operation:
        return OPERATIONS[self.operation]

    @property
    def dtype(self) -> np.dtype:
        """The type of its float inputs; float64 if it has none."""
        floats = [a.dtype for a in self.inputs.values() if a.dtype.kind == "f"]
        return floats[0] if floats else np.dtype(np.float64)

    @property
    def problem(self) -> Problem:
        """The problem that a kernel's `supports` and `cost` are called with."""
        return Problem.of_call(self.g, self.dtype, self.options)

    def served(self, kernel: Kernel, g: Any = None, **options: Any) -> bool:
        """True if the kernel serves the call, with another geometry or other options if given."""
        changed = options if g is None else {"geometry": g, **options}
        return supports(kernel, replace(self.problem, **changed))

    def run(self, kernel: Kernel) -> Results:
        return self.its.run(kernel, self)

    def on(self, kernel: Kernel) -> Callable[..., Any]:
        """The kernel as a function from NumPy arrays to NumPy arrays, on the call's device."""
        return partial(run_on, self.device, kernel)

    def prepared(self, kernel: Kernel, w: np.ndarray, g: Any) -> Any:
        """The weights prepared by the kernel, as the option `prepared`."""
        return prepared_on(self.device, kernel, w, g)

    def define(self) -> Results:
        """The results of the nested loops of `kernels.reference`, in float64; of array expressions
        (`kernels.definition`) where the loops would take longer than seconds."""
        large = work(self.operation, self.g) > MOST_LOOPS
        return self.its.in_float64(self) if large else self.its.define(self)

    def bound(self, kernel: Kernel) -> Bounds:
        """The bound of each result of `kernel` against `define()`, for each element."""
        return self.its.bound(kernel, self)

    def but(self, **inputs: np.ndarray) -> Call:
        """The same call with other arrays, on the same geometry."""
        return replace(self, inputs=self.inputs | inputs, origin=None)

    def each(self, change: Callable[[np.ndarray], np.ndarray]) -> Call:
        """The same call with `change` applied to every array, those among the options too."""
        inputs = {name: change(a) for name, a in self.inputs.items()}
        options = {
            name: change(value) if isinstance(value, np.ndarray) else value
            for name, value in self.options.items()
        }
        return replace(self, inputs=inputs, options=options, origin=None)

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """The inputs, and the options that are arrays."""
        given = self.inputs | self.options
        return {name: value for name, value in given.items() if isinstance(value, np.ndarray)}


class Operation(ABC):
    """Description of one operation, by a subclass.

    name:    the operation's.
    linear:  the inputs in which the result is linear, each by itself.
    whole:   results of integers are integers, so that a kernel which sums the products of the
             definition makes no error on small integers.
    returns: the names of a kernel's results.
    """

    name: str
    linear: tuple[str, ...] = ()
    whole: bool = False
    returns: tuple[str, ...] = ("one array",)

    @abstractmethod
    def geometries(self, kernel: Kernel, large: bool) -> st.SearchStrategy[Any]:
        """Geometries for a kernel: `large` ones exceed its tiles, small ones suit nested loops."""

    @abstractmethod
    def shapes(self, g: Any) -> dict[str, tuple[int, ...]]:
        """The float inputs, in order, with their shapes."""

    def options(self, kernel: Kernel, g: Any) -> dict[str, st.SearchStrategy[Any]]:
        """Options that are not arrays, restricted to those that the kernel serves."""
        return {}

    def optional(self, g: Any) -> dict[str, tuple[int, ...]]:
        """Options that are arrays, with their shapes."""
        return {}

    def fill(
        self, g: Any, fill: str, rng: np.random.Generator, dtype: Any
    ) -> dict[str, np.ndarray]:
        """All inputs, in order."""
        return {name: FILLS[fill](shape, rng, dtype) for name, shape in self.shapes(g).items()}

    def arguments(self, call: Call) -> tuple[Any, ...]:
        """The positional arguments of the call."""
        return (*call.inputs.values(), call.g)

    def run(self, kernel: Kernel, call: Call) -> Results:
        return self.called(call.on(kernel), *self.arguments(call), **call.options)

    def called(self, kernel: Callable[..., Any], *arguments: Any, **options: Any) -> Results:
        """The kernel's results as arrays; Violation if it returns anything else."""
        try:
            result = kernel(*arguments, **options)
        except SystemExit as error:  # would end the whole run
            raise RuntimeError(f"it ends the process, status {error.code}") from error
        given = result if isinstance(result, tuple) else (result,)
        # NumPy's arithmetic returns scalars for arrays without axes.
        results = tuple(np.asarray(r) if isinstance(r, np.generic) else r for r in given)
        if len(results) != len(self.returns) or not all(isinstance(r, np.ndarray) for r in results):
            found = ", ".join(type(r).__name__ for r in results)
            raise Misreturn(f"the kernel returns {found}; {self.name} is {', '.join(self.returns)}")
        return results

    def in_float64(self, call: Call) -> Results:
        """The results in float64, by array expressions where there are any: for large sizes."""
        return self.define(call)

    def define(self, call: Call) -> Results:
        result = getattr(reference, self.name)(*self.arguments(call), **call.options)
        return result if isinstance(result, tuple) else (result,)

    def bound(self, kernel: Kernel, call: Call) -> Bounds:
        """Zero: an operation that only moves and compares values makes no error."""
        return (0.0,)


class Sum(Operation):
    """An operation whose every result is a sum of products."""

    @abstractmethod
    def chain(self, g: Any) -> int:
        """The most roundings of one element in summing the products of the definition."""

    @abstractmethod
    def absolute(self, kernel: Kernel, call: Call) -> np.ndarray:
        """The sum of the absolute products, or its norm-wise form if the bound is norm-wise."""

    @abstractmethod
    def precisely(self, call: Call) -> np.ndarray:
        """The result, far more precise than float32, by a method fast enough for large sizes."""

    def bound(self, kernel: Kernel, call: Call) -> Bounds:
        absolute = self.absolute(kernel, call)
        return (of_kernel(kernel, call.g, absolute, call.dtype, self.chain(call.g)),)


def operation(cls: type[Operation]) -> type[Operation]:
    """Class decorator: adds the operation to `OPERATIONS`, so that properties draw its calls."""
    OPERATIONS[cls.name] = cls()
    return cls


def make(
    operation: str, g: Any, fill: str, seed: int, dtype: Any = np.float64, /, **options: Any
) -> Call:
    """The call whose arrays are drawn by `fill` ("normal", "integers", "scaled", "positive") from
    `seed`: the same values for the same arguments, on every machine.

    >>> make("matmul", (2, 3, 4), "normal", 7).inputs["b"].shape
    (4, 3)
    """
    inputs = OPERATIONS[operation].fill(g, fill, np.random.default_rng(seed), dtype)
    return Call(operation, g, inputs, options, origin=(fill, seed))


@st.composite
def calls(
    draw: st.DrawFn,
    kernel: Kernel,
    fills: tuple[str, ...] = ("normal",),
    large: bool | None = False,
    dtypes: tuple[Any, ...] = (np.float32, np.float64),
    optional: bool = False,
    device: str = "emulator",
    g: Any = None,
) -> Call:
    """Calls that `kernel` supports: small ones, large ones, or (None) both; with `optional`, also
    with optional arrays such as a bias; with `g`, of that geometry."""
    its = OPERATIONS[kernel.operation]
    if g is None:
        g = draw(its.geometries(kernel, draw(st.booleans()) if large is None else large))
    options = {name: draw(strategy) for name, strategy in its.options(kernel, g).items()}
    able = [t for t in dtypes if supports(kernel, Problem.of_call(g, np.dtype(t), options))]
    assume(able)
    fill, dtype = draw(st.sampled_from(fills)), draw(st.sampled_from(able))
    seed = draw(st.integers(0, 2**32 - 1))
    for name, shape in its.optional(g).items() if optional else ():
        if draw(st.booleans()):
            options[name] = FILLS[fill](shape, np.random.default_rng(seed + 1), dtype)
    return replace(make(kernel.operation, g, fill, seed, dtype, **options), device=device)
