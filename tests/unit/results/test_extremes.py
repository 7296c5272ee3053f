"""What a summary holds of quantities over the layers, beside what the tables say."""

import json
import math

import numpy as np
import pytest
from made.judged_runs import record

import gradlab
from gradlab.config.condition import parse
from gradlab.config.experiment import run_names
from gradlab.config.logic import evaluate
from gradlab.config.quantities import LAYER_NAMES
from gradlab.judgement.conditions import listed
from gradlab.judgement.conditions.expectations import over_layers
from gradlab.results import tables
from gradlab.results.extremes import extremes, held_extremes
from gradlab.results.store import Store

RUN = {"model": {"depth": 4, "width": 8, "activation": "relu"}, "train": {"steps": 5}}


@pytest.fixture
def stored(tmp_path):
    return gradlab.run(RUN, seeds=range(2), out=tmp_path)


def edit(run, change):
    path = run.path / "summary.json"
    held = json.loads(path.read_text())
    change(held)
    path.write_text(json.dumps(held))


@pytest.mark.parametrize("lr", [0.1, 1e30])
def test_a_run_holds_what_its_tables_say(tmp_path, lr):
    [run] = gradlab.run(RUN, out=tmp_path, **{"train.lr": lr})
    held = json.loads((run.path / "summary.json").read_text())["over_layers"]
    for name in LAYER_NAMES:
        values = [value for value in over_layers(tables.read_layer_quantity(run.path, name), name) if value is not None]
        found = held_extremes(held, name)
        assert found == ([min(values), float(np.median(values)), max(values)] if values else [])


@pytest.mark.parametrize("seed", range(20))
def test_conditions_over_extremes_are_those_over_the_layers(seed):
    draw = np.random.default_rng(seed)
    made = record(
        depth=int(draw.integers(1, 7)), dead=draw.choice([0.0, 0.25, 0.5, 1.0], size=10)[: draw.integers(1, 7)][0]
    )
    made.layers["dead_fraction"].values[:] = draw.choice(
        [0.0, 0.25, 0.5, 1.0], size=made.layers["dead_fraction"].values.shape
    )
    every = over_layers(made, "dead_fraction")
    held = held_extremes(extremes(made), "dead_fraction")
    for reduction in ("any", "min", "max", "median"):
        for operator in ("<", "<=", ">", ">=", "!=", *(() if reduction == "any" else ("==",))):
            for value in (0, 0.25, 0.3, 0.375, 0.5, 1):
                condition = parse(f"{reduction}(dead_fraction) {operator} {value}", run_names())
                assert (
                    evaluate(condition, {"dead_fraction": held}.get)[0]
                    == evaluate(condition, {"dead_fraction": every}.get)[0]
                )


def test_a_layer_without_a_number_sends_to_the_tables():
    made = record(depth=3)
    made.layers["dead_fraction"].values[:, 1] = math.nan
    assert extremes(made)["dead_fraction"] is None
    assert held_extremes(extremes(made), "dead_fraction") is None


def test_nothing_recorded_has_no_extremes():
    assert extremes(None) == {}


def test_a_list_opens_no_table_for_the_extremes(stored, tmp_path):
    for run in stored:
        (run.path / tables.LAYERS).unlink()
    store = Store(tmp_path)
    assert len(listed.matching(store, store.runs(), "max(dead_fraction) <= 1 and any(grad_norm) < 1e9")) == 2
    [value, _] = listed.RunValues(store).column(store.runs(), "max(dead_fraction)")
    assert 0 <= value <= 1


def test_whether_any_layer_is_one_value_is_asked_of_the_tables(stored, tmp_path):
    store = Store(tmp_path)
    last = over_layers(tables.read_layer_quantity(stored[0].path, "weight_norm"), "weight_norm")
    middle = sorted(last)[1]
    [found] = listed.matching(store, store.runs(), f"any(weight_norm) == {middle!r}")
    assert found.path == stored[0].path


@pytest.mark.parametrize(
    "change",
    [
        lambda held: held.pop("over_layers"),
        lambda held: held["over_layers"].update(dead_fraction=None),
        lambda held: held["over_layers"].update(dead_fraction="damaged"),
        lambda held: held["over_layers"].update(dead_fraction=[{}, [], "x"]),
        lambda held: held["over_layers"].update(dead_fraction=7),
    ],
    ids=["older", "nan", "a word", "no numbers", "a number"],
)
def test_what_a_summary_does_not_hold_is_read_from_the_tables(change, stored, tmp_path):
    before = listed.RunValues(Store(tmp_path)).column(Store(tmp_path).runs(), "max(dead_fraction)")
    for run in stored:
        edit(run, change)
    assert listed.RunValues(Store(tmp_path)).column(Store(tmp_path).runs(), "max(dead_fraction)") == before


def test_no_table_is_opened_of_a_run_that_something_else_leaves_out(stored, tmp_path, monkeypatch):
    for run in stored:
        edit(run, lambda held: held.pop("over_layers"))
    opened = []
    read = tables.read_layer_quantity
    monkeypatch.setattr(tables, "read_layer_quantity", lambda *given: opened.append(given[0]) or read(*given))
    store = Store(tmp_path)
    runs = store.runs()
    assert [run.seed for run in listed.matching(store, runs, "seed == 1 and max(dead_fraction) <= 1")] == [1]
    assert len(opened) == 1
    assert len(listed.matching(store, runs, "seed >= 0 or max(dead_fraction) > 1")) == 2
    assert listed.matching(store, runs, "not (seed >= 0 or max(dead_fraction) > 1)") == []
    assert len(opened) == 1


def test_of_many_older_runs_it_is_said_how_long_their_tables_take(stored, tmp_path):
    runs = Store(tmp_path).runs()
    assert listed.tables_notice(runs * 2000, "max(dead_fraction) > 0") is None
    for run in stored:
        edit(run, lambda held: held.pop("over_layers"))
    runs = Store(tmp_path).runs() * 2000
    assert listed.tables_notice(runs, "final.loss > 0") is None
    assert listed.tables_notice(runs[:100], "max(dead_fraction) > 0") is None
    assert listed.tables_notice(runs, "max(dead_fraction) > 0") == (
        "an older version stored 4,000 of these runs: what is asked of their layers is in their tables, and to open so many takes about "
        "8 s or more; a run that the rest of the condition leaves out is not opened, as in: name == NAME and ..."
    )
