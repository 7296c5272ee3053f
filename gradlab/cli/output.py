"""The two streams: data on stdout, everything else on stderr."""

import sys
from typing import TYPE_CHECKING, Any

from gradlab.cli.options import Face

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from gradlab.report.words.table import Table


def stdout() -> "Console":
    """The console for data."""
    from gradlab.report.terminal.console import console
    from gradlab.report.terminal.streams import Sink

    return console(Sink(sys.stdout, vital=True))


def write(text: str) -> None:
    """Print data as it is.

    Raises:
        UsageError: If it cannot be written, as on a full disk.
    """
    from gradlab.report.terminal.streams import Sink

    Sink(sys.stdout, vital=True).write(text)


def log(line: str, *, quiet: bool = False) -> None:
    """Tell the person something that is not data."""
    from gradlab.report.terminal.streams import Sink

    if not quiet:
        Sink(sys.stderr, vital=False).write(f"{line}\n")


def write_json(value: Any) -> None:
    """Print strict JSON."""
    from gradlab.results.strict_json import dumps

    write(dumps(value))


def write_view(blocks: "Iterable[object]", table: "Table", face: Face) -> None:
    """Print what a view shows, as CSV its table alone."""
    from gradlab.report.files.markdown import markdown
    from gradlab.report.terminal.blocks import print_blocks
    from gradlab.report.words.table import as_csv

    if face is Face.CSV:
        write(as_csv(table))
    elif face is Face.MD:
        write(markdown(blocks, all_layers=True))
    else:
        print_blocks(stdout(), blocks)


def write_table(table: "Table", face: Face, json_key: str) -> None:
    """Print a table in one of its faces; all have the same columns and rows. JSON has the rows under `json_key`."""
    from gradlab.report.terminal.console import print_table
    from gradlab.report.words.table import as_csv, as_markdown

    if face is Face.JSON:
        write_json({"schema_version": 1, json_key: table.objects()})
    elif face is Face.CSV:
        write(as_csv(table))
    elif face is Face.MD:
        write(as_markdown(table))
    else:
        print_table(stdout(), table)
