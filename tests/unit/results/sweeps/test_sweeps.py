"""A sweep's directory: the frozen plan, the table of results, the end."""

import csv
import errno
import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made.runs import make_experiment, make_run, make_summary
from pyarrow.parquet import ParquetFile

from gradlab.config.experiment import Experiment
from gradlab.config.fields import fields
from gradlab.errors import RunFailedError, SelectionError, UsageError
from gradlab.results.record import Outcome
from gradlab.results.stored import StoredRun
from gradlab.results.sweeps import table as sweep_table
from gradlab.results.sweeps.directory import StoredMember, SweepPlace, SweepPlan, sweep_id

AXES = ("model.depth", "model.activation", "mixed")


@pytest.fixture
def place(tmp_path: Path) -> SweepPlace:
    return SweepPlace(tmp_path / "runs", "grid", "0123456789ab")


def read_results(place: SweepPlace, shard: tuple[int, int] | None = None) -> list[dict[str, Any]]:
    """The table's rows; null is None and NaN a NaN."""
    file = f"results-{shard[0]}-of-{shard[1]}.parquet" if shard else "results.parquet"
    rows: list[dict[str, Any]] = ParquetFile(place.path / file).read(use_threads=False).to_pylist()
    return rows


def plan(num_members: int = 3, name: str = "grid", **parts: Any) -> SweepPlan:
    experiments = [make_experiment("net", seed, depth=2 + seed % 2, **parts) for seed in range(num_members)]
    members = tuple(
        StoredMember(f"{seed:012x}", {"model.depth": one.model.depth}, one.model_dump(mode="json"))
        for seed, one in enumerate(experiments)
    )
    return SweepPlan("0123456789ab", name, ("model.depth",), ("count(verdict == dead) == 0",), "cpu", members)


def rows() -> list[tuple[dict[str, Any], StoredRun]]:
    plain = make_run("a" * 12, "net", seed=2**63 - 1)
    failed = replace(
        make_run("b" * 12, "net"),
        summary=replace(
            make_summary("failed"), outcome=Outcome("failed", reason='it\'s, "quoted"\nthrice'), init={}, final={}
        ),
        experiment=make_experiment("net", 5, expect=["verdict == healthy", "final.loss < 1"]),
    )
    return [
        ({"model.depth": 3, "model.activation": "leaky_relu slope=0.2", "mixed": 1}, plain),
        ({"model.depth": 3, "model.activation": "sigmoid", "mixed": "he gain=2"}, failed),
    ]


def test_the_id_is_that_of_the_members_in_any_order() -> None:
    assert sweep_id(["b", "a"]) == sweep_id(["a", "b"])
    assert len({sweep_id(["a", "b"]), sweep_id(["a"]), sweep_id([]), sweep_id(["ab"])}) == 4
    assert len(sweep_id([])) == 12


def test_a_plan_comes_back_as_it_was_and_is_written_again_only_where_it_differs(place: SweepPlace) -> None:
    first = plan(train={"lr": 0.125}, expect=["verdict == healthy"])
    assert place.write_plan(first, "grid: {}  # «mine»\n")
    assert place.read_plan() == first
    assert place.read_plan().members[1].experiment == Experiment.model_validate(first.members[1].config)
    assert (place.path / "sweep.yaml").read_text() == "grid: {}  # «mine»\n"
    before = (place.path / "plan.json").stat().st_mtime_ns
    assert not place.write_plan(first, "other")
    assert (place.path / "plan.json").stat().st_mtime_ns == before
    assert place.read_plan() == first
    assert {path.name for path in place.path.iterdir()} == {"plan.json", "sweep.yaml"}


def test_a_plan_is_strict_json_with_a_line_for_each_member(place: SweepPlace) -> None:
    place.write_plan(plan(), "")
    text = (place.path / "plan.json").read_text()
    assert [line.startswith('{"id":"') for line in text.splitlines()] == [False, True, True, True, False]
    assert json.loads(text)["device"] == "cpu"
    assert not (place.path / "sweep.yaml").exists()


def test_a_plan_without_members_is_still_json(place: SweepPlace) -> None:
    place.write_plan(plan(0), "")
    assert place.read_plan().members == ()


def test_the_table_has_every_field_and_figure_once(place: SweepPlace) -> None:
    table = sweep_table.columns(rows(), AXES)
    assert list(table)[:7] == ["id", "name", "path", "seed", "outcome", "reason", "verdict"]
    assert list(table)[7:10] == list(AXES)
    assert set(fields(Experiment)) <= set(table)
    assert {"init.loss", "final.backward_decades", "learning_layers", "expected_spread"} <= set(table)
    assert [name for name in table if name.startswith("timing.")] == [
        "timing.train_seconds", "timing.steps_per_second", "timing.batch_runs", "timing.record_share",
        "timing.record_bytes_per_step",
    ]  # fmt: skip
    assert {len(values) for _, values in table.values()} == {2}


def test_results_keep_null_and_nan_apart_in_both_forms(place: SweepPlace) -> None:
    place.write_results(rows(), AXES)
    plain, failed = read_results(place)
    assert plain["id"] == "a" * 12
    assert plain["seed"] == 2**63 - 1
    assert plain["path"] == "nowhere"
    assert (plain["outcome"], plain["verdict"], plain["reason"]) == ("completed", "vanishing", None)
    assert failed["reason"] == 'it\'s, "quoted"\nthrice'
    assert (plain["model.depth"], plain["model.activation"], plain["mixed"]) == (3, "leaky_relu slope=0.2", "1")
    assert plain["model.activation.name"] == "sigmoid"
    assert plain["data.standardize"] is True
    assert plain["model.init.std"] is None
    assert failed["expect"] == "verdict == healthy; final.loss < 1"
    assert plain["init.backward_decades"] == -math.inf
    assert plain["init.backward_fit"] is None
    assert math.isnan(plain["final.backward_fit"])
    assert (failed["final.backward_fit"], failed["final.loss"]) == (None, None)
    assert plain["timing.train_seconds"] == 1.5
    assert plain["timing.record_share"] is None
    with open(place.path / "results.csv", newline="", encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    assert list(first) == list(plain)
    assert (first["init.backward_decades"], first["init.backward_fit"], first["final.backward_fit"]) == (
        "-inf", "", "nan",
    )  # fmt: skip
    assert first["final.backward_decades"] == repr(-30.123456789012345)
    assert (first["data.standardize"], first["model.init.std"]) == ("true", "")
    assert second["reason"] == failed["reason"]


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([1, None, 3], "whole", [1, None, 3]),
        ([1, 2.5], "number", [1.0, 2.5]),
        ([2**70, 1], "number", [2.0**70, 1.0]),
        ([True, None], "flag", [True, None]),
        ([True, 1], "text", ["true", "1"]),
        (["a", 1e-3], "text", ["a", "0.001"]),
        ([None, None], "text", [None, None]),
    ],
)
def test_an_axis_that_is_no_field_takes_the_type_of_its_values(
    values: list[Any], kind: str, expected: list[Any], place: SweepPlace
) -> None:
    members = [({"model.init": value}, make_run(f"{index:012x}")) for index, value in enumerate(values)]
    assert sweep_table.columns(members, ["model.init"])["model.init"] == (kind, expected)
    place.write_results(members, ["model.init"])
    assert [row["model.init"] for row in read_results(place)] == expected


def test_an_axis_that_is_a_field_has_the_fields_type(place: SweepPlace) -> None:
    members = [({"train.lr": 1, "train.clip_norm": None}, make_run())]
    table = sweep_table.columns(members, ["train.lr", "train.clip_norm", "name"])
    assert table["train.lr"] == ("number", [1.0])
    assert table["train.clip_norm"] == ("number", [None])
    assert list(table).count("name") == 1


def test_nothing_to_write_is_an_empty_table(place: SweepPlace) -> None:
    place.write_results([], AXES)
    assert read_results(place) == []
    assert (place.path / "results.csv").read_text().startswith("id,name,path,seed")


def test_a_share_writes_its_own_files(place: SweepPlace) -> None:
    place.write_results(rows()[:1], AXES, (2, 4))
    place.write_summary("# share", (2, 4))
    place.write_end({"done": 1}, [{"text": "x", "passed": True}], "2026-01-01", (2, 4))
    assert {path.name for path in place.path.iterdir()} == {
        "results-2-of-4.parquet", "results-2-of-4.csv", "summary-2-of-4.md", "sweep-2-of-4.json",
    }  # fmt: skip
    assert len(read_results(place, (2, 4))) == 1
    end = json.loads((place.path / "sweep-2-of-4.json").read_text())
    assert end["shard"] == "2/4"
    assert end["counts"] == {"done": 1}
    assert end["gates"] == [{"text": "x", "passed": True}]
    assert end["started"] < end["finished"]
    assert end["argv"] == sys.argv


def test_a_run_opens_no_table(place: SweepPlace) -> None:
    run = replace(make_run(), read=lambda: pytest.fail("its record was read"))
    place.write_results([({}, run)], [])


def test_what_is_there_already_is_replaced_whole(place: SweepPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write_summary("first")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunFailedError, match=r"summary\.md: could not be written \(No space left on device\)"):
        place.write_summary("second")
    monkeypatch.undo()
    assert (place.path / "summary.md").read_text() == "first"
    assert [path.name for path in place.path.iterdir()] == ["summary.md"]


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "sweeps").write_text("")
    with pytest.raises(UsageError, match="is not a directory; name another place with --out"):
        SweepPlace(tmp_path, "grid", "0" * 12).write_plan(plan(), "")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "cannot be read"),
        ("[]", "not what gradlab writes"),
        ('{"schema_version": 99}', "newer gradlab"),
        ('{"schema_version": 1}', "cannot be read"),
    ],
)
def test_a_damaged_plan_is_named(place: SweepPlace, content: str, words: str) -> None:
    with pytest.raises(SelectionError, match=r"plan\.json is missing"):
        place.read_plan()
    place.path.mkdir(parents=True)
    (place.path / "plan.json").write_text(content)
    with pytest.raises(UsageError, match=words):
        place.read_plan()


def test_writing_and_reading_results_loads_no_pandas_and_no_torch(tmp_path: Path) -> None:
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[3])!r})
from pyarrow.parquet import ParquetFile
from made.runs import make_run
from gradlab.results.sweeps.directory import SweepPlace
place = SweepPlace({str(tmp_path)!r}, "grid", "0" * 12)
place.write_results([({{"model.init": "he"}}, make_run())], ["model.init"])
assert len(ParquetFile(place.path / "results.parquet").read(use_threads=False).to_pylist()) == 1
sys.exit(bool({{"torch", "pandas"}} & set(sys.modules)))
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
