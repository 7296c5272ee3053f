"""One grammar for `expect`, `--where` and `--fail-on`: parsed, never evaluated as code.

    condition  = conjunction { "or" conjunction }
    conjunction = negation { "and" negation }
    negation   = "not" negation | "(" condition ")" | comparison
    comparison = term ( "==" | "!=" | "<" | "<=" | ">" | ">=" ) value
               | term [ "not" ] "in" "(" value { "," value } ")"
               | "change" "(" term ")" ( "==" | "!=" | "<" | "<=" | ">" | ">=" ) ( NUMBER | PERCENT )
    term       = NAME | ( "any" | "min" | "max" | "median" ) "(" QUANTITY ")"
    value      = NUMBER | WORD | "true" | "false" | TIME | CHANGE

A CHANGE is `+5%`, `-5%` or `+0.3`: a difference from the first run of a comparison, allowed only where there is one. So is
`change(final.accuracy) < -0.03`, the same as a CHANGE of -0.03, which is a number like any other where it stands alone.
A TIME is what `gradlab.config.moments` reads, for names that are times.
A name without a value (null) makes every comparison with it false, `not in` as `!=`. What `gates` may say besides is in `gates.py`.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from gradlab.config.compared_names import compared_name, compared_word, near_name, several_meant
from gradlab.config.logic import (
    And,
    Change,
    Comparison,
    Condition,
    Figure,
    Layers,
    Not,
    Operator,
    Or,
    Reduction,
    Scalar,
)
from gradlab.config.stored_values import stored_value
from gradlab.config.suggestion import suggestion
from gradlab.config.tokens import ConditionError as ConditionError
from gradlab.config.tokens import Token, shown, tokens_of

MAX_NESTING = 50  # far below Python's recursion limit
KEYWORDS = ("and", "or", "not")
REDUCTIONS: tuple[Reduction, ...] = ("any", "min", "max", "median")


@dataclass(frozen=True)
class Kind:
    """What a name stands for; `words` are what it can be, () where any word may be; `named_numbers` that words stand for numbers.

    Below a name of the form `arguments` every name stands for `anything`: a number, a word, true or false. What looks like a number is
    a word to a `text`, and the beginning of an id or a commit to a `digest`; a `time` is in seconds since 1970.
    """

    form: Literal[
        "number", "word", "number or word", "flag", "layers", "anything", "arguments", "text", "digest", "time"
    ]
    words: tuple[str, ...] = ()
    named_numbers: bool = False

    @property
    def is_number(self) -> bool:
        """Whether a value is a number wherever there is one."""
        return self.form in ("number", "anything") or self.named_numbers


Names = Mapping[str, Kind]

_ANYTHING = Kind("anything")


def kind_named(names: Names, name: str) -> Kind | None:
    """What a name stands for among `names`, None where there is none of it.

    >>> kind_named({"model.args": Kind("arguments")}, "model.args.depth").form
    'anything'
    """
    if name in names:
        return names[name]
    around = name
    while "." in around:
        around = around.rpartition(".")[0]
        if around in names:
            return _ANYTHING if names[around].form == "arguments" and all(name.split(".")) else None
    return None


def parse(text: str, names: Names, changes: bool = False) -> Condition:
    """Read a condition over `names`; with `changes` there is a first run to compare with.

    Raises:
        ConditionError: If it does not follow the grammar, names something unknown, or compares a word with a number.

    >>> parse("depth >= 20 and verdict != healthy", {"depth": Kind("number"), "verdict": Kind("word")}).operands[0]
    Comparison(term=Figure(name='depth'), operator='>=', value=20)
    """
    return Parser(text, names, changes).whole()


def in_own_words(text: str, names: Names, changes: bool = False) -> tuple[str, tuple[str, ...]]:
    """A condition with every name and word as gradlab has it, and what is said of each that was another library's.

    Raises:
        ConditionError: As `parse`.

    >>> in_own_words("train.learning_rate > 1", {"train.lr": Kind("number")})
    ('train.lr > 1', ('train.learning_rate is understood as train.lr',))
    """
    parser = Parser(text, names, changes)
    parser.whole()
    return parser.in_own_words()


_WORDS = {"word": "a word", "text": "a word", "digest": "a word", "flag": "true or false"}


class Parser:
    """Recursive descent over the tokens of one condition."""

    def __init__(self, text: str, names: Names, changes: bool) -> None:
        self.text, self.names, self.changes = text, names, changes
        self.tokens = tokens_of(text)
        self.understood: dict[Token, str] = {}
        self.at = 0
        self.nesting = 0

    def whole(self) -> Condition:
        """Read the condition to its end.

        Raises:
            ConditionError: If it does not follow the grammar.
        """
        condition = self._or()
        if self.now.kind != "end":
            raise self._fault(f"expected 'and', 'or' or the end, found {self.now}")
        return condition

    def in_own_words(self) -> tuple[str, tuple[str, ...]]:
        """The text with every name and word as gradlab has it, and what is said of each that was another, once it was read."""
        text = self.text
        for token, meant in sorted(self.understood.items(), key=lambda item: -item[0].column):
            quote = token.text[0] if token.kind == "quoted" else ""
            start = token.column - 1
            text = text[:start] + f"{quote}{meant}{quote}" + text[start + len(token.text) :]
        told = (
            f"{token.text.strip(chr(34) + chr(39))} is understood as {meant}"
            for token, meant in self.understood.items()
        )
        return text, tuple(dict.fromkeys(told))

    @property
    def now(self) -> Token:
        return self.tokens[self.at]

    def _take(self) -> Token:
        token = self.now
        self.at += token.kind != "end"
        return token

    def _is(self, *texts: str) -> bool:
        return self.now.kind != "quoted" and _keyword(self.now) in texts

    def _next_is(self, text: str) -> bool:
        following = self.tokens[min(self.at + 1, len(self.tokens) - 1)]
        return following.kind != "quoted" and _keyword(following) == text

    def _fault(self, reason: str, token: Token | None = None) -> ConditionError:
        return ConditionError(self.text, (token or self.now).column, reason)

    def _or(self) -> Condition:
        return self._joined("or", self._and, Or)

    def _and(self) -> Condition:
        return self._joined("and", self._not, And)

    def _joined(self, word: str, operand: Callable[[], Condition], kind: type[And | Or]) -> Condition:
        operands = [operand()]
        while self._is(word):
            self._take()
            operands.append(operand())
        return operands[0] if len(operands) == 1 else kind(tuple(operands))

    def _not(self) -> Condition:
        if not self._is("not", "("):
            return self._comparison()
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            raise self._fault(f"nested more than {MAX_NESTING} deep")
        if _keyword(self._take()) == "not":
            condition: Condition = Not(self._not())
        else:
            condition = self._or()
            self._expect(")")
        self.nesting -= 1
        return condition

    def _expect(self, bracket: str) -> None:
        if not self._is(bracket):
            raise self._fault(f"expected '{bracket}', found {self.now}")
        self._take()

    def _comparison(self) -> Condition:
        return self._compared()

    def _compared(self) -> Comparison:
        if self.changes and self._is("change") and self._next_is("("):
            return self._change_compared()
        term, kind = self._term()
        negated = self._is("not") and self._next_is("in")
        if negated:
            self._take()
        if self._is("in"):
            self._take()
            return Comparison(term, "not in" if negated else "in", self._values(term, kind))
        token = self._take()
        if token.kind != "operator":
            raise self._fault(f"expected one of == != < <= > >= in, found {token}", token)
        operator: Operator = token.text  # type: ignore[assignment]  # by the token's pattern
        if kind.form in _WORDS and operator not in ("==", "!="):
            raise self._fault(f"{term} is {_WORDS[kind.form]}; compare it with ==, != or in", token)
        compared = Comparison(term, operator, self._value(term, kind))
        if isinstance(compared.value, str) and operator not in ("==", "!="):
            raise self._fault(f"{compared.value} is a word; compare {term} with it by ==, != or in", token)
        return compared

    def _change_compared(self) -> Comparison:
        """`change(TERM)` compared with an amount or a percentage."""
        self._take()
        self._expect("(")
        start = self.now
        term, kind = self._term()
        if isinstance(term, Layers) and term.reduction == "any":
            raise self._fault("any() has no change; use min(), max() or median()", start)
        if kind.form in ("word", "flag"):
            form = "a word" if kind.form == "word" else "true or false"
            raise self._fault(f"{term} is {form}, which has no change; compare it with ==, != or in", start)
        self._expect(")")
        token = self._take()
        if token.kind != "operator":
            raise self._fault(f"expected one of == != < <= > >=, found {token}", token)
        operator: Operator = token.text  # type: ignore[assignment]  # by the token's pattern
        amount = self._take()
        if amount.kind != "number":
            raise self._fault(f"a change is a number, as in -0.03, or a percentage, as in 5%, found {amount}", amount)
        return Comparison(term, operator, self._amount(amount))

    def _values(self, term: Figure | Layers, kind: Kind) -> tuple[Scalar, ...]:
        """What stands in the brackets after `in`."""
        self._expect("(")
        values: list[Scalar] = []
        while not values or self._is(","):
            if values:
                self._take()
            token = self.now
            value = self._value(term, kind)
            if isinstance(value, Change):
                raise self._fault(f"{token.text} is a change, and in looks for values", token)
            values.append(value)
        if not self._is(")"):
            # A YAML list in brackets is split at its commas before a condition is read.
            hint = "; in a YAML list in brackets a condition with a comma has quotes" if self.now.kind == "end" else ""
            raise self._fault(f"expected ',' or ')', found {self.now}{hint}")
        self._take()
        return tuple(values)

    def _term(self) -> tuple[Figure | Layers, Kind]:
        token = self._take()
        if token.kind != "word" or token.text in KEYWORDS:
            raise self._fault(f"expected a name, found {token}", token)
        if token.text in REDUCTIONS and self._is("("):
            self._take()
            name = self._take()
            kind = self._named(name)
            if kind.form != "layers":
                raise self._fault(f"{name.text} has one value; write it without {token.text}()", name)
            self._expect(")")
            return Layers(token.text, self._own(name)), kind
        if self._is("(") and compared_name(token.text, self.names) not in self.names and token.text != "change":
            raise self._fault(
                f"unknown name {token}: over the layers of a run there are {', '.join(REDUCTIONS)}", token
            )
        kind = self._named(token)
        if kind.form == "layers":
            options = ", ".join(f"{reduction}({token.text})" for reduction in REDUCTIONS)
            raise self._fault(f"{token.text} has a value for every layer; write one of {options}", token)
        return Figure(self._own(token)), kind

    def _own(self, token: Token) -> str:
        """The name that a token means."""
        meant = compared_name(token.text, self.names)
        if meant != token.text:
            self.understood[token] = meant
        return meant

    def _named(self, token: Token) -> Kind:
        if token.text == "change" and self._is("("):
            raise self._no_first(token)
        kind = kind_named(self.names, compared_name(token.text, self.names)) if token.kind == "word" else None
        if kind is None:
            raise self._fault(f"unknown name {token}{near_name(token.text, self.names)}", token)
        if kind.form == "arguments":
            raise self._fault(f"{token.text} has a value for every argument; write {token.text}.NAME", token)
        return kind

    def _value(self, term: Figure | Layers, kind: Kind) -> Scalar | Change:
        token = self._take()
        if token.kind not in ("number", "word", "quoted", "time", "plain") or token.text in KEYWORDS:
            raise self._fault(f"expected a value, found {token}", token)
        if kind.form in ("text", "digest", "time"):
            try:
                return stored_value(str(term), kind.form, token.text[1:-1] if token.kind == "quoted" else token.text)
            except ValueError as error:
                raise self._fault(str(error), token) from None
        if token.kind in ("time", "plain"):
            raise self._fault(f"cannot read {token}; a word that begins with a digit has quotes", token)
        if kind.form == "flag":
            if token.text not in ("true", "false"):
                raise self._fault(f"{term} is true or false, got {token}", token)
            return token.text == "true"
        if kind.form == "anything" and token.kind == "word" and token.text in ("true", "false"):
            return token.text == "true"
        if kind.form == "word" or (kind.form in ("number or word", "anything") and token.kind != "number"):
            return self._word(term, kind, token)
        if token.kind != "number":
            hint = " (a word)" if token.kind == "word" else ""
            raise self._fault(f"{term} is a number, got {token}{hint}", token)
        if token.text.startswith("+") or token.text.endswith("%"):
            return self._change(term, token)
        return _number(token.text)

    def _word(self, term: Figure | Layers, kind: Kind, token: Token) -> str:
        if token.kind == "number":
            raise self._fault(f"{term} is a word, got the number {token.text}", token)
        word = token.text[1:-1] if token.kind == "quoted" else token.text
        if kind.words and word not in kind.words:
            meant = compared_word(str(term), word, kind.words)
            if meant is not None:
                self.understood[token] = meant
                return meant
            several = several_meant(str(term), word)
            if several is not None:
                raise self._fault(f"{shown(word)} is not one value; write {several}", token)
            raise self._fault(f"{term} is never {shown(word)}{suggestion(word, kind.words, all_of_them=True)}", token)
        return word

    def _no_first(self, token: Token) -> ConditionError:
        """The fault of `change(` where there is no first run, or inside of another."""
        if self.changes:
            return self._fault(
                "change() takes a name, or min(), max() or median() of a quantity over the layers", token
            )
        return self._fault(
            "change() is a difference from the first run of a comparison (compare --fail-on), and there is none here; "
            "compare the figure itself, as in final.loss > 1.5",
            token,
        )

    def _change(self, term: Figure | Layers, token: Token) -> Change:
        percent = token.text.endswith("%")
        if not self.changes:
            share = "" if token.text[0] in "+-" else f"; a share is written {float(_number(token.text[:-1])) / 100:g}"
            plain = share if percent else f"; for the number itself write {token.text[1:]}"
            raise self._fault(f"{token.text} is a change against a first run, and there is none here{plain}", token)
        if percent and token.text[0] not in "+-":
            raise self._fault(f"a change has a sign: write +{token.text} or -{token.text}", token)
        if isinstance(term, Layers) and term.reduction == "any":
            raise self._fault("any() has no change; use min(), max() or median()", token)
        return self._amount(token)

    def _amount(self, token: Token) -> Change:
        amount = float(_number(token.text.rstrip("%")))
        if not math.isfinite(amount):
            raise self._fault("a change is finite", token)
        return Change(amount, token.text.endswith("%"))


def _keyword(token: Token) -> str:
    """A token where no value can stand; `AND` is `and`, as SQL has it."""
    return token.text.lower() if token.text.isupper() else token.text


def _number(text: str) -> float:
    """A number as it is written; a whole one stays whole."""
    if re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        return int(text)
    return float(text.replace(".inf", "inf"))
