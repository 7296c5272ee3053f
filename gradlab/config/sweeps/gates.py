"""What `gates` say about a sweep as a whole: the grammar of conditions, over figures of all its runs.

    gate      = condition [ "where" CONDITION ] [ "by" FIELD { "," FIELD } ]
    term      = ( "count" | "share" ) "(" CONDITION ")"
              | ( "mean" | "median" | "min" | "max" | "spread" ) "(" FIGURE ")"
              | "slope" "(" FIGURE "by" FIELD ")"

The rest is as in `condition.py`: `condition` is joined and compared as there (`in` too), CONDITION is a whole condition over one
run, and FIGURE is a name whose value is a number, or `min`, `max` or `median` of a per-layer quantity. `where` leaves the runs that
its condition holds for; `by` splits them by config fields, and the gate is judged in each group by itself.
"""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from gradlab.config.condition import KEYWORDS, REDUCTIONS, ConditionError, Kind, Parser, kind_named
from gradlab.config.experiment import run_names
from gradlab.config.logic import And, Change, Comparison, Condition, Figure, Layers, Operator, Or, Scalar
from gradlab.config.namespace import config_names
from gradlab.config.suggestion import suggestion
from gradlab.config.tokens import Token

Tally = Literal["count", "share"]
Statistic = Literal["mean", "median", "min", "max", "spread"]

_TALLIES: tuple[Tally, ...] = get_args(Tally)
_STATISTICS: tuple[Statistic, ...] = get_args(Statistic)
_AGGREGATES = (*_TALLIES, *_STATISTICS, "slope")
_OPPOSITE: Mapping[Operator, Operator] = {"==": "!=", "!=": "==", "in": "not in", "not in": "in"}
_NUMBER = Kind("number")
_SLOPE = "slope(final.loss by model.width)"


@dataclass(frozen=True)
class Counted:
    """How many runs a condition holds for, or which share of them."""

    function: Tally
    condition: Condition


@dataclass(frozen=True)
class Reduced:
    """A statistic of one figure over the runs that have it; `spread` is the sample standard deviation."""

    function: Statistic
    figure: Figure | Layers


@dataclass(frozen=True)
class Slope:
    """The power of a numeric config field that a figure follows over the runs: the least-squares slope of their logarithms."""

    figure: Figure | Layers
    field: str


Aggregate = Counted | Reduced | Slope


@dataclass(frozen=True)
class Gate:
    """A condition over a sweep.

    Attributes:
        text: As it is written.
        condition: Over aggregates, each a `Figure` whose name is the aggregate as it is written.
        aggregates: What these names stand for, in the order in which they are written.
        by: Config fields that the runs are split by, () where the sweep is judged as one.
        where: Over one run; the others are not looked at. None where all are.
    """

    text: str
    condition: Condition
    aggregates: Mapping[str, Aggregate]
    by: tuple[str, ...]
    where: Condition | None = None

    @property
    def slope_fields(self) -> tuple[str, ...]:
        """The config fields that its slopes are over, each once."""
        return tuple(dict.fromkeys(one.field for one in self.aggregates.values() if isinstance(one, Slope)))


def parse_gate(text: str) -> Gate:
    """Read a gate.

    Raises:
        ConditionError: If it does not follow the grammar, names something unknown, or is about one run.

    >>> gate = parse_gate("count(verdict == vanishing) == 0 by model.depth")
    >>> gate.condition
    Comparison(term=Figure(name='count(verdict == vanishing)'), operator='==', value=0)
    >>> gate.aggregates["count(verdict == vanishing)"].condition, gate.by
    (Comparison(term=Figure(name='verdict'), operator='==', value='vanishing'), ('model.depth',))
    """
    return _GateParser(text).gate()


def gate_in_own_words(text: str) -> tuple[str, tuple[str, ...]]:
    """As `in_own_words`, of a gate.

    Raises:
        ConditionError: As `parse_gate`.
    """
    parser = _GateParser(text)
    parser.gate()
    return parser.in_own_words()


@functools.cache
def _fields() -> dict[str, Kind]:
    return config_names()


class _GateParser(Parser):
    """Reads aggregates where a condition has names; what stands inside them is read as over one run."""

    def __init__(self, text: str) -> None:
        super().__init__(text, run_names(), changes=False)
        self.aggregates: dict[str, Aggregate] = {}
        self.of_one_run = False

    def gate(self) -> Gate:
        condition = self._or()
        where = self._where()
        by = self._by(after_where=where is not None)
        return Gate(self.text, condition, self.aggregates, by, where)

    def _comparison(self) -> Condition:
        """A comparison; of an aggregate with several values, as many of them: which side of them it is on is told of each."""
        if self.of_one_run:
            return self._compared()
        self._need_aggregate()
        compared = self._compared()
        if not isinstance(compared.value, tuple):
            return compared
        among = compared.operator == "in"
        each = tuple(Comparison(compared.term, "==" if among else "!=", value) for value in compared.value)
        return each[0] if len(each) == 1 else (Or if among else And)(each)

    def _term(self) -> tuple[Figure | Layers, Kind]:
        """An aggregate, known by how it is written."""
        if self.of_one_run:
            return super()._term()
        function = self._take()
        self._expect("(")
        start = self.now
        # Which of the names it is was seen by _need_aggregate.
        if function.text in _TALLIES:
            aggregate: Aggregate = Counted(function.text, self._inner())
        elif function.text == "slope":
            aggregate = Slope(self._figure("slope"), self._slope_field())
        else:
            aggregate = Reduced(function.text, self._figure(function.text))  # type: ignore[arg-type]
        name = f"{function.text}({self._written(start)})"
        self._expect(")")
        self.aggregates[name] = aggregate
        return Figure(name), _NUMBER

    def _value(self, term: Figure | Layers, kind: Kind) -> Scalar | Change:
        """The number that an aggregate is compared with; no share is smaller than 0 or larger than 1."""
        token = self.now
        aggregate = None if self.of_one_run else self.aggregates[str(term)]
        share = isinstance(aggregate, Counted) and aggregate.function == "share"
        if share and token.kind == "number" and token.text.endswith("%"):
            remedy = "" if "inf" in token.text else f"; write {float(token.text.rstrip('%')) / 100:g}"
            raise self._fault(f"a share is a number from 0 to 1, got {token.text}{remedy}")
        value = super()._value(term, kind)
        if share and not (isinstance(value, int | float) and 0 <= value <= 1):
            percent = isinstance(value, int | float) and 1 < value <= 100
            hint = f"; write {float(token.text) / 100:g} for {token.text} %" if percent else ""
            raise self._fault(f"a share is a number from 0 to 1, got {token.text}{hint}", token)
        return value

    def _inner(self) -> Condition:
        self.of_one_run = True
        condition = self._or()
        self.of_one_run = False
        return condition

    def _figure(self, function: str) -> Figure | Layers:
        if self.now.text in REDUCTIONS and self._next_is("("):
            start = self.now
            term, _ = super()._term()
            if isinstance(term, Layers) and term.reduction == "any":
                raise self._fault(
                    f"any() has no value; {function}() takes min(), max() or median() over the layers", start
                )
            return term
        token = self._take()
        kind = self._named(token)
        if kind.form == "layers" and function == "slope":
            over_layers = f"{token.text} has a value for every layer; write max({token.text})"
            raise self._fault(f"{over_layers}, or min() or median() over the layers", token)
        if kind.form == "layers":
            over = function if function in REDUCTIONS else "any"
            example = f"count({over}({token.text}) > 0.5) == 0"
            raise self._fault(f"{token.text} has a value for every layer; count runs by it, as in {example}", token)
        if not kind.is_number:
            form = "a word" if kind.form == "word" else "true or false"
            reason = f"{token.text} is {form}, and {function}() takes a number; write count() or share() of a condition"
            raise self._fault(reason, token)
        return Figure(self._own(token))

    def _slope_field(self) -> str:
        """What follows the figure of a slope: `by` and a field whose value is a number."""
        if not self._is("by"):
            raise self._fault(f"expected 'by' and a config field, as in {_SLOPE}, found {self.now}")
        self._take()
        token = self.now
        field = self._field([])
        kind = kind_named(_fields(), field)
        if kind is None or not kind.is_number:
            raise self._fault(f"{field} is not a number; a slope is over one, as in {_SLOPE}", token)
        return field

    def _need_aggregate(self) -> None:
        token = self.now
        if token.kind != "word" or token.text in KEYWORDS:
            raise self._fault(f"expected {', '.join(_AGGREGATES[:-1])} or {_AGGREGATES[-1]}, found {token}")
        called = self.tokens[self.at + 1].text == "("
        if token.text in _AGGREGATES:
            if not called:
                inside = "a condition" if token.text in _TALLIES else "the name of a number"
                if token.text == "slope":
                    inside = "the name of a number and 'by' with a config field"
                raise self._fault(f"{token.text} needs {inside} in brackets")
        elif called and token.text == "change":
            raise self._no_first(token)
        elif called and token.text not in REDUCTIONS:
            near = suggestion(token.text, _AGGREGATES, all_of_them=True)
            raise self._fault(f"unknown aggregate {token}{near}")
        else:
            raise self._about_one_run()

    def _about_one_run(self) -> ConditionError:
        """The fault of a comparison that is about one run, with what it could be over all of them."""
        start, first = self.now, self.at
        self.of_one_run = True
        comparison = self._compared()
        tokens = self.tokens[first : self.at]
        sign = next(at for at, token in enumerate(tokens) if token.kind == "operator" or token.text in ("in", "IN"))
        written, value = self._written(start), self._written(tokens[sign + 1])
        term, operator = comparison.term, comparison.operator
        if operator in _OPPOSITE:
            over_all = f"count({term} {_OPPOSITE[operator]} {value}) == 0 or share({written}) > 0.9"
        elif isinstance(term, Figure):
            over_all = f"median({term}) {operator} {value} or share({written}) == 1"
        else:
            over_all = f"count({written}) == 0 or share({written}) == 1"
        reason = f"{term} belongs to one run, and a gate is about all of them; write {over_all}, or put it under expect"
        return self._fault(reason, start)

    def _where(self) -> Condition | None:
        if not self._is("where"):
            return None
        self._take()
        return self._inner()

    def _by(self, after_where: bool) -> tuple[str, ...]:
        if self.now.kind == "end":
            return ()
        if not self._is("by"):
            words = "'and', 'or'," if after_where else "'and', 'or', 'where',"
            raise self._fault(f"expected {words} 'by' or the end, found {self.now}")
        fields: list[str] = []
        slopes = {one.field: str(one.figure) for one in self.aggregates.values() if isinstance(one, Slope)}
        while self.now.kind != "end":
            if fields and not self._is(","):
                raise self._fault(f"'by' stands at the end; expected ',' or the end, found {self.now}")
            self._take()
            token = self.now
            fields.append(self._field(fields))
            if fields[-1] in slopes:
                slope = f"slope({slopes[fields[-1]]} by {fields[-1]})"
                raise self._fault(
                    f"{fields[-1]} does not vary where members are split by it, and {slope} needs it to", token
                )
        return tuple(fields)

    def _field(self, before: list[str]) -> str:
        token = self._take()
        field = self._own(token) if token.kind == "word" else token.text
        kind = kind_named(_fields(), field) if token.kind == "word" else None
        if token.kind == "word" and token.text in self.names and kind is None:
            raise self._fault(f"{token.text} is a result; runs are split by config fields such as model.depth", token)
        if kind is not None and kind.form == "arguments":
            raise self._fault(f"{token.text} has a value for every argument; write {token.text}.NAME", token)
        if kind is None:
            near = suggestion(token.text, _fields()) if token.kind == "word" else ""
            raise self._fault(f"expected a config field, found {token}{near}", token)
        if field in before:
            raise self._fault(f"{field} stands there twice", token)
        return field

    def _written(self, start: Token) -> str:
        """The text from a token to here; space outside of quotes is one blank, so that it shows in one line."""
        text = self.text[start.column - 1 : self.now.column - 1].strip()
        return re.sub(r"""("[^"]*"|'[^']*')|\s+""", lambda found: found[1] or " ", text)
