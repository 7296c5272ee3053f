"""Who is told how a call gets on."""

from collections.abc import Sequence

from gradlab.execution.executors.contract import Broken, Task
from gradlab.execution.plan import Plan
from gradlab.results.record import Progress
from gradlab.results.stored import StoredRun


class Observer:
    """Is told how a call gets on. Nothing is done about it here: a subclass has the methods for what it wants to know."""

    def on_plan(self, plan: Plan) -> None:
        """What is going to be done, before anything is."""

    def on_tasks(self, tasks: Sequence[Task]) -> None:
        """How the work was cut, before any of it begins."""

    def on_started(self, task: Task) -> None:
        """A task was given to the executor."""

    def on_progress(self, progress: Progress) -> None:
        """How a task that trains gets on, at a bounded rate."""

    def on_broken(self, task: Task, broken: Broken, again: Sequence[Task]) -> None:
        """A task broke, and what is tried instead; nothing where it has failed."""

    def on_stored(self, run: StoredRun) -> None:
        """A run is on the disk: just written, or there already (`run.cached`)."""

    def on_landed(self, task: Task) -> None:
        """A task is done and its runs are on the disk, failed ones too."""

    def on_stop(self) -> None:
        """The user wants to stop, and what trains is asked to come to an end."""


def observer_of(anything: object) -> Observer:
    """An observer that passes on what `anything` has a method for."""
    if isinstance(anything, Observer):
        return anything
    observer = Observer()
    for name in vars(Observer):
        if name.startswith("on_") and hasattr(anything, name):
            setattr(observer, name, getattr(anything, name))
    return observer
