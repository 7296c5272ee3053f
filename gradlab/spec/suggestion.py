"""What an unknown word may have meant."""

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that an unknown one may have meant, None where none is near.

    A dotted name is also near to its last part.

    Args:
        word: The unknown word.
        known: What it could be.

    >>> nearest("loss", ["init.lossy", "final.loss"])
    'final.loss'
    """
    known = list(known)
    near = difflib.get_close_matches(word[:80], known, 1)
    return near[0] if near else next((name for name in known if name.rpartition(".")[2] == word), None)


def suggestion(word: str, known: Iterable[str], all_of_them: bool = False) -> str:
    """What an unknown word may have meant, as the end of a sentence.

    Args:
        word: The unknown word.
        known: What it could be.
        all_of_them: Whether to list all that is known where nothing is near.

    >>> suggestion("widht", ["depth", "width"])
    ". Did you mean 'width'?"
    """
    known = list(known)
    near = nearest(word, known)
    if near is not None:
        return f". Did you mean '{near}'?"
    return f" (one of: {', '.join(known)})" if all_of_them else ""
