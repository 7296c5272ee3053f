"""A sweep in terminals of two widths, without colour, in ASCII, and in a pipe."""

import io
import re

import pytest
from faces import Stream, assert_snapshot
from made.sweeps import GATES, drawn, example, failed, gate, grid, member, seen

from gradlab.report.terminal.blocks import print_blocks
from gradlab.report.terminal.console import console
from gradlab.report.terminal.streams import Sink
from gradlab.report.views.sweep import SweepView
from gradlab.results.record import Expectation

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")


def printed(view: SweepView, *, terminal: bool) -> str:
    stream = Stream(terminal=terminal)
    print_blocks(console(stream), view.blocks)
    return stream.getvalue()


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("name", ["grid", "random"])
def test_a_sweep_on_a_terminal(name: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    text = printed(example() if name == "grid" else seen(drawn()), terminal=True)
    assert ANSI.search(text)
    plain = ANSI.sub("", text)
    assert max(map(len, plain.splitlines())) <= width
    assert_snapshot(f"{name}_{width}", plain, "sweep")


def test_a_sweep_in_a_pipe_is_whole_and_plain() -> None:
    text = printed(example(), terminal=False)
    assert "\x1b" not in text
    assert "lack of room" not in text
    assert_snapshot("grid_pipe", text, "sweep")


def test_hundreds_of_groups_are_folded_on_a_terminal_and_never_in_a_pipe() -> None:
    view = seen(drawn(500))
    plain = ANSI.sub("", printed(view, terminal=True))
    assert "… 480 more, all in results.csv" in plain
    assert len(plain.splitlines()) < 60
    whole = printed(view, terminal=False)
    assert "…" not in whole
    assert len(re.findall(r" 1  (?:diverged|not_learning|healthy) ", whole)) == 500


def test_hundreds_of_failures_are_folded_on_a_terminal_and_all_named_in_a_pipe() -> None:
    view = seen([failed({"a": place}, f"RuntimeError: number {place}") for place in range(300)], shard="1/4")
    plain = ANSI.sub("", printed(view, terminal=True))
    assert plain.count("RuntimeError") == 10
    assert "… 290 more, all in results-1-of-4.csv" in plain
    assert printed(view, terminal=False).count("RuntimeError") == 300


def test_failures_come_before_gates_before_expectations_before_the_tables() -> None:
    text = printed(example(), terminal=False)
    marks = [
        "could not be carried out",
        "gate FAILED",
        "gate ok",
        "expected FAILED",
        "verdict by",
        "groups over",
        "files in",
    ]
    places = [text.index(mark) for mark in marks]
    assert places == sorted(places)


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_a_terminal_without_colour_gets_no_escape_codes(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    text = printed(example(), terminal=True)
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_an_ascii_terminal_gets_aligned_columns_and_no_question_marks() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    print_blocks(console(Sink(stream, vital=True)), example().blocks)
    text = raw.getvalue().decode("ascii")
    assert "?" not in text
    rows = [line for line in text.splitlines() if re.search(r" 5  vanishing 5/5 ", line)]
    assert len({line.index("+-") for line in rows}) == 1
    noted = [line for line in text.splitlines() if "(4 of 5)" in line]
    assert {line.index("+-") for line in noted} == {line.index("+-") for line in rows}


def test_a_map_too_wide_for_words_has_letters_and_a_legend() -> None:
    axes = {"model.depth": list(range(8)), "model.width": list(range(7))}
    words = ["healthy", "vanishing", "dead"]
    view = seen(grid(axes, lambda point, _: {"verdict": words[point["model.depth"] * point["model.width"] % 3]}))
    plain = ANSI.sub("", printed(view, terminal=True))
    assert re.search(r"^ +1  ok 5/5  V 5/5   X 5/5   ok 5/5", plain, re.MULTILINE)
    assert "X dead, V vanishing, ok healthy" in plain
    assert "vanishing 5/5  dead 5/5" in printed(view, terminal=False)
    coloured = printed(view, terminal=True)
    assert re.search(r"\x1b\[1;35mV\x1b\[0m 5/5", coloured)


def test_values_that_look_like_letters_of_the_legend_are_not_coloured() -> None:
    axes = {
        "a": ["V", "ok"],
        "b": list(range(8)),
    }
    view = seen(grid(axes, lambda point, _: {"verdict": "dead" if point["a"] == "V" else "healthy"}, seeds=1))
    assert "\x1b[1;31mV" not in printed(view, terminal=True)
    assert "map leaves" not in printed(view, terminal=True), "cells of one run cannot disagree"


def test_foreign_text_cannot_steer_the_terminal() -> None:
    asked = (Expectation("final.loss < 1", False, "\x1b[2Jnan"),)
    gates = [gate("count(x) == 0", False, "1 \x1b]0;title\x07")]
    members = [
        failed({"data.path": "\x1b[31mred.csv"}, "\x1b[2J\u202eoops"),
        member({"data.path": "b"}, expectations=asked),
    ]
    text = printed(seen(members, gates=gates), terminal=False)
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "\u202e" not in text
    assert "[31mred.csv" in text


def test_a_gate_that_fails_in_many_groups_names_the_first_on_a_terminal() -> None:
    parts = [({"model.depth": depth}, False, "3", 5) for depth in range(50)]
    view = seen([member({})], gates=[gate("count(verdict == dead) == 0 by model.depth", False, "", parts)])
    plain = ANSI.sub("", printed(view, terminal=True))
    assert "  model.depth 4: it is 3, of 5 runs\n  … 45 more, all in sweep.json\n" in plain
    assert printed(view, terminal=False).count("it is 3") == 50


def test_a_sweep_of_one_run_and_of_none() -> None:
    text = printed(seen([member({})], gates=GATES[:1]), terminal=False)
    assert "one seed each, so there is no spread" in text
    assert "±" not in text
    assert printed(seen([]), terminal=False).splitlines()[0] == "init_by_depth: 0 runs"
