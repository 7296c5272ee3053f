"""`sweep`: what it prints, what it writes, and its exit codes, on networks that train in a blink, in this process."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gradlab.cli.main import main

Gradlab = Callable[..., tuple[int, str, str]]

TINY = """\
experiment:
  model: {depth: 3, width: 8, activation: tanh}
  data: {source: xor, samples: 80}
  train: {steps: 4}
seeds: 0-1
grid: {model.depth: [2, 3], model.activation: [tanh, relu]}
"""


@pytest.fixture
def gradlab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Gradlab:
    """Carry out a command beside tiny.yaml: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(TINY)

    def call(*words: str) -> tuple[int, str, str]:
        if words[0] == "sweep" and "--executor" not in words:
            words = (*words, "--executor", "inline")
        code = main([*words, "--device", "cpu"] if words[0] == "sweep" else words)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def add(text: str) -> None:
    with Path("tiny.yaml").open("a") as file:
        file.write(text)


def break_training(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Make the training of one seed raise."""
    from gradlab.execution import pipeline

    original = pipeline.train_with_torch

    def train(experiments: Any, *rest: Any) -> Any:
        if any(experiment.seed == seed for experiment in experiments):
            raise RuntimeError("no such luck")
        return original(experiments, *rest)

    monkeypatch.setattr(pipeline, "train_with_torch", train)


def test_a_sweep_is_trained_once_and_then_found(gradlab: Gradlab) -> None:
    code, out, err = gradlab("sweep", "tiny.yaml")
    assert code == 0
    assert out.startswith("tiny: 8 runs in 4 groups, 2 seeds each")
    assert "model.depth" in out
    assert "tiny: 8 runs in 4 batches: 8 new, into runs/sweeps/tiny-" in err
    assert err.splitlines()[-1].startswith("8 of 8 runs done")
    assert len(list(Path("runs").glob("tiny-*"))) == 8
    (place,) = Path("runs/sweeps").iterdir()
    assert f"files in {place}/: results.csv, results.parquet, summary.md, sweep.json, plan.json, sweep.yaml" in out
    assert (place / "sweep.yaml").read_text() == TINY
    code, again, err = gradlab("sweep", "tiny.yaml")
    assert code == 0
    assert "8 runs in 0 batches: 8 cached" in err
    assert "this time: 8 total, 8 cached" in " ".join(again.split())


def test_dry_run_counts_and_does_nothing(gradlab: Gradlab) -> None:
    gradlab("sweep", "tiny.yaml", "--seeds", "0")
    code, out, err = gradlab("sweep", "tiny.yaml", "--dry-run", "--format", "json")
    assert code == 0
    assert "8 runs in 4 batches: 4 cached, 4 new" in err
    assert "about" in err
    plan = json.loads(out)["plan"]
    assert [row["state"] for row in plan] == ["cached", "new"] * 4
    assert plan[0]["model.depth"] == 2
    assert len(list(Path("runs").glob("tiny-*"))) == 4


def test_json_has_the_sweep_and_its_members(gradlab: Gradlab) -> None:
    add("gates: ['count(verdict == dead) == 0']\n")
    code, out, _ = gradlab("sweep", "tiny.yaml", "--format", "json", "--quiet")
    assert code == 0
    found = json.loads(out)
    assert found["schema_version"] == 1
    assert set(found["sweep"]) >= {"id", "path", "counts", "gates"}
    assert found["sweep"]["counts"]["done"] == 8
    assert found["sweep"]["gates"][0]["passed"] is True
    assert len(found["runs"]) == 8
    assert len(found["runs"][0]["layers"]) == 3
    assert Path(found["sweep"]["path"]).is_dir()


def test_csv_and_markdown(gradlab: Gradlab) -> None:
    _, table, _ = gradlab("sweep", "tiny.yaml", "--format", "csv")
    assert table.splitlines()[0].startswith("model.depth,model.activation,")
    assert len(table.splitlines()) == 5
    _, text, _ = gradlab("sweep", "tiny.yaml", "--format", "md")
    assert text.startswith("# tiny")
    (place,) = Path("runs/sweeps").iterdir()
    assert (place / "summary.md").read_text().splitlines()[0] == text.splitlines()[0]


def test_a_gate_that_fails_is_4_and_is_named(gradlab: Gradlab) -> None:
    add("gates: ['count(model.activation == relu) == 0']\n")
    code, _, err = gradlab("sweep", "tiny.yaml", "--format", "json")
    assert code == 4
    assert "count(model.activation == relu) == 0" in err
    assert gradlab("sweep", "tiny.yaml", "--exit-zero")[0] == 0


@pytest.mark.slow
def test_the_check_over_width_holds_for_mup_and_fails_for_the_standard_parametrization(gradlab: Gradlab) -> None:
    sweep = str(Path(__file__).parents[3] / "configs/sweeps/width_check.yaml")
    code, out, _ = gradlab("sweep", sweep, "--format", "json")
    gates = json.loads(out)["sweep"]["gates"]
    assert (code, [gate["passed"] for gate in gates]) == (0, [True, True])
    assert all(abs(float(gate["actual"])) < 0.12 for gate in gates)
    code, out, _ = gradlab("sweep", sweep, "-s", "model.parametrization=standard", "--format", "json")
    gates = json.loads(out)["sweep"]["gates"]
    assert (code, [gate["passed"] for gate in gates]) == (4, [False, True])
    assert float(gates[0]["actual"]) > 0.3
    code, _, err = gradlab("sweep", sweep, "-s", "model.width=64")
    assert code == 2
    assert "width_check.yaml:18:5  gates[0]: model.width is 64 in every member, and a slope needs it to vary" in err


def test_an_expectation_that_fails_is_4(gradlab: Gradlab) -> None:
    add("expect: [model.depth == 2]\n")
    code, out, _ = gradlab("sweep", "tiny.yaml")
    assert code == 4
    assert "model.depth == 2" in out


def test_a_run_that_fails_is_3_and_the_others_finish(gradlab: Gradlab, monkeypatch: pytest.MonkeyPatch) -> None:
    add("expect: [model.depth == 2]\n")
    break_training(monkeypatch, seed=1)
    code, out, err = gradlab(
        "sweep", "tiny.yaml", "--junit", "out.xml", "--summary", "out.md", "--retries", "0", "--max-runs-per-batch", "2"
    )
    assert code == 3
    assert "RuntimeError: no such luck" in out
    assert "tried again in parts of 1 and 1" in err
    xml = Path("out.xml").read_text()
    assert xml.count("<error") == 4
    assert xml.count("<failure") == 2, "of the four that were trained two have the wrong depth"
    assert "no such luck" in Path("out.md").read_text()
    monkeypatch.undo()


def test_too_many_failures_stop_the_sweep(gradlab: Gradlab, monkeypatch: pytest.MonkeyPatch) -> None:
    break_training(monkeypatch, seed=0)
    code, out, _ = gradlab("sweep", "tiny.yaml", "--max-failures", "0", "--retries", "0", "--junit", "out.xml")
    assert code == 3
    assert Path("out.xml").read_text().count("<skipped") >= 1
    assert "left" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--shard", "0/4"], "expected a share such as 1/4"),
        (["--timeout", "soon"], "expected a time such as"),
        (["--seeds", "x"], "expected a range such as 0-4"),
        (["--junit", "nowhere/x.xml"], "there is no directory nowhere"),
        (["--summary", "."], "is a directory"),
        (["--executor", "inline", "--workers", "3"], "inline trains in one process"),
        (["--executor", "inline", "--ray-address", "auto"], "goes with --executor ray"),
        (["-s", "model.widht=3"], "Did you mean 'width'?"),
        (["-s", "train.lr=-1"], "expected a number > 0"),
    ],
)
def test_what_cannot_be_is_2_before_anything_is_done(gradlab: Gradlab, words: list[str], said: str) -> None:
    code, out, err = gradlab("sweep", "tiny.yaml", *words)
    assert (code, out) == (2, "")
    assert said in err
    assert not Path("runs").exists()


def test_run_says_that_it_is_a_sweep(gradlab: Gradlab) -> None:
    code, _, err = gradlab("run", "tiny.yaml")
    assert code == 2
    assert "is a sweep; carry it out with `gradlab sweep tiny.yaml`" in err


def test_from_python(gradlab: Gradlab) -> None:
    import gradlab as package

    runs = package.sweep("tiny.yaml", seeds=[5], device="cpu", executor="inline", **{"train.steps": 3})
    assert [(run.seed, run.experiment.train.steps) for run in runs] == [(5, 3)] * 4
    again = package.sweep("tiny.yaml", seeds=[5], device="cpu", executor="inline", **{"train.steps": 3})
    assert all(run.cached for run in again)
    inline = {"experiment": {"model": {"depth": 2, "width": 4, "activation": "relu"}}, "seeds": [0, 1]}
    data = {"data.source": "xor", "data.samples": 80, "train.steps": 2}
    assert len(package.sweep(inline, device="cpu", executor="inline", **data)) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"config": 3}, "expected a path or a mapping"),
        ({"workers": 0}, "workers: expected a whole number >= 1"),
        ({"retries": -1}, "retries: expected a whole number >= 0"),
        ({"timeout": 0}, "timeout: expected seconds > 0"),
        ({"timeout": "5m"}, "timeout: expected seconds > 0"),
        ({"seeds": 5.0}, "seeds: expected integers >= 0, got 5.0"),
        ({"max_runs_per_batch": True}, "expected a whole number"),
    ],
)
def test_from_python_wrong_arguments_are_said(gradlab: Gradlab, arguments: dict[str, Any], said: str) -> None:
    import gradlab as package
    from gradlab.errors import UsageError

    with pytest.raises(UsageError, match=said):
        package.sweep(**({"config": "tiny.yaml", "device": "cpu"} | arguments))
    assert not Path("runs").exists()


def test_a_begun_sweep_goes_on_where_it_lies(gradlab: Gradlab) -> None:
    gradlab("sweep", "tiny.yaml", "--out", "elsewhere", "--seeds", "0")
    (place,) = Path("elsewhere/sweeps").iterdir()
    code, _, err = gradlab("sweep", str(place))
    assert code == 0
    assert "4 runs in 0 batches: 4 cached" in err
    assert not Path("runs").exists()


def test_files_are_written_though_stdout_is_full(gradlab: Gradlab, monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("w") as full, monkeypatch.context() as context:
        context.setattr("sys.stdout", full)
        assert gradlab("sweep", "tiny.yaml", "--junit", "out.xml")[0] == 2
    assert Path("out.xml").exists()
    assert gradlab("sweep", "tiny.yaml", "--junit", "x", "--summary", "./x")[0] == 2


def test_a_pipe_gets_a_sweep_in_short_and_all_of_it_where_it_is_asked_for(gradlab: Gradlab) -> None:
    add("expect: [final.loss < 0]\ngates: [count(verdict == dead) > 0, share(outcome == completed) == 1]\n")
    words = ("sweep", "tiny.yaml", "--seeds", "0-24")
    code, out, _ = gradlab(*words)
    assert code == 4
    assert len(out.splitlines()) <= 30
    for said in (
        "100 runs in 4 groups, 25 seeds each",
        "gate FAILED count(verdict == dead) > 0",
        "100 of 100 runs fail",
    ):
        assert said in out
    assert "gate ok" not in out
    whole = gradlab(*words, "--full")[1]
    assert "gate ok     share(outcome == completed) == 1" in whole
    assert whole.count("; it is ") == 3  # the runs that are named of those that fail


def test_quiet_prints_what_a_sweep_came_to_in_a_line(gradlab: Gradlab) -> None:
    add("expect: [final.loss < 0]\ngates: [count(verdict == dead) > 0]\n")
    code, out, err = gradlab("sweep", "tiny.yaml", "--quiet")
    assert code == 4
    assert out.startswith(
        "tiny: 8 runs in 4 groups, 2 seeds each: 8 undecided; gates: 1 of 1 FAILED; expectations: 8 of 8 FAILED"
    )
    assert out.count("\n") == 1
    gate, expected = err.splitlines()
    assert gate.startswith("gate failed: count(verdict == dead) > 0  (it is 0 (")
    assert expected == "expected final.loss < 0: 8 of 8 do not"
    whole = gradlab("sweep", "tiny.yaml", "--full")[1]
    assert gradlab("sweep", "tiny.yaml", "--quiet", "--full") == (4, whole, "")
    for face in ("json", "csv", "md"):
        assert (
            gradlab("sweep", "tiny.yaml", "--quiet", "--format", face)[1]
            == gradlab("sweep", "tiny.yaml", "--format", face)[1]
        )


def test_what_would_be_done_is_told_of_a_few_runs_in_a_pipe(gradlab: Gradlab) -> None:
    words = ("sweep", "tiny.yaml", "--seeds", "0-24", "--dry-run")
    out = gradlab(*words)[1].splitlines()
    assert len(out) == 22
    assert out[-1] == "… 80 more runs with --full …"
    assert len(gradlab(*words, "--full")[1].splitlines()) == 101
    assert len(gradlab(*words, "--format", "csv")[1].splitlines()) == 101


def test_of_many_failures_a_log_names_a_few(gradlab: Gradlab, monkeypatch: pytest.MonkeyPatch) -> None:
    from gradlab.execution import pipeline

    def train(*_: Any) -> Any:
        raise RuntimeError("no such luck")

    monkeypatch.setattr(pipeline, "train_with_torch", train)
    code, out, err = gradlab("sweep", "tiny.yaml", "--seeds", "0-24", "--format", "csv", "--retries", "0")
    assert code == 3
    assert len(err.splitlines()) < 60
    assert "and 90 more failed runs" in err
    code, out, _ = gradlab("sweep", "tiny.yaml", "--seeds", "0-24", "--rerun", "never")
    assert len(out.splitlines()) <= 30
    assert "100 runs could not be carried out" in out
