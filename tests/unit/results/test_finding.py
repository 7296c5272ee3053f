"""A finding whose remedy is looked for when it is read: once, and as if it had been there from the beginning."""

import copy
import pickle
from dataclasses import asdict, replace

import pytest

from gradlab.errors import UsageError
from gradlab.results.finding import Finding, Remedy

WHOLE = Finding("dead", "critical", (1, 2), 0, 1.0, 0.5, "why", "do this", (Remedy({"train.lr": 0.1}, "smaller"),))
BARE = replace(WHOLE, remedy="", remedies=())


class Found:
    """Finds the whole finding, and counts how often."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> Finding:
        self.times += 1
        return WHOLE


@pytest.fixture
def found() -> Found:
    return Found()


@pytest.fixture
def later(found: Found) -> Finding:
    return BARE.advised_later(found)


def test_what_was_seen_is_there_without_looking_for_a_remedy(later: Finding, found: Found) -> None:
    assert (later.rule, later.severity, later.layers, later.since_step) == ("dead", "critical", (1, 2), 0)
    assert (later.value, later.limit, later.message) == (1.0, 0.5, "why")
    assert found.times == 0


def test_a_remedy_is_looked_for_once(later: Finding, found: Found) -> None:
    assert [later.remedies, later.remedy, later.remedies] == [WHOLE.remedies, "do this", WHOLE.remedies]
    assert found.times == 1
    assert vars(later) == vars(WHOLE)  # nothing is held any longer


@pytest.mark.parametrize(
    "same",
    [
        lambda one: one,
        repr,
        asdict,
        lambda one: replace(one, severity="warning"),
        copy.copy,
        copy.deepcopy,
        lambda one: pickle.loads(pickle.dumps(one)),
    ],
    ids=["equal", "repr", "asdict", "replace", "copy", "deepcopy", "pickle"],
)
def test_whoever_wants_all_of_it_gets_it(same: object, later: Finding) -> None:
    assert callable(same)
    assert same(later) == same(WHOLE)


def test_a_remedy_that_cannot_be_found_is_told_each_time_it_is_asked_for() -> None:
    def gone() -> Finding:
        raise UsageError("runs/net: is gone")

    later = BARE.advised_later(gone)
    for name in ("remedy", "remedies", "remedy"):
        with pytest.raises(UsageError, match="is gone"):
            getattr(later, name)


def test_another_name_is_none_of_it(later: Finding, found: Found) -> None:
    with pytest.raises(AttributeError, match="'Finding' object has no attribute 'remedie'"):
        later.remedie  # noqa: B018  # type: ignore[attr-defined]
    assert found.times == 0
