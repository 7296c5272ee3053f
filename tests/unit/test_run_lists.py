"""Every door takes runs, lists of them and sweeps, beside their names; a slice is a list of runs still."""

from pathlib import Path
from typing import Any

import pytest

import gradlab
from gradlab.errors import UsageError
from gradlab.run_lists import Runs

TINY: dict[str, Any] = {
    "name": "tiny",
    "model": {"depth": 2, "width": 6, "activation": "tanh"},
    "data": {"source": "xor", "samples": 64, "batch_size": 16},
    "train": {"steps": 4},
}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


def swept(out: Path, steps: int) -> gradlab.Sweep:
    config = {"name": "two", "experiment": TINY, "seeds": [0, 1], "grid": {"train.lr": [0.1, 0.2]}}
    return gradlab.sweep(config, out=out, device="cpu", executor="inline", quiet=True, **{"train.steps": steps})


@pytest.fixture(scope="module")
def first(out: Path) -> gradlab.Sweep:
    return swept(out, 4)


@pytest.fixture(scope="module")
def second(out: Path) -> gradlab.Sweep:
    return swept(out, 5)


def test_a_slice_is_a_list_of_runs_that_shows_and_draws_itself(first: gradlab.Sweep) -> None:
    part = first[1:3]
    assert type(part) is Runs
    assert part == list(first)[1:3]
    assert part[-1] is first[2]
    assert "<table" in part._repr_html_()
    assert part.plot("loss").axes


def test_runs_and_lists_of_runs_are_sides(first: gradlab.Sweep, second: gradlab.Sweep, out: Path) -> None:
    one = gradlab.compare(first[0], first[2], out=out)
    assert [side.ids[0] for side in one.sides] == [first[0].id, first[2].id]  # type: ignore[union-attr]
    seeds = gradlab.compare(first[:2], second[:2], first[2:], out=out)
    assert [len(side.ids) for side in seeds.sides] == [2, 2, 2]  # type: ignore[union-attr]
    mixed = gradlab.compare(first[:2], second[0].id, out=out)
    assert [len(side.ids) for side in mixed.sides] == [2, 1]  # type: ignore[union-attr]
    kept = gradlab.compare(first, second[:2], where="train.lr < 0.15", out=out)
    assert [len(side.ids) for side in kept.sides] == [2, 2]  # type: ignore[union-attr]


def test_two_sweeps_are_compared_point_by_point(first: gradlab.Sweep, second: gradlab.Sweep, out: Path) -> None:
    assert len(gradlab.compare(first, second, out=out).pairs) == 2  # type: ignore[union-attr]
    assert len(gradlab.compare(first, second.path, out=out).pairs) == 2  # type: ignore[union-attr]


def test_a_run_is_compared_with_a_name(first: gradlab.Sweep) -> None:
    assert first[0].compare(first[2].id).sides[1].ids[0] == first[2].id


def test_doors_that_draw_and_keep_take_them_too(first: gradlab.Sweep, out: Path, tmp_path: Path) -> None:
    assert gradlab.plot(first[0], first[2:], to=tmp_path / "runs.svg", kind="loss", out=out).exists()
    assert gradlab.write_report(first, to=tmp_path / "sweep.html", out=out).exists()
    assert gradlab.write_report(first[0], first[2], to=tmp_path / "runs.html", out=out).exists()
    assert gradlab.load(first[0], out=out).id == first[0].id
    assert [run.id for run in gradlab.runs(first[:2], out=out)] == [run.id for run in first[:2]]
    assert gradlab.tag(first[0], first[1:2], tag="best", out=out) == [first[0].id, first[1].id]


def test_seeds_are_typed_as_on_the_command_line_too(out: Path) -> None:
    def seeds(given: Any) -> list[int | None]:
        return [run.seed for run in gradlab.run(TINY, seeds=given, out=out, device="cpu", quiet=True)]

    assert seeds("0-1") == seeds(range(2)) == [0, 1]
    assert seeds(1) == [1]


@pytest.mark.parametrize("wrong", [3, None, ["tiny"], {"a": 1}])
def test_what_is_none_of_them_is_refused(wrong: Any, out: Path) -> None:
    with pytest.raises(UsageError, match="expected names, runs or lists of runs"):
        gradlab.runs(wrong, out=out)
