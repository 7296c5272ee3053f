"""How a network is said: its kind, its size, its normalisation and skip connections, and what is doubtful about them."""

from collections.abc import Iterable, Mapping
from typing import Any

from gradlab.config.experiment import Activation, Experiment, Init, Model, Norm, Optimizer, Residual, Train
from gradlab.config.modules import ModuleData, OwnExperiment, Trainable, WatchedExperiment
from gradlab.config.text import clean_line, cut, value_text
from gradlab.datasets.dataset import Reading
from gradlab.report.words.data import data_words
from gradlab.report.words.values import counted

FEW = 8
"""Examples of a batch below which batch normalisation's factors are far from those of a large batch, and differ from seed to seed."""


def network_words(model: Model) -> list[str]:
    """A network in a few words each: its layers, and what else there is.

    >>> network_words(Model(depth=50, width=100, activation="relu", norm="batch", residual="1/sqrt(depth)"))
    ['50 × 100 relu', 'batch norm', 'residual 1/sqrt(depth)']
    >>> network_words(Model(kind="conv", depth=20, width=16, activation="tanh", padding="zeros"))
    ['20 × 16 conv 3×3 tanh, zero padding']
    """
    parts = [f"{model.depth} × {model.width} {_kind(model)}{with_parameters(model.activation)}{_edges(model)}"]
    parts += [_norm(model.norm)] if model.norm is not None else []
    parts += [_residual(model.residual)] if model.residual is not None else []
    return parts


def start_words(init: Init) -> str:
    """How the weights start, in a few words."""
    if init.scheme is None:
        return f"σ_w={init.sigma_w:g} σ_b={init.sigma_b:g}"
    words: list[str] = [init.scheme]
    words += [f"std {init.std:g}"] if init.std is not None else []
    words += [f"gain {init.gain:g}"] if init.gain != 1 else []
    words += [f"bias {init.bias:g}"] if init.bias != 0 else []
    words += [init.distribution] if init.distribution != "normal" else []
    return " ".join(words)


def module_words(experiment: OwnExperiment, reading: Reading | None = None) -> str:
    """What was trained of somebody's own module, as far as it is known, in one line; the seed, where there is one, stands last.

    `reading` is how a file's target was taken, None where that is not known.
    """
    if isinstance(experiment, WatchedExperiment):
        model, watched = experiment.model, experiment.train
        rate = "" if watched.lr is None else f" lr {watched.lr:g}"
        parts = [
            clean_line(model.watched), f"{model.parameters:,} parameters", f"{watched.optimizer or 'an optimizer'}{rate}",
            watched.dtype or "", "watched in its own loop",
        ]  # fmt: skip
        return " · ".join(part for part in parts if part)
    train = experiment.train
    length = counted(train.steps, "step") if train.steps is not None else f"{train.epochs:g} epochs"
    data = experiment.data
    parts = [
        _call(experiment.model.build, experiment.model.args),
        _call(data.build, data.args) if isinstance(data, ModuleData) else data_words(data, reading),
        update_words(train),
        length, str(train.dtype), f"seed {experiment.seed}",
    ]  # fmt: skip
    return " · ".join(parts)


def update_words(train: Train) -> str:
    """How the weights are updated: the optimizer, its rate, and what else is done to rate, gradient and weights where something is."""
    words = [f"{with_parameters(train.optimizer)} lr {train.lr:g}"]
    words += [f"warmup {train.warmup:,}"] if train.warmup else []
    words += [train.schedule] if train.schedule != "constant" else []
    words += [f"weight decay {train.weight_decay:g}"] if train.weight_decay else []
    words += [f"clip norm {train.clip_norm:g}"] if train.clip_norm is not None else []
    return ", ".join(words)


def watch_words(facts: object) -> tuple[str, ...]:
    """What the watch of a module has to say: what it warned of, and the steps that a scaler skipped; `facts` is the manifest's part.

    >>> watch_words({"skipped_steps": 2, "warnings": ["nothing was stepped"]})
    ('warning: nothing was stepped', '2 steps were skipped by the scaler, because a gradient overflowed')
    """
    if not isinstance(facts, Mapping):
        return ()
    warned = facts.get("warnings")
    said = [f"warning: {clean_line(str(one))}" for one in (warned if isinstance(warned, list) else [])]
    skipped = facts.get("skipped_steps")
    if isinstance(skipped, int) and skipped > 0:
        were = f"{counted(skipped, 'step')} {'was' if skipped == 1 else 'were'}"
        said.append(f"{were} skipped by the scaler, because a gradient overflowed")
    return tuple(said)


def _call(build: str, args: Mapping[str, Any]) -> str:
    return f"{build}({', '.join(f'{name}={cut(value_text(value), 40)}' for name, value in args.items())})"


def with_parameters(part: Activation | Optimizer) -> str:
    """What has a name, with the parameters that it has.

    >>> with_parameters(Activation(name="leaky_relu", slope=0.2))
    'leaky_relu(slope=0.2)'
    """
    own = [f"{key}={value:g}" for key, value in part.model_dump(exclude={"name"}).items() if value is not None]
    return f"{part.name}({', '.join(own)})" if own else part.name


def few_examples(experiments: Iterable[Trainable]) -> list[str]:
    """What is to be said of batch normalisation over few examples, each batch size once."""
    sizes = [
        one.data.batch_size
        for one in experiments
        if isinstance(one, Experiment) and one.model.norm is not None and one.model.norm.kind == "batch"
    ]
    return [
        f"batch normalisation over {size} examples a step: its growth of gradients is far from that of larger batches, and "
        f"differs from seed to seed; data.batch_size: {FEW} or more, or model.norm: layer"
        for size in dict.fromkeys(sizes)
        if size < FEW
    ]


def _kind(model: Model) -> str:
    return (
        ""
        if model.kind == "dense"
        else f"{model.kind} "
        if model.kernel is None
        else f"conv {model.kernel}×{model.kernel} "
    )


def _edges(model: Model) -> str:
    padding = ", zero padding" if model.padding == "zeros" else ""
    return padding + (", flattened" if model.pool == "flatten" else "")


def _norm(norm: Norm) -> str:
    words = [f"{'RMS' if norm.kind == 'rms' else norm.kind} norm"]
    words += ["after the activation"] if norm.position == "after" else []
    words += [f"eps {norm.eps:g}"] if norm.eps != type(norm).model_fields["eps"].default else []
    words += ["without gain and bias"] if not norm.affine else []
    return " ".join(words)


def _residual(residual: Residual) -> str:
    scale = residual.scale if isinstance(residual.scale, str) else f"{residual.scale:g}"
    words = ["residual"] if scale == "1" and not residual.learned else [f"residual {scale}"]
    words += ["learned"] if residual.learned else []
    more = [", two layers a branch"] if residual.layers == 2 else []
    more += [", post-activation"] if residual.position == "post" else []
    return " ".join(words) + "".join(more)
