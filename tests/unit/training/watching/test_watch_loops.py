"""What a watch makes of the loops that people write: accumulation, clipping, loss scales, closures, checkpoints, several networks."""

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from gradlab.errors import WatchWarning
from gradlab.results.record import Record
from gradlab.training.watching.options import Options
from gradlab.training.watching.watcher import Watcher
from tests.made.own_modules import Case, Transformer, cases

Loop = Callable[[nn.Module, torch.optim.Optimizer, Watcher], None]


def run(model: nn.Module, loop: Loop, optimizer: Any = None, **options: Any) -> tuple[Record, Watcher]:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05) if optimizer is None else optimizer
    watcher = Watcher(model, optimizer, options=Options(**{"quantities": "all", **options}))
    loop(model, optimizer, watcher)
    watcher.close()
    record = watcher.record()
    assert record is not None
    assert not watcher.facts["warnings"]
    return record, watcher


def plain(case: Case, steps: int = 3) -> Loop:
    def loop(model: nn.Module, optimizer: torch.optim.Optimizer, watcher: Watcher) -> None:
        for _ in range(steps):
            optimizer.zero_grad()
            case.loss(model, case.inputs).backward()
            optimizer.step()

    return loop


def values(record: Record, name: str) -> np.ndarray:
    column = record.layers[name]
    return np.where(column.present, column.values, np.nan)


def same(one: Record, other: Record, names: tuple[str, ...], **tolerance: Any) -> None:
    for name in names:
        np.testing.assert_allclose(values(one, name), values(other, name), **{"rtol": 1e-5, "atol": 1e-6, **tolerance})


SIGNALS = ("log10_grad_norm", "log10_backward_norm", "log10_backward_rms", "forward_rms", "calls")


@pytest.mark.parametrize("width", [8, 32, 200])
def test_a_run_that_diverges_is_recorded_to_its_end_where_warnings_are_errors(width: int) -> None:
    torch.manual_seed(0)
    layers = (part for _ in range(12) for part in (nn.Linear(width, width), nn.ReLU()))
    model = nn.Sequential(*layers, nn.Linear(width, 1))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(60.0)

    def loop(model: nn.Module, optimizer: torch.optim.Optimizer, watcher: Watcher) -> None:
        for _ in range(6):
            optimizer.zero_grad()
            model(torch.randn(16, width)).square().mean().backward()
            optimizer.step()

    record, watcher = run(model, loop, torch.optim.SGD(model.parameters(), lr=1.0))
    outcome = watcher.outcome()
    assert len(record.steps) == 6
    assert outcome.kind == "diverged"
    assert outcome.reason is not None
    assert "module" in outcome.reason


# Recording changes nothing.


@pytest.mark.parametrize("name", list(cases()))
def test_the_weights_after_fifty_steps_are_the_same_bits(name: str) -> None:
    case = cases()[name]()
    other = copy.deepcopy(case.model)
    dropout = nn.Dropout(0.3)
    loss = lambda model, x: case.loss(model, dropout(x) if x.is_floating_point() else x)  # noqa: E731
    for model, is_watched in ((case.model, True), (other, False)):
        torch.manual_seed(1)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        watcher = Watcher(model, optimizer, options=Options(quantities="all", every=3)) if is_watched else None
        for _ in range(50):
            optimizer.zero_grad()
            loss(model, case.inputs).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        if watcher is not None:
            watcher.close()
            assert len(watcher.record().steps) == 17  # type: ignore[union-attr]
    for one, two in zip(case.model.state_dict().values(), other.state_dict().values(), strict=True):
        assert torch.equal(one, two)


def test_after_closing_no_hook_is_left() -> None:
    case = cases()["gru2"]()
    optimizer = torch.optim.SGD(case.model.parameters(), lr=0.1)
    watcher = Watcher(case.model, optimizer, options=Options(quantities="all"))
    plain(case, 2)(case.model, optimizer, watcher)
    assert any(module._forward_hooks for module in case.model.modules())
    watcher.close()
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in case.model.modules())
    assert not any(p._post_accumulate_grad_hooks for p in case.model.parameters())
    assert not optimizer._optimizer_step_pre_hooks
    assert not optimizer._optimizer_step_post_hooks


# Accumulation, skipped steps, loss scales, clipping.


def test_four_micro_batches_are_one_step() -> None:
    case = cases()["mlp"]()
    targets = torch.arange(10) % 4

    def loop(model: nn.Module, optimizer: torch.optim.Optimizer, watcher: Watcher) -> None:
        optimizer.zero_grad()
        for rows in torch.arange(8).chunk(4):
            (nn.functional.cross_entropy(model(case.inputs[rows]), targets[rows]) / 4).backward()
        optimizer.step()

    model = copy.deepcopy(case.model)
    record, watcher = run(case.model, loop)
    whole, _ = run(
        model, plain(Case(model, case.inputs[:8], lambda m, x: nn.functional.cross_entropy(m(x), targets[:8])), 1)
    )
    assert watcher.facts["backward_passes"] == 4
    assert (values(record, "calls") == 4).all()
    assert "time_decades" not in record.layers
    same(record, whole, ("log10_grad_norm", "log10_backward_norm", "log10_backward_rms", "forward_rms"))


def test_clipping_shows_both_norms_from_the_step_on_at_which_it_first_bites() -> None:
    case = cases()["mlp"]()
    largest = [math.inf, math.inf, 0.05, 0.05, math.inf]

    def loop(model: nn.Module, optimizer: torch.optim.Optimizer, watcher: Watcher) -> None:
        for limit in largest:
            optimizer.zero_grad()
            case.loss(model, case.inputs).backward()
            if limit < math.inf:
                totals.append(float(nn.utils.clip_grad_norm_(model.parameters(), limit)))
            optimizer.step()

    totals: list[float] = []
    record, _ = run(case.model, loop)
    before, applied = values(record, "log10_grad_norm"), values(record, "log10_grad_norm_applied")
    expected = [0.0, 0.0, *(math.log10(0.05 / (total + 1e-6)) for total in totals), 0.0]
    np.testing.assert_allclose(applied - before, np.repeat(np.array(expected)[:, None], 6, axis=1), atol=2e-6)
    np.testing.assert_allclose(record.figures["clip_factor"].values, 10.0 ** np.array(expected), rtol=1e-5)
    np.testing.assert_allclose(record.figures["log10_grad_norm_total"].values[2:4], np.log10(totals), atol=1e-5)


def test_clipping_by_value_is_seen_too() -> None:
    case = cases()["mlp"]()
    before_clipping: list[float] = []

    def loop(model: nn.Module, optimizer: torch.optim.Optimizer, watcher: Watcher) -> None:
        for _ in range(3):
            optimizer.zero_grad()
            case.loss(model, case.inputs).backward()
            before_clipping.append(float(model[0].weight.grad.norm()))  # type: ignore[index]
            nn.utils.clip_grad_value_(model.parameters(), 0.001)
            optimizer.step()

    record, _ = run(case.model, loop)
    np.testing.assert_allclose(values(record, "grad_norm")[:, 0], before_clipping, rtol=1e-5)
    assert (values(record, "log10_grad_norm_applied")[:, 0] < values(record, "log10_grad_norm")[:, 0] - 0.1).all()


@pytest.mark.parametrize("is_fused", [False, True])
@pytest.mark.parametrize("clips", [False, True])
@pytest.mark.parametrize("is_told", [False, True])
def test_gradients_are_unscaled(is_fused: bool, clips: bool, is_told: bool) -> None:
    case = cases()["mlp"]()
    twin = copy.deepcopy(case.model)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**16)

    def loop(model: nn.Module, optimizer: torch.optim.Optimizer, watcher: Watcher) -> None:
        for _ in range(3):
            optimizer.zero_grad()
            scaler.scale(case.loss(model, case.inputs)).backward()
            if clips:
                scaler.unscale_(optimizer)
                nn.utils.clip_grad_norm_(model.parameters(), 0.1)
            scaler.step(optimizer)
            scaler.update()

    def unscaled(model: nn.Module, optimizer: torch.optim.Optimizer, watcher: Watcher) -> None:
        for _ in range(3):
            optimizer.zero_grad()
            case.loss(model, case.inputs).backward()
            if clips:
                nn.utils.clip_grad_norm_(model.parameters(), 0.1)
            optimizer.step()

    optimizer = torch.optim.Adam(case.model.parameters(), lr=0.01, fused=is_fused)
    record, watcher = run(case.model, loop, optimizer, scaler=scaler if is_told else None)
    right, _ = run(twin, unscaled, torch.optim.Adam(twin.parameters(), lr=0.01))
    same(record, right, (*SIGNALS, "log10_grad_norm_applied"), atol=1e-4)
    assert watcher.facts["skipped_steps"] == 0
    assert watcher.facts["scaler"] == "GradScaler"
    assert ("clip_factor" in record.figures) == clips


@pytest.mark.parametrize("is_fused", [False, True])
def test_a_skipped_step_is_no_row(is_fused: bool) -> None:
    case = cases()["mlp"]()
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**8)

    def loop(model: nn.Module, optimizer: torch.optim.Optimizer, watcher: Watcher) -> None:
        for step in range(4):
            optimizer.zero_grad()
            loss = case.loss(model, case.inputs)
            scaler.scale(loss * (math.inf if step == 1 else 1.0)).backward()
            scaler.step(optimizer)
            scaler.update()

    optimizer = torch.optim.Adam(case.model.parameters(), lr=0.01, fused=is_fused)
    record, watcher = run(case.model, loop, optimizer, scaler=scaler)
    assert len(record.steps) == 3
    assert watcher.facts["skipped_steps"] == 1
    assert np.isfinite(values(record, "log10_grad_norm")).all()
    assert (values(record, "calls") == 1).all()
    assert watcher.outcome().kind == "completed"


def test_a_skipped_last_step_counts() -> None:
    case = cases()["mlp"]()
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**8)

    def loop(model: nn.Module, optimizer: torch.optim.Optimizer, watcher: Watcher) -> None:
        for step in range(2):
            optimizer.zero_grad()
            scaler.scale(case.loss(model, case.inputs) * (math.inf if step == 1 else 1.0)).backward()
            scaler.step(optimizer)
            scaler.update()

    record, watcher = run(case.model, loop, scaler=scaler)
    assert len(record.steps) == 1
    assert watcher.facts["skipped_steps"] == 1


def test_closures() -> None:
    case, twin = cases()["mlp"](), cases()["mlp"]()

    def loop(model: nn.Module, optimizer: torch.optim.Optimizer, watcher: Watcher) -> None:
        def closure() -> Tensor:
            optimizer.zero_grad()
            loss = case.loss(model, case.inputs)
            loss.backward()
            return loss

        for _ in range(3):
            optimizer.step(closure)

    right, _ = run(twin.model, plain(twin))
    same(run(case.model, loop)[0], right, (*SIGNALS, "log10_update_ratio"))
    other = cases()["mlp"]().model
    record, _ = run(other, loop, torch.optim.LBFGS(other.parameters(), lr=0.1, max_iter=4))
    assert len(record.steps) == 3
    assert (values(record, "calls") == 1).all()
    np.testing.assert_allclose(values(record, "log10_grad_norm")[0], values(right, "log10_grad_norm")[0], atol=1e-5)


@pytest.mark.parametrize("reentrant", [True, False])
@pytest.mark.parametrize("quantities", ["all", ("grad_norm",)])
def test_checkpoints_change_nothing(reentrant: bool, quantities: Any) -> None:
    def loop(uses_checkpoints: bool) -> Loop:
        x = torch.arange(30).view(5, 6) % 11

        def steps(model: Any, optimizer: torch.optim.Optimizer, watcher: Watcher) -> None:
            for _ in range(2):
                optimizer.zero_grad()
                h = model.embedding(x) + model.position
                for block in model.blocks:
                    h = checkpoint(block, h, use_reentrant=reentrant) if uses_checkpoints else block(h)
                model.head(model.norm(h)).square().mean().backward()
                optimizer.step()

        return steps

    torch.manual_seed(0)
    model = Transformer(True)
    twin = copy.deepcopy(model)
    record, _ = run(model, loop(True), quantities=quantities)
    right, _ = run(twin, loop(False), quantities=quantities)
    assert record.rows is not None
    assert right.rows is not None
    assert record.rows.names == right.rows.names
    for name in right.layers:
        np.testing.assert_array_equal(record.layers[name].present, right.layers[name].present, err_msg=name)
        np.testing.assert_allclose(values(record, name), values(right, name), rtol=1e-5, atol=1e-5, err_msg=name)
    assert record.rows.chains == right.rows.chains


# Several networks.


def gan() -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    generator = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 6))
    critic = nn.Sequential(nn.Linear(6, 8), nn.LeakyReLU(0.2), nn.Linear(8, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1))
    return generator, critic


def train_gan(generator: nn.Module, critic: nn.Module, to_none: bool, trains_generator: bool, watcher_of: Any) -> Any:
    first = torch.optim.SGD(generator.parameters(), lr=0.1)
    second = torch.optim.SGD(critic.parameters(), lr=0.1)
    watcher = watcher_of(second)
    bce = nn.functional.binary_cross_entropy_with_logits
    for step in range(3):
        torch.manual_seed(step)
        real, z = torch.randn(16, 6), torch.randn(16, 4)
        fake = generator(z)
        second.zero_grad(set_to_none=to_none)
        bce(critic(real), torch.ones(16, 1)).backward()
        bce(critic(fake.detach()), torch.zeros(16, 1)).backward()
        second.step()
        if trains_generator:
            first.zero_grad(set_to_none=to_none)
            bce(critic(fake), torch.ones(16, 1)).backward()
            if trains_generator == "steps":
                first.step()
    watcher.close()
    return watcher.record()


@pytest.mark.parametrize("to_none", [True, False])
def test_the_generators_pass_does_not_leak_into_the_critics_signals(to_none: bool) -> None:
    generator, critic = gan()
    copies = copy.deepcopy((generator, critic))
    watch = lambda model: lambda o: Watcher(model, o, options=Options(quantities="all"))  # noqa: E731
    record = train_gan(generator, critic, to_none, True, watch(critic))
    right = train_gan(*copies, to_none, False, watch(copies[1]))
    assert values(record, "calls").tolist() == [[2.0, 2.0, 2.0]] * 3
    same(record, right, (*SIGNALS, "activation_mean", "mean_slope", "dead_fraction"))


def test_a_gradient_penalty_is_said() -> None:
    _, critic = gan()
    optimizer = torch.optim.SGD(critic.parameters(), lr=0.1)
    watcher = Watcher(critic, optimizer)

    def steps() -> None:
        for _ in range(2):
            optimizer.zero_grad()
            x = torch.randn(8, 6, requires_grad=True)
            (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
            (critic(x).mean() + ((g.norm(dim=1) - 1) ** 2).mean()).backward()
            optimizer.step()

    with pytest.warns(WatchWarning, match="gradient penalty"):
        steps()
    watcher.close()
    record = watcher.record()
    assert record is not None
    right = math.log10(float(critic[0].weight.grad.norm()))  # type: ignore[index]
    assert values(record, "log10_grad_norm")[-1, 0] == pytest.approx(right, abs=1e-4)
    assert len(watcher.facts["warnings"]) == 1


def test_one_watch_of_two_networks_with_an_optimizer_each() -> None:
    generator, critic = gan()
    both = nn.ModuleDict({"generator": generator, "critic": critic})
    first = torch.optim.SGD(generator.parameters(), lr=0.1)
    second = torch.optim.SGD(critic.parameters(), lr=0.1)
    watcher = Watcher(both, [second, first], options=Options(quantities="all"))
    torch.manual_seed(3)
    for _ in range(3):
        fake = generator(torch.randn(16, 4))
        second.zero_grad()
        (critic(torch.randn(16, 6)).mean() - critic(fake.detach()).mean()).backward()
        critic_norm = math.log10(float(critic[0].weight.grad.norm()))  # type: ignore[index]
        second.step()
        first.zero_grad()
        critic(fake).mean().backward()
        generator_norm = math.log10(float(generator[0].weight.grad.norm()))  # type: ignore[index]
        first.step()
    watcher.close()
    record = watcher.record()
    assert record is not None
    assert record.rows is not None
    assert len(record.steps) == 3
    at = {name: place for place, name in enumerate(record.rows.names)}
    said = values(record, "log10_grad_norm")[-1]
    assert said[at["critic.0"]] == pytest.approx(critic_norm, abs=1e-5)
    assert said[at["generator.0"]] == pytest.approx(generator_norm, abs=1e-5)
    calls = values(record, "calls")[-1]
    assert calls[at["critic.0"]] == 2
    assert calls[at["generator.0"]] == 1
    assert np.isfinite(values(record, "log10_update_ratio")).all()
