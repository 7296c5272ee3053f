"""Runs in a notebook: a verdict, a profile and a table as one piece of HTML, without script, on light and dark backgrounds.

All text is escaped. Nothing here needs IPython: a notebook asks a value for `_repr_html_` and gets text.
"""

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from gradlab.config.quantities import QUANTITIES
from gradlab.config.text import clean_line
from gradlab.judgement.comparing.grouping import grouped
from gradlab.report.figures.axes import span, ticks
from gradlab.report.figures.names import with_room
from gradlab.report.views.run import RunView, view
from gradlab.report.views.run_list import listed, runs_table
from gradlab.report.views.series import LayerProfile, telling
from gradlab.report.views.side_names import names_of_groups, varied_fields
from gradlab.report.words.names import elided
from gradlab.report.words.table import Fold, Table
from gradlab.report.words.values import layers_words
from gradlab.report.words.verdicts import APPEARANCES, word_of
from gradlab.results.record import Float
from gradlab.results.stored import StoredRun
from gradlab.results.thinning import envelope

MOST = 20
"""Runs of a list that can be opened one by one."""

_DRAWN = ("log10_backward_norm", "log10_backward_rms", "log10_grad_norm")
"""The profile that is drawn: the first of these that there is."""

_FIRST, _LAST = "#2a8ac4", "#d9661f"
"""Colours that are read on white and on black."""

_WIDTH, _HEIGHT, _LEFT, _TOP = 680, 190, 56, 8
"""Of the picture without what stands below it, pixels."""

_NAME = 24
"""Letters of a name below the picture."""

_TOLD = 15
"""Rank of the first column that is left out; `layers` of a run has them all."""

_POINTS = 400
"""Points of a line, about."""

STYLE = """<style>
.gradlab-run { font: 13px/1.45 system-ui, sans-serif; max-width: 62rem; }
.gradlab-run .word { color: #fff; border-radius: 3px; padding: 1px 7px; font-weight: 600; outline: 1px solid rgba(128, 128, 128, .6); }
.gradlab-run .muted { opacity: .75; }
.gradlab-run p { margin: .3em 0; overflow-wrap: anywhere; }
.gradlab-run svg { display: block; max-width: 100%; height: auto; color: inherit; }
.gradlab-run .scroll { overflow-x: auto; }
.gradlab-run table { font: inherit; border-collapse: collapse; margin: .4em 0; font-variant-numeric: tabular-nums; }
.gradlab-run th, .gradlab-run td { padding: 1px 8px; text-align: right; white-space: nowrap; background: none; color: inherit; }
.gradlab-run th { border-bottom: 1px solid currentColor; font-weight: 600; }
.gradlab-run th.text, .gradlab-run td.text { text-align: left; }
.gradlab-run td.named { white-space: normal; overflow-wrap: anywhere; min-width: 9em; max-width: 26em; }
</style>"""


def run_html(run: StoredRun) -> str:
    """A run as a notebook shows it: what it came to and why, its profile, its worst layers.

    Returns:
        HTML without script, with every text escaped.
    """
    return framed(_run(run))


def framed(content: str) -> str:
    """Content with the style of all that a notebook shows."""
    return f'{STYLE}<div class="gradlab-run">{content}</div>'


def runs_html(runs: Sequence[StoredRun]) -> str:
    """Runs as a notebook shows them: a single one as `run_html` has it, several as a table of which each can be opened."""
    if len(runs) == 1:
        return run_html(runs[0])
    table = runs_table([listed(run) for run in runs], varied_fields(grouped(runs)))
    return framed(table_html(table) + opened_html(runs))


def opened_html(runs: Sequence[StoredRun]) -> str:
    """Runs that can be opened one by one, the first `MOST` of them, each by what tells it from the others and what it came to."""
    shown = runs[:MOST]
    groups = grouped(shown)
    names = zip(groups, names_of_groups(groups), strict=True)
    told = {run.path: name.told for group, name in names for run in group}
    opened = "".join(
        f"<details><summary>{escape(f'{run.name}-{run.id}')} {text_html(_own(run, told[run.path]))}</summary>{_run(run)}</details>"
        for run in shown
    )
    return opened + (f'<p class="muted">and {len(runs) - MOST} more</p>' if len(runs) > MOST else "")


def _own(run: StoredRun, told: str) -> str:
    seed = "" if run.seed is None else f"seed {run.seed}"
    return ", ".join(filter(None, [told, seed, word_of(run)]))


def _run(run: StoredRun) -> str:
    seen = view(run)
    parts = [
        f"<p>{word_html(seen.word)} <strong>{text_html(seen.name)}</strong> {text_html(seen.why)}</p>",
        f'<p class="muted">{text_html(seen.id)}: {text_html(seen.setting)}</p>',
        *_findings(seen),
        *(f"<p>{text_html(line)}</p>" for line in seen.watched),
        f'<p class="muted">{text_html(seen.forecast_note)}</p>' if seen.forecast_note else "",
        _profile(seen),
    ]
    if seen.layers.rows:
        order = seen.ordered_by if seen.readout is None else f"{seen.ordered_by}; the readout last"
        parts += [
            f'<p class="muted">{text_html(seen.rows_heading)}, {text_html(order)}</p>',
            table_html(seen.shown_layers, seen.few),
        ]
    return "".join(parts)


def _findings(seen: RunView) -> Iterable[str]:
    """What was found beside what the title says, and the remedies."""
    for finding in seen.summary.findings:
        place = "" if finding.layers is None else f" ({layers_words(finding.layers, seen.names)})"
        if finding.message != seen.why:
            yield f"<p>{escape(finding.severity)}: {text_html(finding.rule)}: {text_html(finding.message + place)}</p>"
        if finding.remedy:
            yield f"<p>remedy: {text_html(finding.remedy)}</p>"


def word_html(word: str) -> str:
    """A verdict as it is marked everywhere."""
    shown = APPEARANCES.get(word)
    if shown is None:
        return f"<strong>{text_html(word)}</strong>"
    return f'<span class="word" style="background:{shown.ink}">{shown.glyph} {escape(word)}</span>'


def text_html(text: str) -> str:
    """A text on one line, escaped."""
    return escape(clean_line(text))


def table_html(table: Table, shown: Sequence[int | Fold] | None = None) -> str:
    """A table without the columns that tell least; all of its rows, or those that are shown."""
    table = _telling(table)
    words = table.words()
    kinds = [
        "named" if field.elided else "text" if field.kind in ("text", "time") else "number" for field in table.fields
    ]
    classes = ["text named" if kind == "named" else kind for kind in kinds]
    head = "".join(
        f'<th class="{one}">{text_html(field.name)}</th>' for one, field in zip(classes, table.fields, strict=True)
    )
    body = []
    for row in range(len(words)) if shown is None else shown:
        if isinstance(row, Fold):
            noun = "row" if kinds[:1] == ["named"] else "layer"
            body.append(f'<tr><td class="text muted" colspan="{len(kinds)}">{text_html(row.words(noun))}</td></tr>')
        else:
            cells = (f'<td class="{one}">{text_html(word)}</td>' for one, word in zip(classes, words[row], strict=True))
            body.append(f"<tr>{''.join(cells)}</tr>")
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(body)}</tbody></table></div>'


def _telling(table: Table) -> Table:
    """A table without the columns that tell least."""
    kept = [place for place, field in enumerate(table.fields) if field.rank < _TOLD]
    rows = tuple(tuple(row[place] for place in kept) for row in table.rows)
    return Table(tuple(table.fields[place] for place in kept), rows)


# The picture: lines along the chains of a module or over the hidden layers, points beside them, a ring for the readout.


def _profile(seen: RunView) -> str:
    """The profile as SVG, "" where there is none."""
    profile = next((one for name in _DRAWN for one in seen.profiles if one.quantity == name), None)
    if profile is None:
        return ""
    lines = [(profile.init.line, _FIRST, f"step {profile.init_step}")]
    if profile.final is not None:
        lines.append((profile.final.line, _LAST, f"step {profile.final_step}"))
    if not any(np.isfinite(values).any() for values, _, _ in lines):
        return ""
    low, high = span([values for values, _, _ in lines])
    below = 24 if seen.names is None else 22 + 5.6 * max(map(len, elided(seen.names, _NAME)))
    across = _Across(len(profile.layers))
    parts = [_frame(seen, across, low, high), *_theory(profile, across, low, high)]
    for values, color, _ in lines:
        parts += _drawn(seen, values, color, across, low, high)
    label = QUANTITIES[profile.quantity].label
    key = "  ".join(f'<tspan fill="{color}">● {escape(words)}</tspan>' for _, color, words in lines)
    key += "" if profile.band is None else "  ┄ what theory expects"
    title = f"{label} over the {'layers' if seen.names is None else 'rows'}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT + below + 22:.0f}" width="{_WIDTH}" role="img" '
        f'aria-label="{escape(title)}" font-family="system-ui, sans-serif" font-size="11" fill="currentColor">'
        f'<text x="{_LEFT}" y="13" xml:space="preserve">{escape(label)}: {key}</text>'
        f'<g transform="translate(0 20)">{"".join(parts)}</g></svg>'
    )


class _Across:
    """Where a layer stands, from 0."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __call__(self, place: float) -> float:
        room = _WIDTH - _LEFT - 14
        return _LEFT + 7 + room * (place / (self.number - 1) if self.number > 1 else 0.5)


def _up(value: float, low: float, high: float) -> float:
    return _TOP + (_HEIGHT - _TOP) * (high - value) / (high - low)


def _frame(seen: RunView, across: _Across, low: float, high: float) -> str:
    """Axes with their ticks."""
    parts = [f'<path d="M{_LEFT} {_TOP}V{_HEIGHT}H{_WIDTH}" fill="none" stroke="currentColor" opacity=".6"/>']
    for place in ticks(low, high, 5)[0]:
        y = _up(place, low, high)
        parts.append(f'<path d="M{_LEFT} {y:.1f}H{_WIDTH}" stroke="currentColor" opacity=".15"/>')
        parts.append(f'<text x="{_LEFT - 5}" y="{y + 4:.1f}" text-anchor="end">{_power(place)}</text>')
    rows, names = seen.module_rows, seen.names
    if rows is not None and names is not None:
        short = elided(names, _NAME)
        for place in with_room(len(names), [*telling(rows)], 7.0):
            turned = f"translate({across(place):.1f} {_HEIGHT + 6}) rotate(-90)"
            parts.append(
                f'<text transform="{turned}" text-anchor="end" dy="4" font-size="10">{text_html(short[place])}</text>'
            )
        return "".join(parts)
    places = sorted({0, across.number // 2, across.number - 1})
    parts += [
        f'<text x="{across(place):.1f}" y="{_HEIGHT + 15}" text-anchor="middle">{place + 1}</text>' for place in places
    ]
    return "".join(parts)


def _power(place: float) -> str:
    """A tick's label, given its log10."""
    if abs(place) <= 3:
        return f"{10.0**place:.3g}"
    return f'10<tspan dy="-4" font-size="8">{place:.0f}</tspan>'


def _theory(profile: LayerProfile, across: _Across, low: float, high: float) -> Iterable[str]:
    """What theory expects a seed to show, where it has an answer."""
    if profile.band is not None:
        places = [float(layer - 1) for layer in profile.band.layers]
        line = _line(places, np.clip(profile.band.typical, low, high), across, low, high)
        yield f'<path d="{line}" fill="none" stroke="currentColor" stroke-dasharray="2 3" opacity=".8"/>'


def _drawn(seen: RunView, values: Float, color: str, across: _Across, low: float, high: float) -> Iterable[str]:
    rows = seen.module_rows
    chains = [tuple(range(len(values) - 1))] if rows is None else list(rows.chains)
    readout = seen.readout
    chained = {row for chain in chains for row in chain}
    faint = 'r="1.6" opacity=".5"' if chains else 'r="2.4"'
    for row, value in enumerate(values.tolist()):
        x = across(row)
        if value == -np.inf:
            yield f'<path d="M{x - 3:.1f} {_HEIGHT - 6}h6l-3 5z" fill="{color}"><title>zero</title></path>'
        elif value == np.inf:
            yield f'<path d="M{x - 3:.1f} {_TOP}l6 6m0 -6l-6 6" stroke="{color}"><title>not finite</title></path>'
        elif np.isfinite(value) and row == readout:
            yield f'<circle cx="{x:.1f}" cy="{_up(value, low, high):.1f}" r="3.5" fill="none" stroke="{color}" stroke-width="1.5"/>'
        elif np.isfinite(value) and row not in chained:
            yield f'<circle cx="{x:.1f}" cy="{_up(value, low, high):.1f}" {faint} fill="{color}"/>'
    for chain in chains:
        own = np.array([row for row in chain if not np.isnan(values[row])], dtype=np.int64)
        kept = own[envelope(values[own], most=_POINTS)] if own.size else own
        line = _line([float(row) for row in kept], values[kept], across, low, high)
        yield f'<path d="{line}" fill="none" stroke="{color}" stroke-width="1.8" stroke-linejoin="round"/>'
        if kept.size <= 40:
            for row in kept[np.isfinite(values[kept])].tolist():
                yield f'<circle cx="{across(row):.1f}" cy="{_up(values[row], low, high):.1f}" r="2.4" fill="{color}"/>'


def _line(places: Sequence[float], values: Float, across: _Across, low: float, high: float) -> str:
    """A path, with a gap where a value is not finite."""
    parts, pen = [], "M"
    for place, value in zip(places, values.tolist(), strict=True):
        if not np.isfinite(value):
            pen = "M"
            continue
        parts.append(f"{pen}{across(place):.1f} {_up(value, low, high):.1f}")
        pen = "L"
    return "".join(parts)
