"""Two sweeps as they lie on the disk, to be compared: members judged by today's rules, and what is missing."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from gradlab.errors import GradlabError
from gradlab.execution.rejudge import judged_anew
from gradlab.judgement.comparing.sweep_pairs import SweepComparison, compare_points
from gradlab.judgement.comparing.sweep_points import SweepSide
from gradlab.results.listing import gc_paused
from gradlab.results.store import Store
from gradlab.results.stored import StoredRun
from gradlab.results.sweeps.directory import SweepPlace
from gradlab.results.sweeps.members import read_member
from gradlab.results.versions import RULES_VERSION


@dataclass(frozen=True)
class Part:
    """A sweep, or those of its members whose runs are among `kept`, by id."""

    place: SweepPlace
    kept: frozenset[str] | None = None


def compare_sweeps(
    first: Part, second: Part, fail_on: Sequence[str] = (), *, fail_on_any: Sequence[str] = ()
) -> SweepComparison:
    """Compare two sweeps, which may lie in different places, by the factors that they have in common.

    A run is one side's or the other's by the sweep whose member it is, so that both may hold the same runs.

    Args:
        first: What is compared with.
        second: What is compared.
        fail_on: Conditions that must not hold for the second sweep's side of a point, as of `comparing.comparison.compare`.
        fail_on_any: Likewise, on the bare figures.

    Raises:
        SelectionError: If a plan is not there, or no point of one sweep is a point of the other.
        UsageError: If a plan or the directory of its runs cannot be read.
        ConditionError: If a condition cannot be read.
    """
    with gc_paused():
        return compare_points(sweep_side(first), sweep_side(second), fail_on, fail_on_any=fail_on_any)


def sweep_side(part: Part) -> SweepSide:
    """A sweep with what is there of its members; tables are read only of a run that other rules than today's had judged.

    Raises:
        SelectionError, UsageError: As of `compare_sweeps`.
    """
    plan = part.place.read_plan()
    store = Store(part.place.root)
    handles = store.handles()
    members = []
    for member in plan.members:
        if part.kept is not None and member.id not in part.kept:
            continue
        found = read_member(store, handles.get(member.id), member)
        if isinstance(found, StoredRun) and found.summary.rules_version != RULES_VERSION:
            with suppress(GradlabError):  # its tables cannot be read: it is as it was stored
                found = judged_anew(found)
        members.append((member, found))
    return SweepSide(plan, part.place.path, tuple(members))
