"""Launcher of a kernel's process in Linux namespaces of its own, where it sees no other process.

    python apart.py LIFE PRELOAD SOCKET MEMORY

It runs as a script, before any library is loaded, since a user name space is entered by a process
of one thread. The kernel's process can then neither signal nor trace the judge, nor read its
memory: the judge has no number in its name space of processes, and belongs to another of users
(user_namespaces(7), pid_namespaces(7)). Capabilities are given up, so that root has none.

    launcher, outside   ends as the kernel's process ended; ends everything once the judge is gone
    first process       takes over orphans; all processes of the name space end with it
    kernel's process    `python -m kernels.judge.child`

Where the system refuses name spaces, the kernel's process is only started, and says so.
"""

from __future__ import annotations

import ctypes
import os
import resource
import select
import signal
import sys
from collections.abc import Callable

VARIABLE = "JUDGE_APART"
"""What the kernel's process is kept apart by: "name spaces", or "" and why not after a colon."""
MOST_PROCESSES, FILE = 256 + 16 * (os.cpu_count() or 1), 1 << 32
"""Processes and threads of a kernel, whose libraries have a pool each; bytes of its files."""
_NEWNS, _NEWUSER, _NEWPID = 0x00020000, 0x10000000, 0x20000000
_PRIVATE, _RECURSIVE = 1 << 18, 1 << 14
_PDEATHSIG, _BOUNDING_DROP, _SUBREAPER, _NO_NEW_PRIVILEGES = 1, 24, 36, 38
_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> None:
    if result:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def enter() -> str:
    """Enters the name spaces, for processes begun from now on; a sentence if that is refused."""
    user, group = os.geteuid(), os.getegid()
    try:
        _checked(_libc.unshare(_NEWUSER | _NEWPID | _NEWNS), "unshare")
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{user} {user} 1"),
            ("gid_map", f"{group} {group} 1"),
        ):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(text)
    except OSError as error:
        return f"the system refuses name spaces ({error.strerror or error})"
    return ""


def hide_processes() -> None:
    """Has /proc show the processes of this name space alone, where the system allows it.

    Where not, as in many containers, the others are seen there, and remain out of reach.
    """
    if not _libc.mount(b"none", b"/", None, _RECURSIVE | _PRIVATE, None):
        _libc.mount(b"proc", b"/proc", b"proc", 0, None)


def give_up_capabilities() -> None:
    """Has the next program begin without capabilities, also as root."""
    for capability in range(64):
        _libc.prctl(_BOUNDING_DROP, capability, 0, 0, 0)
    _libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)


def limit(resource_: int, most: int) -> None:
    """Sets a limit of the process, which may be lower already."""
    hard = resource.getrlimit(resource_)[1]
    value = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(resource_, (value, value))


def restrict(refused: str) -> None:
    """Limits this process, and has the next programs begin without capabilities."""
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_FSIZE, FILE)
    if not refused:  # elsewhere the processes of the user count too
        limit(resource.RLIMIT_NPROC, MOST_PROCESSES)
        give_up_capabilities()


def kept_by(refused: str) -> str:
    """The value of the variable."""
    return f":{refused}" if refused else "name spaces"


def run_child(files: list[str], preload: str, refused: str) -> None:
    """Becomes the kernel's process."""
    restrict(refused)
    environment = os.environ | {VARIABLE: kept_by(refused)}
    if preload:
        environment["LD_PRELOAD"] = preload
    program = [sys.executable, "-m", "kernels.judge.child", *files]
    os.execve(sys.executable, program, environment)


def wait_for(child: int) -> int:
    """The status of a child, as `waitpid` has it; orphans that end meanwhile are reaped."""
    while True:
        try:
            ended, status = os.waitpid(-1, 0)
        except InterruptedError:
            continue
        if ended == child:
            return status


def first(become: Callable[[], None], files: list[str], refused: str, ended: int) -> None:
    """The first process of the name space: begins the kernel's, and reports how it ended.

    become: becomes the kernel's process, which is given these files.
    """
    _libc.prctl(_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # of the first process: ignored
    if not refused:
        hide_processes()
    child = os.fork()
    if child == 0:
        os.close(ended)
        become()
    for file in files:
        os.close(int(file))  # the judge sees the end of the kernel's process
    os.write(ended, f"{wait_for(child)}".encode())
    os._exit(0)


def ended_with(status: int) -> None:
    """Ends as another process ended: by the same signal, or with the same status."""
    if os.WIFSIGNALED(status):
        limit(resource.RLIMIT_CORE, 0)
        number = os.WTERMSIG(status)
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(status))


def main(life: int, preload: str, files: list[str]) -> None:
    """Launches the kernel's process, and waits for its end or for that of the judge.

    life: a pipe whose other end only the judge holds.
    """
    _libc.prctl(_SUBREAPER, 1, 0, 0, 0)
    said, ended = os.pipe()
    os.set_inheritable(ended, False)
    refused = enter()
    begun = os.fork()
    if begun == 0:
        os.close(life)
        os.close(said)
        first(lambda: run_child(files, preload, refused), files, refused, ended)
    os.close(ended)
    for file in files:
        os.close(int(file))
    ready = select.select([life, said], [], [])[0]
    text = os.read(said, 64) if said in ready else b""
    os.kill(begun, signal.SIGKILL)  # and with it all others, where there is a name space
    ended_with(int(text) if text else signal.SIGKILL)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
