"""The labelled networks: what plain training measures of them, and that every one of them has been measured."""

import math
from collections import Counter
from typing import Any

import pytest
import torch

from benchmarks.diagnosis import network_labels
from benchmarks.diagnosis.case import LABELS, Case, Family, cases_of, config
from benchmarks.diagnosis.families import networks
from benchmarks.diagnosis.modules import Module, label_of, measure


def case(label: Any, **fields: Any) -> Case:
    (only,) = cases_of(Family("a family", label, "a reason", "measured", {"a case": config(**fields)}))
    return only


def test_every_case_has_been_measured_and_counts_where_it_was_borne_out() -> None:
    keys = {network_labels.key_of(own, variant): own.label for own in networks.families() for variant in own.cases}
    assert set(network_labels.known()) == set(keys)
    assert all(label in (None, keys[key]) for key, (label, _) in network_labels.known().items())
    assert all(bool(why) == (label is None) for label, why in network_labels.known().values())
    counted = Counter((own.family.label, own.family.half) for own in network_labels.cases())
    wanted = [(label, half) for label in LABELS if label != "undecided" for half in ("development", "held out")]
    assert all(counted[each] >= 8 for each in wanted), counted
    names = [own.name for own in network_labels.cases((0, 1))]
    assert len(names) == len(set(names)) == 2 * counted.total()


@pytest.mark.parametrize("norm", [None, "batch", "layer"])
def test_the_reach_is_the_rms_of_the_whole_batchs_gradient_at_each_state(norm: str | None) -> None:
    """One batch as large as the data, written out: B times the mean loss's gradient. float64, 1e-10."""
    own = case("healthy", depth=4, width=7, norm=norm, residual=0.5, source="wine", batch=142)
    module = Module(own, 1)
    assert len(module.inputs) == 142
    found = module.state(module.begun)
    network = module.begun.double()
    states, x = [], module.inputs.double()
    for row in network.rows:
        x = row(x)
        x.retain_grad()
        states.append(x)
    loss = module.losses(network.readout(network.top(x)), module.targets).mean()
    loss.backward()
    assert found.loss == pytest.approx(loss.item(), rel=1e-10)
    for reach, state in zip(found.reach, states, strict=True):
        assert state.grad is not None
        assert 10**reach == pytest.approx((142 * state.grad).square().mean().sqrt().item(), rel=1e-10)


def test_units_and_entries_without_a_slope_are_counted_where_phi_is_applied() -> None:
    """A stream that the stem's bias holds below zero: dead wherever phi reads it, unless a normalisation comes between."""
    init = {"scheme": "he", "bias": -30}
    below = Module(case("dead", init=init, depth=3, residual=1), 1)
    assert below.state(below.begun).dead == [1.0, 1.0, 1.0]
    mended = Module(case("dead", init=init, depth=3, residual=1, norm="layer"), 1)
    assert max(mended.state(mended.begun).dead) < 0.9


def test_a_frozen_half_stays_as_it_was() -> None:
    own = case("healthy", depth=4, width=8, norm="batch", residual={"scale": 0.0, "learned": True}, steps=3)
    module = Module(own, 1)
    _, network = module.train(frozen=2)
    for row, (now, was) in enumerate(zip(network.rows, module.begun.rows, strict=True)):
        same = all(torch.equal(one, other) for one, other in zip(now.parameters(), was.parameters(), strict=True))
        assert same == (row < 2)


def test_a_label_is_given_where_training_bears_it_out_and_no_other() -> None:
    fields: dict[str, Any] = {
        "activation": "sigmoid",
        "init": "lecun",
        "depth": 12,
        "width": 24,
        "norm": "layer",
        "lr": 0.02,
        "steps": 30,
    }
    assert label_of(case("vanishing", **fields)) == ("vanishing", "")
    label, why = label_of(case("healthy", **fields))
    assert label is None
    assert why.startswith("vanishing: ")
    seen = measure(case("vanishing", **fields), 1).seen
    # 0.41 decades a layer over 11 layers; ± the scatter of 24 units.
    assert seen.decades[0] == pytest.approx(11 * 0.5 * math.log10(0.152827), abs=0.8)
