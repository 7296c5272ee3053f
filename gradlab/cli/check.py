"""`gradlab check`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gradlab.cli.options import DEFAULT_OUT, Configs, Face, Format, HiddenOut, Quiet, Set, Version
from gradlab.config.text import OF_NETWORK

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gradlab.config.modules import Trainable
    from gradlab.errors import Fault
    from gradlab.execution.planned_data import Sizes
    from gradlab.report.words.values import Value


def check(
    configs: Configs,
    set_: Set = [],  # noqa: B006  # the command line library copies it
    skip_others: Annotated[
        bool,
        typer.Option(
            "--skip-others",
            help="Pass over files that are neither an experiment nor a sweep, as a pre-commit hook does.",
        ),
    ] = False,
    out: HiddenOut = DEFAULT_OUT,
    format: Format = Face.TABLE,
    quiet: Quiet = False,
    version: Version = False,
) -> None:
    """Read configs and sweeps with their data as `run` and `sweep` would, and say what they come to. Nothing is trained."""
    from gradlab.cli.output import log, write_table
    from gradlab.config.sweeps.file_kind import is_other
    from gradlab.errors import ConfigError
    from gradlab.report.words.table import Field, Table, without

    rows: list[tuple[Value, ...]] = []
    faults: list[Fault] = []
    for config in configs:
        if skip_others and is_other(config):
            log(f"{config}: left out: neither an experiment (no model) nor a sweep (no base, no grid)", quiet=quiet)
            continue
        try:
            rows.append(_row(config, set_, quiet))
        except ConfigError as error:
            faults += error.faults
    if faults:
        raise ConfigError(list(dict.fromkeys(faults)))  # what a sweep has from a base that is checked too is said once
    fields = (
        Field("config"),
        Field("name", rank=9),
        Field("members", "integer", 1),
        Field("batches", "integer", 2),
        Field("model", rank=3),
        Field("model.depth", "integer", 3),
        Field("model.width", "integer", 4),
        Field("model.activation", rank=5),
        Field("model.init", rank=6),
        *(Field(key, rank=6) for key in OF_NETWORK),
        Field("data.source", rank=7),
        Field("examples", "integer", 12),
        Field("held_out", "integer", 14),
        Field("features", "integer", 13),
        Field("outputs", "integer", 11),
        Field("steps", "integer", 8),
        Field("memory_bytes", "integer", 10),
    )
    write_table(without(Table(fields, tuple(rows)), {"model": None, **OF_NETWORK}), format, "configs")


def _row(config: Path, overrides: list[str], quiet: bool) -> "tuple[Value, ...]":
    """What a config comes to, or a sweep: what all of its members have in common."""
    from gradlab.cli.output import log
    from gradlab.config.allowed_code import not_imported
    from gradlab.config.reading import document
    from gradlab.config.sweeps import sweep
    from gradlab.config.sweeps.file_kind import is_sweep
    from gradlab.config.sweeps.points import value_on_axis
    from gradlab.execution.check import but_seed, check
    from gradlab.judgement.conditions.notices import expectation_notices, sweep_notices
    from gradlab.report.words.data import doubtful
    from gradlab.report.words.networks import few_examples

    if is_sweep(config):
        found = sweep.load(config, overrides)
        if found.num_repeated:
            log(f"{config}: members that repeat another, and are dropped: {found.num_repeated:,}", quiet=quiet)
        name, experiments, gates = found.name, [member.experiment for member in found.members], found.gates
        extents, notices = check(experiments, found.document_of), found.notices
    else:
        alone = document.load(config, overrides)
        name, experiments, gates = alone.experiment.name, [alone.experiment], ()
        extents, notices = check(experiments, lambda experiment: alone), alone.notices
    distinct = list({but_seed(experiment): experiment for experiment in experiments}.values())
    datas = list(dict.fromkeys(extent.data for extent in extents))
    code = not_imported(distinct)
    said = [*doubtful(data.reading for data in datas if data is not None), *few_examples(distinct)]
    said += [*expectation_notices(distinct), *sweep_notices(gates)]
    if code is not None and any(extent.memory_bytes is not None for extent in extents):
        code += "; memory_bytes is what is known without it: data and figures, not the network"
    for line in notices:
        log(line if line.startswith(f"{config}:") else f"{config}: {line}", quiet=quiet)
    for line in [*said, *([] if code is None else [code])]:
        log(f"{config}: {line}", quiet=quiet)
    return (
        str(config),
        name,
        len(experiments),
        len({experiment.batch_key() for experiment in distinct}),
        _words(str(value_on_axis(experiment, "model.build") or "") for experiment in distinct) or None,
        _shared(_whole(experiment, "model.depth") for experiment in distinct),
        _shared(_whole(experiment, "model.width") for experiment in distinct),
        _words(str(value_on_axis(experiment, "model.activation.name") or "") for experiment in distinct),
        _words(_init(experiment) for experiment in distinct),
        *(_words(str(value_on_axis(experiment, key) or "") for experiment in distinct) for key in OF_NETWORK),
        _words(experiment.data.source for experiment in distinct),
        *(_size(datas, name) for name in ("num_examples", "num_held_out", "num_features", "num_outputs")),
        _shared(extent.steps for extent in extents),
        max((extent.memory_bytes for extent in extents if extent.memory_bytes is not None), default=None),
    )


def _whole(experiment: "Trainable", key: str) -> int | None:
    """A whole number of a config, None where a network of its kind has none."""
    from gradlab.config.sweeps.points import value_on_axis

    value = value_on_axis(experiment, key)
    return value if isinstance(value, int) else None


def _size(datas: "Iterable[Sizes | None]", name: str) -> int | None:
    """A size that all data have in common, None where they differ, or it is not known."""
    return _shared(None if data is None else getattr(data, name) for data in datas)


def _init(experiment: "Trainable") -> str:
    from gradlab.config.experiment import Experiment
    from gradlab.report.views.run_list import init_words

    if not isinstance(experiment, Experiment):
        return ""
    return str(experiment.model.init.scheme or init_words(experiment.model_dump(mode="json")))


def _shared(numbers: "Iterable[int | None]") -> int | None:
    """The number that all have, None where they differ."""
    distinct = set(numbers)
    return distinct.pop() if len(distinct) == 1 else None


_MOST_WORDS = 4


def _words(words: "Iterable[str]") -> str:
    distinct = [word for word in dict.fromkeys(words) if word]
    return ", ".join(distinct) if len(distinct) <= _MOST_WORDS else f"{len(distinct)} different"
