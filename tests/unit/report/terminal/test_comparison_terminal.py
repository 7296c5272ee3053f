"""A comparison in terminals of several widths and in a pipe: nothing is wider than the terminal, and what tells stays."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from faces import Stream, assert_snapshot
from made.compared_runs import BASE, EDIT, loop, side
from made.module_runs import module_record, module_run, odd, resnet, transformer, watched
from rich.cells import cell_len

from gradlab.judgement.comparing.comparison import Comparison, compare_sides
from gradlab.judgement.comparing.difference import Difference
from gradlab.report.terminal.comparison import print_comparison
from gradlab.report.terminal.console import console
from gradlab.results.record import Outcome
from gradlab.results.stored import StoredRun

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
LONG = "a_network_of_a_very_long_name_that_goes_on_and_on_" * 2
GATES = ("final.loss > +5%", "final.backward_decades < -20 and change(final.accuracy) < -0.03", "verdict == dead")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def printed(comparison: Comparison, width: int | None, changed_only: bool = False) -> str:
    """What a terminal of that width, or a pipe, gets, without its colours."""
    stream = Stream(terminal=width is not None)
    out = console(stream)
    if width is not None:
        out.width = width
    print_comparison(out, comparison, changed_only=changed_only)
    return ANSI.sub("", stream.getvalue())


def table(text: str) -> list[list[str]]:
    """The first table: its header and rows, cells apart by two blanks."""
    lines = text[text.index("\nname ") + 1 :].split("\n\n")[0].splitlines()
    return [re.split(r" {2,}", line.strip()) for line in lines]


def edited(fields: int, name: str = "net", shift: float = 0.0) -> list[StoredRun]:
    """A side with so many fields changed, ten at most, some to long values."""
    parts: list[tuple[str, str, Any]] = [
        ("model", "depth", 20), ("model", "width", 64), ("model", "activation", "relu"), ("model", "init", "he"),
        ("data", "batch_size", 32), ("train", "lr", 0.0123456), ("train", "optimizer", "adam"), ("train", "steps", 12_345),
        ("train", "schedule", "cosine"), ("train", "warmup", 10),
    ]  # fmt: skip
    config: dict[str, dict[str, Any]] = {part: dict(own) for part, own in BASE.items()}
    for part, field, value in parts[:fields]:
        config[part][field] = value
    return side(config, name, 2.0 + shift, verdict="healthy")


def three() -> list[list[StoredRun]]:
    return [*loop(), edited(3, shift=0.2)]


def eight() -> list[list[StoredRun]]:
    return [side(), *(edited(fields, shift=fields / 10) for fields in range(1, 8))]


def long_names() -> list[list[StoredRun]]:
    return [side(name=LONG + "1"), side(EDIT, LONG + "2", 0.4), edited(10, LONG + "1")]


def wide_letters() -> list[list[StoredRun]]:
    return [side(name="网络" * 20), side(EDIT, "网络" * 20 + "深", 0.4), edited(10, "残差网络")]


def modules() -> list[list[StoredRun]]:
    name = "a.very.long.package." * 5
    made = [(resnet(), "ResNet"), (transformer(), "Transformer"), (odd(), "Odd"), (resnet(), "Other")]
    return [
        [module_run(watched(label, f"{name}{label}"), module_record(rows, decades=place), "completed", "healthy")]
        for place, (rows, label) in enumerate(made)
    ]


def mixed_kinds() -> list[list[StoredRun]]:
    return [side(), modules()[0], modules()[2]]


def broken() -> list[list[StoredRun]]:
    one, other = loop()
    lost = [replace(run, read=lambda: None) for run in other[:2]]
    lost[0] = replace(lost[0], summary=replace(lost[0].summary, outcome=Outcome("diverged", 20, 3), verdict="diverged"))
    final = one[0].summary.final | {"loss": 1.234e-300, "backward_decades": float("-inf")}
    return [[replace(one[0], summary=replace(one[0].summary, final=final)), *one[1:]], [*lost, *other[2:]]]


def long_values() -> list[list[StoredRun]]:
    path = "/a/very/long/path/" * 6
    return [
        side({**BASE, "data": {"source": "file", "path": f"{path}{number}.csv", "target": "y"}}) for number in range(3)
    ]


def places() -> list[list[StoredRun]]:
    return [side(out=Path("a/runs")), side(out=Path("b") / ("x" * 90) / "runs")]


def few_seeds() -> list[list[StoredRun]]:
    return [side(seeds=[0]), side(EDIT, seeds=[1, 3, 5, 7, 9, *range(20, 40, 2)]), side(EDIT, name="other", seeds=[2])]


ODD: dict[str, Callable[[], list[list[StoredRun]]]] = {
    "loop": loop, "ten fields": lambda: [side(), edited(10)], "three": three, "eight": eight, "long names": long_names,
    "wide letters": wide_letters, "modules": modules, "kinds": mixed_kinds, "broken": broken, "long values": long_values,
    "places": places, "few seeds": few_seeds,
}  # fmt: skip


@cache
def compared_odd(name: str) -> Comparison:
    return compare_sides(ODD[name](), GATES)


@pytest.mark.parametrize("name", ODD)
def test_no_line_is_wider_than_the_terminal(name: str) -> None:
    compared = compared_odd(name)
    for width in (40, 60, 80, 100, 132, 200):
        for changed_only in (False, True):
            text = printed(compared, width, changed_only)
            assert max(map(cell_len, text.splitlines())) <= width, f"{width}, {changed_only}"
            assert width < 80 or "lack of room" not in text


@pytest.mark.parametrize("name", ODD)
def test_every_further_side_has_its_changes_and_judgements_at_80_columns(name: str) -> None:
    compared = compared_odd(name)
    text = printed(compared, 80)
    headers = re.findall(r"^name .*change.*$", text, re.MULTILINE)
    for letter in "BCDEFGH"[: len(compared.sides) - 1]:
        assert any(re.search(rf"\b{letter} +change +is$|\b{letter} is\b", header) for header in headers)
    for index, letter in enumerate("BCDEFGH"[: len(compared.sides) - 1]):
        told = (
            text if len(compared.sides) == 2 else re.split(r"\n\n[B-H] ", text[text.index(f"{letter} against A") :])[0]
        )
        judged = [row for row in compared.rows if (item := row.differences[index]) is not None and item.judgement]
        for row in judged:
            change = row.differences[index]
            assert change is not None
            own = [
                line for line in told.splitlines() if line.startswith(row.figure[:5]) and f" {change.judgement}" in line
            ]
            assert own, row.figure


@pytest.mark.parametrize("name", ODD)
def test_profiles_keep_their_values_at_80_columns(name: str) -> None:
    compared = compared_odd(name)
    text = printed(compared, 80)
    assert compared.profiles
    lines = text[text.index("over relative depth") :].split("\n\n")[0].splitlines()
    assert lines[1].split() == ["quantity", "side", "at_0", "at_0.25", "at_0.5", "at_0.75", "at_1"]
    assert len(lines) - 2 == sum(side is not None for sides in compared.profiles for side in sides)
    assert all(len(re.split(r" {2,}", line)) == 7 for line in lines[2:])


@pytest.mark.parametrize("name", ODD)
def test_a_pipe_gets_everything_by_the_same_letters(name: str) -> None:
    compared = compared_odd(name)
    text = printed(compared, None)
    assert "…" not in text
    assert "more" not in text.split("\n\n")[0]
    for letter, one in zip("ABCDEFGH", compared.sides, strict=False):
        assert re.search(rf"^{letter}  {re.escape(' '.join(one.name.split()))} ", text, re.MULTILINE)
    rows = {row[0] for row in table(text)}
    assert {item.field for item in compared.config} | {row.figure for row in compared.rows} < rows
    for row in compared.rows:
        assert sum(line.startswith(f"{row.figure} ") for line in text.splitlines()) == 1


@pytest.mark.parametrize("width", [80, 200, None])
def test_the_loop(width: int | None) -> None:
    text = printed(compare_sides(loop(), GATES), width)
    assert_snapshot(f"compare_{'pipe' if width is None else width}", text)


def test_an_edit_of_six_fields_leaves_change_and_judgement() -> None:
    text = printed(compare_sides(loop()), 80)
    header, *rows = table(text)
    assert header == ["name", "A", "B", "change", "is"]
    (loss,) = [row for row in rows if row[0] == "final.loss"]
    assert loss[3] == "-1.880 [-1.906, -1.854]"
    assert loss[4] == "better"
    legend = text.split("\n\n")[0].splitlines()
    assert legend[:2] == [
        "A  net  seeds 0-4  vanishing 5/5",
        "   depth 50, width 100, tanh, xavier, batch_size 64, lr 0.01",
    ]


def test_sides_of_a_wide_terminal_stand_beside_one_another_and_those_of_a_narrow_one_below() -> None:
    compared = compare_sides(three())
    assert table(printed(compared, 200))[0] == ["name", "A", "B", "B change", "B is", "C", "C change", "C is"]
    narrow = printed(compared, 80)
    assert "\nC against A\nname" in narrow
    assert "train.lr" not in narrow[narrow.index("C against A") :], "the same on both"


def test_reasons_stand_beside_judgements_where_there_is_room_and_below_where_not() -> None:
    compared = compare_sides(loop())
    rows = tuple(
        replace(
            row,
            differences=(
                Difference(1.0, None, None, "worse", "2 of 5 seeds diverged and one more never began to learn"),
            ),
        )
        if row.figure == "final.loss"
        else replace(row, differences=(Difference(1.0, None, None, "too few seeds", "one seed a side"),))
        for row in compared.rows
        if row.figure.startswith("final")
    )
    told = replace(compared, rows=rows)
    reason = "worse (2 of 5 seeds diverged and one more never began to learn)"
    assert reason in printed(told, 200)
    assert reason in printed(told, None)
    narrow = " ".join(printed(told, 80).split())
    assert reason not in narrow
    assert "worse: 2 of 5 seeds diverged and one more never began to learn" in narrow
    assert printed(told, None).count("one seed a side") == 1, "what all of them share is said once"


def test_sides_are_told_apart_by_their_places_where_nothing_else_tells() -> None:
    (first, other, *_) = printed(compare_sides(places()), None).splitlines()
    assert first.split()[:5] == ["A", "net", "in", "a/runs", "seeds"]
    assert "in b/xxx" in other


def test_a_side_of_other_seeds_is_told_by_them() -> None:
    same: Sequence[list[StoredRun]] = [side(seeds=range(3)), side(seeds=[3, 4])]
    lines = printed(compare_sides(same), 80).splitlines()
    assert lines[:2] == ["A  net  seeds 0-2   vanishing 3/3", "B  net  seeds 3, 4  vanishing 2/2"]


def test_a_mean_over_some_of_the_seeds_says_so_at_80_columns() -> None:
    text = printed(compare_sides(broken()), 80)
    assert re.search(r"^log10_backward_rms  B( 3/5| \(3 of 5 seeds\)) ", text, re.MULTILINE)


def test_what_is_the_same_throughout_is_said_in_a_line() -> None:
    compared = compare_sides([side(), side(out=Path("other/runs"))])
    text = printed(compared, 80, changed_only=True)
    assert text.split("\n\n")[1].splitlines() == ["nothing that is judged or set differs"]
    assert "\n\n\n" not in text


def test_gates_that_are_told_by_colour_are_told_by_words_too() -> None:
    stream = Stream(terminal=True)
    print_comparison(console(stream), compare_sides([*loop()[::-1]], GATES))
    assert re.search(r"\x1b\[1;31mgate FAILED\x1b\[0m +B: final.loss", stream.getvalue())
    assert re.search(r"\x1b\[32mgate ok\x1b\[0m +B: verdict", stream.getvalue())


def test_sides_whose_records_are_gone_have_no_profiles() -> None:
    gone = [[replace(run, read=lambda: None) for run in own] for own in loop()]
    text = printed(compare_sides(gone), 80)
    assert "relative depth" not in text
    assert table(text)[0] == ["name", "A", "B", "change", "is"]


@pytest.mark.parametrize(("further", "shown"), [(8, True), (9, False)])
def test_a_terminal_says_what_many_sides_come_to_without_the_table_of_each(further: int, shown: bool) -> None:
    """Against a whole sweep every side would have a screen of its own."""
    many = compare_sides([edited(1, f"net{number}", shift=0.1 * number) for number in range(further + 1)])
    text = printed(many, 80)
    assert ("B against A" in text) is shown
    assert ("over relative depth" in text) is shown
    assert (f"{further + 1} sides: their figures and profiles are left out" in text) is not shown
    for letter in "BCDEFGHI"[:further]:
        assert re.search(rf"^{letter} (is|cannot)", text, re.MULTILINE), letter
    assert "final.loss" in printed(many, None), "a pipe has all"


def test_in_short_judged_figures_come_before_all_others_and_what_is_left_out_is_counted() -> None:
    compared = compare_sides(loop(), GATES)
    stream = Stream(terminal=False)
    print_comparison(console(stream), compared, short=True)
    text = stream.getvalue()
    names = [row[0] for row in table(text)[1:]]
    left = int(re.search(r"^and (\d+) more rows? with --full$", text, re.MULTILINE)[1])  # type: ignore[index]
    every = [row[0] for row in table(printed(compared, None))[1:]]
    shown = [name for name in names if name in every]
    assert len(shown) == 15
    assert left == len(every) - 15
    told = [
        row.figure
        for row in compared.rows
        if any(one and one.judgement in ("better", "worse") for one in row.differences)
    ]
    assert set(told[:7]) <= set(shown)
    assert text.count("log10_backward_rms") == len(compared.sides)
    assert "log10_grad_norm" not in text


def test_in_short_many_sides_are_a_few() -> None:
    compared = compare_sides([edited(number % 10, f"net{number}") for number in range(40)], ())
    stream = Stream(terminal=False)
    print_comparison(console(stream), compared, short=True)
    text = stream.getvalue()
    assert len(text.splitlines()) <= 45
    assert "… 34 more with --full …" in text
    head = table(text)[0]
    assert head[-3:] == ["F", "F change", "F is"]
