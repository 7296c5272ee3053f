"""`check`, `new`, `doctor` and `run --dry-run`: configs before anything is trained."""

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from gradlab.cli.main import main
from gradlab.cli.new import templates

Gradlab = Callable[..., tuple[int, str, str]]

TINY = "model: {depth: 3, width: 8, activation: tanh}\ndata: {source: xor, samples: 80}\ntrain: {steps: 5}\n"


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


def test_check_says_what_a_config_comes_to_in_every_face(gradlab: Gradlab) -> None:
    written("a.yaml", TINY)
    written("b.yaml", TINY.replace("steps: 5", "epochs: 2"))
    code, out, err = gradlab("check", "a.yaml", "b.yaml", "--format", "json")
    assert (code, err) == (0, "")
    rows = json.loads(out)["configs"]
    assert rows[0] | {"memory_bytes": 0} == {
        "config": "a.yaml", "name": "a", "members": 1, "batches": 1, "model.depth": 3, "model.width": 8, "model.activation": "tanh",
        "model.init": "xavier", "data.source": "xor", "examples": 64, "held_out": 16, "features": 2,
        "outputs": 2, "steps": 5, "memory_bytes": 0,
    }  # fmt: skip
    assert rows[0]["memory_bytes"] > 0
    assert rows[1]["steps"] == 2
    (row,) = csv.DictReader(io.StringIO(gradlab("check", "a.yaml", "--format", "csv")[1]))
    assert row["examples"] == "64"
    assert gradlab("check", "a.yaml")[1].split()[0] == "config"
    assert "runs" not in {path.name for path in Path().iterdir()}


def test_check_reports_the_faults_of_all_configs_at_once(gradlab: Gradlab) -> None:
    written("a.yaml", TINY.replace("depth", "dept"))
    written("b.yaml", TINY)
    written("c.yaml", TINY + "data: {}\n")
    code, out, err = gradlab("check", "a.yaml", "b.yaml", "c.yaml", "none.yaml")
    lines = err.splitlines()
    assert (code, out) == (2, "")
    assert lines[0].startswith("a.yaml:1:9  model.dept: unknown key. Did you mean 'depth'?")
    assert any(line.startswith("c.yaml:4:1 ") for line in lines)
    assert any(line.startswith("none.yaml  no such file") for line in lines)
    assert lines[-1] == f"{len(lines) - 1} errors; nothing was run."


@pytest.mark.parametrize("command", [["check"], ["run"], ["run", "--dry-run"]])
@pytest.mark.parametrize(
    ("data", "place"),
    [
        ("{source: file, path: none.csv, target: y}", "bad.yaml:2:28  data.path: "),
        ("{source: file, path: rows.csv, target: nothing}", "bad.yaml:2:46  data.target: "),
    ],
)
def test_faults_of_the_data_have_their_place_in_the_config(
    gradlab: Gradlab, command: list[str], data: str, place: str
) -> None:
    written("rows.csv", "x,y\n" + "".join(f"{row},{'ab'[row % 2]}\n" for row in range(20)))
    written("bad.yaml", f"model: {{depth: 3, width: 8, activation: tanh}}\ndata: {data}\n")
    code, out, err = gradlab(*command, "bad.yaml")
    assert (code, out) == (2, "")
    assert err.startswith(place)
    assert err.endswith("\n1 error; nothing was run.\n")
    assert not Path("runs").exists()


def test_an_override_is_named_as_the_place_of_its_fault(gradlab: Gradlab) -> None:
    code, _, err = gradlab("check", written("a.yaml", TINY), "-s", "model.widht=3", "-s", "train.lr=fast")
    assert code == 2
    assert "-s model.widht=3  model.widht: unknown key. Did you mean 'width'?" in err
    assert "-s train.lr=fast  train.lr: expected a number > 0, got 'fast'" in err
    assert err.endswith("2 errors; nothing was run.\n")


def test_dry_run_plans_and_leaves_nothing(gradlab: Gradlab) -> None:
    code, out, err = gradlab("run", written("a.yaml", TINY), "--seeds", "0-2,1", "--dry-run", "--format", "json")
    first, second = err.splitlines()
    assert (code, first) == (0, "3 runs in 1 batch: 3 new")
    assert re.fullmatch(r"about .+, .+ of it to start and store", second)
    plan = json.loads(out)["plan"]
    assert [(row["name"], row["seed"], row["state"], row["path"]) for row in plan] == [
        ("a", seed, "new", None) for seed in range(3)
    ]
    assert len({row["id"] for row in plan}) == 3
    assert not Path("runs").exists()


def test_a_quiet_dry_run_says_nothing_beside_its_table(gradlab: Gradlab) -> None:
    assert gradlab("run", written("a.yaml", TINY), "--dry-run", "--quiet")[2] == ""


def test_a_data_file_s_name_does_not_break_the_line(gradlab: Gradlab) -> None:
    config = written("a.yaml", TINY.replace("source: xor", 'source: file, path: "a\\nb.csv", target: y'))
    code, _, err = gradlab("check", config)
    assert code == 2
    assert len(err.splitlines()) == 2
    assert err.startswith("a.yaml:"), err


@pytest.mark.parametrize("seeds", ["", "x", "4-0", "1,,2", "-1", "1.5", "0-999999999", "0-99999999999999999999"])
def test_seeds_that_cannot_be_read_are_2(gradlab: Gradlab, seeds: str) -> None:
    code, out, err = gradlab("run", written("a.yaml", TINY), f"--seeds={seeds}", "--dry-run")
    assert (code, out) == (2, "")
    assert err.startswith(f"--seeds {seeds}: ")


@pytest.mark.parametrize("device", ["tpu", "cuda:99", "cuda:x"])
def test_a_device_that_is_not_there_is_2(gradlab: Gradlab, device: str) -> None:
    code, out, err = gradlab("run", written("a.yaml", TINY), "--device", device)
    assert (code, out) == (2, "")
    assert err.startswith(f"--device {device}: ")
    assert not Path("runs").exists()


def test_every_template_is_written_under_its_new_name_and_holds(gradlab: Gradlab) -> None:
    assert {"deep_sigmoid", "deep_relu_he", "xor", "user_csv"} <= set(templates())
    for like in templates():
        code, out, _ = gradlab("new", f"my.{like}-1", "--like", like)
        assert (code, out.splitlines()[0]) == (0, f"my.{like}-1.yaml")
        code, out, err = gradlab("check", f"my.{like}-1.yaml", "--format", "json")
        own = (
            "my.own_module-1.yaml: nets was not imported: what is in it is not checked; training imports it, with --allow-code nets; "
            "memory_bytes is what is known without it: data and figures, not the network\n"
        )
        assert (code, err) == (0, own if like == "own_module" else ""), like
        assert json.loads(out)["configs"][0]["name"] == f"my.{like}-1"


def test_new_is_like_deep_sigmoid_unless_told(gradlab: Gradlab) -> None:
    gradlab("new", "first")
    gradlab("new", "first2.yaml", "--like", "deep_sigmoid")
    assert Path("first.yaml").read_text().replace("first", "first2") == Path("first2.yaml").read_text()
    assert Path("first.yaml").read_text().startswith("# yaml-language-server: $schema=gradlab.schema.json\n")


def test_what_a_template_expects_outlives_the_first_edit(gradlab: Gradlab) -> None:
    gradlab("new", "first")
    text = Path("first.yaml").read_text()
    assert "  # - verdict == vanishing\n" in text
    edited = text.replace("depth: 50", "depth: 3").replace("width: 100", "width: 8").replace("steps: 200", "steps: 3")
    Path("first.yaml").write_text(edited.replace("sigmoid\n", "relu\n"))
    code, out, _ = gradlab("run", "first.yaml", "--device", "cpu", "--format", "json")
    assert code == 0
    assert [item["text"] for item in json.loads(out)["runs"][0]["expectations"]] == ["outcome == completed"]
    code, out, _ = gradlab("run", "first.yaml", "--device", "cpu", "--format", "json", "-s", "train.lr=1e30")
    assert code == 4, "it is an expectation"


def test_names_of_other_libraries_are_told_of_once_and_stored_as_ours(gradlab: Gradlab) -> None:
    config = written("a.yaml", TINY.replace("tanh", "Tanh"))
    code, out, err = gradlab("run", config, "--device", "cpu", "-s", "train.learning_rate=0.1", "--format", "json")
    assert code == 0
    assert err.count("a.yaml:") == err.count("model.activation: Tanh is understood as tanh\n") == 1
    assert err.count("train.learning_rate is understood as train.lr\n") == 1
    [run] = json.loads(out)["runs"]
    assert "Tanh" not in (Path(run["path"]) / "config.yaml").read_text()
    own = written("own.yaml", f"name: a\n{TINY}")
    code, out, err = gradlab("run", own, "--device", "cpu", "-s", "train.lr=0.1", "--format", "json", "--quiet")
    assert (json.loads(out)["runs"][0]["id"], err) == (run["id"], "")
    for verb in ("check", "predict"):
        assert gradlab(verb, config)[2].count("Tanh is understood as tanh") == 1
        assert "understood" not in gradlab(verb, config, "--quiet")[2]


def test_a_sweep_of_an_experiment_says_which_verb(gradlab: Gradlab) -> None:
    config = written("a.yaml", TINY)
    code, out, err = gradlab("sweep", config)
    assert (code, out) == (2, "")
    assert "a.yaml: is an experiment; train it with `gradlab run a.yaml`" in err


def test_new_overwrites_nothing(gradlab: Gradlab) -> None:
    written("mine.yaml", "precious")
    code, out, err = gradlab("new", "mine")
    assert (code, out) == (2, "")
    assert err == "mine.yaml: is there already and is not overwritten\n"
    assert Path("mine.yaml").read_text() == "precious"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["new", "a b"], "expected letters"),
        (["new", ""], "expected letters"),
        (["new", "none/such"], "cannot be written"),
        (["new", "x", "--like", "deep_sigmod"], "Did you mean 'deep_sigmoid'?"),
        (["new", "x", "--like", "../cli/new"], "no such template"),
    ],
)
def test_new_refuses(gradlab: Gradlab, words: list[str], told: str) -> None:
    code, out, err = gradlab(*words)
    assert (code, out) == (2, "")
    assert told in err
    assert list(Path().iterdir()) == []


def test_a_new_sweep_has_its_base_and_holds(gradlab: Gradlab) -> None:
    code, out, err = gradlab("new", "--sweep", "depths")
    assert (code, out.splitlines()) == (0, ["deep_sigmoid.yaml", "depths.yaml"])
    assert "`gradlab sweep depths.yaml` trains them" in err
    text = Path("depths.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=gradlab.sweep.schema.json\n")
    assert "\nbase: deep_sigmoid.yaml " in text
    code, out, err = gradlab("check", "depths.yaml", "--format", "json")
    assert (code, err) == (0, "")
    code, out, _ = gradlab("sweep", "depths.yaml", "--dry-run", "--format", "json")
    assert code == 0
    assert len(json.loads(out)["plan"]) == 9


def test_a_new_sweep_may_vary_a_config_of_one_s_own(gradlab: Gradlab) -> None:
    Path("configs").mkdir()
    Path("sweeps").mkdir()
    written("configs/own.yaml", TINY.replace("steps:", "lr: 0.3, steps:"))
    before = Path("configs/own.yaml").read_text()
    assert gradlab("new", "--sweep", "sweeps/mine", "--like", "configs/own.yaml")[0] == 0
    assert "\nbase: ../configs/own.yaml " in Path("sweeps/mine.yaml").read_text()
    assert "train.lr: [0.15, 0.3, 0.6]" in Path("sweeps/mine.yaml").read_text()
    assert gradlab("check", "sweeps/mine.yaml")[0] == 0
    assert Path("configs/own.yaml").read_text() == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["deep_sigmoid"], "would be its own base"),
        (["there"], "is there already"),
        (["x", "--like", "there.yaml"], "is a sweep"),
        (["x", "--like", "nosuch"], "no such template"),
        (["x", "--like", "nosuch.yaml"], "no such template"),
    ],
)
def test_a_new_sweep_is_refused(gradlab: Gradlab, words: list[str], told: str) -> None:
    written("there.yaml", "base: nothing.yaml\n")
    code, out, err = gradlab("new", "--sweep", *words)
    assert (code, out) == (2, "")
    assert told in err
    assert [path.name for path in Path().iterdir()] == ["there.yaml"]
