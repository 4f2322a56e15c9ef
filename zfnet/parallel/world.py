"""The processes of a run: one alone, or those of an MPI launcher.

Whatever waits asks MPI again and again, with short pauses, instead of blocking: signals are heeded,
and a process that waits leaves the processor to those that compute.
"""

from __future__ import annotations

import importlib
import pickle
import socket
import time
from collections.abc import Callable
from functools import cache
from typing import Any, Protocol

import numpy as np

from zfnet.parallel.launch import Launch, launched

SPINS = 200
"""Questions without a pause, before a wait begins to sleep."""
PAUSE = 2e-4
"""Seconds between two questions."""
LATE = 10.0
"""Seconds after which a process that is waited for is named."""
MEETING = 1
"""Tag of the messages by which processes say that they are here."""


class World(Protocol):
    """What a training needs of its processes; rank 0 writes and speaks for all."""

    @property
    def rank(self) -> int: ...
    @property
    def size(self) -> int: ...

    def gather(self, value: Any) -> list[Any]:
        """The values of all processes by rank, in every process."""
        ...

    def any(self, flag: bool) -> bool:
        """True in every process if the flag is true in one of them."""
        ...


class Alone:
    """A process without others."""

    rank, size = 0, 1

    def name(self, rank: int) -> str:
        return "this process"

    def gather(self, value: Any) -> list[Any]:
        return [value]

    def any(self, flag: bool) -> bool:
        return flag


ALONE = Alone()


class Processes:
    """The processes of an MPI communicator (mpi4py); every method is called by all of them.

    comm: of all processes. Sums of gradients use duplicates of it, so that collectives of one kind
    come in the same order in all processes, whatever those of another kind do.
    """

    def __init__(self, comm: Any) -> None:
        self.comm = comm
        self.rank, self.size = int(comm.Get_rank()), int(comm.Get_size())
        self.scattering, self.gathering, self.ending = comm.Dup(), comm.Dup(), comm.Dup()
        self.names: list[str] = self.gather(socket.gethostname())
        host = self.names.index(self.names[self.rank])
        self.local = comm.Split(host, self.rank)

    def name(self, rank: int) -> str:
        """ "process 2 on node7", as messages have it."""
        return f"process {rank} on {self.names[rank]}"

    def gather(self, value: Any) -> list[Any]:
        return _gathered(self.comm, value)

    def meet(
        self, late: Callable[[list[int], float], None], meanwhile: Callable[[], object]
    ) -> None:
        """Rank 0 waits until all are here; late(ranks that are not, seconds) every LATE seconds.

        meanwhile: is called while it waits.
        """
        nothing = np.empty(0, np.uint8)
        if self.rank:
            waited(self.comm.Isend(nothing, 0, MEETING).Test)
            return
        missing = {r: self.comm.Irecv(nothing, r, MEETING) for r in range(1, self.size)}
        began = said = time.monotonic()

        def all_here() -> bool:
            nonlocal said
            meanwhile()
            for rank in [rank for rank, request in missing.items() if request.Test()]:
                del missing[rank]
            now = time.monotonic()
            if missing and now - said > LATE:
                said = now
                late(sorted(missing), now - began)
            return not missing

        waited(all_here)

    def any(self, flag: bool) -> bool:
        return any(self.gather(bool(flag)))

    @property
    def leads(self) -> bool:
        """Whether it is the first process of its host."""
        return bool(self.local.Get_rank() == 0)

    def of_leader(self, value: Any) -> Any:
        """The value of the first process of this host."""
        return _gathered(self.local, value if self.leads else None)[0]

    def all_fail(self, seconds: float) -> bool:
        """Whether all processes call this within so many seconds: then all failed alike."""
        request = self.ending.Ibarrier()
        until = time.monotonic() + seconds
        while not request.Test():
            if time.monotonic() > until:
                return False
            time.sleep(0.01)
        return True

    def abort(self, status: int) -> None:
        """End all processes, at once."""
        self.comm.Abort(status)


def _gathered(comm: Any, value: Any) -> list[Any]:
    """The values of a communicator's processes, in every one."""
    own = np.frombuffer(pickle.dumps(value), np.uint8)
    lengths = np.empty(comm.Get_size(), np.int64)
    waited(comm.Iallgather(np.array([len(own)], np.int64), lengths).Test)
    received = np.empty(int(lengths.sum()), np.uint8)
    waited(comm.Iallgatherv(own, [received, lengths.tolist()]).Test)
    parts = np.split(received, np.cumsum(lengths)[:-1])
    return [pickle.loads(part.tobytes()) for part in parts]


class Elsewhere(ValueError):
    """Another process failed; the message is its own. kind: the name of its exception."""

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


def together(world: Alone | Processes, compute: Callable[[], None]) -> None:
    """Call a function in every process: where it fails in one, it fails in all, `Elsewhere` in
    the others."""
    if world.size == 1:
        compute()
        return
    own: Exception | None = None
    try:
        compute()
    except Exception as error:
        own = error
    failed = world.gather(None if own is None else (str(own), type(own).__name__))
    if own is not None:
        raise own
    for one in failed:
        if one is not None:
            raise Elsewhere(*one)


def waited(done: Callable[[], bool]) -> None:
    """Return once `done` is true."""
    for _ in range(SPINS):
        if done():
            return
    while not done():
        time.sleep(PAUSE)


def opened(launch: Launch | None) -> Alone | Processes:
    """The processes of a launcher, or this one alone.

    ValueError where MPI cannot be used: mpi4py is not installed, or it has the library of another
    MPI than the launcher's, so that every process believes that it is alone.
    """
    if launch is None:
        return ALONE
    try:
        mpi = importlib.import_module("mpi4py.MPI")
    except ImportError as error:
        raise ValueError(
            f"{_started(launch)}, but mpi4py cannot be imported ({error}); "
            "`pip install 'minidl-zfnet[mpi]'` brings it, with MPICH's library and mpiexec"
        ) from None
    except RuntimeError as error:
        raise ValueError(
            f"{_started(launch)}, but mpi4py finds no library of MPI ({str(error).splitlines()[0]})"
        ) from None
    size = mpi.COMM_WORLD.Get_size()
    if size != launch.size:
        library = mpi.Get_library_version().split("\n")[0].strip("\0 ")
        raise ValueError(
            f"{_started(launch)}, but MPI here knows {size}: mpi4py has another MPI ({library}) "
            "than the launcher; take the mpiexec of that one, or an mpi4py of the launcher's"
        )
    return Processes(mpi.COMM_WORLD)


def _started(launch: Launch) -> str:
    many = f"{launch.size} processes" if launch.size > 1 else "one process"
    return f"{launch.launcher} started {many}"


@cache
def here() -> Alone | Processes:
    """The processes that the launcher of this one started. Raises as `opened`."""
    return opened(launched())
