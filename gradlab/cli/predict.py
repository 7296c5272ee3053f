"""`gradlab predict`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gradlab.cli.options import DEFAULT_OUT, Face, Format, FullPrediction, HiddenOut, Quiet, Set, Version

if TYPE_CHECKING:
    from gradlab.config.sweeps.sweep import Sweep
    from gradlab.datasets import Dataset


def predict(
    config: Annotated[
        Path,
        typer.Argument(
            metavar="CONFIG",
            help="Read an experiment from this YAML file, or a sweep, of which each member gets a line.",
        ),
    ],
    set_: Set = [],  # noqa: B006  # the command line library copies it
    out: HiddenOut = DEFAULT_OUT,
    format: Format = Face.TABLE,
    full: FullPrediction = False,
    quiet: Quiet = False,
    version: Version = False,
) -> None:
    """Say what theory expects of the gradients before the first update, layer by layer. Nothing is trained."""
    from gradlab.cli.output import in_short, log, write_json, write_view
    from gradlab.config.experiment import Experiment
    from gradlab.config.reading import document
    from gradlab.config.sweeps import sweep
    from gradlab.config.sweeps.file_kind import is_sweep
    from gradlab.errors import ConfigError
    from gradlab.report.views.blocks import in_full
    from gradlab.report.views.prediction import prediction_view
    from gradlab.report.views.prediction_in_short import short_blocks
    from gradlab.report.views.unanswered import unanswered
    from gradlab.theory.prediction import predict as predicted

    if is_sweep(config):
        members = sweep.load(config, set_, trains=False)
        for line in members.notices:
            log(line, quiet=quiet)
        _sweep(members, format, full=full, quiet=quiet)
        return
    asked = document.load(config, set_, trains=False)
    for line in asked.notices:
        log(line, quiet=quiet)
    try:
        one = asked.experiment
        seen = prediction_view(predicted(one)) if isinstance(one, Experiment) else unanswered(one)
    except ConfigError as error:  # what is wrong with the data is known only now, but its place is in the config
        raise asked.locate(error) from None
    if format is Face.JSON:
        write_json(_document([seen.data]))
    else:
        short = in_short(format, full=full)
        blocks = short_blocks(seen) if short else in_full(seen.blocks) if full else seen.blocks
        write_view(blocks, seen.layers, format)


def _sweep(sweep: "Sweep", face: Face, *, full: bool, quiet: bool) -> None:
    """Print a line for each member of a sweep, seeds aside: a forecast is about all of them."""
    from gradlab.cli.output import log, log_sentence, write_json, write_some
    from gradlab.config.experiment import Experiment
    from gradlab.errors import ConfigError, Fault
    from gradlab.execution.planned_data import PlannedData
    from gradlab.report.views.prediction import basis_words, prediction_view, several
    from gradlab.report.views.unanswered import unanswered
    from gradlab.theory.prediction import FirstBatches, refuse_too_large
    from gradlab.theory.prediction import predict as predicted

    first: dict[Any, Any] = {}
    for member in sweep.members:
        first.setdefault(tuple(member.point.get(axis) for axis in sweep.axes), member)
    if len(first) > _MANY:
        made = {
            (one.model, one.train.loss, one.data, one.seed)
            for one in (member.experiment for member in first.values())
            if isinstance(one, Experiment)
        }
        seconds = len(made) * _SECONDS_EACH + len(first) * _SECONDS_SHOWN
        log(f"{len(first):,} forecasts, which take about {seconds:.0f} s or more", quiet=quiet)
    views, points, data = [], [], PlannedData()  # a file is read once: all members are about the same bytes

    def loaded(one: Experiment) -> "Dataset":
        found = data[one.data, one.train.loss]
        assert found is not None  # only one's own code gives batches without data
        return found

    batches = FirstBatches(loaded)
    faults: dict[Fault, None] = {}
    for member in first.values():
        try:
            one = member.experiment
            if isinstance(one, Experiment):
                refuse_too_large(one)
                data.load((one.data, one.train.loss))
                views.append(prediction_view(predicted(one, batches=batches)))
            else:
                views.append(unanswered(one))
            points.append(member.point)
        except ConfigError as error:
            faults |= dict.fromkeys(sweep.locate(error, member.experiment).faults)
    if faults:
        raise ConfigError(list(faults))
    if face is Face.JSON:
        write_json(_document([view.data | {"point": dict(point)} for view, point in zip(views, points, strict=True)]))
        return
    varying = [axis for axis in sweep.axes if len({point.get(axis) for point in points}) > 1]
    if len(first) < len(sweep.members):
        apart = (
            "which differ in their seed alone"
            if len(first) == 1
            else f"of which {len(first)} differ in more than their seed"
        )
        log(f"{len(sweep.members)} members, {apart}", quiet=quiet)
    basis = basis_words([view.data for view in views])
    if basis and face is not Face.CSV:
        log_sentence(basis, quiet=quiet)
    write_some(several(views, points, varying), face, "forecasts", "member", full=full)


_MANY = 500
"""Forecasts from which on it is said how long they take."""
_SECONDS_EACH, _SECONDS_SHOWN = 0.007, 0.001
"""Of a forecast, which members share that differ in how they are trained alone, and of showing one."""


def _document(forecasts: list[dict[str, Any]]) -> dict[str, Any]:
    return {"schema_version": 1, "forecasts": forecasts}
