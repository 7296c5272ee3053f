"""The two streams: data on stdout, everything else on stderr. A reader that has seen enough is no error."""

import errno
import os
import sys
from typing import TYPE_CHECKING, Any, TextIO

from gradlab.cli.options import Face
from gradlab.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from gradlab.report.table import Table


def stdout() -> "Console":
    """The console for data."""
    from gradlab.report.terminal import console

    return console(sys.stdout)


def write(text: str, stream: TextIO | None = None) -> None:
    """Write text as it is, with what the stream's encoding lacks spelled out.

    Raises:
        UsageError: If it cannot be written, as on a full disk.
    """
    stream = sys.stdout if stream is None else stream
    if not (stream.encoding or "").lower().startswith("utf"):
        from gradlab.report.words import spell

        text = spell(text, stream.encoding or "ascii")
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        silence(stream)
    except OSError as error:
        if error.errno == errno.EPIPE:
            silence(stream)
        else:
            silence(stream)
            raise UsageError(f"cannot write the output: {error.strerror}") from error


def silence(stream: TextIO) -> None:
    """Send what is still written to a stream nowhere: its reader is gone."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def log(line: str, *, quiet: bool = False) -> None:
    """Tell the person something that is not data."""
    if not quiet:
        write(f"{line}\n", sys.stderr)


def write_json(value: Any) -> None:
    """Print strict JSON."""
    from gradlab.results.strict_json import dumps

    write(dumps(value))


def write_table(table: "Table", face: Face, json_key: str) -> None:
    """Print a table in one of its faces; all have the same columns and rows.

    Args:
        table: What to print.
        face: How.
        json_key: Key under which JSON has the rows.
    """
    from gradlab.report.table import as_csv, as_markdown
    from gradlab.report.terminal import print_table

    if face is Face.JSON:
        write_json({"schema_version": 1, json_key: table.objects()})
    elif face is Face.CSV:
        write(as_csv(table))
    elif face is Face.MD:
        write(as_markdown(table))
    else:
        print_table(stdout(), table)
