"""Collection of kernels by pytest: a file, its operations, its kernels, and a test a property.

The plugin (`plugin/`) imports it when it meets a file of kernels. The tests of a file are named
`FILE::operation::kernel::property[profile-seed]`.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import numba
import pytest
from hypothesis.errors import HypothesisWarning

import kernels.verify.properties  # noqa: F401  (which finds them all)
from kernels.contract import registry, threads
from kernels.contract.registry import Kernel
from kernels.contract.sources import load
from kernels.verify import report
from kernels.verify.outcome import Outcome
from kernels.verify.property import Property
from kernels.verify.replay import Run
from kernels.verify.required import failures
from kernels.verify.suite import Trier, plan


class PropertyFailed(AssertionError):
    """A property does not hold; the text is the whole report."""


@dataclass
class Session:
    """The settings of a pytest run, and what it keeps between tests.

    loaded: the kernels of each file, which is imported once.
    """

    run: Run
    device: str
    trier: Trier
    loaded: dict[str, list[Kernel]] = field(default_factory=dict)
    replays: int = 0

    @classmethod
    def of(cls, config: pytest.Config, profile: str, seed: int, device: str) -> Session:
        """The session of this run of pytest, which is made at the first call."""
        if SESSION not in config.stash:
            cores: int = numba.config.NUMBA_DEFAULT_NUM_THREADS  # type: ignore[attr-defined]
            threads.set_num_threads(min(cores, threads.get_num_threads()))
            numba.set_num_threads(min(cores, numba.get_num_threads()))  # of other tests
            config.stash[SESSION] = cls(Run(profile, seed), device, Trier(profile, seed, device))
        return config.stash[SESSION]

    def kernels(self, source: str) -> list[Kernel]:
        """The kernels of a file, which are registered only while one of them is tried, unless a
        test has imported the file itself; those of a module stay registered, as after any import.
        ValueError if it cannot be read."""
        if source not in self.loaded:
            before = registry.all_kernels()
            found = imported(source) or load(source)
            if Path(source).is_absolute():
                registry.unregister(*(k for k in found if k not in before))
            self.loaded[source] = found
        return self.loaded[source]

    def explained(self, outcome: Outcome, source: str) -> str:
        """The report; the programs of the first failures are tried in a process of their own."""
        self.replays += report.replayable(outcome, source)
        return report.explained(outcome, source, self.run, self.replays <= report.MOST_REPLAYED)


SESSION: pytest.StashKey[Session] = pytest.StashKey()


class KernelFile(pytest.File):
    """A file that registers kernels."""

    def __init__(self, source: str, settings: Mapping[str, Any], **keywords: Any) -> None:
        super().__init__(**keywords)
        self.source, self.tried_in = source, Session.of(self.config, **settings)

    def collect(self) -> Iterator[pytest.Collector]:
        try:
            found = self.tried_in.kernels(self.source)
        except ValueError as error:
            raise self.CollectError(str(error)) from error
        of_operation = sorted(found, key=lambda kernel: kernel.operation)
        for name, some in groupby(of_operation, key=lambda kernel: kernel.operation):
            yield _Operation.from_parent(self, name=name, kernels=list(some), file=self)


class _Operation(pytest.Collector):
    """The kernels of one operation."""

    def __init__(self, kernels: list[Kernel], file: KernelFile, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.kernels, self.file = kernels, file

    def collect(self) -> Iterator[pytest.Collector]:
        for kernel in self.kernels:
            yield _Tried.from_parent(self, name=kernel.name, kernel=kernel, file=self.file)


class _Tried(pytest.Collector):
    """One kernel: a test for each property that concerns it."""

    def __init__(self, kernel: Kernel, file: KernelFile, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.kernel, self.file = kernel, file

    def collect(self) -> Iterator[pytest.Item]:
        session = self.file.tried_in
        planned = plan([self.kernel], session.device)
        if planned.elsewhere:
            reason = f"runs on {self.kernel.device!r}, not on {session.device!r}: --kernels-device"
            yield _NotTried.from_parent(self, name="device", reason=reason, skips=True)
        if planned.unknown:
            reason = f"there is no operation {self.kernel.operation!r}"
            yield _NotTried.from_parent(self, name="operation", reason=reason, skips=False)
        for kernel, law in planned.trials:
            name = f"{law.name.replace(' ', '_')}[{session.run.profile}-{session.run.seed}]"
            yield PropertyTest.from_parent(self, name=name, kernel=kernel, law=law, file=self.file)


class _NotTried(pytest.Item):
    """A kernel that cannot be tried: skipped, or failed."""

    def __init__(self, reason: str, skips: bool, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.reason, self.skips = reason, skips

    def runtest(self) -> None:
        if self.skips:
            pytest.skip(self.reason)
        pytest.fail(self.reason, pytrace=False)


class PropertyTest(pytest.Item):
    """One property of one kernel."""

    def __init__(self, kernel: Kernel, law: Property, file: KernelFile, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.kernel, self.law, self.file = kernel, law, file

    def runtest(self) -> None:
        session = self.file.tried_in
        with registered(session.kernels(self.file.source)), shown_warnings():
            outcome = session.trier.tried(self.kernel, self.law)
        self.user_properties.append(("examples", outcome.examples))
        if outcome.worst is not None:
            self.user_properties.append(("worst error in bounds", outcome.worst.share))
        if outcome.inapplicable and self.law.name != "definition":
            pytest.skip("the kernel supports no call that it concerns")
        if outcome.inapplicable:
            raise PropertyFailed("nothing was judged: supports(g) is false for all drawn calls\n")
        if not outcome.holds:
            raise PropertyFailed(session.explained(outcome, self.file.source))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Our report, without the lines of this project that led to it."""
        if isinstance(excinfo.value, PropertyFailed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, f"{self.kernel.operation} {self.kernel.name}: {self.law.name}"


def imported(source: str) -> list[Kernel]:
    """The kernels of a file that is a module already, imported by a test; none if it is not."""
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file is not None and file.endswith(".py") and Path(file).resolve() == Path(source):
            return [k for k in registry.all_kernels() if k.function.__module__ == module.__name__]
    return []


@contextmanager
def registered(kernels: Sequence[Kernel]) -> Iterator[None]:
    """Context in which these kernels are registered, in place of others of the same names."""
    names = {(k.operation, k.device, k.name) for k in kernels}
    others = [k for k in registry.all_kernels() if (k.operation, k.device, k.name) in names]
    with registry.without(*others):
        for kernel in kernels:
            registry.register(kernel)
        yield


@contextmanager
def shown_warnings() -> Iterator[None]:
    """Context in which a kernel's warnings are shown, and are no errors where pytest makes them
    some: overflow is tried on purpose."""
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.simplefilter("ignore", HypothesisWarning)  # of a long failing example
        yield


def without_repetition(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """The items, each test of a kernel once."""
    seen: set[str] = set()
    kept = []
    for item in items:
        if not isinstance(item, PropertyTest | _NotTried) or item.nodeid not in seen:
            kept.append(item)
            seen.add(item.nodeid)
    return kept


def verifying(config: pytest.Config, settings: Mapping[str, Any]) -> Callable[..., None]:
    """The function of the fixture `verify_kernel`."""
    session = Session.of(config, **settings)

    def verify(
        kernel: Kernel, *names: str, profile: str | None = None, seed: int | None = None
    ) -> None:
        __tracebackhide__ = True
        text = failures(
            kernel,
            *names,
            profile=profile or session.run.profile,
            seed=session.run.seed if seed is None else seed,
            device="emulator" if session.device == "cpu" else session.device,
        )
        if text:
            pytest.fail(text, pytrace=False)

    return verify
