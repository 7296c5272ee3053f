"""Members of a sweep as they lie on the disk, or why they do not."""

from dataclasses import dataclass, replace

from gradlab.errors import GradlabError
from gradlab.results.store import RunHandle, Store
from gradlab.results.stored import StoredRun
from gradlab.results.sweeps.directory import StoredMember
from gradlab.results.sweeps.table import Point


@dataclass(frozen=True)
class MissingMember:
    """A member that has no run that can be read, and why; `damaged` if something is there."""

    id: str
    point: Point
    seed: int | None
    reason: str
    damaged: bool


def read_member(store: Store, handle: RunHandle | None, member: StoredMember) -> StoredRun | MissingMember:
    """A member's run with what the sweep asks of it, or why there is none."""
    seed = member.config.get("seed")
    if handle is None:
        return MissingMember(member.id, member.point, seed, "not trained yet, or removed", damaged=False)
    try:
        run = store.load(handle)
    except GradlabError as error:
        return MissingMember(member.id, member.point, seed, str(error), damaged=True)
    asked = {"name": member.config.get("name", run.name), "expect": tuple(member.config.get("expect", ()))}
    return replace(run, experiment=run.experiment.model_copy(update=asked))
