"""`gradlab check`."""

from typing import TYPE_CHECKING

from gradlab.cli.options import DEFAULT_OUT, Configs, Face, Format, HiddenOut, Quiet, Set, Version

if TYPE_CHECKING:
    from pathlib import Path

    from gradlab.errors import Fault
    from gradlab.report.words import Value


def check(
    configs: Configs,
    set_: Set = [],  # noqa: B006  # the command line library copies it
    out: HiddenOut = DEFAULT_OUT,
    format: Format = Face.TABLE,
    quiet: Quiet = False,
    version: Version = False,
) -> None:
    """Read configs and their data as `run` would, and say what they come to. Nothing is trained."""
    from gradlab.cli.output import write_table
    from gradlab.errors import ConfigError
    from gradlab.report.table import Field, Table

    rows: list[tuple[Value, ...]] = []
    faults: list[Fault] = []
    for config in configs:
        try:
            rows.append(_resolved(config, set_))
        except ConfigError as error:
            faults += error.faults
    if faults:
        raise ConfigError(faults)
    fields = (
        Field("config"),
        Field("name", rank=7),
        Field("model.depth", "integer", 1),
        Field("model.width", "integer", 2),
        Field("model.activation", rank=3),
        Field("model.init", rank=4),
        Field("data.source", rank=5),
        Field("examples", "integer", 10),
        Field("held_out", "integer", 12),
        Field("features", "integer", 11),
        Field("outputs", "integer", 9),
        Field("steps", "integer", 6),
        Field("memory_bytes", "integer", 8),
    )
    write_table(Table(fields, tuple(rows)), format, "configs")


def _resolved(config: "Path", overrides: list[str]) -> "tuple[Value, ...]":
    """What a config comes to with its data: a row of the table.

    Raises:
        ConfigError: If the config or its data cannot be used.
    """
    from gradlab import datasets
    from gradlab.errors import ConfigError, Fault
    from gradlab.report.runs import init_words
    from gradlab.spec import document, memory

    found = document.load(config, overrides)
    experiment = found.experiment
    try:
        data = datasets.load(experiment.data, experiment.train.loss)
    except ConfigError as error:
        raise found.locate(error) from None
    num_examples, num_features = data.train_inputs.shape
    num_outputs = data.num_classes or data.train_targets.shape[1]
    needed = memory.estimate_bytes(experiment, num_features, num_outputs, num_examples)
    limit = memory.machine_bytes()
    if limit is not None and needed > limit:
        reason = f"needs about {memory.in_words(needed)} of memory, and this machine has {memory.in_words(limit)}"
        raise ConfigError([Fault(found.place_of("model"), "model", reason)])
    resolved = experiment.model_dump(mode="json")
    return (
        str(config),
        experiment.name,
        experiment.model.depth,
        experiment.model.width,
        experiment.model.activation.name,
        experiment.model.init.scheme or init_words(resolved),
        experiment.data.source,
        num_examples,
        data.holdout_inputs.shape[0],
        num_features,
        num_outputs,
        memory.num_steps(experiment, num_examples),
        needed,
    )
