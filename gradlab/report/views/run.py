"""What there is to see of one run: computed once from what was stored, shown alike by every face."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from gradlab.config import row_names
from gradlab.config.experiment import Experiment
from gradlab.config.modules import AnyExperiment
from gradlab.config.text import signed
from gradlab.datasets.dataset import Reading
from gradlab.errors import UsageError
from gradlab.judgement.deviations import LayerDeviation, deviations, forecast_of
from gradlab.report.views import layer_table
from gradlab.report.views.blocks import Check, Checks, Files, Findings, Heatmap, Lines, Only, TableBlock, Title
from gradlab.report.views.data import DataView, data_view
from gradlab.report.views.series import MOST_NAMED, Curve, Grid, LayerProfile, alone, curves, grids, outermost, profiles
from gradlab.report.views.theory import columns, theory_block
from gradlab.report.words.data import data_words
from gradlab.report.words.networks import module_words, network_words, start_words, update_words, watch_words
from gradlab.report.words.skipped_steps import skipped_words as skipped_words
from gradlab.report.words.table import Field, Fold, Table, beside, without
from gradlab.report.words.values import Kind, Value, counted, it_is, say, timing_words
from gradlab.report.words.verdicts import STATES, word_of
from gradlab.results.finding import Finding
from gradlab.results.record import ModuleRows, Record, Summary, Timing
from gradlab.results.run_files import TRACEBACK
from gradlab.results.stored import StoredRun

_FIGURE_KINDS: dict[str, Kind] = {
    "backward_decades": "decades", "backward_fit": "share", "forward_decades": "decades", "grad_ratio": "decades",
    "accuracy": "share", "holdout_accuracy": "share", "holdout_balanced_accuracy": "share",
}  # fmt: skip


def figure_kind(name: str) -> Kind:
    """How a figure is said, named as in conditions or without `init.` and `final.`."""
    return _FIGURE_KINDS.get(name.partition(".")[2] or name, "figure")


_FILES = (
    "config.yaml", "manifest.json", "layers.parquet", "steps.parquet", "spectrum.parquet", "layers.csv", "summary.md", "summary.json",
    TRACEBACK,
)  # fmt: skip


@dataclass(frozen=True)
class RunView:
    """One run as every face shows it.

    Attributes:
        word: What it came to, in one word.
        why: One sentence: what the verdict rests on.
        setting: What was trained, in one line.
        figures: Summary figures at the first and last step, and what theory expected.
        no_forecast: Why theory expected nothing, None where it did.
        step: Step that `layers` shows, None where nothing was recorded.
        layers: One row a layer in forward order, every recorded quantity.
        theory: What theory expects of each layer beside what was measured at step 0; () where it has no answer.
        worst_first: Rows of `layers`, the hidden layers worst first, then the readout where it is known.
        worst_by: Quantity that orders them, and which end is bad.
        order: Rows of `layers` as people are shown them: as `worst_first`, or in forward order where nothing is wrong.
        ordered_by: What that order is, in words.
        data: What its data are like and how much of it was learned, None where that was not recorded.
        watched: What its watch has to say, where it was watched in its own loop.
        named: What names its rows.
        record: What was recorded, None where the run failed before its first step.
    """

    id: str
    name: str
    path: Path
    cached: bool
    seed: int | None
    summary: Summary
    word: str
    why: str
    setting: str
    figures: Table
    no_forecast: str | None
    step: int | None
    layers: Table
    theory: tuple[LayerDeviation, ...]
    worst_first: tuple[int, ...]
    worst_by: str
    order: tuple[int, ...]
    ordered_by: str
    timing: Timing
    data: DataView | None
    watched: tuple[str, ...]
    named: row_names.Named = field(repr=False)
    record: Record | None = field(repr=False)

    @cached_property
    def grids(self) -> tuple[Grid, ...]:
        """Quantities over layers and steps."""
        return grids(self.record)

    @cached_property
    def profiles(self) -> tuple[LayerProfile, ...]:
        """Quantities over the layers, with theory's band."""
        return profiles(self.record, self.theory)

    @cached_property
    def curves(self) -> tuple[Curve, ...]:
        """Figures over the steps."""
        return curves(self.record)

    @property
    def grid(self) -> Grid | None:
        """log10 gradient norms over layers and steps, the backward signal where only that was recorded; else None."""
        offered = {grid.quantity: grid for grid in self.grids}
        return offered.get("log10_grad_norm") or offered.get("log10_backward_rms")

    @property
    def rows_heading(self) -> str:
        """What `layers` shows, as a heading."""
        return layer_table.heading(row_names.among(self.named), self.step, self.module_rows)

    @property
    def rows_legend(self) -> str:
        """Which of them are what; "" for layers."""
        return row_names.legend(self.named)

    @property
    def forecast_note(self) -> str:
        """Why theory has no one answer: it has none, or seeds go either way; "" where it has."""
        if not self.no_forecast:
            return ""
        return f"{'theory' if self.summary.expected_outcomes else 'no forecast'}: {self.no_forecast}"

    @property
    def blocks(self) -> list[object]:
        """All of it in reading order."""
        said = [
            Check(one.text, one.passed, "" if one.passed else it_is(one.actual)) for one in self.summary.expectations
        ]
        expectations = Checks("expectations", said)
        note = self.forecast_note
        among, legend = row_names.among(self.named), row_names.legend(self.named)
        order = "; ".join(filter(None, [self.ordered_by, legend, "" if self.readout is None else "the readout last"]))
        heading = self.rows_heading[:1].lower() + self.rows_heading[1:]
        files = [name for name in _FILES if (self.path / name).is_file()]
        so_far = self.word == "interrupted" and self.summary.verdict != "not_judged"
        return [
            Title(self.word, self.why, self.name, self.id, self.setting, self.summary.verdict if so_far else ""),
            Findings(self.summary.findings, self.why, self.names),
            Only("markdown", expectations),
            TableBlock("figures", self.figures, headed=False, note=note),
            Lines([*([] if self.data is None else self.data.lines), *self.watched]),
            TableBlock(heading, self.shown_layers, order=order, noun=among, rows=self.order, few=self.few),
            Lines(
                [skipped_words(self.summary.skipped, self.named)] if self.summary.skipped is not None else [], "aside"
            ),
            *theory_block(self.theory, among),
            *([self._heatmap(self.grid)] if self.grid is not None and self.grid.values.size else []),
            Only("terminal", expectations),
            Lines([timing_words(self.timing)] if self.timing.train_seconds > 0 else [], "aside"),
            Only("terminal", Files(self.path, files, apart=False)),
        ]

    def _heatmap(self, grid: Grid) -> Heatmap:
        """The heatmap; of a module its rows that have a value, of many rows in blocks the blocks and what is in none."""
        names, outer = self.names, outermost(self.module_rows)
        if names is None:
            return Heatmap(grid, row_names.noun(self.named))
        folds = bool(outer) and len(names) > MOST_NAMED
        places = [place for place in outer if grid.present[place].any()] if folds else alone(grid, self.module_rows)
        some = replace(grid, values=grid.values[places], present=grid.present[places])
        return Heatmap(some, "block" if folds else "row", tuple(names[place] for place in places))

    @property
    def names(self) -> tuple[str, ...] | None:
        """Names of the rows of somebody's own module; None where rows go by number."""
        return self.named if isinstance(self.named, tuple) else None

    @property
    def module_rows(self) -> ModuleRows | None:
        """What the rows are, where the network is somebody's own module."""
        return None if self.record is None else self.record.rows

    @property
    def readout(self) -> int | None:
        """Row of `layers` that is the readout, None where it is not known."""
        return layer_table.readout_of(self.record)

    @property
    def hidden_first(self) -> tuple[int, ...]:
        """Rows of `layers` without the readout, worst first."""
        return tuple(row for row in self.worst_first if row != self.readout)

    @cached_property
    def few(self) -> list[int | Fold]:
        """Rows of `layers` that a person is shown first, and folds."""
        return layer_table.few(self.order, self.readout, self.module_rows)

    @cached_property
    def shown_layers(self) -> Table:
        """`layers` as people are shown them."""
        return layer_table.for_people(self.layers)

    @property
    def layers_with_theory(self) -> Table:
        """The rows of `layers` with what theory expects of each, for programs."""
        return beside(self.layers, columns(self.theory, len(self.layers.rows)))


def view(run: StoredRun, at: str = "final") -> RunView:
    """Compute what there is to see of a run.

    Raises:
        UsageError: If that step was not recorded.
    """
    row = recorded_row(run.record, at)
    theory = deviations(run.record, forecast_of(run.experiment, run.record))
    layers = Table((), ()) if run.record is None or row is None else layer_table.layer_table(run.record, row)
    order, worst_by = layer_table.worst_first(layers, run.summary, layer_table.readout_of(run.record))
    shown, ordered_by = layer_table.for_reading(
        order, worst_by, layer_table.readout_of(run.record), run.summary.verdict
    )
    return RunView(
        id=run.id,
        name=run.name,
        path=run.path,
        cached=run.cached,
        seed=run.seed,
        summary=run.summary,
        word=word_of(run),
        why=why(run.summary, names_of(run)),
        setting=setting(run.experiment, run.reading),
        figures=_figures(run.summary, theory)
        if isinstance(run.experiment, Experiment)
        else without(_figures(run.summary, ()), {"expected": ""}),
        no_forecast=None if run.summary.expected_backward_decades is not None else run.summary.expected_reason,
        step=None if run.record is None or row is None else int(run.record.steps[row]),
        layers=layers,
        theory=theory,
        worst_first=order,
        worst_by=worst_by,
        order=shown,
        ordered_by=ordered_by,
        timing=run.timing,
        data=data_view(run.summary, run.record),
        watched=watch_words(run.manifest.get("watch")),
        named=names_of(run),
        record=run.record,
    )


def names_of(run: StoredRun) -> row_names.Named:
    """What names the rows of a run; the names of somebody's own module are read from its record."""
    if isinstance(run.experiment, Experiment):
        return run.experiment.model
    rows = None if run.record is None else run.record.rows
    return () if rows is None else tuple(map(layer_table.named, rows.names))


def setting(experiment: AnyExperiment, reading: Reading | None = None) -> str:
    """What was trained, in one line; `reading` is how a file's target was taken, None where that is not known."""
    if not isinstance(experiment, Experiment):
        return module_words(experiment, reading)
    model, train = experiment.model, experiment.train
    length = counted(train.steps, "step") if train.steps is not None else f"{train.epochs:g} epochs"
    parts = [
        *network_words(model),
        start_words(model.init),
        *(() if model.parametrization == "standard" else (model.parametrization,)),
        data_words(experiment.data, reading),
        update_words(train),
        length,
        str(train.dtype),
        f"seed {experiment.seed}",
    ]
    return " · ".join(parts)


def without_seed(setting: str) -> str:
    """A setting's line of several runs that differ in their seed; a watched module has none.

    >>> without_seed("nets:build() · 9 steps · seed 3"), without_seed("nets.Net · AdamW")
    ('nets:build() · 9 steps', 'nets.Net · AdamW')
    """
    return setting.rpartition(" · seed ")[0] or setting


def deciding(summary: Summary) -> Finding | None:
    """The finding that the verdict rests on."""
    supporting = [finding for finding in summary.findings if finding.rule == summary.verdict]
    critical = [finding for finding in summary.findings if finding.severity == "critical"]
    return next(iter([*supporting, *critical]), None)


def why(summary: Summary, named: row_names.Named) -> str:
    """One sentence: what the verdict rests on."""
    outcome = summary.outcome
    if outcome.kind in STATES:
        return outcome.reason or f"the run {'failed' if outcome.kind == 'failed' else 'was interrupted'}"
    finding = deciding(summary)
    if finding is not None:
        return finding.message
    if outcome.reason:
        return outcome.reason
    if outcome.kind == "diverged":
        where = "" if outcome.layer is None else f" in {row_names.named(named, outcome.layer)}"
        return f"the first number that is not finite came at step {outcome.step}{where}"
    if summary.verdict == "healthy":
        return _healthy(summary, named)
    return ""


def _healthy(summary: Summary, named: row_names.Named) -> str:
    parts = []
    if summary.learning_layers is not None:
        learning = counted(summary.learning_layers, {"layer": "hidden layer"}.get(row_names.among(named), "row"))
        parts.append(f"{learning} learn{'s' if summary.learning_layers == 1 else ''}")
    decades = summary.final.get("backward_decades")
    if decades is not None and math.isfinite(decades):
        parts.append(
            f"the gradient changes by {say(decades, 'decades')} decades from the last {_first_and_last(named)}"
        )
    return "; ".join(parts)


def _first_and_last(named: row_names.Named) -> str:
    if isinstance(named, tuple):
        return "row of its chain to the first"
    return "hidden layer to the first" if named.residual is None else "block to the stem"


def _figures(summary: Summary, theory: Sequence[LayerDeviation]) -> Table:
    """Summary figures at the first and the last step; a figure that is null at both is left out."""
    away = theory[0].backward.deviation if theory else None
    deviation = () if away is None else (Field("deviation"),)
    fields = (Field("figure"), Field("init", "figure"), Field("final", "figure"), Field("expected"), *deviation)
    rows: list[tuple[Value, ...]] = []
    for name in [*summary.init, *(name for name in summary.final if name not in summary.init)]:
        first, last = summary.init.get(name), summary.final.get(name)
        if first is None and last is None:
            continue
        kind = figure_kind(name)
        about = (
            (_expected(summary, theory), "" if away is None else f"{signed(away, 1)} sd")
            if name == "backward_decades"
            else ("", "")
        )
        rows.append((name, say(first, kind), say(last, kind), *about))
    if summary.learning_layers is not None:
        rows.append(("learning_layers", "", str(summary.learning_layers), "", ""))
    if summary.skipped is not None:
        rows.append(("skipped_steps", "", str(summary.skipped.steps), "", ""))
    return Table(fields, tuple(row[: len(fields)] for row in rows))


def _expected(summary: Summary, theory: Sequence[LayerDeviation]) -> str:
    """What theory expects of backward_decades at the first step: what a seed typically shows, where that is known."""
    if summary.expected_outcomes:
        told = (
            f"{say(one.backward_decades, 'decades')} ± {say(one.spread, 'decades')}"
            for one in summary.expected_outcomes
        )
        return " or ".join(told)
    expected = theory[0].backward.typical if theory else summary.expected_backward_decades
    if expected is None:
        return ""
    spread = "" if summary.expected_spread is None else f" ± {say(summary.expected_spread, 'decades')}"
    return f"{say(expected, 'decades')}{spread}"


def recorded_row(record: Record | None, at: str) -> int | None:
    """Row of the record that a step's name means, None where nothing was recorded.

    Raises:
        UsageError: If that step was not recorded.
    """
    if at not in ("init", "final") and not (at.isascii() and at.isdigit()):
        raise UsageError(f"--at {at}: expected init, final or a recorded step")
    if record is None or not len(record.steps):
        return None
    if at in ("init", "final"):
        return 0 if at == "init" else record.final_index() or 0
    rows = np.flatnonzero(record.steps == int(at))
    if rows.size:
        return int(rows[0])
    below, above = record.steps[record.steps < int(at)], record.steps[record.steps > int(at)]
    near = " and ".join(str(step) for step in [*below[-1:], *above[:1]])
    raise UsageError(f"--at {at}: that step was not recorded; next to it: {near} (record.every sets which steps are)")
