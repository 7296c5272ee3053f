"""Names of modules where there is little room: cut so that they can still be told apart."""

from collections.abc import Callable, Sequence

_HEADS = (1 / 4, 1 / 2, 3 / 4)
"""Shares of what is left of a name that its beginning may have, the best first: names differ mostly at their end."""


def elided(names: Sequence[str], most: int, breadth: Callable[[str], int] = len) -> list[str]:
    """Names without the middle of those that have more than `most` letters; `breadth` counts them, as a terminal's columns.

    Names that are not the same do not become so: where they would, another part is left out, and where that does not help they are
    numbered in their order.

    >>> elided(["conv1", "model.encoder.layers.11.attn.proj", "model.encoder.layers.11.attn.prox"], 18)
    ['conv1', 'mode….11.attn.proj', 'mode….11.attn.prox']
    >>> elided(["layer2.0.downsample.0", "layer3.0.downsample.0"], 16)
    ['layer2.0…ample.0', 'layer3.0…ample.0']
    >>> elided(["a" * 30 + "x" + "b" * 30, "a" * 30 + "y" + "b" * 30], 12)
    ['1:aa…bbbbbbb', '2:aa…bbbbbbb']
    """
    number = {name: place for place, name in enumerate(dict.fromkeys(names), start=1)}
    for share in _HEADS:
        short = {name: _cut(name, most, share, breadth) for name in number}
        if len(set(short.values())) == len(number):
            return [short[name] for name in names]
    short = {name: _cut(name, most, _HEADS[0], breadth) for name in number}
    told = list(short.values())
    for name, cut in short.items():
        if told.count(cut) > 1:
            short[name] = f"{number[name]}:{_cut(name, most - len(f'{number[name]}:'), _HEADS[0], breadth)}"
    return [short[name] for name in names]


def _cut(name: str, most: int, share: float, breadth: Callable[[str], int]) -> str:
    if breadth(name) <= most:
        return name
    head = int(most * share)
    first, last = name[:head], name[len(name) - (most - head - 1) :]
    while first and breadth(first) > head:
        first = first[:-1]
    while last and breadth(last) > most - head - 1:
        last = last[1:]
    return f"{first}…{last}"
