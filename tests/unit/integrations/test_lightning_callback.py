"""The callback for Lightning, in the real library's trainer."""

import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import gradlab
from gradlab.errors import UsageError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pl = pytest.importorskip("lightning.pytorch", reason="pip install 'gradlab[lightning]'", exc_type=ImportError)
    from gradlab.integrations.lightning import GradlabCallback

pytestmark = pytest.mark.filterwarnings("ignore")  # the library's own, of its settings and of torch's


class Net(pl.LightningModule):  # type: ignore[name-defined,misc]
    """Keeps what it sees of its gradients where users look at them: unscaled, and before clipping."""

    def __init__(self, fail_at: int | None = None, error: type[BaseException] = RuntimeError) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 3))
        self.fail_at, self.error = fail_at, error
        self.seen: list[list[float]] = []
        self.losses: list[float] = []

    def training_step(self, batch: Any, number: int) -> torch.Tensor:
        if number == self.fail_at:
            raise self.error("on purpose")
        loss = nn.functional.cross_entropy(self.net(batch[0]), batch[1])
        self.losses.append(float(loss.detach()))
        return loss

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        found = [one.weight.grad for one in self.net if isinstance(one, nn.Linear)]
        self.seen.append([math.log10(float(one.double().norm())) for one in found])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def fit(model: Any, out: Path, callback: GradlabCallback | None = None, **settings: Any) -> None:
    generator = torch.Generator().manual_seed(1)
    data = TensorDataset(torch.randn(64, 8, generator=generator), torch.randint(3, (64,), generator=generator))
    trainer = pl.Trainer(
        max_epochs=1,
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=out,
        callbacks=[] if callback is None else [callback],
        **settings,
    )
    trainer.fit(model, DataLoader(data, batch_size=8))


def scaled() -> Any:
    """16-bit mixed precision on a CPU, which the trainer's own word for it refuses."""
    from lightning.pytorch.plugins.precision import MixedPrecision

    return MixedPrecision("16-mixed", device="cpu", scaler=torch.amp.GradScaler("cpu", init_scale=2.0**10))


@pytest.mark.parametrize(
    ("settings", "steps"),
    [
        ({}, 8),
        ({"gradient_clip_val": 0.05}, 8),
        ({"accumulate_grad_batches": 4}, 2),
        ({"precision": "bf16-mixed"}, 8),
        ({"plugins": scaled, "gradient_clip_val": 0.05, "accumulate_grad_batches": 2}, 4),
    ],
    ids=["plain", "clipped", "accumulated", "bfloat16", "scaled, clipped and accumulated"],
)
def test_gradients_are_those_before_clipping_and_without_scale(
    settings: dict[str, Any], steps: int, tmp_path: Path
) -> None:
    def given() -> dict[str, Any]:
        return {key: value() if callable(value) else value for key, value in settings.items()}

    plain = Net()
    fit(plain, tmp_path, **given())
    model, callback = Net(), GradlabCallback(name="fitted", out=tmp_path / "runs")
    fit(model, tmp_path, callback, **given())
    for one, other in zip(model.parameters(), plain.parameters(), strict=True):
        assert torch.equal(one, other)
    run = callback.run.stored
    assert run is not None
    assert run.outcome == "completed"
    assert run.record is not None
    assert run.record.rows is not None
    rows = [run.record.rows.names.index(name) for name in ("net.0", "net.2", "net.4")]
    line = run.record.layers["log10_grad_norm"].line
    assert line.shape[0] == steps
    # A norm in float32, and its log10.
    np.testing.assert_allclose(line[:, rows], model.seen, atol=1e-4)
    parts = np.array(model.losses).reshape(steps, -1)
    np.testing.assert_allclose(run.steps["loss"].astype(float), parts.mean(axis=1), rtol=1e-3)
    total = np.array(run.steps["log10_grad_norm_total"].astype(float))
    if "gradient_clip_val" in settings:
        factor = run.steps["clip_factor"].astype(float)
        np.testing.assert_allclose(factor, np.minimum(1.0, 0.05 / (10**total + 1e-6)), rtol=1e-3)
        assert (factor < 1.0).all()
    else:
        assert "clip_factor" not in run.steps


@pytest.mark.parametrize(
    ("error", "raised", "outcome"),
    [(RuntimeError, RuntimeError, "failed"), (KeyboardInterrupt, SystemExit, "interrupted")],
)
def test_what_training_raises(
    error: type[BaseException], raised: type[BaseException], outcome: str, tmp_path: Path
) -> None:
    callback = GradlabCallback(out=tmp_path / "runs")
    with pytest.raises(raised):
        fit(Net(fail_at=3, error=error), tmp_path, callback)
    run = callback.run.stored
    assert run is not None
    assert run.outcome == outcome
    assert len(run.steps) == 3


def test_an_argument_is_looked_at_when_it_is_given(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Did you mean 'every'"):
        GradlabCallback(evry=2)  # type: ignore[call-arg]
    with pytest.raises(UsageError, match="every: expected"):
        GradlabCallback(every=0)
    with pytest.raises(UsageError, match="has not begun"):
        _ = GradlabCallback().run
    callback = GradlabCallback(out=tmp_path / "runs", every=4)
    for _ in range(2):
        fit(Net(), tmp_path, callback)
        assert callback.run.stored is not None
        assert callback.run.stored.steps["step"].tolist() == [0, 4]
    assert isinstance(gradlab.load("@latest", out=tmp_path / "runs"), gradlab.Run)


class Rivals(pl.LightningModule):  # type: ignore[name-defined,misc]
    """Two optimizers, stepped by hand, as of a GAN."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.automatic_optimization = False
        self.maker, self.judge = nn.Linear(8, 8), nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 1))

    def training_step(self, batch: Any, number: int) -> None:
        of_maker, of_judge = self.optimizers()
        loss = self.judge(self.maker(batch[0]).detach()).mean() - self.judge(batch[0]).mean()
        of_judge.zero_grad()
        self.manual_backward(loss)
        of_judge.step()
        of_maker.zero_grad()
        self.manual_backward(-self.judge(self.maker(batch[0])).mean())
        of_maker.step()

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        return [torch.optim.SGD(one.parameters(), lr=0.1) for one in (self.maker, self.judge)]


def test_two_optimizers_by_hand(tmp_path: Path) -> None:
    plain, model, callback = Rivals(), Rivals(), GradlabCallback(out=tmp_path / "runs")
    fit(plain, tmp_path)
    fit(model, tmp_path, callback)
    for one, other in zip(model.parameters(), plain.parameters(), strict=True):
        assert torch.equal(one, other)
    run = callback.run.stored
    assert run is not None
    assert run.steps["step"].tolist() == list(range(8))
    last = run.layers[run.layers["step"] == 7].set_index("row")
    assert last["calls"].astype(float).to_dict() == {"maker": 1, "judge.0": 2, "judge.2": 2}
    assert run.manifest["watch"]["optimizer"] == ["SGD", "SGD"]
