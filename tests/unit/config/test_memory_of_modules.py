"""What is known of the memory of a module of one's own before it is built: its data."""

import pytest

from gradlab.config import memory
from gradlab.config.memory import DataSize
from gradlab.config.reading import document
from gradlab.errors import ConfigError
from gradlab.execution.check import check

OWN = {"model": {"kind": "module", "build": "mine.nets:build"}}


def own(**settings):
    return document.from_mapping(OWN, settings)


def test_the_data_are_in_it_and_the_network_is_not():
    found = own(**{"data.source": "noise", "data.samples": 100_000, "data.features": 50})
    [extent] = check([found.experiment], lambda experiment: found)
    dense = document.from_mapping(
        {"model": {"depth": 1, "width": 1, "activation": "tanh"}, "data": found.experiment.data.model_dump()}
    )
    size = DataSize(80_000, 50, 10)
    estimate, whole = memory.estimate(found.experiment, size), memory.estimate(dense.experiment, size)
    assert (estimate.data, estimate.loading) == (whole.data, whole.loading)
    assert (estimate.weights, estimate.signals, estimate.jacobian) == (0, 0, 0)
    assert extent.memory_bytes == estimate.total > 200e6


def test_data_that_cannot_fit_are_refused_before_they_are_drawn():
    with pytest.raises(
        ConfigError, match=r"data\.samples: needs at least .* of memory \(data .*, record .*\), and this machine has"
    ):
        own(**{"data.source": "noise", "data.samples": 10**10})


def test_of_batches_of_ones_own_nothing_is_known():
    found = own(**{"data": {"source": "module", "build": "mine.data:loader"}})
    [extent] = check([found.experiment], lambda experiment: found)
    assert extent.memory_bytes is None
    assert memory.refusal(found.experiment, limit=1) is None
