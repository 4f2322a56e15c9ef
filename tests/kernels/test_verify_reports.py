"""Reports of `python -m kernels verify`: JSON and JUnit's XML, whole, also of a run that ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from kernels.cli import app
from kernels.cli.junit import junit
from kernels.cli.run_report import described
from kernels.contract import registry
from kernels.contract.geometry import ConvGeometry
from kernels.verify.measured import measuring, share_of
from kernels.verify.property import agree

FILE = """
import os, signal
import numpy as np
from kernels import kernel

calls = 0

@kernel("relu", name="mine", cost=lambda g: 1e9)
def mine(x):
    global calls
    calls += 1
    {body}
    return np.where(x <= 0, x.dtype.type(0), x)
"""


@pytest.fixture(autouse=True)
def nothing_stays_registered() -> Iterator[None]:
    with registry.without():
        yield


def write(folder: Path, body: str = "pass", name: str = "my_relu") -> Path:
    file = folder / f"{name}.py"
    file.write_text(FILE.format(body=body), encoding="utf-8")
    return file


def verify(*arguments: str) -> int:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as left:
        patch.setattr(sys, "argv", ["kernels", "verify", "--profile", "few", *arguments])
        app.main()
    return int(left.value.code or 0)


def reported(
    folder: Path, *sources: Path, more: tuple[str, ...] = ()
) -> tuple[int, Any, ET.Element]:
    """Exit status, the JSON and the root of the XML."""
    outputs = folder / "report.json", folder / "report.xml"
    status = verify(
        *map(str, sources), "--json", str(outputs[0]), "--junit", str(outputs[1]), *more
    )
    assert sorted(f.name for f in folder.iterdir() if f.name.startswith(".")) == []
    text = outputs[0].read_text(encoding="utf-8")
    return status, json.loads(text, parse_constant=pytest.fail), ET.parse(outputs[1]).getroot()


def test_a_report_has_verdict_properties_seeds_geometry_errors_and_environment(
    tmp_path: Path,
) -> None:
    file = write(tmp_path, "x = x + (x > 300) * x.dtype.type(1e-3)")
    status, table, root = reported(tmp_path, file, more=("--seed", "3", "--profile", "dev"))
    assert status == table["exit_status"] == 1
    assert table["verdict"] == "fails" and table["trying"] is None
    assert (table["seed"], table["profile"], table["device"]) == (3, "dev", "cpu")
    assert table["environment"]["libraries"]["numpy"] == np.__version__
    (kernel,) = table["kernels"]
    assert (kernel["operation"], kernel["name"], kernel["file"]) == ("relu", "mine", str(file))
    failing = [p for p in kernel["properties"] if p["verdict"] == "fails"]
    assert len(failing) == table["failed"] > 0
    for entry in failing:
        assert entry["message"].startswith("in example ") and entry["seconds"] > 0
        assert "PROPERTIES[" in entry["program"] and entry["geometry"] is not None
    assert root.get("failures") == str(table["failed"])
    assert root.get("tests") == str(table["trials"]) == str(len(kernel["properties"]))
    texts = [failure.text or "" for failure in root.iter("failure")]
    assert len(texts) == table["failed"] and all("PROPERTIES[" in text for text in texts)
    assert {case.get("classname") for case in root.iter("testcase")} == {"my_relu.relu.mine"}


def test_a_right_kernel_holds_with_its_worst_error(tmp_path: Path) -> None:
    text = """
from kernels import kernel

@kernel("matmul", name="plain", cost=lambda g: 1e12)
def plain(a, b, g, *, bias=None):
    return a @ b if bias is None else a @ b + bias
"""
    (tmp_path / "product.py").write_text(text, encoding="utf-8")
    status, table, root = reported(tmp_path, tmp_path / "product.py")
    entries = {p["name"]: p for p in table["kernels"][0]["properties"]}
    worst = max(entries.values(), key=lambda p: p.get("worst_error_in_bounds") or 0)
    assert 0 < worst["worst_error_in_bounds"] <= 1 and len(worst["worst_geometry"]) == 3
    assert all(p["verdict"] != "not run" for p in entries.values())
    assert root.get("errors") == "0" and status == table["exit_status"]


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
def test_an_interrupted_run_reports_what_it_has_tried(tmp_path: Path, number: str) -> None:
    file = write(tmp_path, f"calls == 40 and signal.raise_signal(signal.{number})")
    status, table, root = reported(tmp_path, file)
    assert status == table["exit_status"] == 2
    assert table["verdict"] == "incomplete" and 0 < table["tried"] < table["trials"]
    verdicts = [p["verdict"] for p in table["kernels"][0]["properties"]]
    assert verdicts.count("not run") == table["trials"] - table["tried"] > 0
    assert int(root.get("skipped", 0)) >= verdicts.count("not run")


def test_a_kernel_that_ends_the_process_leaves_the_report_with_what_was_running(
    tmp_path: Path,
) -> None:
    file = write(tmp_path, "calls == 1 and os._exit(9)")
    command = [sys.executable, "-m", "kernels", "verify", str(file), "--json", "report.json"]
    paths = os.pathsep.join(p for p in sys.path if p)
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": paths}, capture_output=True
    )
    assert done.returncode == 9
    table = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert table["trying"] == ["relu mine", "definition"]
    assert table["verdict"] == "incomplete" and table["tried"] == 0


def test_a_file_that_cannot_be_read_is_in_the_report(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def broken(:", encoding="utf-8")
    status, table, root = reported(tmp_path, tmp_path / "broken.py")
    assert status == 2 and table["verdict"] == "incomplete"
    assert "broken.py does not import: SyntaxError" in table["problems"][0]
    assert root.get("errors") == "1"
    assert "SyntaxError" in next(root.iter("error")).get("message", "")


def test_a_run_ends_at_the_first_failure_on_request(tmp_path: Path) -> None:
    status, table, _ = reported(tmp_path, write(tmp_path, "x = -x"), more=("--first",))
    assert status == 1
    assert table["failed"] == table["tried"] == 1


def test_text_from_a_kernel_does_not_break_the_xml(tmp_path: Path) -> None:
    file = write(tmp_path, 'raise ValueError("<&\\x1b[31m\\x00]]>")')
    status, table, root = reported(tmp_path, file)
    assert status == 1 and "\\x1b" in next(root.iter("failure")).get("message", "")
    assert junit(table).startswith('<?xml version="1.0" encoding="UTF-8"?>')


def test_a_report_that_cannot_be_written_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    file = write(tmp_path)
    assert verify(str(file), "--json", str(tmp_path / "file" / "report.json")) == 2
    printed = capsys.readouterr()
    assert "is a file, where a folder is needed" in printed.out + printed.err
    assert verify("--mutants", "--json", str(tmp_path / "report.json")) == 2


def test_several_operations_are_named_and_unknown_ones_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = FILE.format(body="pass")
    for operation in ("relu_vjp", "matmul"):
        text += f'\n@kernel("{operation}", name="mine")\ndef f_{operation}(*a): return a[0]\n'
    (tmp_path / "three.py").write_text(text, encoding="utf-8")
    _, table, _ = reported(
        tmp_path, tmp_path / "three.py", more=("--op", "relu, matmul,relu", "--first")
    )
    assert {k["operation"] for k in table["kernels"]} == {"relu", "matmul"}
    capsys.readouterr()
    assert verify("--op", "relu,convolve,matmul") == 2
    assert "there is no operation 'convolve'; there are" in capsys.readouterr().err
    assert verify("--op", ",") == 2
    assert "expected names separated by commas" in capsys.readouterr().err
    assert verify("--op", "relu,matmul", "--kernel", "fft") == 2
    assert "relu and matmul have no kernel 'fft'; there are" in capsys.readouterr().err
    assert verify("--mutants", "--op", "relu,convolve") == 2
    assert "no bug is planted in 'convolve'" in capsys.readouterr().err


def test_a_geometry_is_a_table_of_its_fields() -> None:
    g = ConvGeometry.of((1, 2, 5, 6), (3, 2, 3, 3), 2, 1)
    assert described(g) | {"type": "ConvGeometry", "N": 1, "stride": (2, 2)} == described(g)
    assert described((3, 4)) == [3, 4] and described(7) == 7


def test_every_comparison_is_measured_in_units_of_its_bound() -> None:
    with measuring() as shares:
        agree([1.0, 2.0], [1.0, 2.25], 1.0)
        agree([1.0], [1.0])
        with pytest.raises(AssertionError):
            agree([1.0], [4.0], [1.5])
    assert shares == [0.25, 0.0, 2.0]
    assert share_of(np.array([np.nan]), 1.0) == np.inf
