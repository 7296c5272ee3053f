"""Runs of somebody's own modules that were never trained: rows with names, kinds, blocks and chains, and every kind of value."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from gradlab.config.catalogue import Verdict
from gradlab.config.modules import ModuleExperiment, OwnExperiment, WatchedExperiment
from gradlab.config.quantities import selected
from gradlab.execution.rejudge import judged
from gradlab.report.files.markdown import markdown
from gradlab.report.views.run import view
from gradlab.results.finding import Finding
from gradlab.results.record import Column, ModuleRows, Outcome, OutcomeKind, Record, Summary, Timing
from gradlab.results.store import Store
from gradlab.results.stored import StoredRun

MATRICES = ("Linear", "Conv2d", "Embedding", "LSTM", "ConvTranspose2d")
"""Kinds of rows that have a matrix."""

ODD_NAMES = (
    "<script>alert(1)</script>", "a,b", 'say "hi"', "line\nbreak", "\x1b[31mred", "pipe|pipe", "$x^2$", "кириллица", "層", "`code`",
    "‮reversed", "a b  c", "very_long_" * 20 + "name", "very_long_" * 20 + "other_name", "[link](u)", "&amp;", "=1+1", "%s {0} {{ x }}",
)  # fmt: skip
"""Names that a module may have: all but a full stop is allowed between two."""


@dataclass(frozen=True)
class Made:
    """A network's rows as they are made up: name, kind, and the rows of its chains.

    Attributes:
        rows: Name and kind of each row in order; kind `block` for a block, which follows its members.
        chains: Names of the rows along which depth is judged.
        readout: Name of the readout, None where it is not known.
        activations: Kinds of rows that an activation module reads.
    """

    rows: tuple[tuple[str, str], ...]
    chains: tuple[tuple[str, ...], ...]
    readout: str | None = None
    activations: tuple[str, ...] = ()
    calls: Mapping[str, int] = field(default_factory=dict)

    def module_rows(self) -> ModuleRows:
        """What a record says of them."""
        names = [name for name, _ in self.rows]
        kinds = [kind for _, kind in self.rows]
        blocks = [place for place, kind in enumerate(kinds) if kind == "block"]
        of: list[int | None] = []
        for place, name in enumerate(names):
            around = [block for block in blocks if block != place and name.startswith(f"{names[block]}.")]
            of.append(max(around, key=lambda block: len(names[block]), default=None))
        weights = [1000 * (place % 7 + 1) if kind in (*MATRICES, "block") else 0 for place, kind in enumerate(kinds)]
        return ModuleRows(
            names=tuple(names),
            kinds=tuple(kinds),
            weights=np.array(weights, dtype=np.int64),
            blocks=tuple(of),
            chains=tuple(tuple(names.index(name) for name in chain) for chain in self.chains),
            axis="blocks" if blocks else "rows",
            readout=None if self.readout is None else names.index(self.readout),
        )


def resnet() -> Made:
    """Stem, four stages of two blocks, head: 70 rows."""
    rows = [("conv1", "Conv2d"), ("bn1", "BatchNorm2d")]
    blocks = [f"layer{stage}.{block}" for stage in range(1, 5) for block in range(2)]
    for block in blocks:
        rows += [
            (f"{block}.{part}{place}", kind)
            for place in (1, 2)
            for part, kind in (("conv", "Conv2d"), ("bn", "BatchNorm2d"))
        ]
        if block.endswith(".0") and block != "layer1.0":
            rows += [(f"{block}.downsample.0", "Conv2d"), (f"{block}.downsample.1", "BatchNorm2d")]
        rows.append((block, "block"))
    return Made((*rows, ("fc", "Linear")), (tuple(blocks),), "fc", ("BatchNorm2d",))


def transformer(blocks: int = 24) -> Made:
    """Embeddings, so many blocks of seven rows, head."""
    rows = [("embed.tokens", "Embedding"), ("embed.positions", "Embedding")]
    chain = [f"blocks.{block}" for block in range(blocks)]
    for block in chain:
        rows += [(f"{block}.norm1", "LayerNorm"), (f"{block}.attn.qkv", "Linear"), (f"{block}.attn.proj", "Linear")]
        rows += [
            (f"{block}.norm2", "LayerNorm"),
            (f"{block}.mlp.up", "Linear"),
            (f"{block}.mlp.down", "Linear"),
            (block, "block"),
        ]
    return Made((*rows, ("norm", "LayerNorm"), ("head", "Linear")), (tuple(chain),), "head")


def plain(depth: int = 300) -> Made:
    """So many linear rows in a row, without blocks."""
    rows = [(f"layers.{layer}", "Linear") for layer in range(depth)]
    return Made(tuple(rows), (tuple(name for name, _ in rows[:-1]),), rows[-1][0], ("Linear",))


def lstm() -> Made:
    """Two layers of a fused LSTM over 28 time steps, and a head."""
    rows = (("lstm.layer0", "LSTM"), ("lstm.layer1", "LSTM"), ("head", "Linear"))
    return Made(rows, (("lstm.layer0", "lstm.layer1"),), "head", calls={"lstm.layer0": 28, "lstm.layer1": 28})


def gan() -> Made:
    """A generator and a discriminator, each with a chain of its own; which readout counts is not known."""
    generator = [(f"generator.{place}", "ConvTranspose2d") for place in (0, 3, 6, 9)]
    discriminator = [(f"discriminator.{place}", "Conv2d") for place in (0, 2, 5, 8)]
    chains = (tuple(name for name, _ in generator), tuple(name for name, _ in discriminator))
    return Made((*generator, *discriminator), chains, None, ("Conv2d",), {name: 2 for name, _ in discriminator})


def odd() -> Made:
    """Rows with names that some face could take for something else."""
    rows = [(name, "Linear") for name in ODD_NAMES]
    return Made(tuple(rows), (tuple(name for name, _ in rows[:-1]),), rows[-1][0])


def module_record(made: Made, *, decades: float = 0.0, steps: int = 40, seed: int = 0, loss: bool = True) -> Record:
    """A record of all quantities that a watched module has, whose backward signal falls by so many decades from the end to the input.

    Rows without a matrix have no weight gradient, a row that is called several times has `time_decades`, and of rows that no activation
    module reads nothing is known of units. Where the signal falls by more than 30 decades, the first rows' is zero.
    """
    rng = np.random.default_rng(seed)
    rows, count = made.module_rows(), len(made.rows)
    slope = np.linspace(-decades, 0.0, count) if count > 1 else np.zeros(1)
    course = np.linspace(0.0, -0.5, steps)[:, None]
    signal = slope + course + 0.05 * rng.standard_normal((steps, count))
    matrix = rows.weights > 0
    read = np.array([kind in made.activations for kind in rows.kinds])
    called = np.array([made.calls.get(name, 1) for name in rows.names], dtype=np.float64)
    everywhere = np.ones((steps, count), dtype=bool)

    def column(values: Any, there: Any = True) -> Column:
        return Column(np.broadcast_to(values, (steps, count)).astype(np.float64), everywhere & there)

    norm = signal - 1.0 + 0.3 * rng.standard_normal(count)
    values = {
        "grad_norm": column(10.0**norm, matrix),
        "log10_grad_norm": column(norm, matrix),
        "log10_grad_norm_applied": column(np.minimum(norm, norm.max() - 0.2), matrix),
        "bias_grad_norm": column(10.0 ** (norm - 1.0), matrix),
        "norm_grad_norm": column(10.0 ** (norm - 0.5), ~matrix),
        "log10_backward_rms": column(signal - 3.0),
        "log10_backward_norm": column(signal),
        "calls": column(called),
        "time_decades": column(-1.5 + 0.1 * signal, called > 1),
        "weight_norm": column(5.0 + 0.001 * np.arange(steps)[:, None], matrix),
        "log10_update_ratio": column(-3.0 + 0.2 * slope + 0.1 * rng.standard_normal((steps, count)), matrix),
        "forward_rms": column(1.0 + 0.1 * rng.random((steps, count))),
        "activation_mean": column(0.4, read), "activation_std": column(0.6, read), "mean_slope": column(0.5, read),
        "dead_fraction": column(0.01 * np.arange(count) / count, read), "inactive_fraction": column(0.5, read),
    }  # fmt: skip
    if decades > 30:
        for name in ("log10_backward_rms", "log10_backward_norm", "log10_grad_norm"):
            values[name].values[:, 0] = -math.inf
    total = 0.5 * np.log10(np.nansum(np.where(matrix, 10.0 ** (2 * norm), 0.0), axis=1))
    figures = {
        "loss": Column(2.3 * np.exp(-np.arange(steps) / steps), np.full(steps, loss)),
        "accuracy": Column(np.linspace(0.1, 0.9, steps), np.full(steps, loss)),
        "log10_grad_norm_total": Column(total, np.ones(steps, dtype=bool)),
        "learning_rate": Column(np.full(steps, 1e-3), np.ones(steps, dtype=bool)),
        "clip_factor": Column(np.full(steps, 1.0), np.ones(steps, dtype=bool)),
    }
    asked = selected("default", present={"module", "norm"})
    layers = {name: values[name] for name in asked if name in values}
    fan = np.where(matrix & (np.array(rows.kinds) != "block"), 64, 0).astype(np.int64)
    return Record(np.arange(steps) * 5, layers, figures, fan, fan, 0.0, rows=rows)


def watched(name: str, model: str = "nets.Net", parameters: int = 11_181_642) -> WatchedExperiment:
    """What is known of a watched module."""
    told = {
        "model": {"watched": model, "parameters": parameters},
        "train": {"optimizer": "AdamW", "lr": 1e-3, "dtype": "float32"},
    }
    return WatchedExperiment.model_validate({"name": name, **told})


def built(name: str, seed: int = 0, **args: Any) -> ModuleExperiment:
    """A module that a config names."""
    model = {"kind": "module", "build": "nets:build", "args": args}
    return ModuleExperiment.model_validate(
        {"name": name, "seed": seed, "model": model, "expect": ["verdict == healthy"]}
    )


def module_run(
    experiment: OwnExperiment,
    record: Record | None,
    kind: OutcomeKind = "completed",
    verdict: Verdict | None = None,
    findings: Sequence[Finding] = (),
) -> StoredRun:
    """A run that is ready to be saved; with a verdict that is given, or as the rules judge it."""
    reason = {
        "failed": "RuntimeError: <b>boom</b> in `forward` (see traceback.txt)",
        "interrupted": "stopped at step 30",
    }.get(kind)
    outcome = Outcome(
        kind, 30 if kind in ("interrupted", "diverged") else None, 2 if kind == "diverged" else None, reason
    )
    summary: Summary = judged(experiment, record, outcome)
    if verdict is not None:
        summary = replace(summary, verdict=verdict, findings=tuple(findings))
    own = sha256(f"{experiment.model_dump_json()} {kind}".encode()).hexdigest()[:12]
    times = {"started": "2026-01-01T00:00:00", "finished": "2026-01-01T00:00:01"}
    manifest = {"schema_version": 1, "id": own, "gradlab": "0", "optimizer": "AdamW", "order": "first use"} | times
    return StoredRun(
        own, Path("nowhere"), experiment, summary, manifest, Timing(1.5, 133.25, 1, 0.05, 4096), read=lambda: record
    )


def _of_resnet() -> StoredRun:
    chain = resnet().module_rows().chains[0]
    falls = Finding(
        "vanishing", "critical", (chain[0] + 1, chain[3] + 1), 10, -9.0, -3.0,
        "the gradient signal falls by 9.0 decades from layer4.1 to layer1.0", "a normalisation, or another start",
    )  # fmt: skip
    unseen = Finding(
        "not_looked_at", "note", None, 0, 0.0, 0.0, "units not looked at: no activation module was seen", ""
    )
    deep = watched("resnet", "torchvision.models.resnet.ResNet")
    return module_run(deep, module_record(resnet(), decades=9), "completed", "vanishing", [falls, unseen])


_RUNS: dict[str, Callable[[], StoredRun]] = {
    "resnet": _of_resnet,
    "transformer": lambda: module_run(
        watched("transformer", "nets.Transformer"), module_record(transformer(), decades=0.4)
    ),
    "plain": lambda: module_run(built("plain", depth=300), module_record(plain(), decades=40)),
    "lstm": lambda: module_run(watched("lstm", "nets.Lstm", 50_000), module_record(lstm())),
    "gan": lambda: module_run(watched("gan", "nets.Gan"), module_record(gan(), decades=2)),
    "odd": lambda: module_run(watched("odd", "nets.<locals>.Odd"), module_record(odd())),
    "failed": lambda: module_run(built("failed", depth=3), module_record(plain(5), steps=7), "failed"),
    "failed_at_once": lambda: module_run(built("failed_at_once", depth=3), None, "failed"),
    "interrupted": lambda: module_run(built("interrupted", depth=9), module_record(plain(9), steps=7), "interrupted"),
    "diverged": lambda: module_run(built("diverged", depth=9), module_record(plain(9), steps=7), "diverged"),
    "without_loss": lambda: module_run(watched("without_loss", "nets.Quiet"), module_record(plain(4), loss=False)),
    "seed0": lambda: module_run(built("seeded", 0, depth=5, norm="layer"), module_record(plain(5))),
    "seed1": lambda: module_run(built("seeded", 1, depth=5, norm="layer"), module_record(plain(5), seed=1)),
}
"""One of each kind, made when it is asked for: to judge the long ones takes seconds."""

RUN_NAMES = tuple(_RUNS)
WITHOUT_RECORD = ("failed_at_once",)


@cache
def one_run(name: str) -> StoredRun:
    """One of `RUN_NAMES`; its record is shared by all who ask, so nobody may change it."""
    return _RUNS[name]()


def all_runs() -> dict[str, StoredRun]:
    """All of `RUN_NAMES`; their records are shared by all who ask, so nobody may change them."""
    return {name: one_run(name) for name in RUN_NAMES}


def save(root: Path, runs: Iterable[StoredRun]) -> list[StoredRun]:
    """Store runs with their `summary.md`."""
    return Store(root).save_all([(run, markdown(view(run).blocks), {}) for run in runs])
