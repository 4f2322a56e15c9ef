"""Verdict on files of kernels: the suite's trials on remote kernels, and their conduct."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kernels.contract.registry import Kernel
from kernels.judge import conduct
from kernels.judge.building import built, is_source
from kernels.judge.callers import INTERRUPTED
from kernels.judge.process import Limits
from kernels.judge.remote import Guest, Remote
from kernels.judge.tasks import operation as tasks
from kernels.verify import suite
from kernels.verify.given import Given
from kernels.verify.outcome import Outcome
from kernels.verify.property import Property, require
from kernels.verify.replay import Run
from kernels.verify.runner import PROFILES, try_property
from kernels.verify.snippet import launching
from kernels.verify.suite import Plan, Trier


@dataclass
class Judgement:
    """The files under judgement, their kernels, and the sentences on files that do not load."""

    limits: Limits = field(default_factory=Limits)
    source_of: dict[Kernel, str] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)
    guests: list[Guest] = field(default_factory=list)
    _folder: tempfile.TemporaryDirectory[str] = field(
        default_factory=lambda: tempfile.TemporaryDirectory(prefix="judge-")
    )

    @property
    def unguarded(self) -> list[str]:
        """A sentence for each file whose process could signal or read the judge's."""
        return [
            f"{guest.source} is not kept from signalling this process: {guest.apart.lstrip(':')}"
            for guest in self.guests
            if guest.apart.startswith(":")
        ]

    def load(self, source: str) -> None:
        """Loads a file in a process of its own; a source in C or C++ is compiled first."""
        try:
            guest = self._guest(source)
            self.guests.append(guest)
            self.source_of |= dict.fromkeys(guest.load(), source)
        except ValueError as error:
            self.unread.append(str(error))

    def _guest(self, source: str) -> Guest:
        if not is_source(source):
            return Guest(source, self.limits)
        folder = Path(tempfile.mkdtemp(dir=self._folder.name))
        guest = Guest(source, self.limits, built(source, folder / "fast", checked=False))
        checked = built(source, folder / "checked", checked=True)
        guest.checked = Guest(source, self.limits, checked)
        return guest

    def close(self) -> None:
        """Ends all processes."""
        for guest in self.guests:
            guest.end()
        self._folder.cleanup()


def properties() -> dict[str, Property]:
    """The properties that the judge has itself, by name."""
    return tasks.properties() | {INTERRUPTED.name: INTERRUPTED}


def planned(kernels: Sequence[Kernel], given: Sequence[Given] = ()) -> Plan:
    """The trials of the suite, and for each kernel those of its conduct after them."""
    plan = suite.plan([k for k in kernels if k.operation != tasks.NAME], "cpu", given)
    found = {kernel: [law for k, law in plan.trials if k is kernel] for kernel in kernels}
    for kernel in kernels if not given else ():
        found[kernel] += [INTERRUPTED] if INTERRUPTED.concerns(kernel) else []
    for kernel in kernels:
        if kernel.operation == tasks.NAME:
            found[kernel] = list(tasks.properties().values())
    trials = [(k, law) for k, laws in found.items() if laws for law in (*laws, *conduct.laws(k))]
    return replace(plan, trials=trials)


def outcomes(plan: Plan, run: Run) -> Iterator[Outcome]:
    """The outcome of each trial of the plan; those of conduct as soon as something is found.

    After a call that never ended, or many processes that died, the other trials are not run: they
    would wait as long, and the verdict is known.
    """
    trier = Trier(run.profile, run.seed, "cpu")
    for kernel in dict.fromkeys(k for k, _ in plan.trials):
        assert isinstance(kernel, Remote)
        hearing = conduct.Hearing(kernel, run.seed)
        for law in (law for k, law in plan.trials if k is kernel and law.name not in conduct.NAMES):
            kernel.guest.begin_trial()
            outcome = _skipped(kernel, law) or trier.tried(kernel, law)
            yield outcome
            yield from hearing.after(outcome)
        yield from hearing.at_end()


def _skipped(kernel: Remote, law: Property) -> Outcome | None:
    """An outcome that says nothing, of a kernel with which no process goes on."""
    return Outcome(kernel, law, 0) if kernel.guest.given_up else None


_open: list[Judgement] = []
"""Of programs that repeat a failure: their processes live as long as they do."""


def opened(source: str, operation: str, name: str) -> Kernel:
    """The kernel of a file, in a process of its own, for programs that repeat a failure."""
    judgement = Judgement()
    judgement.load(source)
    _open.append(judgement)
    for kernel in judgement.source_of:
        if (kernel.operation, kernel.name) == (operation, name):
            return kernel
    raise ValueError(f"{source} has no {operation} {name}: {'; '.join(judgement.unread)}")


def repeated(outcome: Outcome, source: str, run: Run) -> str:
    """A mark, if the failing call does not fail by itself in a new process: the kernel is stateful.

    It has the program of the calls that do fail in a new process.
    """
    failure = outcome.failure
    assert failure is not None and isinstance(outcome.kernel, Remote)
    if _fails(outcome.kernel, lambda k: outcome.law.check(k, failure.call, **failure.extras)):
        return ""
    alone = "It is stateful: in a new process this call by itself does not fail."
    examples = PROFILES[run.profile]

    def all_calls(kernel: Remote) -> None:
        again = try_property(kernel, outcome.law, examples, run.seed, shrink=False)
        require(again.failure is None, "it fails again")

    if _fails(outcome.kernel, all_calls):
        return f"{alone} The calls of this property do, in their order:\n\n" + _program(
            outcome, source, run
        )
    return (
        f"{alone} Nor do those of this property: it needs the calls of the properties before it. "
        f"`python -m kernels judge {source} --profile {run.profile} --seed {run.seed}` repeats all "
        "of them.\n"
    )


def _fails(kernel: Remote, act: Callable[[Remote], object]) -> bool:
    """Whether `act` fails on the kernel in a new process."""
    before = kernel.guest
    guest = Guest(before.source, before.limits, before.library)
    try:
        named = (kernel.operation, kernel.name)
        act(next(k for k in guest.load() if (k.operation, k.name) == named))
    except Exception:
        return True
    finally:
        guest.end()
    return False


def _program(outcome: Outcome, source: str, run: Run) -> str:
    """A program that makes all calls of the trial, in their order."""
    kernel = outcome.kernel
    assert isinstance(kernel, Remote)
    path = str(Path(source).resolve())
    examples = f"{PROFILES[run.profile]}, {run.seed}, shrink=False"
    return (
        "".join(f"{line}\n" for line in launching(outcome.law))
        + "from kernels.judge.verdict import opened, properties\n"
        "from kernels.verify import PROPERTIES, try_property\n\n"
        f"kernel = opened({path!r}, {kernel.operation!r}, {kernel.name!r})\n"
        f"outcome = try_property(kernel, {kernel.opening(outcome.law)}, {examples})\n"
        "assert outcome.failure is None, outcome.failure.reason\n"
    )
