"""Gates of random pairs of groups: the exit code is what the table and the means come to, and the table has the row that failed."""

import json
import math
import operator
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made.random_groups import Leaf, leaves, make_condition, make_pair, outcome_of, save_all, value

from gradlab.cli.main import main
from gradlab.execution import rejudge
from gradlab.results.stored import StoredRun

OPERATORS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
UNTOLD = ("better", "same", "cannot tell", "too few seeds", "not comparable")
_VERDICTS = ("diverged", "vanishing", "undecided", "not_judged", "healthy")
_OUTCOMES = ("failed", "diverged", "completed")
Group = Sequence[StoredRun]


def mean(group: Group, name: str) -> float | None:
    values = [number for run in group if (number := value(run, name)) is not None]
    return (
        None
        if not values
        else math.inf
        if math.inf in values and not any(map(math.isnan, values))
        else sum(values) / len(values)
    )


def not_finite(run: StoredRun) -> bool:
    return not all(number is None or math.isfinite(number) for number in run.summary.final.values())


def meets(leaf: Leaf, first: Group, other: Group) -> bool | None:
    """Whether the bare means meet a condition on a change; None where there is no change."""
    before, now = mean(first, leaf.name), mean(other, leaf.name)
    if before is None or now is None:
        return None
    limit = before + (abs(before) * leaf.number / 100 if leaf.percent else leaf.number)
    return bool(OPERATORS[leaf.operator](now, limit))


def as_it_stands(leaf: Leaf, group: Group) -> int:
    """1 where a comparison that is no change holds of a side, else -1."""
    if leaf.name in ("verdict", "outcome"):
        words = [run.summary.verdict if leaf.name == "verdict" else run.summary.outcome.kind for run in group]
        order: tuple[str, ...] = _VERDICTS if leaf.name == "verdict" else _OUTCOMES
        worst = min(words, key=order.index)
        return 1 if OPERATORS[leaf.operator](worst, leaf.text.split()[-1]) else -1
    if leaf.name == "max(dead_fraction)":
        now: float | None = max(number for run in group if (number := value(run, leaf.name)) is not None)
    else:
        now = mean(group, leaf.name)
    return 1 if now is not None and OPERATORS[leaf.operator](now, leaf.number) else -1


def told_by(table: dict[str, Any], leaf: Leaf, first: Group, other: Group) -> int:
    """What a change comes to by the figures of the table and the means: 1 fails, 0 cannot be told, -1 does not hold."""
    met = meets(leaf, first, other)
    row = next((row for row in table["figures"] if row["figure"] == leaf.name), None)
    item = None if row is None else row["differences"][0]
    if item is None:
        return 0
    judgement, interval = item["judgement"], item["interval"]
    now = mean(other, leaf.name)
    if leaf.name.startswith("init."):
        assert judgement is None
        return 0 if met else -1
    if judgement == "worse":
        toward = {"final.accuracy": ("<", "<="), "final.backward_decades": ("<", "<=", ">", ">=")}
        lost = (now is None or math.isnan(now)) and leaf.operator in toward.get(leaf.name, (">", ">="))
        return 1 if met or lost else -1
    if not met or judgement in ("better", "same"):
        return -1
    if leaf.name == "train.lr":
        return 1
    if judgement is not None or interval is None:
        return 0
    low, high = interval
    upward = {">": True, ">=": True, "<": False, "<=": False}.get(leaf.operator)
    beyond = low > 0 or high < 0 if upward is None else low > 0 if upward else high < 0
    return 1 if beyond else 0 if low <= 0 <= high and (low, high) != (0.0, 0.0) else -1


def bare(leaf: Leaf, first: Group, other: Group) -> int:
    """What a leaf comes to by the bare figures; layers of all seeds are taken together there."""
    if not leaf.change:
        return as_it_stands(leaf, other)
    if leaf.name == "max(dead_fraction)":
        before, now = (max(value(run, leaf.name) or 0.0 for run in group) for group in (first, other))
        limit = before + (abs(before) * leaf.number / 100 if leaf.percent else leaf.number)
        return 1 if OPERATORS[leaf.operator](now, limit) else -1
    return 1 if meets(leaf, first, other) else -1


def bare_holds(tree: Any, first: Group, other: Group) -> bool:
    """A condition by the bare figures: two-valued, its negations where they stand."""
    if isinstance(tree, Leaf):
        return bare(tree, first, other) == 1
    kind, parts = tree
    held = [bare_holds(part, first, other) for part in parts]
    return not held[0] if kind == "not" else all(held) if kind == "and" else any(held)


def check_pair(number: int, root: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Everything that must hold of one random pair; the states of its gates."""
    rng = np.random.default_rng(number)
    first, other = make_pair(rng)
    ids = save_all([*first, *other], root)
    conditions = [make_condition(rng) for _ in range(3)]
    gates = [word for _, text in conditions for word in ("--fail-on", text)]

    def gradlab(*words: str) -> tuple[int, str]:
        code = main(["compare", *ids, *words, "--out", str(root)])
        return code, capsys.readouterr().out

    code, out = gradlab(*gates, "--format", "json")
    found = json.loads(out)
    assert [side["seeds"] for side in found["sides"]] == [[run.seed for run in group] for group in (first, other)]

    def told(leaf: Leaf) -> int:
        return told_by(found, leaf, first, other) if leaf.change else as_it_stands(leaf, other)

    states = {1: "failed", 0: "cannot tell", -1: "passed"}
    expected = [states[outcome_of(tree, told)] for tree, _ in conditions]
    broken = any(run.summary.outcome.kind != "completed" or not_finite(run) for run in (*first, *other))
    one_seed = min(len(first), len(other)) == 1 and not broken
    diverged = [{run.summary.outcome.kind == "diverged" for run in group} for group in (first, other)]
    for gate, state, (tree, text) in zip(found["gates"], expected, conditions, strict=True):
        # That a run diverged is said where its last finite figure does not meet the condition; it changes no exit code.
        if True in diverged[1] and True not in diverged[0] and "diverged" in gate["because"]:
            assert (gate["state"], state) in {("cannot tell", "passed"), ("cannot tell", "cannot tell")}, text
        else:
            assert gate["state"] == state, (text, gate)
        changes = [leaf for leaf in leaves(tree) if leaf.name != "train.lr"]
        if one_seed and all(leaf.change for leaf in changes) and len(changes) == len(leaves(tree)):
            assert gate["state"] != "failed", text
    assert code == (4 if "failed" in expected else 0)
    for words in ([], ["--changed-only"]):
        code, out = gradlab(*gates, *words)
        assert code == (4 if "failed" in expected else 0)
        lines = {line.split()[0]: line for line in reversed(out.splitlines()) if line.strip()}
        for gate, (tree, text) in zip(found["gates"], conditions, strict=True):
            if gate["state"] != "failed":
                continue
            assert set(gate["rows"]) <= set(lines), (text, out)
            if isinstance(tree, Leaf) and tree.change:
                assert gate["rows"] == [tree.name]
                assert not any(word in lines[tree.name] for word in UNTOLD), (text, out)
    anyway = [word for _, text in conditions for word in ("--fail-on-any", text)]
    code, out = gradlab(*anyway, "--format", "json")
    held = [bare_holds(tree, first, other) for tree, _ in conditions]
    assert [not gate["passed"] for gate in json.loads(out)["gates"]] == held, [text for _, text in conditions]
    assert code == (4 if any(held) else 0)
    return [gate["state"] for gate in found["gates"]]


def check_pairs(numbers: Sequence[int], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, int]:
    states = [state for number in numbers for state in check_pair(number, tmp_path / str(number), capsys)]
    return {state: states.count(state) for state in ("failed", "cannot tell", "passed")}


@pytest.fixture(autouse=True)
def as_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs keep the figures that they were made with, which no record of theirs has."""
    monkeypatch.setattr(rejudge, "judged_anew", lambda run, advise: run)


def test_a_few_random_pairs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert min(check_pairs(range(1000, 1008), tmp_path, capsys).values()) > 0


@pytest.mark.slow
def test_two_hundred_random_pairs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    counts = check_pairs(range(200), tmp_path, capsys)
    assert min(counts.values()) > 40, counts
