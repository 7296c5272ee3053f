"""What an activation costs: the arithmetic of the measurement, and what it leaves as it was."""

import pytest
import torch

from gradlab.config import catalogue
from gradlab.config.experiment import Activation
from gradlab.network import activation_cost as measured
from gradlab.network.activation_cost import NUM_ELEMENTS, NUM_REPEATS, cost


@pytest.mark.parametrize("name", catalogue.ACTIVATIONS)
def test_every_activation_can_be_timed(name: str) -> None:
    found = cost(Activation.model_validate(name))
    assert 1e-3 < found.forward_ns < 1e3
    assert 1e-3 < found.backward_ns < 1e3


def test_threads_are_as_before() -> None:
    before = torch.get_num_threads()
    cost(Activation(name="tanh"))
    assert torch.get_num_threads() == before


def test_nanoseconds_are_the_median_stretch_over_calls_and_elements(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that each call moves on by a millisecond, and every third timed stretch by a second more."""
    now, stretches, calls = 0.0, 0, 0

    def call() -> None:
        nonlocal now, calls
        now += 1e-3
        calls += 1

    def clock() -> float:
        nonlocal now, stretches
        stretches += 1
        if stretches > 4 and stretches % 6 == 0:  # of a third of the pairs, the second reading
            now += 1.0
        return now

    monkeypatch.setattr(measured.time, "thread_time", clock)
    assert measured._nanoseconds(call) == pytest.approx(1e-3 / NUM_ELEMENTS * 1e9, rel=1e-9)
    assert calls == 1 + 2 + 2 * NUM_REPEATS  # warmed until a stretch lasts 2 ms


def test_prelu_is_timed_as_the_stack_computes_it() -> None:
    """More passes than relu's; the difference is far beyond noise."""
    relu, prelu = cost(Activation(name="relu")), cost(Activation(name="prelu"))
    assert prelu.forward_ns > 1.3 * relu.forward_ns
    assert prelu.backward_ns > 1.3 * relu.backward_ns
