"""The loop of every day: run, edit, run, compare, keep or throw away; in a terminal, in a pipe and from Python, without an id."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import gradlab
from gradlab.cli.main import main
from gradlab.errors import UsageError
from gradlab.judgement.comparing.comparison import Comparison
from gradlab.judgement.comparing.sweep_pairs import SweepComparison

Said = tuple[int, str, str]
Call = Callable[..., Said]


@pytest.fixture
def call(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Carry out a command in an empty directory: exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GRADLAB_RUNS", raising=False)

    def carried_out(*words: str) -> Said:
        code = main(list(words))
        said = capsys.readouterr()
        return code, said.out, said.err

    return carried_out


def write(name: str, *changes: str, expect: str = "") -> None:
    """An experiment that trains in no time, with these lines of YAML in place of its own."""
    own = {
        "model": "model: {depth: 6, width: 12, activation: sigmoid, init: xavier}",
        "train": "train: {optimizer: sgd, lr: 0.01, steps: 12}",
    } | {line.partition(":")[0]: line for line in changes}
    Path(f"{name}.yaml").write_text(
        "\n".join([f"name: {name}", *own.values(), "data: {source: digits, batch_size: 16}", expect, ""])
    )


RELU = "model: {depth: 4, width: 12, activation: relu, init: he}"


def ids(call: Call, *words: str) -> list[str]:
    code, said, told = call("list", *words, "--format", "json")
    assert code == 0, told
    return [run["id"] for run in json.loads(said)["runs"]]


def test_every_step_by_name(call: Call) -> None:
    assert call("new", "net")[0] == 0
    write("net")
    assert call("run", "net.yaml", "--seeds", "0-2", "--quiet")[0] == 0
    before = ids(call, "net")
    write("net", RELU)
    assert call("run", "net.yaml", "--seeds", "0-2", "--quiet")[0] == 0
    after = ids(call, "net")
    assert (len(before), len(after), len({*before, *after})) == (3, 3, 6)
    assert sorted(ids(call, "net~1")) == sorted(before)
    code, said, told = call("compare", "net~1", "net")
    assert code == 0, told
    assert re.search(r"^final\.backward_decades .* better$", said, re.MULTILINE)
    code, said, _ = call(
        "compare", "net", "net~1", "--fail-on", "final.loss > +5%", "--fail-on", "verdict == vanishing"
    )
    assert code in (0, 4)
    code, told = call("plot", "net", "net~1", "-o", "profiles.svg")[::2]
    assert (code, told) == (0, "profile of 6 runs is in profiles.svg\n")
    code, page, told = call("report", "net", "net~1")
    assert code == 0, told
    assert "comparisons" in page
    code, said, _ = call("show", "net")
    assert code == 0
    assert len([line for line in said.splitlines() if line.startswith(tuple(after))]) == 3
    assert "3 of 3 seeds" in said
    assert call("show", "net@latest")[0] == call("show", "@latest", "--at", "init")[0] == 0
    code, said, _ = call("export", "net", "--to", "csv", "tables")
    assert (code, len(said.splitlines())) == (0, 6)
    assert call("plot", "--where", "model.activation == relu", "-o", "relu.svg")[0] == 0
    assert call("compare", "--where", "model.width == 12")[0] == 0


def test_a_cached_run_is_found_under_each_name_that_it_was_asked_for_by(call: Call) -> None:
    write("one")
    assert call("run", "one.yaml", "--seeds", "0-1", "--quiet")[0] == 0
    write("two")
    assert call("run", "two.yaml", "--seeds", "0-1", "--quiet")[0] == 0
    assert sorted(ids(call, "one")) == sorted(ids(call, "two"))
    assert len(ids(call)) == 2
    assert json.loads(call("show", "two@latest", "--format", "json")[1])["runs"][0]["name"] == "two"
    write("one", RELU)
    assert call("run", "one.yaml", "--quiet")[0] == 0
    assert len(ids(call, "two")) == 2
    code, said, _ = call("compare", "two", "one~1", "--format", "json")
    assert code == 0
    compared = json.loads(said)
    assert compared["judgements"] == ["same"]


def test_a_run_against_itself_is_the_same(call: Call) -> None:
    write("net")
    assert call("run", "net.yaml", "--seeds", "0-1", "--quiet")[0] == 0
    for names in (("net", "net"), ("net@latest", "net@latest"), ("net@latest", "@latest")):
        code, said, told = call("compare", *names, "--format", "json")
        assert code == 0, told
        assert (json.loads(said)["judgements"], len(json.loads(said)["sides"])) == (
            ["same"] if names[1] != "@latest" else ["too few seeds"],
            2,
        )
    assert call("compare", "net@latest", "net@latest~1")[0] == 2  # seeds of one experiment


def test_one_more_seed_joins_its_group_and_that_is_said(call: Call) -> None:
    write("net")
    assert call("run", "net.yaml", "--seeds", "0-1", "--quiet")[0] == 0
    code, _, told = call("run", "net.yaml", "-s", "seed=7")
    assert code == 0
    assert "net now means these and seeds 0 and 1 of the same experiment together\n" in told
    assert len(ids(call, "net")) == 3
    code, _, told = call("run", "net.yaml", "--seeds", "0-1")
    assert "net now means these and seed 7 of the same experiment together\n" in told
    write("net", RELU)
    code, _, told = call("run", "net.yaml")
    assert "together" not in told
    assert len(ids(call, "net")) == 1


def test_latest_is_what_was_asked_for_last_though_it_is_there_already(call: Call) -> None:
    for name, changes in (("one", ()), ("two", (RELU,))):
        write(name, *changes)
        assert call("run", f"{name}.yaml", "--seeds", "0-1", "--quiet")[0] == 0
    assert ids(call, "@latest") == ids(call, "two")
    assert call("run", "one.yaml", "--seeds", "0-1", "--quiet")[0] == 0
    assert ids(call, "@latest") == ids(call, "one")
    assert ids(call, "@latest~1") == ids(call, "two")
    assert json.loads(call("show", "@latest", "--format", "json")[1])["runs"][0]["name"] == "one"


SWEEP = """
experiment:
  name: net
  model: {{depth: 4, width: 12, activation: {}}}
  data: {{source: digits, batch_size: 16}}
  train: {{steps: 8}}
"""


def test_sweeps_are_named_as_runs_are(call: Call, tmp_path: Path) -> None:
    write("net")
    assert call("run", "net.yaml", "--quiet")[0] == 0
    own = ids(call, "net")
    for activation in ("sigmoid", "relu"):
        Path("grid.yaml").write_text(SWEEP.format(activation) + "grid: {model.depth: [3, 4]}\nseeds: 0-1\n")
        assert call("sweep", "grid.yaml", "--executor", "inline", "--quiet")[0] == 0
    assert ids(call, "net") == own  # the members have this name too
    assert [len(ids(call, text)) for text in ("grid", "grid~1", "sweeps/grid")] == [4, 4, 4]
    assert not {*ids(call, "grid")} & {*ids(call, "grid~1")}
    assert call("plot", "grid", "-o", "grid.svg")[0] == 0
    code, said, told = call("compare", "grid~1", "grid", "--fail-on", "verdict == diverged")
    assert code == 0, told
    assert said.startswith("2 pairs: ")
    assert "from A to B: model.activation.name sigmoid → relu" in said
    compared = gradlab.compare("grid~1", "grid", fail_on_any=["model.depth == 4"])
    assert isinstance(compared, SweepComparison)
    assert [pair.passed for pair in compared.pairs] == [False, True]
    assert not compared.passed
    assert call("compare", "grid", "--where", "seed == 0")[0] == 0
    (tmp_path / "deep" / "er").mkdir(parents=True)
    os.chdir(tmp_path / "deep" / "er")
    assert len(ids(call, "grid")) == 4
    code, page, _ = call("report", "grid~1")
    assert (code, Path(page.strip()).is_file()) == (0, True)


def test_the_loop_from_python(call: Call) -> None:
    write("net")
    first = gradlab.run("net.yaml", seeds=range(2))
    second = gradlab.run("net.yaml", seeds=range(2), **{"model.activation": "relu", "model.init": "he"})
    assert {run.id for run in gradlab.runs("net")} == {run.id for run in second}
    assert {run.id for run in gradlab.runs("net~1")} == {run.id for run in first}
    assert len(gradlab.runs(where="model.activation == relu")) == 2
    assert len(gradlab.runs("net", "net~1", where="seed == 1")) == 2
    with pytest.raises(UsageError, match=r"means 2 runs; gradlab\.runs\('net'\) returns all of them"):
        gradlab.load("net")
    assert gradlab.load("net@latest").id == second[-1].id
    compared = gradlab.compare("net~1", "net", fail_on=["final.loss > +5%"])
    assert isinstance(compared, Comparison)
    assert len(compared.sides) == 2
    assert gradlab.plot("net", "net~1", to="both.svg").stat().st_size > 1000
    assert gradlab.write_report("net", "net~1").is_file()
    assert gradlab.write_report("net@latest").name == "report.html"


def test_runs_are_found_from_subfolders_and_by_the_variable(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("net")
    assert call("run", "net.yaml", "--quiet")[0] == 0
    own = ids(call)
    (tmp_path / "configs").mkdir()
    monkeypatch.chdir(tmp_path / "configs")
    assert ids(call) == own == [run.id for run in gradlab.runs()]
    write("net")
    code, _, told = call("run", "net.yaml")
    assert code == 0
    assert "trained already, in ../runs/net-" in told
    monkeypatch.setenv("GRADLAB_RUNS", str(tmp_path / "others"))
    assert call("run", "net.yaml", "--quiet")[0] == 0
    assert (tmp_path / "others" / "asked.jsonl").is_file()
    assert ids(call, "--out", str(tmp_path / "runs")) == own


def test_the_files_of_two_places_are_two_sides(call: Call) -> None:
    """As a shell writes `before/* after/*`: directories of runs, and what lies beside them."""
    write("net")
    for place in ("before", "after"):
        assert call("run", "net.yaml", "--seeds", "0-1", "--quiet", "--out", place)[0] == 0
    words = [str(path) for place in ("before", "after") for path in sorted(Path(place).glob("[!.]*"))]
    assert any(word.endswith(".jsonl") for word in words)
    code, out, err = call("compare", *words, "--fail-on", "final.loss > +5%", "--format", "json")
    assert (code, err) == (0, "net (in after): these are the runs of the first side, so nothing can differ\n")
    assert [sorted(side["seeds"]) for side in json.loads(out)["sides"]] == [[0, 1], [0, 1]]


@pytest.mark.parametrize("verb", ["compare", "plot", "report", "show"])
def test_a_verb_without_runs_says_what_to_do(call: Call, verb: str) -> None:
    more = ["-o", "a.svg"] if verb == "plot" else []
    code, said, told = call(verb, *more)
    assert (code, said) == (2, "")
    assert told == "which runs? name them, or say --where COND; `gradlab list` shows what is there\n"


def test_a_shell_pattern_passes_over_what_lies_beside_the_runs(call: Call) -> None:
    write("net")
    assert call("run", "net.yaml", "--seeds", "0-1", "--quiet")[0] == 0
    write("net", RELU)
    assert call("run", "net.yaml", "--seeds", "0-1", "--quiet")[0] == 0
    Path("sw.yaml").write_text("base: net.yaml\nseeds: 0\ngrid: {model.depth: [2, 3]}\n")
    assert call("sweep", "sw.yaml", "--quiet")[0] == 0
    assert call("report", "net~1", "net")[0] == 0
    runs = sorted(f"runs/{entry}" for entry in os.listdir("runs") if not entry.startswith("."))  # as a shell does
    assert {"runs/asked.jsonl", "runs/comparisons", "runs/sweeps"} <= set(runs)
    code, said, told = call("compare", *runs, "--format", "json")
    assert code == 0, told
    assert len(json.loads(said)["sides"]) == 4  # two groups of seeds, two members of the sweep
    code, _, told = call("show", "runs/comparisons")  # named by itself it is told
    assert code == 5
    assert "runs/comparisons: is no run" in told


def test_one_condition_from_python_is_no_sequence_of_letters(call: Call) -> None:
    for lr in ("0.01", "0.5"):
        write("net", f"train: {{optimizer: sgd, lr: {lr}, steps: 12}}")
        assert call("run", "net.yaml", "--seeds", "0-1", "--quiet")[0] == 0
    one = gradlab.compare("net~1", "net", fail_on="train.lr > +5%")
    assert isinstance(one, Comparison)
    assert not one.passed
    assert one.gates == gradlab.compare("net~1", "net", fail_on=["train.lr > +5%"]).gates
    assert not gradlab.compare("net~1", "net", fail_on_any="train.lr > 0.2").passed
