"""`gradlab clean`."""

from gradlab.cli.options import DEFAULT_OUT, Face, Format, Out, Quiet, Version


def clean(out: Out = DEFAULT_OUT, format: Format = Face.TABLE, quiet: Quiet = False, version: Version = False) -> None:
    """Remove what crashes left behind, and say what."""
    from gradlab.cli.output import log, write_table
    from gradlab.errors import UsageError
    from gradlab.report.words.table import Field, Table
    from gradlab.results.store import Store

    kept: list[str] = []
    removed = Store(out).clean(lambda path, reason: kept.append(f"{path}: cannot be removed ({reason})"))
    if removed or format is not Face.TABLE:
        write_table(Table((Field("removed"),), tuple((str(path),) for path in removed)), format, "removed")
    elif not kept:
        log(f"nothing to remove in {out}", quiet=quiet)
    if kept:
        raise UsageError("\n".join(kept))
