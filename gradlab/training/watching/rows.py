"""What the rows of a record are: the modules that own parameters, a layer of a fused RNN each, and repeated blocks of them.

P parameters, R rows.
"""

import re
from dataclasses import dataclass, field

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import parametrize

_RNN_LAYER = re.compile(r"_l(\d+)(_reverse)?$")
_PARAMETRIZATIONS = ".parametrizations."


@dataclass
class Row:
    """One row of a record.

    Attributes:
        name: Dotted path of the module, `model` for the root itself; of a fused RNN with `.layer0`, `.layer1_reverse`.
        kind: The module's class; `block` for a block.
        module: What is called; for a layer of a fused RNN the whole of it.
        parameters: Places of its parameters in `Rows.parameters`; none where all of them belong to earlier rows.
        tied: Name of the row that owns a parameter of its, None where it owns them all.
        block: Place of the block row that it is a member of, None where it is in none.
        returns: Whether the module's output is this row's; of a fused RNN it is the topmost layer's.
    """

    name: str
    kind: str
    module: nn.Module
    parameters: list[int] = field(default_factory=list)
    tied: str | None = None
    block: int | None = None
    returns: bool = True

    @property
    def is_block(self) -> bool:
        return self.kind == "block"


@dataclass
class Rows:
    """All rows, in order of registration.

    Attributes:
        rows: R of them, blocks last unless they own parameters themselves.
        parameters: Each once, P of them.
        names: Their dotted names.
        owner: Row of each.
        matrix: Whether each is a matrix: of a row's others only a normalisation's gains, biases and the like remain.
        groups: Rows of blocks that were found to repeat one another, in order of registration.
    """

    rows: list[Row]
    parameters: list[nn.Parameter]
    names: list[str]
    owner: list[int]
    matrix: list[bool]
    groups: list[list[int]] = field(default_factory=list)

    def has_matrix(self, row: int) -> bool:
        return any(self.matrix[place] for place in self.rows[row].parameters)


def unwrapped(model: nn.Module) -> nn.Module:
    """The module inside DistributedDataParallel's and torch.compile's wrappers."""
    while True:
        inner = _wrapped(model)
        if inner is None:
            return model
        model = inner


def is_compiled(model: nn.Module) -> bool:
    """Whether torch.compile made it, or is to compile its calls."""
    if isinstance(model, DistributedDataParallel):
        return is_compiled(model.module)
    return isinstance(getattr(model, "_orig_mod", None), nn.Module) or (
        getattr(model, "_compiled_call_impl", None) is not None
    )


def _wrapped(module: nn.Module) -> nn.Module | None:
    if isinstance(module, DistributedDataParallel):
        return module.module  # type: ignore[no-any-return]
    inner = getattr(module, "_orig_mod", None)
    return inner if isinstance(inner, nn.Module) else None


def named_modules(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Every module with its dotted path, "" for the root, without the names that wrappers put in between."""
    found: list[tuple[str, nn.Module]] = []
    seen: set[int] = set()

    def visit(path: str, module: nn.Module) -> None:
        if id(module) in seen:
            return
        seen.add(id(module))
        inner = _wrapped(module)
        if inner is not None:
            visit(path, inner)
            return
        found.append((path, module))
        for name, child in module.named_children():
            visit(f"{path}.{name}" if path else name, child)

    visit("", model)
    return found


def find_rows(model: nn.Module) -> Rows:
    """Rows of the modules that own parameters; the blocks are added by `blocks.add_blocks`.

    Args:
        model: Without wrappers around it.
    """
    modules = named_modules(model)
    by_path = dict(modules)
    owned: dict[str, list[tuple[str, nn.Parameter]]] = {}
    for path, module in modules:
        for name, parameter in module.named_parameters(recurse=False):
            owner, own_name = _owner(path, name)
            owned.setdefault(owner, []).append((own_name, parameter))
    # A module stands where it is registered, also where only its parametrizations have parameters.
    found = Rows([], [], [], [], [])
    place_of: dict[int, int] = {}
    for path, _ in modules:
        if path in owned:
            _add_module(found, place_of, path, by_path[path], owned[path])
    return found


def _add_module(
    found: Rows, place_of: dict[int, int], path: str, module: nn.Module, own: list[tuple[str, nn.Parameter]]
) -> None:
    """Adds the row of a module, or those of the layers of a fused RNN."""
    parts: dict[str, list[tuple[str, nn.Parameter]]] = {}
    for name, parameter in own:
        parts.setdefault(_part(name) if isinstance(module, nn.RNNBase) else "", []).append((name, parameter))
    gains = _gains([name for name, _ in own])
    top = max((_layer(part) for part in parts), default=0)
    for part, members in parts.items():
        named = ".".join(filter(None, (path, part))) or "model"
        row = Row(named, _class_name(module), module, returns=not part or part == f"layer{top}")
        index = len(found.rows)
        for name, parameter in members:
            known = place_of.get(id(parameter))
            if known is not None:
                row.tied = row.tied or found.rows[found.owner[known]].name
                continue
            place = place_of[id(parameter)] = len(found.parameters)
            row.parameters.append(place)
            found.parameters.append(parameter)
            found.names.append(f"{path}.{name}" if path else name)
            found.owner.append(index)
            found.matrix.append(parameter.ndim > 1 and name not in gains)
        found.rows.append(row)


def _owner(path: str, name: str) -> tuple[str, str]:
    """Module that a parameter belongs to and its name there: what a parametrization holds belongs to the module that it is of."""
    full = f".{path}.{name}"
    if _PARAMETRIZATIONS not in full:
        return path, name
    owner, _, rest = full.partition(_PARAMETRIZATIONS)
    return owner.strip("."), f"parametrizations.{rest}"


def _gains(names: list[str]) -> set[str]:
    """Magnitudes that a weight normalisation keeps beside the directions: a number an output, though they have a matrix's shape."""
    others = set(names)
    old = {name for name in names if name.endswith("_g") and f"{name[:-2]}_v" in others}
    new = {name for name in names if name.endswith(".original0") and f"{name[:-1]}1" in others}
    return old | new


def _part(name: str) -> str:
    """Layer of a fused RNN that a parameter belongs to.

    >>> _part("weight_ih_l0"), _part("bias_hh_l1_reverse"), _part("parametrizations.weight_hh_l0.original1")
    ('layer0', 'layer1_reverse', 'layer0')
    """
    tensor = name.split(".")[1] if name.startswith("parametrizations.") else name
    match = _RNN_LAYER.search(tensor)
    return "" if match is None else f"layer{match[1]}{match[2] or ''}"


def _layer(part: str) -> int:
    digits = part.removeprefix("layer").removesuffix("_reverse")
    return int(digits) if digits.isdigit() else 0


def _class_name(module: nn.Module) -> str:
    """The module's class; a parametrization has put a subclass of its own in its place."""
    is_parametrized = parametrize.is_parametrized(module)
    return (type(module).__mro__[1] if is_parametrized else type(module)).__name__


def fans(row: Row, rows: Rows) -> tuple[int, int]:
    """fan_in and fan_out of a row's matrix; (0, 0) where it has none, or several of different shapes."""
    shapes = {tuple(rows.parameters[place].shape) for place in row.parameters if rows.matrix[place]}
    if len(shapes) != 1:
        return 0, 0
    (shape,) = shapes
    if isinstance(row.module, nn.Embedding | nn.EmbeddingBag):
        return shape[0], shape[1]
    field_size = torch.Size(shape[2:]).numel()
    return shape[1] * field_size, shape[0] * field_size
