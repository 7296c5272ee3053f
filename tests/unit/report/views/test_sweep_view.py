"""What there is to see of a sweep."""

from pathlib import Path

import pytest
from made.sweeps import GATES, Member, example, failed, gate, grid, init_by_depth, member, seen

from gradlab.report.views.sweep import gate_words, groups_title, head, title
from gradlab.results.record import Expectation, Outcome


def test_the_head_counts_verdicts_outcomes_gates_and_expectations() -> None:
    view = example()
    assert title(view) == "init_by_depth: 120 runs in 24 groups, 5 seeds each"
    assert dict(view.verdicts) == {"failed": 1, "interrupted": 1, "diverged": 3, "vanishing": 66, "healthy": 49}
    assert head(view) == [
        "outcomes: 1 failed, 1 interrupted, 3 diverged, 115 completed",
        "this time: 88 done, 30 cached, 1 failed, 1 interrupted",
        "gates: 1 of 2 FAILED",
        "expectations: 66 of 230 FAILED in 66 runs",
    ]


def test_a_sweep_in_which_all_holds_says_so() -> None:
    held = (Expectation("verdict == vanishing", True, "vanishing"),)
    view = seen([member({}, seed, expectations=held) for seed in range(3)], gates=GATES[:1], counts={"failed": 0})
    assert title(view) == "init_by_depth: 3 runs of one experiment, 3 seeds"
    assert head(view) == ["outcomes: 3 completed", "gates: 1 ok", "expectations: 3 ok"]


def test_an_empty_sweep_has_a_view() -> None:
    view = seen([], axes=("model.depth",))
    assert (title(view), view.groups, view.failures, view.map) == ("init_by_depth: 0 runs", (), (), None)


def test_axes_that_do_not_vary_are_said_once() -> None:
    view = example()
    assert view.axes == ("model.depth", "model.init", "model.activation")
    assert view.constant == "data.source digits, model.width 100"


def test_seeds_that_are_one_or_unequal_are_told() -> None:
    single = seen(grid({"a": [1, 2]}, lambda point, seed: {}, seeds=1))
    assert title(single) == "init_by_depth: 2 runs, one seed each"
    assert "no spread" in groups_title(single)
    unequal = seen([member({"a": place}, seed) for place in (1, 2) for seed in range(place)])
    assert title(unequal) == "init_by_depth: 3 runs in 2 groups, 1 to 2 seeds each"


def test_failures_come_with_member_reason_and_traceback(tmp_path: Path) -> None:
    (tmp_path / "traceback.txt").write_text("Traceback")
    point = {"a": 1}
    kept = failed(point, "RuntimeError:\n  \x1b[31mno\u202e memory", seed=4)
    object.__setattr__(kept[1], "path", tmp_path)
    stopped = failed({"a": 2}, "stopped", "interrupted")
    view = seen([stopped, member({"a": 3}, verdict="healthy"), kept])
    first, second = view.failures
    assert (first.word, first.member, first.reason) == ("failed", "a 1, seed 4", "RuntimeError: [31mno memory")
    assert first.traceback == tmp_path / "traceback.txt"
    assert (second.word, second.reason, second.traceback) == ("interrupted", "stopped", None)


def test_a_diverged_run_is_a_result_and_no_failure() -> None:
    view = seen([member({}, verdict="diverged", outcome=Outcome("diverged", 3))])
    assert view.failures == ()
    assert view.verdicts == (("diverged", 1),)


def test_failed_expectations_are_grouped_by_their_text_those_that_most_failed_first() -> None:
    def asked(number: int) -> Member:
        items = [
            Expectation("verdict == healthy", number > 2, "dead"),
            Expectation("final.loss < 1", number > 9, "2.3"),
        ]
        return member({"a": 1}, number, number=number, expectations=tuple(items))

    loss, verdict = seen([asked(number) for number in range(12)]).expectations
    assert (loss.text, loss.num_failed, loss.num_judged) == ("final.loss < 1", 10, 12)
    assert (verdict.text, verdict.num_failed, verdict.num_judged) == ("verdict == healthy", 3, 12)
    assert verdict.examples[0] == ("deep_sigmoid-000000000000", "seed 0", "dead")
    assert len(loss.examples) == 3


@pytest.mark.parametrize(
    ("shard", "results", "summary"),
    [(None, "results.csv", "summary.md"), ("2/4", "results-2-of-4.csv", "summary-2-of-4.md")],
)
def test_a_shard_has_results_of_its_own(tmp_path: Path, shard: str | None, results: str, summary: str) -> None:
    for name in (
        "results.csv", "results-2-of-4.csv", "summary.md", "summary-2-of-4.md", "plan.json", "other.txt",
    ):  # fmt: skip
        (tmp_path / name).write_text("")
    view = seen([], path=tmp_path, shard=shard)
    assert view.results == results
    assert view.files == (results, summary, "plan.json")
    assert ("shard 2/4" in title(view)) is (shard is not None)


def test_gates_that_are_judged_by_groups_say_in_how_many_they_fail() -> None:
    assert gate_words(GATES[0]) == "it is 0.1"
    assert gate_words(GATES[1]) == "it fails in 2 of 4 groups"
    assert gate_words(gate("x", True, "", [({"a": 1}, True, "", 3)])) == "it holds in 1 group"


def test_the_view_is_the_same_however_often_it_is_computed() -> None:
    assert seen(init_by_depth()) == seen(init_by_depth())
