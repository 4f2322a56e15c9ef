"""`zfnet ablation`: the paper's rows, and the numbers of the trained networks."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from tests.zfnet.tiny import Pictures
from zfnet import network as networks
from zfnet.cli.ablation import ablation_command
from zfnet.evaluate import evaluate
from zfnet.experiments.ablation import measure as ablation_measure
from zfnet.experiments.ablation.measure import Measured, Score, averages, claims, plans
from zfnet.experiments.ablation.page import write_ablation
from zfnet.experiments.ablation.rows import MORE, ROWS, choose_rows
from zfnet.experiments.shared.estimates import Claim, estimate
from zfnet.experiments.shared.results import Results, silent
from zfnet.experiments.shared.runs import Plan
from zfnet.experiments.shared.scales import PAPER, SMALL, Scale, Trainings, chosen
from zfnet.model import AlexNet, ConvNet
from zfnet.recipe import Recipe
from zfnet.settings import Settings

TINY = Scale(32, 0.03, 8, 0.3, "he", Recipe(epochs=1, batch_size=10, crops="random"))
TRAIN, VAL = Pictures(20), Pictures(9, seed=1)


def write(out: Path, rows: str = "zfnet,zfnet-b", seeds: Any = (4, 5), **options: Any) -> Path:
    trainings = Trainings(TRAIN, VAL, TINY.preprocess(TRAIN), out)
    results = Results(out, "ablation", {"seed": 4})
    return write_ablation(choose_rows(rows.split(",")), seeds, TINY, trainings, results, **options)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of two rows, two networks each."""
    return write(tmp_path_factory.mktemp("ablation")).parent


def numbers(out: Path) -> Any:
    return json.loads((out / "ablation.json").read_text())


def measured(name: str, *val_top1: float, nets: int = 3, images: int = 6) -> Measured:
    """A row whose networks have these errors, and give drawn probabilities."""
    (row,) = choose_rows([name])
    drawn = np.random.default_rng(len(name)).dirichlet(np.ones(7), (nets, images))
    scores = [Score(seed, 0.0, error, 0.0) for seed, error in enumerate(val_top1)]
    return Measured(row, tuple(scores), drawn[0], drawn.mean(axis=0), np.arange(images))


def test_without_names_the_rows_are_those_of_table_3() -> None:
    rows = choose_rows([])
    assert len(rows) == 12 and all(row.published for row in rows)
    assert not any(row.published for row in MORE)


def test_a_row_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(ValueError, match=r"no row resnet; the rows are alexnet, .*zfnet-3467"):
        choose_rows(["zfnet", "resnet"])


def test_at_the_papers_scale_the_first_row_of_each_network_is_the_papers() -> None:
    assert PAPER.settings("zfnet", 1000, 0) == Settings("zfnet", hidden=(4096, 4096))
    ours, theirs = PAPER.settings("alexnet", 10, 0), AlexNet(10, width=0.02, hidden=(1, 1))
    thin = ConvNet(replace(ours, width=0.02, hidden=(1, 1)))
    assert (PAPER.recipe, PAPER.ten_crops) == (Recipe(), True)
    assert (ours.hidden, ours.norm) == ((4096, 4096), "lrn")
    planes = [{n: g.y_shape for n, g in net.geometries().items()} for net in (thin, theirs)]
    assert planes[0] == planes[1]


def test_rows_change_the_layers_that_they_name() -> None:
    built = {row.name: plans(row, [0], PAPER, 10)[0].settings for row in ROWS + MORE}
    assert built["alexnet-3467"].without == (3, 4, 6, 7)
    assert built["zfnet-67"] == replace(built["zfnet"], without=(6, 7))
    assert (built["alexnet-half"].hidden, built["zfnet-double"].hidden) == (
        (2048,) * 2,
        (8192,) * 2,
    )
    assert built["zfnet-b-double"] == replace(built["zfnet"], variant="b", hidden=(8192, 8192))


@pytest.mark.parametrize("size", [29, 32, 50, 51, 56, 64, 111, 112, 224])
def test_both_networks_fit_images_down_to_29_pixels(size: int) -> None:
    scale = replace(SMALL, image_size=size)
    first = [scale.settings(name, 5, 0).strides[0] for name in ("zfnet", "alexnet")]  # type: ignore[arg-type]
    assert first[1] == 2 * first[0]


def test_options_replace_what_the_scale_has() -> None:
    scale = chosen(True, {"width": 0.5, "image_size": None}, {"epochs": 3, "lr": None})
    assert (scale.width, scale.image_size) == (0.5, 224)
    assert scale.recipe == Recipe(epochs=3)


def test_an_estimate_is_students_interval_of_the_mean() -> None:
    found = estimate([1.0, 2.0, 6.0])
    # t(0.975, 2 degrees of freedom) = 4.302653; the deviation of the mean is sqrt(7) / sqrt(3).
    assert found.mean == 3 and found.half == pytest.approx(4.302653 * np.sqrt(7 / 3), rel=1e-6)
    assert estimate([5.0]).half is None


@pytest.mark.parametrize(
    ("differences", "verdict"),
    [((3.0, 4.0, 5.0), "holds"), ((-3.0, -4.0, -5.0), "does not hold"), ((5.0, -1.0, 2.0), None),
     ((0.0, 0.0, 0.0), None), ((9.0,), None), ((5.0, 5.0), None), ((0.3 - 0.1, 0.2), None),
     ((1.0, np.nan), None), ((np.nan,) * 3, None)],
)  # fmt: skip
def test_a_claim_holds_where_the_interval_lies_above_zero(
    differences: tuple[float, ...], verdict: str | None
) -> None:
    assert Claim("It is so", "that", differences).verdict == (verdict or "cannot be told")


def test_an_average_weighs_every_network_alike() -> None:
    a, b = measured("zfnet", 1, 2, 3), measured("zfnet-b", 1, 2, 3)
    found = {(row.title, row.nets): row for row in averages({"zfnet": a, "zfnet-b": b})}
    assert set(found) == {
        ("ZFNet (a)", 1), ("ZFNet (a)", 3), ("ZFNet (b)", 1), ("ZFNet (a) and (b)", 4),
    }  # fmt: skip
    together = (3 * a.mean + b.first) / 4
    wrong = 100 * np.mean(together.argmax(axis=1) != a.labels)
    assert found["ZFNet (a) and (b)", 4].top1 == pytest.approx(wrong, abs=1e-9)
    assert found["ZFNet (a)", 1].top1 == 2


def test_the_claims_of_table_3_compare_errors_seed_by_seed() -> None:
    errors = {"alexnet": (10, 12), "alexnet-34": (15, 16), "alexnet-67": (13, 17),
              "alexnet-3467": (40, 50)}  # fmt: skip
    found = claims({name: measured(name, *values, nets=2) for name, values in errors.items()})
    together, full, middle = (claim.differences for claim in found[:3])
    assert together == (25, 33)  # 40 - max(15, 13), 50 - max(16, 17)
    assert full == (4.5, 4.5)  # 0.25 * 30 - 3, 0.25 * 38 - 5
    assert middle == (2.5, 5.5)
    assert len(found) == 4


def test_the_gain_of_averaging_is_reported_without_a_verdict() -> None:
    row = measured("zfnet", 10, 12, nets=2)
    (found,) = claims({"zfnet": row})
    wrong = 100 * np.mean(row.mean.argmax(axis=1) != row.labels)
    assert found.differences == (pytest.approx(11 - wrong),)
    assert found.verdict == "cannot be told" and "by_average" in found.as_json()
    assert "One average cannot tell this" in found.sentence()
    assert found.sentence().endswith("points with one average.")


def test_equal_differences_are_said_to_have_no_interval() -> None:
    said = Claim("It is so", "that", (5.0, 5.0)).sentence()
    assert "cannot tell, without a measurable spread" in said and "over 2 seeds" in said


def test_nothing_is_claimed_of_rows_that_were_not_measured() -> None:
    assert claims({"zfnet-67": measured("zfnet-67", 5.0)}) == []
    assert averages({"zfnet-67": measured("zfnet-67", 5.0)}) == []


def test_the_errors_are_those_of_the_networks_in_the_runs(written: Path) -> None:
    for row in numbers(written)["table_3"]:
        for entry in row["networks"]:
            net = networks.load(written / "runs" / f"{row['row']}-{entry['seed']}")
            val, train = evaluate([net], VAL), evaluate([net], TRAIN)
            assert entry["val_top1"] == 100 * val.top1 and entry["train_top1"] == 100 * train.top1


def test_the_average_in_table_2_is_that_of_the_networks_in_the_runs(written: Path) -> None:
    (found,) = [row for row in numbers(written)["table_2"] if row["nets"] == 3]
    names = ("zfnet-4", "zfnet-5", "zfnet-b-4")
    together = evaluate([networks.load(written / "runs" / name) for name in names], VAL)
    assert found["title"] == "ZFNet (a) and (b)" and found["top1"] == 100 * together.top1


def test_tables_have_a_line_a_row_and_the_published_numbers(written: Path) -> None:
    with (written / "table-3.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [line["row"] for line in lines] == ["zfnet", "zfnet-b"]
    assert [line["published_val_top1"] for line in lines] == ["38.4", "37.5"]
    assert (written / "ablation.png").stat().st_size > 1000


def test_a_finished_row_is_not_trained_again_and_gives_the_same_numbers(written: Path) -> None:
    before, told = (written / "ablation.json").read_bytes(), set[str]()
    write(written, report=lambda title, done, total: told.add(title))
    assert told == {f"measuring {name}-{seed}" for name in ("zfnet", "zfnet-b") for seed in (4, 5)}
    assert (written / "ablation.json").read_bytes() == before


def test_results_before_an_interruption_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = ablation_measure._one

    def interrupted(plan: Plan, *arguments: Any) -> Any:
        if plan.name == "zfnet-b-0":
            raise KeyboardInterrupt
        return one(plan, *arguments)

    monkeypatch.setattr(ablation_measure, "_one", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, seeds=[0])
    assert [row["row"] for row in numbers(tmp_path)["table_3"]] == ["zfnet"]
    assert "1 of 2" in (tmp_path / "index.html").read_text()


def test_images_that_do_not_fit_are_refused_before_any_training(tmp_path: Path) -> None:
    small = replace(TINY, image_size=24)
    trainings = Trainings(TRAIN, VAL, small.preprocess(TRAIN), tmp_path)
    with pytest.raises(ValueError, match="images of 24x24 do not fit this network"):
        write_ablation(choose_rows(["zfnet", "alexnet"]), [0], small, trainings,
                       Results(tmp_path, "ablation"), silent)  # fmt: skip
    assert not (tmp_path / "runs").exists()


def test_no_seed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one seed"):
        write(tmp_path, seeds=[])


def test_the_command_refuses_a_row_that_does_not_exist() -> None:
    app = typer.Typer()
    app.command()(ablation_command)
    done = CliRunner().invoke(app, ["--data", "scenes", "--rows", "zfnet-9"])
    assert isinstance(done.exception, ValueError) and "zfnet-9" in str(done.exception)


def test_the_command_refuses_images_that_do_not_fit_before_it_reads_any(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Scale, "preprocess", None)  # which fails otherwise
    app = typer.Typer()
    app.command()(ablation_command)
    done = CliRunner().invoke(app, ["--data", "scenes", "--image-size", "24"])
    assert isinstance(done.exception, ValueError) and "do not fit" in str(done.exception)


@pytest.mark.parametrize(
    ("wrong", "shown"),
    [({"image_size": -4}, "image_size must be at least 1, got -4"), ({"width": 0.0}, "got 0.0"),
     ({"image_size": 28}, "28x28 do not fit")],
)  # fmt: skip
def test_a_scale_out_of_range_is_refused_with_its_number(wrong: Any, shown: str) -> None:
    with pytest.raises(ValueError, match=shown):
        replace(SMALL, **wrong).settings("alexnet", 5, 0)
