"""Peak memory of runs beside the estimate that refuses those which do not fit: `python benchmarks/memory.py`.

Each case is planned, trained, judged and stored as `gradlab run` does it, in a process of its own that is forked from one in which
everything is loaded and small runs were trained. Measured is how far its resident memory rises above what it began with.
"""

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

MODEL = {"depth": 4, "width": 32, "activation": "tanh"}

WARM = (
    {},
    {"model.kind": "conv", "model.norm": "batch", "model.residual": 1, "data.source": "digits"},
    {"train.dtype": "float16", "train.optimizer": "adam"},
    {"record.quantities": ["all", "jacobian_log10_s_max"], "record.spectrum": [1]},
)
"""Small runs that are trained before anything is measured."""


def peak(settings: Mapping[str, Any], num_runs: int = 1) -> int:
    """Bytes by which the memory of a process grows that trains and stores `num_runs` seeds of an experiment together."""
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with tempfile.TemporaryDirectory() as folder:
                _run({}, 1, f"{folder}/first")  # threads that are not there any more begin anew
                Path("/proc/self/clear_refs").write_text("5")  # the highest so far is what there is now
                before = _status("VmRSS")
                _run(settings, num_runs, folder)
                os.write(sender, json.dumps(_status("VmHWM") - before).encode())
        except BaseException as error:
            os.write(sender, json.dumps(repr(error)[:2000]).encode())
        finally:
            os._exit(0)
    os.close(sender)
    with os.fdopen(receiver) as stream:
        text = stream.read()
    os.waitpid(child, 0)
    found = json.loads(text or '"it was killed"')
    if not isinstance(found, int):
        raise RuntimeError(f"{dict(settings)}: {found}")
    return found


def warm_up() -> None:
    """Load everything that a run needs, and train small ones."""
    import torch

    torch.set_num_threads(1)
    for settings in WARM:
        with tempfile.TemporaryDirectory() as folder:
            _run(settings, 2, folder)


def estimated(settings: Mapping[str, Any], num_runs: int = 1) -> Any:
    """The estimate of such a run, and its bytes for so many that train together."""
    from gradlab.config import memory
    from gradlab.config.reading.document import from_mapping
    from gradlab.datasets import load
    from gradlab.execution.planned_data import sizes_of

    experiment = from_mapping({"model": MODEL}, settings).experiment
    sizes = sizes_of(load(experiment.data, experiment.train.loss))
    found = memory.estimate(experiment, sizes.of_data, num_runs)
    return found, found.total


def _run(settings: Mapping[str, Any], num_runs: int, folder: str) -> None:
    import gradlab

    stored = gradlab.run({"model": MODEL}, seeds=range(num_runs), out=folder, device="cpu", **settings)
    assert all(run.outcome in ("completed", "diverged") for run in stored)


def _status(name: str) -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


def noise(samples: int, features: int, classes: int = 2) -> dict[str, Any]:
    """Settings of random data of these sizes."""
    return {"data.source": "noise", "data.samples": samples, "data.features": features, "data.classes": classes}


GRID: Mapping[str, tuple[Mapping[str, Any], int]] = {
    "default": ({}, 1),
    "wide": ({"model.width": 1500, "model.depth": 6, "train.steps": 5}, 1),
    "wide adam": ({"model.width": 1500, "model.depth": 6, "train.steps": 5, "train.optimizer": "adam"}, 1),
    "wide clipped": ({"model.width": 1500, "model.depth": 6, "train.steps": 5, "train.clip_norm": 1.0}, 1),
    "wide all": ({"model.width": 1500, "model.depth": 6, "train.steps": 5, "record.quantities": "all"}, 1),
    "wide gradients": ({"model.width": 1500, "model.depth": 6, "train.steps": 5, "record.quantities": "gradients"}, 1),
    "wide float64": ({"model.width": 1000, "model.depth": 6, "train.steps": 5, "train.dtype": "float64"}, 1),
    "wide float16": ({"model.width": 1500, "model.depth": 6, "train.steps": 3, "train.dtype": "float16"}, 1),
    "wide bfloat16": ({"model.width": 1500, "model.depth": 6, "train.steps": 3, "train.dtype": "bfloat16"}, 1),
    "wide bfloat16 adam all": (
        {"model.width": 1500, "model.depth": 6, "train.steps": 3, "train.dtype": "bfloat16", "train.optimizer": "adam",
         "record.quantities": "all"}, 1),
    "wide float16 dynamic": (
        {"model.width": 1500, "model.depth": 6, "train.steps": 3, "train.dtype": {"storage": "float16", "loss_scale": "dynamic"},
         "train.optimizer": "adam"}, 1),
    "deep": ({"model.depth": 2000, "train.steps": 20}, 1),
    "deeper": ({"model.depth": 5000, "model.width": 16, "train.steps": 20}, 1),
    "deep wide": ({"model.depth": 300, "model.width": 300, "train.steps": 3}, 1),
    "deep float16": ({"model.depth": 2000, "train.steps": 5, "train.dtype": "float16"}, 1),
    "deep seeds": ({"model.depth": 500, "train.steps": 20}, 8),
    "batch": ({"model.depth": 20, "model.width": 100, "train.steps": 5, "data.batch_size": 4000, **noise(6000, 10)}, 1),
    "batch all": (
        {"model.depth": 20, "model.width": 100, "train.steps": 5, "data.batch_size": 4000, "record.quantities": "all",
         **noise(6000, 10)}, 1),
    "batch float16": (
        {"model.depth": 20, "model.width": 100, "train.steps": 3, "data.batch_size": 4000, "train.dtype": "float16",
         **noise(6000, 10)}, 1),
    "batch shallow all": (
        {"model.depth": 2, "model.width": 100, "train.steps": 3, "data.batch_size": 8000, "record.quantities": "all",
         **noise(12000, 10)}, 1),
    "batch like": (
        {"model.depth": 2, "model.width": 20, "train.steps": 2, "data.batch_size": 6000,
         "record.quantities": ["gradient_correlation"], **noise(8000, 10)}, 1),
    "batch norm": (
        {"model.depth": 20, "model.width": 100, "train.steps": 5, "data.batch_size": 4000, "model.norm": "layer",
         **noise(6000, 10)}, 1),
    "batch residual": (
        {"model.depth": 20, "model.width": 100, "train.steps": 5, "data.batch_size": 4000, "model.residual": 1,
         **noise(6000, 10)}, 1),
    "batch residual 2 norm": (
        {"model.depth": 20, "model.width": 100, "train.steps": 5, "data.batch_size": 4000, "model.norm": "batch",
         "model.residual.layers": 2, **noise(6000, 10)}, 1),
    "batch post": (
        {"model.depth": 20, "model.width": 100, "train.steps": 5, "data.batch_size": 4000, "model.norm": "layer",
         "model.residual.layers": 2, "model.residual.position": "post", **noise(6000, 10)}, 1),
    "prelu": (
        {"model.depth": 20, "model.width": 100, "train.steps": 5, "data.batch_size": 4000, "model.activation": "prelu",
         **noise(6000, 10)}, 1),
    "gelu": (
        {"model.depth": 20, "model.width": 100, "train.steps": 5, "data.batch_size": 4000, "model.activation": "gelu",
         **noise(6000, 10)}, 1),
    "forward change": (
        {"model.depth": 20, "model.width": 100, "train.steps": 5, "data.batch_size": 4000,
         "record.quantities": ["default", "forward_change"], **noise(6000, 10)}, 1),
    "conv": (
        {"model.kind": "conv", "data.image": [1, 16, 16], "model.width": 32, "model.depth": 8, "data.batch_size": 64,
         "train.steps": 5, **noise(200, 256)}, 1),
    "conv large": (
        {"model.kind": "conv", "data.image": [3, 32, 32], "model.width": 32, "model.depth": 4, "data.batch_size": 64,
         "train.steps": 3, **noise(200, 3072)}, 1),
    "conv norm residual": (
        {"model.kind": "conv", "data.image": [1, 16, 16], "model.width": 32, "model.depth": 8, "data.batch_size": 64,
         "train.steps": 5, "model.norm": "batch", "model.residual.layers": 2, **noise(200, 256)}, 1),
    "conv float16": (
        {"model.kind": "conv", "data.image": [1, 16, 16], "model.width": 32, "model.depth": 8, "data.batch_size": 64,
         "train.steps": 3, "train.dtype": "float16", **noise(200, 256)}, 1),
    "conv seeds": (
        {"model.kind": "conv", "data.image": [1, 8, 8], "model.width": 32, "model.depth": 8, "data.batch_size": 64,
         "train.steps": 5, **noise(200, 64)}, 8),
    "conv kernel 7 flatten": (
        {"model.kind": "conv", "data.image": [1, 16, 16], "model.width": 32, "model.depth": 4, "data.batch_size": 64,
         "model.kernel": 7, "model.pool": "flatten", "train.steps": 5, **noise(200, 256)}, 1),
    "conv float64 kernel 9": (
        {"model.kind": "conv", "data.image": [1, 32, 32], "model.width": 4, "model.depth": 3, "data.batch_size": 64,
         "model.kernel": 9, "train.steps": 3, "train.dtype": "float64", **noise(200, 1024)}, 1),
    "conv float64 channels": (
        {"model.kind": "conv", "data.image": [32, 16, 16], "model.width": 4, "model.depth": 3, "data.batch_size": 32,
         "model.kernel": 5, "train.steps": 3, "train.dtype": "float64", **noise(100, 8192)}, 1),
    "conv kernel 15": (
        {"model.kind": "conv", "data.image": [1, 16, 16], "model.width": 64, "model.depth": 2, "data.batch_size": 8,
         "model.kernel": 15, "train.steps": 2, **noise(100, 256)}, 1),
    "data": ({**noise(200_000, 50), "train.steps": 5}, 1),
    "data wide": ({**noise(2_000, 5_000), "train.steps": 5}, 1),
    "data narrow": ({**noise(2_000_000, 2), "train.steps": 5}, 1),
    "data float64": ({**noise(200_000, 50), "train.steps": 5, "train.dtype": "float64"}, 1),
    "data all held": ({**noise(200_000, 50), "train.steps": 5, "data.holdout": 0.9}, 1),
    "data none held": ({**noise(200_000, 50), "train.steps": 5, "data.holdout": 0.0, "data.standardize": False}, 1),
    "data circles": ({"data.source": "circles", "data.samples": 1_000_000, "train.steps": 5}, 1),
    "data regression": ({"data.source": "teacher", "data.samples": 1_000_000, "train.steps": 5}, 1),
    "data classes": ({**noise(20_000, 10, 2_000), "train.steps": 3}, 1),
    "data many outputs": ({"model.depth": 3, "model.width": 1000, "train.steps": 3, **noise(6000, 10, 3_000)}, 1),
    "data seeds": ({**noise(200_000, 50), "train.steps": 5}, 8),
    "record": ({"model.depth": 50, "model.width": 8, "train.steps": 5_000, "data.batch_size": 8}, 1),
    "record all": (
        {"model.depth": 50, "model.width": 8, "train.steps": 3_000, "data.batch_size": 8, "record.quantities": "all"}, 1),
    "record none": (
        {"model.depth": 10, "model.width": 4, "train.steps": 20_000, "data.batch_size": 4, "record.quantities": "none"}, 1),
    "record gradients": (
        {"model.depth": 50, "model.width": 8, "train.steps": 5_000, "data.batch_size": 8, "record.quantities": "gradients"}, 1),
    "record every": (
        {"model.depth": 100, "model.width": 8, "train.steps": 8_000, "data.batch_size": 8, "record.every": 4}, 1),
    "record seeds": ({"model.depth": 50, "model.width": 8, "train.steps": 1_500, "data.batch_size": 8}, 16),
    "record float16": (
        {"model.depth": 50, "model.width": 8, "train.steps": 2_000, "data.batch_size": 8, "train.dtype": "float16"}, 1),
    "spectrum": (
        {"model.depth": 12, "model.width": 200, "train.steps": 3, "record.spectrum": [1, 5], "record.jacobian_examples": 64}, 1),
    "spectrum wide": (
        {"model.depth": 6, "model.width": 600, "train.steps": 3, "record.spectrum": [1], "record.jacobian_examples": 16}, 1),
    "spectrum deep": (
        {"model.depth": 200, "model.width": 60, "train.steps": 3, "record.spectrum": [1], "record.jacobian_examples": 64,
         "model.activation": "relu", "model.init": "he"}, 1),
    "spectrum steps": (
        {"model.depth": 20, "model.width": 60, "train.steps": 100, "record.spectrum": list(range(1, 20)),
         "record.jacobian_examples": 16, "record.jacobian_steps": list(range(100))}, 1),
    "jacobian": (
        {"model.depth": 12, "model.width": 300, "train.steps": 3, "record.quantities": ["default", "jacobian_log10_s_max"],
         "record.jacobian_examples": 32}, 1),
    "jacobian seeds": (
        {"model.depth": 12, "model.width": 200, "train.steps": 3, "record.quantities": ["default", "jacobian_log10_s_max"],
         "record.jacobian_examples": 32}, 4),
    "jacobian sparse": (
        {"model.depth": 12, "model.width": 300, "train.steps": 3, "record.spectrum": [1], "record.jacobian_examples": 32,
         "model.activation": "relu"}, 1),
}  # fmt: skip
"""Name -> settings and number of seeds that train together."""


def measured(names: Iterator[str] | list[str]) -> Iterator[tuple[str, int, int, Any]]:
    """Name, measured bytes, estimated bytes and the estimate of each case."""
    for name in names:
        settings, num_runs = GRID[name]
        estimate, total = estimated(settings, num_runs)
        yield name, peak(settings, num_runs), total, estimate


def main() -> None:
    """Print measured and estimated bytes of the cases whose names hold one of the arguments, of all without one."""
    warm_up()
    print(f"{'case':<24} {'measured':>9} {'estimate':>9} {'est/meas':>8}  parts [MB]")
    for name, found, total, estimate in measured(
        [n for n in GRID if not sys.argv[1:] or any(a in n for a in sys.argv[1:])]
    ):
        parts = " ".join(f"{part} {size / 1e6:.1f}" for part, size in vars(estimate).items())
        print(f"{name:<24} {found / 1e6:>9.1f} {total / 1e6:>9.1f} {total / max(found, 1):>8.2f}  {parts}", flush=True)


if __name__ == "__main__":
    main()
