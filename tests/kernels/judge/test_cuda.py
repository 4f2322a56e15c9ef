"""CUDA programs with host code, in the emulator: right ones hold, mistakes are named."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from kernels.cuda.emulator.launches import with_launches
from kernels.judge import conduct
from kernels.judge.building import built
from kernels.judge.remote import Guest, Remote
from kernels.judge.verdict import Judgement
from kernels.verify.property import PROPERTIES
from kernels.verify.runner import try_property
from tests.kernels.judge.guests import QUICK, found

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
FOLDER = Path(__file__).parent / "programs"
MISTAKEN = FOLDER / "mistakes.cu"


def refused(folder: Path, text: str) -> str:
    """The sentence with which a program is refused."""
    file = folder / "program.cu"
    file.write_text(text, encoding="utf-8")
    judgement = Judgement(QUICK)
    try:
        judgement.load(str(file))
        (sentence,) = judgement.unread
        return sentence
    finally:
        judgement.close()


def test_a_convolution_with_host_code_holds() -> None:
    judgement = Judgement(QUICK)
    try:
        judgement.load(str(FOLDER / "convolution.cu"))
        assert not judgement.unread, judgement.unread
        (kernel,) = judgement.source_of
        assert isinstance(kernel, Remote)
        assert not found(kernel, "definition", "two threads")
        assert conduct.SANITIZED in conduct.laws(kernel)
    finally:
        judgement.close()


MISTAKES = {
    "matmul": ("uninitialised: in multiply, thread (", "BARRIER"),
    "avg_pool2d": ("past the end of argument 0 (", "OUTSIDE"),
    "relu": ("reads or writes outside of its operands (SIGSEGV)", ""),
    "max_pool2d": ("ends its process with status 3", ""),
}
"""What is said of a mistake, and the comment at its line."""


@pytest.fixture(scope="module")
def mistaken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Remote]]:
    """The kernels of the program with mistakes, instrumented, by operation."""
    library = built(str(MISTAKEN), tmp_path_factory.mktemp("checked"), checked=True)
    guest = Guest(str(MISTAKEN), QUICK, library)
    yield {kernel.operation: kernel for kernel in guest.load()}
    guest.end()


@pytest.mark.parametrize("operation", MISTAKES)
def test_a_mistake_is_named_with_its_line(operation: str, mistaken: dict[str, Remote]) -> None:
    kernel = mistaken[operation]
    kernel.guest.begin_trial()
    outcome = try_property(kernel, PROPERTIES["definition"], 10, shrink=False)
    assert outcome.failure is not None
    words, comment = MISTAKES[operation]
    assert words in outcome.failure.reason, outcome.failure.reason
    if comment:
        lines = MISTAKEN.read_text(encoding="utf-8").splitlines()
        number = next(i for i, line in enumerate(lines, 1) if comment in line)
        assert f"mistakes.cu:{number}: " in outcome.failure.reason


UNTAKEN = {
    "#include <mma.h>\n": "tensor cores",
    "#include <cooperative_groups.h>\n": "cooperative groups",
    "texture<float, 1> t;\n": "textures",
    '__global__ void k() { asm volatile("bar.sync 0;"); }\n': "PTX",
    "#include <thrust/sort.h>\n": "this library",
    "void f() { cudaLaunchKernel(0, 1, 1, 0, 0, 0); }\n": "launches by a call",
}


@pytest.mark.parametrize("text", UNTAKEN, ids=list(UNTAKEN.values()))
def test_what_the_emulator_does_not_take_is_named(text: str, tmp_path: Path) -> None:
    said = refused(tmp_path, f"// no asm, no texture<float>\n\n{text}")
    assert "program.cu:3: the emulator does not take" in said
    assert UNTAKEN[text] in said


def test_an_error_of_the_compiler_has_the_line_of_the_file(tmp_path: Path) -> None:
    text = "#include <cuda_runtime.h>\n\nvoid f() { cudaNothing(); }\n"
    said = refused(tmp_path, text)
    assert "program.cu:3:" in said and "cudaNothing" in said


def test_launches_are_calls_and_keep_their_lines() -> None:
    text = 'f("<<<"); a::scale<float, (3 > 2)>\n<<<dim3(n / 2), 256, 0,\n s>>>(x,\n g(NULL));\n'
    assert with_launches(text) == (
        'f("<<<"); host::launch(host::Configuration(dim3(n / 2), 256, 0,\n s), '
        '"a::scale<float, (3 > 2)>", __FILE__, __LINE__, [=](auto... emulator_given) '
        "{ a::scale<float, (3 > 2)>(emulator_given...); }, x,\n g(nullptr));\n"
    )


def test_a_launch_that_is_not_understood_has_its_line() -> None:
    with pytest.raises(ValueError, match=r"k.cu:8: a launch .* has no arguments"):
        with_launches('#line 7 "k.cu"\n\nscale<<<1, 2>>>;\n')
