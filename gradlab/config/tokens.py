"""The words, numbers and signs that a condition is made of."""

import re
from dataclasses import dataclass

from gradlab.config.text import cut
from gradlab.errors import UsageError

MAX_LENGTH = 2000


class ConditionError(UsageError):
    """A condition that cannot be read, with the column (from 1) and the reason."""

    def __init__(self, text: str, column: int, reason: str) -> None:
        self.text, self.column, self.reason = text, column, reason
        super().__init__(f"condition {shown(text)}, character {column}: {reason}")


_TOKEN = re.compile(
    r"""\s*(?:
        (?P<time>[0-9]{4}-[0-9]{2}-[0-9]{2}[\w.:+-]*)
      | (?P<number>[+-]?(?:\.?inf\b|(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][+-]?[0-9]+)?)%?(?![\w.]))
      | (?P<word>[^\W\d][\w.-]*)
      | (?P<plain>[+-]?[0-9]\w[\w.-]*)
      | (?P<quoted>"[^"]*"|'[^']*')
      | (?P<operator>==|!=|<=|>=|<|>)
      | (?P<bracket>[()])
      | (?P<comma>,)
    )""",
    re.VERBOSE,
)


_HINTS = {
    "=": "; did you mean '=='?",
    "&": "; did you mean 'and'?",
    "|": "; did you mean 'or'?",
    "!": "; did you mean 'not'?",
    "[": "; values stand in parentheses, as in (a, b)",
    "{": "; values stand in parentheses, as in (a, b)",
    ":": "; a time is written as in 2026-11-29T12:00",
}
"""What a text may begin with that cannot be read -> the end of what is said of it."""


@dataclass(frozen=True)
class Token:
    """One word, number, quoted text, operator, bracket or comma of a condition, or its end; columns count from 1."""

    kind: str
    text: str
    column: int

    def __str__(self) -> str:
        return "the end" if self.kind == "end" else shown(self.text)


def tokens_of(text: str) -> list[Token]:
    """The tokens of a condition, its end the last.

    Raises:
        ConditionError: If it is too long, or something in it cannot be read.
    """
    if len(text) > MAX_LENGTH:
        raise ConditionError(text, MAX_LENGTH, f"longer than {MAX_LENGTH} characters")
    tokens, at = [], 0
    end = len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None:
            column = at + 1 + len(text[at:]) - len(text[at:].lstrip())
            wrong = text[column - 1 :].split()[0]
            hint = next((hint for sign, hint in _HINTS.items() if wrong.startswith(sign)), "")
            raise ConditionError(text, column, f"cannot read {shown(wrong)}{hint}")
        kind = str(found.lastgroup)
        tokens.append(Token(kind, found[kind], found.start(kind) + 1))
        at = found.end()
    return [*tokens, Token("end", "", end + 1)]


def shown(text: str) -> str:
    """A word of a condition as a message has it."""
    return repr(cut(text))
