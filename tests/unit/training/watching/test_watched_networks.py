"""What a watch finds in networks of all sorts: rows, blocks, chains, order, activations, where a number stops being finite."""

import copy
import math
import pickle
import subprocess
import sys
import warnings
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gradlab.errors import UsageError, WatchWarning
from gradlab.results.record import ModuleRows, Record
from gradlab.training.watching.options import Options
from gradlab.training.watching.watcher import Watcher
from tests.made.own_modules import Recurrent, ResNet, Transformer, cases, mlp


def train(model: nn.Module, inputs: Any, steps: int = 2, loss: Any = None, **options: Any) -> tuple[Record, Watcher]:
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.05)
    watcher = Watcher(model, optimizer, options=Options(**{"quantities": "all", **options}))
    for _ in range(steps):
        optimizer.zero_grad()
        (model(inputs).square().mean() if loss is None else loss(model(inputs))).backward()
        optimizer.step()
    watcher.close()
    record = watcher.record()
    assert record is not None
    assert not watcher.facts["warnings"]
    return record, watcher


def rows_of(record: Record) -> ModuleRows:
    assert record.rows is not None
    return record.rows


def values(record: Record, name: str, row: str) -> list[float | None]:
    column, place = record.layers[name], rows_of(record).names.index(row)
    return [
        float(value) if there else None
        for value, there in zip(column.values[:, place], column.present[:, place], strict=True)
    ]


def chains(record: Record) -> list[list[str]]:
    rows = rows_of(record)
    return [[rows.names[place] for place in chain] for chain in rows.chains]


# Rows, blocks and their order.


def test_rows_of_a_resnet_are_one_chain_of_blocks() -> None:
    record, _ = train(ResNet(blocks=(2, 2)), torch.randn(4, 1, 8, 8))
    rows = rows_of(record)
    blocks = ["layer1.0", "layer1.1", "layer2.0", "layer2.1"]
    assert chains(record) == [blocks]
    assert rows.axis == "blocks"
    assert rows.names[:7] == (
        "conv1", "bn1", "layer1.0.conv1", "layer1.0.bn1", "layer1.0.conv2", "layer1.0.bn2", "layer1.0"
    )  # fmt: skip
    assert rows.names[-1] == "fc"
    assert rows.readout == len(rows.names) - 1
    assert rows.kinds[rows.names.index("layer2.0")] == "block"
    at = rows.names.index
    assert rows.blocks[at("layer2.0.downsample.0")] == at("layer2.0")
    assert rows.blocks[at("conv1")] is None
    assert rows.weights[at("layer1.0")] == 2 * 8 * 8 * 9
    assert (record.fan_in[at("conv1")], record.fan_out[at("conv1")]) == (9, 72)
    assert record.fan_in[at("bn1")] == 0


def test_encoder_and_decoder_are_a_chain_each() -> None:
    class Seq2Seq(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.transformer = nn.Transformer(8, 2, 3, 3, 16, dropout=0.0, batch_first=True)
            self.head = nn.Linear(8, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.transformer(x, x))

    record, _ = train(Seq2Seq(), torch.randn(2, 5, 8))
    assert chains(record) == [[f"transformer.{part}.layers.{i}" for i in range(3)] for part in ("encoder", "decoder")]
    assert rows_of(record).readout is not None


def test_stages_are_not_blocks_and_what_is_inside_a_block_is_not_one() -> None:
    def conv(width: int) -> nn.Module:
        return nn.Sequential(nn.Conv2d(width, width, 1), nn.ReLU())

    class Inverted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Sequential(conv(4), conv(4), nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4))

        def forward(self, x: Tensor) -> Tensor:
            return x + self.conv(x)

    stages = nn.Sequential(*[nn.Sequential(*[Inverted() for _ in range(2)]) for _ in range(3)])
    record, _ = train(nn.Sequential(OrderedDict(stem=nn.Conv2d(1, 4, 1), stages=stages)), torch.randn(4, 1, 4, 4))
    assert chains(record) == [[f"stages.{i}.{j}" for i in range(3) for j in range(2)]]


def test_a_plain_stack_is_a_chain_of_layers_without_norms_and_readout() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 2))
    record, _ = train(model, torch.randn(9, 4))
    rows = rows_of(record)
    assert chains(record) == [["0", "3"]]
    assert (rows.axis, rows.names[rows.readout or 0]) == ("rows", "5")
    assert values(record, "grad_norm", "1") == [None, None]
    assert None not in values(record, "norm_grad_norm", "1")
    assert values(record, "norm_grad_norm", "0") == [None, None]


def test_heads_beside_each_other_are_not_what_makes_a_network_deep() -> None:
    class Heads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trunk = mlp(9, 4)
            self.heads = nn.ModuleList(nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 1)) for _ in range(3))

        def forward(self, x: Tensor) -> Tensor:
            h = self.trunk(x)
            return torch.cat([head(h) for head in self.heads], 1)

    record, _ = train(Heads(), torch.randn(9, 8))
    (chain,) = chains(record)
    assert rows_of(record).axis == "rows"
    assert chain[:3] == ["trunk.0", "trunk.2", "trunk.4"]


def test_rows_stand_in_order_of_use_and_not_of_registration() -> None:
    class Backwards(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.third, self.unused, self.first, self.second = (nn.Linear(4, 4) for _ in range(4))
            self.gain = nn.Parameter(torch.ones(4))

        def forward(self, x: Tensor) -> Tensor:
            return self.third(self.second(self.first(x * self.gain)))

    record, _ = train(Backwards(), torch.randn(3, 4))
    names = list(rows_of(record).names)
    assert [name for name in names if name != "unused"] == ["model", "first", "second", "third"]
    for name in ("grad_norm", "log10_backward_norm", "log10_update_ratio"):
        assert values(record, name, "unused") == [None, None]
    assert None not in values(record, "norm_grad_norm", "model")
    assert rows_of(record).names[rows_of(record).readout or 0] == "third"


def test_a_tied_head_names_the_row_that_owns_its_weight() -> None:
    record, _ = train(Transformer(True), torch.arange(30).view(5, 6) % 11)
    rows = rows_of(record)
    assert rows.tied == {rows.names.index("head"): "embedding"}
    assert values(record, "grad_norm", "head") == [None, None]
    assert None not in values(record, "log10_backward_norm", "head")
    assert rows.names[rows.readout or 0] == "head"
    assert "blocks.0.attention.out_proj" in rows.names
    assert rows.kinds[rows.names.index("blocks.0.attention")] == "MultiheadAttention"


def test_layers_of_a_fused_rnn_are_rows() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.LSTM(3, 4, num_layers=2, bidirectional=True)

        def forward(self, x: Tensor) -> Tensor:
            return self.rnn(x)[0]

    record, _ = train(Both(), torch.randn(5, 2, 3))
    assert set(rows_of(record).names) == {"rnn.layer0", "rnn.layer0_reverse", "rnn.layer1", "rnn.layer1_reverse"}
    assert None not in values(record, "grad_norm", "rnn.layer0_reverse")
    assert values(record, "log10_backward_norm", "rnn.layer0") == [None, None]
    assert None not in values(record, "log10_backward_norm", "rnn.layer1")


@pytest.mark.parametrize("kind", ["weight_norm", "spectral_norm", "old_weight_norm"])
def test_what_parametrizes_a_weight_is_its_owners(kind: str) -> None:
    model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wrap: Any = nn.utils.weight_norm if kind.startswith("old") else getattr(nn.utils.parametrizations, kind)
        wrap(model[0])
    record, _ = train(model, torch.randn(9, 4))
    assert rows_of(record).names == ("0", "2")
    assert rows_of(record).kinds == ("Linear", "Linear")
    assert None not in values(record, "grad_norm", "0")
    direction = {
        "weight_norm": "parametrizations.weight.original1",
        "spectral_norm": "parametrizations.weight.original",
        "old_weight_norm": "weight_v",
    }[kind]
    assert rows_of(record).weights[0] == dict(model[0].named_parameters())[direction].numel()


def test_containers_of_parameters_and_modules() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(()))
            self.matrices = nn.ParameterList([nn.Parameter(torch.randn(3, 3)) for _ in range(2)])
            self.parts = nn.ModuleDict({"a.b".replace(".", "_"): nn.Linear(3, 3)})

        def forward(self, x: Tensor) -> dict[str, Any]:
            for matrix in self.matrices:
                x = torch.tanh(x @ matrix)
            return {"out": (self.scale * self.parts["a_b"](x), None), "n": 3}

    record, watcher = train(Odd(), torch.randn(4, 3), loss=lambda out: out["out"][0].square().mean())
    assert set(rows_of(record).names) == {"model", "matrices", "parts.a_b"}
    assert None not in values(record, "grad_norm", "matrices")
    assert not watcher.facts["warnings"]


def test_one_parameter_is_enough() -> None:
    class Single(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Parameter(torch.tensor(2.0))

        def forward(self, x: Tensor) -> Tensor:
            return self.a * x

    record, _ = train(Single(), torch.ones(3))
    assert rows_of(record).names == ("model",)
    assert values(record, "norm_grad_norm", "model")[0] == pytest.approx(4.0)
    assert values(record, "log10_update_ratio", "model")[0] == pytest.approx(math.log10(0.05 * 4.0 / 2.0))


@dataclass
class Output:
    logits: Tensor
    hidden: tuple[Tensor, ...]
    loss: Tensor | None = None


@pytest.mark.parametrize("first_used", [0, 1])
def test_of_several_tensors_the_first_that_is_used_is_the_rows(first_used: int) -> None:
    class Split(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.randn(4, 6))

        def forward(self, x: Tensor) -> Output:
            z = x @ self.w
            return Output(z[:, :2], (z[:, 2:4], z[:, 4:]))

    class Outer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.split, self.head = Split(), nn.Linear(4, 1)

        def forward(self, x: Tensor) -> Tensor:
            out = self.split(x)
            return self.head(torch.cat([out.logits, *out.hidden][first_used : first_used + 2], 1))

    torch.manual_seed(0)
    model, x = Outer(), torch.randn(5, 4)
    columns = slice(2 * first_used, 2 * first_used + 2)
    rms = float((x @ model.split.w.detach())[:, columns].square().mean().sqrt())
    delta = ((model(x) * 2 / 5) @ model.head.weight)[:, :2].detach()
    record, _ = train(model, x)
    assert values(record, "calls", "split") == [1, 1]
    assert values(record, "log10_backward_norm", "split")[0] == pytest.approx(math.log10(float(delta.norm())), abs=1e-5)
    assert values(record, "forward_rms", "split")[0] == pytest.approx(rms, rel=1e-5)


# Calls and time.


def test_a_module_that_is_called_thirty_times_is_one_row() -> None:
    torch.manual_seed(0)
    cell, head = nn.RNNCell(2, 6), nn.Linear(6, 1)
    model = nn.ModuleDict({"cell": cell, "head": head})
    x, states = torch.randn(30, 4, 2), []

    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    watcher = Watcher(model, optimizer, options=Options(quantities="all"))
    hidden = torch.zeros(4, 6)
    for step in range(30):
        hidden = cell(x[step], hidden)
        hidden.retain_grad()
        states.append(hidden)
    head(hidden).square().mean().backward()
    optimizer.step()
    watcher.close()
    record = watcher.record()
    assert record is not None
    assert values(record, "calls", "cell") == [30]
    norms = [float(state.grad.double().norm()) for state in states]  # type: ignore[union-attr]
    assert values(record, "time_decades", "cell")[0] == pytest.approx(math.log10(norms[0] / norms[-1]), abs=1e-5)
    assert values(record, "log10_backward_norm", "cell")[0] == pytest.approx(math.log10(math.hypot(*norms)), abs=1e-5)


def parallel_of(model: nn.Module, loss: Callable[[], torch.Tensor]) -> list[str]:
    """Names of the rows whose calls were seen not to read one another."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    watcher = Watcher(model, optimizer)
    for _ in range(2):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
    watcher.close()
    record = watcher.record()
    assert record is not None
    assert record.rows is not None
    return [record.rows.names[row] for row in record.rows.parallel]


@pytest.mark.parametrize("in_turns", [1, 2, 3])
def test_calls_of_a_cell_read_one_another_and_those_of_its_head_do_not(in_turns: int) -> None:
    torch.manual_seed(0)
    model = nn.ModuleDict({"cell": nn.LSTMCell(2, 6), "head": nn.Linear(6, 1)})

    def loss() -> torch.Tensor:
        states: list[Any] = [None] * in_turns
        total = torch.zeros(())
        for _ in range(5):
            for place in range(in_turns):
                states[place] = model["cell"](torch.randn(4, 2), states[place])
                total = total + model["head"](states[place][0]).square().mean()
        return total

    assert parallel_of(model, loss) == ["head"]


def test_calls_of_a_siamese_network_do_not_read_one_another() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))
    assert parallel_of(model, lambda: (model(torch.randn(8, 4)) - model(torch.randn(8, 4))).square().mean()) == [
        "0",
        "2",
    ]


def test_parts_of_an_accumulation_are_not_calls_beside_one_another() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 1))

    def loss() -> torch.Tensor:
        model(torch.randn(8, 4)).square().mean().backward()
        return model(torch.randn(8, 4)).square().mean()

    assert parallel_of(model, loss) == []


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_a_fused_rnn_shows_time_in_its_inputs_gradient(kind: type[nn.RNNBase]) -> None:
    torch.manual_seed(0)
    model, x = Recurrent(kind), torch.randn(6, 20, 4)
    twin = copy.deepcopy(model).double()
    own = x.double().requires_grad_()
    twin(own).square().mean().backward()
    norms = own.grad.norm(dim=(0, 2))  # type: ignore[union-attr]
    record, _ = train(model, x)
    assert values(record, "time_decades", "rnn.layer0")[0] == pytest.approx(
        float(torch.log10(norms[0] / norms[-1])), abs=1e-4
    )
    assert not x.requires_grad
    packed = nn.utils.rnn.pack_padded_sequence(x, torch.tensor([20, 20, 9, 8, 7, 1]), batch_first=True)
    record, _ = train(copy.deepcopy(model), packed)
    assert values(record, "time_decades", "rnn.layer0")[0] is not None


# What is there only at times.


def test_what_is_frozen_is_null_until_it_is_trained() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 2))
    model[0].requires_grad_(False)
    optimizer = torch.optim.SGD(model[2].parameters(), lr=0.1)
    watcher = Watcher(model, optimizer, options=Options(quantities="all"))
    for step in range(3):
        if step == 2:
            model[0].requires_grad_(True)
            optimizer.add_param_group({"params": model[0].parameters()})
        optimizer.zero_grad()
        model(torch.randn(9, 4)).square().mean().backward()
        optimizer.step()
    watcher.close()
    record = watcher.record()
    assert record is not None
    for name in ("grad_norm", "log10_backward_norm", "log10_update_ratio", "calls"):
        found = values(record, name, "0")
        assert found[:2] == [None, None], name
        assert found[2] is not None, name
        assert None not in values(record, name, "2")


def test_a_conditional_layer_is_null_where_it_is_not_used() -> None:
    class Conditional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.always, self.odd = nn.Linear(4, 4), nn.Linear(4, 4)
            self.step = 0

        def forward(self, x: Tensor) -> Tensor:
            self.step += 1
            return self.odd(self.always(x)) if self.step % 2 else self.always(x)

    record, _ = train(Conditional(), torch.randn(3, 4), steps=4)
    for name in ("grad_norm", "log10_backward_norm", "log10_update_ratio"):
        assert [value is None for value in values(record, name, "odd")] == [False, True, False, True]
        assert None not in values(record, name, "always")
    first_unused, _ = train(Conditional(), torch.randn(3, 4), steps=5)
    assert first_unused.figures["log10_grad_norm_total"].present.all()


def test_evaluation_in_between_counts_for_nothing() -> None:
    case, twin = cases()["resnet"](), cases()["resnet"]()
    found = []
    for each, evaluates in ((case, True), (twin, False)):
        optimizer = torch.optim.SGD(each.model.parameters(), lr=0.05)
        watcher = Watcher(each.model, optimizer, options=Options(quantities="all"))
        for _ in range(3):
            optimizer.zero_grad()
            each.loss(each.model, each.inputs).backward()
            if evaluates:
                each.model.eval()
                with torch.no_grad():
                    each.model(3 * each.inputs)
                each.model(5 * each.inputs)  # not even without no_grad
                each.model.train()
            optimizer.step()
        watcher.close()
        record = watcher.record()
        assert record is not None
        found.append(record)
    for name, column in found[0].layers.items():
        np.testing.assert_array_equal(column.values, found[1].layers[name].values, err_msg=name)


def test_a_loss_that_is_computed_twice_and_a_pass_that_is_run_twice() -> None:
    case = cases()["mlp"]()
    optimizer = torch.optim.SGD(case.model.parameters(), lr=0.05)
    watcher = Watcher(case.model, optimizer, options=Options(quantities="all"))
    case.loss(case.model, case.inputs)
    case.loss(case.model, case.inputs).backward()
    optimizer.step()
    optimizer.zero_grad()
    loss = case.loss(case.model, case.inputs)
    loss.backward(retain_graph=True)
    loss.backward()
    total = math.log10(float(case.model[0].weight.grad.norm()))  # type: ignore[index, union-attr]
    optimizer.step()
    watcher.close()
    record = watcher.record()
    assert record is not None
    assert values(record, "calls", "0") == [1, 2]
    assert values(record, "log10_grad_norm", "0")[1] == pytest.approx(total, abs=1e-5)


# Activation modules.


@pytest.mark.parametrize("inplace", [False, True])
def test_dead_units(inplace: bool) -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(inplace), nn.Linear(8, 8), nn.ReLU(inplace), nn.Linear(8, 2))
    with torch.no_grad():
        model[0].bias.fill_(20.0)
        model[2].bias.fill_(-1e4)
    record, _ = train(model, torch.randn(16, 4))
    assert values(record, "dead_fraction", "0")[0] == 0.0
    assert values(record, "mean_slope", "0")[0] == 1.0
    assert values(record, "dead_fraction", "2")[0] == 1.0
    assert values(record, "inactive_fraction", "2")[0] == 1.0
    assert values(record, "activation_mean", "2")[0] == 0.0
    assert rows_of(record).activations == ("ReLU", "ReLU", None)
    assert values(record, "dead_fraction", "4") == [None, None]


def test_dead_channels_of_a_convolution() -> None:
    model = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(8, 1, 3))
    with torch.no_grad():
        model[0].bias[:3] = -1e3
        model[0].bias[3:] = 5.0
    record, _ = train(model, torch.randn(16, 1, 6, 6))
    assert values(record, "dead_fraction", "0")[0] == pytest.approx(3 / 8)
    small, _ = train(model, torch.randn(4, 1, 6, 6))
    assert "dead_fraction" not in small.layers


ACTIVATIONS = [
    nn.ReLU(), nn.ReLU6(), nn.Hardtanh(), nn.Hardsigmoid(), nn.Sigmoid(), nn.Tanh(), nn.LogSigmoid(), nn.Softplus(), nn.Softplus(2.0),
    nn.Softsign(), nn.LeakyReLU(), nn.LeakyReLU(0.3), nn.ELU(), nn.ELU(0.5), nn.CELU(2.0), nn.SELU(), nn.GELU(), nn.SiLU(), nn.Mish(),
    nn.Hardswish(), nn.LeakyReLU(inplace=True), nn.ELU(inplace=True), nn.Hardtanh(inplace=True),
]  # fmt: skip


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=repr)
def test_slopes_are_autograds(activation: nn.Module) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 9), activation, nn.Linear(9, 2))
    with torch.no_grad():
        model[0].weight.mul_(6.0)
    x = torch.randn(32, 4)
    z = model[0](x).double().detach().requires_grad_()
    h = copy.deepcopy(activation)(z * 1.0)
    h.sum().backward()
    wide = torch.linspace(-30, 30, 200001, dtype=torch.float64, requires_grad=True)
    copy.deepcopy(activation)(wide * 1.0).sum().backward()
    assert wide.grad is not None
    assert z.grad is not None
    slope = z.grad / wide.grad.abs().max()
    inactive = slope.abs() < 1e-3
    record, _ = train(model, x)
    expected = {
        "activation_mean": h.mean(), "activation_std": h.std(correction=0), "mean_slope": slope.mean(),
        "inactive_fraction": inactive.double().mean(), "dead_fraction": inactive.all(0).double().mean(),
    }  # fmt: skip
    for name, value in expected.items():
        assert values(record, name, "0")[0] == pytest.approx(float(value.detach()), abs=2e-4), name


def test_functions_are_not_seen() -> None:
    class Functional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(4, 8), nn.Linear(8, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.b(torch.relu(self.a(x)))

    record, _ = train(Functional(), torch.randn(16, 4))
    assert "mean_slope" not in record.layers
    assert rows_of(record).activations == ()


# Numbers that are not finite.


def test_an_infinite_signal_is_found_where_it_begins() -> None:
    class Breaks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.l = nn.ModuleList(nn.Linear(4, 4) for _ in range(6))
            self.step = -1

        def forward(self, x: Tensor) -> Tensor:
            self.step += 1
            for index, layer in enumerate(self.l):
                x = layer(x)
                if index == 3 and self.step == 3:
                    x = x * math.inf
            return x

    model = Breaks()
    record, watcher = train(model, torch.randn(3, 4), steps=5)
    outcome = watcher.outcome()
    assert (outcome.kind, outcome.step) == ("diverged", 3)
    assert rows_of(record).names[(outcome.layer or 0) - 1] == "l.4"
    assert "the output of l.4" in (outcome.reason or "")


def test_an_infinite_gradient_is_found_nearest_to_the_loss() -> None:
    class Root(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.l = nn.ModuleList(nn.Linear(4, 4) for _ in range(6))
            self.step = -1

        def forward(self, x: Tensor) -> Tensor:
            self.step += 1
            for index, layer in enumerate(self.l):
                x = layer(x)
                if index == 3 and self.step == 2:
                    x = torch.sqrt(x * 0.0)
            return x

    record, watcher = train(Root(), torch.randn(3, 4), steps=4)
    outcome = watcher.outcome()
    assert (outcome.kind, outcome.step) == ("diverged", 2)
    assert rows_of(record).names[(outcome.layer or 0) - 1] == "l.3"
    assert "the gradient of the output of l.3" in (outcome.reason or "")


def test_a_mask_of_minus_infinity_is_no_divergence() -> None:
    class Masked(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            z = super().forward(x)
            return z.masked_fill(torch.arange(z.shape[1]) == 0, -math.inf)

    model = nn.Sequential(nn.Linear(4, 4), Masked(4, 4))
    _, watcher = train(model, torch.randn(5, 4), loss=lambda z: nn.functional.cross_entropy(z, torch.ones(5).long()))
    assert watcher.outcome().kind == "completed"


# Number formats, sizes.


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_other_number_formats(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    model = mlp(3, 16).to(dtype)
    x = torch.randn(8, 8, dtype=dtype)
    before = model[0].weight.detach().clone()
    record, watcher = train(model, x, steps=1)
    assert watcher.experiment_parts()[1].dtype == str(dtype).removeprefix("torch.")
    grad = model[0].weight.grad
    assert grad is not None
    assert values(record, "grad_norm", "0")[0] == pytest.approx(float(grad.double().norm()), rel=1e-6)
    ratio = (model[0].weight.detach().double() - before.double()).norm() / before.double().norm()
    assert values(record, "log10_update_ratio", "0")[0] == pytest.approx(float(torch.log10(ratio)), abs=1e-6)


def test_norms_of_sparse_and_of_complex_gradients() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words = nn.Embedding(9, 4, sparse=True)
            self.turn = nn.Parameter(torch.randn(4, 4, dtype=torch.complex64))

        def forward(self, tokens: Tensor) -> Tensor:
            return (self.words(tokens).to(torch.complex64) @ self.turn).abs().square()

    torch.manual_seed(0)
    model = Odd()
    record, _ = train(model, torch.tensor([1, 1, 1, 5]), steps=1)
    dense = model.words.weight.grad.to_dense()  # type: ignore[union-attr]
    assert values(record, "grad_norm", "words")[0] == pytest.approx(float(dense.norm()), rel=1e-5)
    assert model.turn.grad is not None
    assert values(record, "grad_norm", "model")[0] == pytest.approx(float(model.turn.grad.abs().norm()), rel=1e-5)


@pytest.mark.parametrize("size", [1e-30, 1e-22, 1.0, 1e18])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_norms_are_right_at_any_size(size: float, memory_format: torch.memory_format) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(8, 40, 3), nn.Conv2d(40, 8, 3)).to(memory_format=memory_format)
    x = torch.randn(2, 8, 40, 40).to(memory_format=memory_format)
    record, _ = train(model, x, steps=1, loss=lambda z: z.sum() * size)
    for place in (0, 1):
        right = model[place].weight.grad.double().norm()  # type: ignore[union-attr]
        assert right > 0
        assert values(record, "log10_grad_norm", str(place))[0] == pytest.approx(float(torch.log10(right)), abs=1e-6)


# Copies.


def test_copies_and_pickles_have_dead_hooks(tmp_path: Path) -> None:
    model = Recurrent()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watcher = Watcher(model, optimizer, options=Options(quantities="all"))
    x = torch.randn(4, 5, 4)
    model(x).square().mean().backward()
    optimizer.step()
    twin = copy.deepcopy(model)
    copy.deepcopy(twin)
    other = pickle.loads(pickle.dumps(model))
    torch.save(model, tmp_path / "model.pt")
    loaded = torch.load(tmp_path / "model.pt", weights_only=False)
    copy.deepcopy(optimizer)
    pickle.dumps(optimizer)
    for each in (twin, other, loaded):
        for _ in range(3):
            each(x).square().mean().backward()
    optimizer.zero_grad()
    model(x).square().mean().backward()
    optimizer.step()
    watcher.close()
    record = watcher.record()
    assert record is not None
    assert values(record, "calls", "head") == [1, 1]
    code = (
        "import sys, torch; sys.modules['gradlab'] = None\n"
        f"m = torch.load({str(tmp_path / 'linear.pt')!r}, weights_only=False); m(torch.ones(2, 3)).sum().backward()"
    )
    plain = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
    second = Watcher(plain, torch.optim.SGD(plain.parameters(), lr=0.1))
    torch.save(plain, tmp_path / "linear.pt")
    with pytest.warns(WatchWarning):
        second.close()
    subprocess.run([sys.executable, "-c", code], check=True)


# Bad use.


def test_bad_uses_are_refused_with_a_remedy() -> None:
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    foreign = torch.optim.SGD(mlp().parameters(), lr=0.1)
    lazy = nn.Sequential(nn.LazyLinear(3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scripted = torch.jit.script(nn.Linear(2, 2))
    refused: list[tuple[Any, Any, Any, str]] = [
        ("model", optimizer, {}, "expected a torch.nn.Module"),
        (nn.ReLU(), optimizer, {}, "no parameters"),
        (lazy, torch.optim.SGD(lazy.parameters(), lr=0.1), {}, "call the model once"),
        (model, foreign, {}, "steps none of the model's parameters"),
        (model, None, {}, "expected a torch.optim.Optimizer"),
        (model, [], {}, "the list is empty"),
        (model, [optimizer, optimizer], {}, "stands twice"),
        (nn.DataParallel(model), optimizer, {}, "DataParallel"),
        (scripted, optimizer, {}, "TorchScript"),
        (model, optimizer, {"quantities": "gradient"}, "unknown quantity"),
        (model, optimizer, {"quantities": ("sign_coherence",)}, "sign_coherence is not recorded"),
        (model, optimizer, {"every": 0}, "every"),
        (model, optimizer, {"scaler": 3}, "scaler"),
    ]
    for given, steps, options, match in refused:
        with pytest.raises(UsageError, match=match):
            Watcher(given, steps, options=Options(**options))
    watcher = Watcher(model, optimizer)
    with pytest.raises(UsageError, match="watched already"):
        Watcher(model, optimizer)
    with pytest.warns(WatchWarning, match="never stepped"):
        watcher.close()
    again = Watcher(model, optimizer)
    with pytest.warns(WatchWarning):
        again.close()
    assert again.record() is None


def test_what_cannot_be_seen_is_said() -> None:
    model = mlp()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    x = torch.randn(9, 8)

    def step(call: Any = model) -> None:
        optimizer.zero_grad()
        call(x).square().mean().backward()
        optimizer.step()

    step()
    with pytest.warns(WatchWarning, match="has stepped before, 1 time as"):
        watcher = Watcher(model, optimizer)
    step()
    watcher.close()
    record = watcher.record()
    assert record is not None
    assert record.steps.tolist() == [1]
    assert watcher.facts["started_late"] == 1

    fresh = mlp()
    optimizer = torch.optim.SGD(fresh.parameters(), lr=0.1)
    watcher = Watcher(fresh, optimizer)
    with pytest.warns(WatchWarning, match="no parameter of the watched model has a gradient"):
        optimizer.step()
    watcher.close()

    fresh = mlp()
    optimizer = torch.optim.SGD(fresh.parameters(), lr=0.1)
    watcher = Watcher(fresh, optimizer)

    def direct(value: Tensor) -> Tensor:
        for layer in fresh:
            value = layer.forward(value)
        return value

    with pytest.warns(WatchWarning, match="forward is called directly"):
        step(direct)
    watcher.close()

    fresh = mlp()
    optimizer = torch.optim.SGD(fresh.parameters(), lr=0.1)
    watcher = Watcher(fresh, optimizer)
    step(fresh)
    fresh[0] = nn.Linear(8, 12)
    with pytest.warns(WatchWarning, match="close this watch"):
        watcher.close()


def test_a_fault_of_the_recorder_stops_it_and_not_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    case = cases()["mlp"]()
    twin = cases()["mlp"]()
    for each, is_watched in ((case, True), (twin, False)):
        optimizer = torch.optim.SGD(each.model.parameters(), lr=0.1)
        watcher = Watcher(each.model, optimizer) if is_watched else None
        for step in range(5):
            if step == 3 and watcher is not None:
                monkeypatch.setattr("gradlab.training.watching.signals.norm", lambda x: 1 / 0)
            optimizer.zero_grad()
            if step == 3 and watcher is not None:
                with pytest.warns(WatchWarning, match="ZeroDivisionError"):
                    loss = each.loss(each.model, each.inputs)
            else:
                loss = each.loss(each.model, each.inputs)
            loss.backward()
            optimizer.step()
        if watcher is not None:
            assert not watcher.is_open
            record = watcher.record()
            assert record is not None
            assert len(record.steps) == 3
    assert all(torch.equal(a, b) for a, b in zip(case.model.parameters(), twin.model.parameters(), strict=True))


# What is logged.


def test_a_figure_is_of_the_step_whose_loss_it_is() -> None:
    places = ("before backward", "after backward", "after the step")
    for place in places:
        case = cases()["mlp"]()
        optimizer = torch.optim.SGD(case.model.parameters(), lr=0.5)
        watcher = Watcher(case.model, optimizer)
        losses = []
        for _ in range(4):
            optimizer.zero_grad()
            loss = case.loss(case.model, case.inputs)
            losses.append(float(loss.detach()))
            if place == "before backward":
                watcher.log(loss=loss)
            loss.backward()
            if place == "after backward":
                watcher.log(loss=loss.item(), accuracy=0.5)
            optimizer.step()
            if place == "after the step":
                watcher.log(loss=loss)
        watcher.close()
        record = watcher.record()
        assert record is not None
        np.testing.assert_allclose(record.figures["loss"].values, losses, rtol=1e-6, err_msg=place)
        assert record.figures["loss"].present.all()
        assert ("accuracy" in record.figures) == (place == "after backward")


def test_what_has_no_name_is_said_and_losses_of_outputs_are_taken() -> None:
    case = cases()["mlp"]()
    optimizer = torch.optim.SGD(case.model.parameters(), lr=0.5)
    watcher = Watcher(case.model, optimizer, options=Options(every=2))
    for step in range(4):
        optimizer.zero_grad()
        loss = case.loss(case.model, case.inputs)
        loss.backward()
        watcher.log(loss=Output(loss, (), torch.tensor(float(step))))
        optimizer.step()
    with pytest.warns(WatchWarning, match="f1 cannot be logged"):
        watcher.log(f1=3.0)
    watcher.close()
    record = watcher.record()
    assert record is not None
    assert record.steps.tolist() == [0, 2]
    assert record.figures["loss"].values.tolist() == [0.0, 2.0]


def test_quantities_decide_which_hooks_there_are() -> None:
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    watcher = Watcher(model, optimizer, options=Options(quantities=("grad_norm",)))
    assert not any(module._forward_hooks for module in model.modules())
    model(torch.randn(4, 8)).square().mean().backward()
    optimizer.step()
    watcher.close()
    record = watcher.record()
    assert record is not None
    assert list(record.layers) == ["grad_norm"]
    assert "log10_grad_norm_total" in record.figures
    record, _ = train(mlp(), torch.randn(9, 8), quantities="gradients")
    assert set(record.layers) == {"grad_norm", "log10_grad_norm", "log10_backward_rms", "log10_backward_norm", "calls"}


@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("quantities", ["default", "gradients"])
def test_gradients_that_are_never_set_to_zero_are_told(every: int, quantities: str) -> None:
    model, x = mlp(), torch.randn(8, 8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    watcher = Watcher(model, optimizer, options=Options(every=every, quantities=quantities))

    def loop() -> None:
        for _ in range(8):
            model(x).square().mean().backward()
            optimizer.step()

    with pytest.warns(WatchWarning, match=r"call optimizer\.zero_grad\(\) before backward"):
        loop()
    watcher.close()


@pytest.mark.parametrize("to_none", [True, False])
@pytest.mark.parametrize("first", [True, False])
def test_gradients_that_are_set_to_zero_anywhere_are_not(to_none: bool, first: bool) -> None:
    """Also accumulated ones, and those of a critic through which the generator's gradient comes too."""
    critic, maker = mlp(), nn.Linear(8, 8)
    optimizers = [torch.optim.SGD(each.parameters(), lr=0.01) for each in (critic, maker)]
    watchers = [Watcher(critic, optimizers[0]), Watcher(maker, optimizers[1])]
    for _ in range(8):
        for each, noise in zip(optimizers, (True, False), strict=True):
            if first:
                each.zero_grad(set_to_none=to_none)
            for _ in range(2):
                made = maker(torch.randn(8, 8))
                critic(made.detach() if noise else made).square().mean().backward()
            each.step()
            if not first:
                for other in optimizers:
                    other.zero_grad(set_to_none=to_none)
    for watcher in watchers:
        watcher.close()
