"""What PyTorch and Keras users call things that a config calls otherwise, where it means exactly one thing; and what to write where not."""

import re
from collections.abc import Iterable, Mapping

Meaning = str | Mapping[str, str]
"""A word of the catalogue; or keys with their values, where another library's one word says more than one of ours."""


def folded(text: str) -> str:
    """A name without what spellings of it differ in: case, hyphens, underscores, spaces, the library that it is looked up in, and `()`.

    >>> folded("LeakyReLU"), folded("leaky-relu"), folded("torch.nn.LeakyReLU"), folded("xavier_uniform_")
    ('leakyrelu', 'leakyrelu', 'leakyrelu', 'xavieruniform')
    """
    plain = re.sub(r"^(torch|nn|F|optim|keras|tf|tensorflow|jax|flax|optax)(\.\w+)*\.", "", text.strip()).removesuffix(
        "()"
    )
    return re.sub(r"[-_ ]", "", plain).casefold()


def by_folded(words: Mapping[str, str]) -> dict[str, str]:
    """Each of several names in a row, folded, -> what they mean."""
    return {folded(name): meaning for names, meaning in words.items() for name in names.split()}


_ACTIVATIONS = by_folded(
    {
        "swish": "silu",
        "linear none no_activation": "identity",
        "lrelu": "leaky_relu",
        "logistic": "sigmoid",
        "heaviside unit_step": "step",
        "parametric_relu": "prelu",
    }
)
_SCHEMES: dict[str, Meaning] = {
    **by_folded(
        {
            "glorot": "xavier",
            "kaiming msra": "he",
            "nn_linear pytorch_default torch torch_default": "pytorch",
            "edge_of_chaos": "critical",
            "zero": "zeros",
        }
    ),
    # PyTorch's normal is Gaussian; Keras and JAX cut theirs at two standard deviations and keep the stated one.
    folded("xavier_normal"): {"scheme": "xavier", "distribution": "normal"},
    folded("kaiming_normal"): {"scheme": "he", "distribution": "normal"},
    folded("glorot_normal"): {"scheme": "xavier", "distribution": "truncated"},
    folded("he_normal"): {"scheme": "he", "distribution": "truncated"},
    folded("lecun_normal"): {"scheme": "lecun", "distribution": "truncated"},
    **{
        folded(f"{name}_uniform"): {"scheme": scheme, "distribution": "uniform"}
        for name, scheme in (
            ("xavier", "xavier"),
            ("glorot", "xavier"),
            ("kaiming", "he"),
            ("he", "he"),
            ("lecun", "lecun"),
        )
    },
}

_DISTRIBUTIONS = by_folded({"gaussian": "normal", "truncated_normal trunc_normal": "truncated"})

WORDS: Mapping[str, Mapping[str, Meaning]] = {
    "model.kind": by_folded(
        {
            "mlp fully_connected feedforward feed_forward multilayer_perceptron": "dense",
            "cnn convnet convolutional convolution conv2d": "conv",
        }
    ),
    "model.activation.name": _ACTIVATIONS,
    "model.init.scheme": _SCHEMES,
    "model.init.distribution": _DISTRIBUTIONS,
    "model.readout_init.scheme": _SCHEMES,
    "model.readout_init.distribution": _DISTRIBUTIONS,
    "model.norm.kind": by_folded(
        {
            "batch_norm batch_norm1d batch_norm2d batch_normalization batch_normalisation bn": "batch",
            "layer_norm layer_normalization layer_normalisation ln": "layer",
            "rms_norm rms_normalization": "rms",
        }
    ),
    "model.residual.position": by_folded({"pre_activation preact": "pre", "post_activation": "post"}),
    "model.padding": by_folded({"zero": "zeros", "wrap": "circular"}),
    "model.pool": by_folded({"avg average gap global_average global_average_pooling": "mean"}),
    "model.parametrization": by_folded({"sp": "standard", "maximal_update μp µp": "mup"}),
    "train.optimizer.name": by_folded(
        {
            "gd gradient_descent stochastic_gradient_descent": "sgd",
            "sgd_momentum momentum_sgd sgdm heavy_ball": "momentum",
            "nag nesterov_momentum sgd_nesterov": "nesterov",
        }
    ),
    "data.source": by_folded(
        {
            "two_moons make_moons half_moons": "moons",
            "two_circles make_circles": "circles",
            "two_spirals spiral": "spirals",
            "blobs make_blobs gaussian_blobs gmm gaussian_mixtures": "gaussian_mixture",
            "load_digits": "digits",
            "load_wine": "wine",
            "load_breast_cancer": "breast_cancer",
            "load_diabetes": "diabetes",
        }
    ),
    "train.schedule": by_folded(
        {
            "cosine_annealing cosine_annealing_lr cosine_decay": "cosine",
            "constant_lr fixed none": "constant",
        }
    ),
    "train.loss": by_folded(
        {
            "ce xent crossentropy cross_entropy_loss softmax_cross_entropy categorical_crossentropy": "cross_entropy",
            "sparse_categorical_crossentropy": "cross_entropy",
            "bce bce_loss bce_with_logits bce_with_logits_loss binary_crossentropy": "binary_cross_entropy",
            "binary_cross_entropy_with_logits log_loss": "binary_cross_entropy",
            "nll nll_loss negative_log_likelihood": "cross_entropy",
            "mean_squared_error mse_loss squared_error": "mse",
        }
    ),
    "train.dtype": by_folded(
        {
            "fp16 f16 half": "float16",
            "bf16": "bfloat16",
            "fp32 f32 single": "float32",
            "fp64 f64 double": "float64",
        }
    ),
}
"""Leaf field -> folded name -> what it means."""

_NOT_HERE = "it is an approximation that gradlab does not have; gelu is the exact form"
_NO_FORMAT = "it is no format: write dtype: {storage: float16, loss_scale: dynamic}"
_NO_FILE = "it is no source: write source: file, path: data.csv and target: the column to predict"
_NOWHERE = "it is not here and nothing is downloaded"
_NO_SINGLE_STD = "it has another standard deviation in each library: write {scheme: normal, std: 0.05"

ADVICE: Mapping[str, Mapping[str, str]] = {
    "model.activation.name": by_folded({"gelu_tanh gelu_new gelu_approximate": _NOT_HERE}),
    "model.init.scheme": by_folded(
        {
            "random_normal normal_init gaussian random": f"{_NO_SINGLE_STD}}}, or what yours has",
            "truncated_normal trunc_normal": f"{_NO_SINGLE_STD}, distribution: truncated}}, or what yours has",
            "uniform random_uniform": f"{_NO_SINGLE_STD}, distribution: uniform}}, or what yours has",
        }
    ),
    "data.source": by_folded(
        {
            "csv parquet npz": _NO_FILE,
            "mnist fashion_mnist cifar10 cifar100": f"{_NOWHERE}: digits has small pictures of digits, and source: file reads a file of "
            "yours",
            "iris boston california california_housing": f"{_NOWHERE}: wine and breast_cancer have classes, diabetes has numbers, and "
            "source: file reads a file of yours",
        }
    ),
    "train.dtype": by_folded(
        {
            "float": "it is 32 bits to PyTorch and 64 to numpy: write float32 or float64",
            "amp autocast mixed mixed_precision mixed_float16 16_mixed": _NO_FORMAT,
        }
    ),
}
"""Leaf field -> folded name -> what to say of a word that has no single meaning here, behind the word."""


def _keys(part: str, names: Mapping[str, str]) -> dict[str, dict[str, str]]:
    return {part: by_folded(names)}


KEYS: Mapping[str, Mapping[str, str]] = {
    **_keys("", {"random_seed random_state": "seed", "training": "train", "network": "model"}),
    **_keys(
        "model",
        {
            "hidden_layers n_layers num_layers n_hidden_layers num_hidden_layers layers": "model.depth",
            "hidden_size hidden_dim hidden_units units n_units num_units hidden_width neurons dim d_model": "model.width",
            "channels n_channels num_channels filters n_filters num_filters": "model.width",
            "nonlinearity act act_fn activation_fn activation_function": "model.activation",
            "initializer initialiser initialization initialisation weight_init kernel_initializer init_scheme": "model.init",
            "normalization normalisation norm_layer": "model.norm",
            "skip skip_connection skip_connections residual_connections": "model.residual",
            "kernel_size": "model.kernel",
            "pooling": "model.pool",
            "parametrisation parameterization": "model.parametrization",
        },
    ),
    **_keys("model.activation", {"negative_slope": "model.activation.slope", "type kind": "model.activation.name"}),
    **_keys("model.init", {"stddev standard_deviation": "model.init.std", "name type kind": "model.init.scheme"}),
    **_keys(
        "model.readout_init",
        {"stddev standard_deviation": "model.readout_init.std", "name type kind": "model.readout_init.scheme"},
    ),
    **_keys("model.norm", {"epsilon": "model.norm.eps", "name type": "model.norm.kind"}),
    **_keys(
        "data",
        {
            "dataset name": "data.source",
            "n_samples num_samples": "data.samples",
            "n_features num_features": "data.features",
            "n_classes num_classes": "data.classes",
            "batch bs minibatch minibatch_size": "data.batch_size",
            "standardise standardization standardisation": "data.standardize",
            "test_size val_split validation_split holdout_fraction": "data.holdout",
            "label label_column target_column": "data.target",
        },
    ),
    **_keys(
        "train",
        {
            "learning_rate learning_rate_init initial_lr base_lr step_size eta": "train.lr",
            "optim optimiser solver": "train.optimizer",
            "wd": "train.weight_decay",
            "clip_grad_norm max_grad_norm gradient_clip_norm grad_norm_clip grad_clip gradient_clip_val clip": "train.clip_norm",
            "lr_schedule lr_scheduler scheduler learning_rate_schedule": "train.schedule",
            "warmup_steps num_warmup_steps": "train.warmup",
            "num_steps n_steps max_steps iterations num_iterations": "train.steps",
            "num_epochs n_epochs max_epochs num_train_epochs epoch": "train.epochs",
            "loss_fn loss_function criterion": "train.loss",
            "precision": "train.dtype",
            "batch_size batch bs": "data.batch_size",
        },
    ),
    **_keys("record", {"interval frequency log_every every_n_steps": "record.every", "metrics": "record.quantities"}),
    **_keys(
        "train.optimizer",
        {"epsilon": "train.optimizer.eps", "rho": "train.optimizer.alpha", "type kind": "train.optimizer.name"},
    ),
}
"""Part of a config -> folded name of a key -> the dotted key that it means."""

_OPTION = "it is an option of the command"

KEY_ADVICE: Mapping[str, Mapping[str, str]] = {
    **_keys(
        "",
        {
            "seeds": f"{_OPTION}, as in --seeds 0-4; seed is a single one",
            "device": f"{_OPTION}, as in --device cpu",
            "threads n_threads num_threads": f"{_OPTION}, as in --threads 1",
        },
    ),
    **_keys(
        "model",
        {
            "batch_norm batch_normalization": "write norm: batch",
            "layer_norm layer_normalization": "write norm: layer",
            "rms_norm": "write norm: rms",
            "dropout": "there is none here, it would hide what the layers do to the gradient; leave it out",
            "hidden n_hidden num_hidden": "write depth for the number of hidden layers, width for the units of each",
            "hidden_sizes layer_sizes hidden_layer_sizes": "all hidden layers have one width here: write depth and width",
            "bias use_bias": "every layer has biases, which begin at 0; leave it out, or write init: {bias: 0.1} for another constant",
            "bias_init bias_initializer": "write init: {bias: 0.1}, the constant that every bias starts from",
            "type arch architecture model_type": "write kind: dense or kind: conv; skip connections are residual: 1",
        },
    ),
    **_keys(
        "train.optimizer",
        {
            "betas": "write beta1: 0.9 and beta2: 0.999, a key each",
            "nesterov": "write name: nesterov",
            "weight_decay wd": "write train.weight_decay",
            "lr learning_rate": "write train.lr",
        },
    ),
    **_keys(
        "data",
        {
            "normalize normalise scale": "write standardize: true, which brings every column to mean 0 and standard deviation 1",
            "file csv filename": "write source: file, path: data.csv and target: the column to predict",
            "shuffle": "the order is drawn anew in every epoch, from the seed; leave it out",
        },
    ),
    **_keys(
        "train",
        {
            "device": "it is an option of the command: --device",
            "l2 l2_penalty l2_regularization": "write weight_decay",
            "max_iter": "write epochs, passes over the data, or steps, updates",
        },
    ),
    **_keys("model.init", {"mode": "he divides by the fan-in, xavier by the mean of both; pick the scheme"}),
}
"""Part of a config -> folded name of an unknown key -> what to write instead."""

_OFF = ("no", "none", "off", "false")
_UNLESS_WRITTEN = "there is none unless norm is written; leave it out"

OFF_ADVICE: Mapping[str, Mapping[str, str]] = {
    **_keys("model", {"batch_norm batch_normalization layer_norm layer_normalization rms_norm": _UNLESS_WRITTEN}),
    **_keys("train.optimizer", {"nesterov": "none has it but the one of that name; leave it out"}),
    **_keys("data", {"normalize normalise scale": "write standardize: false, which leaves every column as it is"}),
}
"""The same where the value of the key says that it is not wanted: false, null, 0 or one of `_OFF`."""


def word_meant(field: str, word: str, known: Iterable[str]) -> Meaning | None:
    """What a word means that is none of a field's own, None where it means nothing or several things.

    Args:
        field: Dotted path of the leaf field.
        word: As it is typed.
        known: The field's own words; one that differs in case, hyphens or underscores alone is meant.

    >>> word_meant("model.activation.name", "Swish", ["relu", "silu"]), word_meant("train.loss", "MSE", ["mse"])
    ('silu', 'mse')
    """
    plain = folded(word)
    own = [name for name in known if folded(name) == plain]
    if len(own) == 1:
        return own[0]
    return WORDS.get(field, {}).get(plain)


def advice(field: str, word: str) -> str | None:
    """What to write in place of a word that has no single meaning, None where nothing is known of it.

    >>> advice("model.init.scheme", "glorot_uniform")
    'write init: {scheme: xavier, distribution: uniform}'
    """
    meant = WORDS.get(field, {}).get(folded(word))
    if isinstance(meant, Mapping):
        return f"write {field.split('.')[-2]}: {written(meant)}"
    return ADVICE.get(field.replace("readout_init", "init"), {}).get(folded(word))


def key_meant(part: str, key: str) -> str | None:
    """The dotted key that is meant by one that a part does not know, None where it means nothing or several things.

    >>> key_meant("train", "learning_rate"), key_meant("train", "learningRate"), key_meant("train", "rate")
    ('train.lr', 'train.lr', None)
    """
    return KEYS.get(part, {}).get(folded(key))


def key_meant_at_root(key: str) -> str | None:
    """The dotted key that is meant by one beside `model`, `data` and `train`, None where it belongs into none of them or several.

    >>> key_meant_at_root("hidden_size"), key_meant_at_root("epsilon")
    ('model.width', None)
    """
    meant = {KEYS[part][folded(key)] for part in ("model", "data", "train", "record") if folded(key) in KEYS[part]}
    return meant.pop() if len(meant) == 1 else None


def key_meant_elsewhere(key: str) -> str | None:
    """The dotted key that is meant by one in the wrong part of a config, None where it means nothing or several things.

    >>> key_meant_elsewhere("learning_rate"), key_meant_elsewhere("epsilon")
    ('train.lr', None)
    """
    meant = {keys[folded(key)] for keys in KEYS.values() if folded(key) in keys}
    return meant.pop() if len(meant) == 1 else None


def key_advice(part: str, key: str, value: object = True) -> str | None:
    """What to write in place of a key that is unknown and yet familiar, None where nothing is known of it, or of one without its part
    several things.

    Args:
        part: Dotted path of the part that the key stands in.
        key: As it is typed.
        value: What it is set to: what is switched off is not told how it is switched on.

    >>> key_advice("", "dropout") == key_advice("model", "dropout") is not None
    True
    >>> key_advice("model", "batch_norm"), key_advice("model", "batch_norm", False)
    ('write norm: batch', 'there is none unless norm is written; leave it out')
    """
    plain = folded(key)
    if (not value or str(value).lower() in _OFF) and (said := _advised(OFF_ADVICE, part, plain)) is not None:
        return said
    return _advised(KEY_ADVICE, part, plain)


def _advised(advices: Mapping[str, Mapping[str, str]], part: str, plain: str) -> str | None:
    if part or plain in advices.get("", {}):
        return advices.get(part, {}).get(plain)
    known = {said for below in ("model", "data", "train") if (said := advices.get(below, {}).get(plain)) is not None}
    return known.pop() if len(known) == 1 else None


def written(meaning: Meaning) -> str:
    """A meaning as YAML has it.

    >>> written({"scheme": "he", "distribution": "uniform"})
    '{scheme: he, distribution: uniform}'
    """
    if isinstance(meaning, str):
        return meaning
    return "{" + ", ".join(f"{key}: {value}" for key, value in meaning.items()) + "}"
