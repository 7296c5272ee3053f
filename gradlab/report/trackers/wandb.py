"""Weights & Biases' offline files, through the `wandb` client in its offline mode.

    DEST/wandb/offline-run-<now>-<id>/run-<id>.wandb      one history row a recorded step
    DEST/wandb/offline-run-<now>-<id>/files/summary.md

The client is kept from the network, from the user's own settings and login, and from writing anywhere but into its run
directory. What it would record of this machine by itself is off; the run's tags name the device that it was trained on,
and neither a host nor a user.
"""

import logging
import math
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from gradlab.config.reading.yaml12 import has_surrogate
from gradlab.errors import UsageError
from gradlab.report.trackers import place
from gradlab.report.trackers.contents import Contents

TOOL = "wandb"
PROJECT = "gradlab"

_TAG = 64
"""Characters that a tag may have."""


def write(contents: Contents, dest: Path) -> Path:
    """Write a run for Weights & Biases.

    Returns:
        The offline run's directory, which `wandb sync` takes.

    Raises:
        UsageError: If the client is not installed or fails, the run is there already, or it cannot be written.
    """
    if has_surrogate(os.path.abspath(dest)):
        raise UsageError(f"{dest}: its path is not UTF-8 text, as W&B's client takes it; name another DEST")
    there = sorted((dest / "wandb").glob(f"*run-*-{contents.id}")) if os.path.isdir(dest / "wandb") else []
    if there:
        raise place.there_already(there[0], "remove it to export the run again, or name another DEST")
    with place.made(dest / "wandb"), place.staged(dest / "wandb") as temporary:
        with _client(temporary / "own") as wandb:
            _log(wandb, contents, temporary)
        (written,) = (temporary / "wandb").glob(f"offline-run-*-{contents.id}")
        for clutter in ("logs", "tmp"):
            shutil.rmtree(written / clutter, ignore_errors=True)
        target = dest / "wandb" / written.name
        place.put(written, target)
    return target


@contextmanager
def _client(own: Path) -> Iterator[Any]:
    """The client, with its caches and settings in a directory of its own that goes away, and its process ended
    afterwards.
    """
    kept = {
        name: str(own / name)
        for name in ("WANDB_CONFIG_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR", "WANDB_ARTIFACT_DIR")
    }
    temporary = own / "tmp"
    kept |= {"TMPDIR": str(temporary)}
    told = {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "WANDB_ERROR_REPORTING": "false", "DO_NOT_TRACK": "true"}
    with ExitStack() as stack:
        stack.enter_context(place.environment(kept | told, without="WANDB_"))
        stack.callback(
            setattr, tempfile, "tempdir", tempfile.tempdir
        )  # where Python has looked already, and would not look again
        tempfile.tempdir = str(temporary)
        stack.callback(setattr, logging, "raiseExceptions", logging.raiseExceptions)
        logging.raiseExceptions = False  # what its log has no room for is no matter of the person's
        for directory in kept.values():
            os.makedirs(directory)
        try:
            import wandb
        except ImportError as error:
            raise place.not_installed(TOOL, error) from error
        stack.callback(wandb.teardown)
        yield wandb


def _log(wandb: Any, contents: Contents, root: Path) -> None:
    settings = wandb.Settings(
        root_dir=str(root),
        mode="offline",
        silent=True,
        console="off",
        symlink=False,
        save_code=False,
        disable_code=True,
        disable_git=True,
        host="",
        x_disable_meta=True,
        x_disable_stats=True,
        x_disable_machine_info=True,
        x_save_requirements=False,
    )
    try:
        run = wandb.init(
            project=PROJECT,
            id=contents.id,
            name=contents.name,
            notes=contents.story,
            tags=_tags(contents),
            config=contents.config | {"gradlab": contents.tags},
            settings=settings,
        )
        for step, figures in contents.figures.by_step():
            run.log(figures | {"_timestamp": contents.time_of(step)}, step=step)
        run.summary.update(_summary(contents))
        (Path(run.dir) / "summary.md").write_text(contents.summary, encoding="utf-8")
        run.save("summary.md", policy="now")
        run.finish(exit_code=0 if contents.ended == "finished" else 1)
    except wandb.Error as error:
        raise UsageError(f"--to {TOOL}: its client failed: {error}") from error


def _tags(contents: Contents) -> list[str]:
    tags = contents.tags
    told = [
        tags["verdict"],
        tags["outcome"],
        *([f"seed {tags['seed']}"] if "seed" in tags else []),
        f"gradlab {tags['version']}",
    ]
    return list(dict.fromkeys(word[:_TAG] for word in told))


def _summary(contents: Contents) -> dict[str, Any]:
    """What a table of runs shows of this one; the client drops a NaN from it, and takes the word for it."""
    figures = {point.name: "NaN" if math.isnan(point.value) else point.value for point in contents.points}
    words = {name: contents.tags[name] for name in ("verdict", "outcome")}
    return {**figures, **words} | {"why": contents.why, "findings": list(contents.findings)}
