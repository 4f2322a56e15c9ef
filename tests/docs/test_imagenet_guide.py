"""Tests of docs/imagenet.md: its sessions and its script run as printed, its commands exist."""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat
from typer.core import TyperGroup
from typer.main import get_command

from zfnet.cli.app import app
from zfnet.cli.options import names, whole_numbers
from zfnet.cli.paper import SCALES
from zfnet.data import open_dataset
from zfnet.experiments.ablation.rows import ROWS, choose_rows
from zfnet.experiments.paper.parts import PARTS, choose

DOCS = Path(__file__).resolve().parents[2] / "docs"
GUIDE = (DOCS / "imagenet.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", GUIDE, flags=re.DOTALL | re.MULTILINE)
COMMANDS = [line for language, block in BLOCKS if not language for line in block.splitlines()]


def parsed(line: str) -> tuple[str, dict[str, object]]:
    """A command's name and the values of its options, parsed without running it."""
    program, name, *arguments = shlex.split(line)
    assert program == "zfnet"
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    assert name in group.commands, f"zfnet {name} is not registered"
    context = group.commands[name].make_context(name, arguments)
    return name, context.params


def test_the_sessions_run_as_they_are_printed() -> None:
    # doctest would read a fence as part of the output above it.
    sessions = re.sub(r"^```.*$", "", GUIDE, flags=re.MULTILINE)
    test = doctest.DocTestParser().get_doctest(sessions, {}, "imagenet.md", None, 0)
    report: list[str] = []
    results = doctest.DocTestRunner(verbose=False).run(test, out=report.append)
    assert results.attempted > 40
    assert results.failed == 0, "".join(report)


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_is_registered_and_takes_these_options(line: str) -> None:
    parsed(line)


def test_an_option_that_does_not_exist_would_be_found() -> None:
    with pytest.raises(Exception, match="No such option: --colour"):
        parsed("zfnet train --data imagenet --out run --colour red")


def test_every_experiment_of_the_paper_is_on_the_page() -> None:
    shown = {shlex.split(line)[1] for line in COMMANDS}
    assert shown >= {
        "train", "evaluate", "features", "evolution", "invariance", "first-layer", "occlusion",
        "correspondence", "ablation", "transfer", "layers", "paper",
    }  # fmt: skip


def test_the_first_command_is_the_papers_recipe_and_keeps_the_epochs_of_figure_4() -> None:
    _, options = parsed(COMMANDS[0])
    kept = options.pop("keep_epochs")
    assert whole_numbers(str(kept), "--keep-epochs") == (1, 2, 5, 10, 20, 30, 40, 64)
    _, defaults = parsed("zfnet train --data imagenet --out zfnet-a")
    changed = {name for name, value in options.items() if value != defaults[name]}
    assert changed == {"checkpoint_every", "autotune"}  # neither changes what is computed


def test_the_rows_of_the_ablation_exist() -> None:
    (given,) = re.findall(r"--rows (\S+)", GUIDE)
    chosen = choose_rows(names(given))
    assert chosen == [row for row in ROWS if row.architecture == "zfnet"]


def test_the_one_command_gives_every_part_its_data_and_trains_no_table_of_its_own() -> None:
    (line,) = (line for line in COMMANDS if line.startswith("zfnet paper"))
    _, options = parsed(line)
    needed = ("model", "run_folder", "regions", "transfer", "caltech101", "caltech256", "voc2012")
    assert all(options[name] for name in needed)
    chosen = {part.name for part in choose(names(str(options["only"])))}
    assert {part.name for part in PARTS} - chosen == {"ablation", "first-layer", "transfer"}
    assert len(ROWS) * SCALES["full"]["ablation"]["seeds"] == 60


def test_the_script_sorts_the_validation_images_and_names_the_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (script,) = (b for lang, b in BLOCKS if lang == "python" and not b.startswith(">>>"))
    monkeypatch.chdir(tmp_path)
    known = [(1, "n02000001", "stork, Ciconia", 0), (2, "n01000002", "tench, Tinca tinca", 0)]
    write_kit(tmp_path / "ILSVRC2012_devkit_t12" / "data", [*known, (3, "n03", "fauna", 2)])
    for name in ("train/n02000001/a", "train/n01000002/b", *(f"val/{n}" for n in VAL)):
        write_image(tmp_path / "imagenet" / f"{name}.JPEG")
    exec(script, {})
    val = open_dataset("imagenet", "val")
    assert val.classes == ("tench", "stork")
    found = {Path(val.title(i)).stem: val.classes[val.label(i)] for i in range(len(val))}
    assert found == dict(zip(VAL, ("tench", "stork", "tench"), strict=True))


VAL = tuple(f"ILSVRC2012_val_{number:08d}" for number in (1, 2, 3))


def write_kit(folder: Path, rows: list[tuple[int, str, str, int]]) -> None:
    """The two files of the development kit that the script reads, with images of 2, 1, 2."""
    kinds = [("ILSVRC2012_ID", object), ("WNID", object), ("words", object)]
    folder.mkdir(parents=True)
    synsets = np.array(rows, dtype=[*kinds, ("num_children", object)])
    savemat(str(folder / "meta.mat"), {"synsets": synsets})
    (folder / "ILSVRC2012_validation_ground_truth.txt").write_text("2\n1\n2\n")


def write_image(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8)).save(path, "JPEG")


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#:]+)\)", GUIDE))))
def test_every_link_in_the_guide_leads_somewhere(link: str) -> None:
    assert (DOCS / link).exists()
