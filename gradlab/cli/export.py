"""`gradlab export`."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gradlab.cli.options import DEFAULT_OUT, Out, Quiet, Run, Version

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Target(StrEnum):
    """What runs are exported to."""

    CSV = "csv"


def export(
    run: Run,
    to: Annotated[Target, typer.Option("--to", help="What to export to.")],
    dest: Annotated[Path, typer.Argument(metavar="[DEST]", help="Directory to write into.", show_default=False)] = Path(
        "."
    ),
    out: Out = DEFAULT_OUT,
    quiet: Quiet = False,
    version: Version = False,
) -> None:
    """Write everything that was recorded of a run as CSV: a row a (step, layer), a row a step, a row a singular value."""
    from gradlab.cli.output import write
    from gradlab.errors import SelectionError
    from gradlab.report.long_csv import layer_rows, spectrum_rows, step_rows
    from gradlab.results.store import Store

    stored = Store(out).load(run)
    if stored.record is None:
        raise SelectionError(f"{stored.path}: nothing was recorded, the run failed before its first step")
    written = [("layers", layer_rows(stored.record)), ("steps", step_rows(stored.record))]
    if stored.record.spectrum is not None:
        written.append(("spectrum", spectrum_rows(stored.record.spectrum)))
    for name, rows in written:
        place = dest / f"{stored.path.resolve().name}.{name}.csv"
        _write_new(place, rows)
        write(f"{place}\n")


def _write_new(place: Path, rows: "Iterable[Sequence[object]]") -> None:
    """Write a CSV file that is not there yet; half a file is not left behind."""
    import csv

    from gradlab.errors import UsageError

    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        file = place.open("x", newline="", encoding="utf-8")
    except FileExistsError:
        raise UsageError(f"{place}: is there already and is not overwritten") from None
    except OSError as error:
        raise UsageError(f"{place}: cannot be written ({error.strerror})") from error
    try:
        with file:
            csv.writer(file, lineterminator="\n").writerows(rows)
    except BaseException as error:
        place.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise UsageError(f"{place}: could not be written ({error.strerror})") from error
        raise
