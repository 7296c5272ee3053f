"""The same from Python: `gradlab.run`, `gradlab.sweep`, `gradlab.predict`, `gradlab.load`, and `gradlab.watch` for a loop of one's own."""

import math
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradlab.config.experiment import Experiment
from gradlab.config.modules import ModuleExperiment, Trainable
from gradlab.config.seeds import seeds_of
from gradlab.errors import UnderstoodWarning, UsageError
from gradlab.results.place import runs_root
from gradlab.results.store import Store
from gradlab.results.stored import StoredRun
from gradlab.run_lists import Runs
from gradlab.stored import load as load
from gradlab.stored import load_sweep as load_sweep
from gradlab.swept import Sweep

if TYPE_CHECKING:
    from torch.amp import GradScaler
    from torch.nn import Module
    from torch.optim import Optimizer

    from gradlab.config.reading.document import Document
    from gradlab.execution.observers import Observer
    from gradlab.execution.sweeping import FinishedSweep
    from gradlab.execution.watch import Watch
    from gradlab.report.views.sweep import SweepView
    from gradlab.theory.prediction import Prediction


def run(
    config: str | Path | Mapping[str, Any] | Trainable,
    *,
    seeds: Iterable[int] | int | str | None = None,
    device: str = "auto",
    out: str | Path | None = None,
    rerun: str = "failed",
    observer: "Observer | None" = None,
    allow_code: Iterable[str] = (),
    import_path: Iterable[str | Path] = (),
    quiet: bool = False,
    threads: int | None = None,
    **overrides: Any,
) -> list[StoredRun]:
    """Train an experiment, record every layer, judge it, and store it; what is stored already is not trained again.

        run("configs/deep_sigmoid.yaml", seeds=range(3), **{"model.depth": 100, "train.lr": 0.1})

    Args:
        config: Path of a YAML file, the same as nested mappings, or an experiment.
        seeds: Train once for each, as in range(3), 7 or "0-4"; by default once with the config's own seed.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        out: Directory of runs; by default the nearest (`results.place.runs_root`).
        rerun: `failed` trains failed and interrupted runs again, `never` reuses whatever is stored, `always` nothing.
        observer: Is told of the plan, the progress and each stored run; by default a bar in a notebook, and nothing elsewhere.
        allow_code: Modules of one's own that may be imported, each with what is below it, where the config names them.
        import_path: Directories in which they are looked for first.
        quiet: Whether a notebook shows no bar.
        threads: Threads of a training step on a CPU, as far as they leave its numbers alone; by default one or all, whichever is quicker
            as the training goes.
        **overrides: Values by dotted key, as `-s` on the command line.

    Returns:
        One run for each distinct experiment, in the order of the seeds: with `.verdict`, `.summary`, and the DataFrames
        `.layers` and `.steps`.

    Raises:
        ConfigError: With everything that is wrong with the config or its data; nothing was trained then.
        UsageError: If the device is not there, `out` cannot be written, or a module of one's own is not allowed or not found.
        RunFailedError: If a run could not be written, as on a full disk.
        InterruptedRunError: On Ctrl+C, when what was recorded is stored.
    """
    from gradlab.config.allowed_code import allowed_code
    from gradlab.execution import machine
    from gradlab.execution.executors.inline import Inline
    from gradlab.execution.observers import observer_of
    from gradlab.execution.pipeline import Call, carry_out
    from gradlab.execution.plan import Settings, make_plan, note_asked

    _check_number("threads", threads, 1)
    code = allowed_code(allow_code, map(str, import_path))
    experiments = with_seeds(_experiment(config, overrides), seeds)
    store, device = Store(runs_root(out)), machine.resolve(device)
    plan = make_plan(experiments, store, machine.kind(device), rerun, import_path=code.import_path)
    ask = partial(note_asked, plan, store)
    watcher, settings = observer_of(_watcher(observer, quiet)), Settings(num_threads=threads)
    call = Call(store, Inline(device), summary_md, settings, watcher, code=code, ask=ask)
    return Runs(carry_out(plan, call))


def sweep(
    config: str | Path | Mapping[str, Any],
    *,
    seeds: Iterable[int] | int | str | None = None,
    device: str = "auto",
    out: str | Path | None = None,
    rerun: str = "failed",
    executor: str | None = None,
    workers: int | None = None,
    ray_address: str | None = None,
    timeout: float | None = None,
    retries: int = 1,
    max_failures: int | None = None,
    max_runs_per_batch: int | None = None,
    observer: "Observer | None" = None,
    allow_code: Iterable[str] = (),
    import_path: Iterable[str | Path] = (),
    quiet: bool = False,
    threads: int | None = None,
    **overrides: Any,
) -> Sweep:
    """Train every member of a sweep, batched by shape; what is stored already is not trained again.

        sweep("configs/sweeps/init_by_depth.yaml", seeds=range(5), **{"train.steps": 50})

    Args:
        config: Path of a sweep in YAML, the same as nested mappings, or the directory of a sweep that was begun.
        seeds: Instead of the sweep's own.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        out: Directory of runs, by default the nearest or where the sweep lies; its own files go to `sweeps/` in it.
        rerun: `failed` trains failed and interrupted runs again, `never` reuses whatever is stored, `always` nothing.
        executor: `inline`, `processes` or `ray`; by default worker processes where there are cores for them.
        workers: How many; by default one a core or GPU.
        ray_address: Of a Ray cluster: `auto`, or `host:port`.
        timeout: Seconds that a batch may train.
        retries: Times that a run that failed alone is tried again.
        max_failures: Failed runs after which nothing more is begun.
        max_runs_per_batch: Most runs that train together; by default what is fastest.
        observer: As of `run`.
        allow_code: As of `run`.
        import_path: As of `run`.
        quiet: As of `run`.
        threads: As of `run`, of each worker; there are then as many workers as have cores for them.
        **overrides: Values by dotted key, laid over every member.

    Returns:
        One run for each member that could be begun, in the sweep's order; one that failed has the outcome `failed`. It is a list with
        `.table`, `.groups`, `.gates`, `.compare(other)`, `.plot(kind)` and `.report()`.

    Raises:
        ConfigError: With everything that is wrong with the sweep; nothing was trained then.
        UsageError: If the device or the executor is not there, or `out` cannot be written.
        RunFailedError: If a run could not be written, as on a full disk.
        InterruptedRunError: On Ctrl+C, when what was recorded is stored.
    """
    from gradlab.config.allowed_code import allowed_code
    from gradlab.config.sweeps import sweep as reader
    from gradlab.config.sweeps.file_kind import is_experiment
    from gradlab.execution import sweeping
    from gradlab.execution.executors.choice import choose
    from gradlab.execution.observers import observer_of
    from gradlab.execution.pipeline import Call
    from gradlab.execution.plan import Settings

    if not isinstance(config, str | Path | Mapping):
        raise UsageError(f"expected a path or a mapping, got {type(config).__name__}")
    for name, number, least in (
        ("workers", workers, 1),
        ("retries", retries, 0),
        ("max_failures", max_failures, 0),
        ("max_runs_per_batch", max_runs_per_batch, 1),
        ("threads", threads, 1),
    ):
        _check_number(name, number, least)
    if timeout is not None and not (isinstance(timeout, int | float) and 0 < timeout < math.inf):
        raise UsageError(f"timeout: expected seconds > 0, got {timeout!r}")
    if isinstance(config, Mapping) and is_experiment(config):
        raise UsageError(
            "this mapping is an experiment; train it with gradlab.run, or put it under the key experiment of a sweep"
        )
    if isinstance(config, str | Path) and os.path.isfile(config) and is_experiment(config):
        raise UsageError(f"{config}: is an experiment; train it with gradlab.run({str(config)!r})")
    words = seeds if seeds is None or isinstance(seeds, str) else ",".join(map(str, _listed(seeds)))
    asked = reader.from_mapping(config, overrides, words) if isinstance(config, Mapping) else Path(config)
    begun = sweeping.root_of(asked) if isinstance(asked, Path) else None
    code = allowed_code(allow_code, map(str, import_path))
    store = Store(runs_root(out or begun))
    prepared = sweeping.prepare(
        asked, store, overrides, words, device=device, rerun=rerun, import_path=code.import_path
    )
    _warn(prepared.notices, 3)
    choice = choose(
        executor,
        prepared.num_to_train,
        device=prepared.device,
        num_workers=workers,
        address=ray_address,
        timeout=timeout,
        num_threads=threads,
    )
    on_gpu = prepared.device_kind != "cpu"
    settings = Settings(retries, max_failures, max_runs_per_batch, on_gpu, threads)
    call = Call(
        prepared.store, choice.executor, summary_md, settings, observer_of(_watcher(observer, quiet)), code=code
    )
    finished = sweeping.run_sweep(prepared, call, sweep_summary_md)
    return Sweep(finished.members, prepared.place, partial(view_of, finished))


def _check_number(name: str, number: object, least: int) -> None:
    """Refuse an argument that is neither None nor a whole number of at least so much."""
    if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < least):
        raise UsageError(f"{name}: expected a whole number >= {least}, got {number!r}")


def _watcher(observer: object, quiet: bool) -> object:
    """Who is told how a call gets on: whoever is named, else a bar where a notebook shows one."""
    if observer is not None or quiet:
        return observer
    from gradlab.report.live.notebook_bar import NotebookBar, in_notebook

    return NotebookBar() if in_notebook() else None


def watch(
    model: "Module",
    optimizer: "Optimizer | Sequence[Optimizer]",
    *,
    name: str = "watched",
    scaler: "GradScaler | None" = None,
    every: int = 1,
    quantities: str | Sequence[str] = "default",
    out: str | Path | None = None,
    chance_loss: float | None = None,
    compiled: bool = False,
) -> "Watch":
    """Record a module of one's own in one's own loop, judge it, and store it as a run like every other.

        with gradlab.watch(model, optimizer, name="mine") as run:
            for x, y in loader:
                optimizer.zero_grad()
                loss = criterion(model(x), y)
                loss.backward()
                run.log(loss=loss)
                optimizer.step()
        run.stored.verdict

    The weights become the same bits as without it. After training has begun nothing of it raises: faults are told once as warnings.

    Args:
        model: What is trained; one that owns parameters, and is no shard.
        optimizer: Whose steps count; or several, that share them.
        name: What the run is called; names need not be unique.
        scaler: Scales the loss, where one does (`torch.amp.GradScaler`): what is recorded is unscaled.
        every: Optimizer steps from one record to the next.
        quantities: A group (`none`, `gradients`, `default`, `all`), a quantity, or several; a few cost less.
        out: Directory of runs; by default the nearest (`results.place.runs_root`).
        chance_loss: Loss of the best answer that does not look at the inputs, such as `math.log(10)` for ten even classes; without it
            "not learning" rests on the loss alone.
        compiled: Whether the module will be compiled (`torch.compile`); one that is already is seen to be.

    Returns:
        A context manager with `.log(loss=…, accuracy=…)`, `.close()` and, once it is closed, `.stored`. Left open, it is stored as
        interrupted when the program ends. Where several processes train together (DDP) the first writes.

    Raises:
        UsageError: If the module or the optimizer cannot be watched, an argument cannot be, or `out` cannot be written.
        RunFailedError: If `out` cannot be made, as on a full disk.
    """
    from gradlab.results.environment import products_left_alone

    with products_left_alone():
        from gradlab.execution.watch import Watch
    from gradlab.execution.watch_options import WatchOptions

    asked = WatchOptions(name, scaler, every, quantities, out, chance_loss, compiled)  # type: ignore[arg-type]
    return Watch(model, optimizer, asked, summary_md)


def summary_md(run: StoredRun) -> str:
    """The text of a run's `summary.md`."""
    from gradlab.report.files.markdown import markdown
    from gradlab.report.views.run import view

    return markdown(view(run).blocks)


def sweep_summary_md(finished: "FinishedSweep") -> str:
    """The text of a sweep's `summary.md`."""
    from gradlab.report.files.markdown import sweep_markdown

    return sweep_markdown(view_of(finished))


def view_of(finished: "FinishedSweep") -> "SweepView":
    """What there is to see of a sweep that was carried out."""
    from gradlab.report.views.sweep import sweep_view
    from gradlab.results.sweeps.directory import shard_words

    prepared = finished.prepared
    return sweep_view(
        prepared.name,
        prepared.place.id,
        prepared.place.path,
        prepared.axes,
        finished.members,
        gates=finished.gates,
        counts=finished.counts,
        shard=shard_words(prepared.shard),
    )


def predict(config: str | Path | Mapping[str, Any] | Experiment, **overrides: Any) -> "Prediction":
    """What theory expects of an experiment before the first update; nothing is trained.

        predict("configs/deep_sigmoid.yaml", **{"model.depth": 100}).forecast.expected_backward_decades

    Args:
        config: Path of a YAML file, the same as nested mappings, or an experiment.
        **overrides: Values by dotted key, as `-s` on the command line.

    Raises:
        ConfigError: With everything that is wrong with the config or its data.
        UsageError: If it is on a module of one's own, of which there is no theory.
    """
    from gradlab.judgement.modules.verdict import NO_THEORY
    from gradlab.report.notebook_views import register
    from gradlab.theory.prediction import predict as predicted

    register()
    experiment = _experiment(config, overrides, trains=False)
    if not isinstance(experiment, Experiment):
        raise UsageError(f"{experiment.name}: {NO_THEORY}, which is a module of one's own")
    return predicted(experiment)


def with_seeds(experiment: Trainable, seeds: Iterable[int] | int | str | None) -> list[Trainable]:
    """The experiment once for each seed; without any, with its own."""
    if seeds is None:
        return [experiment]
    return [experiment.model_copy(update={"seed": seed}) for seed in _listed(seeds)]


def _listed(seeds: object) -> list[int]:
    """Seeds as they are given, one by one.

    Raises:
        UsageError: If they are none, or no whole numbers.
    """
    if isinstance(seeds, str):
        return seeds_of(seeds)
    found: list[int] = []
    for seed in seeds if isinstance(seeds, Iterable) else [seeds]:
        if isinstance(seed, bool) or not hasattr(seed, "__index__") or not 0 <= int(seed) < 2**63:
            raise UsageError(f"seeds: expected integers >= 0, got {seed!r}")
        found.append(int(seed))
    if not found:
        raise UsageError("seeds: expected at least one")
    return found


def _experiment(
    config: str | Path | Mapping[str, Any] | Trainable, overrides: Mapping[str, Any], trains: bool = True
) -> Trainable:
    from gradlab.config.reading import document
    from gradlab.config.sweeps.file_kind import is_sweep

    if isinstance(config, str | Path):
        if is_sweep(config):
            raise UsageError(f"{config}: is a sweep; carry it out with gradlab.sweep({str(config)!r})")
        return _said(document.load(config, overrides, trains))
    if isinstance(config, Experiment | ModuleExperiment):
        if not overrides:
            return config
        config = config.model_dump(mode="json", exclude_unset=True)
    if isinstance(config, Mapping) and is_sweep(config):
        raise UsageError("this mapping is a sweep; carry it out with gradlab.sweep")
    if not isinstance(config, Mapping):
        raise UsageError(f"expected a path, a mapping or an Experiment, got {type(config).__name__}")
    return _said(document.from_mapping(config, overrides, trains))


def _said(found: "Document") -> Trainable:
    """An experiment, when what a person should know of how it was understood has been said."""
    _warn(found.notices, 5)
    return found.experiment


def _warn(notices: Iterable[str], level: int) -> None:
    """Say, at the line that is so many calls away, how a config was understood."""
    for line in notices:
        warnings.warn(line, UnderstoodWarning, stacklevel=level)
