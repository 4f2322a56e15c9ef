"""A new softmax on a network's features, against training from scratch: Tables 4, 5 and Fig 9."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tests.zfnet.tiny import COLOURS, Pictures, network
from tests.zfnet.tiny_folders import class_folders, voc_folder
from zfnet import network as networks
from zfnet.checkpoint import load_checkpoint
from zfnet.cli.transfer import transfer_command
from zfnet.experiments.shared.feature_bank import read_features
from zfnet.experiments.shared.folds import draw_fold, labels_of, mean_of_classes
from zfnet.experiments.shared.protocols import PROTOCOLS
from zfnet.experiments.shared.results import Results
from zfnet.experiments.transfer.claims import verdicts
from zfnet.experiments.transfer.measure import Folds, Scores, score_scratch
from zfnet.experiments.transfer.page import Setting, write_transfer
from zfnet.train import Trainer

DATA = Pictures(30, seed=4)
LABELS = labels_of(DATA)


def written(out: Path, **options: Any) -> Path:
    settings: dict[str, Any] = {"per_class": (2, 5), "folds": 2, "scratch_epochs": 0, "c": 1.0}
    settings |= options
    results = Results(out, "transfer", settings)
    return write_transfer(network(), DATA, PROTOCOLS["folders"], results, Setting(**settings))


def numbers(out: Path) -> dict[str, Any]:
    return json.loads((out / "transfer.json").read_text())


def test_pretrained_is_a_softmax_on_the_output_of_layer_seven(tmp_path: Path) -> None:
    written(tmp_path, seed=6)
    x = read_features(network(), DATA, ["relu7"]).features["relu7"].astype(np.float64)
    for n in (2, 5):
        for k, accuracy in enumerate(numbers(tmp_path)["pretrained"][str(n)]):
            fold = draw_fold(LABELS, COLOURS, n, k, 6)
            mean, deviation = x[fold.train].mean(axis=0), x[fold.train].std(axis=0)
            scaled = (x - mean) / np.where(deviation == 0, 1, deviation) / x.shape[1] ** 0.5
            judged = LogisticRegression(max_iter=2000).fit(scaled[fold.train], LABELS[fold.train])
            expected = mean_of_classes(judged.predict(scaled[fold.test]), LABELS[fold.test])
            assert accuracy == pytest.approx(expected)


def from_scratch(out: Path, epochs: int = 1) -> Scores:
    """The trainings of `both` alone, without its page."""
    net, found = network(), Scores((2, 5))
    bank = read_features(net, DATA, ["relu7"])
    folds = Folds.drawn(DATA, bank, (2, 5), 2, 0)
    assert len(list(score_scratch(net, folds, found, out, epochs=epochs, seed=0))) == 2
    return found


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folds of 2 and 5 images per class, pretrained and from scratch."""
    out = tmp_path_factory.mktemp("both")
    written(out, scratch_epochs=1)
    return out


def test_from_scratch_is_the_accuracy_of_the_network_that_was_trained(both: Path) -> None:
    for n in (2, 5):
        for k, accuracy in enumerate(numbers(both)["scratch"][str(n)]):
            net = networks.load(both / "runs" / f"scratch-{n}-fold-{k + 1}")
            fold = draw_fold(LABELS, COLOURS, n, k, 0)
            pixels = DATA.images[fold.test][:, 2:34, 2:34].transpose(0, 3, 1, 2)
            found = net.probabilities(pixels - net.preprocess.mean[:, 2:34, 2:34]).argmax(axis=1)
            assert accuracy == pytest.approx(mean_of_classes(found, LABELS[fold.test]))


def test_from_scratch_learns_the_folds_images_with_the_networks_own_preprocessing(
    both: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Trainer] = []
    monkeypatch.setattr(Trainer, "run", lambda self: bool(begun.append(self)) or True)
    from_scratch(both)
    for trainer, (k, n) in zip(begun, [(0, 2), (0, 5), (1, 2), (1, 5)], strict=True):
        fold = draw_fold(LABELS, COLOURS, n, k, 0)
        learned = trainer.loader.dataset
        assert [learned.title(i) for i in range(len(learned))] == [f"{i}.png" for i in fold.train]
        shown = {trainer.val.title(i) for i in range(len(trainer.val))}
        assert shown <= {f"{i}.png" for i in fold.test}
        np.testing.assert_array_equal(trainer.network.preprocess.mean, network().preprocess.mean)
        own = network().model.settings
        assert replace(trainer.network.model.settings, seed=own.seed) == own


def test_trainings_that_are_done_are_not_done_again(
    both: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Trainer, "_epoch", None)
    again = from_scratch(both).scratch
    assert {str(n): values for n, values in again.items()} == numbers(both)["scratch"]
    _, recipe, _, _ = load_checkpoint(both / "runs" / "scratch-2-fold-2")
    assert (recipe.epochs, recipe.schedule, recipe.seed) == (1, "cosine", 1)


def test_the_page_the_chart_the_table_and_the_numbers_are_written(both: Path) -> None:
    html, found = unescape((both / "index.html").read_text()), numbers(both)
    assert (both / "transfer.png").read_bytes().startswith(b"\x89PNG")
    assert found["verdicts"] and all(said in html for said in found["verdicts"])
    assert found["settings"]["per_class"] == [2, 5] and found["images"] == 30
    rows = list(csv.DictReader((both / "transfer.csv").open()))
    assert [(row["kind"], row["images_per_class"]) for row in rows] == [
        ("pretrained", "2"), ("pretrained", "5"), ("scratch", "2"), ("scratch", "5")
    ]  # fmt: skip
    for row in rows:
        values = 100 * np.array(found[row["kind"]][row["images_per_class"]])
        assert float(row["mean"]) == pytest.approx(values.mean(), abs=0.006)
        assert float(row["standard_deviation"]) == pytest.approx(values.std(ddof=1), abs=0.006)


def test_the_gain_is_paired_by_fold(both: Path) -> None:
    found = numbers(both)
    for n in ("2", "5"):
        differences = np.subtract(found["pretrained"][n], found["scratch"][n])
        assert found["gains"][n]["mean"] == pytest.approx(differences.mean())


def test_results_before_a_failed_training_stay_usable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zfnet.experiments.transfer.measure.trained", None)
    with pytest.raises(TypeError):
        written(tmp_path, scratch_epochs=1, folds=1)
    assert [len(values) for values in numbers(tmp_path)["pretrained"].values()] == [1, 1]
    assert (tmp_path / "index.html").is_file() and numbers(tmp_path)["scratch"] == {}


def test_the_same_seed_writes_the_same_page(tmp_path: Path) -> None:
    first, again = (written(tmp_path / name, c=None, per_class=(4,), folds=1) for name in "ab")
    assert first.read_bytes() == again.read_bytes()


def scores(pretrained: dict[int, list[float]], scratch: dict[int, list[float]]) -> Scores:
    return Scores((15, 30), pretrained, scratch)


def test_the_verdicts_say_that_the_trends_hold_beside_the_published_differences() -> None:
    found = verdicts(
        scores(
            {15: [0.8, 0.82, 0.81], 30: [0.9, 0.91, 0.9]}, {15: [0.2] * 3, 30: [0.3, 0.3, 0.31]}
        ),
        PROTOCOLS["caltech101"],
    )
    assert found[0].startswith(
        "The paper's trend holds: pretrained lies above training from scratch with 15 images per "
        "class, +61.0 points (95 % interval +58.5 to +63.5); with 30 images per class, +60.0"
    )
    assert found[0].endswith("Published: 61.0 with 15, 40.0 with 30 (Caltech-101, Table 4).")
    assert found[1].startswith("More images help, pretrained: from 15 to 30 images per class, +9.3")
    scratch = "More images help, from scratch: from 15 to 30 images per class, +10"
    assert found[2].startswith(scratch)


def test_the_verdicts_say_where_the_trends_do_not_hold_or_cannot_be_told() -> None:
    found = verdicts(
        scores(
            {15: [0.2, 0.3, 0.1], 30: [0.1, 0.1, 0.1]}, {15: [0.2, 0.1, 0.3], 30: [0.4, 0.4, 0.41]}
        ),
        PROTOCOLS["folders"],
    )
    assert "does not hold: pretrained lies below training from scratch with 30" in found[0]
    assert "Whether pretrained lies above training from scratch cannot be told with 15" in found[0]
    assert "(Caltech-256, Table 5)" in found[0]
    assert found[1].startswith("Whether more images help cannot be told, pretrained")
    assert verdicts(scores({15: [0.1]}, {}), PROTOCOLS["folders"]) == []


def test_the_networks_own_training_data_decide_nothing(both: Path, tmp_path: Path) -> None:
    found = verdicts(
        scores({15: [0.8, 0.82], 30: [0.9, 0.91]}, {15: [0.2, 0.21], 30: [0.3, 0.3]}),
        PROTOCOLS["caltech101"],
        seen_before=True,
    )
    assert "cannot be told" in found[0] and "with 15 images per class, +60.5" in found[0]
    assert found[1].startswith("More images help, pretrained")
    shutil.copytree(both / "runs", tmp_path / "runs")
    written(tmp_path, scratch_epochs=1)
    html = unescape((tmp_path / "index.html").read_text())
    assert numbers(tmp_path)["seen_before"] and "cannot be told" in numbers(tmp_path)["verdicts"][0]
    assert "paper's trend" not in html and numbers(tmp_path)["verdicts"][0] in html


def test_the_papers_numbers_of_images_are_the_protocols() -> None:
    assert PROTOCOLS["caltech101"].per_class == (15, 30)
    assert PROTOCOLS["caltech256"].per_class == (15, 30, 45, 60)
    for protocol in PROTOCOLS.values():
        assert protocol.pretrained.keys() == protocol.scratch.keys()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"per_class": ()}, "need 31 images of each class: red has 10"),
        ({"folds": 11}, "need 11 images of each class"),
        ({"per_class": (0, 2)}, "at least 1 of each"),
    ],
)
def test_impossible_settings_are_refused_before_anything_is_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], message: str
) -> None:
    monkeypatch.setattr("zfnet.experiments.transfer.page.read_features", None)
    with pytest.raises(ValueError, match=message):
        written(tmp_path, **options)


def test_a_folder_of_runs_with_other_settings_is_refused(both: Path) -> None:
    with pytest.raises(ValueError, match="holds a run with other settings"):
        from_scratch(both, epochs=2)


def test_the_command_leaves_caltechs_background_out(tmp_path: Path) -> None:
    network().save(tmp_path / "net.safetensors")
    data = class_folders(tmp_path / "data", ("ant", "bass", "257.clutter"), 4)
    transfer_command(str(data), tmp_path / "net.safetensors", tmp_path / "out", c=1.0,
                     protocol="caltech256", per_class="2,3", folds=1, scratch=False)  # fmt: skip
    found = numbers(tmp_path / "out")
    assert found["classes"] == ["ant", "bass"] and found["images"] == 8
    assert found["settings"]["per_class"] == [2, 3] and found["settings"]["scratch_epochs"] == 0
    assert "No network was trained from scratch." in (tmp_path / "out/index.html").read_text()


def test_the_command_reads_vocs_layout(tmp_path: Path) -> None:
    network().save(tmp_path / "net.safetensors")
    data = voc_folder(tmp_path / "voc", ("boat", "cat", "dog"))
    transfer_command(str(data), tmp_path / "net.safetensors", tmp_path / "out", c=1.0,
                     protocol="voc2012")  # fmt: skip
    found = numbers(tmp_path / "out")
    assert [entry["name"] for entry in found["classes"]] == ["boat", "cat", "dog"]
    assert found["settings"]["protocol"] == "voc2012" and found["published_mean"] == 0.79
