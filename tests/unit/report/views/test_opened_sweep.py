"""Which of a sweep's runs are listed and drawn, and in which order."""

from collections import Counter

import pytest
from made.opened_sweeps import opened
from made.sweeps import failed, grid, member

from gradlab.report.views.opened_sweep import LEAST_OF_A_WORD, MOST_LISTED, sample, worst_first
from gradlab.report.words.verdicts import word_of


def test_worst_first_goes_by_the_word_and_then_by_how_far_the_gradient_falls() -> None:
    members = [
        member({}, verdict="healthy", number=0),
        member({}, verdict="vanishing", decades=-3.0, number=1),
        member({}, verdict="vanishing", decades=float("-inf"), number=2),
        member({}, verdict="vanishing", decades=-30.0, number=3),
        failed({}, "no memory", number=4),
        member({}, verdict="vanishing", decades=None, number=5),
    ]
    assert [int(run.id, 16) for _, run in worst_first(members)] == [4, 2, 3, 1, 5, 0]


def test_few_members_are_all_drawn() -> None:
    members = grid({"a": [1, 2]}, lambda point, seed: {}, 3)
    assert sample(members, 6) == {run.id for _, run in members}


def test_of_many_each_verdict_has_its_share_and_a_rare_one_a_few() -> None:
    words = ["healthy"] * 700 + ["vanishing"] * 280 + ["dead"] * 15 + ["diverged"] * 5
    members = [member({}, verdict=word, number=place) for place, word in enumerate(words)]
    found = sample(members, 100)
    drawn = Counter(word_of(run) for _, run in members if run.id in found)
    assert drawn == {"healthy": 70, "vanishing": 28, "dead": LEAST_OF_A_WORD, "diverged": 5}
    assert sample(members, 100) == found


def test_the_sample_of_a_verdict_is_spread_over_all_of_its_members() -> None:
    members = [member({}, verdict="vanishing", decades=-float(place), number=place) for place in range(1000)]
    found = sorted(
        -(run.summary.final["backward_decades"] or 0.0) for _, run in members if run.id in sample(members, 11)
    )
    assert found == pytest.approx([99.9 * place for place in range(11)], abs=0.51)


def test_of_more_than_can_be_listed_the_worst_and_the_drawn_ones_are() -> None:
    words = ["healthy"] * 1500 + ["vanishing"] * 1500
    members = [member({}, verdict=word, number=place) for place, word in enumerate(words)]
    sweep = opened(members, lambda place: None)
    listed = [run.id for _, run in sweep.listed]
    assert len(listed) == len(set(listed)) <= MOST_LISTED
    assert set(sweep.drawn) <= set(listed)
    worst = [run.id for _, run in worst_first(members)]
    assert listed[: MOST_LISTED - len(sweep.drawn)] == worst[: MOST_LISTED - len(sweep.drawn)]
    assert [worst.index(one) for one in listed] == sorted(worst.index(one) for one in listed)
