"""`gradlab compare`."""

from typing import Annotated

import typer

from gradlab.cli.options import DEFAULT_OUT, Face, Format, Out, Quiet, Runs, Version

_FAILED_GATE = 4


def compare(
    runs: Runs,
    changed_only: Annotated[bool, typer.Option("--changed-only", help="Only what differs.")] = False,
    fail_on: Annotated[
        list[str],
        typer.Option(
            "--fail-on",
            metavar="COND",
            help='Exit with 4 where this holds, as in "final.loss > +5%" against the first run; may be repeated.',
        ),
    ] = [],  # noqa: B006  # the command line library copies it
    out: Out = DEFAULT_OUT,
    format: Format = Face.TABLE,
    quiet: Quiet = False,
    version: Version = False,
) -> int:
    """Compare runs with the first: better, the same or worse, with numbers. Seeds of one experiment go together."""
    from rich.text import Text

    from gradlab import api
    from gradlab.cli.output import log, stdout, write, write_json
    from gradlab.judgement.comparing.comparison import compare as compare_runs
    from gradlab.report.terminal.console import print_heading, print_prose, print_table
    from gradlab.report.views.comparison import (
        MOST_ROWS,
        comparison_object,
        comparison_table,
        failed_gates,
        profile_table,
        row_heading,
        row_table,
        row_words,
        spread_words,
    )
    from gradlab.report.words.table import as_csv, as_markdown

    compared = compare_runs([api.load(run, out) for run in runs], fail_on)
    if format is Face.JSON:
        write_json({"schema_version": 1, **comparison_object(compared, changed_only=changed_only)})
    elif format is Face.CSV:
        write(as_csv(comparison_table(compared, changed_only=changed_only, said=False)))
    else:
        figures = comparison_table(compared, changed_only=changed_only, said=True)
        profiles = profile_table(compared)
        rows = row_table(compared, MOST_ROWS)
        if format is Face.MD:
            parts = [as_markdown(figures), f"{spread_words(compared)}\n", as_markdown(profiles)]
            if rows.rows:
                parts += [f"{row_heading(compared, len(rows.rows))}\n", as_markdown(rows)]
            write("\n".join([*parts, *(f"- {line}" for line in row_words(compared))]))
        else:
            console = stdout()
            print_table(console, figures)
            console.print(f"{spread_words(compared)}\n")
            console.print("over relative depth: 0 at the input, 1 at the last hidden layer")
            print_table(console, profiles)
            if rows.rows:
                print_heading(console, row_heading(compared, len(rows.rows)))
                print_table(console, rows)
            for line in row_words(compared):
                print_prose(console, Text(line))
    for line in failed_gates(compared):
        log(line)
    return 0 if compared.passed else _FAILED_GATE
