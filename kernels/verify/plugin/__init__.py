"""Pytest plugin: the property suite on the kernels of a user's files, each property a test.

    pytest --kernels my_kernels.py --kernels 'ops/*.py' --kernels-profile dev

It is installed as the module `pytest_kernels`, beside `kernels` and not within it (`setup.py`), so
that pytest loads this file alone: a run without kernels imports neither `kernels` nor Numba.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

PROFILES = "few", "dev", "ci", "intense"
DEVICES = "cpu", "emulator", "cuda"
VARIABLE, THREADS = "NUMBA_NUM_THREADS", 8
"""The most that a property sets; as many run as there are cores."""
FILES: pytest.StashKey[dict[Path, str]] = pytest.StashKey()
"""The files of this run, and what each is loaded by: its path, or a module's name."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("kernels", "properties of kernels, as python -m kernels verify")
    group.addoption(
        "--kernels",
        action="append",
        metavar="FILE",
        help="try every property on the kernels that this file registers: a file, a pattern, a "
        "folder, or a module; may be given several times",
    )
    group.addoption(
        "--kernels-profile", choices=PROFILES, help="number of examples of each property: ci"
    )
    group.addoption("--kernels-seed", type=int, help="the same seed draws the same examples: 0")
    group.addoption(
        "--kernels-device",
        choices=DEVICES,
        help="cpu; emulator or cuda: the CUDA kernels, without or with a GPU",
    )
    parser.addini("kernels", "files of --kernels, unless tests are named", type="linelist")
    parser.addini("kernels_profile", "the default of --kernels-profile", default="ci")
    parser.addini("kernels_seed", "the default of --kernels-seed", default="0")
    parser.addini("kernels_device", "the default of --kernels-device", default="cpu")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Has Numba launch the threads that properties set, in the first hook that knows the options: a
    `conftest.py` may import Numba, which launches its threads then."""
    kernels = early_config.known_args_namespace.kernels or early_config.getini("kernels")
    if kernels and "numba" not in sys.modules:
        os.environ.setdefault(VARIABLE, str(THREADS))


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Says so if fewer threads are launched than properties set."""
    numba = sys.modules.get("numba")
    if not config.stash.get(FILES, {}) or numba is None:
        return []
    launched = numba.config.NUMBA_NUM_THREADS
    if launched >= THREADS:
        return []
    return [f"kernels: tried with up to {launched} threads, which Numba has launched: "
            f"{VARIABLE}={THREADS} tries {THREADS}"]  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Adds the files to what pytest collects; UsageError for one that does not exist."""
    config.stash[FILES] = found = dict(_files(config))
    if not found:
        return
    if importlib.util.find_spec("hypothesis") is None:
        raise pytest.UsageError(
            "--kernels needs hypothesis, which draws the examples: pip install hypothesis"
        )
    _settings(config)
    if config.getoption("kernels") or config.args_source is not config.ArgsSource.ARGS:
        named = {Path(argument.partition("::")[0]).resolve() for argument in config.args}
        config.args += [str(file) for file in found if file not in named]


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """A file of kernels is collected as such; as a module of tests too, if its name says so."""
    modules = yield
    files = parent.config.stash.get(FILES, {})
    if not files or file_path.resolve() not in files:
        return modules
    from kernels.verify.collecting import KernelFile  # which imports Numba

    patterns = parent.config.getini("python_files")
    if not any(file_path.match(pattern) for pattern in patterns):
        modules = []
    source, settings = files[file_path.resolve()], _settings(parent.config)
    file: Any = KernelFile
    return [file.from_parent(parent, path=file_path, source=source, settings=settings), *modules]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests of a file that lies in a collected folder, and was named too, are run once."""
    if not config.stash.get(FILES, {}):
        return
    from kernels.verify.collecting import without_repetition

    items[:] = without_repetition(items)


@pytest.fixture(scope="session")
def verify_kernel(request: pytest.FixtureRequest) -> Callable[..., None]:
    """A function that fails with our report unless properties of a kernel hold.

        def test_my_kernel(verify_kernel):
            verify_kernel(kernels.named("conv2d", "mine"), "definition", "any memory")

    Without names it tries all properties that concern the kernel. `profile=` and `seed=` replace
    those of the run.
    """
    from kernels.verify.collecting import verifying

    return verifying(request.config, _settings(request.config))


def _settings(config: pytest.Config) -> dict[str, Any]:
    """Profile, seed and device of the options, or else of the configuration; UsageError for one
    that there is not."""
    found: dict[str, Any] = {}
    for name in ("profile", "seed", "device"):
        option = config.getoption(f"kernels_{name}")
        found[name] = config.getini(f"kernels_{name}") if option is None else option
    for name, allowed in (("profile", PROFILES), ("device", DEVICES)):
        if found[name] not in allowed:
            known = ", ".join(allowed)
            raise pytest.UsageError(f"kernels_{name}: expected one of {known}, got {found[name]!r}")
    try:
        return found | {"seed": int(found["seed"])}
    except ValueError:
        raise pytest.UsageError(
            f"kernels_seed: expected an integer, got {found['seed']!r}"
        ) from None


def _files(config: pytest.Config) -> Iterator[tuple[Path, str]]:
    """The files that the options, or else the configuration, name, and what loads each."""
    options = config.getoption("kernels")
    folder = config.invocation_params.dir if options else config.rootpath
    for text in options or config.getini("kernels"):
        yield from _named(text, folder)


def _named(text: str, folder: Path) -> Iterator[tuple[Path, str]]:
    path = folder / text
    if path.is_file():
        files = [path]
    elif path.is_dir():
        files = sorted(path.glob("*.py"))
    elif any(character in text for character in "*?["):
        files = sorted(f for f in Path(path.anchor).glob(str(path)[1:]) if f.suffix == ".py")
    else:
        yield _module(text), text
        return
    if not files:
        raise pytest.UsageError(f"--kernels {text}: there is no Python file in {folder}")
    for file in files:
        yield file.resolve(), str(file.resolve())


def _module(name: str) -> Path:
    """The file of a module; UsageError if there is none."""
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        found = None
    if found is None or found.origin is None:
        raise pytest.UsageError(f"--kernels {name}: there is no such file, folder or module")
    return Path(found.origin).resolve()
