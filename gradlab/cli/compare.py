"""`gradlab compare`."""

from pathlib import Path
from typing import Annotated

import typer

from gradlab.cli.options import DEFAULT_OUT, Face, Format, FullResult, Out, Quiet, Runs, Version, Where

_FAILED_GATE = 4


def compare(
    runs: Runs = None,
    changed_only: Annotated[bool, typer.Option("--changed-only", help="Show only what differs.")] = False,
    fail_on: Annotated[
        list[str],
        typer.Option(
            "--fail-on",
            metavar="COND",
            help='Exit with 4 where this holds of a figure that is worse than on the first side, as in "final.loss > +5%" or '
            '"change(final.accuracy) < -0.03"; where the seeds do not tell, that is said. May be repeated.',
        ),
    ] = [],  # noqa: B006  # the command line library copies it
    fail_on_any: Annotated[
        list[str],
        typer.Option(
            "--fail-on-any",
            metavar="COND",
            help="Exit with 4 where this holds of the bare figures, whatever the seeds tell; may be repeated.",
        ),
    ] = [],  # noqa: B006  # the command line library copies it
    where: Where = "",
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write the result as JUnit XML.")
    ] = None,
    summary: Annotated[
        Path | None, typer.Option("--summary", metavar="FILE.md", help="Write the result as Markdown, at most 1 MiB.")
    ] = None,
    out: Out = DEFAULT_OUT,
    format: Format = Face.TABLE,
    full: FullResult = False,
    quiet: Quiet = False,
    version: Version = False,
) -> int:
    """Compare runs with the first, or a sweep with another point by point: better, the same or worse, with numbers and intervals. Seeds
    of one experiment go together.
    """
    from gradlab import stored
    from gradlab.cli.compare_sweeps import Asked, compare_two, tell_actions, write_files
    from gradlab.cli.output import in_short, log_sentence, stdout, write, write_json
    from gradlab.cli.result_files import refuse_folders
    from gradlab.cli.selection import choose, log_left_out
    from gradlab.judgement.comparing.comparison import compare_sides
    from gradlab.report.views.compared_gates import failed_gates
    from gradlab.report.views.comparison import comparison_table
    from gradlab.report.views.comparison_data import comparison_object
    from gradlab.report.words.table import as_csv
    from gradlab.results.selection import Selector

    refuse_folders(junit, summary)
    asked = Asked(fail_on, fail_on_any, changed_only, format, junit, summary, quiet, full)
    selector = Selector(out, log_left_out)
    sweeps = stored.two_sweeps(runs, selector, where)
    if sweeps is not None:
        return 0 if compare_two(*sweeps, asked) else _FAILED_GATE
    compared = compare_sides(stored.sides(choose(runs, selector, where)), fail_on, fail_on_any=fail_on_any)
    write_files(compared, asked)
    if format is Face.JSON:
        write_json({"schema_version": 1, **comparison_object(compared, changed_only=changed_only)})
    elif format is Face.CSV:
        write(as_csv(comparison_table(compared, changed_only=changed_only, said=False)))
    elif format is Face.MD:
        from gradlab.report.files.comparison_markdown import comparison_markdown

        write(comparison_markdown(compared, changed_only=changed_only))
    else:
        from gradlab.report.terminal.comparison import print_comparison

        short = in_short(format, full=full)
        print_comparison(stdout(), compared, changed_only=changed_only, short=short, full=full)
    for line in (*compared.notices, *failed_gates(compared)):
        log_sentence(line)
    tell_actions(compared, asked)
    return 0 if compared.passed else _FAILED_GATE
