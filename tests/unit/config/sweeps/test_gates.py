import math
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gradlab.config.condition import ConditionError, parse
from gradlab.config.experiment import run_names
from gradlab.config.logic import And, Comparison, Condition, Figure, Layers, Not, Or
from gradlab.config.sweeps.gates import Counted, Reduced, Slope, parse_gate

NO_CHANGE = (
    "change() is a difference from the first run of a comparison (compare --fail-on), and there is none here; "
    "compare the figure itself, as in final.loss > 1.5"
)
DEAD = "count(verdict == dead)"


def comparisons(condition: Condition) -> tuple[Comparison, ...]:
    """All comparisons of a condition, in the order in which they are written."""
    match condition:
        case Comparison():
            return (condition,)
        case Not(operand):
            return comparisons(operand)
        case And(operands) | Or(operands):
            return tuple(found for operand in operands for found in comparisons(operand))


def run_condition(text: str):
    return parse(text, run_names())


@pytest.mark.parametrize(
    ("text", "condition", "aggregates"),
    [
        (
            "count(verdict == vanishing) == 0",
            Comparison(Figure("count(verdict == vanishing)"), "==", 0),
            {"count(verdict == vanishing)": Counted("count", run_condition("verdict == vanishing"))},
        ),
        (
            "share( verdict==healthy )>=.9",
            Comparison(Figure("share(verdict==healthy)"), ">=", 0.9),
            {"share(verdict==healthy)": Counted("share", run_condition("verdict == healthy"))},
        ),
        (
            "spread(init.backward_decades) < inf",
            Comparison(Figure("spread(init.backward_decades)"), "<", math.inf),
            {"spread(init.backward_decades)": Reduced("spread", Figure("init.backward_decades"))},
        ),
        (
            "min(model.depth) >= 2",
            Comparison(Figure("min(model.depth)"), ">=", 2),
            {"min(model.depth)": Reduced("min", Figure("model.depth"))},
        ),
        (
            "median( max(dead_fraction) ) < 0.5",
            Comparison(Figure("median(max(dead_fraction))"), "<", 0.5),
            {"median(max(dead_fraction))": Reduced("median", Layers("max", "dead_fraction"))},
        ),
        (
            "slope(final.loss  by model.width) < -.5",
            Comparison(Figure("slope(final.loss by model.width)"), "<", -0.5),
            {"slope(final.loss by model.width)": Slope(Figure("final.loss"), "model.width")},
        ),
        (
            "slope(min(forward_rms) by train.lr) == 0",
            Comparison(Figure("slope(min(forward_rms) by train.lr)"), "==", 0),
            {"slope(min(forward_rms) by train.lr)": Slope(Layers("min", "forward_rms"), "train.lr")},
        ),
    ],
)
def test_one_aggregate(text, condition, aggregates):
    gate = parse_gate(text)
    assert (gate.text, gate.condition, gate.aggregates, gate.by) == (text, condition, aggregates, ())


def test_a_whole_condition_stands_inside():
    inner = "max(dead_fraction) > 0.5 and (any(mean_slope) < 1e-3 or not outcome == failed)"
    gate = parse_gate(f"count({inner}) < 3")
    assert gate.aggregates == {f"count({inner})": Counted("count", run_condition(inner))}


def test_aggregates_are_joined_as_names_are():
    a, b, c = f"{DEAD} == 0", "median(final.loss) < 1", "max(seed) > 2"
    parsed = [
        Comparison(Figure(text.rsplit(" ", 2)[0]), *rest) for text, *rest in ((a, "==", 0), (b, "<", 1), (c, ">", 2))
    ]
    assert parse_gate(f"{a} or {b} and not {c}").condition == Or((parsed[0], And((parsed[1], Not(parsed[2])))))
    assert parse_gate(f"not ({a} or {b})").condition == Not(Or((parsed[0], parsed[1])))
    assert list(parse_gate(f"{b} and {a} and {b}").aggregates) == ["median(final.loss)", DEAD]


def test_several_values_stand_inside_an_aggregate_and_after_it():
    inner = "verdict in (healthy, undecided)"
    gate = parse_gate(f"share({inner}) >= 0.9 where model.depth in (10, 20) by model.depth, seed")
    assert gate.aggregates == {f"share({inner})": Counted("share", run_condition(inner))}
    assert (gate.where, gate.by) == (run_condition("model.depth in (10, 20)"), ("model.depth", "seed"))
    one, other = (Comparison(Figure(DEAD), "==", number) for number in (0, 3))
    assert parse_gate(f"{DEAD} in (0, 3)").condition == Or((one, other))
    assert parse_gate(f"{DEAD} in (0)").condition == one
    unlike = tuple(Comparison(Figure(DEAD), "!=", number) for number in (0, 3))
    assert parse_gate(f"{DEAD} not in (0, 3)").condition == And(unlike)


def test_space_outside_of_quotes_is_one_blank():
    gate = parse_gate("count(\n  name  ==\t'a  b'\n  or seed==1 ) > 0")
    assert list(gate.aggregates) == ["count(name == 'a  b' or seed==1)"]


@pytest.mark.parametrize(
    ("end", "by"),
    [
        ("by model.depth", ("model.depth",)),
        ("by model.depth, model.activation", ("model.depth", "model.activation")),
        ("by model.init.scheme,seed , name", ("model.init.scheme", "seed", "name")),
    ],
)
def test_by_fields(end, by):
    assert parse_gate(f"{DEAD} == 0 and median(final.loss) < 1 {end}").by == by


def test_where_is_a_condition_over_one_run():
    chosen = "name == a or max(dead_fraction) > 0.5"
    gate = parse_gate(f"{DEAD} == 0 and mean(final.loss) < 1 where {chosen} by model.depth, seed")
    assert (gate.where, gate.by) == (run_condition(chosen), ("model.depth", "seed"))
    assert list(gate.aggregates) == [DEAD, "mean(final.loss)"]
    assert parse_gate(f"{DEAD} == 0").where is None
    assert parse_gate(f"{DEAD} == 0 where name == by").where == run_condition("name == by")


@pytest.mark.parametrize(
    ("text", "column", "reason"),
    [
        ("", 1, "expected count, share, mean, median, min, max, spread or slope, found the end"),
        ("3 < max(final.loss)", 1, "expected count, share, mean, median, min, max, spread or slope, found '3'"),
        (f"{DEAD} == 0 and", 32, "expected count, share, mean, median, min, max, spread or slope, found the end"),
        (f"{DEAD} == 0 and or", 33, "expected count, share, mean, median, min, max, spread or slope, found 'or'"),
        (f"{DEAD}", 23, "expected one of == != < <= > >= in, found the end"),
        (f"{DEAD} == healthy", 27, f"{DEAD} is a number, got 'healthy' (a word)"),
        (f"{DEAD} == 0 xor", 29, "expected 'and', 'or', 'where', 'by' or the end, found 'xor'"),
        (f"{DEAD} == 0 where", 34, "expected a name, found the end"),
        (f"{DEAD} == 0 where by seed", 35, "unknown name 'by'"),
        (f"{DEAD} == 0 where seed", 39, "expected one of == != < <= > >= in, found the end"),
        (f"{DEAD} == 0 where {DEAD} == 0", 35, "unknown name 'count': over the layers of a run there are any, min, max, median"),
        (f"{DEAD} == 0 where seed == 0 where seed == 1", 45, "expected 'and', 'or', 'by' or the end, found 'where'"),
        (f"{DEAD} == 0 by seed where seed == 0", 37, "'by' stands at the end; expected ',' or the end, found 'where'"),
        ("share(verdict == dead) in (0.5, 30)", 33, "a share is a number from 0 to 1, got 30; write 0.3 for 30 %"),
        (f"{DEAD} in (0", 29, "expected ',' or ')', found the end; "
         "in a YAML list in brackets a condition with a comma has quotes"),
        (f"{DEAD} = 0", 24, "cannot read '='; did you mean '=='?"),
        ("count(verdict == dead", 22, "expected ')', found the end"),
        ("count() > 1", 7, "expected a name, found ')'"),
        ("count(verdict, outcome) > 1", 14, "expected one of == != < <= > >= in, found ','"),
        ("count(verdict == ded) > 1", 18, "verdict is never 'ded'. Did you mean 'dead'?"),
        ("count(verdikt == dead) > 1", 7, "unknown name 'verdikt'. Did you mean 'verdict'?"),
        (f"count({DEAD} > 1) > 0", 7, "unknown name 'count': over the layers of a run there are any, min, max, median"),
        ("count > 3", 1, "count needs a condition in brackets"),
        ("max > 3", 1, "max needs the name of a number in brackets"),
        ("cuont(verdict == dead) == 0", 1, "unknown aggregate 'cuont'. Did you mean 'count'?"),
        ("std(final.loss) < 1", 1, "unknown aggregate 'std' (one of: count, share, mean, median, min, max, spread, slope)"),
        ("change(final.loss) > 5%", 1, NO_CHANGE),
        ("median(change(final.loss)) > 5", 8, NO_CHANGE),
        ("count(change(final.loss) > 5%) == 0", 7, NO_CHANGE),
        ("median(final.los) < 1", 8, "unknown name 'final.los'. Did you mean 'final.loss'?"),
        ("median(final.loss < 1) > 0", 19, "expected ')', found '<'"),
        ("median(verdict) == dead", 8,
         "verdict is a word, and median() takes a number; write count() or share() of a condition"),
        ("max(data.standardize) > 0", 5,
         "data.standardize is true or false, and max() takes a number; write count() or share() of a condition"),
        ("max(dead_fraction) > 1", 5,
         "dead_fraction has a value for every layer; count runs by it, as in count(max(dead_fraction) > 0.5) == 0"),
        ("spread(mean_slope) > 1", 8,
         "mean_slope has a value for every layer; count runs by it, as in count(any(mean_slope) > 0.5) == 0"),
        ("slope > 3", 1, "slope needs the name of a number and 'by' with a config field in brackets"),
        ("slope() > 3", 7, "unknown name ')'"),
        ("slope(final.loss) > 3", 17,
         "expected 'by' and a config field, as in slope(final.loss by model.width), found ')'"),
        ("slope(final.loss over model.width) > 3", 18,
         "expected 'by' and a config field, as in slope(final.loss by model.width), found 'over'"),
        ("slope(final.los by model.width) > 3", 7, "unknown name 'final.los'. Did you mean 'final.loss'?"),
        ("slope(final.loss by) > 3", 20, "expected a config field, found ')'"),
        ("slope(final.loss by model.widht) > 3", 21,
         "expected a config field, found 'model.widht'. Did you mean 'model.width'?"),
        ("slope(final.loss by final.accuracy) > 3", 21,
         "final.accuracy is a result; runs are split by config fields such as model.depth"),
        ("slope(final.loss by model.activation) > 3", 21,
         "model.activation is not a number; a slope is over one, as in slope(final.loss by model.width)"),
        ("slope(final.loss by train.dtype.loss_scale) > 3", 21,
         "train.dtype.loss_scale is not a number; a slope is over one, as in slope(final.loss by model.width)"),
        ("slope(final.loss by model.width, seed) > 3", 32, "expected ')', found ','"),
        ("slope(verdict by model.width) > 3", 7,
         "verdict is a word, and slope() takes a number; write count() or share() of a condition"),
        ("slope(dead_fraction by model.width) > 3", 7,
         "dead_fraction has a value for every layer; write max(dead_fraction), or min() or median() over the layers"),
        ("slope(any(dead_fraction) by model.width) > 3", 7,
         "any() has no value; slope() takes min(), max() or median() over the layers"),
        ("mean(any(dead_fraction)) > 3", 6,
         "any() has no value; mean() takes min(), max() or median() over the layers"),
        ("max(median(final.loss)) > 3", 12, "final.loss has one value; write it without median()"),
        ("slope(final.loss by model.width) > 0 by seed, model.width", 47,
         "model.width does not vary where members are split by it, and slope(final.loss by model.width) needs it to"),
        ("slope(final.loss by model.width) > large", 36,
         "slope(final.loss by model.width) is a number, got 'large' (a word)"),
        (f"{DEAD} > +5%", 26, "+5% is a change against a first run, and there is none here"),
        ("share(verdict == dead) < +0.1", 26,
         "+0.1 is a change against a first run, and there is none here; for the number itself write 0.1"),
        ("count(final.loss > +5%) > 1", 20, "+5% is a change against a first run, and there is none here"),
        ("share(verdict == healthy) > 90", 29, "a share is a number from 0 to 1, got 90; write 0.9 for 90 %"),
        ("share(verdict == healthy) > 90%", 29, "a share is a number from 0 to 1, got 90%; write 0.9"),
        ("share(verdict == healthy) > .inf%", 29, "a share is a number from 0 to 1, got .inf%"),
        ("share(verdict == healthy) > -0.1", 29, "a share is a number from 0 to 1, got -0.1"),
        ("share(verdict == healthy) < inf", 29, "a share is a number from 0 to 1, got inf"),
        (f"{DEAD} == 0 by", 31, "expected a config field, found the end"),
        (f"{DEAD} == 0 by model.depth,", 44, "expected a config field, found the end"),
        (f"{DEAD} == 0 by model.dept", 32, "expected a config field, found 'model.dept'. Did you mean 'model.depth'?"),
        (f"{DEAD} == 0 by 3", 32, "expected a config field, found '3'"),
        (f"{DEAD} == 0 by verdict", 32, "verdict is a result; runs are split by config fields such as model.depth"),
        (f"{DEAD} == 0 by seed, seed", 38, "seed stands there twice"),
        (f"{DEAD} == 0 by seed name", 37, "'by' stands at the end; expected ',' or the end, found 'name'"),
        (f"{DEAD} == 0 by seed and {DEAD} == 0", 37, "'by' stands at the end; expected ',' or the end, found 'and'"),
        (f"({DEAD} == 0 by seed)", 30, "expected ')', found 'by'"),
        ("not (" * 30 + f"{DEAD} == 0", 126, "nested more than 50 deep"),
        ("count(" + "not " * 60 + "seed == 0) == 0", 207, "nested more than 50 deep"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named_with_its_column(text, column, reason):
    with pytest.raises(ConditionError) as caught:
        parse_gate(text)
    assert (caught.value.column, caught.value.reason) == (column, reason)
    assert caught.value.text == text


@pytest.mark.parametrize(
    ("text", "column", "instead"),
    [
        ("verdict == healthy", 1, "count(verdict != healthy) == 0 or share(verdict == healthy) > 0.9"),
        (
            "verdict in (healthy, undecided)",
            1,
            "count(verdict not in (healthy, undecided)) == 0 or share(verdict in (healthy, undecided)) > 0.9",
        ),
        (
            "any(dead_fraction) not in (0, 1)",
            1,
            "count(any(dead_fraction) in (0, 1)) == 0 or share(any(dead_fraction) not in (0, 1)) > 0.9",
        ),
        ("not verdict != healthy", 5, "count(verdict == healthy) == 0 or share(verdict != healthy) > 0.9"),
        ("final.accuracy>0.9", 1, "median(final.accuracy) > 0.9 or share(final.accuracy>0.9) == 1"),
        ("any(dead_fraction) > 0.5", 1, "count(any(dead_fraction) > 0.5) == 0 or share(any(dead_fraction) > 0.5) == 1"),
        (f"{DEAD} == 0 and seed == 3", 33, "count(seed != 3) == 0 or share(seed == 3) > 0.9"),
    ],
)
def test_a_condition_on_one_run_is_refused_with_what_to_write_over_all(text, column, instead):
    with pytest.raises(ConditionError) as caught:
        parse_gate(text)
    assert caught.value.column == column
    assert f"belongs to one run, and a gate is about all of them; write {instead}, or put it" in caught.value.reason
    for remedy in instead.split(" or "):
        parse_gate(remedy)


def test_a_condition_on_one_run_has_its_own_faults_first():
    for text, reason in (
        ("verdikt == healthy", "unknown name"),
        ("verdict == helthy", "never"),
        ("any > 3", "unknown"),
    ):
        with pytest.raises(ConditionError, match=reason):
            parse_gate(text)


def test_what_a_gate_may_say_a_run_may_not():
    for text in (f"{DEAD} == 0", "verdict == dead by seed", "seed == 0, seed == 1", "spread(final.loss) < 1"):
        with pytest.raises(ConditionError):
            run_condition(text)


def test_a_comma_after_a_condition_is_refused():
    with pytest.raises(ConditionError) as caught:
        run_condition("seed == 3 ,x")
    assert (caught.value.column, caught.value.reason) == (11, "expected 'and', 'or' or the end, found ','")


def test_the_examples_of_the_reference_page_can_be_read():
    page = (Path(__file__).parents[4] / "docs/gates.md").read_text()
    example = yaml.safe_load(re.search(r"```yaml\n(.*?)```", page, re.DOTALL)[1])
    shown = re.findall(r"^\| `(.*?)` \| `", page, re.MULTILINE)
    assert (len(example["gates"]), len(shown)) == (7, 5)
    for text in (*example["gates"], *shown):
        parse_gate(text)
    for text in example["expect"]:
        run_condition(text)


PIECES = (
    "count(", "share(", "mean(", "median(", "where", "min(", "spread(", "any(", ")", "(", "not", "and", "or", "by", ",", "==", "<",
    "verdict", "healthy", "final.loss", "dead_fraction", "model.depth", "data.standardize", "3", "0.5", "+5%", "90%", ".inf%", "-inf",
    "slope(", "'a b'", "$", "in", "in (3, 0.5)", "not in (healthy)",
)  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=14).map(" ".join))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_any_text_is_read_or_refused_with_a_place_in_it(text):
    fault, gate = None, None
    try:
        gate = parse_gate(text)
    except ConditionError as error:
        fault = error
    if gate is None:
        assert fault is not None
        assert fault.reason
        assert 1 <= fault.column <= len(text) + 1
    else:
        assert {str(comparison.term) for comparison in comparisons(gate.condition)} == set(gate.aggregates) != set()
