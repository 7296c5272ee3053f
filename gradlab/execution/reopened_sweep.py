"""A sweep as it lies on the disk: the members whose runs are there, judged by today's rules, and what is missing."""

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gradlab.config.text import counted
from gradlab.errors import GradlabError
from gradlab.execution.rejudge import reused
from gradlab.results.listing import gc_paused
from gradlab.results.record import Record
from gradlab.results.store import Store
from gradlab.results.stored import StoredRun
from gradlab.results.sweeps.directory import SweepPlace, SweepPlan
from gradlab.results.sweeps.members import MissingMember, read_member
from gradlab.results.sweeps.table import Point

if TYPE_CHECKING:
    from gradlab.judgement.comparing.profiles import Depths
    from gradlab.judgement.conditions.gates import GateResult


@dataclass(frozen=True)
class ReopenedSweep:
    """A sweep that was read back.

    Attributes:
        gates: The sweep's conditions, judged; () where they could not be.
        ungated: Why they could not be judged, "" where they were or there are none.
        unread: Id -> why the tables of a run could not be read, of runs whose tables were wanted.
    """

    plan: SweepPlan
    members: tuple[tuple[Point, StoredRun], ...]
    missing: tuple[MissingMember, ...]
    gates: "tuple[GateResult, ...]"
    ungated: str
    unread: dict[str, str]
    _depths: "dict[str, Depths | None]"

    def depths(self, ids: Iterable[str]) -> "dict[str, Depths]":
        """The depth profiles of some runs by id, without those that have none; a record is read if it was not yet, and not kept."""
        runs = {run.id: run for _, run in self.members}
        profiles = {}
        for one in ids:
            if one not in self._depths and one not in self.unread:
                with suppress(GradlabError):  # told in `unread`
                    _reader(runs[one], self._depths, self.unread)()
            depths = self._depths.get(one)
            if depths is not None:
                profiles[one] = depths
        return profiles


def open_sweep(place: SweepPlace) -> ReopenedSweep:
    """Read a sweep that was begun; it may be unfinished, and runs may have been removed or damaged since.

    A record is read only where a condition or other rules than today's ask for it, at most once, and is not kept.

    Raises:
        SelectionError: If its plan is not there.
        UsageError: If its plan or the directory of its runs cannot be read.
    """
    plan = place.read_plan()
    store = Store(place.root)
    handles = store.handles()
    members: list[tuple[Point, StoredRun]] = []
    missing: list[MissingMember] = []
    unread: dict[str, str] = {}
    depths: dict[str, Depths | None] = {}

    def runs() -> Iterator[StoredRun]:
        for member in plan.members:
            found = read_member(store, handles.get(member.id), member)
            if isinstance(found, MissingMember):
                missing.append(found)
                continue
            run = replace(found, read=_reader(found, depths, unread))
            with suppress(GradlabError):  # today's rules ask for what cannot be read: it is as it was stored
                run = reused(run)
            members.append((member.point, replace(run, read=found.read)))
            yield run

    with gc_paused():
        gates, ungated = _gates(plan.gates, runs, unread)
    if missing and plan.gates:
        verb = "is" if len(missing) == 1 else "are"
        gates, ungated = (), f"{len(missing)} of {counted(len(plan.members), 'run')} {verb} missing"
    return ReopenedSweep(plan, tuple(members), tuple(missing), gates, ungated, unread, depths)


def _gates(
    gates: Sequence[str], runs: Callable[[], Iterator[StoredRun]], unread: Mapping[str, str]
) -> "tuple[tuple[GateResult, ...], str]":
    """The gates, judged while the runs pass by, and why they could not be; all runs pass in either case."""
    from gradlab.judgement.conditions.gates import judge_gates

    passing = runs()
    try:
        judged = judge_gates(gates, passing)
    except GradlabError as error:  # a gate of another version, or a table that one asks for
        for _ in passing:
            pass
        return (), str(error)
    if gates and unread:
        return (), f"the tables of {len(unread)} {'run' if len(unread) == 1 else 'runs'} cannot be read"
    return judged, ""


def _reader(run: StoredRun, depths: "dict[str, Depths | None]", unread: dict[str, str]) -> Callable[[], Record | None]:
    """Reads a run's record at most once while it is looked at, and takes its profile then."""

    @functools.cache
    def read() -> Record | None:
        from gradlab.judgement.comparing.profiles import depths_of

        try:
            record = run.read()
        except GradlabError as error:
            unread[run.id] = str(error)
            raise
        depths[run.id] = depths_of(record)
        return record

    return read
