"""Tests of docs/convolution.md: its sessions run as printed, and its pictures are those they draw.

`python tests/docs/test_guide.py` draws the pictures again.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
from pathlib import Path

import pytest

from kernels.cli.app import main

DOCS = Path(__file__).resolve().parents[2] / "docs"
GUIDE = (DOCS / "convolution.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", GUIDE, flags=re.DOTALL | re.MULTILINE)
PICTURES = sorted(set(re.findall(r"!\[[^\]]*\]\(([^)]+)\)", GUIDE)))


def run_blocks(report: list[str]) -> doctest.TestResults:
    """Run every session of the guide in the current folder, in one namespace."""
    # doctest would read a fence as part of the output above it.
    sessions = re.sub(r"^```.*$", "", GUIDE, flags=re.MULTILINE)
    test = doctest.DocTestParser().get_doctest(sessions, {}, "convolution.md", None, 0)
    return doctest.DocTestRunner(verbose=False).run(test, out=report.append)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the guide was run; an output that differs fails."""
    folder, before, report = tmp_path_factory.mktemp("guide"), Path.cwd(), list[str]()
    os.chdir(folder)
    try:
        results = run_blocks(report)
    finally:
        os.chdir(before)
    assert results.attempted > 80
    assert results.failed == 0, "".join(report)
    return folder


@pytest.mark.parametrize("picture", PICTURES)
def test_every_picture_is_the_one_that_the_guide_draws(drawn: Path, picture: str) -> None:
    assert (DOCS / picture).read_bytes() == (drawn / picture).read_bytes()


def test_every_picture_that_is_drawn_is_shown(drawn: Path) -> None:
    made = sorted(f"pictures/{path.name}" for path in (drawn / "pictures").iterdir())
    assert made == PICTURES
    assert made == sorted(f"pictures/{path.name}" for path in (DOCS / "pictures").iterdir())


def test_every_block_is_a_session_or_commands() -> None:
    for language, block in BLOCKS:
        first = block.split(maxsplit=1)[0]
        assert (language, first) in {("python", ">>>"), ("", "python")}, block


def test_every_number_in_the_text_stands_in_a_block() -> None:
    text = re.sub(r"<!-- bench -->.*<!-- /bench -->", "", GUIDE, flags=re.DOTALL)
    text = text[: text.index("## Sources")]
    text = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"\]\([^)]*\)", "]", text)  # targets of links are not text
    printed = set(re.findall(r"\d+(?:\.\d+)?", " ".join(block for _, block in BLOCKS)))
    numbers = set(re.findall(r"(?<![A-Za-z])\d+(?:\.\d+)?", text))
    assert len(numbers) >= 5
    assert numbers <= printed


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#:]+)\)", GUIDE))))
def test_every_link_in_the_guide_leads_somewhere(link: str) -> None:
    assert (DOCS / link).exists()


def test_the_guide_has_one_pair_of_markers_for_the_benchmark() -> None:
    assert re.findall(r"<!-- /?bench -->", GUIDE) == ["<!-- bench -->", "<!-- /bench -->"]


COMMANDS = [line for language, block in BLOCKS if not language for line in block.splitlines()]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_in_the_guide_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    python, dash_m, program, *arguments = shlex.split(command)
    assert (python, dash_m, program) == ("python", "-m", "kernels")
    monkeypatch.setattr("sys.argv", [program, *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    assert "gives the same numbers" in capsys.readouterr().out


if __name__ == "__main__":
    os.chdir(DOCS)
    lines: list[str] = []
    run_blocks(lines)
    print("".join(lines) or f"drawn into {DOCS / 'pictures'}")
