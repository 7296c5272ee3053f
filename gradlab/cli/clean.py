"""`gradlab clean`."""

from gradlab.cli.options import DEFAULT_OUT, Face, Format, Out, Quiet, Version


def clean(out: Out = DEFAULT_OUT, format: Format = Face.TABLE, quiet: Quiet = False, version: Version = False) -> None:
    """Remove what crashes left behind, and say what."""
    from gradlab.cli.output import log, write_table
    from gradlab.report.words.table import Field, Table
    from gradlab.results.store import Store

    removed = Store(out).clean()
    if removed or format is not Face.TABLE:
        write_table(Table((Field("removed"),), tuple((str(path),) for path in removed)), format, "removed")
    else:
        log(f"nothing to remove in {out}", quiet=quiet)
