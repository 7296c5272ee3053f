"""`gradlab du`."""

from typing import TYPE_CHECKING

from gradlab.cli.options import DEFAULT_OUT, Face, Format, Out, Quiet, RunsOrSweep, Version, Where

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gradlab.results.room import Taken


def du(
    runs: RunsOrSweep = None,
    where: Where = "",
    out: Out = DEFAULT_OUT,
    format: Format = Face.TABLE,
    quiet: Quiet = False,
    version: Version = False,
) -> None:
    """Say what takes the room: a line a name, the most first."""
    from gradlab.cli.output import log, write_json, write_table
    from gradlab.report.words.table import Field, Table
    from gradlab.results.room import Room

    rows = _rows(runs or [], where, out)
    if not rows:
        log(f"no runs in {out}; `gradlab run CONFIG` makes one, --out names another place", quiet=quiet)
    fields = (
        Field("what", rank=1),
        Field("name"),
        Field("count", "integer", 2),
        Field("files", "integer", 3),
        Field("bytes", "bytes"),
        Field("disk_bytes", "bytes", 4),
    )
    cells = [
        (row.what, row.name or None, row.count, row.room.files, row.room.bytes, row.room.disk_bytes) for row in rows
    ]
    whole = sum((row.room for row in rows), Room())
    table = Table(fields, tuple(cells))
    if format is Face.JSON:
        write_json({"schema_version": 1, "rows": table.objects(), "total": vars(whole)})
    elif format is Face.CSV:
        write_table(table, format, "rows")
    elif rows:
        total = ("total", None, None, whole.files, whole.bytes, whole.disk_bytes)
        write_table(Table(fields, (*cells, total)), format, "rows")


def _rows(names: "Sequence[str]", where: str, out: "Path") -> "list[Taken]":
    """What takes the room, or what some runs and sweeps take of it.

    Raises:
        SelectionError: If a word means nothing, or no run meets the condition.
        UsageError: If the directory cannot be read.
    """
    from gradlab.errors import UsageError
    from gradlab.results.room import taken, taken_by
    from gradlab.results.store import reason_of

    if not names and not where:
        try:
            return taken(out)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise UsageError(f"{out}: cannot be read as a directory of runs ({reason_of(error)})") from None
    from gradlab.cli.selection import log_left_out
    from gradlab.keeping import chosen_handles
    from gradlab.results.selection import Selector

    selector = Selector(out, log_left_out)
    handles = chosen_handles(selector, names, where)
    selections = [selector.select(name) for name in names]
    places = {} if where else {found.place.path: found.place.name for found in selections if found.place is not None}
    return taken_by(handles, [(name, path) for path, name in places.items()])
