"""`gradlab check`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gradlab.cli.options import DEFAULT_OUT, Configs, Face, Format, HiddenOut, Quiet, Set, Version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gradlab.datasets import Dataset
    from gradlab.errors import Fault
    from gradlab.report.words.values import Value
    from gradlab.spec.document import Document
    from gradlab.spec.experiment import Experiment


def check(
    configs: Configs,
    set_: Set = [],  # noqa: B006  # the command line library copies it
    out: HiddenOut = DEFAULT_OUT,
    format: Format = Face.TABLE,
    quiet: Quiet = False,
    version: Version = False,
) -> None:
    """Read configs and sweeps with their data as `run` and `sweep` would, and say what they come to. Nothing is trained."""
    from gradlab.cli.output import write_table
    from gradlab.errors import ConfigError
    from gradlab.report.table import Field, Table
    from gradlab.spec.sweep import is_sweep

    rows: list[tuple[Value, ...]] = []
    faults: list[Fault] = []
    for config in configs:
        try:
            rows.append(_swept(config, set_, quiet) if is_sweep(config) else _alone(config, set_))
        except ConfigError as error:
            faults += error.faults
    if faults:
        raise ConfigError(faults)
    fields = (
        Field("config"),
        Field("name", rank=9),
        Field("members", "integer", 1),
        Field("batches", "integer", 2),
        Field("model.depth", "integer", 3),
        Field("model.width", "integer", 4),
        Field("model.activation", rank=5),
        Field("model.init", rank=6),
        Field("data.source", rank=7),
        Field("examples", "integer", 12),
        Field("held_out", "integer", 14),
        Field("features", "integer", 13),
        Field("outputs", "integer", 11),
        Field("steps", "integer", 8),
        Field("memory_bytes", "integer", 10),
    )
    write_table(Table(fields, tuple(rows)), format, "configs")


def _alone(config: Path, overrides: list[str]) -> "tuple[Value, ...]":
    """What a config comes to: a row of the table.

    Raises:
        ConfigError: If the config or its data cannot be used.
    """
    from gradlab.spec import document

    found = document.load(config, overrides)
    return _row(config, found.experiment.name, [found.experiment], lambda experiment: found)


def _swept(config: Path, overrides: list[str], quiet: bool) -> "tuple[Value, ...]":
    """What a sweep comes to: a row of the table, with what all of its members have in common.

    Raises:
        ConfigError: If the sweep or some member's data cannot be used.
    """
    from gradlab.cli.output import log
    from gradlab.spec import sweep

    found = sweep.load(config, overrides)
    if found.num_repeated:
        log(f"{config}: members that repeat another, and are dropped: {found.num_repeated:,}", quiet=quiet)
    return _row(config, found.name, [member.experiment for member in found.members], found.document_of)


class _Shape(NamedTuple):
    """A data set's sizes; the data themselves are not kept, of which there may be as many as members."""

    examples: int
    held_out: int
    features: int
    outputs: int


@dataclass
class _Sizes:
    """What an experiment comes to with its data."""

    examples: int
    held_out: int
    features: int
    outputs: int
    steps: int
    memory_bytes: int


def _row(
    config: Path, name: str, experiments: "list[Experiment]", document_of: "Callable[[Experiment], Document]"
) -> "tuple[Value, ...]":
    """One row, for one experiment or for several.

    Raises:
        ConfigError: With what is wrong with the data, each data set once.
    """
    from gradlab import datasets
    from gradlab.errors import ConfigError, Fault

    shapes: dict[object, _Shape | None] = {}
    faults: dict[Fault, None] = {}
    refused: set[str] = set()
    sizes = []
    for experiment in experiments:
        key = experiment.data, experiment.train.loss
        if key not in shapes:
            try:
                shapes[key] = _shape(datasets.load(*key))
            except ConfigError as error:
                shapes[key] = None
                faults |= dict.fromkeys(document_of(experiment).locate(error).faults)
        shape = shapes[key]
        if shape is not None:
            sizes.append(_sizes(experiment, shape))
            reason = _refusal(sizes[-1])
            if reason is not None and reason not in refused:
                refused.add(reason)
                faults[Fault(document_of(experiment).place_of("model"), "model", reason)] = None
    if faults:
        raise ConfigError(list(faults))
    return (
        str(config),
        name,
        len(experiments),
        len({experiment.batch_key() for experiment in experiments}),
        _shared(experiment.model.depth for experiment in experiments),
        _shared(experiment.model.width for experiment in experiments),
        _words(experiment.model.activation.name for experiment in experiments),
        _words(_init(experiment) for experiment in experiments),
        _words(experiment.data.source for experiment in experiments),
        _shared(one.examples for one in sizes),
        _shared(one.held_out for one in sizes),
        _shared(one.features for one in sizes),
        _shared(one.outputs for one in sizes),
        _shared(one.steps for one in sizes),
        max(one.memory_bytes for one in sizes),
    )


def _shape(data: "Dataset") -> _Shape:
    """The sizes of a data set."""
    num_examples, num_features = data.train_inputs.shape
    return _Shape(num_examples, len(data.holdout_inputs), num_features, data.num_outputs)


def _sizes(experiment: "Experiment", data: _Shape) -> _Sizes:
    """What an experiment comes to with its data."""
    from gradlab.spec import memory
    from gradlab.spec.experiment import num_steps

    return _Sizes(
        *data,
        steps=num_steps(experiment, data.examples),
        memory_bytes=memory.estimate_bytes(experiment, data.features, data.outputs, data.examples),
    )


def _refusal(sizes: _Sizes) -> str | None:
    """Why a run does not fit into this machine's memory, None where it does."""
    from gradlab.spec import memory

    limit = memory.machine_bytes()
    if limit is None or sizes.memory_bytes <= limit:
        return None
    needed = memory.in_words(sizes.memory_bytes)
    return f"needs about {needed} of memory, and this machine has {memory.in_words(limit)}"


def _init(experiment: "Experiment") -> str:
    """An initialisation in a word."""
    from gradlab.report.runs import init_words

    return str(experiment.model.init.scheme or init_words(experiment.model_dump(mode="json")))


def _shared(numbers: "Iterable[int]") -> int | None:
    """The number that all have, None where they differ."""
    distinct = set(numbers)
    return distinct.pop() if len(distinct) == 1 else None


_MOST_WORDS = 4


def _words(words: "Iterable[str]") -> str:
    """The words that there are, or how many."""
    distinct = list(dict.fromkeys(words))
    return ", ".join(distinct) if len(distinct) <= _MOST_WORDS else f"{len(distinct)} different"
