"""`run`: what it prints, what it stores, and its exit codes, on networks that train in a blink."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gradlab.cli.main import main
from gradlab.results.store import Store

Gradlab = Callable[..., tuple[int, str, str]]

TINY = """\
model: {depth: 3, width: 8, activation: tanh}
data: {source: xor, samples: 80}
train: {steps: 5}
"""


@pytest.fixture
def gradlab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Gradlab:
    """Carry out a command beside tiny.yaml: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(TINY)

    def call(*words: str) -> tuple[int, str, str]:
        code = main(words)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_a_run_is_trained_once_and_then_found(gradlab: Gradlab) -> None:
    code, out, err = gradlab("run", "tiny.yaml", "--device", "cpu")
    assert code == 0
    (directory,) = Path("runs").glob("tiny-*")
    assert out.splitlines()[1].startswith(
        f"  {directory.name}: 3 × 8 tanh · xavier · xor, batch 64 · sgd lr 0.01 · 5 steps"
    )
    assert f"files in {directory}/: config.yaml, manifest.json, layers.parquet" in out
    assert "layers at step 4" in out
    assert "already" not in err
    before = (directory / "layers.parquet").stat().st_mtime_ns
    code, again, err = gradlab("run", "tiny.yaml", "--device", "cpu")
    assert code == 0
    assert err.startswith(f"tiny (seed 0) is trained already, in {directory}: ")
    assert (directory / "layers.parquet").stat().st_mtime_ns == before
    assert again == out


def test_summary_md_is_the_same_view(gradlab: Gradlab) -> None:
    gradlab("run", "tiny.yaml", "--device", "cpu")
    (directory,) = Path("runs").glob("tiny-*")
    shown = gradlab("show", "@latest", "--format", "md")[1]
    assert (directory / "summary.md").read_text() == shown


def test_json_is_alone_on_stdout_and_has_the_contract_s_keys(gradlab: Gradlab) -> None:
    code, out, _ = gradlab("run", "tiny.yaml", "--seeds", "0,3", "--format", "json", "--device", "cpu")
    found = json.loads(out)
    assert code == 0
    assert list(found) == ["schema_version", "runs", "groups"]
    assert [run["seed"] for run in found["runs"]] == [0, 3]
    (group,) = found["groups"]
    assert group["seeds"] == [0, 3]
    assert group["agreement"]
    assert group["expected_spread"] > 0
    run = found["runs"][0]
    assert set(run) >= {
        "id", "name", "path", "seed", "cached", "outcome", "verdict", "findings", "init", "final", "learning_layers",
        "expected_backward_decades", "expected_spread", "layers", "expectations", "timing",
    }  # fmt: skip
    assert [layer["layer"] for layer in run["layers"]] == [1, 2, 3, 4]
    first = run["layers"][0]
    assert first["init_backward_decades"] == pytest.approx(run["init"]["backward_decades"])
    assert first["expected_backward_decades"] == pytest.approx(run["expected_backward_decades"])
    away = (first["init_backward_decades"] - first["typical_backward_decades"]) / first["backward_spread"]
    assert first["backward_deviation"] == pytest.approx(away)
    assert first["forward_deviation"] is not None
    assert run["timing"]["batch_runs"] == 2
    assert run["cached"] is False
    assert (
        json.loads(gradlab("run", "tiny.yaml", "--format", "json", "--device", "cpu")[1])["runs"][0]["cached"] is True
    )


def test_a_warmup_longer_than_the_epochs_is_refused_before_anything_trains(gradlab: Gradlab) -> None:
    """How many updates an epoch has is known with the data; and the rate of a warmup is where the setting is."""
    Path("epochs.yaml").write_text(TINY.replace("steps: 5", "epochs: 2, warmup: 3"))
    place = "epochs.yaml:3:28  train.warmup: a warmup of 3 updates is longer than the run, which has 2; shorten it, or train longer"
    for verb in ("check", "run"):
        code, out, err = gradlab(verb, "epochs.yaml")
        assert (code, out) == (2, "")
        assert f"{place} (epochs: 2, of 64 rows)" in err
    assert not list(Path().glob("runs/*epochs*"))
    code, out, _ = gradlab("run", "epochs.yaml", "-s", "train.epochs=3", "--device", "cpu")
    assert code == 0
    assert "sgd lr 0.01, warmup 3 · 3 epochs" in out


def test_the_line_on_the_setting_has_what_changes_the_updates(gradlab: Gradlab) -> None:
    changed = ("train.schedule=cosine", "train.weight_decay=0.01", "train.clip_norm=0.5")
    Path("clipped.yaml").write_text(TINY)
    code, out, _ = gradlab("predict", "clipped.yaml", *(word for one in changed for word in ("-s", one)))
    assert code == 0
    assert "sgd lr 0.01, cosine, weight decay 0.01, clip norm 0.5 · 5 steps" in " ".join(out.split())


def test_several_seeds_are_a_table_in_the_order_asked_for(gradlab: Gradlab) -> None:
    code, out, err = gradlab("run", "tiny.yaml", "--seeds", "2-0", "--device", "cpu")
    assert code == 2
    code, out, err = gradlab("run", "tiny.yaml", "--seeds", "2,0-1", "--device", "cpu")
    assert code == 0
    header, *rows = out.split("\n\n")[0].splitlines()
    seed = header.split().index("seed")
    assert [row.split()[seed] for row in rows] == ["2", "0", "1"]
    verdicts = out.split("\n\n")[1].splitlines()
    assert re.fullmatch(r"\w+ \(3 of 3 seeds\)|\w+ [12] of 3; seed.*", verdicts[0])
    assert re.fullmatch(r"init.backward_decades: median .*, expected .*; spread seen .*, expected .*", verdicts[1])
    assert "3 runs in 1 batch: 3 new" in err


def test_an_expectation_that_fails_is_4_and_says_what_it_is(gradlab: Gradlab) -> None:
    Path("tiny.yaml").write_text(TINY + "expect: [verdict == dead, outcome == completed]\n")
    code, out, err = gradlab("run", "tiny.yaml", "--device", "cpu")
    assert code == 4
    assert "expected FAILED verdict == dead  (it is " in out
    assert "expected ok     outcome == completed" in out
    code, out, err = gradlab("run", "tiny.yaml", "--seeds", "0-1", "--format", "csv", "--device", "cpu")
    assert code == 4
    assert "tiny, seed 1: expected verdict == dead, but it is " in err


def test_an_expectation_on_what_has_no_value_says_so(gradlab: Gradlab) -> None:
    Path("tiny.yaml").write_text(
        TINY.replace("source: xor, samples: 80", "source: diabetes") + "expect: [final.accuracy > 0.5]\n"
    )
    code, out, _ = gradlab("run", "tiny.yaml", "--device", "cpu")
    assert code == 4
    assert "expected FAILED final.accuracy > 0.5  (it has no value" in out


def test_expectations_of_a_cached_run_are_judged_anew(gradlab: Gradlab) -> None:
    assert gradlab("run", "tiny.yaml", "--device", "cpu")[0] == 0
    Path("tiny.yaml").write_text(TINY + "expect: [final.loss < 0]\n")
    code, _, err = gradlab("run", "tiny.yaml", "--device", "cpu")
    assert code == 4
    assert "is trained already" in err


def test_a_diverged_run_is_a_result(gradlab: Gradlab) -> None:
    code, out, _ = gradlab(
        "run", "tiny.yaml", "-s", "train.lr=1e30", "-s", "model.activation=identity", "--device", "cpu"
    )
    assert code == 0
    assert out.startswith("diverged  ")


def break_training(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Make every training raise."""
    from gradlab.execution import pipeline

    def train(*args: Any, **kwargs: Any) -> None:
        raise error

    monkeypatch.setattr(pipeline, "train_with_torch", train)


def test_a_run_that_cannot_be_carried_out_is_3_even_beside_a_failed_expectation(
    gradlab: Gradlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("tiny.yaml").write_text(TINY + "expect: [outcome == completed]\n")
    break_training(monkeypatch, RuntimeError("no such luck"))
    code, out, err = gradlab("run", "tiny.yaml", "--device", "cpu", "--format", "json")
    assert code == 3
    assert json.loads(out)["runs"][0]["outcome"] == "failed"
    assert "tiny, seed 0: failed: RuntimeError: no such luck" in err
    assert "tiny, seed 0: expected outcome == completed, but it is failed" in err
    code, out, _ = gradlab("run", "tiny.yaml", "--device", "cpu")
    assert code == 3
    assert out.startswith("failed  RuntimeError: no such luck")
    assert gradlab("list", "--where", "outcome == failed")[0] == 0


def test_rerun_never_takes_a_failed_run_as_it_is(gradlab: Gradlab, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        break_training(broken, RuntimeError("once"))
        assert gradlab("run", "tiny.yaml", "--device", "cpu")[0] == 3
    assert gradlab("run", "tiny.yaml", "--device", "cpu", "--rerun", "never")[0] == 3
    assert gradlab("run", "tiny.yaml", "--device", "cpu")[0] == 0


def test_ctrl_c_is_130_and_says_that_the_same_command_goes_on(
    gradlab: Gradlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_training(monkeypatch, KeyboardInterrupt())
    code, out, err = gradlab("run", "tiny.yaml", "--device", "cpu")
    assert (code, out) == (130, "")
    assert "the same command" in err
    assert err.count("\n") == 1
    assert list(Store("runs").handles()) == []


def test_quiet_prints_the_verdict_line_alone(gradlab: Gradlab) -> None:
    """Before, it printed as much as without; `--full` asks for that beside it, and faces for programs are whole."""
    command = ("run", "tiny.yaml", "--device", "cpu")
    code, out, err = gradlab(*command, "--quiet")
    assert (code, err) == (0, "")
    (line,) = out.splitlines()
    assert line == gradlab("show", "@latest")[1].splitlines()[0]
    assert gradlab("show", "@latest", "--quiet") == (0, out, "")
    whole = gradlab("show", "@latest", "--full")[1]
    assert gradlab(*command, "--quiet", "--full") == (0, whole, "")
    for face in ("json", "csv", "md"):
        assert gradlab(*command, "--quiet", "--format", face)[1] == gradlab(*command, "--format", face)[1]


def test_quiet_of_several_seeds_is_a_line_each_and_how_far_they_agree(gradlab: Gradlab) -> None:
    code, out, err = gradlab("run", "tiny.yaml", "--seeds", "0-2", "--device", "cpu", "--quiet")
    assert (code, err) == (0, "")
    *each, agreement = out.splitlines()
    assert [re.match(r"\w+  tiny, seed (\d): ", line)[1] for line in each] == ["0", "1", "2"]  # type: ignore[index]
    assert "3" in agreement
    assert gradlab("show", "tiny", "--quiet") == (0, out, "")


def test_several_experiments_of_one_name_are_told_apart_by_what_they_differ_in(gradlab: Gradlab) -> None:
    """As the members of a sweep are: the table has the field, and each line on the seeds says whose they are."""
    for gain in ("0.5", "3"):
        setting = ("-s", f"model.init.gain={gain}")
        assert gradlab("run", "tiny.yaml", "--seeds", "0-1", "--device", "cpu", "--quiet", *setting)[0] == 0
    code, out, _ = gradlab("show", "--where", "name == tiny and model.init.gain > 0")
    header, *rows = out.splitlines()
    column = header.split().index("model.init.gain")
    assert code == 0
    assert sorted(row.split()[column] for row in rows[:4]) == ["0.5", "0.5", "3", "3"]
    lines = [line for line in rows[4:] if "of 2" in line]
    assert [line.partition(":")[0] for line in sorted(lines)] == ["gain 0.5", "gain 3"]
    quiet = gradlab("show", "--where", "name == tiny and model.init.gain > 0", "--quiet")[1]
    assert {line.partition(":")[0] for line in quiet.splitlines()[4:]} == {"gain 0.5", "gain 3"}


def test_a_quiet_run_still_says_which_expectation_fails(gradlab: Gradlab) -> None:
    Path("tiny.yaml").write_text(TINY + "expect: [verdict == dead]\n")
    code, out, err = gradlab("run", "tiny.yaml", "--device", "cpu", "--quiet")
    assert code == 4
    assert len(out.splitlines()) == 1
    assert "expected verdict == dead, but it is " in err


@pytest.mark.parametrize("seeds", [(), ("--seeds", "0-29")])
def test_a_pipe_gets_thirty_lines_at_most_and_with_full_all(gradlab: Gradlab, seeds: tuple[str, ...]) -> None:
    expect = ", ".join(f"final.loss < {number}" for number in range(-20, 0)) + ", outcome == completed, seed < 100"
    Path("deep.yaml").write_text(TINY.replace("depth: 3", "depth: 50") + f"expect: [{expect}]\n")
    code, out, _ = gradlab("run", "deep.yaml", *seeds, "--device", "cpu")
    assert code == 4
    assert len(out.splitlines()) <= 30
    assert "files in runs/" in out
    whole = gradlab("run", "deep.yaml", *seeds, "--device", "cpu", "--full")[1]
    if seeds:
        assert "… 20 more runs with --full …" in out
        assert len(re.findall(r"^[0-9a-f]{12} ", out, re.MULTILINE)) == 10
        assert len(re.findall(r"^[0-9a-f]{12} ", whole, re.MULTILINE)) == 30
    else:
        assert "… 40 more layers with --full …" in out
        assert "17 more expectations FAILED, 2 expectations ok" in out
        assert out.count("expected FAILED") == 3
        assert whole.count("expected FAILED") == 20
        assert all(re.search(rf"^ *{layer} ", whole, re.MULTILINE) for layer in range(1, 52))


def test_a_directory_that_cannot_hold_runs_is_2_before_anything_is_trained(
    gradlab: Gradlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("runs").write_text("a file")
    break_training(monkeypatch, AssertionError("trained in vain"))
    code, out, err = gradlab("run", "tiny.yaml", "--device", "cpu")
    assert (code, out) == (2, "")
    assert "runs: " in err


def test_a_pipe_gets_a_few_of_many_seeds(gradlab: Gradlab) -> None:
    words = ("run", "tiny.yaml", "--seeds", "0-49", "--device", "cpu", "-s", "expect=[final.loss < 0]")
    code, out, err = gradlab(*words)
    assert code == 4
    assert len(out.splitlines()) <= 30
    assert len(err.splitlines()) <= 30
    assert "and 40 more failed expectations" in err
    assert "and more runs; `gradlab list` has all" in err
    _, out, err = gradlab(*words, "--quiet")
    assert len(out.splitlines()) == 12
    assert "… 40 more runs with --full …" in out
    assert len(err.splitlines()) == 11
    out, err = gradlab(*words, "--dry-run")[1:]
    assert len(out.splitlines()) == 22
    assert len(gradlab(*words, "--dry-run", "--full")[1].splitlines()) == 51
