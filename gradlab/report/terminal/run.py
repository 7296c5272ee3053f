"""The terminal's face of a run: verdict and why, figures, layers worst first, the heatmap, expectations, files."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from gradlab.report.terminal.console import knows_blocks, print_prose, print_table, width_of
from gradlab.report.terminal.heatmap import draw
from gradlab.report.views.run import HEAD, TAIL, RunView
from gradlab.report.views.theory import READING, sentence, shown, table
from gradlab.report.words.table import Fold, folded
from gradlab.report.words.values import layers_words, timing_words
from gradlab.report.words.verdicts import APPEARANCES
from gradlab.results.record import Expectation, Finding

_SEVERITY_STYLES = {"critical": "red", "warning": "yellow", "note": "dim"}

FILES = (
    "config.yaml", "manifest.json", "layers.parquet", "steps.parquet", "spectrum.parquet", "layers.csv", "summary.md", "summary.json",
)  # fmt: skip


def print_run(out: Console, view: RunView) -> None:
    """Print a run: verdict and why, figures, layers worst first, the heatmap, expectations, where the files are."""
    print_verdict(out, view)
    if view.figures.rows:
        out.print()
        print_table(out, view.figures, indent="  ")
        if view.no_forecast:
            print_prose(out, Text(f"  no forecast: {view.no_forecast}", "dim"))
    if view.layers.rows:
        _print_layers(out, view)
    _print_theory(out, view)
    if view.grid is not None and view.grid.values.size:
        out.print()
        out.print(Text(f"{view.grid.quantity} by layer (input on top) and step", "bold"))
        for line in draw(view.grid, width_of(out), color=out.color_system is not None, unicode=knows_blocks(out)):
            out.print(line)
    print_expectations(out, view.summary.expectations)
    if view.timing.train_seconds > 0:
        out.print(Text(f"\n{timing_words(view.timing)}", "dim"))
    _print_files(out, view.path)


def print_verdict(out: Console, view: RunView) -> None:
    """Print one line of verdict and why, what was trained, and the other findings."""
    line = Text().append(view.word, APPEARANCES[view.word].style)
    if view.why:
        line.append(f"  {view.why}")
    print_prose(out, line)
    print_prose(out, Text(f"  {view.name}-{view.id}: {view.setting}", "dim"))
    if view.word == "interrupted" and view.summary.verdict != "not_judged":
        print_prose(out, Text(f"  so far: {view.summary.verdict}"))
    for finding in view.summary.findings:
        _print_finding(out, finding, said=view.why)


def _print_finding(out: Console, finding: Finding, said: str) -> None:
    """One finding with its layers, first step and remedy; its message only where the verdict's line has not said it."""
    if finding.message != said:
        place = [] if finding.layers is None else [layers_words(finding.layers)]
        place += [f"since step {finding.since_step}"] if finding.since_step else []
        line = Text().append(f"  {finding.severity}: ", _SEVERITY_STYLES[finding.severity])
        line.append(f"{finding.rule}: {finding.message}" + (f" ({', '.join(place)})" if place else ""))
        print_prose(out, line)
    if finding.remedy:
        print_prose(out, Text(f"  remedy: {finding.remedy}"))


def _print_layers(out: Console, view: RunView) -> None:
    """The layer table, worst first; on a terminal a long network is folded in the middle."""
    out.print()
    out.print(Text(f"layers at step {view.step}, {view.worst_by}; the readout last", "bold"))
    order: list[int | Fold] = list(view.worst_first)
    if width_of(out) is not None:
        order = [*folded(view.worst_first[:-1], HEAD, TAIL), view.worst_first[-1]]
    print_table(out, view.layers, order, noun="layer")


def _print_theory(out: Console, view: RunView) -> None:
    """Expected beside measured at step 0; on a terminal some of a long network's layers, the furthest off among them."""
    said = sentence(view.theory)
    if not said:
        return
    places = list(range(len(view.theory))) if width_of(out) is None else shown(view.theory)
    part = "" if len(places) == len(view.theory) else f", {len(places)} of {len(view.theory)} layers"
    out.print()
    out.print(Text(f"theory beside the measurement at step 0{part}", "bold"))
    print_table(out, table(view.theory), places, noun="layer")
    print_prose(out, Text(f"{said}; {READING}", "dim"))


def print_expectations(out: Console, expectations: Sequence[Expectation]) -> None:
    """Print each condition of the config and whether it held."""
    if expectations:
        out.print()
    for expectation in expectations:
        line = Text("expected ")
        line.append("ok    " if expectation.passed else "FAILED", "green" if expectation.passed else "bold red")
        line.append(f" {expectation.text}" + ("" if expectation.passed else f"  (it is {expectation.actual})"))
        print_prose(out, line)


def _print_files(out: Console, path: Path) -> None:
    """Where everything is."""
    present = [name for name in FILES if (path / name).is_file()]
    line = Text(f"files in {path}/")
    print_prose(out, line.append(f": {', '.join(present)}" if present else "", "dim"))
