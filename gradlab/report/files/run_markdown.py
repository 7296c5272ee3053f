"""Markdown's face of a run: `summary.md` in the run directory, and `--format md`."""

from gradlab.report.views import theory as deviations
from gradlab.report.views.run import HEAD, TAIL, RunView
from gradlab.report.words.table import Fold, Table, as_markdown, folded
from gradlab.report.words.values import layers_words, timing_words


def summary(view: RunView, *, all_layers: bool = False) -> str:
    """A run for reading: verdict and why, findings, figures, layers worst first, expectations.

    Args:
        view: What there is to see.
        all_layers: List every layer; otherwise a long network is folded in the middle.
    """
    parts = [f"# {view.name}: {view.word}\n", f"{view.why}\n" if view.why else "", f"{view.setting}\n"]
    parts += [f"id `{view.id}`\n"]
    parts += [_findings(view), _expectations(view)]
    parts += [f"## Figures\n\n{as_markdown(view.figures)}"] if view.figures.rows else []
    parts += [f"No forecast: {view.no_forecast}\n"] if view.no_forecast and view.figures.rows else []
    parts += [_layers(view, all_layers)] if view.layers.rows else []
    parts += [_theory(view, all_layers)]
    parts += [f"{timing_words(view.timing)}\n"] if view.timing.train_seconds > 0 else []
    return "\n".join(part for part in parts if part)


def _findings(view: RunView) -> str:
    """Every finding with its place and remedy."""
    lines = []
    for finding in view.summary.findings:
        place = "" if finding.layers is None else f", {layers_words(finding.layers)}"
        lines.append(
            f"- **{finding.rule}** ({finding.severity}{place}, since step {finding.since_step}): {finding.message}"
        )
        lines += [f"  Remedy: {finding.remedy}"] if finding.remedy else []
    return "## Findings\n\n" + "\n".join(lines) + "\n" if lines else ""


def _expectations(view: RunView) -> str:
    """Every condition of the config, and whether it held."""
    lines = [
        f"- {'ok' if item.passed else '**FAILED**'}: `{item.text}`{'' if item.passed else f' (it is {item.actual})'}"
        for item in view.summary.expectations
    ]
    return "## Expectations\n\n" + "\n".join(lines) + "\n" if lines else ""


def _layers(view: RunView, all_layers: bool) -> str:
    """The layer table, worst first, the readout last."""
    order: list[int | Fold] = list(view.worst_first)
    if not all_layers:
        order = [*folded(view.worst_first[:-1], HEAD, TAIL), view.worst_first[-1]]
    before = [row for row in order if not isinstance(row, Fold)]
    folds = [item for item in order if isinstance(item, Fold)]
    table = as_markdown(Table(view.layers.fields, tuple(view.layers.rows[row] for row in before)))
    if folds:
        lines = table.splitlines()
        cells = [folds[0].words("layer"), *[""] * (len(view.layers.fields) - 1)]
        lines.insert(2 + HEAD, "| " + " | ".join(cells) + " |")
        table = "\n".join(lines) + "\n"
    return f"## Layers at step {view.step}\n\nThe {view.worst_by}; the readout last.\n\n{table}"


def _theory(view: RunView, all_layers: bool) -> str:
    """Expected beside measured at step 0, "" where there is nothing to compare."""
    said = deviations.sentence(view.theory)
    if not said:
        return ""
    table = deviations.table(view.theory)
    places = range(len(table.rows)) if all_layers else deviations.shown(view.theory)
    part = "" if len(places) == len(table.rows) else f", {len(places)} of {len(table.rows)} layers"
    shown = as_markdown(Table(table.fields, tuple(table.rows[place] for place in places)))
    return (
        f"## Theory beside the measurement at step 0{part}\n\n{said[0].upper()}{said[1:]}; {deviations.READING}.\n\n"
        f"{shown}"
    )
