"""Runs for tests of exports, and what a tracker has to give back of them."""

import json
import math
import re
import struct
import sys
import warnings
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
from made.deep_runs import TIMING, finding, record, stored
from made.runs import make_experiment, make_record, make_summary

from gradlab.report.trackers.contents import Contents
from gradlab.results.record import Column, Outcome, Record
from gradlab.results.stored import StoredRun
from gradlab.results.tables import with_grad_rms

Series = dict[tuple[str, int | None], dict[int, float]]
"""(quantity, layer) -> step -> value; the layer is None for a figure of the whole step."""

_NAME = re.compile(r"(?P<quantity>\w+)/(?P<rank>\d+)_layer_(?P<layer>\d+)(?P<readout>_readout)?")
_BLOCK, _HEADER = 32768, 7

Named = dict[str, dict[int, float]]
"""name -> step -> value"""

GROUPS = ("init", "final", "expected", "timing")


def diverged() -> StoredRun:
    """A run that blew up: NaN, both infinities, nulls, and figures that no float32 holds, at every fifth step."""
    whole = record(depth=4, steps=25, every=5)
    layers = dict(whole.layers)
    values = layers["grad_norm"].values.copy()
    values[0, 0], values[1, 0], values[2, 0] = 1e300, 1e-300, -0.0
    values[2, 3] = 1e-41
    values[3, 1], values[3, 2], values[4, :] = math.inf, math.nan, math.nan
    layers["grad_norm"] = Column(values, layers["grad_norm"].present)
    logs = layers["log10_backward_rms"].values.copy()
    logs[:, 2], logs[4, 1], logs[4, 0] = -math.inf, math.inf, math.nan
    layers["log10_backward_rms"] = Column(logs, layers["log10_backward_rms"].present)
    layers["dead_fraction"] = Column(np.zeros_like(values), np.zeros(values.shape, dtype=bool))
    loss = np.array([2.0, 1e10, math.inf, math.nan, math.nan])
    figures = dict(whole.figures) | {"loss": Column(loss, np.array([True, True, True, True, False]))}
    told = finding(rule="exploding", message="it's <script>gone</script> | 🎆 ‮abc", remedy="clip")
    run = stored(
        4,
        replace(whole, layers=layers, figures=figures),
        Path("runs/blown_up-aaaaaaaaaaaa"),
        outcome=Outcome("diverged", 15, 2, None),
        verdict="diverged",
        findings=(told,),
        init={"backward_decades": -math.inf, "loss": 2.0, "grad_ratio": None},
        final={"backward_decades": math.nan, "loss": math.inf, "grad_ratio": None},
    )
    return replace(run, id="aaaaaaaaaaaa")


def every_kind() -> StoredRun:
    """A run with every quantity there is, and every kind of value among them."""
    return StoredRun(
        id="0123456789ab",
        path=Path("runs/synthetic-0123456789ab"),
        experiment=make_experiment(train={"steps": 20}, expect=("verdict == vanishing",)),
        summary=make_summary(),
        manifest={},
        timing=TIMING,
        read=lambda: make_record(spectrum=True),
    )


def shallow() -> StoredRun:
    """One hidden layer, one step."""
    run = stored(1, record(depth=1, steps=1), Path("runs/shallow-bbbbbbbbbbbb"), outcome=Outcome("interrupted", 1))
    return replace(run, id="bbbbbbbbbbbb")


def recorded(kept: Record) -> Series:
    """What a record holds, present places alone."""
    found: Series = {}
    for name, column in kept.figures.items():
        there = {int(step): float(column.values[row]) for row, step in enumerate(kept.steps) if column.present[row]}
        if there:
            found[name, None] = there
    for name, column in with_grad_rms(kept).items():
        for layer in range(len(kept.fan_in)):
            there = {
                int(step): float(column.values[row, layer])
                for row, step in enumerate(kept.steps)
                if column.present[row, layer]
            }
            if there:
                found[name, layer + 1] = there
    return found


def parsed(named: Named) -> Series:
    """What a tracker gave back, by quantity and layer; without the figures that have one value."""
    found: Series = {}
    for name, values in named.items():
        match = _NAME.fullmatch(name)
        if match is not None:
            found[match["quantity"], int(match["layer"])] = values
        elif name.partition("/")[0] not in GROUPS:
            found[name, None] = values
    return found


def tensorboard_reader(place: Path):
    """TensorBoard's own reader, loaded, which keeps every figure."""
    from tensorboard.backend.event_processing import event_accumulator

    everything = dict.fromkeys(event_accumulator.DEFAULT_SIZE_GUIDANCE, 0)
    return event_accumulator.EventAccumulator(str(place), size_guidance=everything).Reload()


def tensorboard_scalars(place: Path) -> Named:
    """Every scalar by its tag and step."""
    reader = tensorboard_reader(place)
    return {tag: {event.step: event.value for event in reader.Scalars(tag)} for tag in reader.Tags()["scalars"]}


def single(named: Named) -> Named:
    """The nearest float32 of every figure."""
    with np.errstate(over="ignore", under="ignore"):
        return {
            name: {step: float(np.float32(value)) for step, value in there.items()} for name, there in named.items()
        }


def wandb_records(place: Path) -> list:
    """Every record of an offline run's log, which is framed as LevelDB's are."""
    from wandb.proto import wandb_internal_pb2

    (file,) = place.glob("run-*.wandb")
    data = file.read_bytes()
    assert data[:4] == b":W&B"
    found, at, part = [], 7, b""
    while at < len(data):
        left = _BLOCK - at % _BLOCK
        if left < _HEADER:
            at += left
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + _HEADER])
        at += _HEADER + length
        part += data[at - length : at]
        if kind in (1, 4):  # whole, or the last part
            found.append(wandb_internal_pb2.Record.FromString(part))
            part = b""
    assert not part
    return found


def wandb_history(place: Path) -> Named:
    """Every figure of an offline run by its key and step."""
    found = defaultdict(dict)
    for record_ in wandb_records(place):
        if record_.WhichOneof("record_type") == "history":
            row = {
                (item.key or "/".join(item.nested_key)): json.loads(item.value_json) for item in record_.history.item
            }
            for name, value in row.items():
                if not name.startswith("_"):
                    found[name][row["_step"]] = value
    return dict(found)


def wandb_summary(place: Path) -> dict:
    """What an offline run's summary comes to."""
    found = {}
    for record_ in wandb_records(place):
        if record_.WhichOneof("record_type") == "summary":
            for item in record_.summary.update:
                found[item.key or "/".join(item.nested_key)] = json.loads(item.value_json)
    return found


def mlflow_client(database: Path):
    """MLflow's own reader."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=f"sqlite:///{database.resolve()}")


def mlflow_run(database: Path, id: str):
    """An exported run as MLflow gives it back."""
    client = mlflow_client(database)
    experiment = client.get_experiment_by_name("gradlab")
    (run,) = client.search_runs([experiment.experiment_id], filter_string=f"tags.`gradlab.id` = '{id}'")
    return run


def mlflow_metrics(database: Path, id: str) -> Named:
    """Every metric of an exported run by its key and step."""
    client, run = mlflow_client(database), mlflow_run(database, id)
    return {
        name: {metric.step: metric.value for metric in client.get_metric_history(run.info.run_id, name)}
        for name in run.data.metrics
    }


def as_mlflow_has_it(named: Named) -> Named:
    """Infinities as MLflow's databases keep them."""
    largest = sys.float_info.max
    return {
        name: {step: math.copysign(largest, value) if math.isinf(value) else value for step, value in there.items()}
        for name, there in named.items()
    }


def order(names: list[str]) -> dict[str, list[int]]:
    """Layers of each quantity in the order in which a tracker lists their names."""
    found = defaultdict(list)
    for name in sorted(names):
        match = _NAME.fullmatch(name)
        if match is not None:
            found[match["quantity"]].append(int(match["layer"]))
    return dict(found)


def points(contents: Contents) -> Named:
    """The figures that have one value, as a tracker has to give them back."""
    return {point.name: {point.step: point.value} for point in contents.points}


def assert_equal(found: dict, expected: dict) -> None:
    """Equal to the last bit, NaN equal to NaN; -0.0 is 0.0, which some stores do not tell apart."""
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert found[name].keys() == values.keys(), name
        for step, value in values.items():
            same = found[name][step] == value or (math.isnan(value) and math.isnan(found[name][step]))
            assert same, (name, step, found[name][step], value)
