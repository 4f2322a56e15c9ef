"""`zfnet paper`: which parts are run again, and the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from zfnet.experiments.paper.page import write_paper
from zfnet.experiments.paper.parts import PARTS, Part, choose
from zfnet.experiments.paper.runner import Job, Outcome, Outcomes, known, run
from zfnet.experiments.shared.estimates import estimate
from zfnet.experiments.shared.results import Results
from zfnet.report import Page

pytestmark = pytest.mark.usefixtures("one_thread")

BY_NAME = {part.name: part for part in PARTS}
FIRST, SECOND = BY_NAME["evolution"], BY_NAME["invariance"]


class Experiments:
    """Two that write a page and numbers; `ran` says which did, `broken` what each fails with."""

    def __init__(self, out: Path) -> None:
        self.results = Results(out, "paper", {"seed": 0})
        self.ran: list[str] = []
        self.broken: dict[str, BaseException] = {}

    def jobs(self, **options: Any) -> list[Job]:
        return [self._job(FIRST, options), self._job(SECOND, options)]

    def _job(self, part: Part, options: dict[str, Any]) -> Job:
        def do(folder: Path) -> None:
            self.ran.append(part.name)
            if part.name in self.broken:
                raise self.broken[part.name]
            own = Results(folder, part.command, options)
            own.numbers(trend={"verdict": "holds"},
                        trends=[{"verdict": "holds"}, {"verdict": "cannot be told"}])  # fmt: skip
            page = own.page("Title", "Lead")
            page.section(f"What {part.name} says", "Text & <more>.").subheading("Below")
            own.write(page)

        return Job(part, options, do)

    def go(self, again: bool = False, **options: Any) -> Outcomes:
        self.ran.clear()
        *_, last = run(self.jobs(**options), [FIRST, SECOND], self.results, again=again)
        return last

    def report(self, **options: Any) -> str:
        found = run(self.jobs(**options), [FIRST, SECOND], self.results)
        return write_paper(found, [FIRST, SECOND], self.results).read_text("utf-8")


@pytest.fixture
def two(tmp_path: Path) -> Experiments:
    return Experiments(tmp_path)


# What is run


def test_parts_that_are_done_are_not_run_again(two: Experiments) -> None:
    first = two.go(maps=3)
    assert two.ran == ["evolution", "invariance"]
    assert two.go(maps=3) == first and two.ran == []


def test_other_options_are_run(two: Experiments) -> None:
    two.go(maps=3)
    two.go(maps=4)
    assert two.ran == ["evolution", "invariance"]


def test_parts_with_other_options_are_not_in_the_report(two: Experiments) -> None:
    two.go(maps=3)
    *_, last = run(two.jobs(maps=4), [FIRST], two.results)
    assert list(last) == ["evolution"] and two.ran == ["evolution", "invariance", "evolution"]


def test_earlier_parts_stay_in_the_report_of_another_part(two: Experiments) -> None:
    two.go(maps=3)
    *_, last = run(two.jobs(maps=3), [FIRST], two.results, again=True)
    assert set(last) == {"evolution", "invariance"}
    assert two.ran == ["evolution", "invariance", "evolution"]


def test_asked_for_again_it_is_run_again(two: Experiments) -> None:
    two.go(maps=3)
    two.go(again=True, maps=3)
    assert two.ran == ["evolution", "invariance"]


def test_options_are_compared_as_they_were_written(two: Experiments, tmp_path: Path) -> None:
    two.go(model=tmp_path, sizes=(1, 2))
    two.go(model=tmp_path, sizes=(1, 2))
    assert two.ran == []


def test_a_part_that_cannot_be_run_has_a_reason_and_is_tried_again(two: Experiments) -> None:
    two.broken["evolution"] = ValueError("no kept epochs")
    found = two.go()
    assert found["evolution"].reason == "no kept epochs" and found["invariance"].done
    del two.broken["evolution"]
    assert two.go()["evolution"].done and two.ran == ["evolution"]


def test_an_interrupt_loses_the_experiment_that_it_met_alone(two: Experiments) -> None:
    two.broken["invariance"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        two.go()
    assert list(known(two.results.out)) == ["evolution"]
    two.broken.clear()
    assert two.go()["invariance"].done and two.ran == ["invariance"]


def test_an_experiment_that_is_run_again_is_not_done_until_it_ends(two: Experiments) -> None:
    two.go()
    two.broken["evolution"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        two.go(again=True)
    assert list(known(two.results.out)) == ["invariance"]


def test_if_nothing_can_be_run_the_reasons_are_the_error(two: Experiments) -> None:
    two.broken = {"evolution": ValueError("no kept epochs"), "invariance": ValueError("no images")}
    with pytest.raises(ValueError, match=r"evolution: no kept epochs; invariance: no images"):
        two.go()


def test_a_part_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(ValueError, match=r"no part figure9; there are features, evolution, .*voc"):
        choose(["figure9"])


def test_parts_come_in_the_papers_order() -> None:
    assert [part.name for part in choose(["layers", "features"])] == ["features", "layers"]


# What is said of it


def test_verdicts_of_one_part_are_counted() -> None:
    assert Outcome({}, verdicts=("holds",)).summary() == "holds"
    several = Outcome({}, verdicts=("holds", "cannot be told", "holds")).summary()
    assert several == "holds: 2 of 3; cannot be told: 1 of 3"
    assert Outcome({}, "no parts").summary() == "not run"


def difference(values: list[float]) -> dict[str, Any]:
    return vars(estimate(values))


JUDGED: list[tuple[str, dict[str, Any], list[str]]] = [
    ("features", {}, []),
    ("evolution", {"trend": {"verdict": "holds"}}, ["holds"]),
    ("ablation", {"claims": [{"verdict": "does not hold"}]}, ["does not hold"]),
    ("occlusion", {"pointing": None}, []),
    ("occlusion", {"pointing": {"interval": [0.4, 0.6], "chance": 0.3}}, ["holds"]),
    ("occlusion", {"pointing": {"interval": [0.2, 0.6], "chance": 0.3}}, ["cannot be told"]),
    ("occlusion", {"pointing": {"interval": [0.1, 0.2], "chance": 0.3}}, ["does not hold"]),
    (
        "correspondence",
        {"tighter": {"relu5": {"nose": difference([-2, -2.1, -1.9])}, "relu7": {}}},
        ["does not hold"],
    ),
    (
        "transfer",
        {"seen_before": False,
         "gains": {"15": difference([0.2, 0.21]), "30": difference([0.2])}},
        ["holds", "cannot be told"],
    ),
    ("caltech101", {"seen_before": True, "gains": {"15": difference([0.2, 0.21])}},
     ["cannot be told"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "numbers", "verdicts"), JUDGED)
def test_a_part_is_judged_by_its_numbers(
    name: str, numbers: dict[str, Any], verdicts: list[str]
) -> None:
    assert BY_NAME[name].judge(numbers) == verdicts


@pytest.mark.parametrize("gain", [0.5, -0.5])
def test_layers_are_judged_by_the_support_vector_machines_first_and_last(gain: float) -> None:
    low, high = np.array([0.6, 0.7, 0.65]), np.array([0.62, 0.69, 0.66]) + gain
    others = [np.zeros(3)]
    numbers = {"scores": [{"kind": "svm", "accuracies": a.tolist()} for a in (low, *others, high)]}
    numbers["scores"].append({"kind": "softmax", "accuracies": [0.0, 0.0, 0.0]})
    assert stats.ttest_rel(high, low).pvalue < 0.05
    assert BY_NAME["layers"].judge(numbers) == ["holds" if gain > 0 else "does not hold"]


# The report


def test_the_report_has_every_experiments_page_and_a_summary(two: Experiments) -> None:
    html = two.report(maps=3)
    assert "<h3>What evolution says</h3><p>Text &amp; &lt;more&gt;.</p>" in html
    assert "<h3>What invariance says</h3>" in html and "<h4>Below</h4>" in html
    summary = html.index("Small transformations move"), html.index("What invariance says")
    assert "holds: 1 of 2; cannot be told: 1 of 2" in html[slice(*summary)]


def test_the_report_names_parts_that_were_not_run(two: Experiments) -> None:
    two.broken["evolution"] = ValueError("no kept epochs")
    html = two.report()
    assert "Not run: no kept epochs." in html and "<td>not run</td>" in html


def test_the_report_of_an_earlier_command_is_the_same_though_nothing_is_run(
    two: Experiments,
) -> None:
    first = two.report(maps=3)
    two.ran.clear()
    assert two.report(maps=3) == first and two.ran == []


def test_the_report_is_written_as_it_grows(two: Experiments) -> None:
    two.broken["invariance"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        two.report()
    html = (two.results.out / "index.html").read_text("utf-8")
    assert "What evolution says" in html and "It has not been run" in html


def test_an_included_page_is_a_level_lower_and_otherwise_the_same(tmp_path: Path) -> None:
    inner, outer = Page("Inner", "Lead"), Page("Outer", "Lead")
    inner.section("One", "`code` & text").table(["a"], [["</section>"]])
    inner.section("Two").subheading("Below")
    outer.section("All").include(inner.write(tmp_path / "index.html"))
    html = outer.html()
    one, two = (section.html() for section in inner._sections)
    content = one[one.index("</h2>") + 5 : -len("</section>")]
    assert f"<h3>One</h3>{content}" in html and "<h3>Two</h3><h4>Below</h4>" in html
    assert two.startswith('<section id="two"><h2>')
