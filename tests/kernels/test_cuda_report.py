"""`python -m kernels cuda-report`: its output, its errors, its cache."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from kernels.cli import cuda_report
from kernels.cli.app import main
from kernels.cuda import compilations, nvrtc, packages, roofline
from tests.shared.cuda_compiling import EXAMPLES, Example, example, needs_compiler

Capture = pytest.CaptureFixture[str]
Monkey = pytest.MonkeyPatch


@pytest.fixture(autouse=True)
def own_folder(monkeypatch: Monkey, tmp_path: Path) -> None:
    """An empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def run(monkeypatch: Monkey, program: Example | None, *arguments: object) -> int:
    """The exit status of `python -m kernels cuda-report ARGUMENTS` where `program` is all."""
    if program is not None:
        monkeypatch.setattr(cuda_report, "programs", lambda: [program])
    monkeypatch.setattr(sys, "argv", ["kernels", "cuda-report", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


@pytest.fixture
def copy() -> Example:
    return example(EXAMPLES, ["copy<float4>", "straight"])


@needs_compiler
def test_every_instance_is_a_row(monkeypatch: Monkey, copy: Example, capsys: Capture) -> None:
    assert run(monkeypatch, copy, "--arch", "sm_80") == 0
    printed = capsys.readouterr().out
    assert "copy<float4>" in printed
    assert " kernel " in next(line for line in printed.splitlines() if "straight" in line)


@needs_compiler
def test_it_says_that_nothing_has_run_on_a_gpu(
    monkeypatch: Monkey, copy: Example, capsys: Capture
) -> None:
    run(monkeypatch, copy, "--arch", "sm_80")
    assert "Nothing in this report has run on a GPU" in capsys.readouterr().out


@needs_compiler
def test_the_roofline_names_machines_and_layers(
    monkeypatch: Monkey, copy: Example, capsys: Capture
) -> None:
    run(monkeypatch, copy, "--arch", "sm_80")
    printed = capsys.readouterr().out
    names = [v.name for v in (*roofline.ZFNET, *roofline.MACHINES)]
    assert not [name for name in names if name not in printed]


@needs_compiler
def test_the_file_has_every_number(monkeypatch: Monkey, copy: Example, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    run(monkeypatch, copy, "--arch", "sm_80,sm_90", "--json", file)
    written = json.loads(file.read_text())
    assert [(k["arch"], k["entry"]) for k in written["kernels"]] == [
        (arch, entry) for arch in ("sm_80", "sm_90") for entry in copy.entries
    ]
    assert written["kernels"][0]["counts"]["global_loads"] == {"128": 1}
    assert written["versions"][packages.NVRTC] == packages.version(packages.NVRTC)


@needs_compiler
def test_a_second_run_compiles_nothing_and_says_the_same(
    monkeypatch: Monkey, copy: Example, capsys: Capture
) -> None:
    run(monkeypatch, copy)
    first = capsys.readouterr().out
    monkeypatch.setattr(nvrtc, "compile_file", lambda *_: pytest.fail("compiled again"))
    assert run(monkeypatch, copy) == 0
    assert capsys.readouterr().out == first


@needs_compiler
def test_a_changed_source_is_compiled_again(tmp_path: Path) -> None:
    source = tmp_path / "one.cu"
    source.write_text('extern "C" __global__ void one(float* y) { y[0] = 1; }')
    before = compilations.compilation(source, ["one"], "sm_80")
    source.write_text('extern "C" __global__ void one(float* y) { y[0] = 2; }')
    assert compilations.compilation(source, ["one"], "sm_80").sass != before.sass


@needs_compiler
def test_a_changed_header_is_compiled_again(monkeypatch: Monkey, tmp_path: Path) -> None:
    header = tmp_path / "value.cuh"
    header.write_text("constexpr int value = 1;")
    for module in (compilations, nvrtc):
        monkeypatch.setattr(module, "INCLUDE", tmp_path)
    source = tmp_path / "one.cu"
    source.write_text(
        '#include "value.cuh"\nextern "C" __global__ void one(int* y) { y[0] = value; }'
    )
    before = compilations.compilation(source, ["one"], "sm_80")
    header.write_text("constexpr int value = 2;")
    assert compilations.compilation(source, ["one"], "sm_80").sass != before.sass


@needs_compiler
@pytest.mark.parametrize("damage", [b"", b"not gzip", None])
def test_a_damaged_file_is_written_anew(damage: bytes | None) -> None:
    names = ["straight"]
    good = compilations.compilation(EXAMPLES, names, "sm_80")
    place = compilations.place_of(EXAMPLES, names, "sm_80")
    whole = place.read_bytes()
    place.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    again = compilations.compilation(EXAMPLES, names, "sm_80")
    assert again.sass == good.sass
    assert compilations.place_of(EXAMPLES, names, "sm_80").read_bytes() != damage


@needs_compiler
def test_a_syntax_error_is_reported_with_its_file_and_line(
    monkeypatch: Monkey, tmp_path: Path, capsys: Capture
) -> None:
    source = tmp_path / "wrong.cu"
    source.write_text('extern "C" __global__ void wrong(float* y) {\n\n    y[0] = nothing;\n}\n')
    assert run(monkeypatch, example(source, ["wrong"]), "--arch", "sm_80") == 2
    assert f'{source}:3: error: identifier "nothing" is undefined' in capsys.readouterr().out


@needs_compiler
def test_an_instance_that_the_source_does_not_have_is_named(
    monkeypatch: Monkey, capsys: Capture
) -> None:
    assert run(monkeypatch, example(EXAMPLES, ["absent<float>"]), "--arch", "sm_80") == 2
    error = f'{EXAMPLES}: no such instance as is declared: error: identifier "absent" is undefined'
    assert error in capsys.readouterr().out


@needs_compiler
def test_what_compiles_is_shown_beside_what_does_not(
    monkeypatch: Monkey, copy: Example, tmp_path: Path, capsys: Capture
) -> None:
    source = tmp_path / "wrong.cu"
    source.write_text("nonsense")
    monkeypatch.setattr(cuda_report, "programs", lambda: [example(source, ["wrong"]), copy])
    assert run(monkeypatch, None, "--arch", "sm_80") == 2
    printed = capsys.readouterr().out
    assert "copy<float4>" in printed
    assert f"{source}:1: error" in printed


@pytest.mark.parametrize(
    ("absent", "command"),
    [
        ([packages.NVRTC], "pip install 'nvidia-cuda-nvrtc==13.0.*'"),
        ([packages.NVDISASM], "pip install 'nvidia-cuda-nvdisasm>=13.2,<14'"),
        (
            [packages.NVRTC, packages.NVDISASM],
            "pip install 'nvidia-cuda-nvrtc==13.0.*' 'nvidia-cuda-nvdisasm>=13.2,<14'",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_missing_packages_are_reported_with_the_command_that_installs_them(
    monkeypatch: Monkey, copy: Example, absent: list[str], command: str, capsys: Capture
) -> None:
    monkeypatch.setattr(packages, "version", lambda name: None if name in absent else "13.2")
    assert run(monkeypatch, copy) == 2
    assert command in capsys.readouterr().err


@needs_compiler
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--arch", "sm_20"], "sm_80, sm_86, sm_89, sm_90"),
        (["--arch", ","], "sm_80,sm_90 would do"),
        (["--kernel", "nothing"], "examples"),
        (["--json", "/no/such/folder/file.json"], "/no/such/folder"),
        (["--json", "/"], "is a folder"),
    ],
    ids=" ".join,
)
def test_a_wrong_option_is_refused_before_anything_is_compiled(
    monkeypatch: Monkey, copy: Example, arguments: list[str], message: str, capsys: Capture
) -> None:
    monkeypatch.setattr(nvrtc, "compile_file", lambda *_: pytest.fail("compiled"))
    assert run(monkeypatch, copy, *arguments) == 2
    assert message in capsys.readouterr().err
