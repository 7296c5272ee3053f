"""`gradlab export`."""

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from gradlab.cli.options import DEFAULT_OUT, Out, Quiet, Run, Version, Where, directory

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gradlab.results.stored import StoredRun


class Target(StrEnum):
    """What runs are exported to."""

    CSV = "csv"
    TENSORBOARD = "tensorboard"
    WANDB = "wandb"
    MLFLOW = "mlflow"


def export(
    run: Run,
    to: Annotated[Target, typer.Option("--to", case_sensitive=False, help="Choose what is written.")],
    dest: Annotated[
        Path, typer.Argument(metavar="[DEST]", help="Write into this directory.", show_default=False, parser=directory)
    ] = Path("."),
    top: Annotated[
        int | None,
        typer.Option(
            "--top",
            metavar="N",
            min=1,
            help="Give a tracker so many hidden layers of each quantity, worst first; 100 unless told otherwise. CSV has all.",
            show_default=False,
        ),
    ] = None,
    where: Where = "",
    out: Out = DEFAULT_OUT,
    quiet: Quiet = False,
    version: Version = False,
) -> None:
    """Write what was recorded of a run as CSV, whole, or as the offline files of a tracker, layers worst first; of several, each."""
    from gradlab.cli.output import write
    from gradlab.cli.selection import load_runs
    from gradlab.errors import UsageError
    from gradlab.stored import ALL

    if to is Target.CSV and top is not None:
        raise UsageError("--top: is for trackers, --to csv writes every layer")
    told = 0 if to is Target.CSV else ALL  # trackers show what would mend a run
    for one in load_runs([run], out, where, groups=False, advised=told):
        if to is Target.CSV:
            for place in _write_tables(one, dest):
                write(f"{place}\n")
        else:
            write(f"{_track(one, to, dest, top, quiet)}\n")


def _track(run: "StoredRun", to: Target, dest: Path, top: int | None, quiet: bool) -> Path:
    """Export a run to a tracker, tell the person what does not go there and how to look at it, and return the place."""
    from shlex import quote

    from gradlab.cli.output import log
    from gradlab.report.trackers import mlflow, tensorboard, wandb
    from gradlab.report.trackers.contents import MOST_LAYERS, contents_of

    contents = contents_of(run, MOST_LAYERS if top is None else top)
    if to is Target.TENSORBOARD:
        place = tensorboard.write(contents, dest)
        notes = [tensorboard.in_words(contents)]
        look = f"tensorboard --logdir {quote(str(dest))}"
    elif to is Target.WANDB:
        place = wandb.write(contents, dest)
        notes = []
        look = f"wandb leet {quote(str(place))}, or to upload it wandb sync {quote(str(place))}"
    else:
        place = mlflow.write(contents, dest)
        notes = [mlflow.in_words(contents)]
        look = f"mlflow ui --backend-store-uri {quote(f'sqlite:///{place}')}"
    if contents.left_out:
        every = contents.hidden + contents.left_out
        notes.insert(
            0,
            f"{contents.left_out} of {every} {contents.noun} are left out, the worst {contents.hidden} are there; "
            f"--top {every} takes all, --to csv has them too",
        )
    if contents.has_spectrum:
        notes.append("the singular values of the Jacobian are left out, --to csv has them")
    for note in (*filter(None, notes), f"look at it with {look}"):
        log(note, quiet=quiet)
    return place


def _write_tables(run: "StoredRun", dest: Path) -> "Iterable[Path]":
    from functools import partial

    from gradlab.errors import SelectionError
    from gradlab.report.files.run_csv import layer_rows, spectrum_rows, step_rows
    from gradlab.results import whole_file
    from gradlab.results.stored import nothing_recorded

    if run.record is None or not len(run.record.steps):
        raise SelectionError(f"{run.path}: {nothing_recorded(run)}")
    written = [("layers", layer_rows(run.record)), ("steps", step_rows(run.record))]
    if run.record.spectrum is not None:
        written.append(("spectrum", spectrum_rows(run.record.spectrum)))
    for name, rows in written:
        place = dest / f"{Path(os.path.realpath(run.path)).name}.{name}.csv"
        whole_file.write(place, partial(_csv, rows), replace=False, folder=True)
        yield place


def _csv(rows: "Iterable[Sequence[object]]", file: "BinaryIO") -> None:
    import csv
    import io

    text = io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    text.detach()
