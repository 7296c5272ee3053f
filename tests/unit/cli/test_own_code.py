"""Modules of one's own from the command line: what imports them and what never does, what is trained anew, exit codes."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gradlab import api
from gradlab.cli.main import main
from gradlab.errors import UsageError

Gradlab = Callable[..., tuple[int, str, str]]

NETS = """\
from torch import nn

def build(depth=2, width=4):
    layers = [nn.Linear(2, width), nn.Tanh()]
    for _ in range(depth - 1):
        layers += [nn.Linear(width, width), nn.Tanh()]
    return nn.Sequential(*layers, nn.Linear(width, 2))
"""
CONFIG = """\
name: mine
model: {kind: module, build: "nets:build", args: {depth: 2}}
data: {source: xor, samples: 80, batch_size: 16}
train: {steps: 4, lr: 0.1}
"""
SWEEP = """\
name: swept
base: mine.yaml
grid: {model.args.depth: [1, 2]}
seeds: 0-1
gates: ["count(outcome != completed) == 0 by model.args.depth"]
"""
TRAP = "import pathlib\npathlib.Path(__file__).with_name('imported').write_text('')\nraise SystemExit(7)\n"
ALLOWED = ("--allow-code", "nets", "--import-path", "code")


@pytest.fixture
def gradlab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Gradlab:
    """Carry out a command beside mine.yaml, swept.yaml and code/nets.py: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    Path("code").mkdir()
    Path("code/nets.py").write_text(NETS)
    Path("mine.yaml").write_text(CONFIG)
    Path("swept.yaml").write_text(SWEEP)

    def call(*words: str) -> tuple[int, str, str]:
        code = main(words)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def ids(out: str) -> list[str]:
    return [run["id"] for run in json.loads(out)["runs"]]


def test_a_module_is_trained_and_then_found(gradlab: Gradlab) -> None:
    code, out, _ = gradlab("run", "mine.yaml", *ALLOWED, "--device", "cpu", "--full")
    assert code == 0
    assert "nets:build(depth=2)" in out
    assert "no theory of this network" in out
    (directory,) = Path("runs").glob("mine-*")
    manifest = json.loads((directory / "manifest.json").read_text())
    assert manifest["watch"]["optimizer"] == ["SGD"]
    assert "nets" not in sys.modules
    before = (directory / "layers.parquet").stat().st_mtime_ns
    code, again, err = gradlab("run", "mine.yaml", *ALLOWED, "--device", "cpu", "--full")
    assert (code, again) == (0, out)
    assert "is trained already" in err
    assert (directory / "layers.parquet").stat().st_mtime_ns == before


@pytest.mark.parametrize("verb", ["run", "sweep"])
def test_without_the_flag_it_is_2_and_the_refusal_names_flag_and_module(gradlab: Gradlab, verb: str) -> None:
    Path("code/nets.py").write_text(TRAP)
    config = "mine.yaml" if verb == "run" else "swept.yaml"
    for more in ((), ("--import-path", "code"), ("--allow-code", "net"), ("--allow-code", "nets.deep")):
        code, out, err = gradlab(verb, config, *more)
        assert (code, out) == (2, ""), err
        assert "--allow-code nets" in err
        assert err.startswith("nets: ")
    assert not Path("code/imported").exists()
    assert not Path("runs").exists()


def test_a_file_cannot_allow_anything(gradlab: Gradlab) -> None:
    for line in ("allow_code: [nets]", "allow-code: nets", "import_path: [code]"):
        Path("mine.yaml").write_text(CONFIG + line + "\n")
        code, _, err = gradlab("run", "mine.yaml")
        assert code == 2
        assert "unknown key" in err
    code, _, err = gradlab("run", "mine.yaml", "-s", "allow_code=[nets]")
    assert code == 2


def test_the_current_directory_is_not_looked_through(gradlab: Gradlab, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("nets.py").write_text(TRAP.replace("imported", "imported_here"))
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry not in ("", str(Path.cwd()))])
    code, _, err = gradlab("run", "mine.yaml", "--allow-code", "nets")
    assert code == 2
    assert "the current directory, which has them, is not looked through by itself: add --import-path ." in err
    assert not Path("imported_here").exists()
    Path("nets.py").unlink()
    code, _, err = gradlab("run", "mine.yaml", "--allow-code", "nets")
    assert code == 2
    assert "--import-path DIR names the directory that holds them" in err


def test_a_files_name_in_place_of_a_modules_is_told(gradlab: Gradlab) -> None:
    code, _, err = gradlab("run", "mine.yaml", "--allow-code", "nets.py", "--import-path", "code")
    assert code == 2
    assert "add --allow-code nets (a module's name, without .py)" in err


@pytest.fixture
def trapped(gradlab: Gradlab) -> Gradlab:
    """Two stored runs and a sweep whose source is now a trap, on Python's own path."""
    assert gradlab("run", "mine.yaml", *ALLOWED, "--seeds", "0-1", "--device", "cpu")[0] == 0
    assert gradlab("sweep", "swept.yaml", *ALLOWED, "--executor", "inline", "--device", "cpu")[0] == 0
    Path("code/nets.py").write_text(TRAP)
    return gradlab


NEVER = [
    ("check", "mine.yaml"),
    ("check", "swept.yaml"),
    ("run", "mine.yaml", "--dry-run"),
    ("run", "mine.yaml", "--dry-run", *ALLOWED),
    ("sweep", "swept.yaml", "--dry-run"),
    ("sweep", "swept.yaml", "--dry-run", *ALLOWED),
    ("predict", "mine.yaml"),
    ("predict", "swept.yaml"),
    ("schema",),
    ("list", "--where", "model.args.depth >= 2"),
    ("show", "@latest"),
    ("list", "--format", "json"),
    ("report", "@latest"),
    ("report", "swept"),
    ("plot", "@latest", "-o", "x.svg"),
    ("export", "@latest", "--to", "csv", "out"),
    ("doctor",),
]


@pytest.mark.slow
def test_nothing_but_run_and_sweep_imports(trapped: Gradlab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path("code").resolve()))
    for words in NEVER:
        code, _, err = trapped(*words)
        assert code == 0, (words, err)
        assert not Path("code/imported").exists(), words
        assert "nets" not in sys.modules
    names = [run["id"] for run in json.loads(trapped("list", "--format", "json")[1])["runs"]]
    assert trapped("compare", *names)[0] == 0
    assert not Path("code/imported").exists()


def test_check_says_that_nothing_was_imported(gradlab: Gradlab) -> None:
    Path("code/nets.py").write_text(TRAP)
    code, out, err = gradlab("check", "mine.yaml", "--format", "json")
    assert (code, json.loads(out)["configs"][0]["model.kind"]) == (0, "module")
    assert "nets was not imported" in err
    assert "--allow-code nets" in err
    assert not Path("code/imported").exists()


def test_a_dry_run_without_the_source_knows_no_id(gradlab: Gradlab) -> None:
    code, out, err = gradlab("run", "mine.yaml", "--dry-run", "--format", "json")
    assert (code, json.loads(out)["plan"][0]["id"]) == (0, None)
    assert "no source files of that name" in err
    code, out, _ = gradlab("run", "mine.yaml", "--dry-run", "--format", "json", "--import-path", "code")
    assert len(json.loads(out)["plan"][0]["id"]) == 12


def test_predict_has_no_answer(gradlab: Gradlab) -> None:
    code, out, _ = gradlab("predict", "mine.yaml")
    assert (code, out.splitlines()[0]) == (0, "theory has no answer: no theory of this network")
    code, out, _ = gradlab("predict", "swept.yaml", "--format", "json")
    assert [one["reason"] for one in json.loads(out)["forecasts"]] == ["no theory of this network"] * 2
    with pytest.raises(UsageError, match="no theory of this network"):
        api.predict("mine.yaml")


def test_changed_source_is_trained_anew(gradlab: Gradlab) -> None:
    first = ids(gradlab("run", "mine.yaml", *ALLOWED, "--device", "cpu", "--format", "json")[1])
    # Of the same length and within the same second: bytecode beside it would be taken for this.
    Path("code/nets.py").write_text(NETS.replace("nn.Tanh()", "nn.ReLU()"))
    code, out, _ = gradlab("run", "mine.yaml", *ALLOWED, "--device", "cpu", "--format", "json")
    assert code == 0
    assert ids(out) != first
    record = api.load(ids(out)[0]).record
    assert record is not None
    assert record.rows is not None
    assert record.rows.activations == ("ReLU", "ReLU", None)
    Path("code/nets.py").write_text(NETS)
    assert ids(gradlab("run", "mine.yaml", *ALLOWED, "--device", "cpu", "--format", "json")[1]) == first


def test_arguments_are_part_of_the_id_and_can_be_overridden(gradlab: Gradlab) -> None:
    code, out, _ = gradlab(
        "run", "mine.yaml", *ALLOWED, "--device", "cpu", "--format", "json", "-s", "model.args.depth=3"
    )
    assert code == 0
    assert api.load(*ids(out)).experiment.model.model_dump()["args"] == {"depth": 3}


def test_a_run_is_the_same_bytes_wherever_it_trains(gradlab: Gradlab) -> None:
    gradlab("run", "mine.yaml", *ALLOWED, "--device", "cpu", "--out", "alone")
    words = (
        "sweep",
        "swept.yaml",
        *ALLOWED,
        "--device",
        "cpu",
        "--executor",
        "processes",
        "--workers",
        "1",
        "--out",
        "swept",
    )
    code, out, err = gradlab(*words, "--format", "json")
    assert code == 0, err
    assert len(ids(out)) == 4
    (alone,) = Path("alone").glob("mine-*")
    for table in ("layers.parquet", "steps.parquet"):
        assert (alone / table).read_bytes() == (Path("swept") / alone.name / table).read_bytes()


def test_a_sweep_that_was_begun_goes_on_where_its_source_is_the_same(gradlab: Gradlab) -> None:
    assert gradlab("sweep", "swept.yaml", *ALLOWED, "--device", "cpu", "--executor", "inline")[0] == 0
    (place,) = map(str, Path("runs/sweeps").glob("swept-*"))
    code, _, err = gradlab("sweep", place, *ALLOWED)
    assert (code, "4 cached" in err) == (0, True)
    code, _, err = gradlab("sweep", place, "--allow-code", "nets")
    assert (code, "--import-path DIR" in err) == (2, True)
    Path("code/nets.py").write_text(NETS + "#")
    code, _, err = gradlab("sweep", place, *ALLOWED)
    assert (code, "a source file of one's own" in err) == (2, True)


def test_expectations_and_gates_have_their_exit_codes(gradlab: Gradlab) -> None:
    assert gradlab("run", "mine.yaml", *ALLOWED, "-s", 'expect=["model.args.depth == 3"]')[0] == 4
    Path("swept.yaml").write_text(SWEEP.replace("== 0 by", "> 0 by"))
    assert gradlab("sweep", "swept.yaml", *ALLOWED, "--executor", "inline")[0] == 4


BROKEN = [
    ("raise ValueError('no luck')\n", "model.build: nets cannot be imported: ValueError: no luck"),
    ("raise SystemExit(0)\n", "model.build: nets cannot be imported: SystemExit: 0"),
    (
        "class Skip(BaseException): ...\ndef build(depth): raise Skip('not today')\n",
        "model.build: nets:build raised: Skip: not today",
    ),
    ("def build(depth): return depth\n", "model.build: nets:build returns int; expected a torch.nn.Module"),
    ("def build(depth): raise KeyError('x')\n", "model.build: nets:build raised: KeyError: 'x'"),
    ("def bild(depth): ...\n", "model.build: nets has no 'build'. Did you mean 'bild'?"),
    ("build = 3\n", "model.build: nets:build is a int, and no function"),
    ("def build(dpth): ...\n", "model.args: nets:build(dpth) takes no argument 'depth'. Did you mean 'dpth'?"),
    ("def build(depth, width): ...\n", "model.args: nets:build(depth, width) missing a required argument: 'width'"),
    (
        "from torch import nn\ndef build(depth): return nn.Tanh()\n",
        "model.build: the module of nets:build has no parameters",
    ),
    (
        "from torch import nn\ndef build(depth): return nn.Linear(2, 2).requires_grad_(False)\n",
        "model.build: the module of nets:build has no parameters that learn (requires_grad)",
    ),
    (
        "from torch import nn\ndef build(depth): return nn.Linear(2, 5)\n",
        "model.build: the module of nets:build gives outputs [16, 5]; expected [16, 2]: the data have 2 classes",
    ),
    (
        "from torch import nn\ndef build(depth): return nn.Conv2d(1, 2, 1)\n",
        "model.build: the module of nets:build raised on inputs [16, 2] of float32 (data.image: [channels, height, width] gives images): ",
    ),
    (
        "from torch import nn\ndef build(depth): return nn.LSTM(2, 2)\n",
        "model.build: the module of nets:build returns tuple; expected a tensor of floats, or a `.logits` of it",
    ),
]


@pytest.mark.parametrize(("source", "reason"), BROKEN)
def test_code_that_cannot_be_used_is_a_failed_run_with_a_clear_reason(
    gradlab: Gradlab, source: str, reason: str
) -> None:
    Path("code/nets.py").write_text(source)
    code, out, err = gradlab("run", "mine.yaml", *ALLOWED, "--device", "cpu", "--format", "json")
    assert code == 3, err
    (run,) = json.loads(out)["runs"]
    assert run["outcome_detail"]["reason"].startswith(reason)
    (directory,) = Path("runs").glob("mine-*")
    text = (directory / "traceback.txt").read_text()
    assert "OwnCodeError" in text
    if "raise" in source:
        assert "nets.py" in text


def test_what_the_code_prints_does_not_spoil_the_answer(gradlab: Gradlab) -> None:
    Path("code/nets.py").write_text("print('hello')\n" + NETS)
    code, out, err = gradlab("run", "mine.yaml", *ALLOWED, "--device", "cpu", "--format", "json")
    assert code == 0
    assert len(json.loads(out)["runs"]) == 1
    assert "hello" in err


def test_a_package_and_batches_of_ones_own(gradlab: Gradlab) -> None:
    Path("code/pack").mkdir()
    Path("code/pack/__init__.py").write_text("")
    Path("code/pack/data.py").write_text(
        "import torch\n"
        "def batches(rows, number):\n"
        "    torch.manual_seed(1)\n"
        "    return [(torch.randn(rows, 2), torch.arange(rows) % 2) for _ in range(number)]\n"
    )
    Path("code/pack/nets.py").write_text("from pack import data\n" + NETS)
    Path("own.yaml").write_text(
        "model: {kind: module, build: 'pack.nets:build'}\n"
        "data: {source: module, build: 'pack.data:batches', args: {rows: 6, number: 2}}\n"
        "train: {steps: 5}\n"
    )
    code, out, err = gradlab("run", "own.yaml", "--allow-code", "pack", "--import-path", "code", "--format", "json")
    assert code == 0, err
    assert api.load(*ids(out)).experiment.model_dump()["data"] == {
        "source": "module",
        "build": "pack.data:batches",
        "args": {"rows": 6, "number": 2},
    }
    code, _, err = gradlab("run", "own.yaml", "--allow-code", "pack.nets", "--import-path", "code")
    assert (code, "--allow-code pack.data" in err) == (2, True)


def test_as_a_process_the_current_directory_is_not_looked_through_either(gradlab: Gradlab) -> None:
    Path("nets.py").write_text(TRAP.replace("imported", "imported_here"))
    Path("random.py").write_text(TRAP.replace("imported", "imported_random"))
    words = [sys.executable, "-m", "gradlab", "run", "mine.yaml", "--allow-code", "nets"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, "add --import-path ." in done.stderr) == (2, True), done.stderr
    assert not Path("imported_here").exists()


@pytest.mark.slow
def test_the_example_is_healthy_and_its_sweep_passes(gradlab: Gradlab) -> None:
    root = Path(__file__).parents[3]
    allowed = ("--allow-code", "nets", "--import-path", str(root / "examples"), "--device", "cpu")
    code, out, err = gradlab("run", str(root / "configs/own_module.yaml"), *allowed)
    assert code == 0, err
    assert out.startswith("healthy")
    assert (
        gradlab("sweep", str(root / "configs/sweeps/own_module_depth.yaml"), *allowed, "--executor", "inline")[0] == 0
    )
    code, out, _ = gradlab(
        "run", str(root / "configs/own_module.yaml"), *allowed, "-s", "model.build=nets:lstm", "-s", "model.args={}"
    )
    assert code in (0, 4)
    assert "rnn.layer0" in out


def test_from_python(gradlab: Gradlab) -> None:
    with pytest.raises(UsageError, match="--allow-code nets"):
        api.run("mine.yaml")
    (run,) = api.run(
        "mine.yaml", device="cpu", allow_code=["nets"], import_path=[Path("code")], **{"model.args.width": 3}
    )
    assert (run.outcome, run.experiment.model.model_dump()["args"]) == ("completed", {"depth": 2, "width": 3})
    runs = api.sweep("swept.yaml", device="cpu", executor="inline", allow_code=["nets"], import_path=["code"])
    assert [one.experiment.model.model_dump()["args"]["depth"] for one in runs] == [1, 1, 2, 2]
