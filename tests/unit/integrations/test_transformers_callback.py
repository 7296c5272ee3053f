"""The callback for transformers, in the real library's trainer."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import gradlab

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    transformers = pytest.importorskip(
        "transformers", reason="pip install 'gradlab[transformers]'", exc_type=ImportError
    )
    pytest.importorskip("accelerate", reason="pip install 'gradlab[transformers]'")
    from gradlab.integrations.transformers import GradlabCallback

pytestmark = pytest.mark.filterwarnings("ignore")  # the library's own, of its settings and of torch's


def model() -> Any:
    """A language model of two blocks with a tied head, made here: nothing is fetched."""
    torch.manual_seed(0)
    return transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            vocab_size=17, n_positions=16, n_embd=16, n_layer=3, n_head=2, bos_token_id=0, eos_token_id=0
        )
    )


def train(net: Any, out: Path, callback: GradlabCallback | None = None, **settings: Any) -> list[dict[str, float]]:
    """What the trainer logs of each step."""
    generator = torch.Generator().manual_seed(1)
    data = [{"input_ids": (ids := torch.randint(17, (12,), generator=generator)), "labels": ids} for _ in range(64)]
    arguments = transformers.TrainingArguments(
        output_dir=str(out),
        max_steps=6,
        per_device_train_batch_size=4,
        learning_rate=1e-2,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        **settings,
    )
    trainer = transformers.Trainer(net, arguments, train_dataset=data, callbacks=[] if callback is None else [callback])
    trainer.train()
    return [line for line in trainer.state.log_history if "grad_norm" in line]


@pytest.mark.parametrize(
    "settings",
    [{}, {"max_grad_norm": 0.0}, {"gradient_accumulation_steps": 3, "max_grad_norm": 0.1}, {"bf16": True}],
    ids=["plain", "not clipped", "accumulated", "bfloat16"],
)
def test_the_total_norm_is_the_trainers_own(settings: dict[str, Any], tmp_path: Path) -> None:
    plain = model()
    train(plain, tmp_path, **settings)
    net, callback = model(), GradlabCallback(name="gpt", out=tmp_path / "runs")
    told = train(net, tmp_path, callback, **settings)
    for one, other in zip(net.parameters(), plain.parameters(), strict=True):
        assert torch.equal(one, other)
    run = callback.run.stored
    assert run is not None
    assert run.outcome == "completed"
    total = 10 ** run.steps["log10_grad_norm_total"].astype(float)
    np.testing.assert_allclose(total, [line["grad_norm"] for line in told], rtol=1e-4)
    np.testing.assert_allclose(run.steps["loss"].astype(float), [line["loss"] for line in told], rtol=1e-3)
    most = settings.get("max_grad_norm", 1.0)
    if most:
        expected = np.minimum(1.0, most / (total + 1e-6))
        np.testing.assert_allclose(run.steps["clip_factor"].astype(float), expected, rtol=1e-3)
    else:
        assert "clip_factor" not in run.steps
    assert run.record is not None
    assert run.record.rows is not None
    assert "transformer.h.0.attn.c_attn" in run.record.rows.names


def test_a_training_that_broke_is_closed_by_hand(tmp_path: Path) -> None:
    callback = GradlabCallback(out=tmp_path / "runs")
    net = model()
    net.transformer.h[1].register_forward_pre_hook(_break_at(3))
    with pytest.raises(ArithmeticError):
        train(net, tmp_path, callback)
    callback.run.close()
    assert callback.run.stored is not None
    assert len(callback.run.stored.steps) == 3


def _break_at(call: int) -> Any:
    calls = iter(range(100))

    def hook(*_: Any) -> None:
        if next(calls) == call:
            raise ArithmeticError

    return hook


def test_a_loop_of_accelerate_needs_no_callback(tmp_path: Path) -> None:
    accelerate = pytest.importorskip("accelerate")
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3))
    data = torch.utils.data.TensorDataset(torch.randn(64, 8), torch.randint(3, (64,)))
    accelerator = accelerate.Accelerator(cpu=True, gradient_accumulation_steps=2)
    net, optimizer, loader = accelerator.prepare(
        net, torch.optim.SGD(net.parameters(), lr=0.1), torch.utils.data.DataLoader(data, batch_size=8)
    )
    norms = []
    with gradlab.watch(net, optimizer, out=tmp_path, scaler=accelerator.scaler) as run:
        for x, target in loader:
            with accelerator.accumulate(net):
                loss = torch.nn.functional.cross_entropy(net(x), target)
                accelerator.backward(loss)
                run.log(loss=loss)
                if accelerator.sync_gradients:
                    norms.append(float(accelerator.clip_grad_norm_(net.parameters(), 0.1)))
                optimizer.step()
                optimizer.zero_grad()
    assert run.stored is not None
    total = 10 ** run.stored.steps["log10_grad_norm_total"].astype(float)
    np.testing.assert_allclose(total, norms, rtol=1e-4)
    assert len(norms) == 4
    np.testing.assert_allclose(run.stored.steps["clip_factor"].astype(float), 0.1 / (total + 1e-6), rtol=1e-3)
