"""action.yml and the pre-commit hook, carried out as far as a machine without GitHub can: every `run:` in bash, in a clone of a
scratch repository.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
USED = {
    "actions/setup-python@v5",
    "actions/cache/restore@v4",
    "actions/cache/save@v4",
    "actions/upload-artifact@v4",
}
NET = """\
model: {depth: 3, width: 8, activation: tanh}
data: {source: wine}
train: {steps: 60, lr: 0.1}
expect: [outcome == completed]
"""
GRID = "base: net.yaml\nseeds: 0-2\ngrid: {model.depth: [2, 3]}\ngates: [count(outcome == failed) == 0]\n"


def git(folder: Path, *words: str) -> None:
    named = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *named, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A shallow clone of a branch in which the learning rate is a tenth of main's, which the clone does not have."""
    origin = tmp_path / "origin"
    (origin / "configs").mkdir(parents=True)
    git(origin, "init", "-q")
    (origin / "configs/net.yaml").write_text(NET)
    (origin / "configs/grid.yaml").write_text(GRID)
    git(origin, "add", "-A")
    git(origin, "commit", "-qm", "main")
    git(origin, "checkout", "-qb", "slower")
    (origin / "configs/net.yaml").write_text(NET.replace("lr: 0.1", "lr: 0.001"))
    (origin / "configs/new.yaml").write_text(NET)
    git(origin, "commit", "-qam", "slower")
    git(origin, "add", "-A")
    git(origin, "commit", "-qm", "new")
    git(tmp_path, "clone", "-q", "--depth=1", "--branch=slower", origin.as_uri(), "clone")
    return tmp_path / "clone"


class Runner:
    """Carries out the steps of a composite action: expressions, conditions and outputs as GitHub has them, actions left out."""

    def __init__(self, clone: Path, **inputs: str) -> None:
        given = {name: str(one.get("default", "")) for name, one in ACTION["inputs"].items()}
        assert inputs.keys() <= given.keys()
        self.inputs = given | inputs
        self.clone = clone
        self.temp = clone.parent / "temp"
        self.temp.mkdir()
        self.outputs: dict[str, dict[str, str]] = {}
        self.codes: dict[str, int] = {}
        self.log = ""
        programs = clone.parent / "programs"
        programs.mkdir()
        for name, words in {
            "pip": f'echo "$@" >> {self.temp}/pip.log',
            "python": f'exec {sys.executable} "$@"',
            "gradlab": f'exec {sys.executable} -m gradlab "$@"',
        }.items():
            (programs / name).write_text(f"#!/bin/bash\n{words}\n")
            (programs / name).chmod(0o755)
        self.environment = {
            "PATH": f"{programs}:/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
            "HOME": str(clone.parent),
            "RUNNER_TEMP": str(self.temp),
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(clone),
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_STEP_SUMMARY": str(self.temp / "summary.md"),
        }

    def value(self, name: str) -> str:
        """What an expression's name stands for."""
        if name.startswith("inputs."):
            return self.inputs[name.removeprefix("inputs.")]
        if name.startswith("steps."):
            _, step, outputs, output = name.split(".")
            assert outputs == "outputs"
            assert step in {one.get("id") for one in ACTION["runs"]["steps"]}, name
            return self.outputs.get(step, {}).get(output, "")
        assert name in {"runner.os", "runner.arch", "github.run_id", "github.run_attempt"}, name
        return name

    def filled(self, text: str) -> str:
        return re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda found: self.value(found[1]), str(text))

    def wanted(self, condition: str) -> bool:
        """Whether a step's condition holds; without always() it asks that no step before it failed."""
        words = re.sub(r"\b(?:inputs|steps)\.[\w.-]+", lambda found: repr(self.value(found[0])), condition)
        words = words.replace("&&", " and ").replace("||", " or ").replace("always()", "True")
        assert not re.search(r"\w+\(", words.replace("and (", "")), condition
        return bool(eval(words)) and ("always()" in condition or not any(self.codes.values()))

    def carry_out(self) -> "Runner":
        for number, step in enumerate(ACTION["runs"]["steps"]):
            if not self.wanted(step.get("if", "True")):
                continue
            if "uses" in step:
                for setting in step.get("with", {}).values():
                    self.filled(setting)
                continue
            written, script = self.temp / f"outputs-{number}", self.temp / f"script-{number}.sh"
            written.write_text("")
            script.write_text(step["run"])
            environment = self.environment | {"GITHUB_OUTPUT": str(written)}
            environment |= {name: self.filled(text) for name, text in step.get("env", {}).items()}
            done = subprocess.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
                cwd=self.clone,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                timeout=300,
            )
            self.log += f"## {step['name']}\n{done.stdout}"
            self.codes[step["name"]] = done.returncode
            if "id" in step:
                self.outputs[step["id"]] = dict(line.split("=", 1) for line in written.read_text().splitlines())
        return self

    def result(self, name: str) -> str:
        return self.filled(ACTION["outputs"][name]["value"])


def test_its_steps_are_whole() -> None:
    assert ACTION["runs"]["using"] == "composite"
    for step in ACTION["runs"]["steps"]:
        assert ("uses" in step) != ("run" in step), step
        if "uses" in step:
            assert step["uses"] in USED
        else:
            assert step["shell"] == "bash", "a composite action has no default shell"
            assert "${{" not in step["run"], "an input in a script could be a command"
            assert not any(name.startswith(("GITHUB_", "RUNNER_")) for name in step.get("env", {})), "GitHub ignores it"
    told = str(ACTION)
    assert all(
        f"inputs.{name} " in told or f"inputs.{name}'" in told or f"inputs.{name} }}}}" in told
        for name in ACTION["inputs"]
    )


@pytest.mark.slow
def test_a_sweep_that_is_worse_than_its_base_fails_with_an_annotation_and_pages(clone: Path) -> None:
    done = Runner(clone, sweep="configs/grid.yaml", base="main", arguments="--executor inline --device cpu").carry_out()
    work = Path(done.result("directory"))
    assert (done.result("exit-code"), done.result("compare-exit-code")) == ("0", "4"), done.log
    assert [name for name, code in done.codes.items() if code] == ["Compare with the base"]
    assert "::error title=gradlab%3A gate failed::final.loss > +5%25: it holds in 2 of 2 pairs" in done.log
    assert done.log.count("::error") == 1
    assert (done.temp / "pip.log").read_text().splitlines()[-1] == f"install {ROOT}"
    assert "final.loss" in (work / "compare.md").read_text()
    assert "<testsuites" in (work / "compare.xml").read_text()
    assert (done.temp / "summary.md").read_text().count("# grid: ") == 1, "the base's is no news"
    # Of what the artifact holds every link to a page works.
    (page,) = (work / "runs/sweeps").glob("*/report.html")
    links = set(re.findall(r"\.\./\.\./[^\"'<> ]*/report\.html", page.read_text()))
    assert len(links) == 6
    assert all((page.parent / link).is_file() for link in links)


@pytest.mark.slow
def test_a_config_against_its_base_and_one_that_the_base_does_not_have(clone: Path) -> None:
    done = Runner(clone, config="configs/net.yaml", base="main", seeds="0-2", arguments="--device cpu").carry_out()
    assert (done.result("exit-code"), done.result("compare-exit-code")) == ("0", "4"), done.log
    assert len(list(Path(done.result("directory"), "runs").glob("*/report.html"))) == 3


@pytest.mark.slow
@pytest.mark.parametrize("config", ["configs/new.yaml", "configs/grid.yaml"])
def test_where_nothing_can_be_compared_nothing_is(clone: Path, config: str) -> None:
    """A file that the base does not have, and one that has not changed."""
    git(clone, "fetch", "-q", "--depth=1", "origin", "slower")
    asked = {"config": config} if "new" in config else {"sweep": config}
    words = "--device cpu" if "new" in config else "--executor inline --device cpu"
    base = "main" if "new" in config else "slower"
    done = Runner(clone, **asked, base=base, arguments=words).carry_out()
    assert (done.result("exit-code"), done.result("compare-exit-code")) == ("0", ""), done.log
    assert not any(done.codes.values())
    assert "nothing to compare" in done.log


@pytest.mark.slow
def test_a_job_may_use_it_twice(clone: Path) -> None:
    """As for a config and a sweep: each has its own directory, and its own checkout of the base."""
    runner = Runner(clone, config="configs/net.yaml", base="main", arguments="--device cpu").carry_out()
    first = runner.result("directory")
    assert runner.codes["Train the base"] == 0, runner.log
    runner.inputs |= {"config": "", "sweep": "configs/grid.yaml", "arguments": "--executor inline --device cpu"}
    runner.outputs.clear()
    runner.codes.clear()
    runner.carry_out()
    assert runner.codes["Train the base"] == 0, runner.log
    assert runner.result("directory") != first
    assert not (Path(first) / "gradients.xml").exists()
    assert (Path(runner.result("directory")) / "compare.xml").is_file()


@pytest.mark.slow
def test_a_gate_that_fails_is_told_and_shown(clone: Path) -> None:
    (clone / "configs/grid.yaml").write_text(GRID.replace("== 0]", "== 1]"))
    done = Runner(clone, sweep="configs/grid.yaml", arguments="--executor inline --device cpu").carry_out()
    assert done.result("exit-code") == "4"
    assert (
        "::error file=configs/grid.yaml,line=4,title=gradlab%3A gate failed::count(outcome == failed) == 1" in done.log
    )
    assert done.codes["Write the pages"] == 0


def test_a_sweep_and_a_config_at_once_are_refused(clone: Path) -> None:
    done = Runner(clone, sweep="configs/grid.yaml", config="configs/net.yaml").carry_out()
    assert [code for code in done.codes.values() if code] == [2]
    assert "::error" in done.log
    assert len(done.codes) == 1


BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", (ROOT / "docs/ci.md").read_text(), re.DOTALL | re.MULTILINE)


def recipe(word: str) -> dict[str, str]:
    """The scripts of a recipe on docs/ci.md by their names, without what needs a package index or GitHub."""
    (document,) = [yaml.safe_load(block) for block in BLOCKS if word in block]
    steps = (
        document if isinstance(document, list) else [step for job in document["jobs"].values() for step in job["steps"]]
    )
    left_out = ("pip install", "gh pr comment")
    named = {step.get("name", step.get("run", "")): step.get("run", "") for step in steps}
    return {name: run for name, run in named.items() if run and not any(word in run for word in left_out)}


@pytest.fixture
def repository(clone: Path) -> Path:
    """A whole clone in which the recipes' own sweep and config are small ones, slower than main's."""
    origin = clone.parent / "origin"
    for branch, rate in (("main", "0.1"), ("slower", "0.001")):
        git(origin, "checkout", "-q", branch)
        (origin / "configs/sweeps").mkdir(exist_ok=True)
        (origin / "configs/sweeps/ci_gate.yaml").write_text(GRID.replace("net.yaml", "../net.yaml"))
        (origin / "configs/deep_tanh_xavier.yaml").write_text(NET.replace("lr: 0.1", f"lr: {rate}"))
        git(origin, "add", "-A")
        git(origin, "commit", "-qm", branch)
    git(clone.parent, "clone", "-q", "--branch=slower", origin.as_uri(), "whole")
    return clone.parent / "whole"


def in_bash(runner: Runner, script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=runner.clone, env=runner.environment | {"GITHUB_BASE_REF": "main"}, capture_output=True, text=True, check=False,
        timeout=300,
    )  # fmt: skip


@pytest.mark.slow
def test_the_recipe_of_a_gate_trains_and_writes_pages_that_link_to_one_another(repository: Path) -> None:
    scripts = recipe("name: gradients\non:")
    assert list(scripts) == ["Train, and judge", "Write the pages"]
    runner = Runner(repository)
    for script in scripts.values():
        done = in_bash(runner, script)
        assert done.returncode == 0, done.stdout + done.stderr
    assert (repository / "gradients.xml").is_file()
    (page,) = repository.glob("runs/sweeps/*/report.html")
    links = set(re.findall(r"\.\./\.\./[^\"'<> ]*/report\.html", page.read_text()))
    assert len(links) == 6
    assert all((page.parent / link).is_file() for link in links)


@pytest.mark.slow
@pytest.mark.parametrize("word", ["git worktree add ../base", 'git show "origin/$GITHUB_BASE_REF'])
def test_the_recipes_against_a_base_fail_where_seeds_show_that_it_is_worse(repository: Path, word: str) -> None:
    (script,) = recipe(word).values()
    done = in_bash(Runner(repository), script)
    assert done.returncode == 4, done.stdout + done.stderr
    failed = [line for line in done.stderr.splitlines() if line.startswith("::error title=gradlab%3A gate failed::")]
    assert any("final.loss > +5%25" in line for line in failed), done.stderr


def test_the_hook_checks_what_is_gradlab_s_and_nothing_else(clone: Path) -> None:
    (hook,) = HOOKS
    assert hook["id"] == "gradlab-check"
    assert hook["language"] == "python"
    assert hook["types"] == ["yaml"]
    (clone / "compose.yaml").write_text("services: {web: {image: a}}\n")
    (clone / "list.yml").write_text("- 1\n")

    def carried_out(*files: str) -> subprocess.CompletedProcess[str]:
        verb, *words = shlex.split(hook["entry"])
        assert verb == "gradlab"
        return subprocess.run(
            [sys.executable, "-m", "gradlab", *words, *files],
            cwd=clone,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )

    done = carried_out("compose.yaml", "configs/grid.yaml", "configs/net.yaml", "list.yml")
    assert done.returncode == 0, done.stderr
    assert carried_out("compose.yaml").returncode == 0
    (clone / "configs/net.yaml").write_text(NET.replace("depth", "dept"))
    done = carried_out("compose.yaml", "configs/net.yaml")
    assert done.returncode == 2
    assert "configs/net.yaml:1:9  model.dept: unknown key. Did you mean 'depth'?" in done.stderr


def test_anything_that_names_a_place_names_a_public_one() -> None:
    told: Any = (ROOT / "action.yml").read_text() + (ROOT / ".pre-commit-hooks.yaml").read_text()
    assert set(re.findall(r"https?://([^/\s]+)", told)) == {"download.pytorch.org"}
