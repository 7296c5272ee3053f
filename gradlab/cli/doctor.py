"""`gradlab doctor`."""

from gradlab.cli.options import DEFAULT_OUT, Face, Format, Out, Quiet, Version

_FAILED = 3


def doctor(out: Out = DEFAULT_OUT, format: Format = Face.TABLE, quiet: Quiet = False, version: Version = False) -> int:
    """Say what gradlab runs on here, and whether anything stands in its way."""
    from gradlab.cli.output import write_table
    from gradlab.execution.machine import examine
    from gradlab.report.words.table import Field, Table

    rows = tuple((what, "ok" if fine else "problem", found) for what, fine, found in examine(out))
    fields = (Field("what"), Field("state"), Field("found"))
    write_table(Table(fields, rows), format, "checks")
    return 0 if all(state == "ok" for _, state, _ in rows) else _FAILED
