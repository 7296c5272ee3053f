"""Finds the blocks that a network repeats: three or more modules of one class, at paths that differ in their numbers alone.

`layer1.0` … `layer4.2` of a ResNet are one group, `encoder.layers.0` … and `decoder.layers.0` … are two.
"""

import re

from torch import nn

from gradlab.training.watching.rows import Row, Rows, named_modules

FEWEST = 3
"""Modules that count as repeated."""

WRAPPED_SHARE = 0.8
"""Share of a block's parameters that are in smaller blocks, from which it is a mere stage of these."""

_CONTAINERS = (nn.ModuleList, nn.ModuleDict)
_Group = dict[str, nn.Module]


def add_blocks(model: nn.Module, found: Rows) -> None:
    """Adds a row for each repeated block, and says which rows are its members."""
    for group in _chosen(_groups(model), named_modules(model)):
        found.groups.append([])
        for path, module in group.items():
            found.groups[-1].append(_add_block(found, path, module))


def _add_block(found: Rows, path: str, module: nn.Module) -> int:
    """Makes the row of a block, and gives its place: the module's own row where it owns parameters itself, so that a name stands once."""
    own = [index for index, row in enumerate(found.rows) if row.name == path]
    if own:
        found.rows[own[0]].kind = "block"
    else:
        found.rows.append(Row(path, "block", module))
    block = own[0] if own else len(found.rows) - 1
    for row in found.rows:
        if row.name.startswith(f"{path}."):
            row.block = block
    return block


def _groups(model: nn.Module) -> list[_Group]:
    """Modules made of modules, of one class, at paths alike but for their numbers."""
    found: dict[tuple[str, type[nn.Module]], _Group] = {}
    for path, module in named_modules(model):
        if path and ".parametrizations" not in f".{path}" and not isinstance(module, _CONTAINERS) and _is_made(module):
            pattern = re.sub(r"\d+", "#", path)
            if "#" not in pattern:  # siblings by other names: encoder, decoder, head
                pattern = path.rpartition(".")[0] + ".*"
            found.setdefault((pattern, type(module)), {})[path] = module
    return [group for group in found.values() if len(group) >= FEWEST and not _are_plain_siblings(group)]


def _is_made(module: nn.Module) -> bool:
    """Whether it has modules of its own, with parameters."""
    return any(next(child.parameters(), None) is not None for child in module.children())


def _are_plain_siblings(group: _Group) -> bool:
    """Whether they are Sequentials that merely bear different names: parts of a network, not repetitions."""
    return all(isinstance(module, nn.Sequential) and not re.search(r"\d", path) for path, module in group.items())


def _chosen(groups: list[_Group], modules: list[tuple[str, nn.Module]]) -> list[_Group]:
    """Of groups inside one another one: the outermost that is more than a stage of smaller blocks."""
    sizes = {id(module): sum(p.numel() for p in module.parameters()) for _, module in modules}
    outermost_first = sorted(groups, key=lambda group: min(path.count(".") for path in group))
    kept: list[_Group] = []
    for group in outermost_first:
        inner = [other for other in groups if other is not group and _holds(group, other)]
        is_stage = any(_share(group, other, sizes) >= WRAPPED_SHARE and len(other) > len(group) for other in inner)
        if not is_stage and not any(_overlap(outer, group) for outer in kept):
            kept.append(group)
    return kept


def _holds(outer: _Group, inner: _Group) -> bool:
    return all(any(path.startswith(f"{block}.") for block in outer) for path in inner)


def _overlap(outer: _Group, inner: _Group) -> bool:
    return any(path.startswith(f"{block}.") for block in outer for path in inner)


def _share(outer: _Group, inner: _Group, sizes: dict[int, int]) -> float:
    """Share of the outer blocks' parameters that are in the inner ones, those of inner ones in others counted once."""
    tops = [path for path in inner if not any(path.startswith(f"{other}.") for other in inner)]
    whole = sum(sizes[id(module)] for module in outer.values())
    return sum(sizes[id(inner[path])] for path in tops) / max(whole, 1)
