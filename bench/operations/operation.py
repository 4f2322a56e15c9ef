"""What each operation has to say so that it can be timed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bench.cases import KERNELS_FOR, Case, Contender
from bench.layers import Layer
from kernels import all_kernels, named, pick
from kernels.contract import memory
from kernels.contract.operations import defined, done
from kernels.contract.probe import supports
from minidl import device as devices

OPERATIONS: dict[str, Operation] = {}
SEED = 20131112
Inputs = dict[str, np.ndarray]
Tensors = Mapping[str, Any]


@dataclass(frozen=True)
class Part:
    """A piece of what a result must be.

    output:  which of the operation's results, and `where` in it the piece stands.
    bound:   the largest error allowed to a contender, an array like `expected` or a number; may
             raise what a user's kernel raises.
    as_norm: the bound is on the root mean square of the error.
    """

    output: int
    where: Any
    expected: np.ndarray
    bound: Callable[[Contender], np.ndarray | float]
    as_norm: bool = False


@dataclass(frozen=True)
class Call:
    """A contender ready to compute.

    timed:  one call of what is timed.
    arrays: of what a call returns, what is judged, in the order of `Operation.outputs`.
    judged: what is called for a result where that is not the timed call.
    """

    timed: Callable[[], Any]
    arrays: Callable[[Any], Sequence[Any]] = lambda result: (result,)
    judged: Callable[[], Any] | None = None

    def results(self) -> list[np.ndarray]:
        """One call's results."""
        return [on_host(a) for a in self.arrays((self.judged or self.timed)())]


def on_host(a: Any) -> np.ndarray:
    """An array or a library's tensor, wherever it lies, as NumPy's."""
    if devices.is_remote(a):
        return devices.host(a)
    return np.asarray(a.cpu() if hasattr(a, "cpu") else a)


@dataclass(frozen=True)
class Output:
    """One result: its shape; whole numbers (of any width) or float32."""

    shape: tuple[int, ...]
    whole: bool = False


class Operation(ABC):
    """One operation on layers of one kind, float32.

    libraries: those that have it, or what it is made of.
    products:  a library computes it with products, which TF32 makes faster and less exact.
    """

    name: ClassVar[str]
    layer: ClassVar[type[Layer]]
    libraries: ClassVar[tuple[str, ...]] = ("torch",)
    products: ClassVar[bool] = False

    @abstractmethod
    def operations(self, case: Case) -> int:
        """Floating-point operations of the definition, whatever an algorithm needs."""

    def done(self, case: Case, contender: Contender) -> int | None:
        """Floating-point operations that a contender really does, where that can be told without
        running it."""
        return None

    def apart(self, case: Case) -> int:
        """Of what our call does besides calling kernels, which are counted as they are called."""
        return 0

    @abstractmethod
    def bytes(self, case: Case) -> int:
        """Bytes that cannot be avoided: each input read once, each result written once."""

    @abstractmethod
    def inputs(self, case: Case) -> Inputs:
        """Its arrays by name, the same in every process, in channels-last memory."""

    def moved(self, case: Case, device: str) -> list[Any]:
        """The inputs on the device."""
        return [devices.move(a, device) for a in self.inputs(case).values()]

    @abstractmethod
    def outputs(self, case: Case) -> list[Output]:
        """What a call gives."""

    @abstractmethod
    def parts(self, case: Case, tf32: bool = False) -> Iterator[Part]:
        """What results must be, piece by piece; with `tf32` of products whose factors it rounds."""

    @abstractmethod
    def ours(self, case: Case, names: Sequence[str], device: str = "cpu") -> list[Contender]:
        """Our contenders that serve the case on a device: all, or those with these names."""

    @abstractmethod
    def picked(self, case: Case, device: str = "cpu") -> str:
        """The name of the contender that minidl takes by itself."""

    @abstractmethod
    def call(self, case: Case, name: str, device: str = "cpu") -> Call:
        """Our contender of that name on the case's inputs, which lie on the device."""

    @abstractmethod
    def torch(self, case: Case, tensors: Tensors, layout: Any) -> Call:
        """PyTorch's call; `tensors` are the inputs in the memory format `layout`."""

    def onnxruntime(self, case: Case, threads: int) -> Call:
        """ONNX Runtime's call, where `libraries` has it."""
        raise TypeError(f"{self.name} is not computed by ONNX Runtime")

    def serves(self, library: str, case: Case) -> bool:
        """Can this library compute the case?"""
        return library in self.libraries


class KernelOperation(Operation):
    """An operation that one kernel computes; `kernel` is its name in the registry.

    prepared: what is timed are calls with weights that were prepared before.
    """

    kernel: ClassVar[str]
    prepared: ClassVar[bool] = False

    @abstractmethod
    def geometry(self, case: Case) -> Any:
        """What the kernels take as g."""

    def operations(self, case: Case) -> int:
        return defined(self.kernel, self.geometry(case))

    def done(self, case: Case, contender: Contender) -> int | None:
        """What a contender really does: asked of our kernel; of a library the definition's, but
        None of products, whose algorithm it does not tell."""
        if not contender.ours:
            return None if self.products else self.operations(case)
        side, g = KERNELS_FOR[contender.device], self.geometry(case)
        found = [
            k for k in all_kernels(self.kernel) if (k.name, k.device) == (contender.name, side)
        ]
        return done(found[0], g, self.prepared) if found else None

    def arguments(self, case: Case, device: str) -> tuple[Any, ...]:
        """What a kernel is called with."""
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
    """Decorator: the class's one instance can be timed from now on."""
    OPERATIONS[made.name] = made()
    return made


def of(case: Case) -> Operation:
    """The operation of a case."""
    return OPERATIONS[case.operation]


def normal(shape: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """Normal float32 numbers; four axes in channels-last memory, which kernels take uncopied.

    Memory is aligned to vectors, as that which the libraries allocate themselves: what a layer is
    given comes from another one.
    """
    x = memory.empty(shape, np.float32, "NHWC" if len(shape) == 4 else "C")
    rng.standard_normal(dtype=np.float32, out=memory.nhwc(x) if x.ndim == 4 else x)
    return x


def at_most(bound: np.ndarray | float) -> Callable[[Contender], np.ndarray | float]:
    """The same bound for every contender."""
    return lambda contender: bound


def generator() -> np.random.Generator:
    """The same in every process."""
    return np.random.default_rng(SEED)
