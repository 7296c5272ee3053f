"""The documentation is in step: reference pages, links, and the commands that the README shows."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer
import yaml

from gradlab.cli.main import app
from gradlab.config.sweeps.file_kind import is_sweep

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("runs/*.md")])


def test_reference_pages_are_in_step_with_the_code() -> None:
    done = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_resolve(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def readme_commands() -> list[str]:
    return sorted(
        {
            line.removeprefix("$ ").split("#")[0].strip()
            for block in re.findall(r"```\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
            for line in block.splitlines()
            if line.removeprefix("$ ").startswith("gradlab ")
        }
    )


@pytest.mark.parametrize("command", readme_commands())
def test_the_readmes_commands_parse(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    verb, *words = shlex.split(command)[1:]
    typer.main.get_command(app).commands[verb].make_context(verb, words)  # type: ignore[attr-defined]


@pytest.mark.slow
def test_the_readmes_commands_run(tmp_path: Path) -> None:
    """In the order that they make sense in, with short trainings, in a directory that has only the configs and the examples."""
    for folder in ("configs", "examples"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    commands = readme_commands()
    assert len(commands) >= 9
    order = (
        "new",
        "predict",
        "activations",
        "check",
        "run configs/deep_sigmoid",
        "run configs/deep_relu",
        "run configs/own_module",
        "run configs/rezero",
        "sweep",
        "run mine",
        "list",
        "show",
        "compare",
        "report",
        "plot",
        "export",
    )

    def place(command: str) -> int:
        return next(index for index, start in enumerate(order) if command.removeprefix("gradlab ").startswith(start))

    failed_gate: list[int] = []
    swept: set[str] = set()
    for command in sorted(commands, key=place):
        words = shlex.split(command)
        if words[1] == "run":
            words += ["-s", "train.steps=3", "-s", "expect=[]"]
        if (
            words[1] == "sweep"
        ):  # a ninth of it, whose gates cannot hold after three steps; what is swept again has another before it
            words += [
                "-s",
                f"train.steps={3 if words[2] in swept else 2}",
                "-s",
                "model.depth=4",
                "--seeds",
                "0",
                "--exit-zero",
                "--executor",
                "inline",
            ]
            swept.add(words[2])
        done = subprocess.run(
            [sys.executable, "-m", "gradlab", *words[1:]], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        if "--fail-on" in words:
            failed_gate.append(done.returncode)
        elif words[1] == "list":
            assert done.returncode in (0, 5), done.stderr
        else:
            assert done.returncode == 0, (command, done.stdout[-500:], done.stderr[-2000:])
    assert failed_gate
    assert set(failed_gate) <= {0, 4}


def test_the_readmes_python_runs(tmp_path: Path) -> None:
    block = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert block is not None
    code = block.group(1).replace('"model.depth": 20', '"model.depth": 20, "train.steps": 3')
    code = code.replace("seeds=range(3)", 'seeds=range(3), executor="inline", **{"train.steps": 3}')
    assert code.count('"train.steps": 3') == 2
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_readmes_two_commands_are_the_makefiles() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in ("demo", "gate", "test", "check", "proofs", "bench"):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for target in ("gate", "test"):
        assert f"make {target}\n" in (ROOT / ".ci/run").read_text()


def test_every_constraint_is_exact_and_torch_is_named() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==\S+", line) for line in lines)
    assert "torch==2.13.0" in lines


def test_every_config_says_what_it_shows() -> None:
    for config in (path for path in (ROOT / "configs").rglob("*.yaml") if not is_sweep(path)):
        text = config.read_text()
        assert sum(line.startswith("#") for line in text.splitlines()) >= 2, config.name
        assert yaml.safe_load(text)["model"].keys() & {"activation", "build"}, config.name


def test_every_sweep_says_what_it_shows_and_has_gates() -> None:
    for config in (path for path in (ROOT / "configs").rglob("*.yaml") if is_sweep(path)):
        text = config.read_text()
        assert sum(line.startswith("#") for line in text.splitlines()) >= 2, config.name
        assert yaml.safe_load(text)["gates"], config.name
