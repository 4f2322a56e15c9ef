"""Base classes of the benchmark's operations: inputs, expected results, bounds and calls."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bench.cases import KERNELS_FOR, Case, Contender
from bench.layers import Layer
from kernels import all_kernels, named, pick
from kernels.bounds import rounding, stated, statistical
from kernels.contract import memory
from kernels.contract.operations import defined, done
from kernels.contract.probe import supports
from kernels.definition.precisions import Rounding
from minidl import device as devices

OPERATIONS: dict[str, Operation] = {}
SEED = 20131112
Inputs = dict[str, np.ndarray]
Tensors = Mapping[str, Any]


@dataclass(frozen=True)
class Part:
    """One part of the expected result.

    output:  the number of the operation's result; `where`: the index of the part in it.
    bound:   a contender's largest error, an array like `expected` or a number. It may raise
    whatever
             a user's kernel raises.
    as_norm: the bound is on the root mean square of the error.
    rounded: the expected part for operands to which a rounding is applied, so that a result of
             lower precision is named as what it is.
    """

    output: int
    where: Any
    expected: np.ndarray
    bound: Callable[[Contender], np.ndarray | float]
    as_norm: bool = False
    rounded: Callable[[Rounding], np.ndarray] | None = None


@dataclass(frozen=True)
class Call:
    """A prepared call of a contender.

    timed:  the timed function.
    arrays: maps its result to the arrays that are checked, in the order of `Operation.outputs`.
    judged: the function whose result is checked, if it is not the timed one.
    """

    timed: Callable[[], Any]
    arrays: Callable[[Any], Sequence[Any]] = lambda result: (result,)
    judged: Callable[[], Any] | None = None

    def results(self) -> list[np.ndarray]:
        """The results of one call, as NumPy's arrays."""
        return [on_host(a) for a in self.arrays((self.judged or self.timed)())]


def on_host(a: Any) -> np.ndarray:
    """An array, or a library's tensor, of any device as NumPy's array."""
    if devices.is_remote(a):
        return devices.host(a)
    return np.asarray(a.cpu() if hasattr(a, "cpu") else a)


@dataclass(frozen=True)
class Output:
    """One result: its shape, and its type: integers of any width (`whole`) or float32."""

    shape: tuple[int, ...]
    whole: bool = False


class Operation(ABC):
    """One operation on layers of one kind, float32.

    libraries: the libraries that have it, or functions to build it from.
    products:  a library computes it with products, which TF32 makes faster and less accurate.
    """

    name: ClassVar[str]
    layer: ClassVar[type[Layer]]
    libraries: ClassVar[tuple[str, ...]] = ("torch",)
    products: ClassVar[bool] = False

    @abstractmethod
    def operations(self, case: Case) -> int:
        """Floating-point operations of the definition, whatever the algorithm."""

    def done(self, case: Case, contender: Contender) -> int | None:
        """Floating-point operations that a contender really does; None if only a run can count
        them."""
        return None

    def outside_kernels(self, case: Case) -> int:
        """Operations of our call outside of kernels; those of kernels are counted at each call."""
        return 0

    @abstractmethod
    def bytes(self, case: Case) -> int:
        """The least bytes moved: each input read once, each result written once."""

    @abstractmethod
    def inputs(self, case: Case) -> Inputs:
        """The input arrays by name, the same in every process, in channels-last memory."""

    def moved(self, case: Case, device: str) -> list[Any]:
        """The inputs on the device."""
        return [devices.move(a, device) for a in self.inputs(case).values()]

    @abstractmethod
    def outputs(self, case: Case) -> list[Output]:
        """Shapes and types of a call's results."""

    @abstractmethod
    def parts(self, case: Case, tf32: bool = False) -> Iterator[Part]:
        """The expected results in parts; with `tf32` for products with factors rounded to TF32."""

    @abstractmethod
    def ours(self, case: Case, names: Sequence[str], device: str = "cpu") -> list[Contender]:
        """Our contenders that support the case on a device: all, or those with these names."""

    @abstractmethod
    def picked(self, case: Case, device: str = "cpu") -> str:
        """The name of the contender that minidl uses by default."""

    @abstractmethod
    def call(self, case: Case, name: str, device: str = "cpu") -> Call:
        """The call of our contender of that name, with the case's inputs on the device."""

    @abstractmethod
    def torch(self, case: Case, tensors: Tensors, layout: Any) -> Call:
        """PyTorch's call; `tensors` are the inputs in the memory format `layout`."""

    def compiled(self, case: Case, tensors: Tensors, layout: Any) -> Call:
        """The call that torch.compile makes of PyTorch's, where `libraries` has it."""
        raise TypeError(f"{self.name} is not compiled by torch.compile")

    def engine(self, library: str, case: Case, threads: int) -> Call:
        """The call of an engine that reads ONNX files, where `libraries` has it."""
        raise TypeError(f"{self.name} is not computed by {library}")

    def onnxruntime(self, case: Case, threads: int) -> Call:
        """ONNX Runtime's call, where `libraries` has it."""
        raise TypeError(f"{self.name} is not computed by ONNX Runtime")

    def serves(self, library: str, case: Case) -> bool:
        """True if the library can compute the case."""
        return library in self.libraries


class KernelOperation(Operation):
    """An operation that one kernel computes; `kernel` is its name in the registry.

    prepared: the timed calls get weights that were prepared before.
    """

    kernel: ClassVar[str]
    prepared: ClassVar[bool] = False

    @abstractmethod
    def geometry(self, case: Case) -> Any:
        """The argument g of the kernels."""

    def operations(self, case: Case) -> int:
        return defined(self.kernel, self.geometry(case))

    def done(self, case: Case, contender: Contender) -> int | None:
        """Operations really done: those that our kernel declares. For a library the definition's,
        or None for products, whose algorithm is unknown."""
        if not contender.ours:
            return None if self.products else self.operations(case)
        side, g = KERNELS_FOR[contender.device], self.geometry(case)
        found = [
            k for k in all_kernels(self.kernel) if (k.name, k.device) == (contender.name, side)
        ]
        return done(found[0], g, self.prepared) if found else None

    def arguments(self, case: Case, device: str) -> tuple[Any, ...]:
        """The arguments of a kernel."""
        return (*self.moved(case, device), self.geometry(case))

    def ours(self, case: Case, names: Sequence[str], device: str = "cpu") -> list[Contender]:
        side = KERNELS_FOR[device]
        known = {k.name: k for k in all_kernels(self.kernel) if k.device == side}
        chosen = [known[name] for name in names if name in known] if names else known.values()
        g = self.geometry(case)
        return [Contender("kernels", k.name, device) for k in chosen if supports(k, g)]

    def picked(self, case: Case, device: str = "cpu") -> str:
        return pick(self.kernel, KERNELS_FOR[device], self.geometry(case)).name

    def call(self, case: Case, name: str, device: str = "cpu") -> Call:
        kernel = named(self.kernel, name, KERNELS_FOR[device])
        arguments = self.arguments(case, device)
        return Call(lambda: kernel(*arguments))


def operation(made: type[Operation]) -> type[Operation]:
    """Decorator: register the class's single instance in `OPERATIONS`."""
    OPERATIONS[made.name] = made()
    return made


def of(case: Case) -> Operation:
    """The operation of a case."""
    return OPERATIONS[case.operation]


def normal(shape: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """Normal float32 numbers; four axes in channels-last memory, which kernels use without a copy.

    Memory is aligned to vectors, as the libraries' own: a layer's input is another layer's result.
    """
    x = memory.empty(shape, np.float32, "NHWC" if len(shape) == 4 else "C")
    rng.standard_normal(dtype=np.float32, out=memory.nhwc(x) if x.ndim == 4 else x)
    return x


def line_of(
    contender: Contender, operation: str, g: Any, terms: int, sums: Mapping[bool, np.ndarray]
) -> np.ndarray:
    """The largest error of a sum of `terms` products in float32: the contender's worst case, and of
    our kernels no more than the statistical line.

    sums: the sums of the absolute products, by `norm_wise`. A worst case of long sums would pass
    operands of ten bits. A library declares no bound: it gets that of a sum in any order.
    """
    if not contender.ours:
        return rounding(terms, sums[False], np.float32)
    kernel = named(operation, contender.name, KERNELS_FOR[contender.device])
    made, absolute = stated(kernel, g, terms), sums[kernel.norm_wise]
    amplified = kernel.amplification(g)
    independent = (made / amplified if amplified > 1 else terms) + 1
    line = amplified * statistical(independent, absolute, np.float32)
    return np.minimum(rounding(made, absolute, np.float32), line)


def at_most(bound: np.ndarray | float) -> Callable[[Contender], np.ndarray | float]:
    """The same bound for every contender."""
    return lambda contender: bound


def generator() -> np.random.Generator:
    """A generator with the same seed in every process."""
    return np.random.default_rng(SEED)
