"""The fields of a config are a contract: adding one is free, renaming or removing one is not."""

from gradlab.config import catalogue
from gradlab.config.experiment import Experiment, run_names
from gradlab.config.fields import fields
from gradlab.config.modules import ModuleExperiment
from gradlab.config.namespace import OnOwnBatches
from gradlab.config.quantities import LAYER_NAMES

FIELDS = {
    "name": "label",
    "seed": "free",
    "model.kind": "shape",
    "model.depth": "shape",
    "model.width": "shape",
    "model.parametrization": "shape",
    "model.activation.name": "shape",
    "model.activation.slope": "shape",
    "model.activation.alpha": "shape",
    "model.norm.kind": "shape",
    "model.norm.position": "shape",
    "model.norm.eps": "shape",
    "model.norm.affine": "shape",
    "model.residual.scale": "free",
    "model.residual.learned": "shape",
    "model.residual.layers": "shape",
    "model.residual.position": "shape",
    "model.kernel": "shape",
    "model.padding": "shape",
    "model.pool": "shape",
    "model.init.scheme": "free",
    "model.init.distribution": "free",
    "model.init.gain": "free",
    "model.init.std": "free",
    "model.init.bias": "free",
    "model.init.sigma_w": "free",
    "model.init.sigma_b": "free",
    "model.readout_init.scheme": "free",
    "model.readout_init.distribution": "free",
    "model.readout_init.gain": "free",
    "model.readout_init.std": "free",
    "model.readout_init.bias": "free",
    "model.readout_init.sigma_w": "free",
    "model.readout_init.sigma_b": "free",
    "data.source": "shape",
    "data.path": "shape",
    "data.target": "shape",
    "data.samples": "shape",
    "data.features": "shape",
    "data.classes": "shape",
    "data.noise": "shape",
    "data.image": "shape",
    "data.batch_size": "shape",
    "data.standardize": "shape",
    "data.holdout": "shape",
    "data.seed": "shape",
    "train.optimizer.name": "shape",
    "train.optimizer.momentum": "free",
    "train.optimizer.alpha": "free",
    "train.optimizer.beta1": "free",
    "train.optimizer.beta2": "free",
    "train.optimizer.eps": "free",
    "train.lr": "free",
    "train.weight_decay": "switch",
    "train.clip_norm": "switch",
    "train.schedule": "shape",
    "train.warmup": "free",
    "train.steps": "shape",
    "train.epochs": "shape",
    "train.loss": "shape",
    "train.dtype": "shape",
    "train.dtype.loss_scale": "shape",
    "train.dtype.arithmetic": "shape",
    "record.every": "shape",
    "record.quantities": "shape",
    "record.jacobian_examples": "shape",
    "record.jacobian_steps": "shape",
    "record.spectrum": "shape",
    "expect": "label",
}

MODULE_FIELDS = {
    "model.kind": "shape",
    "model.build": "shape",
    "model.args": "shape",
    "data.source": "shape",
    "data.build": "shape",
    "data.args": "shape",
}

NAMES = {
    "activations": (
        "identity sigmoid tanh relu leaky_relu prelu elu selu silu gelu mish softplus softsign hardtanh "
        "scaled_sigmoid step"
    ),
    "schemes": "xavier he lecun normal orthogonal pytorch zeros critical delta_orthogonal",
    "kinds": "dense conv",
    "norms": "batch layer rms",
    "paddings": "circular zeros",
    "pools": "mean flatten",
    "distributions": "normal uniform truncated",
    "sources": "digits breast_cancer wine diabetes xor circles moons spirals gaussian_mixture teacher orthogonal_map noise file",
    "optimizers": "sgd momentum nesterov adagrad rmsprop adam adamw",
    "schedules": "constant cosine",
    "losses": "auto cross_entropy binary_cross_entropy mse",
    "dtypes": "float32 float64 bfloat16 float16",
    "quantities": (
        "grad_norm log10_grad_norm log10_backward_rms log10_grad_norm_applied log10_backward_norm calls time_decades "
        "weight_norm log10_update_ratio changed_fraction forward_rms "
        "activation_mean activation_std mean_slope dead_fraction inactive_fraction bias_grad_norm "
        "norm_grad_norm residual_scale residual_scale_grad forward_mean zero_gradient_fraction "
        "nonfinite_count sign_coherence sample_correlation gradient_correlation forward_change jacobian_log10_s_max "
        "jacobian_log10_s_min jacobian_log10_s_mean jacobian_dispersion"
    ),
    "figures": (
        "backward_decades backward_slope backward_fit forward_decades grad_ratio loss accuracy "
        "holdout_loss holdout_accuracy loss_ratio holdout_gain holdout_balanced_accuracy"
    ),
    "verdicts": "diverged dead exploding vanishing saturated not_learning undecided not_judged healthy",
    "outcomes": "completed diverged failed interrupted",
}


def test_fields_and_their_marks():
    assert {path: field.mark.value for path, field in fields(Experiment).items()} == FIELDS


def test_fields_of_modules_of_ones_own():
    own = {key: mark for key, mark in FIELDS.items() if not key.startswith(("model.", "data."))} | MODULE_FIELDS
    assert {path: field.mark.value for path, field in fields(OnOwnBatches).items()} == own
    assert set(fields(ModuleExperiment)) == {key for key in FIELDS if not key.startswith("model.")} | {
        key for key in MODULE_FIELDS if key.startswith("model.")
    }


def test_names():
    assert {
        "activations": " ".join(catalogue.ACTIVATIONS),
        "schemes": " ".join(catalogue.SCHEMES),
        "kinds": " ".join(catalogue.KINDS),
        "norms": " ".join(catalogue.NORMS),
        "paddings": " ".join(catalogue.PADDINGS),
        "pools": " ".join(catalogue.POOLS),
        "distributions": " ".join(catalogue.DISTRIBUTIONS),
        "sources": " ".join(catalogue.SOURCES),
        "optimizers": " ".join(catalogue.OPTIMIZERS),
        "schedules": " ".join(catalogue.SCHEDULES),
        "losses": " ".join(catalogue.LOSSES),
        "dtypes": " ".join(catalogue.DTYPES),
        "quantities": " ".join(LAYER_NAMES),
        "figures": " ".join(catalogue.FIGURES),
        "verdicts": " ".join(catalogue.VERDICTS),
        "outcomes": " ".join(catalogue.OUTCOMES),
    } == NAMES


def test_names_of_conditions():
    words = {
        "model.activation",
        "model.norm",
        "model.residual",
        "model.init",
        "model.readout_init",
        "train.optimizer",
        "verdict",
        "outcome",
    }
    figures = {f"{moment}.{figure}" for moment in ("init", "final") for figure in NAMES["figures"].split()}
    whole = {"learning_layers", "expected_backward_decades", "expected_spread", "skipped_steps"}
    fields = set(FIELDS) - {"expect", "record.quantities", "record.jacobian_steps", "record.spectrum", "data.image"}
    own = {path for path in MODULE_FIELDS if path.endswith((".build", ".args"))}
    assert set(run_names()) == fields | words | figures | whole | set(NAMES["quantities"].split()) | own
