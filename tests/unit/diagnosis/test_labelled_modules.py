"""The labelled modules of the benchmark: how many there are, that their labels are borne out, and that looking at them changes nothing."""

from collections import Counter

import pytest
import torch

from benchmarks.diagnosis.own import recording
from benchmarks.diagnosis.own.cases import cases, constructed
from benchmarks.diagnosis.own.measuring import Seen, State, known, label_of, state
from benchmarks.diagnosis.own.nets import HandMadeCell, Perceptron
from benchmarks.diagnosis.own.peers import TOOLS
from benchmarks.diagnosis.own.training import Own, train
from gradlab.execution.rejudge import judged

VERDICTS = {"diverged", "dead", "exploding", "vanishing", "saturated", "not_learning", "healthy"}


def named(name: str) -> Own:
    (found,) = [own for own in cases() if own.name == name]
    return found


def test_there_are_enough_of_each() -> None:
    every = cases()
    for group, fewest in (("development", 40), ("held out", 40), ("later", 40), ("third", 40)):
        labels = Counter(own.label for own in every if own.group == group)
        assert set(labels) == VERDICTS
        assert sum(labels.values()) >= fewest


def test_the_third_set_has_four_of_each_and_fifteen_healthy() -> None:
    labels = Counter(own.label for own in cases() if own.group == "third")
    assert set(labels) == VERDICTS
    assert min(labels.values()) >= 4
    assert labels["healthy"] >= 15


def test_every_case_has_one_name_and_was_measured() -> None:
    names = [own.name for own in constructed()]
    assert len(names) == len(set(names))
    assert set(known()) == set(names)


def test_a_label_needs_its_margin() -> None:
    own = named("small weights, relu: twenty")
    calm = State(0.1, None, 0.0, 0.0)
    lost = State(-3.1, None, 0.0, 0.0)
    assert label_of(own, Seen(True, lost, lost, 0.0, 0.001, None))[0] == "vanishing"
    assert label_of(own, Seen(True, State(-2.9, None, 0.0, 0.0), lost, 0.0, 0.001, None))[0] is None
    assert label_of(own, Seen(True, lost, lost, 0.0, 0.01, None))[0] is None
    assert label_of(own, Seen(True, calm, calm, 0.5, None, None))[0] == "healthy"
    assert label_of(own, Seen(True, calm, calm, 0.2, None, None))[0] is None
    assert label_of(own, Seen(True, calm, calm, 0.0, None, 0.0))[0] == "not_learning"
    assert label_of(own, Seen(True, calm, calm, 0.0, None, 0.2))[0] is None
    assert label_of(own, Seen(False, calm, None, 0.0, None, None))[0] == "diverged"


def test_decades_of_linear_layers_are_those_of_their_weights() -> None:
    own = named("perceptron of functions: relu")
    net = Perceptron(3, functional_act=True)
    with torch.no_grad():
        for lin in net.lins:
            lin.weight.copy_(0.1 * torch.eye(*lin.weight.shape))
            lin.bias.fill_(1.0)  # every unit is on
    found = state(own, net)
    assert found.decades == pytest.approx(-2.0, abs=1e-6)  # 0.1 in float32


def test_a_cut_sequence_sends_nothing_to_its_first_half() -> None:
    torch.manual_seed(0)
    net, x = HandMadeCell("tanh", 1.0, 1, 2), torch.randn(4, 10, 1, requires_grad=True)
    net.cut = True
    net(x).sum().backward()
    assert x.grad is not None
    assert not x.grad[:, :5].any()
    assert x.grad[:, 5:].any()


@pytest.mark.parametrize("name", ["small weights, relu: twenty", "one layer dead: the second of five"])
def test_judged_and_looked_at_without_changing_it(name: str) -> None:
    own = named(name)
    kept = recording.watched(own)
    assert judged(kept.experiment, kept.record, kept.outcome).verdict == own.label
    assert all(tool.says(kept.peer) in tool.can_say for tool in TOOLS)
    alone = train(own, own.begun(recording.DRAW), order=recording.DRAW)
    assert alone.losses == kept.peer.loss.tolist()
