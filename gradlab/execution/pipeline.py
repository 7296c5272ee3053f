"""The way of a plan: train, forecast, judge, store.

Training is what costs. So nothing that comes after it may lose it: a run that breaks is stored as failed and the
others go on, Ctrl+C stores what was recorded, and a fault in judging or rendering is raised only when all runs are on
the disk.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from gradlab.config.allowed_code import NO_CODE, PATH_FLAG, AllowedCode, own_modules, refuse_code
from gradlab.errors import InterruptedRunError, UsageError
from gradlab.execution import interrupts
from gradlab.execution.batching import tasks_of
from gradlab.execution.dispatch import Dispatcher, Result
from gradlab.execution.executors.contract import Executor, Train, Training, train_with_torch
from gradlab.execution.observers import Observer
from gradlab.execution.plan import Plan, Settings
from gradlab.execution.planned_data import PlannedData, load_data
from gradlab.execution.storing import RunStorer
from gradlab.results.environment import fix_products, say_products_are_fixed
from gradlab.results.store import Store
from gradlab.results.stored import StoredRun


@dataclass(frozen=True)
class Call:
    """With what a plan is carried out.

    Attributes:
        executor: Who trains; it is opened and closed by `carry_out`.
        summary_md: Renders a run as the text of its `summary.md`.
        train: What trains a batch; gradlab's own engine by default.
        code: What may be imported of the user's own.
        ask: Notes that the plan was asked for, right before it is carried out.
    """

    store: Store
    executor: Executor
    summary_md: Callable[[StoredRun], str]
    settings: Settings = field(default_factory=Settings)
    observer: Observer = field(default_factory=Observer)
    train: Train | None = None
    code: AllowedCode = NO_CODE
    ask: Callable[[], None] = lambda: None


def carry_out(plan: Plan, call: Call, data: PlannedData | None = None) -> list[StoredRun]:
    """Carry a plan out, and store each run.

    Returns:
        The runs of the plan that are on the disk now, in its order: all of them, unless too many failed. Those that were
        there already are judged anew, by today's rules and the expectations that are asked for now.

    Raises:
        ConfigError: If a data set cannot be loaded; nothing was trained then.
        UsageError: If the executor is not to be had, the store cannot be read or written, or code of the user's own is not allowed or
            not found.
        RunFailedError: If a run could not be written.
        InterruptedRunError: On Ctrl+C, when what was recorded is stored.
    """
    refuse_own_code(plan, call.code)
    if plan.batches:
        fix_products()  # where a module was watched before, it was undone
        say_products_are_fixed()
    call.observer.on_plan(plan)
    storer = RunStorer(plan, call.store, call.summary_md, call.observer)
    try:
        data = load_data(plan) if data is None else data
        if plan.batches:
            call.store.prepare()
        call.ask()
        for planned in plan.runs:
            if planned.state == "cached":
                storer.reuse(planned)
        if plan.batches:
            with interrupts.held():
                _train(plan, data, storer, call)
    except KeyboardInterrupt:
        raise InterruptedRunError(storer.interrupted()) from None
    if storer.first_error is not None:
        raise storer.first_error
    return [storer.stored[planned.id] for planned in plan.runs if planned.id in storer.stored]


def refuse_own_code(plan: Plan, code: AllowedCode) -> None:
    """Refuse a plan whose modules may not be imported, or were not found.

    Raises:
        UsageError: With the module and the flag that mends it.
    """
    refuse_code([run.experiment for run in plan.runs], code)
    refuse_not_found(plan)


def refuse_not_found(plan: Plan) -> None:
    """Refuse a plan whose modules were not found.

    Raises:
        UsageError: With their names and the flag that says where they are.
    """
    if plan.not_found:
        missing = ", ".join(plan.not_found)
        here = all(Path(name).is_dir() or Path(f"{name}.py").is_file() for name in plan.not_found)
        where = (
            f"the current directory, which has them, is not looked through by itself: add {PATH_FLAG} ."
            if here
            else f"{PATH_FLAG} DIR names the directory that holds them (the current one is not looked through)"
        )
        raise UsageError(f"{missing}: no source files of that name on the import path; {where}")


def _training(plan: Plan, call: Call) -> Train:
    """What trains the batches of a plan."""
    num_threads = call.settings.num_threads
    with_code = own_modules(run.experiment for run in plan.runs)
    if call.train is not None or not (with_code or num_threads):
        return call.train or train_with_torch
    found = {package: digest for package, digest in plan.sources.items() if digest is not None}
    return Training(replace(call.code, digests=found), num_threads)


def _train(plan: Plan, data: PlannedData, storer: RunStorer, call: Call) -> None:
    """Train what the plan wants trained, and store it as it comes."""
    executor, settings, observer = call.executor, call.settings, call.observer

    def keep(result: Result, between: Callable[[], None]) -> bool:
        interrupted = storer.keep(result, between, data.sizes(result.task.data).reading)
        observer.on_landed(result.task)
        return interrupted

    try:
        executor.open(_training(plan, call), data, observer.on_progress)
        tasks = tasks_of(plan, data, executor.size, settings)
        observer.on_tasks(tasks)
        dispatcher = Dispatcher(executor, tasks, settings.retries, settings.max_failures, observer)
        try:
            for result in dispatcher.results():
                if keep(result, dispatcher.pump):
                    raise KeyboardInterrupt
        except KeyboardInterrupt:
            for result in dispatcher.stop():
                keep(result, lambda: None)
            raise
    finally:
        executor.close()
