"""Which sweep is meant."""

import os
from pathlib import Path

from gradlab.errors import GradlabError, UsageError
from gradlab.results.store import SWEEPS, RunHandle, Store
from gradlab.results.sweeps.directory import PLAN, SweepPlace


def find_sweep(root: str | Path, text: str, *, alone: bool = True) -> SweepPlace | None:
    """The sweep that a word or path means, None where it means none.

    A sweep's directory, whole name or id is a sweep; a prefix is one only where it is no run's.

    `text` is a path, a name, an id, or a unique prefix of a directory's name or an id. Where it is not `alone`, the others
    must be runs, and it means a run where there is one.

    Raises:
        UsageError: If several sweeps match, or a sweep and a run have this name.
    """
    if (Path(text) / PLAN).is_file():
        return SweepPlace.at(Path(text))
    if os.sep in text or text.startswith("@") or not text:
        return None
    places = [SweepPlace.at(path.parent) for path in sorted((Path(root) / SWEEPS).glob(f"*/{PLAN}"))]
    whole = [place for place in places if text in (place.id, place.name, place.path.name)]
    run = _run(root, text)
    if whole and run is not None and text in (run.id, run.name, run.path.name):
        if not alone:
            return None
        raise UsageError(f"'{text}' is a run, {run.path}, and a sweep, {whole[0].path}; a path tells them apart")
    if not whole:
        if run is not None:
            return None
        whole = [place for place in places if place.id.startswith(text) or place.path.name.startswith(text)]
    if len(whole) > 1:
        names = ", ".join(str(place.path) for place in whole)
        raise UsageError(f"'{text}' matches {len(whole)} sweeps: {names}; a path tells them apart")
    return whole[0] if whole else None


def _run(root: str | Path, text: str) -> RunHandle | None:
    """The one run that is meant, None where there is none or are several."""
    try:
        return Store(root).find(text)
    except GradlabError:
        return None
