"""MLflow's local store, through the `mlflow` client: an SQLite database and the artifacts beside it.

    DEST/mlflow.db                                     every run that was exported there, in the experiment `gradlab`
    DEST/mlruns/gradlab/<MLflow's run id>/artifacts/   summary.md, config.yaml, and infinite.csv where there are infinities

MLflow keeps an infinity as the largest double, with its sign, and shows it as infinity; infinite.csv lists them as they are.
"""

import csv
import io
import logging
import math
import os
import shutil
import sqlite3
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradlab.config.text import one_line
from gradlab.errors import UsageError
from gradlab.report.trackers import place
from gradlab.report.trackers.contents import Contents
from gradlab.report.trackers.mlflow_metrics import milliseconds, write_metrics
from gradlab.report.words.values import counted
from gradlab.results.crash_safe import put_new

TOOL = "mlflow"
EXPERIMENT = "gradlab"
DATABASE, ARTIFACTS = "mlflow.db", "mlruns"

_VALUE, _TAG = 6000, 8000
"""Characters of a parameter's value and of a tag."""

_PARAMS = 100
"""Parameters that one call takes."""

_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "_MLFLOW_TELEMETRY_PRE_WARM_DATABRICKS_SDK": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}

_ID, _STATE = "gradlab.id", "gradlab.export"

_FOREIGN = """
SELECT (SELECT count(*) FROM experiments WHERE name NOT IN ('Default', ?))
     + (SELECT count(*) FROM runs WHERE run_uuid NOT IN (SELECT run_uuid FROM tags WHERE key = ? AND value = ?))
     + (SELECT count(*) FROM registered_models)
"""
"""How much is in a new database that an export did not put there."""


def write(contents: Contents, dest: Path) -> Path:
    """Write a run for MLflow.

    Returns:
        The database.

    Raises:
        UsageError: If the client is not installed or cannot use the database, the run is there already, or it cannot be
            written.
    """
    with _client() as client, place.made(dest), place.staged(dest) as temporary, place.alone(dest):
        database = dest.resolve() / DATABASE
        if "?" in str(database):
            raise UsageError(f"{database}: a ? in a path cannot be said to MLflow; name another DEST")
        with place.undone(database.parent / ARTIFACTS / EXPERIMENT), ExitStack() as new:
            if not os.path.lexists(database):
                new.enter_context(_new(client, temporary / DATABASE, database, contents.id))
            _add(client.open(database), contents)
    return dest / DATABASE


@contextmanager
def _new(client: "_Client", temporary: Path, database: Path, id: str) -> Iterator[None]:
    """A database that is made; if what is done with it fails, it goes again, unless somebody else used it meanwhile."""
    client.create(temporary, database)
    made = temporary.stat()
    try:
        try:
            put_new(temporary, database)
        except FileExistsError:
            raise UsageError(f"{database}: was made by something else meanwhile; export again") from None
        yield
    except BaseException:
        with suppress(OSError, sqlite3.Error):  # then it stays: rather too much is left than what is not ours removed
            if os.path.samestat(made, database.lstat()):
                _discard(database, id)
        raise


def _discard(database: Path, id: str) -> None:
    """Remove a database in which nothing is but what an export of a run put there."""
    with closing(sqlite3.connect(database, timeout=1, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")  # nobody adds to it from here on
        (foreign,) = connection.execute(_FOREIGN, (EXPERIMENT, _ID, id)).fetchone()
        if not foreign:
            database.unlink()


def _infinite(contents: Contents) -> list[tuple[str, int, float]]:
    single = [(point.name, point.step, point.value) for point in contents.points if math.isinf(point.value)]
    return [*single, *contents.figures.infinite()]


def infinities(contents: Contents) -> str:
    """Every infinite figure as CSV, "" where there is none."""
    if not (infinite := _infinite(contents)):
        return ""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("metric", "step", "value"), *infinite])
    return text.getvalue()


def in_words(contents: Contents) -> str:
    """What MLflow does not hold as it is, in a sentence; "" where it holds everything."""
    if not (number := len(_infinite(contents))):
        return ""
    figures = counted(number, "figure")
    return f"{figures} infinite: MLflow keeps ±1.797...e308 for it, the artifact infinite.csv lists them"


@dataclass(frozen=True)
class _Database:
    path: Path
    store: Any
    client: Any


@dataclass(frozen=True)
class _Client:
    store: Callable[[str, str], Any]
    client: Callable[..., Any]
    on_exit: ExitStack

    def create(self, temporary: Path, database: Path) -> None:
        """Make an empty database in a place that it is to be moved from."""
        self.store(f"sqlite:///{temporary}", (database.parent / ARTIFACTS).as_uri()).engine.dispose()

    def open(self, database: Path) -> _Database:
        uri = f"sqlite:///{database}"
        store = self.store(uri, (database.parent / ARTIFACTS).as_uri())
        self.on_exit.callback(store.engine.dispose)
        return _Database(database, store, self.client(tracking_uri=uri, registry_uri=uri))


@contextmanager
def _client() -> Iterator[_Client]:
    """The client, kept from the network and from the terminal.

    Raises:
        UsageError: If it is not installed, or what is done with it fails.
    """
    with ExitStack() as stack:
        stack.enter_context(place.environment(_ENVIRONMENT, without="MLFLOW_"))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")  # of MLflow about its own dependencies; nobody here could mend them
        stack.callback(logging.disable, logging.root.manager.disable)
        logging.disable(logging.CRITICAL)
        try:
            from mlflow import MlflowClient
            from mlflow.exceptions import MlflowException
            from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
            from sqlalchemy.exc import SQLAlchemyError
        except ImportError as error:
            raise place.not_installed(TOOL, error) from error
        try:
            yield _Client(SqlAlchemyStore, MlflowClient, stack)
        except (MlflowException, SQLAlchemyError) as error:
            raise UsageError(f"--to {TOOL}: its client failed: {one_line(error, 500)}") from error


def _add(database: _Database, contents: Contents) -> None:
    """Add a run to a database; if that fails, the run is removed from it.

    Raises:
        UsageError: If the run is there already.
    """
    client = database.client
    experiment = _experiment(database)
    for run in client.search_runs([experiment], filter_string=f"tags.`{_ID}` = '{contents.id}'"):
        if run.data.tags.get(_STATE) != "unfinished":
            raise place.there_already(
                Path(f"{database.path}: run {run.info.run_id}"),
                "delete that run in MLflow to export it again, or name another DEST",
            )
        _remove(database, run)  # an export that was killed
    run = client.create_run(
        experiment, start_time=milliseconds(contents.started), tags=_tags(contents), run_name=contents.name
    )
    try:
        _fill(database, run.info.run_id, contents)
        client.set_terminated(run.info.run_id, contents.ended.upper(), milliseconds(contents.finished))
        client.delete_tag(run.info.run_id, _STATE)  # last, so that what has it not is whole
    except BaseException as error:
        traceback.clear_frames(error.__traceback__)  # an interrupted statement in one of them keeps the database locked
        _remove(database, run)
        raise


def _experiment(database: _Database) -> str:
    """Id of the experiment that holds gradlab's runs, made where it is not there.

    Raises:
        UsageError: If it was deleted, or keeps its artifacts elsewhere.
    """
    root = database.path.parent
    found = database.client.get_experiment_by_name(EXPERIMENT)
    if found is None:
        location = (root / ARTIFACTS / EXPERIMENT).as_uri()
        return str(database.client.create_experiment(EXPERIMENT, artifact_location=location))
    if found.lifecycle_stage != "active":
        raise UsageError(f"{database.path}: its experiment {EXPERIMENT} is deleted; restore it, or name another DEST")
    if not _local(found.artifact_location).is_relative_to(root):
        raise UsageError(
            f"{database.path}: was moved, its experiment {EXPERIMENT} keeps its artifacts in {found.artifact_location}; "
            "name another DEST"
        )
    return str(found.experiment_id)


def _fill(database: _Database, run_id: str, contents: Contents) -> None:
    """Everything but the run's end."""
    from mlflow.entities import Param

    client = database.client
    params = [Param(name, _cut(str(value), _VALUE)) for name, value in contents.settings.items()]
    for start in range(0, len(params), _PARAMS):
        client.log_batch(run_id, params=params[start : start + _PARAMS])
    texts = {"summary.md": contents.summary, "config.yaml": contents.yaml, "infinite.csv": infinities(contents)}
    for name, text in texts.items():
        if text:
            client.log_text(run_id, text, name)
    write_metrics(contents, run_id, database.store, client)


def _remove(database: _Database, run: Any) -> None:
    own = _local(run.info.artifact_uri).parent
    try:
        database.store._hard_delete_run(run.info.run_id)
    finally:
        if own.name == run.info.run_id:  # its own directory, and none that it shares
            shutil.rmtree(own, ignore_errors=True)


def _tags(contents: Contents) -> dict[str, str]:
    """The run's tags, its description among them; the one that says that it is not whole goes at the end."""
    tags = {f"gradlab.{name}": value for name, value in contents.tags.items()}
    if infinite := in_words(contents):
        tags["gradlab.infinite"] = infinite
    tags |= {"mlflow.note.content": contents.story, "mlflow.source.name": "gradlab"}
    return {name: _cut(value, _TAG) for name, value in tags.items() if value} | {_ID: contents.id, _STATE: "unfinished"}


def _cut(words: str, most: int) -> str:
    """Words that fit; what was cut off is said, and the artifacts have it whole."""
    note = f"... ({len(words)} characters, whole in config.yaml and summary.md)"
    return words if len(words) <= most else words[: most - len(note)] + note


def _local(uri: str) -> Path:
    from mlflow.utils.file_utils import local_file_uri_to_path

    return Path(os.path.abspath(local_file_uri_to_path(uri)))
