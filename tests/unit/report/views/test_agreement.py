"""How far the seeds of one experiment agree."""

import json
from typing import Any

import pytest
from made.sweeps import failed, member

from gradlab.report.views.groups import Group, group_object, lines, over_seeds, spread_words, verdict_words
from gradlab.results import strict_json

EXPECTED = {"expected_backward_decades": -30.0, "typical_backward_decades": -30.05, "expected_spread": 0.14}


def group(*words: str, **told: Any) -> Group:
    (found,) = over_seeds([member({}, seed, verdict=word, **told)[1] for seed, word in enumerate(words)])
    return found


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["vanishing"] * 5, "vanishing (5 of 5 seeds)"),
        (["healthy", "healthy", "healthy", "exploding", "healthy"], "healthy 4 of 5; seed 3 exploding"),
        (["healthy", "dead", "healthy", "dead", "healthy"], "healthy 3 of 5; seeds 1 and 3 dead"),
        (["healthy", "dead", "healthy", "exploding", "healthy"], "healthy 3 of 5; seed 1 dead; seed 3 exploding"),
        (["healthy", "dead"], "dead 1 of 2; seed 0 healthy"),
        (["healthy"] * 6 + ["dead"] * 5, "healthy 6 of 11; seeds 6, 7, 8 and 2 more dead"),
    ],
)
def test_the_verdict_carries_its_agreement(words: list[str], said: str) -> None:
    assert verdict_words(group(*words)) == said


def test_a_run_that_failed_is_one_of_them() -> None:
    runs = [member({}, 0, verdict="healthy")[1], failed({}, "no", seed=1)[1], member({}, 2, verdict="healthy")[1]]
    (found,) = over_seeds(runs)
    assert verdict_words(found) == "healthy 2 of 3; seed 1 failed"


def test_one_run_is_no_group() -> None:
    assert over_seeds([member({}, 0)[1]]) == ()


def test_the_spread_that_was_seen_stands_beside_the_expected_one() -> None:
    runs = [member({}, seed, decades=-30.0 + 0.1 * seed, **EXPECTED)[1] for seed in range(3)]
    (found,) = over_seeds(runs)
    said = "init.backward_decades: median -29.90, expected -30.05; spread seen 0.10, expected 0.14"
    assert lines(found) == ["vanishing (3 of 3 seeds)", said]
    assert spread_words(group("healthy", "healthy")) == ""  # theory is silent
    infinite = [member({}, seed, decades=float("-inf") if seed else -30.0, **EXPECTED)[1] for seed in range(3)]
    assert spread_words(over_seeds(infinite)[0]) == ""  # one finite value has no spread
    some = [member({}, seed, decades=float("-inf") if seed == 1 else -30.0, **EXPECTED)[1] for seed in range(3)]
    assert "spread seen 0.00 (2 of 3 finite), expected 0.14" in spread_words(over_seeds(some)[0])


def test_programs_get_the_same() -> None:
    found = group_object(group("healthy", "exploding", "healthy", **EXPECTED))
    json.loads(strict_json.dumps(found))
    assert (found["verdict"], found["num_agreeing"], found["seeds"]) == ("healthy", 2, [0, 1, 2])
    assert found["agreement"] == "healthy 2 of 3; seed 1 exploding"
    assert found["verdicts"] == {"healthy": [0, 2], "exploding": [1]}
    assert found["figures"]["init.backward_decades"] == {"median": -30.0, "spread": 0.0, "num_finite": 3}
    assert {name: found[name] for name in EXPECTED} == pytest.approx(EXPECTED)
