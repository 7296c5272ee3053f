"""What an unknown word may have meant."""

import difflib
from collections.abc import Iterable

# Two letters swapped in five are 0.8; at difflib's own 0.6 unrelated words of five letters meet.
_NEAR = 0.65


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that an unknown one may have meant, None where none is near.

    A dotted name is also near to its last part, and a name to itself in other letters' case.

    >>> nearest("loss", ["depth", "init.loss", "final.loss"])
    'final.loss'
    >>> nearest("Loss", ["depth", "final.loss"])
    'final.loss'
    >>> nearest("ReLU", ["elu", "relu"]), nearest("LayerNorm", ["batch", "layer"]), nearest("SDG", ["adam", "sgd"])
    ('relu', 'layer', 'sgd')
    """
    known = list(known)
    same = next((name for name in known if name.casefold() == word.casefold()), None)
    if same is not None:
        return same
    # Of several, the last: a figure of the last step is meant more often than of the first.
    ended = next((name for name in reversed(known) if name.casefold().rpartition(".")[2] == word.casefold()), None)
    if ended is not None:
        return ended
    folded = {name.casefold(): name for name in reversed(known)}
    near = difflib.get_close_matches(word[:80].casefold(), folded, 1, cutoff=_NEAR)
    # `LayerNorm` is near to `layer`, `convolutional` to `conv`.
    begun = [name for name in known if len(name) > 2 and word.casefold().startswith(name.casefold())]
    if not near and len(begun) == 1:
        return begun[0]
    return folded[near[0]] if near else None


def suggestion(word: str, known: Iterable[str], all_of_them: bool = False) -> str:
    """What an unknown word may have meant, as the end of a sentence.

    >>> suggestion("widht", ["depth", "width"])
    ". Did you mean 'width'?"
    """
    known = list(known)
    near = nearest(word, known)
    if near is not None:
        return f". Did you mean '{near}'?"
    return f" (one of: {', '.join(known)})" if all_of_them else ""
