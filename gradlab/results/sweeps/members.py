"""Members of a sweep as they lie on the disk, or why they do not."""

from dataclasses import dataclass, replace

from gradlab.errors import GradlabError
from gradlab.results.declared import is_whole
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
    seed = seed if is_whole(seed) else None
    if handle is None:
        return MissingMember(member.id, member.point, seed, "not trained yet, or removed", damaged=False)
    try:
        run = store.load(handle)
    except GradlabError as error:
        return MissingMember(member.id, member.point, seed, str(error), damaged=True)
    name, expect = member.config.get("name", run.name), member.config.get("expect", ())
    if not (isinstance(name, str) and isinstance(expect, list | tuple) and all(isinstance(one, str) for one in expect)):
        return MissingMember(
            member.id, member.point, seed, "the plan's name or expectations are no words", damaged=True
        )
    return replace(run, experiment=run.experiment.model_copy(update={"name": name, "expect": tuple(expect)}))
