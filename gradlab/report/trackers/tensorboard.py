"""TensorBoard's event file, through the `tensorboard` package alone: neither torch nor TensorFlow is loaded.

    DEST/<run>/events.out.tfevents.<started>.gradlab.<id>

Scalars are float32 there: what `tensorboard` draws and its readers hand out is a figure of `layers.parquet` to seven
digits. Figures that are beyond float32's range are counted in the text `beyond_float32`.
"""

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gradlab.report.trackers import place
from gradlab.report.trackers.contents import Contents, Setting
from gradlab.report.trackers.series import single
from gradlab.report.words.values import counted

TOOL = "tensorboard"


def write(contents: Contents, dest: Path) -> Path:
    """Write a run for TensorBoard.

    Returns:
        The directory that was written.

    Raises:
        UsageError: If the client is not installed, the run is there already, or it cannot be written.
    """
    try:
        from tensorboard.summary.writer.record_writer import RecordWriter
    except ImportError as error:
        raise place.not_installed(TOOL, error) from error

    target = dest / contents.directory
    if os.path.lexists(target):
        raise place.there_already(target, "remove it to export the run again, or name another DEST")
    with place.made(dest), place.staged(dest) as temporary:
        written = temporary / contents.directory
        written.mkdir()
        name = f"events.out.tfevents.{int(contents.started):010d}.gradlab.{contents.id}"
        with (written / name).open("wb") as file:
            writer = RecordWriter(file)
            for event in _events(contents):
                writer.write(event.SerializeToString())
        place.put(written, target)
    return target


def in_words(contents: Contents) -> str:
    """What float32 does not hold, in a sentence; "" where it holds everything."""
    lost = contents.beyond_float32
    if not lost:
        return ""
    told = ", ".join(f"{name}: {number}" for name, number in lost.items())
    return (
        f"{counted(sum(lost.values()), 'figure')} beyond TensorBoard's float32, to read as 0 or inf or with fewer digits ({told}); "
        "the log10 of a quantity fits, --to csv has every digit"
    )


def _events(contents: Contents) -> Iterable[Any]:
    """The file's events: its version, the run's settings and words, its single figures, then step by step."""
    from tensorboard.compat.proto.event_pb2 import Event

    yield Event(wall_time=contents.started, file_version="brain.Event:2")
    first = int(contents.figures.steps[0])
    for summary in (*_hparams(contents), *_texts(contents)):
        yield Event(wall_time=contents.started, step=first, summary=summary)
    for point in contents.points:
        yield _scalars(contents, point.step, [(point.name, float(single(np.array(point.value))))])
    figures = replace(contents.figures, values=single(contents.figures.values).astype(np.float64))
    for step, values in figures.by_step():
        yield _scalars(contents, step, values.items())


def _scalars(contents: Contents, step: int, values: Iterable[tuple[str, float]]) -> Any:
    from tensorboard.compat.proto.event_pb2 import Event

    event = Event(wall_time=contents.time_of(step), step=step)
    add = event.summary.value.add
    for name, value in values:
        add(tag=name, simple_value=value)
    return event


def _texts(contents: Contents) -> Iterable[Any]:
    """What is read: the summary, findings, tags and the config, as Markdown."""
    from tensorboard.plugins.text.summary_v2 import text_pb

    tags = "".join(f"| {name} | {value.replace('|', chr(92) + '|')} |\n" for name, value in contents.tags.items())
    texts = {
        "summary": contents.summary,
        "findings": contents.story,
        "tags": f"| tag | |\n| --- | --- |\n{tags}",
        "config": f"```yaml\n{contents.yaml}```\n",
        "beyond_float32": in_words(contents),
    }
    for name, text in texts.items():
        if text:
            yield text_pb(name, text)


def _hparams(contents: Contents) -> Iterable[Any]:
    """What the HParams table shows: every setting and the words that runs are told apart by, beside the summary's figures."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import api_pb2, metadata
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo, SessionStartInfo

    kinds = {bool: (api_pb2.DATA_TYPE_BOOL, "bool_value"), str: (api_pb2.DATA_TYPE_STRING, "string_value")}
    number = (api_pb2.DATA_TYPE_FLOAT64, "number_value")
    told: dict[str, Setting] = {"verdict": contents.tags["verdict"], "outcome": contents.tags["outcome"]}
    told |= contents.settings
    experiment = api_pb2.Experiment(
        time_created_secs=contents.started,
        hparam_infos=[
            api_pb2.HParamInfo(name=name, type=kinds.get(type(value), number)[0]) for name, value in told.items()
        ],
        metric_infos=[
            api_pb2.MetricInfo(name=api_pb2.MetricName(tag=point.name), display_name=point.name)
            for point in contents.points
        ],
    )
    start = SessionStartInfo(group_name=contents.directory, start_time_secs=contents.started)
    for name, value in told.items():
        setattr(start.hparams[name], kinds.get(type(value), number)[1], value)
    status = api_pb2.STATUS_SUCCESS if contents.ended == "finished" else api_pb2.STATUS_FAILURE
    end = SessionEndInfo(status=status, end_time_secs=contents.finished)
    for tag, data in (
        (metadata.EXPERIMENT_TAG, HParamsPluginData(experiment=experiment)),
        (metadata.SESSION_START_INFO_TAG, HParamsPluginData(session_start_info=start)),
        (metadata.SESSION_END_INFO_TAG, HParamsPluginData(session_end_info=end)),
    ):
        summary = Summary()
        summary.value.add(tag=tag, metadata=metadata.create_summary_metadata(data), tensor=metadata.NULL_TENSOR)
        yield summary
