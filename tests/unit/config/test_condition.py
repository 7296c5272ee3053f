import contextlib
import math
import re

import numpy as np
import pytest

from gradlab.config.condition import ConditionError, Kind, parse
from gradlab.config.experiment import run_names
from gradlab.config.logic import And, Change, Comparison, Figure, Layers, Not, Or, evaluate, field_value

NAMES = {
    "depth": Kind("number"),
    "lr": Kind("number"),
    "loss": Kind("number"),
    "name": Kind("word"),
    "verdict": Kind("word", ("healthy", "vanishing")),
    "on": Kind("flag"),
    "dead": Kind("layers"),
}
VALUES = {
    "depth": 5,
    "lr": 0.1,
    "loss": None,
    "name": "a-b.c",
    "verdict": "healthy",
    "on": True,
    "dead": [0.5, None, 0.1, 0.3],
}


def holds(text: str, **values: object) -> bool:
    return evaluate(parse(text, NAMES), {**VALUES, **values}.get)[0]


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("depth<=3", Comparison(Figure("depth"), "<=", 3)),
        ("  lr == 1e-3 ", Comparison(Figure("lr"), "==", 0.001)),
        ("lr > -.5", Comparison(Figure("lr"), ">", -0.5)),
        ("lr > -inf", Comparison(Figure("lr"), ">", -math.inf)),
        ("lr < .inf", Comparison(Figure("lr"), "<", math.inf)),
        ("name == 'two words'", Comparison(Figure("name"), "==", "two words")),
        ('name == "x"', Comparison(Figure("name"), "==", "x")),
        ("on == false", Comparison(Figure("on"), "==", False)),
        ("max(dead) > 0.9", Comparison(Layers("max", "dead"), ">", 0.9)),
        ("not (on == true)", Not(Comparison(Figure("on"), "==", True))),
        ("verdict in (healthy, 'vanishing')", Comparison(Figure("verdict"), "in", ("healthy", "vanishing"))),
        ("depth  not in(1,-2.5 , inf)", Comparison(Figure("depth"), "not in", (1, -2.5, math.inf))),
        ("not depth in (3)", Not(Comparison(Figure("depth"), "in", (3,)))),
        ("on in (true, false)", Comparison(Figure("on"), "in", (True, False))),
        ("any(dead) in (0, 1)", Comparison(Layers("any", "dead"), "in", (0, 1))),
        ("name == in", Comparison(Figure("name"), "==", "in")),
        ("name in (in, 'in')", Comparison(Figure("name"), "in", ("in", "in"))),
    ],
)
def test_parse(text, parsed):
    assert parse(text, NAMES) == parsed


def test_and_binds_closer_than_or_and_not_closest():
    a, b, c = (Comparison(Figure("depth"), "==", number) for number in (1, 2, 3))
    assert parse("depth == 1 or depth == 2 and not depth == 3", NAMES) == Or((a, And((b, Not(c)))))
    assert parse("(depth == 1 or depth == 2) and depth == 3", NAMES) == And((Or((a, b)), c))
    assert parse("depth == 1 and depth == 2 and depth == 3", NAMES) == And((a, b, c))


def test_and_or_not_and_in_are_read_in_capitals_too_and_stay_values_elsewhere():
    assert parse(
        "NOT depth == 1 AND (depth == 2 OR verdict IN (healthy)) and verdict NOT IN (vanishing)", NAMES
    ) == parse("not depth == 1 and (depth == 2 or verdict in (healthy)) and verdict not in (vanishing)", NAMES)
    assert parse("name == AND", NAMES) == Comparison(Figure("name"), "==", "AND")


@pytest.mark.parametrize(
    ("text", "column", "reason"),
    [
        ("", 1, "expected a name, found the end"),
        ("depth", 6, "expected one of == != < <= > >= in, found the end"),
        ("depth >", 8, "expected a value, found the end"),
        ("depth > 3 4", 11, "expected 'and', 'or' or the end, found '4'"),
        ("depth > 3 < 5", 11, "expected 'and', 'or' or the end, found '<'"),
        ("3 < depth", 1, "expected a name, found '3'"),
        ("depth = 3", 7, "cannot read '='; did you mean '=='?"),
        ("depth > $", 9, "cannot read '$'"),
        ("depth > 3 && lr > 2", 11, "cannot read '&&'; did you mean 'and'?"),
        ("depth > 3 || lr > 2", 11, "cannot read '||'; did you mean 'or'?"),
        ("verdict in [healthy]", 12, "cannot read '[healthy]'; values stand in parentheses, as in (a, b)"),
        ("depth > 90%", 9, "90% is a change against a first run, and there is none here; a share is written 0.9"),
        ("dpeth > 3", 1, "unknown name 'dpeth'. Did you mean 'depth'?"),
        ("depth > three", 9, "depth is a number, got 'three' (a word)"),
        ("depth > '3'", 9, "depth is a number, got \"'3'\""),
        ("depth > nan", 9, "depth is a number, got 'nan' (a word)"),
        ("verdict > healthy", 9, "verdict is a word; compare it with ==, != or in"),
        ("verdict == 3", 12, "verdict is a word, got the number 3"),
        ("verdict == helthy", 12, "verdict is never 'helthy'. Did you mean 'healthy'?"),
        ("verdict == xyz", 12, "verdict is never 'xyz' (one of: healthy, vanishing)"),
        ("on == yes", 7, "on is true or false, got 'yes'"),
        ("on < true", 4, "on is true or false; compare it with ==, != or in"),
        ("dead > 0.5", 1, "dead has a value for every layer; "
         "write one of any(dead), min(dead), max(dead), median(dead)"),
        ("max(depth) > 3", 5, "depth has one value; write it without max()"),
        ("max(dead > 3", 10, "expected ')', found '>'"),
        ("max > 3", 1, "unknown name 'max'"),
        ("(depth > 3", 11, "expected ')', found the end"),
        ("depth > 3)", 10, "expected 'and', 'or' or the end, found ')'"),
        ("depth > 3 and", 14, "expected a name, found the end"),
        ("and depth > 3", 1, "expected a name, found 'and'"),
        ("name == and", 9, "expected a value, found 'and'"),
        ("depth > +5%", 9, "+5% is a change against a first run, and there is none here"),
        ("depth > +5", 9, "+5 is a change against a first run, and there is none here; for the number itself write 5"),
        ("verdict in healthy", 12, "expected '(', found 'healthy'"),
        ("verdict in ()", 13, "expected a value, found ')'"),
        ("verdict in (healthy,)", 21, "expected a value, found ')'"),
        ("verdict in (healthy vanishing)", 21, "expected ',' or ')', found 'vanishing'"),
        ("verdict in (healthy", 20, "expected ',' or ')', found the end; "
         "in a YAML list in brackets a condition with a comma has quotes"),
        ("verdict in (healthy, helthy)", 22, "verdict is never 'helthy'. Did you mean 'healthy'?"),
        ("verdict in (healthy, 3)", 22, "verdict is a word, got the number 3"),
        ("depth in (3, three)", 14, "depth is a number, got 'three' (a word)"),
        ("depth in ((3))", 11, "expected a value, found '('"),
        ("depth in (+5%)", 11, "+5% is a change against a first run, and there is none here"),
        ("depth not", 7, "expected one of == != < <= > >= in, found 'not'"),
        ("depth 'in' (3)", 7, "expected one of == != < <= > >= in, found \"'in'\""),
        ("depth not 'in' (3)", 7, "expected one of == != < <= > >= in, found 'not'"),
        ("depth > 3, lr > 2", 10, "expected 'and', 'or' or the end, found ','"),
        ("__import__('os') == 1", 1,
         "unknown name '__import__': over the layers of a run there are any, min, max, median"),
        ("mean(dead) > 1", 1, "unknown name 'mean': over the layers of a run there are any, min, max, median"),
        ("lr.depth > 1", 1, "unknown name 'lr.depth'. Did you mean 'depth'?"),
        ("(" * 60 + "depth > 3", 51, "nested more than 50 deep"),
        ("not " * 60 + "depth > 3", 201, "nested more than 50 deep"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named_with_its_column(text, column, reason):
    with pytest.raises(ConditionError) as caught:
        parse(text, NAMES)
    assert (caught.value.column, caught.value.reason) == (column, reason)
    assert str(caught.value).isprintable()
    assert caught.value.exit_code == 2


def test_a_condition_without_end_is_refused():
    with pytest.raises(ConditionError, match="longer than 2000 characters"):
        parse("depth > 3 or " * 1000 + "depth > 3", NAMES)


def test_long_chains_need_no_recursion():
    assert holds(" or ".join(["depth > 9"] * 150 + ["depth == 5"]))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("depth == 5", True), ("depth != 5", False), ("depth < 5", False), ("depth <= 5", True), ("depth > 4", True),
        ("depth >= 6", False), ("verdict == healthy", True), ("verdict != healthy", False), ("name == a-b.c", True),
        ("on == true", True), ("on != true", False), ("not depth == 5", False),
        ("any(dead) > 0.4", True), ("any(dead) > 0.5", False), ("min(dead) == 0.1", True), ("max(dead) == 0.5", True),
        ("median(dead) == 0.3", True),
        ("verdict in (vanishing, healthy)", True), ("verdict in (vanishing)", False), ("verdict not in (vanishing)", True),
        ("verdict not in (vanishing, healthy)", False), ("depth in (4, 5.0)", True), ("depth in (4, 6)", False),
        ("on in (false)", False), ("on not in (false)", True), ("max(dead) in (0.5, 1)", True),
        ("any(dead) in (0.3, 9)", True), ("any(dead) in (9)", False), ("any(dead) not in (0.1, 0.3, 0.5)", False),
        ("verdict in (healthy) and depth not in (3) or lr > 9", True),
    ],
)  # fmt: skip
def test_evaluate(text, expected):
    assert holds(text) is expected


@pytest.mark.parametrize("compared", ["== 3", "!= 3", "< 3", "<= 3", "> 3", ">= 3", "in (3)", "not in (3, 4)"])
def test_no_value_is_false_and_says_so(compared):
    assert evaluate(parse(f"loss {compared}", NAMES), VALUES.get) == (False, "no value")
    for reduction in ("any", "min", "max", "median"):
        condition = parse(f"{reduction}(dead) {compared}", NAMES)
        assert evaluate(condition, {"dead": [None, None]}.get) == (False, "no value")
        assert evaluate(condition, {"dead": None}.get) == (False, "no value")


def test_infinite_and_undefined_values():
    assert holds("loss < -15", loss=-math.inf)
    assert holds("loss == -inf", loss=-math.inf)
    assert not holds("loss < 3", loss=math.nan)
    assert not holds("max(dead) < 3", dead=[1.0, math.nan])
    assert evaluate(parse("loss < -15", NAMES), {"loss": -math.inf}.get) == (True, "-inf")


@pytest.mark.parametrize(
    ("text", "actual"),
    [
        ("depth > 9", "5"),
        ("lr > 9", "0.1"),
        ("lr in (1, 9)", "0.1"),
        ("verdict not in (healthy)", "healthy"),
        ("on == false", "true"),
        ("any(dead) > 0.9", "0.1 to 0.5"),
        ("any(dead) > 0.2", "0.3 to 0.5"),
        ("depth > 9 and verdict == healthy", "depth = 5, verdict = healthy"),
        ("not median(dead) > 1", "median(dead) = 0.3"),
    ],
)
def test_actual_values_in_words(text, actual):
    assert evaluate(parse(text, NAMES), VALUES.get)[1] == actual


@pytest.mark.parametrize(
    ("text", "first", "now", "expected"),
    [
        ("loss > +5%", 2.0, 2.2, True),
        ("loss > +5%", 2.0, 2.05, False),
        ("loss > +5%", -2.0, -1.8, True),  # the share is of the magnitude, so a rise is a rise
        ("loss < -5%", 2.0, 1.8, True),
        ("loss > +0.3", 2.0, 2.4, True),
        ("loss > +0.3", 2.0, 2.2, False),
        ("loss > +5%", None, 2.0, False),
        ("loss > +5%", -math.inf, 2.0, False),
        ("loss > 1", 5.0, 2.0, True),
    ],
)
def test_change_against_the_first_run(text, first, now, expected):
    condition = parse(text, NAMES, changes=True)
    assert evaluate(condition, {"loss": now}.get, {"loss": first}.get)[0] is expected


def test_change_of_layers_and_its_limits():
    condition = parse("max(dead) > +0.1", NAMES, changes=True)
    assert condition == Comparison(Layers("max", "dead"), ">", Change(0.1, False))
    assert evaluate(condition, {"dead": [0.5]}.get, {"dead": [0.3]}.get) == (True, "0.5 (first: 0.3)")
    for text, reason in [
        ("any(dead) > +0.1", "no change"),
        ("loss > 5%", "write +5% or -5%"),
        ("loss > +inf", "finite"),
        ("loss in (1, -5%)", "-5% is a change, and in looks for values"),
    ]:
        with pytest.raises(ConditionError, match=reason.replace("+", r"\+")):
            parse(text, NAMES, changes=True)


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("change(loss) > 5%", Comparison(Figure("loss"), ">", Change(5, True))),
        ("change(loss) > +5%", Comparison(Figure("loss"), ">", Change(5, True))),
        ("change ( loss ) < -0.03", Comparison(Figure("loss"), "<", Change(-0.03, False))),
        ("change(loss) <= 0", Comparison(Figure("loss"), "<=", Change(0, False))),
        ("change(max(dead)) >= .1", Comparison(Layers("max", "dead"), ">=", Change(0.1, False))),
        ("not change(lr) == +1e-3", Not(Comparison(Figure("lr"), "==", Change(0.001, False)))),
        (
            "depth > 3 and (change(loss) > 1 or loss > 2)",
            And(
                (
                    Comparison(Figure("depth"), ">", 3),
                    Or((Comparison(Figure("loss"), ">", Change(1, False)), Comparison(Figure("loss"), ">", 2))),
                )
            ),
        ),
        ("name == change", Comparison(Figure("name"), "==", "change")),
    ],
)
def test_change_as_a_term(text, parsed):
    assert parse(text, NAMES, changes=True) == parsed


@pytest.mark.parametrize(
    ("text", "column", "reason"),
    [
        ("change(verdict) == healthy", 8, "verdict is a word, which has no change; compare it with ==, != or in"),
        ("change(on) == true", 8, "on is true or false, which has no change; compare it with ==, != or in"),
        ("change(any(dead)) > 1", 8, "any() has no change; use min(), max() or median()"),
        ("change(change(loss)) > 1", 8, "change() takes a name, or min(), max() or median() of a quantity over the layers"),
        ("max(change(loss)) > 1", 5, "change() takes a name, or min(), max() or median() of a quantity over the layers"),
        ("change(dead) > 1", 8, "dead has a value for every layer; "
         "write one of any(dead), min(dead), max(dead), median(dead)"),
        ("change(los) > 1", 8, "unknown name 'los'. Did you mean 'loss'?"),
        ("change > 1", 1, "unknown name 'change'"),
        ("change(", 8, "expected a name, found the end"),
        ("change() > 1", 8, "expected a name, found ')'"),
        ("change(loss > 1", 13, "expected ')', found '>'"),
        ("change(loss)", 13, "expected one of == != < <= > >=, found the end"),
        ("change(loss) in (1, 2)", 14, "expected one of == != < <= > >=, found 'in'"),
        ("change(loss) > much", 16, "a change is a number, as in -0.03, or a percentage, as in 5%, found 'much'"),
        ("change(loss) >", 15, "a change is a number, as in -0.03, or a percentage, as in 5%, found the end"),
        ("change(loss) > inf", 16, "a change is finite"),
        ("change(loss) > -inf%", 16, "a change is finite"),
        ("change(loss) > 1e999", 16, "a change is finite"),
    ],
)  # fmt: skip
def test_what_has_no_change_is_named_with_its_column(text, column, reason):
    with pytest.raises(ConditionError) as caught:
        parse(text, NAMES, changes=True)
    assert (caught.value.column, caught.value.reason) == (column, reason)


@pytest.mark.parametrize("text", ["change(loss) > 5%", "lr > 1 or change(max(dead)) < -0.1"])
def test_without_a_first_run_there_is_no_change(text):
    with pytest.raises(ConditionError) as caught:
        parse(text, NAMES)
    assert caught.value.column == text.index("change") + 1
    assert caught.value.reason == (
        "change() is a difference from the first run of a comparison (compare --fail-on), and there is none here; "
        "compare the figure itself, as in final.loss > 1.5"
    )


def test_conditions_with_tokens_lost_and_changed_are_read_or_refused():
    random = np.random.default_rng(0)
    whole = "not change ( loss ) > 5% and ( max ( dead ) < -0.03 or change ( max ( dead ) ) >= +1 ) or verdict in ( healthy , 'vanishing' )"
    tokens = [*whole.split(), "any", "==", "inf", "on", "true", "change"]
    read = 0
    for _ in range(3000):
        words = whole.split()
        start = random.integers(len(words))
        words = words[start : start + random.integers(1, 12)] if random.random() < 0.7 else words
        for _ in range(random.integers(0, 3)):
            words[random.integers(len(words))] = random.choice(tokens)
        text = " ".join(words)
        for changes in (False, True):
            with contextlib.suppress(ConditionError):
                condition = parse(text, NAMES, changes)
                read += 1
                assert evaluate(condition, VALUES.get, VALUES.get)[0] in (True, False)
    assert read > 100


@pytest.mark.parametrize(
    "text",
    [
        "model.depth >= 20 and verdict == vanishing",
        "final.backward_decades < -15",
        "model.activation == relu or model.activation.name == tanh",
        "model.init == he and train.optimizer != sgd",
        "model.readout_init == zeros",
        "data.standardize == true",
        "data.path == 'my data.csv'",
        "name == deep_sigmoid and seed < 5",
        "any(dead_fraction) > 0.5 and outcome == completed",
        "learning_layers > 3 and init.holdout_loss < 2.3",
        "expected_backward_decades < -3 and expected_spread < 1",
        "verdict in (healthy, undecided) and model.depth not in (1, 2)",
    ],
)
def test_names_of_a_run(text):
    parse(text, run_names())


@pytest.mark.parametrize(
    "text", ["model.activation == sigmoyd", "outcome == finished", "model.init == xavir", "expect == x"]
)
def test_words_of_a_run_are_known(text):
    with pytest.raises(ConditionError):
        parse(text, run_names())


def test_field_value():
    config = {
        "model": {"depth": 3, "init": {"scheme": "he"}, "activation": {"name": "relu"}},
        "train": {"clip_norm": None},
    }
    assert field_value(config, "model.depth") == 3
    assert field_value(config, "model.init") == "he"
    assert field_value(config, "model.activation") == "relu"
    assert field_value(config, "model.activation.name") == "relu"
    assert field_value(config, "train.clip_norm") is None
    assert field_value(config, "model.nothing.at.all") is None


SCALE = {"train.dtype.loss_scale": Kind("number or word", ("dynamic",))}


@pytest.mark.parametrize(
    ("text", "value", "holds"),
    [
        ("train.dtype.loss_scale == dynamic", "dynamic", True),
        ("train.dtype.loss_scale != dynamic", 1024.0, True),
        ("train.dtype.loss_scale >= 1000", 1024.0, True),
        ("train.dtype.loss_scale >= 1000", "dynamic", False),
        ("train.dtype.loss_scale < 1000", "dynamic", False),
        ("train.dtype.loss_scale == 1024", "dynamic", False),
        ("train.dtype.loss_scale in (dynamic, 1024)", "dynamic", True),
        ("train.dtype.loss_scale in (dynamic, 1024)", 512.0, False),
        ("train.dtype.loss_scale == dynamic", None, False),
    ],
)
def test_a_field_that_is_a_number_or_a_word(text, value, holds):
    assert evaluate(parse(text, SCALE), {"train.dtype.loss_scale": value}.get)[0] is holds


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("train.dtype.loss_scale < dynamic", "dynamic is a word"),
        ("train.dtype.loss_scale == dynamical", "Did you mean 'dynamic'?"),
    ],
)
def test_what_such_a_field_is_not_compared_with(text, reason):
    with pytest.raises(ConditionError, match=re.escape(reason)):
        parse(text, SCALE)
