"""Markdown's face of a comparison."""

from gradlab.config.text import unmentioned
from gradlab.judgement.comparing.comparison import Comparison
from gradlab.report.views.compared_gates import gate_words
from gradlab.report.views.comparison import (
    MOST_ROWS,
    by_letter,
    comparison_table,
    headed,
    profile_table,
    row_heading,
    row_table,
    row_words,
)
from gradlab.report.views.overall import overall_words, spread_words
from gradlab.report.views.side_names import legend_table, named
from gradlab.report.words.table import as_markdown


def comparison_markdown(comparison: Comparison, *, changed_only: bool = False) -> str:
    """A comparison for a pull request: a legend, what differs with the figures, what it comes to, profiles, rows.

    Args:
        comparison: Of two sides or more.
        changed_only: Leave out what is the same.
    """
    lettered = by_letter(comparison)
    parts = [
        as_markdown(legend_table(comparison)),
        as_markdown(headed(comparison_table(lettered, changed_only=changed_only, said=True))),
        "".join(f"- {line}\n" for line in overall_words(comparison, named(comparison))),
        f"{spread_words(comparison)}\n",
        as_markdown(profile_table(lettered)),
    ]
    rows = headed(row_table(lettered, MOST_ROWS))
    if rows.rows:
        parts += [f"{row_heading(comparison, len(rows.rows))}\n", as_markdown(rows)]
    told = "".join(f"- {line}\n" for line in (*row_words(lettered), *gate_words(comparison)))
    return unmentioned("\n".join([*parts, *([told] if told else [])]))
