"""Runs of somebody's own modules in terminals of two widths, without colour, and in a pipe."""

import re
from dataclasses import replace

import pytest
from faces import Stream, assert_snapshot
from made.module_runs import module_record, module_run, odd, resnet, transformer, watched

from gradlab.config.catalogue import Verdict
from gradlab.config.modules import OwnExperiment
from gradlab.report.terminal.blocks import print_blocks
from gradlab.report.terminal.console import console
from gradlab.report.views.run import view
from gradlab.results.finding import Finding
from gradlab.results.record import Record
from gradlab.results.stored import StoredRun

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def printed(run: StoredRun, *, terminal: bool) -> str:
    stream = Stream(terminal=terminal)
    print_blocks(console(stream), view(run).blocks)
    return stream.getvalue()


def deep() -> StoredRun:
    """A residual network in which the gradient vanishes."""
    found = (
        Finding("vanishing", "critical", (7, 25), 0, -9.0, -3.0, "the signal falls by 9.0 decades", "a normalisation"),
        Finding("not_looked_at", "note", (1, 2), 5, 0.0, 0.0, "units not looked at: no activation module was seen", ""),
    )
    return fixed(watched("resnet", "nets.ResNet"), module_record(resnet(), decades=9), "vanishing", found)


def fixed(experiment: OwnExperiment, record: Record, verdict: Verdict, found: tuple[Finding, ...] = ()) -> StoredRun:
    """A run whose figures are given: what the rules make of it is tested elsewhere."""
    run = module_run(experiment, record, "completed", verdict, found)
    told = {"backward_decades": -7.5, "loss": 2.5}
    return replace(run, summary=replace(run.summary, init=told, final=told, learning_layers=20))


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("name", ["resnet", "transformer"])
def test_a_module_on_a_terminal(name: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    other = fixed(watched("transformer", "nets.Gpt"), module_record(transformer()), "exploding")
    plain = ANSI.sub("", printed(deep() if name == "resnet" else other, terminal=True))
    assert max(map(len, plain.splitlines())) <= width
    assert_snapshot(f"module_{name}_{width}", plain)


def test_a_module_in_a_pipe_is_whole_and_plain() -> None:
    run = deep()
    text = printed(run, terminal=False)
    assert "\x1b" not in text
    assert "…" not in text
    assert run.record is not None
    assert run.record.rows is not None
    assert all(re.search(rf"^{re.escape(name)} ", text, re.MULTILINE) for name in run.record.rows.names)
    assert_snapshot("module_pipe", text)


def test_no_name_leaves_its_column_or_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    plain = ANSI.sub("", printed(module_run(watched("odd"), module_record(odd())), terminal=True))
    assert max(map(len, plain.splitlines())) <= 80
