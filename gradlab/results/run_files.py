"""The files of a run's directory: what is written into each, and a run read back from them."""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from gradlab.config.modules import AnyExperiment, WatchedExperiment, experiment_of
from gradlab.config.reading import document
from gradlab.results import crash_safe, tables
from gradlab.results.listing import SUMMARY
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
    return files | {"summary.md": crash_safe.text(summary_md), SUMMARY: crash_safe.text(dumps(summary_object(run)))}


def read(directory: Path, record: Callable[[], Record | None]) -> StoredRun:
    """A run from its two JSON files.

    Raises:
        OSError: If a file is missing or cannot be read.
        ValueError: If one is not what gradlab writes; the message says why.
    """
    with crash_safe.opened(directory, SUMMARY, MANIFEST) as (summary_file, manifest_file):
        data: dict[str, Any] = json.load(summary_file)
        manifest = json.load(manifest_file)
    try:
        if data["schema_version"] > SCHEMA_VERSION:
            raise ValueError(f"written by a newer gradlab, schema {data['schema_version']} against {SCHEMA_VERSION}")
        summary, timing = read_summary(data)
        experiment = experiment_of(data["config"])
        return StoredRun(data["id"], directory, experiment, summary, manifest, timing, read=record)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{SUMMARY} is not what gradlab writes ({type(error).__name__}: {error})") from None


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
    json.loads((directory / MANIFEST).read_bytes())
    for name in tables_there:
        with (directory / name).open("rb") as file:
            file.seek(-len(tables.END), os.SEEK_END)
            if file.read() != tables.END:
                raise ValueError(f"{name} is cut off")
