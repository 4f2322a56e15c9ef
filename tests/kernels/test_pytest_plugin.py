"""The pytest plugin: each property of a user's kernel as a test, and nothing without --kernels."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numba
import pytest

import kernels.verify.collecting  # noqa: F401  (NumPy's modules cannot be imported twice)
from kernels.contract import registry

pytest_plugins = "pytester"
# A run within this process forgets the modules that it imported. Numba's cannot be imported twice:
# the first compilation imports the last of them.
numba.njit(lambda x: x)(1)

ROOT = Path(__file__).resolve().parents[2]
KERNELS = """
import numpy as np
from kernels import kernel

@kernel("relu", name="right", cost=lambda g: 1e9)
def right(x):
    return np.where(x <= 0, x.dtype.type(0), x)

@kernel("relu", name="wrong", cost=lambda g: 1e9)
def wrong(x):
    return np.where(x <= 1, x.dtype.type(0), x)
"""
FIXTURE = """
import kernels
import pytest

def test_ours(verify_kernel):
    verify_kernel(kernels.named("relu", "elementwise"), "inputs kept", profile="few")

def test_theirs(verify_kernel):
    wrong = kernels.Kernel("relu", "theirs", "cpu", abs)
    verify_kernel(wrong, "definition")

def test_kernels_of_a_file_are_not_registered_here():
    assert "right" not in [k.name for k in kernels.all_kernels("relu")]
"""
Run = Callable[..., tuple[int, str]]
ALWAYS = "-p", "pytest_kernels", "-p", "no:cacheprovider"
SOME = "definition or inputs"
"""Properties that take little time."""


@pytest.fixture(autouse=True)
def nothing_stays_registered() -> Iterator[None]:
    with registry.without():
        yield


@pytest.fixture
def project(pytester: pytest.Pytester) -> Path:
    """A project of a user; the plugin is found there as in an installation."""
    folder = pytester.path
    (folder / "installed").mkdir()
    (folder / "installed" / "pytest_kernels").symlink_to(ROOT / "kernels" / "verify" / "plugin")
    (folder / "ops").mkdir()
    (folder / "ops" / "my_relu.py").write_text(KERNELS, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    pytester.syspathinsert(folder / "installed")
    pytester.syspathinsert(folder)
    return folder


@pytest.fixture
def run_pytest(pytester: pytest.Pytester, project: Path) -> Run:
    """Function that runs pytest in the project, in this process: (exit status, output)."""

    def run(*arguments: str) -> tuple[int, str]:
        done = pytester.runpytest_inprocess(*ALWAYS, *arguments)
        return int(done.ret), f"{done.stdout}{done.stderr}"

    return run


def collected(output: str) -> list[str]:
    return re.findall(r"^\S+::\S+$", output, re.M)


def test_each_property_is_a_test_and_a_failure_has_our_report(run_pytest: Run) -> None:
    status, output = run_pytest(
        "--kernels", "ops/my_relu.py", "--kernels-profile", "dev", "-k", SOME, "-v"
    )
    assert status == 1
    assert "ops/my_relu.py::relu::right::definition[dev-0] PASSED" in output
    assert "ops/my_relu.py::relu::right::inputs_kept[dev-0] PASSED" in output
    assert "ops/my_relu.py::relu::wrong::definition[dev-0] FAILED" in output
    assert "The error of the result is within the bound" in output
    assert "load('" in output and "PROPERTIES['definition'].check(kernel, call)" in output
    assert "1 failed, 3 passed" in output
    assert "Traceback" not in output and "collecting.py" not in output


def test_files_are_named_several_times_by_patterns_folders_and_modules(
    project: Path, run_pytest: Run
) -> None:
    ops = project / "ops"
    (ops / "more.py").write_text(KERNELS.replace("right", "other"), encoding="utf-8")
    (project / "single.py").write_text(KERNELS.replace("right", "single"), encoding="utf-8")
    listing = "--collect-only", "-q", "-k", "definition"
    both = {"ops/more.py::relu::other", "ops/my_relu.py::relu::right"}
    for arguments in (["ops/*.py"], ["ops"], ["ops/more.py", "--kernels", "ops/my_relu.py"]):
        status, output = run_pytest("--kernels", *arguments, *listing)
        assert status == 0, output
        names = collected(output)
        assert len(names) == len(set(names)) == 4
        assert both < {name.rpartition("::")[0] for name in names}
    status, output = run_pytest("--kernels", "single", *listing)
    assert collected(output)[0] == "single.py::relu::single::definition[ci-0]", output


def test_a_test_is_named_by_its_id_and_the_configuration_names_files(
    project: Path, run_pytest: Run
) -> None:
    settings = "[pytest]\nkernels = ops/*.py\nkernels_profile = few\nkernels_seed = 7\n"
    (project / "pytest.ini").write_text(settings, encoding="utf-8")
    name = "ops/my_relu.py::relu::right::definition[few-7]"
    status, output = run_pytest(name, "-v")
    assert status == 0 and f"{name} PASSED" in output and "1 passed" in output, output
    (project / "test_other.py").write_text("def test_it(): pass\n", encoding="utf-8")
    status, output = run_pytest("test_other.py", "--collect-only", "-q")
    assert collected(output) == ["test_other.py::test_it"]
    status, output = run_pytest("--collect-only", "-q", "-k", "definition or test_it")
    assert len(collected(output)) == 3


def test_a_fixture_tries_a_kernel_within_a_test(project: Path, run_pytest: Run) -> None:
    (project / "test_mine.py").write_text(FIXTURE, encoding="utf-8")
    arguments = "--kernels", "ops/my_relu.py", "--kernels-profile=few"
    status, output = run_pytest("test_mine.py", *arguments, "-k", "test_", "-v")
    assert status == 1
    assert "test_mine.py::test_ours PASSED" in output, output
    assert "test_mine.py::test_theirs FAILED" in output and "relu theirs: definition" in output
    assert "test_kernels_of_a_file_are_not_registered_here PASSED" in output


@pytest.mark.parametrize("name", ["a_test_before.py", "z_test_behind.py"])
def test_a_test_may_import_the_file_too(project: Path, run_pytest: Run, name: str) -> None:
    (project / "mine.py").write_text(KERNELS, encoding="utf-8")
    text = "import kernels, mine\ndef test_it(): assert mine.right in kernels.all_kernels('relu')\n"
    (project / name).write_text(text, encoding="utf-8")
    options = "--kernels", "mine.py", "--kernels-profile=few", "-o", "python_files=*_test_*.py"
    status, output = run_pytest(*options, "-k", "test_it or right and definition", "-v")
    assert status == 0 and "2 passed" in output, output


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nothing_of_this_name", "ModuleNotFoundError: No module named"),
        ("x = 1", "registers no kernel"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error_in_a_sentence(
    project: Path, run_pytest: Run, text: str, message: str
) -> None:
    (project / "ops" / "bad.py").write_text(text, encoding="utf-8")
    status, output = run_pytest("--kernels", "ops/bad.py")
    assert status == 2
    assert message in output and "Traceback" not in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--kernels", "nothing.py"], "--kernels nothing.py: there is no such file"),
        (["--kernels", "ops/*.txt"], "--kernels ops/*.txt: there is no Python file"),
        (["--kernels", "ops", "--kernels-profile", "all"], "invalid choice: 'all'"),
        (["--kernels", "ops", "-o", "kernels_profile=all"], "expected one of few, dev, ci"),
        (["--kernels", "ops", "-o", "kernels_seed=x"], "kernels_seed: expected an integer"),
    ],
)
def test_a_mistake_in_an_option_is_a_sentence(
    run_pytest: Run, arguments: list[str], message: str
) -> None:
    status, output = run_pytest(*arguments)
    assert status == 4
    assert message in output and "Traceback" not in output


def test_a_kernel_of_another_device_is_skipped_and_one_of_no_operation_fails(
    project: Path, run_pytest: Run
) -> None:
    text = KERNELS.replace('"relu", name="wrong"', '"fourier", name="mine"')
    text = text.replace('name="right"', 'name="right", device="cuda"')
    (project / "ops" / "my_relu.py").write_text(text, encoding="utf-8")
    status, output = run_pytest("--kernels", "ops", "-rs")
    assert status == 1
    assert "1 failed, 1 skipped" in output
    assert "there is no operation 'fourier'" in output and "--kernels-device" in output


def test_without_kernels_the_plugin_imports_neither_kernels_nor_numba(project: Path) -> None:
    text = """
import sys

def test_nothing_is_imported():
    assert "pytest_kernels" in sys.modules
    assert not {"kernels", "numba", "numpy", "hypothesis"} & set(sys.modules)
"""
    (project / "test_plain.py").write_text(text, encoding="utf-8")
    paths = [str(project / "installed"), str(ROOT)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *ALWAYS, "-p", "no:hypothesispytest", "test_plain.py"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr


def test_a_warning_of_a_kernel_is_no_failure(project: Path, run_pytest: Run) -> None:
    text = KERNELS.replace("    return", "    warnings.warn('odd', stacklevel=1)\n    return")
    (project / "ops" / "my_relu.py").write_text(f"import warnings\n{text}", encoding="utf-8")
    only = "-k", "right and inputs"
    # Where the plugin is installed, pytest warns that it is imported in this process already.
    strict = "-W", "error", "-W", "default::pytest.PytestAssertRewriteWarning"
    status, output = run_pytest(*strict, "--kernels", "ops", "--kernels-profile=few", *only)
    assert status == 0 and "1 passed" in output and "UserWarning: odd" in output, output


@pytest.mark.parametrize(
    ("conftest", "options"), [("", ["--kernels", "ops"]), ("import numba", ["-o", "kernels=ops"])]
)
def test_threads_are_launched_for_the_properties_that_set_them(
    project: Path, conftest: str, options: list[str]
) -> None:
    (project / "conftest.py").write_text(conftest, encoding="utf-8")
    text = """
import numba
import kernels
from kernels.contract import threads

def test_threads():
    from kernels.verify.property import PROPERTIES
    assert threads.most() == max(law.launched for law in PROPERTIES.values()) == 8
    assert threads.get_num_threads() == min(8, numba.config.NUMBA_DEFAULT_NUM_THREADS)
"""
    (project / "test_threads.py").write_text(text, encoding="utf-8")
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_NUM_THREADS"}
    paths = os.pathsep.join([str(project / "installed"), str(ROOT)])
    command = [sys.executable, "-m", "pytest", *ALWAYS, *options, "-k", "test_threads"]
    done = subprocess.run(
        command, env=environment | {"PYTHONPATH": paths}, text=True, capture_output=True
    )
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr


def test_fewer_threads_than_properties_set_are_named(project: Path) -> None:
    paths = os.pathsep.join([str(project / "installed"), str(ROOT)])
    command = [sys.executable, "-m", "pytest", *ALWAYS, "-p", "numba", "--kernels", "ops"]
    done = subprocess.run(
        [*command, "--collect-only", "-q", "-v"],
        env=os.environ | {"PYTHONPATH": paths, "NUMBA_NUM_THREADS": "2"},
        text=True,
        capture_output=True,
    )
    message = "kernels: tried with up to 2 threads, which Numba has launched: NUMBA_NUM_THREADS=8"
    assert message in done.stdout, done.stdout + done.stderr


def test_the_installed_project_has_the_plugin() -> None:
    """The entry point, where the project is installed from this state of its sources."""
    setup = (ROOT / "setup.py").read_text(encoding="utf-8")
    assert '"pytest11": ["pytest_kernels=pytest_kernels"]' in setup
    assert 'package_dir={"pytest_kernels": "kernels/verify/plugin"}' in setup
    assert (ROOT / "kernels" / "verify" / "plugin" / "__init__.py").is_file()
    entries = importlib.metadata.entry_points(group="pytest11", name="pytest_kernels")
    if not entries:
        pytest.skip("the installed project is of an earlier state")
    assert next(iter(entries)).load().pytest_addoption
