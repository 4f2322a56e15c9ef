"""The ladder's steps against the float64 definition, and the page that explains them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import ConvGeometry, all_kernels, reference
from kernels.bounds import rounding
from kernels.contract import memory
from kernels.ladder import alone, exact_tiles, winograd_2x2, winograd_4x4
from kernels.ladder.alone import operands
from kernels.ladder.checking import bound, definition, share_of_bound
from kernels.ladder.steps import STEPS
from kernels.ladder.tiling import Axis

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "ladder.md"
TILINGS = (winograd_2x2.tiling, winograd_4x4.tiling, exact_tiles.tiling)
windows = st.integers(1, 4)


@st.composite
def geometries(draw: st.DrawFn, winograd: bool) -> ConvGeometry:
    """Stride 1, any number of images, channels and filters; 3x3 taps for Winograd."""
    R, S = (3, 3) if winograd else (draw(windows), draw(windows))
    padding = draw(st.integers(0, 2))
    H, W = (draw(st.integers(max(1, size - 2 * padding), 15)) for size in (R, S))
    N, C, K = draw(st.integers(1, 3)), draw(st.integers(1, 35)), draw(st.integers(1, 70))
    return ConvGeometry.of((N, C, H, W), (K, C, R, S), 1, padding)


@pytest.mark.parametrize("name", STEPS)
@given(st.data())
def test_a_step_is_within_its_bound_of_the_definition(name: str, data: st.DataObject) -> None:
    step = STEPS[name]
    g = data.draw(geometries(step.norm_wise))
    assert step.supports(g)
    with memory.poisoned():
        share = share_of_bound(step, *operands(g), g)
    assert share <= 1


@pytest.mark.parametrize("name", STEPS)
def test_a_step_takes_arrays_of_any_strides(name: str) -> None:
    g = ConvGeometry.of((2, 5, 8, 7), (6, 5, 3, 3), 1, 1)
    x, w = operands(g)
    plain = STEPS[name].convolve(x, w, 1)
    strided = STEPS[name].convolve(np.repeat(x, 2, axis=3)[..., ::2], np.asfortranarray(w), 1)
    np.testing.assert_array_equal(strided, plain)


@pytest.mark.parametrize("name", STEPS)
def test_the_check_notices_a_wrong_pixel_and_nan(name: str) -> None:
    step, g = STEPS[name], ConvGeometry.of((1, 3, 6, 6), (4, 3, 3, 3), 1, 1)
    x, w = operands(g)
    largest = float(bound(step, x, w, g).max())

    def spoilt(error: float) -> float:
        def run(x: np.ndarray, filters: object, padding: int) -> np.ndarray:
            y = step.run(x, filters, padding)
            y[0, 3, 5, 5] += error
            return y

        return share_of_bound(replace(step, run=run), x, w, g)

    assert spoilt(0.0) <= 1
    assert not spoilt(3 * largest) <= 1
    assert not spoilt(float("nan")) <= 1


def test_arrays_that_do_not_fit_each_other_are_refused() -> None:
    x, w = np.zeros((1, 3, 6, 6), np.float32), np.zeros((4, 2, 3, 3), np.float32)
    with pytest.raises(ValueError, match=r"\(1, 3, 6, 6\).*\(4, 2, 3, 3\)"):
        STEPS["im2col"].convolve(x, w, 1)


@given(geometries(winograd=False))
def test_the_fast_definition_is_that_of_the_nested_loops(g: ConvGeometry) -> None:
    small = replace(g, N=1, C=min(g.C, 3), K=min(g.K, 3), H=min(g.H, 5), W=min(g.W, 5))
    x, w = operands(small)
    padding = small.padding[0]
    absolute = reference.conv2d(np.abs(x), np.abs(w), small)
    error = np.abs(definition(x, w, padding) - reference.conv2d(x, w, small))
    assert (error <= 2 * rounding(small.C * small.R * small.S, absolute, np.float64)).all()


THREADS = """
import hashlib
from kernels import ConvGeometry, threads
from kernels.ladder.alone import operands
from kernels.ladder.steps import STEPS

g = ConvGeometry.of((5, 18, 13, 9), (70, 18, 3, 3), 1, 1)
x, w = operands(g)
for name, step in STEPS.items():
    found = set()
    for count in (1, 2, 3):
        threads.set_num_threads(count)
        found.add(hashlib.sha256(step.convolve(x, w, 1).tobytes()).hexdigest())
    print(name, len(found))
"""


def test_any_number_of_threads_gives_the_same_bits() -> None:
    done = _python(["-c", THREADS], NUMBA_NUM_THREADS="3")
    assert done.split("\n")[:-1] == [f"{name} 1" for name in STEPS]


def _python(arguments: list[str], **more: str) -> str:
    """The output of a program, which must exit with status 0."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **more}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("count", range(1, 40))
def test_exact_tiles_cover_an_axis_and_no_more(count: int) -> None:
    sizes = exact_tiles.sizes(count)
    assert sum(sizes) == count
    assert max(sizes) <= exact_tiles.LARGEST
    assert max(sizes) - min(sizes) <= 1


def test_a_plane_of_13_needs_the_products_that_the_page_says() -> None:
    assert [tiling(13, 13).products for tiling in TILINGS] == [784, 576, 361]


def test_a_tiles_row_at_a_point_counts_the_tiles_before_it_that_have_the_point() -> None:
    axis = Axis.of([5, 4, 6], 8)
    assert axis.starts.tolist() == [0, 5, 9]
    assert axis.counts.tolist() == [3, 3, 3, 3, 3, 2, 1, 3]  # the last one is infinity, of all
    assert axis.ranks[:, 5].tolist() == [0, 1, 1]
    assert axis.ranks[:, 7].tolist() == [0, 1, 2]


def test_no_step_is_registered_unless_asked_for() -> None:
    assert not [kernel.name for kernel in all_kernels() if "ladder" in kernel.name]


SMALL = ["--images", "1", "--channels", "4", "--filters", "5", "--rounds", "1"]


@pytest.mark.parametrize("name", STEPS)
def test_a_step_tells_of_itself_and_of_the_step_before(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alone, "SIDE", 64)
    alone.main([name, *SMALL])
    printed = capsys.readouterr().out
    names = list(STEPS)
    at = names.index(name)
    assert re.findall(r"^(\w+) +[\d.]+ ms", printed, re.M) == names[max(at - 1, 0) : at + 1]
    assert "of its bound" in printed


def test_a_step_that_is_wrong_ends_its_run(monkeypatch: pytest.MonkeyPatch) -> None:
    step = STEPS["im2col"]
    wrong = replace(step, run=lambda x, filters, padding: 2 * step.run(x, filters, padding))
    monkeypatch.setitem(STEPS, "im2col", wrong)
    with pytest.raises(SystemExit, match="im2col is wrong"):
        alone.main(["im2col", *SMALL])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["im2col", "--images", "0"], "expected a number of at least 1, got '0'"),
        (["im2col", "--rounds", "many"], "expected a number of at least 1, got 'many'"),
        (["im2col", "--threads", "100000"], "num_threads must be 1 to"),
        (["no_step"], "invalid choice: 'no_step'"),
    ],
)
def test_bad_arguments_are_a_sentence_and_status_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        alone.main(arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_a_step_runs_as_a_module() -> None:
    printed = _python(["-m", "kernels.ladder", "slices", *SMALL])
    assert "times as fast as loops" in printed


@pytest.mark.parametrize("name", STEPS)
def test_a_steps_file_says_how_to_run_it(name: str) -> None:
    source = (ROOT / "kernels" / "ladder" / f"{name}.py").read_text(encoding="utf-8")
    story, _, _ = source.partition('"""\n\nfrom')
    assert f"python -m kernels.ladder {name}\n" in story
    words = " ".join(story.split())
    assert "Operations: " in words
    assert "Limited by: " in words
    assert len(source.splitlines()) <= 250


def test_the_page_tells_every_step_in_order_and_its_table_has_a_row_for_each() -> None:
    text = PAGE.read_text(encoding="utf-8")
    story, _, table = text.partition("<!-- bench -->")
    found = re.findall(r"^## \[.*\]\(\.\./kernels/ladder/(\w+)\.py\)", story, re.M)
    assert found == list(STEPS)
    rows = re.findall(r"^\| \[(.*?)\]\(\.\./kernels/ladder/(\w+)\.py\) \| (.*?) \|", table, re.M)
    assert rows == [(step.idea, name, step.removes) for name, step in STEPS.items()]


@pytest.mark.parametrize("link", sorted({*re.findall(r"\]\(([^)#]+)\)", PAGE.read_text("utf-8"))}))
def test_every_link_of_the_page_leads_somewhere(link: str) -> None:
    assert link.startswith("https://") or (PAGE.parent / link).exists()


def test_every_command_of_the_page_is_one_that_there_is() -> None:
    commands = re.findall(r"^python -m ([\w.]+) (\w+)", PAGE.read_text(encoding="utf-8"), re.M)
    assert {module for module, _ in commands} == {"bench", "kernels.ladder"}
    assert {step for module, step in commands if module == "kernels.ladder"} <= {*STEPS}
