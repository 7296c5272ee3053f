"""How two sweeps look side by side, in words, on terminals of all widths and in Markdown."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from faces import Stream
from made.shares import share
from made.swept_sides import EXPERIMENT, came_to, side

from gradlab.config.sweeps.sweep import SweepMember
from gradlab.judgement.comparing.sweep_pairs import SweepComparison, compare_points
from gradlab.report.files.markdown import limited_markdown
from gradlab.report.terminal.blocks import print_blocks
from gradlab.report.terminal.console import console
from gradlab.report.views.blocks import TableBlock, in_full
from gradlab.report.views.compared_points import chance_words, changes_words, pair_words, same_everywhere, verdict_words
from gradlab.report.views.compared_sweeps import (
    because_words,
    blocks,
    failed_gate_words,
    gate_checks,
    headline,
    legend,
    missing_words,
    pairs_table,
    shown_pairs,
)
from gradlab.report.views.compared_sweeps_data import data_table, sweeps_object
from gradlab.report.views.compared_sweeps_in_short import short_blocks
from gradlab.results.record import Summary
from gradlab.results.strict_json import dumps

DEPTH, LR = "model.depth", "train.lr"
OTHER = {**EXPERIMENT, "train": {"lr": 0.02}}


def losses(shift: Callable[[SweepMember], float], **changes: Any) -> Callable[[SweepMember], Summary]:
    """Runs whose loss goes by the seed, and is so much higher."""
    return lambda member: came_to(0.3 + 0.001 * (member.experiment.seed or 0) + shift(member), **changes)


def by_depth(shifts: dict[int, float]) -> Callable[[SweepMember], Summary]:
    return losses(lambda member: shifts.get(member.experiment.model.depth, 0.0))  # type: ignore[union-attr]


def compared(first: dict[str, Any], second: dict[str, Any], *fail_on: str, **options: Any) -> SweepComparison:
    base = {"grid": {DEPTH: [3, 5, 7]}, "come_to": by_depth({})}
    one, other = side("main/runs/sweeps/S-1", **(base | first)), side("pr/runs/sweeps/S-2", **(base | second))
    return compare_points(one, other, fail_on, **options)


def shown(found: SweepComparison, width: int | None, monkeypatch: pytest.MonkeyPatch, **options: Any) -> list[str]:
    """What a terminal of this width shows, or a pipe."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", str(width or 80))
    stream = Stream(terminal=width is not None)
    print_blocks(console(stream), blocks(found, **options))
    return stream.getvalue().splitlines()


def test_headline_legend_and_what_is_the_same_everywhere() -> None:
    found = compared({"missing": {1}}, {"experiment": OTHER, "come_to": by_depth({5: 0.2}), "grid": {DEPTH: [3, 5, 9]}})
    assert headline(found) == "2 pairs: 1 worse, 1 same; 1 only in A; 1 only in B"
    assert legend(found) == [
        "A  S-1 in main/runs/sweeps: 9 runs, 1 of them missing",
        "B  S-2 in pr/runs/sweeps: 9 runs",
    ]
    assert same_everywhere(found) == ["from A to B: train.lr 0.01 → 0.02", "verdict of all pairs: healthy"]
    assert missing_words(found) == ["A: 1 of 9 runs missing: main/runs/sweeps/S-1"]


def test_a_factor_of_one_value_is_said_once_and_has_no_column() -> None:
    found = compared({"grid": {DEPTH: [3, 5], "model.init": ["he"]}}, {"grid": {DEPTH: [3, 5], "model.init": ["he"]}})
    assert same_everywhere(found)[0] == "in all pairs: model.init he"
    assert [field.name for field in pairs_table(found, found.pairs).fields][:2] == [DEPTH, "final.loss"]


def test_changes_are_told_with_how_many_pairs_have_them(tmp_path: Path) -> None:
    wider = EXPERIMENT | {"model": EXPERIMENT["model"] | {"width": 9}}
    assert (
        changes_words(compared({"experiment": OTHER}, {"experiment": wider}))
        == "model.width 8 → 9, train.lr 0.02 → 0.01"
    )
    assert changes_words(compared({}, {})) == ""
    sides = []
    for folder, rates in (("main", (0.01, 0.01, 0.01)), ("pr", (0.01, 0.02, 0.03))):
        (tmp_path / folder).mkdir()
        for depth, (name, lr) in enumerate(zip("abc", rates, strict=True), 3):
            own = {**EXPERIMENT, "model": {**EXPERIMENT["model"], "depth": depth}, "train": {"lr": lr}}
            (tmp_path / folder / f"{name}.yaml").write_text(yaml.safe_dump(own))
        sides.append(side(f"{folder}/S-1", folder=tmp_path / folder, bases=["a.yaml", "b.yaml", "c.yaml"]))
    assert changes_words(compare_points(*sides)) == "train.lr in 2 ways in 2 of 3 pairs"


def test_a_further_axis_has_a_column_with_both_values_or_is_said_once() -> None:
    found = compared({}, {"grid": {DEPTH: [3, 5, 7], LR: [0.1, 0.2]}})
    assert pair_words(found.pairs[0]) == "model.depth 3, train.lr 0.01 → 0.1"
    table = pairs_table(found, found.pairs)
    assert [row[1] for row in table.rows[:2]] == ["0.01 → 0.1", "0.01 → 0.2"]
    assert changes_words(found) == ""
    once = compared({}, {"grid": {DEPTH: [3, 5, 7], LR: [0.1]}})
    assert LR not in [field.name for field in pairs_table(once, once.pairs).fields]
    assert changes_words(once) == "train.lr 0.01 → 0.1"
    part = compared({}, {"grid": {DEPTH: [3, 5, 7], "model.init": ["xavier"]}, "experiment": OTHER})
    assert changes_words(part) == "model.init he → xavier, train.lr 0.01 → 0.02"


def test_the_same_ids_with_other_figures_are_said() -> None:
    found = compared({}, {"come_to": by_depth({5: 0.2})})
    (line,) = [line for line in same_everywhere(found) if "same experiments" in line]
    assert line.startswith(
        "all pairs hold the same experiments with the same seeds on both sides; in 1 pair of these the figures differ"
    )
    (plain,) = [line for line in same_everywhere(compared({}, {})) if "same experiments" in line]
    assert plain == "all pairs hold the same experiments with the same seeds on both sides"
    assert chance_words(compared({}, {})) == ""
    some = compared({}, {"seeds": "0-1", "include": [{DEPTH: 5, "seed": 2}]})
    assert "1 of 3 pairs holds the same experiments with the same seeds on both sides" in same_everywhere(some)


def test_how_many_figures_chance_would_call_different() -> None:
    grid = {DEPTH: list(range(2, 42))}
    wiggle = losses(lambda member: 1e-4 * (member.experiment.seed or 0) ** 2)
    many = compared({"grid": grid}, {"grid": grid, "experiment": OTHER, "come_to": wiggle})
    number = many.num_intervals[0]
    assert chance_words(many) == (
        f"where nothing changed, chance alone would call about {0.05 * number:.0f} of these {number} figures in 40 pairs better or "
        "worse (about 5%)"
    )
    few = compared({}, {"experiment": OTHER, "come_to": wiggle})
    assert "would call 1 or none of these" in chance_words(few)


def test_verdicts_of_both_sides() -> None:
    def some(member: SweepMember) -> Summary:
        return came_to(0.3, verdict="vanishing" if member.experiment.seed else "healthy")

    found = compared({}, {"come_to": some, "experiment": OTHER})
    assert {verdict_words(pair) for pair in found.pairs} == {"healthy → vanishing 2/3"}
    gone = compared({}, {"missing": range(3)})
    assert [verdict_words(pair) for pair in gone.pairs if pair.comparison is None] == ["healthy → missing"]


def test_gates_and_notices() -> None:
    found = compared(
        {},
        {"experiment": OTHER, "come_to": by_depth({5: 0.2, 7: 0.2}), "missing": range(6, 9)},
        "final.loss > +20%",
        "final.accuracy < -3",
        fail_on_any=["final.loss > 0.4"],
    )
    checks = {check.text: check for check in gate_checks(found)}
    assert [check.passed for check in gate_checks(found)] == [False, False, True]
    assert checks["final.loss > +20%"].said.startswith(
        "it holds in 1 of 3 pairs; cannot tell in 1 of 3 pairs: no run on a side"
    )
    assert checks["final.loss > +20%"].details == ["model.depth 5: 0.501 (first: 0.301)"]
    assert checks["final.loss > 0.4"].aside == "by the bare figures"
    lines = failed_gate_words(found)
    assert "final.accuracy < -3" in lines[0]
    assert "never" in lines[0]
    assert "gate failed: final.loss > +20%: model.depth 5: 0.501 (first: 0.301)" in lines
    assert data_table(found, found.pairs).objects()[0]["gates"] == "FAILED"


@pytest.mark.parametrize("width", [40, 60, 80, 100, 140])
def test_no_terminal_gets_longer_lines_than_it_has_columns_but_for_what_cannot_be_left_out(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = {DEPTH: [3, 5], "model.activation": ["tanh", {"name": "leaky_relu", "slope": 0.123456}], LR: [0.01, 0.1]}
    found = compared(
        {"grid": grid},
        {"grid": grid, "come_to": by_depth({5: 0.2}), "seeds": "0-3"},
        "final.loss > +20%",
        "verdict == dead",
    )
    lines = shown(found, width, monkeypatch)
    if width >= 60:
        assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    assert "overall" in text
    assert "worse" in text
    assert ("loss change" in text.partition("not shown")[0]) is (width >= 60)


def test_a_narrow_terminal_gets_the_change_without_its_interval_before_it_gets_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    grid = {DEPTH: [3, 5], "model.width": [8, 9], LR: [0.01, 0.1]}
    found = compared({"grid": grid}, {"grid": grid, "come_to": by_depth({5: 0.2}), "seeds": "2-5"})
    rows = {}
    for width in (80, 45):
        lines = shown(found, width, monkeypatch)
        assert max(map(len, lines)) <= width
        head = next(place for place, line in enumerate(lines) if "loss change" in line)
        rows[width] = lines[head + 1]
    assert "[" in rows[80]
    assert "[" not in rows[45]
    assert rows[45].split()[3].startswith("+0.20")


def test_a_terminal_folds_many_pairs_and_a_pipe_shows_all(monkeypatch: pytest.MonkeyPatch) -> None:
    grid, other = {DEPTH: list(range(2, 52))}, {DEPTH: list(range(2, 102))}
    found = compared({"grid": other}, {"grid": grid})
    folded, whole = shown(found, 80, monkeypatch), shown(found, None, monkeypatch)
    assert "… 20 pairs more, all with --format csv …" in folded
    assert "… 42 points more, all with --format csv …" in folded
    assert not any("…" in line for line in whole)
    start = next(place for place, line in enumerate(whole) if line.startswith("model.depth"))
    assert sorted(int(line.split()[0]) for line in whole[start + 1 : start + 51]) == list(range(2, 52))
    (pairs, *_) = [block for block in blocks(found) if isinstance(block, TableBlock)]
    assert len(pairs.table.rows) == 50


def test_of_pairs_that_are_as_bad_those_whose_verdict_became_worse_come_first() -> None:
    def vanishes(member: SweepMember) -> Summary:
        depth = member.experiment.model.depth  # type: ignore[union-attr]
        return came_to(0.5, verdict="vanishing" if depth == 7 else "healthy")

    def vanished(member: SweepMember) -> Summary:
        depth = member.experiment.model.depth  # type: ignore[union-attr]
        return came_to(0.3, verdict="vanishing" if depth == 3 else "healthy")

    found = compared({"come_to": vanished}, {"come_to": vanishes, "experiment": OTHER})
    assert {pair.judgement for pair in found.pairs} == {"worse"}
    assert [pair.point[DEPTH] for pair in found.pairs] == [7, 5, 3]


def test_which_figures_make_a_pair_what_it_is() -> None:
    def mixed(member: SweepMember) -> Summary:
        seed = 0.001 * (member.experiment.seed or 0)
        return came_to(0.5 + seed, 0.9 + seed)

    found = compared({}, {"come_to": mixed, "experiment": OTHER})
    assert {pair.judgement for pair in found.pairs} == {"mixed"}
    assert {because_words(pair) for pair in found.pairs} == {"worse final.loss; better final.accuracy"}
    few = compared({"seeds": "0"}, {"seeds": "0", "come_to": mixed, "experiment": OTHER})
    assert {because_words(pair) for pair in few.pairs} == {"one seed a side"}
    assert {because_words(pair) for pair in compared({}, {}).pairs} == {""}


def test_a_pair_that_is_judged_by_figures_without_a_column_is_marked_and_they_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def held_out(shift: float) -> Callable[[SweepMember], Summary]:
        def come_to(member: SweepMember) -> Summary:
            seed, depth = 0.001 * (member.experiment.seed or 0), member.experiment.model.depth  # type: ignore[union-attr]
            final = {"loss": 0.3 + seed, "accuracy": 0.5, "holdout_loss": 0.4 + seed + (shift if depth == 5 else 0.0)}
            return came_to(0.3, final=final)

        return come_to

    found = compared({"come_to": held_out(0.0)}, {"come_to": held_out(0.2), "experiment": OTHER})
    lines = shown(found, 80, monkeypatch)
    assert [line.split()[-2:] for line in lines if line.split()[:1] == ["5"]] == [["worse", "*"]]
    assert "  * by figures that have no column: final.holdout_loss in 1 pair" in lines
    assert not any(
        "*" in line
        for line in shown(compared({}, {"come_to": by_depth({5: 0.2}), "experiment": OTHER}), 80, monkeypatch)
    )
    (pair, *_) = [row for row in data_table(found, found.pairs).objects() if row[DEPTH] == 5]
    assert pair["overall"] == "worse"


def test_changed_only_leaves_out_pairs_that_are_the_same_but_those_that_fail() -> None:
    found = compared({}, {"experiment": OTHER, "come_to": by_depth({5: 0.2})}, "model.depth == 7")
    kept = shown_pairs(found, changed_only=True)
    assert [pair.point[DEPTH] for pair in kept] == [7, 5]
    told = sweeps_object(found, changed_only=True)
    assert [pair["point"][DEPTH] for pair in told["pairs"]] == [7, 5]
    assert told["counts"] == {"pairs": 3, "worse": 1, "same": 2}
    assert dumps(told)
    (table, *_) = [block for block in blocks(found, changed_only=True) if isinstance(block, TableBlock)]
    assert len(table.table.rows) == 2


def test_markdown_keeps_the_worst_pairs_where_there_is_no_room_for_all() -> None:
    grid = {DEPTH: list(range(2, 402))}
    found = compared({"grid": grid}, {"grid": grid, "come_to": by_depth({399: 0.5}), "experiment": OTHER})
    whole = limited_markdown(blocks(found), "--format csv")
    assert whole.count("\n| ") == 402
    short = limited_markdown(blocks(found), "--format csv", 8000)
    assert len(short.encode()) <= 8000
    assert "\n| 399 | " in short
    assert "pairs left out for lack of room; all are in `--format csv`" in short


def test_texts_of_others_stay_text() -> None:
    nasty = "<script>|`x`\x1b[31m\u202e"

    def failing(member: SweepMember) -> Summary:
        return came_to(0.3, verdict="healthy")

    one, other = side(f"main/{nasty}/sweeps/S-1", come_to=failing), side(f"pr/{nasty}/sweeps/S-2", missing={0})
    text = limited_markdown(blocks(compare_points(one, other)), "--format csv")
    assert "<script>" not in text
    assert "\x1b" not in text


def test_percents_that_say_less_than_the_values_are_not_told() -> None:
    """A loss that diverged is 68,000 times the other: the two values tell it."""
    found = compared({}, {"come_to": by_depth({3: 1e5, 5: 0.2})})
    cells = [str(cell) for row in pairs_table(found, found.pairs).rows for cell in row]
    assert any("→ 1e+05" in cell and "%" not in cell for cell in cells)
    assert any("→ 0.5" in cell and "(+6" in cell for cell in cells)


@pytest.mark.parametrize(
    ("gates", "depths", "others"),
    share(
        [(gates, *sizes) for gates in (0, 1, 3, 9) for sizes in ((1, 0), (3, 1), (9, 3), (40, 0), (40, 40), (300, 60))],
        5,
    ),
)
def test_in_short_two_sweeps_are_thirty_lines_and_the_worst_pairs(gates: int, depths: int, others: int) -> None:
    own = list(range(2, 2 + depths))
    first, second = ([*own, *range(start, start + others)] for start in (1000, 2000))
    found = compared(
        {"grid": {DEPTH: first}, "seeds": "0-1", "missing": set(range(others // 4))},
        {"grid": {DEPTH: second}, "seeds": "0-1", "come_to": by_depth(dict.fromkeys(own[::2], 0.3))},
        *(f"final.loss > +{place + 1}%" for place in range(gates)),
    )
    stream = Stream(terminal=False)
    print_blocks(console(stream), short_blocks(blocks(found)))
    text = stream.getvalue()
    lines = text.splitlines()
    assert len(lines) <= 30
    assert lines[0].startswith(f"{depths} pair")
    assert len([line for line in lines if line.endswith("final.loss") or " worse " in line]) >= min(
        3, (depths + 1) // 2
    )
    if gates:
        assert re.search(rf"gate FAILED final.loss > \+1%: it holds in \d+ of {depths} pair", text)
        assert ", as " in text
    if depths + 2 * others < 10 and gates < 3:
        assert "--full" not in text
    assert "--full" in text or len(lines) >= len(found.pairs)
    whole = Stream(terminal=True)
    print_blocks(console(whole), in_full(blocks(found)))
    assert "…" not in whole.getvalue()
