"""A sweep in a pipe: at most thirty lines whatever is wrong with it, a line where that alone is asked for, all of it with `--full`."""

import random
import re
from collections.abc import Callable

import pytest
from faces import Stream, assert_snapshot
from made.deep_runs import finding
from made.sweeps import GATES, Member, drawn, example, failed, gate, grid, member, seen

from gradlab.report.terminal.blocks import print_blocks
from gradlab.report.terminal.console import console
from gradlab.report.views.blocks import MOST_LINES, in_full
from gradlab.report.views.sweep import SweepView
from gradlab.report.views.sweep_in_short import in_a_line, short_blocks
from gradlab.results.finding import Remedy
from gradlab.results.record import Expectation

CRITICAL = Remedy({"model.init": {"scheme": "critical"}, "train.epochs": None}, "it keeps the signal")
SLOWER = Remedy({"train.lr": 0.001}, "it is too fast")


def printed(
    view: SweepView, chosen: Callable[[SweepView], list[object]] = short_blocks, *, terminal: bool = False
) -> str:
    stream = Stream(terminal=terminal)
    print_blocks(console(stream), chosen(view))
    return stream.getvalue()


def test_a_grid_in_short() -> None:
    text = printed(example())
    assert len(text.splitlines()) <= MOST_LINES
    assert_snapshot("grid_short", text, "sweep")


def test_a_small_sweep_is_shown_whole() -> None:
    words = {10: "healthy", 20: "undecided"}
    members = grid({"model.depth": [10, 20]}, lambda point, _: {"verdict": words[point["model.depth"]]}, seeds=3)
    text = printed(seen(members, gates=GATES[:1], counts={"done": 6}))
    assert "…" not in text
    assert "gates: 1 ok" in text
    assert "remedy" not in text
    assert text.count("healthy 3/3") == text.count("undecided 3/3") == 2  # in the map and in the table
    assert text.index("verdict by") < text.index("groups over") < text.index("files in")


def awful(random_: random.Random) -> SweepView:
    """A sweep of any size of which anything fails."""
    members: list[Member] = []
    conditions = [f"final.loss < {number}" for number in range(random_.choice([0, 1, 2, 3, 4, 9]))]
    for number in range(random_.choice([1, 3, 30, 300])):
        point = {"model.depth": random_.randrange(9), "model.init": random_.choice("abcd"), "model.width": 8}
        word = random_.choice(["vanishing", "exploding", "healthy", "dead", "undecided"])
        held = tuple(Expectation(text, random_.random() < 0.5, "2") for text in conditions)
        if random_.random() < 0.2:
            members.append(
                failed(point, random_.choice(["no\nmemory", "", "a dead worker", f"{number}"]), number=number)
            )
        else:
            found = (finding(remedies=(random_.choice([CRITICAL, SLOWER]),)),)
            members.append(member(point, number, number=number, verdict=word, findings=found, expectations=held))
    by = [({"model.depth": depth}, False, "10", 30) for depth in range(9)]
    gates = [
        gate(f"count(verdict == dead) < {number}", random_.random() < 0.3, "5", random_.choice([(), by]))
        for number in range(random_.choice([0, 1, 2, 3, 4, 12]))
    ]
    return seen(members, gates=gates, counts={"done": 3, "cached": 2, "failed": 1})


@pytest.mark.parametrize("seed", range(60))
def test_no_sweep_takes_more_lines(seed: int) -> None:
    view = awful(random.Random(seed))
    text = printed(view)
    assert len(text.splitlines()) <= MOST_LINES
    assert "groups over" in text or "runs, worst first" in text
    assert text.splitlines()[-1].startswith("files in ")
    table = re.split(r"(?:groups over|runs, worst first)", text)[1]
    left = re.search(r"… (\d+) more, all in results.csv\n\n", table)
    rows = len(re.findall(r"^ +\S+ .* (?:failed|vanishing|exploding|healthy|dead|undecided)\b", table, re.MULTILINE))
    assert rows >= 1
    assert rows == len(view.groups) - (int(left[1]) if left else 0)
    for failing in view.failed_gates[:2]:
        assert f"gate FAILED {failing.text}" in text
    for item in view.expectations[:2]:
        assert f"expected FAILED {item.text}: {item.num_failed}" in text


def test_failures_with_reasons_of_their_own_come_first() -> None:
    members = [failed({"a": place}, "no room", number=place) for place in range(50)] + [
        failed({"a": 50}, "no network", number=50)
    ]
    text = printed(seen(members))
    assert text.count("no room") == text.count("no network") == 1
    assert "… 49 more, all in results.csv" in text


def test_a_failed_gate_by_groups_is_one_line_with_the_first_group() -> None:
    text = printed(seen(drawn(5), gates=GATES))
    assert "by model.depth  (it fails in 2 of 4 groups; model.depth 50: it is 10 (000000000042" in text


def test_more_gates_than_have_room_are_counted() -> None:
    gates = [gate(f"count(verdict == dead) > {number}", False, "0") for number in range(7)]
    text = printed(seen(drawn(5), gates=gates))
    assert text.count("gate FAILED") == 2
    assert "and 5 more gates FAILED" in text


def test_the_remedy_of_most_runs_is_said_for_the_worst_verdicts() -> None:
    members = [
        member({}, seed, number=seed, verdict=word, findings=(finding(remedies=(way, SLOWER)),))
        for seed, (word, way) in enumerate(
            [("vanishing", CRITICAL)] * 3 + [("vanishing", SLOWER), ("exploding", SLOWER), ("healthy", SLOWER)]
        )
    ]
    text = printed(seen(members))
    assert "remedy for vanishing (3 of 4 runs): model.init: critical\n" in text
    assert "remedy for exploding: train.lr: 0.001\n" in text
    assert text.count("remedy") == 2


def test_one_line() -> None:
    said = in_a_line(example())
    assert "\n" not in said
    assert said.startswith("init_by_depth: 120 runs in 24 groups, 5 seeds each: 1 failed, 1 interrupted, 3 diverged, ")
    assert "; gates: 1 of 2 FAILED; expectations: " in said
    assert in_a_line(seen([member({})])) == "init_by_depth: 1 run of one experiment, one seed: 1 vanishing"


def whole(view: SweepView) -> list[object]:
    return in_full(view.blocks)


def test_all_of_it_where_it_is_asked_for() -> None:
    view = seen(
        [*drawn(500), *(failed({"train.lr": 1.0}, f"number {n}", number=900 + n) for n in range(30))], gates=GATES
    )
    assert printed(view, whole) == printed(view, lambda view: view.blocks)
    on_terminal = printed(view, whole, terminal=True)
    assert "… " not in on_terminal
    assert on_terminal.count("number ") == 30
