"""gradlab as its own process: what it loads, how it ends in pipes and terminals, how fast it starts."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from made.deep_runs import stored
from processor_time import computed
from pseudo_terminal import written_to

from gradlab.report.files.markdown import markdown
from gradlab.report.views.run import view
from gradlab.results.asked import Ask, Journal
from gradlab.results.store import Store

GRADLAB = [sys.executable, "-c", "import sys; from gradlab.cli.main import main; sys.exit(main())"]

TORCHLESS = """
import sys
from gradlab.cli.main import main
for words in (["--help"], ["run", "--help"], ["list"], ["list", "--where", "min(log10_grad_norm) < 0"], ["show", "@latest"],
              ["compare", "@latest", "@latest"], ["report", "@latest"], ["report", "--help"],
              ["check", "tiny.yaml"], ["check", "broken.yaml"], ["run", "broken.yaml"],
              ["run", "tiny.yaml", "--dry-run"], ["schema"], ["new", "fresh"], ["export", "@latest", "--to", "csv"],
              ["export", "@latest", "--to", "tensorboard"], ["clean"],
              ["predict", "tiny.yaml"], ["predict", "tiny.yaml", "-s", "model.depth=100", "--format", "json"], ["predict", "broken.yaml"],
              ["activations"], ["activations", "tanh", "--plot", "curves.svg", "--phase", "phases.svg"], ["activations", "tahn"],
              ["explain"], ["explain", "same", "lr"], ["explain", "vanshing"]):
    main(words)
    assert "torch" not in sys.modules, words
print("none loaded torch")
"""

LIGHT = """
import sys
from gradlab.cli.main import main
assert main(["--help"]) == 0
heavy = {"torch", "numpy", "pandas", "pyarrow", "pydantic", "rich", "sklearn", "yaml", "matplotlib", "jinja2", "plotly"} & set(sys.modules)
assert not heavy, heavy
"""


LISTED = """
import sys
from gradlab.cli.main import main
assert main(["list"]) == 0
heavy = {"torch", "numpy", "pandas", "pyarrow", "yaml", "gradlab.results.stored"} & set(sys.modules)
assert not heavy, heavy
"""


EXPLAINED = """
import sys
from gradlab.cli.main import main
assert main(["explain", "backward_fit", "vanishing", "χ₁", "theory", "--format", FORMAT]) == 0
heavy = {"torch", "numpy", "pandas", "pyarrow", "yaml", "matplotlib", "gradlab.judgement.rules"} & set(sys.modules)
rooms = {"theory", "datasets", "network", "training", "execution"} & {name.split(".")[1] for name in sys.modules if "gradlab." in name}
assert not heavy | rooms, heavy | rooms
print(sum(name.startswith("gradlab") for name in sys.modules), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a stored run and two configs."""
    place = tmp_path_factory.mktemp("process")
    run = stored()
    Store(place / "runs").save(run, markdown(view(run).blocks))
    config = "model: {depth: 3, width: 8, activation: tanh}\ndata: {source: xor, samples: 80}\ntrain: {steps: 5}\n"
    (place / "tiny.yaml").write_text(config)
    (place / "broken.yaml").write_text(config.replace("depth", "dept"))
    return place


def environment(**changes: str) -> dict[str, str]:
    """This process's environment without what decides on colours, and with changes."""
    dropped = ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS", "LINES", "COLORTERM")
    return (
        {name: value for name, value in os.environ.items() if name not in dropped}
        | {"TERM": "xterm-256color"}
        | changes
    )


def gradlab(place: Path, *words: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Carry out a command with its output in pipes."""
    return subprocess.run(
        [*GRADLAB, *words], cwd=place, capture_output=True, text=True, env=environment(**changes), check=False
    )


def on_terminal(place: Path, columns: int, *words: str, **changes: str) -> str:
    """What a command writes to a terminal."""
    terminal, inside = pty.openpty()
    process = subprocess.Popen(
        [*GRADLAB, *words],
        cwd=place,
        stdin=inside,
        stdout=inside,
        stderr=inside,
        env=environment(COLUMNS=str(columns), **changes),
    )
    os.close(inside)
    written = b"".join(written_to(terminal, process))
    os.close(terminal)
    return written.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("face", ["table", "json", "csv", "md"])
def test_a_word_is_explained_by_the_words_alone(place: Path, face: str) -> None:
    """No table, rule or theory is loaded for it, so that the answer is there at once."""
    done = subprocess.run(
        [sys.executable, "-c", EXPLAINED.replace("FORMAT", repr(face))],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stderr) < 100, "modules of gradlab, of several hundred; 76 with a table of the terminal"


def test_only_training_loads_torch(place: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", TORCHLESS], cwd=place, capture_output=True, text=True, env=environment(), check=False
    )
    assert done.stdout.endswith("none loaded torch\n"), done.stderr[-2000:]


def test_help_loads_nothing_heavy(place: Path) -> None:
    subprocess.run([sys.executable, "-c", LIGHT], check=True, capture_output=True, env=environment(), cwd=place)


def test_a_list_loads_nothing_that_a_run_of_its_own_takes(place: Path) -> None:
    done = subprocess.run([sys.executable, "-c", LISTED], capture_output=True, text=True, env=environment(), cwd=place)
    assert done.returncode == 0, done.stderr


def test_help_takes_at_most_three_times_the_command_line_library(place: Path) -> None:
    """Of the processor's time, the best of several each in turns: 1.6 on an idle machine."""

    def took(code: str) -> float:
        before = computed()
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=place)
        return computed() - before

    rounds = [(took("from gradlab.cli.main import main; main(['--help'])"), took("import typer")) for _ in range(7)]
    ours, library = (min(times) for times in zip(*rounds, strict=True))
    assert ours <= 3 * library


def test_a_pipe_gets_whole_and_plain_text_whatever_the_terminal_s_width(place: Path) -> None:
    for words in (["list"], ["show", "@latest", "--full"]):
        done = gradlab(place, *words, COLUMNS="40", FORCE_COLOR="1")
        assert done.returncode == 0
        assert "\x1b" not in done.stdout + done.stderr
        assert "7f3ac9d1e2b4" in done.stdout
        assert "not shown" not in done.stdout
        assert "…" not in done.stdout
    assert re.findall(r"^ *(\d+) +\d+ +\d+ ", gradlab(place, "show", "@latest", "--full").stdout, re.MULTILINE) == [
        str(layer) for layer in range(1, 52)
    ]


def test_a_terminal_gets_colour_and_its_width(place: Path) -> None:
    text = on_terminal(place, 80, "show", "@latest")
    assert "\x1b[" in text
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    assert "… 38 layers like these …" in plain
    assert max(map(len, plain.splitlines())) <= 80


@pytest.mark.parametrize("changes", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_without_colour(place: Path, changes: dict[str, str]) -> None:
    text = on_terminal(place, 80, "show", "@latest", **changes)
    assert "\x1b" not in text
    assert "▁" in text


def test_a_terminal_without_unicode_gets_ascii(place: Path) -> None:
    done = gradlab(place, "show", "@latest", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert "50 x 100 sigmoid | xavier" in done.stdout
    assert "?" not in done.stdout


@pytest.mark.parametrize(
    "words", [["list"], ["show", "@latest"], ["show", "@latest", "--format", "json"], ["schema"], ["--help"]]
)
def test_a_reader_that_has_seen_enough_is_no_error(place: Path, words: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*GRADLAB, *words], cwd=place, stdout=writing, stderr=subprocess.PIPE, text=True, env=environment(), check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("words", [["list"], ["list", "--format", "json"]])
def test_output_to_a_full_disk_is_said(place: Path, words: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*GRADLAB, *words],
            cwd=place,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
            check=False,
        )
    assert (done.returncode, done.stderr) == (2, "cannot write the output: No space left on device\n")


def completed(place: Path, words: str, at: int) -> list[str]:
    """What the shell offers for a word of a line."""
    done = gradlab(place, _GRADLAB_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=str(at))
    return done.stdout.split()


def test_completion_knows_commands_and_runs(place: Path) -> None:
    assert "compare" in completed(place, "gradlab c", 1)
    assert completed(place, "gradlab show deep", 2) == ["deep_sigmoid"]
    assert completed(place, "gradlab show deep_sigmoid-", 2) == ["deep_sigmoid-7f3ac9d1e2b4"]
    assert completed(place, "gradlab list @", 2) == ["@latest"]
    assert completed(place, "gradlab run --rerun ", 3) == ["never", "failed", "always"]


def test_completion_knows_sweeps_tags_and_every_name(tmp_path: Path) -> None:
    (tmp_path / "runs" / "deep_sigmoid-7f3ac9d1e2b4").mkdir(parents=True)
    (tmp_path / "runs" / "sweeps" / "depths-0123456789ab").mkdir(parents=True)
    journal = Journal(tmp_path / "runs")
    journal.ask(Ask("deeper", ("7f3ac9d1e2b4",), ""))
    journal.tag(["7f3ac9d1e2b4"], "deepest")
    (tmp_path / "below").mkdir()
    for verb in ("rm", "compare", "report", "tag", "du", "list"):
        assert completed(tmp_path / "below", f"gradlab {verb} de", 2) == ["deep_sigmoid", "deeper", "deepest", "depths"]
    assert completed(tmp_path, "gradlab rm depths-", 2) == ["depths-0123456789ab"]
    assert completed(tmp_path, "gradlab list --out nowhere d", 4) == []


def test_doctor_says_what_is_there(place: Path) -> None:
    done = gradlab(place, "doctor", "--format", "json")
    checks = {item["what"]: item for item in json.loads(done.stdout)["checks"]}
    assert done.returncode == 0
    assert {item["state"] for item in checks.values()} == {"ok"}
    assert {"python", "torch", "gradlab", "processor", "memory", "MKL_CBWR", "runs can be written"} <= set(checks)
    assert checks["MKL_CBWR"]["found"].startswith("AUTO,STRICT")
    (place / "a_file").write_text("")
    assert gradlab(place, "doctor", "--out", "a_file").returncode == 3


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["--version"], ["schema"]])
def test_a_full_disk_under_the_output_is_one_line(place: Path, words: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "gradlab", *words], cwd=place, stdout=full, stderr=subprocess.PIPE, text=True,
            env=environment(), check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (2, "cannot write the output: No space left on device\n")


INTERRUPTED_AT = """
import os, signal, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
sys.argv[1:] = {words!r}
from gradlab.__main__ import command
command()
"""


@pytest.mark.parametrize("module", ["gradlab.cli.main", "typer", "gradlab.config.reading.document", "pydantic", "yaml"])
def test_ctrl_c_while_gradlab_is_being_loaded_is_130(place: Path, module: str) -> None:
    code = INTERRUPTED_AT.format(module=module, words=["run", "tiny.yaml", "--out", "none"])
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=place, capture_output=True, text=True, env=environment(), check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")
    assert not (place / "none").exists()


def test_a_command_that_is_done_is_over_at_once(place: Path) -> None:
    last = "import atexit, sys; atexit.register(print, 'late'); sys.argv[1:] = ['list']"
    code = f"{last}; from gradlab.__main__ import command; command()"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=place, capture_output=True, text=True, env=environment(), check=False
    )
    assert done.returncode == 0
    assert "7f3ac9d1e2b4" in done.stdout
    assert "late" not in done.stdout


def test_one_line_tells_that_a_setting_of_products_is_overwritten_where_something_is_trained(
    place: Path, tmp_path: Path
) -> None:
    (tmp_path / "sweep.yaml").write_text(f"base: {place / 'tiny.yaml'}\ngrid: {{seed: [0, 1], model.width: [3, 4]}}\n")
    told = ["MKL_CBWR=COMPATIBLE is overwritten with AUTO,STRICT, on which a run's bytes rest"]

    def lines(*words: str, setting: str = "COMPATIBLE") -> list[str]:
        done = gradlab(tmp_path, *words, MKL_CBWR=setting)
        assert done.returncode == 0, done.stderr
        return [line for line in done.stderr.splitlines() if "MKL" in line]

    sweep = ("sweep", "sweep.yaml", "--executor", "processes", "--workers", "2")
    assert lines(*sweep, "--dry-run") == lines("check", "sweep.yaml") == []
    assert lines(*sweep, "--out", "strict", setting="AUTO,STRICT") == []
    assert lines(*sweep) == told
    assert lines(*sweep) == lines("list") == []  # all of them are there: nothing is trained
    assert lines("run", str(place / "tiny.yaml"), "-s", "seed=7") == told
    found = gradlab(tmp_path, "doctor", MKL_CBWR="COMPATIBLE").stdout
    assert "AUTO,STRICT in place of COMPATIBLE: a run's numbers do not depend on its batch" in found
    for run in (tmp_path / "strict").glob("*-*/layers.parquet"):
        assert (tmp_path / "runs" / run.relative_to(tmp_path / "strict")).read_bytes() == run.read_bytes()
