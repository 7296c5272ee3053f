"""Sweeps, predictions and comparisons in a notebook, as `report.notebook` has runs: HTML without script, every text escaped."""

from collections.abc import Iterable, Sequence

from gradlab.judgement.comparing.comparison import Comparison
from gradlab.judgement.comparing.sweep_pairs import SweepComparison
from gradlab.report.notebook import framed, opened_html, table_html, text_html
from gradlab.report.views import compared_sweeps
from gradlab.report.views.blocks import Check, Checks, Lines, TableBlock, Title
from gradlab.report.views.compared_gates import failed_gates
from gradlab.report.views.comparison import by_letter, comparison_table, headed
from gradlab.report.views.groups import groups_table
from gradlab.report.views.overall import overall_words, spread_words
from gradlab.report.views.prediction import prediction_view
from gradlab.report.views.side_names import legend_table, named
from gradlab.report.views.sweep import Failures, SweepView, groups_title
from gradlab.report.words.table import Table
from gradlab.results.stored import StoredRun
from gradlab.theory.prediction import Prediction

MOST_ROWS = 60
"""Rows of a table; more are for `table` and `groups`."""


def register() -> None:
    """Let predictions and comparisons show themselves; those who make them for Python come by here."""
    Prediction.html = prediction_html
    Comparison.html = comparison_html
    SweepComparison.html = sweep_comparison_html


def sweep_html(view: SweepView, runs: Sequence[StoredRun]) -> str:
    """A sweep as a notebook shows it: what its runs came to, its gates, its groups, and its runs, of which each can be opened."""
    table = groups_table(view.groups, view.axes)
    parts = [
        *_blocks(block for block in view.blocks if isinstance(block, Title | Lines | Failures | Checks)),
        _aside(groups_title(view)),
        _limited(table),
        opened_html(runs),
    ]
    return framed("".join(parts))


def prediction_html(prediction: Prediction) -> str:
    """A prediction as a notebook shows it: what theory expects and why, its figures, and some of its layers."""
    return framed("".join(_blocks(prediction_view(prediction).blocks)))


def comparison_html(comparison: Comparison) -> str:
    """A comparison as a notebook shows it: the sides by letters, what they come to, each figure, and the gates that did not hold."""
    words = overall_words(comparison, named(comparison))
    parts = [
        table_html(legend_table(comparison)),
        *(f"<p><strong>{text_html(line)}</strong></p>" for line in words),
        table_html(headed(comparison_table(by_letter(comparison), changed_only=False, said=True))),
        _aside(spread_words(comparison)),
        *(f"<p>{text_html(line)}</p>" for line in (*comparison.notices, *failed_gates(comparison))),
    ]
    return framed("".join(parts))


def sweep_comparison_html(compared: SweepComparison) -> str:
    """A comparison of two sweeps as a notebook shows it."""
    return framed("".join(_blocks(compared_sweeps.blocks(compared))))


def _blocks(blocks: Iterable[object]) -> Iterable[str]:
    for block in blocks:
        match block:
            case Title(said=said, name=name, setting=setting):
                yield f"<p><strong>{text_html(said)}</strong> {text_html(name)}</p>"
                yield _aside(setting)
            case Lines(texts=texts, style=style):
                yield from (_aside(text) if style == "aside" else f"<p>{text_html(text)}</p>" for text in texts)
            case Failures(runs=runs):
                yield from (f"<p>{text_html(f'{run.word}: {run.name}: {run.reason}')}</p>" for run in runs[:MOST_ROWS])
            case Checks(heading=heading, checks=checks):
                yield from (_check(heading, check) for check in checks)
            case TableBlock() if block.table.rows:
                shown, _ = block.chosen(every=False)
                yield _aside(block.heading)
                yield table_html(block.table, shown)
                yield _aside(block.note)


def _check(heading: str, check: Check) -> str:
    word = "ok" if check.passed else "FAILED"
    said = f": {check.said}" if check.said else ""
    return f"<p>{heading.removesuffix('s')} {word}: {text_html(f'{check.text}{said}')}</p>"


def _aside(text: str) -> str:
    return f'<p class="muted">{text_html(text)}</p>' if text else ""


def _limited(table: Table) -> str:
    more = len(table.rows) - MOST_ROWS
    return table_html(table, range(min(len(table.rows), MOST_ROWS))) + (
        _aside(f"and {more} more rows") if more > 0 else ""
    )
