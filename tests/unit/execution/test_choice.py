"""Which executor a sweep gets."""

import pytest

from gradlab.errors import UsageError
from gradlab.execution.executors import choice
from gradlab.execution.executors.choice import choose
from gradlab.execution.executors.inline import Inline
from gradlab.execution.executors.processes import Processes


@pytest.fixture(autouse=True)
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "num_cores", lambda: 4)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


def shape(executor: object) -> tuple[int, int]:
    """Workers, and threads of each."""
    assert isinstance(executor, Processes)
    return executor.size, executor._num_threads


@pytest.mark.parametrize(
    ("num_runs", "num_workers", "expected"),
    [(100, None, (4, 1)), (3, None, (3, 1)), (2, None, (2, 2)), (100, 2, (2, 2)), (100, 3, (3, 1)), (100, 9, (4, 1))],
)
def test_threads_never_outnumber_the_cores(num_runs: int, num_workers: int | None, expected: tuple[int, int]) -> None:
    chosen = choose("processes", num_runs, device="cpu", num_workers=num_workers)
    assert shape(chosen.executor) == expected
    assert bool(chosen.notice) == (num_workers == 9)


def test_by_default_runs_share_the_cores_and_a_single_run_has_them_all() -> None:
    assert choose(None, 100, device="cpu").name == "processes"
    assert isinstance(choose(None, 1, device="cpu").executor, Inline)
    assert choose(None, 100, device="cpu", num_workers=1).name == "inline"


def test_one_core_means_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "num_cores", lambda: 1)
    assert choose(None, 100, device="cpu").name == "inline"


@pytest.mark.parametrize(
    ("num_threads", "num_workers", "expected"),
    [(1, None, (4, 1)), (2, None, (2, 2)), (3, None, (1, 3)), (9, None, (1, 9)), (2, 1, (1, 2)), (2, 4, (2, 2))],
)
def test_there_are_as_many_workers_as_have_cores_for_threads_that_are_given(
    num_threads: int, num_workers: int | None, expected: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    chosen = choose("processes", 100, device="cpu", num_workers=num_workers, num_threads=num_threads)
    assert shape(chosen.executor) == expected
    assert ("there are 4 cores for workers of 2 threads" in chosen.notice) == (num_workers == 4)


def test_a_users_own_limit_of_threads_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert shape(choose("processes", 100, device="cpu", num_workers=2).executor) == (2, 1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"name": "threads"}, "expected inline, processes, ray"),
        ({"name": "inline", "num_workers": 2}, "inline trains in one process"),
        ({"name": "processes", "address": "auto"}, "goes with --executor ray"),
        ({"name": "ray", "num_threads": 2}, "--threads 2: a worker of a Ray cluster trains with one thread"),
        ({"name": None, "device": "tpu"}, "expected auto, cpu, cuda"),
    ],
)
def test_what_does_not_go_together_is_said(arguments: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        choose(num_runs=10, **arguments)  # type: ignore[arg-type]
