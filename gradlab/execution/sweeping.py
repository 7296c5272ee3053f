"""The way of a sweep: prepare, then run.

What is done with one run is the pipeline's; here is what concerns all of them together.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradlab.config.modules import ModuleExperiment, Trainable
from gradlab.config.text import one_line
from gradlab.errors import ConfigError, Fault, UsageError
from gradlab.execution import machine
from gradlab.execution.batching import seconds, tasks_of
from gradlab.execution.executors.contract import Task
from gradlab.execution.pipeline import Call, carry_out, refuse_not_found, refuse_own_code
from gradlab.execution.plan import Plan, Settings, make_plan, unlocated
from gradlab.execution.planned_data import PlannedData, load_data
from gradlab.results import environment
from gradlab.results.asked import Ask, Journal
from gradlab.results.store import SWEEPS, Store
from gradlab.results.stored import StoredRun
from gradlab.results.sweeps import directory as sweeps
from gradlab.results.sweeps.directory import SweepPlace, SweepPlan, shard_words, sweep_id

if TYPE_CHECKING:
    from gradlab.config.sweeps.sweep import Sweep
    from gradlab.datasets.dataset import Reading
    from gradlab.judgement.conditions.gates import GateResult

Point = Mapping[str, Any]

_FAILED, _UNEXPECTED = 3, 4


@dataclass(frozen=True)
class PlannedMember:
    """One run of a sweep."""

    id: str
    point: Point
    experiment: Trainable


@dataclass(frozen=True)
class PreparedSweep:
    """A sweep that can be carried out: checked, planned, its data loaded.

    Attributes:
        members: All of them, also those of other shares.
        num_repeated: Members that repeated another and were left out.
        device: As `--device` has it; a sweep that was begun stays on the kind of device that it began on.
        device_kind: `cpu` or `cuda`.
        shard: Number of the share that is planned, from 1, and how many there are; None for all of it.
        notices: What a person should know of how its values were understood, a line each.
    """

    name: str
    axes: tuple[str, ...]
    gates: tuple[str, ...]
    source: str
    members: tuple[PlannedMember, ...]
    num_repeated: int
    store: Store
    device: str
    device_kind: str
    plan: Plan
    shard: tuple[int, int] | None
    place: SweepPlace
    data: PlannedData
    notices: tuple[str, ...] = ()

    @property
    def num_to_train(self) -> int:
        return sum(len(batch) for batch in self.plan.batches)

    @property
    def readings(self) -> "list[Reading | None]":
        """How the target of each data set that is trained on is taken, None where the data are no file."""
        return [self.data.sizes(key).reading for key in self.data]

    def tasks(self, size: int, settings: Settings) -> list[Task]:
        """How the work is cut for an executor that trains so many tasks at a time."""
        return tasks_of(self.plan, self.data, size, settings)

    def seconds(self, tasks: Iterable[Task], size: int) -> float | None:
        """About how long the tasks train, shared among so many workers; None where a module of one's own is among them."""
        whole = 0.0
        for task in tasks:
            first = task.experiments[0]
            if isinstance(first, ModuleExperiment):
                return None
            whole += seconds(first, len(task.experiments), self.data.sizes(task.data))
        return whole / size


@dataclass(frozen=True)
class FinishedSweep:
    """A sweep that was carried out.

    Attributes:
        members: Point and run of every member that is on the disk, in order.
        left: Members that were not begun, because too many failed.
        gates: The sweep's conditions, judged; () for a part of it, which cannot tell.
        started: When it began, ISO 8601 in UTC.
    """

    prepared: PreparedSweep
    members: tuple[tuple[Point, StoredRun], ...]
    left: tuple[PlannedMember, ...]
    gates: "tuple[GateResult, ...]"
    started: str

    @property
    def counts(self) -> dict[str, int]:
        """Members by what became of them: `done` in this call, `cached`, `failed`, `interrupted`, and `left`."""
        words = [_word(run) for _, run in self.members]
        counts = {word: words.count(word) for word in ("done", "cached", "failed", "interrupted")}
        return {"total": len(words) + len(self.left), **counts, "left": len(self.left)}

    @property
    def verdicts(self) -> dict[str, int]:
        """Members by their verdict; those that could not be carried out by how they ended."""
        return dict(Counter(run.outcome if _word(run) == run.outcome else run.verdict for _, run in self.members))

    @property
    def exit_code(self) -> int:
        """3 where a run could not be carried out, else 4 where an expectation or a gate does not hold, else 0."""
        if self.left or any(run.outcome in ("failed", "interrupted") for _, run in self.members):
            return _FAILED
        expected = all(item.passed for _, run in self.members for item in run.summary.expectations)
        return 0 if expected and all(gate.passed for gate in self.gates) else _UNEXPECTED

    def result(self) -> dict[str, Any]:
        """The sweep as JSON holds it: id, name, path, counts and gates."""
        from gradlab.judgement.conditions.gates import gate_object

        place, shard = self.prepared.place, self.prepared.shard
        return {
            "id": place.id,
            "name": self.prepared.name,
            "path": str(place.path),
            "shard": shard_words(shard),
            "counts": self.counts,
            "gates": [gate_object(gate) for gate in self.gates],
            "left": [member.id for member in self.left],
        }


def prepare(
    config: "str | Path | Sweep",
    store: Store,
    overrides: Iterable[str] | Mapping[str, Any] = (),
    seeds: str | None = None,
    *,
    device: str = "auto",
    rerun: str = "failed",
    shard: tuple[int, int] | None = None,
    import_path: Sequence[str] = (),
) -> PreparedSweep:
    """Read, check and plan a sweep, before anything is trained.

    Args:
        config: Path of a sweep in YAML, the directory of one that was begun, or a sweep.
        store: Where runs are looked for and written.
        overrides: As for `config.sweeps.sweep.load`; a sweep that was begun takes none.
        seeds: As for `config.sweeps.sweep.load`.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        rerun: `failed`, `never` or `always` (`plan.make_plan`).
        shard: Number of the share to plan, from 1, and how many there are.
        import_path: As for `plan.make_plan`.

    Raises:
        ConfigError: With everything that is wrong with the sweep, its bases, its members and their data.
        UsageError: If the device is not there, or the store cannot be read.
    """
    sweep, begun = _read(config, overrides, seeds)
    locate = sweep.locate if begun is None else unlocated
    if begun is not None and device == "auto":
        device = begun.device
    device_kind = machine.kind(machine.resolve(device))
    experiments = [member.experiment for member in sweep.members]
    plan = make_plan(experiments, store, device_kind, rerun, shard, locate, import_path)
    ids = plan.ids
    if begun is not None:
        refuse_not_found(plan)
    if begun is not None and set(ids.values()) != {member.id for member in begun.members}:
        raise UsageError(
            f"{config}: its runs would have other ids now, because a data file, a source file of one's own, torch, gradlab's numerics or"
            " the kind of device has changed since it began; start the sweep from its file"
        )
    members = ((ids.get(member.experiment), member) for member in sweep.members)
    return PreparedSweep(
        name=sweep.name,
        axes=sweep.axes,
        gates=sweep.gates,
        source=sweep.source,
        members=tuple(PlannedMember(own, one.point, one.experiment) for own, one in members if own is not None),
        num_repeated=sweep.num_repeated + len(plan.duplicates),
        store=store,
        device=device,
        device_kind=device_kind,
        plan=plan,
        shard=shard,
        place=SweepPlace(store.root, sweep.name, sweep_id(list(ids.values()))),
        data=load_data(plan, locate),
        notices=sweep.notices,
    )


def root_of(config: Path) -> Path | None:
    """The directory of runs that a sweep which was begun lies in; None for a sweep's file."""
    if not os.path.isdir(config):
        return None
    # As it is named first: what a link in a directory of runs leads to is not where it lies.
    lies = next(
        (
            place
            for place in (Path(os.path.abspath(config)).parent, Path(os.path.realpath(config)).parent)
            if place.name == SWEEPS
        ),
        None,
    )
    return None if lies is None else lies.parent


def _read(
    config: "str | Path | Sweep", overrides: Iterable[str] | Mapping[str, Any], seeds: str | None
) -> "tuple[Sweep, SweepPlan | None]":
    """A sweep from its file; or from the plan that it began with, and that."""
    from gradlab.config.sweeps import sweep as reader

    if not isinstance(config, str | Path):
        return config, None
    if not os.path.isdir(config):
        return reader.load(config, overrides, seeds), None
    if overrides or seeds is not None:
        raise ConfigError([Fault(str(config), "", "is a sweep that was begun, which takes no -s and no --seeds")])
    place = SweepPlace.at(Path(config))
    plan = place.read_plan()
    try:
        members = tuple(reader.SweepMember(member.experiment, member.point) for member in plan.members)
    except ValueError as error:  # its fields are another version's
        reason = one_line(error, 300)
        raise UsageError(f"{place.path}: its plan cannot be read ({reason}); start the sweep from its file") from None
    return reader.Sweep(plan.name, members, plan.axes, plan.gates, num_repeated=0, source=""), plan


def run_sweep(prepared: PreparedSweep, call: Call, summary_md: Callable[[FinishedSweep], str]) -> FinishedSweep:
    """Train what is not there yet, judge the sweep as a whole, and write the sweep's own files.

    Raises:
        UsageError, RunFailedError: If something cannot be written.
        InterruptedRunError: On Ctrl+C, when what was recorded is stored.
    """
    from gradlab.judgement.conditions.gates import judge_gates

    refuse_own_code(prepared.plan, call.code)
    started = environment.now()
    place, shard = prepared.place, prepared.shard
    prepared.store.prepare()
    planned = tuple(
        sweeps.StoredMember(one.id, one.point, one.experiment.model_dump(mode="json")) for one in prepared.members
    )
    place.write_plan(
        SweepPlan(place.id, prepared.name, prepared.axes, prepared.gates, prepared.device_kind, planned),
        prepared.source,
    )
    asked = Ask(prepared.name, tuple(run.id for run in prepared.plan.runs), started, sweep=place.id)
    call = replace(call, ask=partial(Journal(prepared.store.root).ask, asked))
    runs = carry_out(prepared.plan, call, prepared.data)
    stored = {run.id: run for run in runs}
    own = {planned.id for planned in prepared.plan.runs}
    members = [member for member in prepared.members if member.id in own]
    left = tuple(member for member in members if member.id not in stored)
    finished = FinishedSweep(
        prepared=prepared,
        members=tuple((member.point, stored[member.id]) for member in members if member.id in stored),
        left=left,
        gates=judge_gates(prepared.gates, runs) if shard is None and not left else (),
        started=started,
    )
    summary = summary_md(finished)
    place.write_results(finished.members, prepared.axes, shard)
    place.write_summary(summary, shard)
    place.write_end(finished.counts, finished.result()["gates"], started, shard, finished.verdicts)
    return finished


def _word(run: StoredRun) -> str:
    if run.outcome in ("failed", "interrupted"):
        return run.outcome
    return "cached" if run.cached else "done"
