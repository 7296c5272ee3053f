"""The files of a run's directory: what is written into each, and a run read back from them."""

import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from gradlab.config import regular_files
from gradlab.config.modules import AnyExperiment, WatchedExperiment, experiment_of
from gradlab.config.reading import document
from gradlab.results import crash_safe, declared, extremes, strict_json, tables
from gradlab.results.listing import SUMMARY, line_of
from gradlab.results.record import Record
from gradlab.results.stored import StoredRun, read_summary, summary_object
from gradlab.results.strict_json import dumps
from gradlab.results.versions import SCHEMA_VERSION

MANIFEST, TRACEBACK = "manifest.json", "traceback.txt"


def contents(run: StoredRun, summary_md: str, attachments: Mapping[str, str]) -> dict[str, crash_safe.Writer]:
    """What is written into a run's directory.

    Returns:
        File name -> what writes it, in the order of writing, the mark of a finished run last.
    """
    files = {
        "config.yaml": crash_safe.text(document.dump(run.experiment)),
        MANIFEST: crash_safe.text(dumps(dict(run.manifest))),
    }
    if run.record is not None:
        files[tables.LAYERS] = partial(tables.write_layers, run.record)
        files[tables.STEPS] = partial(tables.write_steps, run.record)
        if run.record.spectrum is not None:
            files[tables.SPECTRUM] = partial(tables.write_spectrum, run.record.spectrum)
        files["layers.csv"] = crash_safe.text(tables.layers_csv(run.record))
    files |= {name: crash_safe.text(content) for name, content in attachments.items()}
    summary = summary_object(run) | {extremes.KEY: strict_json.encode(extremes.extremes(run.record))}
    return files | {"summary.md": crash_safe.text(summary_md), SUMMARY: crash_safe.text(dumps(summary))}


def read(directory: Path, record: Callable[[], Record | None]) -> StoredRun:
    """A run from its two JSON files.

    Raises:
        OSError: If a file is missing or cannot be read.
        ValueError: If one is not what gradlab writes; the message says why.
    """
    with crash_safe.opened(directory, SUMMARY, MANIFEST) as files:
        data, manifest = (strict_json.loads(_whole(file)) for file in files)
    if not isinstance(data, dict):
        raise ValueError(f"{SUMMARY} is not what gradlab writes: it holds no object")
    version = data.get("schema_version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise ValueError(f"written by a newer gradlab, schema {version} against {SCHEMA_VERSION}")
    line_of(directory, data)  # what a list does not take is none for anybody
    with declared.foreign(SUMMARY):
        summary, timing = read_summary(data)
        declared.check(summary)
        declared.check(timing)
        experiment = experiment_of(data["config"])
    _check_manifest(manifest)
    return StoredRun(data["id"], directory, experiment, summary, manifest, timing, read=record)


def _whole(file: BinaryIO) -> bytes:
    text = file.read(strict_json.MOST_BYTES + 1)
    if len(text) > strict_json.MOST_BYTES:
        raise ValueError(f"{os.fspath(file.name)} is larger than {strict_json.MOST_BYTES >> 20} MiB")
    return text


_WORDS = ("group", "started", "finished", "gradlab", "torch", "device", "device_name", "git_commit", "host", "python")


def _check_manifest(manifest: Any) -> None:
    if not isinstance(manifest, dict):
        raise ValueError(f"{MANIFEST} is not what gradlab writes: it holds no object")
    for name in _WORDS:
        if not isinstance(manifest.get(name), str | None):
            raise ValueError(f"{MANIFEST} is not what gradlab writes ({name} is no text)")


def tables_of(experiment: AnyExperiment) -> tuple[str, ...]:
    """Names of the tables that a run of an experiment has when it has come to its end."""
    if isinstance(experiment, WatchedExperiment) or experiment.record.spectrum is None:
        return tables.LAYERS, tables.STEPS
    return tables.LAYERS, tables.STEPS, tables.SPECTRUM


def check(directory: Path, tables_there: Iterable[str]) -> None:
    """Look whether a run's files are whole, without reading its tables.

    Raises:
        OSError: If a file is missing or cannot be read.
        ValueError: If one is not whole.
    """
    strict_json.read_object(directory / MANIFEST)
    for name in tables_there:
        with open(regular_files.descriptor_of(directory / name), "rb") as file:
            file.seek(-len(tables.END), os.SEEK_END)
            if file.read() != tables.END:
                raise ValueError(f"{name} is cut off")
