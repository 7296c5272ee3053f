"""Gates of a comparison: what fails, what passes, and what cannot be told."""

import math
from typing import Any

import pytest

from gradlab.config.catalogue import OutcomeKind, Verdict
from gradlab.config.condition import ConditionError, parse
from gradlab.config.experiment import run_names
from gradlab.judgement.comparing.difference import Difference, Judgement
from gradlab.judgement.comparing.gates import ComparedGate, GatedSide, Gates, gate_notices, inward, judge_gates
from gradlab.judgement.comparing.rows import AS_SET, Row

WORSE = Row("final.loss", (2.0, 2.4), (Difference(0.4, 20.0, (0.2, 0.6), "worse"),))
UNSURE = Row("final.holdout_loss", (2.0, 2.4), (Difference(0.4, 20.0, (-0.1, 0.9), "cannot tell", "paired by seed"),))
SAME = Row("final.accuracy", (0.9, 0.9), (Difference(0.0, 0.0, (-0.001, 0.001), "same"),))
ROWS = (WORSE, UNSURE, SAME)

FAILED, CANNOT, PASSED = "final.loss > +5%", "final.holdout_loss > +5%", "final.accuracy < -5%"
STATES = {FAILED: "failed", CANNOT: "cannot tell", PASSED: "passed"}


def side(verdict: Verdict = "healthy", outcome: OutcomeKind = "completed") -> GatedSide:
    return GatedSide(verdict, (), verdict, outcome)


def judged(text: str, *rows: Row) -> ComparedGate:
    ((label, gate),) = judge_gates(Gates.read([text], ()), (side(), side("vanishing")), rows or ROWS)
    assert label == "vanishing"
    assert gate.passed is (gate.state != "failed")
    assert (gate.text, gate.bare) == (text, False)
    return gate


def row(name: str, values: tuple[float | None, float | None], **changes: Any) -> Row:
    first, other = values
    if first is None or other is None:
        return Row(name, values, (None,))
    amount = 0.0 if first == other else other - first
    given = {"percent": None, "interval": None, "judgement": None, **changes}
    return Row(name, values, (Difference(amount, **given),))


@pytest.mark.parametrize("text", STATES)
@pytest.mark.parametrize("other", STATES)
def test_and_and_or_are_kleenes(text: str, other: str) -> None:
    order = ["passed", "cannot tell", "failed"]
    own = sorted((STATES[text], STATES[other]), key=order.index)
    assert judged(f"{text} and {other}").state == own[0]
    assert judged(f"{text} or {other}").state == own[1]


def test_every_further_side_is_judged() -> None:
    changes = (Difference(0.0, 0.0, (-0.01, 0.01), "same"), Difference(0.4, 20.0, (0.2, 0.6), "worse"))
    sides = (side(), side("undecided"), side("vanishing"))
    found = judge_gates(
        Gates.read([FAILED], ["verdict == undecided"]), sides, [Row("final.loss", (2.0, 2.0, 2.4), changes)]
    )
    assert [(label, gate.state) for label, gate in found] == [
        ("undecided", "passed"),
        ("undecided", "failed"),
        ("vanishing", "failed"),
        ("vanishing", "passed"),
    ]


def test_not_stands_inside_of_what_it_negates() -> None:
    names = run_names()

    def read(text: str) -> Any:
        return parse(text, names, changes=True)

    assert inward(read(f"not ({FAILED} or {PASSED})")) == inward(read(f"not {FAILED} and not {PASSED}"))
    assert inward(read(f"not ({FAILED} and {PASSED})")) == read("final.loss <= +5% or final.accuracy >= -5%")
    assert inward(read(f"not not {FAILED}")) == read(FAILED)
    for operator, opposite in {"==": "!=", "<": ">=", ">": "<="}.items():
        assert inward(read(f"not final.loss {operator} +5%")) == read(f"final.loss {opposite} +5%")
        assert inward(read(f"not final.loss {opposite} +5%")) == read(f"final.loss {operator} +5%")
    plain = "not (verdict == dead or final.loss > 3)"
    assert inward(read(plain)) == read("not verdict == dead and not final.loss > 3")


@pytest.mark.parametrize(
    ("text", "state"),
    [
        (f"not {FAILED}", "passed"),
        (f"not {CANNOT}", "passed"),
        (f"not {PASSED}", "passed"),  # it is the same, however the condition is turned
        (f"not ({PASSED} and {CANNOT})", "passed"),
        ("not final.loss <= +5%", "failed"),
        ("not (final.loss <= +5% or final.accuracy < -5%)", "passed"),
        ("not final.holdout_loss <= +5%", "cannot tell"),
        ("not (verdict == healthy or final.loss <= +5%)", "failed"),
        ("not verdict == vanishing", "passed"),
        ("not verdict == healthy", "failed"),
    ],
)
def test_negated_gates(text: str, state: str) -> None:
    assert judged(text).state == state


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("verdict == vanishing", "failed"),
        ("verdict == exploding", "passed"),
        ("outcome in (failed, interrupted)", "passed"),
        (f"verdict == vanishing and {CANNOT}", "cannot tell"),
        (f"verdict == exploding and {CANNOT}", "passed"),
        (f"verdict == vanishing or {CANNOT}", "failed"),
        (f"verdict == exploding or {CANNOT}", "cannot tell"),
    ],
)
def test_what_is_no_change_is_judged_as_it_stands(text: str, state: str) -> None:
    assert judged(text).state == state


@pytest.mark.parametrize("judgement", ["better", "worse", "same", "cannot tell", "too few seeds", "not comparable"])
@pytest.mark.parametrize(
    "text", ["final.loss > +5%", "change(final.loss) > 0.1", "final.loss != +1%", "final.loss > +50%"]
)
def test_a_change_fails_only_where_the_table_says_worse(text: str, judgement: Judgement) -> None:
    item = row("final.loss", (2.0, 2.4), judgement=judgement, because="a reason")
    gate = judged(text, item)
    if text.endswith("50%") or judgement in ("better", "same"):
        assert gate.state == "passed"
    elif judgement == "worse":
        assert gate.state == "failed"
    else:
        assert (gate.state, gate.because) == ("cannot tell", f"{judgement}: a reason")
        assert bool(gate.remedy) is (
            judgement != "cannot tell"
        )  # of which more seeds would tell nothing, for it has no interval
    assert (gate.rows == ("final.loss",)) is (gate.state != "passed")


@pytest.mark.parametrize(
    ("compared", "interval", "state"),
    [
        ("< -1", (-5.0, -1.0), "failed"),
        ("< -1", (-5.0, 0.5), "cannot tell"),
        ("< -1", None, "cannot tell"),
        ("< -9", (-5.0, -1.0), "passed"),
        ("> -9", (-5.0, -1.0), "passed"),  # it fell, for certain
        ("> -9", (-5.0, 0.5), "cannot tell"),
        ("!= 0", (-5.0, -1.0), "failed"),
        ("!= 0", (-5.0, 1.0), "cannot tell"),
        ("== -3", (-5.0, -1.0), "failed"),
    ],
)
def test_a_figure_of_which_nothing_is_wanted_goes_by_its_interval(compared: str, interval: Any, state: str) -> None:
    item = row("learning_layers", (10.0, 7.0), interval=interval)
    assert judged(f"change(learning_layers) {compared}", item).state == state


def test_no_change_for_certain_passes() -> None:
    assert (
        judged("change(learning_layers) >= 0", row("learning_layers", (7.0, 7.0), interval=(0.0, 0.0))).state
        == "passed"
    )


def test_figures_of_one_batch_never_fail_by_their_change() -> None:
    item = row("init.accuracy", (0.016, 0.047), because="one batch")
    gate = judged("init.accuracy > +5%", item)
    assert (gate.state, gate.because) == ("cannot tell", "figures of one batch are no evidence")
    assert "compare it with a number" in gate.remedy
    assert judged("init.accuracy < -5%", item).state == "passed"


def test_what_the_config_says_needs_no_seeds() -> None:
    item = row("train.lr", (0.1, 0.2), because=AS_SET)
    assert judged("train.lr > +50%", item).state == "failed"
    assert judged("train.lr > +150%", item).state == "passed"


@pytest.mark.parametrize("values", [(None, 2.0), (2.0, None)])
def test_without_a_value_there_is_nothing_to_tell(values: tuple[float | None, float | None]) -> None:
    gate = judged("final.loss > +5%", row("final.loss", values))
    assert (gate.state, gate.because) == ("cannot tell", "no value on one side")
    assert judged("not final.loss > +5%", row("final.loss", values)).state == "cannot tell"
    assert judged("final.loss > +5%", SAME).state == "cannot tell"


def test_what_is_no_number_any_more_is_beyond_any_limit() -> None:
    lost = row("final.loss", (2.0, math.nan), judgement="worse", because="1 of 1 not finite")
    assert judged("final.loss > +5%", lost).state == "failed"
    assert judged("final.loss < -5%", lost).state == "passed"
    gone = Row("final.loss", (2.0, None), (Difference(math.nan, None, None, "worse", "1 of 1 diverged"),))
    assert judged("final.loss > +5%", gone).state == "failed"
    infinite = row("final.backward_decades", (-3.0, -math.inf), judgement="worse", because="1 of 1 not finite")
    assert judged("final.backward_decades < -5%", infinite).state == "failed"
    assert judged("final.backward_decades > +5%", infinite).state == "passed"


def test_what_decided_is_told() -> None:
    assert judged(FAILED).actual == "2.4 (first: 2)"
    gate = judged(f"{CANNOT} and verdict == vanishing")
    assert gate.actual == "final.holdout_loss = 2.4 (first: 2), verdict = vanishing"
    assert gate.because == "final.holdout_loss: its interval holds no change"
    assert gate.rows == ("final.holdout_loss", "verdict")
    assert judged(f"{FAILED} or {CANNOT}").rows == ("final.loss",)
    assert judged(f"{FAILED} or {CANNOT}").because == ""


@pytest.mark.parametrize(
    ("text", "notice"),
    [
        ("final.loss < -5%", "a lower final.loss is better, and --fail-on fails on what is worse; "
         "--fail-on-any judges the bare change"),
        ("not final.accuracy < +1%", "a higher final.accuracy is better, and --fail-on fails on what is worse; "
         "--fail-on-any judges the bare change"),
        ("final.accuracy < -0.03", "final.accuracy is never below 0, so final.accuracy < -0.03 never holds; "
         "a drop of 0.03 is change(final.accuracy) < -0.03"),
        ("final.loss < +5%", "change(final.loss) < 5% is met where nothing changes, and --fail-on says what must not be: "
         "it fails only where final.loss is worse"),
        ("not final.backward_decades < -1.5", None),
        ("not change(final.backward_decades) < -1.5", "change(final.backward_decades) >= -1.5 is met where nothing changes, "
         "and --fail-on says what must not be: it fails only where final.backward_decades is worse"),
        ("final.loss > +5%", None),
        ("change(final.loss) != 0", None),
        ("final.backward_decades > +1", None),
        ("verdict == dead", None),
    ],
)  # fmt: skip
def test_what_can_never_fail_is_noticed(text: str, notice: str | None) -> None:
    found = gate_notices(Gates.read([text], ()), (side(), side()))
    assert found == (() if notice is None else (notice,))


def test_what_it_fails_on_is_for_the_bare_figures_to_say() -> None:
    assert gate_notices(Gates.read((), ["final.loss < +5%"]), (side(), side())) == ()


def test_an_improvement_may_fail_by_the_bare_figures() -> None:
    assert gate_notices(Gates.read((), ["final.loss < -5%"]), (side(), side())) == ()


def test_a_condition_that_cannot_be_read() -> None:
    for given in (["final.los > 1"], ()), ((), ["change(verdict) > 1"]):
        with pytest.raises(ConditionError):
            Gates.read(*given)
