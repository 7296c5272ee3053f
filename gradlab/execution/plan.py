"""What is there already, what is trained anew, and what trains together."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from gradlab.config.allowed_code import PATH_FLAG, not_imported, own_modules
from gradlab.config.experiment import Data
from gradlab.config.modules import AnyExperiment, ModuleExperiment, Trainable, file_of
from gradlab.errors import ConfigError, Fault, UsageError
from gradlab.results import run_files
from gradlab.results.asked import Ask, Journal
from gradlab.results.environment import now
from gradlab.results.identity import group_id, run_id
from gradlab.results.store import RunHandle, Store

Rerun = Literal["never", "failed", "always"]
State = Literal["cached", "failed", "interrupted", "again", "new"]

Locate = Callable[[ConfigError, Trainable], ConfigError]
"""Gives faults that were found in an experiment their place in its config."""


def unlocated(error: ConfigError, experiment: Trainable) -> ConfigError:
    """Leave faults without a place: nothing was read from a file."""
    return error


RERUNS: tuple[str, ...] = get_args(Rerun)
_REUSED = ("completed", "diverged")


@dataclass(frozen=True)
class Planned:
    """One experiment with what is to be done about it.

    Attributes:
        state: `cached` is reused; the others are trained: `failed` and `interrupted` after such an outcome, `again` by
            wish, `new` for the first time.
        keep_if_rerun_fails: Whether what is stored came to its end and can be read.
        data_digest: Of the data file's bytes, which is part of the id; None where the data are no file.
    """

    experiment: Trainable
    id: str
    state: State
    stored: RunHandle | None
    keep_if_rerun_fails: bool = False
    data_digest: str | None = None

    @property
    def path(self) -> str | None:
        return str(self.stored.path) if self.stored else None


@dataclass(frozen=True)
class Plan:
    """What a list of experiments comes to, before any is trained.

    Attributes:
        runs: Every distinct run, in the order of the experiments.
        batches: Those that are trained, grouped by what must be equal inside a batch.
        duplicates: Experiments left out because one before them has the same id.
        elsewhere: The experiments that belong to other shards, with their ids; none where all are planned here.
        sources: Digest of the source files of every top-level package that training imports, None where it was not found: the ids of
            runs that import it cannot be told then.
    """

    runs: tuple[Planned, ...]
    batches: tuple[tuple[Planned, ...], ...]
    duplicates: tuple[Trainable, ...]
    elsewhere: tuple[tuple[Trainable, str], ...] = ()
    sources: Mapping[str, str | None] = field(default_factory=dict)
    device_kind: str = "cpu"

    def group_of(self, run: Planned) -> str:
        """What a run has in common with those that differ from it only in their seed."""
        return group_id(
            run.experiment, self.device_kind, run.data_digest, source_digests=own_sources(run.experiment, self.sources)
        )

    @property
    def ids(self) -> Mapping[AnyExperiment, str]:
        """The id of every distinct experiment, those of other shards included."""
        own: dict[AnyExperiment, str] = {run.experiment: run.id for run in self.runs}
        return own | dict(self.elsewhere)

    @property
    def not_found(self) -> tuple[str, ...]:
        """Top-level packages that training imports and that were not found."""
        return tuple(package for package, found in self.sources.items() if found is None)

    def is_known(self, run: Planned) -> bool:
        """Whether a run's id could be told: everything that it rests on was found."""
        return not (
            isinstance(run.experiment, ModuleExperiment) and set(packages_of(run.experiment)) & set(self.not_found)
        )

    @property
    def counts(self) -> dict[str, int]:
        """Number of runs by state; states that do not occur are left out."""
        counts = Counter(run.state for run in self.runs)
        return {state: counts[state] for state in get_args(State) if counts[state]}

    def __str__(self) -> str:
        """One line, as `--dry-run` prints it."""
        words = {
            "cached": "cached",
            "failed": "failed (will rerun)",
            "interrupted": "interrupted (will rerun)",
            "again": "to train again",
            "new": "new",
        }
        states = ", ".join(f"{count} {words[state]}" for state, count in self.counts.items()) or "nothing to do"
        runs = f"{len(self.runs)} run{'' if len(self.runs) == 1 else 's'}"
        return f"{runs} in {len(self.batches)} batch{'' if len(self.batches) == 1 else 'es'}: {states}"


@dataclass(frozen=True)
class Settings:
    """How a plan is carried out.

    Attributes:
        retries: Times that a run that broke alone is tried again.
        max_failures: Failed runs after which nothing more is begun; None where that is no reason to stop.
        max_runs: Most runs in a batch; None for what is best here, 0 for batches as they are planned.
        on_gpu: Whether batches train on a GPU.
        num_threads: Threads of a training step on a CPU; None for what is quickest as it goes.
    """

    retries: int = 0
    max_failures: int | None = None
    max_runs: int | None = 0
    on_gpu: bool = False
    num_threads: int | None = None


def make_plan(
    experiments: Sequence[Trainable],
    store: Store,
    device_kind: str,
    rerun: str = "failed",
    shard: tuple[int, int] | None = None,
    locate: Locate = unlocated,
    import_path: Sequence[str] = (),
) -> Plan:
    """Find out what is there already, and group the rest.

    Args:
        experiments: What is asked for.
        store: Where stored runs are looked for.
        device_kind: `cpu` or `cuda`, which is part of a run's id.
        rerun: `failed` reuses completed and diverged runs and trains failed and interrupted ones again; `never` reuses
            whatever is stored; `always` trains everything again.
        shard: Number of the share that is planned here, from 1, and how many there are. A run's id says to which it belongs,
            whatever is stored already.
        locate: Gives the faults of an experiment's data file their place in the config.
        import_path: Directories in which the source files of one's own modules are looked for first; nothing is imported.

    Raises:
        ConfigError: With the faults of all data files that cannot be read.
        UsageError: If the store or the source files of a module cannot be read, or `rerun` is none of the three.
    """
    if rerun not in RERUNS:
        raise UsageError(f"--rerun {rerun}: expected {', '.join(RERUNS)}")
    stored = store.handles()
    digests = _digests(experiments, locate)
    sources = _sources(experiments, import_path)
    runs: dict[str, Planned] = {}
    duplicates = []
    elsewhere: dict[str, Trainable] = {}
    for experiment in experiments:
        data_digest = digests[file_of(experiment.data)]
        own = run_id(experiment, device_kind, data_digest, source_digests=own_sources(experiment, sources))
        if own in runs or own in elsewhere:
            duplicates.append(experiment)
        elif shard is not None and int(own, 16) % shard[1] != shard[0] - 1:
            elsewhere[own] = experiment
        else:
            handle = stored.get(own)
            state, ended = _state(store, handle, rerun, run_files.tables_of(experiment))
            runs[own] = Planned(experiment, own, state, handle, ended, data_digest)
    batches: dict[tuple[str, str | None], list[Planned]] = {}
    for run in runs.values():
        if run.state != "cached":
            key = run.experiment.batch_key(), run.data_digest
            batches.setdefault(key, []).append(run)
    return Plan(
        runs=tuple(runs.values()),
        batches=tuple(tuple(batch) for batch in batches.values()),
        duplicates=tuple(duplicates),
        elsewhere=tuple((experiment, own) for own, experiment in elsewhere.items()),
        sources=sources,
        device_kind=device_kind,
    )


def note_asked(plan: Plan, store: Store) -> None:
    """Note that the runs of a plan were asked for by their name: they are one experiment's seeds."""
    first = plan.runs[0]
    Journal(store.root).ask(Ask(first.experiment.name, tuple(run.id for run in plan.runs), now(), plan.group_of(first)))


def about_code(plan: Plan) -> list[str]:
    """What is to be said of code that a plan names and that was not imported."""
    told = not_imported([run.experiment for run in plan.runs])
    missing = ", ".join(plan.not_found)
    return [
        *([] if told is None else [told]),
        *(
            [f"{missing}: no source files of that name, so the ids are not known; {PATH_FLAG} DIR says where"]
            if missing
            else []
        ),
    ]


def packages_of(experiment: Trainable) -> tuple[str, ...]:
    """Top-level packages that training an experiment imports, each once."""
    return tuple(dict.fromkeys(module.partition(".")[0] for module in own_modules([experiment])))


def own_sources(experiment: Trainable, sources: Mapping[str, str | None]) -> dict[str, str | None] | None:
    """Those digests of source files that count for an experiment, None where it imports nothing of the user's own."""
    imported = packages_of(experiment)
    return {package: sources[package] for package in imported} if imported else None


def _sources(experiments: Sequence[Trainable], import_path: Sequence[str]) -> dict[str, str | None]:
    """Digest of the source files of every top-level package that training imports, None where there is none to be found."""
    from gradlab.results import source_files

    sources: dict[str, str | None] = {}
    for package in dict.fromkeys(package for experiment in experiments for package in packages_of(experiment)):
        try:
            sources[package] = source_files.digest(package, import_path)
        except OSError as error:
            raise UsageError(
                f"{package}: its source files cannot be read ({error.filename}: {error.strerror})"
            ) from error
    return sources


def _digests(experiments: Sequence[Trainable], locate: Locate) -> dict[str | None, str | None]:
    """Digest of every data file that is named, by its path; None for data that are no file."""
    from gradlab import datasets

    digests: dict[str | None, str | None] = {None: None}
    faults: dict[Fault, None] = {}
    for experiment in experiments:
        data = experiment.data
        if not isinstance(data, Data) or data.path in digests:
            continue
        digests[data.path] = None
        try:
            digests[data.path] = datasets.digest(data)
        except ConfigError as error:
            faults |= dict.fromkeys(locate(error, experiment).faults)
    if faults:
        raise ConfigError(list(faults))
    return digests


def _state(store: Store, handle: RunHandle | None, rerun: str, tables: Sequence[str]) -> tuple[State, bool]:
    """What is to be done about a run that the store has or has not, and whether what it has came to its end."""
    if handle is None:
        return "new", False
    try:
        outcome = store.line(handle).outcome
        ended = outcome in _REUSED
        run_files.check(handle.path, tables if ended else ())
    except (OSError, ValueError):  # damaged: there is nothing in it to reuse
        return "again", False
    if rerun == "never" or (rerun == "failed" and ended):
        return "cached", ended
    match outcome:
        case "failed" | "interrupted":
            return outcome, False
    return "again", ended
