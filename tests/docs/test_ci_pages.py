"""What docs/ci.md and the workflows say can be done: their YAML parses, and every command in them is one that gradlab takes."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from gradlab.cli.amounts import seconds_of, shard_of
from gradlab.cli.main import app
from gradlab.config.condition import parse
from gradlab.config.experiment import run_names
from gradlab.config.logic import Change, Comparison
from gradlab.config.sweeps import sweep

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/ci.md").read_text()
ACTIONS = {
    "./",
    "actions/checkout@v4",
    "actions/setup-python@v5",
    "actions/cache/restore@v4",
    "actions/cache/save@v4",
    "actions/upload-artifact@v4",
    "actions/download-artifact@v4",
}
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
DOCUMENTS = {f"docs/ci.md, block {number}": text for number, (kind, text) in enumerate(BLOCKS, 1) if kind == "yaml"}
DOCUMENTS |= {str(path.relative_to(ROOT)): path.read_text() for path in (ROOT / ".github/workflows").glob("*.yml")}
WORKFLOWS = {place: document for place, text in DOCUMENTS.items() if "jobs" in (document := yaml.safe_load(text))}


def steps_of(document: Any) -> list[dict[str, Any]]:
    """The steps of all jobs of a workflow, or of a list of steps."""
    if isinstance(document, list):
        return document
    return [step for job in document.get("jobs", {}).values() for step in job["steps"]]


def scripts_of(document: Any) -> list[str]:
    """What runs in a shell: of GitHub's steps, or of GitLab's jobs."""
    scripts = [step["run"] for step in steps_of(document) if "run" in step]
    if isinstance(document, dict):
        scripts += [line for job in document.values() if isinstance(job, dict) for line in job.get("script", [])]
    return scripts


def commands_in(text: str) -> list[str]:
    """Lines that begin with gradlab, with what GitHub would put in the place of its expressions."""
    text = re.sub(r"\$\{\{ matrix\.shard \}\}", "1", text)
    return [line.removeprefix("$ ") for line in text.splitlines() if line.removeprefix("$ ").startswith("gradlab ")]


def all_commands() -> list[str]:
    """Every command of the page and the workflows; blocks of YAML are read as YAML."""
    scripts = [script for text in DOCUMENTS.values() for script in scripts_of(yaml.safe_load(text))]
    blocks = [text for kind, text in BLOCKS if not kind]
    quoted = re.findall(r"sh '(gradlab .*?)'", PAGE)
    return [command for text in (*scripts, *blocks, *quoted) for command in commands_in(text)]


@pytest.mark.parametrize("place", DOCUMENTS)
def test_yaml_parses(place: str) -> None:
    assert isinstance(yaml.safe_load(DOCUMENTS[place]), dict | list)


def test_the_page_and_this_repository_have_workflows() -> None:
    assert sum(place.startswith("docs/ci.md") for place in WORKFLOWS) == 3
    assert ".github/workflows/gradients.yml" in WORKFLOWS


@pytest.mark.parametrize("place", DOCUMENTS)
def test_steps_use_known_actions_or_run_something(place: str) -> None:
    for step in steps_of(yaml.safe_load(DOCUMENTS[place])):
        assert ("uses" in step) != ("run" in step), step
        assert step.get("uses") in {None, *ACTIONS}, step
        assert set(step) <= {"name", "if", "uses", "with", "run", "env", "timeout-minutes"}, step


@pytest.mark.parametrize("place", WORKFLOWS)
def test_jobs_need_jobs_that_are_there_and_cannot_last_for_ever(place: str) -> None:
    workflow = WORKFLOWS[place]
    assert True in workflow, "GitHub's `on`, which YAML 1.1 takes for true"
    for name, job in workflow["jobs"].items():
        assert job.get("needs", name) in workflow["jobs"]
        inner = [step["timeout-minutes"] for step in job["steps"] if "timeout-minutes" in step]
        assert all(minutes < job["timeout-minutes"] for minutes in inner)


@pytest.mark.parametrize("place", WORKFLOWS)
def test_what_the_sweep_writes_is_shown_and_kept_where_the_gate_fails_too(place: str) -> None:
    steps = steps_of(WORKFLOWS[place])
    after = [step for step in steps if step.get("uses") in {"actions/cache/save@v4", "actions/upload-artifact@v4"}]
    after += [step for step in steps if "gradlab report" in step.get("run", "")]
    assert len(after) >= 2 or steps[-1]["uses"] == "./", "the composite action does it"
    assert all("always()" in step["if"] for step in after)
    handed = [step["with"]["path"] for step in after if "runs/sweeps/" in step.get("with", {}).get("path", "")]
    assert all("runs/*/report.html" in path for path in handed), "a sweep's page links to its members'"


def test_inputs_of_the_composite_action_are_those_that_it_has() -> None:
    used = [step for document in WORKFLOWS.values() for step in steps_of(document) if step.get("uses") == "./"]
    known = yaml.safe_load((ROOT / "action.yml").read_text())["inputs"]
    assert used
    assert all(step["with"].keys() <= known.keys() for step in used)
    table = PAGE.split("| input | default |")[1].split("\n\n")[0]
    assert {
        name for row in table.splitlines() for name in re.findall(r"`([a-z-]+)`", row.split("|")[1])
    } == known.keys()


@pytest.mark.parametrize("place", WORKFLOWS)
def test_a_cache_is_saved_under_the_key_that_it_was_looked_for(place: str) -> None:
    def settings(action: str) -> list[dict[str, str]]:
        return [step["with"] for step in steps_of(WORKFLOWS[place]) if step.get("uses") == f"actions/cache/{action}@v4"]

    restored, saved = settings("restore"), settings("save")
    assert len(restored) == len(saved)
    for before, after in zip(restored, saved, strict=True):
        assert (before["key"], before["path"]) == (after["key"], after["path"])
        assert before["key"].startswith(before["restore-keys"])


def test_a_matrix_of_shards_is_the_whole() -> None:
    (job,) = [job for workflow in WORKFLOWS.values() for job in workflow["jobs"].values() if "strategy" in job]
    shards = job["strategy"]["matrix"]["shard"]
    (script,) = [step["run"] for step in job["steps"] if "--shard" in step.get("run", "")]
    assert shards == list(range(1, len(shards) + 1))
    assert f"--shard ${{{{ matrix.shard }}}}/{len(shards)}" in script


@pytest.mark.parametrize("command", sorted(set(all_commands())))
def test_commands_parse(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    verb, *words = shlex.split(command, comments=True)[1:]
    group = typer.main.get_command(app)
    context = group.commands[verb].make_context(verb, words)  # type: ignore[attr-defined]
    config = str(context.params.get("config", ""))
    if config.startswith("configs/"):
        assert (ROOT / config).is_file()
    if context.params.get("shard"):
        number, count = shard_of(context.params["shard"])
        assert 1 <= number <= count
    if context.params.get("timeout"):
        assert seconds_of(context.params["timeout"]) > 0
    for condition in context.params.get("fail_on") or ():
        compared = parse(condition, run_names(), changes=True)
        assert isinstance(compared, Comparison)
        assert isinstance(compared.value, Change), "a bare negative number is no change"


def test_there_are_commands_of_every_kind() -> None:
    text = "\n".join(all_commands())
    for word in ("--junit", "--summary", "--shard 1/4", "--shard 3/3", "--timeout", "gradlab run", "gradlab compare"):
        assert word in text, word


def test_sweeps_that_the_page_shows_are_sweeps() -> None:
    shown = [document for text in DOCUMENTS.values() if "gates" in (document := yaml.safe_load(text))]
    assert shown
    for document in shown:
        found = sweep.from_mapping(document, folder=ROOT / "configs/sweeps")
        assert len(found.gates) == len(document["gates"])
        assert len(found.members) == 10


def test_the_sweep_that_guards_this_repository_is_small() -> None:
    found = sweep.load(ROOT / "configs/sweeps/ci_gate.yaml")
    assert 20 <= len(found.members) <= 40
    assert len(found.gates) >= 8
    assert "configs/sweeps/ci_gate.yaml" in (ROOT / ".github/workflows/gradients.yml").read_text()
    assert "configs/sweeps/ci_gate.yaml" in (ROOT / "Makefile").read_text()
