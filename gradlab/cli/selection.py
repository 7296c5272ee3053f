"""Which runs are meant, where a command takes several or shares its names with sweeps."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradlab.results.stored import StoredRun


def _load_run(name: str, out: Path) -> "StoredRun":
    from gradlab import api
    from gradlab.errors import SelectionError, UsageError
    from gradlab.results.sweeps.search import find_sweep

    try:
        return api.load(name, out)
    except SelectionError as error:
        place = find_sweep(out, name)
        if place is None:
            raise
        raise UsageError(f"{place.path}: is a sweep, and a run is wanted; `gradlab report` shows sweeps") from error


def load_runs(names: Sequence[str], out: Path) -> "list[StoredRun]":
    """The runs that are meant, each once, judged by today's rules.

    Raises:
        SelectionError: If there is no such run.
        UsageError: If one is a sweep or cannot be read, or if two directories hold the same run.
    """
    from gradlab.errors import UsageError

    runs = {run.path.resolve(): run for run in (_load_run(name, out) for name in names)}
    held: dict[str, StoredRun] = {}
    for run in runs.values():
        other = held.setdefault(run.id, run)
        if other is not run:
            raise UsageError(f"{other.path} and {run.path} hold the same run, {run.id}; name one of them")
    return list(runs.values())
