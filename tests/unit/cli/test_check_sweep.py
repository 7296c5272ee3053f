"""`check` and `schema` of sweeps."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gradlab.cli.main import main

Gradlab = Callable[..., tuple[int, str, str]]

SWEEP = """\
experiment: {model: {width: 8, activation: tanh}, data: {source: xor, samples: 80}, train: {steps: 5}}
seeds: 0-2
grid: {model.depth: [2, 3], train.lr: [0.1, 0.2]}
"""


@pytest.fixture
def gradlab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Gradlab:
    """Carry out a command in an empty directory: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> tuple[int, str, str]:
        code = main(words)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def written(name: str, text: str) -> str:
    Path(name).write_text(text)
    return name


def test_a_sweeps_row_says_what_its_members_share(gradlab: Gradlab) -> None:
    code, out, err = gradlab("check", written("a.yaml", SWEEP), "--format", "json")
    assert (code, err) == (0, "")
    (row,) = json.loads(out)["configs"]
    assert row.pop("memory_bytes") > 0
    assert row == {
        "config": "a.yaml", "name": "a", "members": 12, "batches": 2, "model.depth": None, "model.width": 8,
        "model.activation": "tanh", "model.init": "xavier", "data.source": "xor", "examples": 64, "held_out": 16,
        "features": 2, "outputs": 2, "steps": 5,
    }  # fmt: skip


def test_words_that_differ_are_listed_or_counted(gradlab: Gradlab) -> None:
    grid = "model.activation: [relu, elu, gelu, mish, silu], model.init: [he, {sigma_w: 2}]"
    written("a.yaml", SWEEP.replace("train.lr: [0.1, 0.2]", grid))
    (row,) = json.loads(gradlab("check", "a.yaml", "--format", "json")[1])["configs"]
    assert (row["model.activation"], row["model.init"]) == ("5 different", "he, sigma_w=2 sigma_b=0")


def test_configs_and_sweeps_side_by_side_and_all_their_faults_at_once(gradlab: Gradlab) -> None:
    written("a.yaml", SWEEP)
    written("b.yaml", "model: {depth: 1, width: 2, activation: elu}\n")
    rows = json.loads(gradlab("check", "a.yaml", "b.yaml", "--format", "json")[1])["configs"]
    assert [(row["name"], row["members"], row["batches"]) for row in rows] == [("a", 12, 2), ("b", 1, 1)]
    written("a.yaml", SWEEP.replace("[2, 3]", "[2, 0]"))
    written("b.yaml", "model: {depth: 1, width: 2, activation: elu}\nsead: 1\n")
    code, out, err = gradlab("check", "a.yaml", "b.yaml")
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        "a.yaml:3:25  model.depth: expected a whole number >= 1, got 0",
        "b.yaml:2:1  sead: unknown key. Did you mean 'seed'?",
        "2 errors; nothing was run.",
    ]


def test_overrides_reach_every_member_and_repetitions_are_told_of(gradlab: Gradlab) -> None:
    code, out, err = gradlab("check", written("a.yaml", SWEEP), "-s", "model.depth=7", "--format", "json")
    (row,) = json.loads(out)["configs"]
    assert (code, row["model.depth"], row["members"], row["batches"]) == (0, 7, 6, 1)
    assert err == "a.yaml: members that repeat another, and are dropped: 6\n"
    assert gradlab("check", "a.yaml", "-s", "model.depth=7", "--quiet")[2] == ""
    code, _, err = gradlab("check", "a.yaml", "-s", "model.dept=7")
    assert (code, err.splitlines()[0]) == (2, "-s model.dept=7  model.dept: unknown key. Did you mean 'depth'?")


def test_each_data_set_is_checked_once_and_its_fault_is_where_it_is_named(gradlab: Gradlab) -> None:
    written("rows.csv", "x,y\n" + "".join(f"{row},{'ab'[row % 2]}\n" for row in range(20)))
    written(
        "a.yaml",
        "experiment: {model: {depth: 2, width: 8, activation: tanh}, data: {source: file, path: rows.csv, target: y, batch_size: 8}}\n"
        "seeds: 0-4\n"
        "grid:\n"
        "  data.path: [rows.csv, none.csv]\n"
        "  data.target: [y, z]\n",
    )
    code, _, err = gradlab("check", "a.yaml")
    lines = err.splitlines()
    assert code == 2
    assert [line.split(":  ")[0].split(": ")[0] for line in lines[:-1]] == [
        "a.yaml:5:20  data.target",
        "a.yaml:4:25  data.path",
    ]
    assert lines[-1] == "2 errors; nothing was run."


def test_fifty_faults_are_written_and_all_are_counted(gradlab: Gradlab) -> None:
    depths = ", ".join(str(-number) for number in range(60))
    err = gradlab("check", written("a.yaml", SWEEP.replace("2, 3", depths)))[2].splitlines()
    assert len(err) == 52
    assert err[-2:] == ["and 10 more", "60 errors; nothing was run."]


def test_schema_of_a_sweep(gradlab: Gradlab) -> None:
    code, out, err = gradlab("schema", "--sweep")
    assert (code, err) == (0, "")
    assert json.loads(out)["title"] == "gradlab sweep"
    assert json.loads(gradlab("schema")[1])["title"] == "gradlab experiment"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: ci\non: push\njobs: {}\n", None),
        ("kind: ConfigMap\ndata: {a: b}\n", None),
        (
            "modle: {depth: 1, width: 2, activation: elu}\ntrain: {steps: 5}\n",
            "modle: unknown key. Did you mean 'model'?",
        ),
        ("base: nowhere.yaml\ngird: {}\n", "gird: unknown key. Did you mean 'grid'?"),
    ],
)
def test_others_are_passed_over_by_name_and_misspelled_configs_are_none(
    gradlab: Gradlab, text: str, told: str | None
) -> None:
    code, _, err = gradlab("check", "--skip-others", written("a.yaml", text), written("b.yaml", SWEEP))
    if told is None:
        assert code == 0
        assert err == "a.yaml: left out: neither an experiment (no model) nor a sweep (no base, no grid)\n"
        assert gradlab("check", "--skip-others", "--quiet", "a.yaml")[2] == ""
    else:
        assert code == 2
        assert told in err


def test_a_missing_file_is_near_by_its_name_and_not_by_its_ending(gradlab: Gradlab) -> None:
    written("other.yaml", SWEEP)
    assert gradlab("check", "nope.yaml")[2].splitlines()[0] == "nope.yaml  no such file"
    assert "Did you mean 'other.yaml'?" in gradlab("check", "othre.yaml")[2]


@pytest.mark.parametrize("typed", ["mine", "mine.yaml"])
def test_a_config_that_is_called_by_its_name_is_looked_for_in_the_folder_of_configs(
    typed: str, gradlab: Gradlab
) -> None:
    Path("configs").mkdir()
    written("configs/mine.yaml", SWEEP)
    assert gradlab("check", typed)[2].splitlines()[0] == f"{typed}  no such file. Did you mean 'configs/mine.yaml'?"
