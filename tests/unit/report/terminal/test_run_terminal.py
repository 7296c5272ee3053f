"""A run and a table in terminals of two widths, without colour, and in a pipe."""

import re
from dataclasses import replace

import pytest
from faces import Stream, assert_snapshot
from made.deep_runs import finding, record, stored, summary

from gradlab.report.terminal.blocks import print_blocks
from gradlab.report.terminal.console import console, print_table
from gradlab.report.views.blocks import in_full
from gradlab.report.views.run import view
from gradlab.report.views.run_in_short import short_blocks
from gradlab.report.views.run_list import listed, marked_old, runs_table
from gradlab.results.record import Outcome
from gradlab.results.stored import StoredRun

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def printed(run: StoredRun, *, terminal: bool, at: str = "final") -> str:
    stream = Stream(terminal=terminal)
    print_blocks(console(stream), view(run, at).blocks)
    return stream.getvalue()


@pytest.mark.parametrize("width", [80, 200])
def test_a_run_on_a_terminal(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    text = printed(stored(), terminal=True)
    assert ANSI.search(text)
    plain = ANSI.sub("", text)
    # Only the sentence that names the columns left out may be longer: it is wrapped too, so nothing is.
    assert max(map(len, plain.splitlines())) <= width
    assert_snapshot(f"run_{width}", plain)


def test_a_run_in_a_pipe_is_whole_and_plain() -> None:
    text = printed(stored(), terminal=False)
    assert "\x1b" not in text
    assert "…" not in text
    assert all(re.search(rf"^ *{layer} ", text, re.MULTILINE) for layer in range(1, 52))
    for name in record().layers:
        assert name in text
    assert_snapshot("run_pipe", text)


def test_a_run_in_short() -> None:
    stream = Stream(terminal=False)
    print_blocks(console(stream), short_blocks(view(stored())))
    text = stream.getvalue()
    assert len(text.splitlines()) <= 30
    assert [int(row) for row in re.findall(r"^ +(\d+) +\d+ +\d+ ", text, re.MULTILINE)] == [*range(1, 11), 51]
    assert_snapshot("run_short", text)


def test_a_run_in_full_on_a_terminal_has_every_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    stream = Stream(terminal=True)
    print_blocks(console(stream), in_full(view(stored()).blocks))
    text = ANSI.sub("", stream.getvalue())
    assert "like these" not in text
    rows = re.findall(r"^ +(\d+) ", text.split("layer  ")[1], re.MULTILINE)
    assert rows[:51] == [str(layer) for layer in range(1, 52)]


def test_many_findings_are_cut_and_counted() -> None:
    many = [replace(finding(), message=f"message {number}", remedy=f"do {number}") for number in range(9)]
    stream = Stream(terminal=False)
    print_blocks(console(stream), short_blocks(view(stored(findings=many))))
    text = stream.getvalue()
    assert len(text.splitlines()) <= 30
    assert "do 0" in text
    assert "do 8" not in text
    shown = text.count("remedy: ")
    assert f"and {9 - shown} more findings; --full shows all" in text


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_a_terminal_without_colour_gets_no_escape_codes(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv(variable, value)
    text = printed(stored(), terminal=True)
    assert "\x1b" not in text
    assert "▁" in text
    assert "█" in text
    assert max(map(len, text.splitlines())) <= 80


def test_forced_colour_does_not_reach_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b" not in printed(stored(), terminal=False)


def test_layers_of_any_depth_are_folded_and_far_below_float_range(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = ANSI.sub("", printed(stored(2000, record(2000, steps=6)), terminal=True))
    assert "… 1988 layers like these …" in text
    assert "-1240.58" in text  # 10^-1241: float64 ends at 10^-324
    assert re.search(r"10\^-12\d\d +10\^-\d", text)
    assert len(text.splitlines()) < 80


def test_a_diverged_run_names_step_and_layer_and_marks_what_is_not_finite() -> None:
    broken = record(4, steps=6)
    broken.layers["log10_grad_norm"].values[5, 2:] = float("nan")
    broken.layers["log10_backward_rms"].values[5, 2:] = float("inf")
    broken.figures["loss"].values[5] = float("nan")
    outcome = Outcome("diverged", 5, 3)
    run = stored(4, broken, outcome=outcome, verdict="diverged", findings=(), expectations=())
    text = printed(run, terminal=False)
    assert text.startswith("diverged  the first number that is not finite came at step 5 in layer 3\n")
    assert "layers at step 4, largest log10_backward_rms first" in text
    assert "not finite x" in text
    at_the_end = printed(run, terminal=False, at="5")
    assert "layers at step 5" in at_the_end
    first_row = at_the_end.split("layer  fan_in")[1].splitlines()[1]
    assert first_row.split()[0] == "3"


def test_zero_gradients_are_marked_and_are_worst() -> None:
    dead = record(4)
    dead.layers["log10_grad_norm"].values[:, 0] = -float("inf")
    dead.layers["log10_backward_rms"].values[:, 0] = -float("inf")
    text = printed(stored(4, dead), terminal=False)
    assert "zero 0" in text
    assert re.search(r"^    1 .*-inf", text, re.MULTILINE)


def test_a_failed_run_says_why_and_shows_nothing_else() -> None:
    run = stored(4, None, outcome=Outcome("failed", reason="RuntimeError: no"), verdict="not_judged", findings=(),
                 init={}, final={}, learning_layers=None, expectations=())  # fmt: skip
    text = printed(run, terminal=False)
    assert text.startswith("failed  RuntimeError: no\n")
    assert "layers at step" not in text


def test_a_healthy_run_without_findings_still_says_why() -> None:
    text = printed(stored(verdict="healthy", findings=(), learning_layers=50), terminal=False)
    assert text.startswith("healthy  50 hidden layers learn; the gradient changes by -30.10 decades")


def test_findings_beside_the_leading_one_are_listed_with_place_and_remedy() -> None:
    second = finding(
        rule="saturated", severity="warning", layers=(7, 7), since_step=3, message="flat", remedy="lower it"
    )
    text = printed(stored(findings=(finding(), second)), terminal=False)
    assert "  warning: saturated: flat (layer 7, since step 3)\n  remedy: lower it\n" in text
    assert text.count(finding().message) == 1


def test_failed_expectations_say_what_it_is_instead() -> None:
    text = printed(stored(), terminal=False)
    assert "expected ok     verdict == vanishing\n" in text
    assert "expected FAILED final.backward_decades < -40  (it is -30.1)\n" in text


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_list_never_cuts_an_id(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    stream = Stream(terminal=True)
    old = stored(rules_version=1)
    table = marked_old(runs_table([listed(old)] * 2), rules_version=old.summary.rules_version + 1)
    print_table(console(stream), table)
    plain = ANSI.sub("", stream.getvalue())
    assert plain.count("7f3ac9d1e2b4") == 2
    assert "vanishing (old rules)" in plain
    if width >= 80:
        assert_snapshot(f"list_{width}", plain)


def test_a_table_in_a_pipe_has_every_column() -> None:
    stream = Stream(terminal=False)
    print_table(console(stream), runs_table([listed(stored())]))
    header, row = stream.getvalue().splitlines()
    assert header.split() == [field.name for field in runs_table([]).fields]
    assert "\x1b" not in row


def test_summary_without_a_record_still_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = ANSI.sub("", printed(stored(4, None), terminal=True))
    assert "backward_decades" in text
    assert summary().findings[0].message.split()[0] in text


def test_where_theory_is_silent_it_says_why() -> None:
    run = stored(expected_backward_decades=None, expected_spread=None, expected_reason="step has no mean-field theory")
    assert "  no forecast: step has no mean-field theory\n" in printed(run, terminal=False)
    assert "no forecast" not in printed(stored(), terminal=False)
