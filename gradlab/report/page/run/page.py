"""The page of one run: verdict and findings, each with its picture; profiles with theory's band, heatmap, curves, seeds, layers."""

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gradlab.config import regular_files, row_names
from gradlab.config.quantities import QUANTITIES
from gradlab.config.text import clean_line
from gradlab.judgement.comparing.samples import depth_of
from gradlab.report.page.shared import arrays
from gradlab.report.page.shared.document import render
from gradlab.report.page.shared.links import link
from gradlab.report.views import layer_table
from gradlab.report.views import theory as deviations
from gradlab.report.views.run import RunView
from gradlab.report.views.said import said_of
from gradlab.report.views.seeds import SeedDistribution, distributions, same_experiment
from gradlab.report.views.series import BLOCK, DRAWN, SCHEDULES, Band, Curve, LayerProfile
from gradlab.report.words.table import Fold
from gradlab.report.words.values import Kind, power, say, spoken, timing_words
from gradlab.report.words.verdicts import PICTURES, word_of
from gradlab.results.finding import Finding
from gradlab.results.listing import ListedRun
from gradlab.results.record import Column, Float
from gradlab.results.run_files import TRACEBACK
from gradlab.results.stored import StoredRun
from gradlab.results.thinning import envelope, thinned

SWITCH = (
    "log10_grad_norm", "log10_backward_rms", "forward_rms", "log10_update_ratio", "inactive_fraction", "dead_fraction",
)  # fmt: skip
"""Quantities that the heatmap's switch offers whether they were recorded or not."""

MOST_ROWS = 1_000
"""Layers that the table holds; of a longer network the worst."""


@dataclass(frozen=True)
class _Picture:
    """A picture with a heading of its own, which the page's script draws in the element `NAME-plot`; its words are for
    a reader who cannot see it.
    """

    name: str
    heading: str
    note: str
    words: str
    data: dict[str, Any] | None


def run_page(run: StoredRun, view: RunView, page: Path, listed: Sequence[ListedRun] = ()) -> str:
    """The page of a run, whose seeds are looked for among the listed runs; its links start at the page's file."""
    seeds = distributions(run, same_experiment(run, listed))
    seen_seeds = sorted({other.seed for one in seeds for other in one.runs if other.seed is not None})
    seen = [_seen(finding, view) for finding in view.summary.findings]
    rows = view.order if view.layers.rows and view.record is not None and view.record.layers else ()
    if len(rows) > MOST_ROWS:
        kept = {*view.worst_first[: MOST_ROWS - 1], rows[-1]}
        rows = tuple(row for row in rows if row in kept)
    blocks = view.module_rows is not None and BLOCK in view.module_rows.kinds
    folds = view.few if blocks and any(isinstance(place, Fold) for place in view.few) else ()
    theory = deviations.table(view.theory) if deviations.sentence(view.theory) else None
    pictures = _pictures(view)
    places = list(range(len(view.theory))) if len(view.theory) <= 200 else deviations.shown(view.theory)
    return render(
        "run",
        f"{view.name}: {view.word}",
        {
            "file": f"{view.name}-{view.id}",
            "depth": depth_of(run),
            "module": arrays.module(view.module_rows),
            "noun": row_names.noun(view.named),
            "profiles": [_profile(profile) for profile in view.profiles],
            "grids": [arrays.grid(grid, rows=view.module_rows) | {"noun": row_names.noun(view.named)} for grid in view.grids],
            "curves": [_curve(curve) for curve in view.curves],
            "constant": _constant(view),
            "columns": _columns(view),
            "diverged": view.summary.outcome.step if view.summary.outcome.kind == "diverged" else None,
            "seeds": [_seeds(one, run, page) for one in seeds] if len(seen_seeds) > 1 else [],
            **{one.name: one.data for one in pictures},
            "few": [place + 1 for place in folds if isinstance(place, int)],
            "findings": [
                {"anchor": one["anchor"], "quantity": one["quantity"], "layers": finding.layers, "step": finding.since_step}
                for one, finding in zip(seen, view.summary.findings, strict=True)
            ],
        },
        view=view,
        findings=seen,
        config=_text(run.path / "config.yaml"),
        facts=_facts(run),
        timing=timing_words(view.timing) if view.timing.train_seconds > 0 else "",
        against=any(profile.band is not None for profile in view.profiles),
        profiles=[(profile, _profile_words(profile, view.named)) for profile in view.profiles],

        switch=_switch(view),
        curves=_curve_figures(view),
        seeds=[] if run.seed is None else seeds,
        seed_runs=seen_seeds,
        pictures=[one for one in pictures if one.data is not None],
        rows=rows,
        folds=bool(folds),
        theory=theory,
        theory_rows=places,
        theory_words=deviations.sentence(view.theory),
        reading=deviations.READING,
        nothing=_nothing(run),
        said_below=any(finding.message == view.why for finding in view.summary.findings),
        constant=_constant(view).get("loss") is not None,
        traceback=_text(run.path / TRACEBACK) if run.outcome == "failed" else "",
    )  # fmt: skip


def _switch(view: RunView) -> list[tuple[str, str, bool]]:
    """What the heatmap can show: quantity, label, and whether it was recorded."""
    recorded = [grid.quantity for grid in view.grids]
    names = dict.fromkeys((*SWITCH, *recorded))
    return [(name, QUANTITIES[name].label, name in recorded) for name in names]


def _nothing(run: StoredRun) -> str:
    """Why there is nothing to draw; "" where there is something."""
    record = run.record
    if record is None:
        return "Nothing was recorded: the run ended before its first step."
    if not len(record.steps):
        return "Nothing was recorded: the run ended before a step was taken down."
    if not record.layers:
        return (
            "No layer was recorded (record.quantities: none), so there is no profile and no heatmap;"
            " record.quantities: default draws them."
        )
    return ""


def _seen(finding: Finding, view: RunView) -> dict[str, Any]:
    """A finding with the picture that shows it."""
    drawn = {
        "data": {"sizes", "columns"} if view.data is not None else set(),
        "profile": {profile.quantity for profile in view.profiles},
        "heatmap": {grid.quantity for grid in view.grids},
        "curve": {curve.quantity for curve in view.curves},
    }
    for kind, told in PICTURES.get(finding.rule, ()):
        quantity = layer_table.ALONG.get(told, told) if view.names is not None else told
        if quantity in drawn[kind]:
            if kind == "data":
                return {"finding": finding, "anchor": kind, "quantity": "", "words": "what the data are like"}
            anchor = kind if kind == "heatmap" else f"{kind}-{quantity}"
            layers = "layers" if view.names is None else "rows"
            over = {"profile": f"over the {layers}", "heatmap": f"over {layers} and steps", "curve": "over the steps"}[
                kind
            ]
            words = f"{QUANTITIES[quantity].label} {over}"
            return {"finding": finding, "anchor": anchor, "quantity": quantity, "words": words}
    return {"finding": finding, "anchor": None, "quantity": ""}


def _profile(profile: LayerProfile) -> dict[str, Any]:
    lines = [one.line for one in (profile.init, profile.final) if one is not None]
    places = envelope(*lines, most=arrays.MOST_POINTS)

    def numbers(column: Column) -> list[float | None]:
        return arrays.numbers(column.values[places], column.present[places])

    return {
        "quantity": profile.quantity,
        "label": QUANTITIES[profile.quantity].label,
        "layers": profile.layers[places].tolist(),
        "init": numbers(profile.init),
        "final": None if profile.final is None else numbers(profile.final),
        "init_step": profile.init_step,
        "final_step": profile.final_step,
        "band": None if profile.band is None else _band(profile.band),
        "thinned": len(places) < len(profile.layers),
    }


def _band(band: Band) -> dict[str, Any]:
    places = thinned(len(band.layers), arrays.MOST_POINTS)
    return {
        "layers": band.layers[places].tolist(),
        "expected": arrays.numbers(band.expected[places]),
        "typical": arrays.numbers(band.typical[places]),
        "spread": arrays.numbers(band.spread[places], ~np.isnan(band.spread[places])),
    }


def _profile_words(profile: LayerProfile, named: row_names.Named) -> str:
    init = profile.init
    ends = [_size(float(init.values[place])) if init.present[place] else "no value" for place in (0, -1)]
    band = "" if profile.band is None else ", with what theory expects"
    over = "layers" if not isinstance(named, tuple) else "rows"
    return (
        f"{QUANTITIES[profile.quantity].label} over the {over} at step {profile.init_step}: {ends[0]} in "
        f"{row_names.named(named, 1)}, {ends[1]} in {_readout(profile, named)}{band}"
    )


def _readout(profile: LayerProfile, named: row_names.Named) -> str:
    if isinstance(named, tuple):
        return row_names.named(named, len(profile.layers))
    return f"layer {len(profile.layers)}, the readout" if named.residual is None else "the readout"


def _size(log10: float) -> str:
    """A size in words, given its log10: as it is where that is short, else as a power of ten."""
    return say(10.0**log10) if -3 < log10 < 4 else power(log10)


def _curve(curve: Curve) -> dict[str, Any]:
    drawn = arrays.line(curve)
    return {**arrays.named(curve.quantity), **drawn, "thinned": len(drawn["steps"]) < len(curve.steps)}


def _curve_figures(view: RunView) -> list[tuple[str, str, str]]:
    """The figures over steps: element, title, and what it shows in words."""
    told = {curve.quantity: curve for curve in view.curves}
    found = []
    for name in DRAWN:
        curve = told.get(name)
        if curve is None or (name in SCHEDULES and len(set(curve.values.tolist())) < 2):
            continue
        kind: Kind = "decades" if curve.scale == "decades" else "figure"
        first, last = (f"{spoken(float(curve.values[place]), kind)} at step {curve.steps[place]}" for place in (0, -1))
        label = QUANTITIES[name].label
        found.append((f"curve-{name}", label, f"{label} over the steps: {first}, {last}"))
    return found


def _constant(view: RunView) -> dict[str, float | None]:
    """What the best answer that does not look at the inputs has, by quantity."""
    if view.record is None:
        return {}
    return {"loss": view.record.constant_loss, "accuracy": view.record.constant_accuracy}


def _columns(view: RunView) -> dict[str, Any] | None:
    """The columns of the inputs for a picture, sizes as log10; None where one of them is as another."""
    if view.data is None or view.data.columns is None:
        return None
    held = view.data.columns
    with np.errstate(divide="ignore"):
        means, deviations = (np.log10(np.abs(values)) for values in (held.means, held.deviations))
    return {"names": list(held.names), "means": arrays.numbers(means), "deviations": arrays.numbers(deviations)}


def _seeds(one: SeedDistribution, run: StoredRun, page: Path) -> dict[str, Any]:
    return {
        "figure": one.figure,
        "scale": {"decades": "ratio", "share": "share"}.get(one.kind, "figure"),
        "seeds": [other.seed for other in one.runs],
        "values": list(one.values),
        "mean": one.mean,
        "sd": one.sd,
        "words": [word_of(other) for other in one.runs],
        "ids": [other.id for other in one.runs],
        "links": [link(page, other.path) for other in one.runs],
        "own": [other.id == run.id for other in one.runs],
        "expected": None if one.expected is None else {"typical": one.expected[0], "spread": one.expected[1]},
    }


def _pictures(view: RunView) -> tuple[_Picture, ...]:
    return (
        _Picture(
            "spectrum", "Singular values of the Jacobian", "Of ∂z_depth/∂z_l: largest, median and smallest, over examples and directions.",
            "largest, median and smallest singular value of the Jacobian over the layers", _spectrum(view),
        ),
    )  # fmt: skip


def _spectrum(view: RunView) -> dict[str, Any] | None:
    """Singular values of the Jacobian: for each layer and step its quantiles over examples and directions."""
    held = None if view.record is None else view.record.spectrum
    if held is None:
        return None
    values = held.log10_s.line
    flat = values.reshape(*values.shape[:2], -1)
    ordered = [[np.sort(row[~np.isnan(row)]) for row in step] for step in flat]

    def quantiles(of: Callable[[Float], Any]) -> list[list[float | None]]:
        return [[float(of(part)) if len(part) else None for part in step] for step in ordered]

    low, high = quantiles(operator.itemgetter(0)), quantiles(operator.itemgetter(-1))
    layers = held.layers.tolist()
    return {"steps": held.steps.tolist(), "layers": layers, "low": low, "median": quantiles(_median), "high": high}


def _median(ordered: Float) -> float:
    """The middle of ordered values, the mean of the two middle ones; what is infinite is no failure of a mean but the answer.

    >>> _median(np.array([-1.0, 0.0])), _median(np.array([-np.inf, np.inf]))
    (-0.5, inf)
    """
    below, above = float(ordered[(len(ordered) - 1) // 2]), float(ordered[len(ordered) // 2])
    return math.inf if above == math.inf else (below + above) / 2


_MOST_TEXT = 1 << 20
"""Bytes of a traceback that a page takes."""


def _text(path: Path) -> str:
    """A text of the run's directory, "" where it is not there."""
    try:
        return regular_files.content(path, _MOST_TEXT).decode("utf-8", "replace")
    except OSError:
        return ""


def _facts(run: StoredRun) -> list[tuple[str, str]]:
    """Where, when and with what it was trained."""
    told = {str(key): _fact(value) for key, value in run.manifest.items() if isinstance(value, str | int | float)}
    argv = run.manifest.get("argv")
    command = clean_line(" ".join(str(word) for word in argv)) if isinstance(argv, list) else ""
    watched = run.manifest.get("watch")
    seen = watched.items() if isinstance(watched, Mapping) else ()
    told |= {str(key): _fact(value) for key, value in seen if value is not None and value != []}
    return [*said_of(run).items(), ("directory", clean_line(str(run.path))), ("command", command), *told.items()]


def _fact(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return clean_line("; ".join(map(str, value)) if isinstance(value, list) else str(value))
