"""Names of modules where there is little room: cut so that they can still be told apart."""

from collections.abc import Sequence


def elided(names: Sequence[str], most: int) -> list[str]:
    """Names without the middle of those that have more than `most` letters; what differs of names stands mostly at their end.

    Names that are not the same do not become so: where they would, they are numbered in their order.

    >>> elided(["conv1", "model.encoder.layers.11.attn.proj", "model.encoder.layers.11.attn.prox"], 18)
    ['conv1', 'mode….11.attn.proj', 'mode….11.attn.prox']
    >>> elided(["a" * 30 + "x" + "b" * 30, "a" * 30 + "y" + "b" * 30], 12)
    ['1:aa…bbbbbbb', '2:aa…bbbbbbb']
    """
    short = [_cut(name, most) for name in names]
    whole: dict[str, set[str]] = {}
    for cut, name in zip(short, names, strict=True):
        whole.setdefault(cut, set()).add(name)
    number = {name: place for place, name in enumerate(dict.fromkeys(names), start=1)}
    return [
        cut if len(whole[cut]) == 1 else f"{number[name]}:{_cut(name, most - len(f'{number[name]}:'))}"
        for cut, name in zip(short, names, strict=True)
    ]


def _cut(name: str, most: int) -> str:
    if len(name) <= most:
        return name
    head = most // 4
    return f"{name[:head]}…{name[len(name) - (most - head - 1) :]}"
