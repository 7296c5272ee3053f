"""Networks in which nothing of use reaches the first layers."""

from benchmarks.diagnosis.case import Family, config
from benchmarks.diagnosis.data_files import source


def _family(name: str, reason: str, proof: str, cases: dict) -> Family:
    return Family(name, "vanishing", reason, proof, cases)  # type: ignore[arg-type]


def families() -> list[Family]:
    """All of them."""
    return [*_activations(), *_settings(), *_traps()]


def _activations() -> list[Family]:
    """The scale of the weights against the slope of the activation."""
    smooth = ["tanh", "softsign", "hardtanh", "scaled_sigmoid", "elu", "selu"]
    gated = ["silu", "gelu", "mish"]
    rectifiers = ["relu", "leaky_relu", "prelu"]
    return [
        _family(
            "sigmoid by depth", "χ₁ = 0.056 under Xavier: 0.63 decades a layer", "first half idle",
            {f"depth {d}": config("sigmoid", "xavier", d, 40, steps=60) for d in (10, 16, 30, 60, 120, 200)},
        ),
        _family(
            "sigmoid by initialisation", "χ₁ is 0.02 to 0.1 for every common scheme", "first half idle",
            {
                f"{i if isinstance(i, str) else 'small'}": config("sigmoid", i, 16, 40, steps=60)
                for i in ("he", "lecun", "pytorch", "orthogonal", {"scheme": "normal", "std": 0.1})
            },
        ),
        _family(
            "rectifiers with half the variance", "χ₁ = 1/2 (prelu 0.53): 0.15 decades a layer over 40 layers and more",
            "first half idle",
            {f"{a} depth {d}": config(a, "xavier", d, 40, steps=60) for a in rectifiers for d in (40, 100)},
        ),
        _family(
            "PyTorch's default, deep", "weight variance 1 / (3 fan_in): χ₁ ≤ 1/3 for every slope up to 1", "first half idle",
            {
                f"{a} depth {d}": config(a, "pytorch", d, 40, steps=60)
                for a, d in (("relu", 20), ("tanh", 30), ("gelu", 16), ("elu", 40), ("softplus", 20), ("hardtanh", 60))
            },
        ),
        _family(
            "weights of a fixed small size", "std 0.02 at width 48: σ_w = 0.14, so 0.85 decades a layer and more", "first half idle",
            {
                a: config(a, {"scheme": "normal", "std": 0.02}, 12, 48, steps=60)
                for a in (*smooth, "relu", "gelu", "identity", "mish")
            },
        ),
        _family(
            "ordered phase", "gain 0.6 to 0.8 where 1 is critical: the squared signal loses a third to two thirds a layer",
                "first half idle",
            {
                f"{a} gain {g} depth {d}": config(a, {"scheme": "lecun", "gain": g}, d, 48, steps=60)
                for a, g, d in (("tanh", 0.7, 30), ("softsign", 0.7, 30), ("hardtanh", 0.6, 24), ("scaled_sigmoid", 0.8, 60),
                    ("elu", 0.7, 40))
            },
        ),
        _family(
            "gated units under He and less", "φ' tends to 1/2 (mish 0.6) as the signal fades: χ₁ falls to 1/2 with σ_w² = 2",
                "first half idle",
            {
                f"{a} depth {d} {i if isinstance(i, str) else 'σ_w 1.25'}": config(a, i, d, 96, steps=25)
                for a, d, i in (("silu", 60, "he"), ("gelu", 150, "he"), ("silu", 40, {"sigma_w": 1.25}), ("gelu", 40, {"sigma_w": 1.25}),
                    ("mish", 50, {"sigma_w": 1.2}))
            },
        ),
        _family(
            "gated units under Xavier", "χ₁ falls to 1/4 to 0.36 with σ_w² = 1", "first half idle",
            {f"{a} depth {d}": config(a, "xavier", d, 40, steps=60) for a in gated for d in (16, 50)},
        ),
        _family(
            "softplus", "χ₁ = 0.29 under Xavier: 0.27 decades a layer", "first half idle",
            {f"depth {d} {i}": config("softplus", i, d, 40, steps=60) for d, i in ((16, "xavier"), (40, "xavier"), (24, "lecun"))},
        ),
        _family(
            "slightly off, very deep", "χ₁ = 0.9 and 0.95 over 200 layers add up to 4.6 and 2.2 decades and the drift of narrow layers",
            "first half idle",
            {
                "identity 0.9": config("identity", {"sigma_w": 0.9**0.5}, 200, 96, steps=40, lr=0.002),
                "relu 0.9": config("relu", {"sigma_w": 1.8**0.5}, 200, 128, steps=30, lr=0.002),
                "leaky_relu 0.88": config("leaky_relu", {"sigma_w": 1.76**0.5}, 150, 96, steps=40, lr=0.002),
            },
        ),
        _family(
            "orthogonal but small", "an orthogonal matrix times 0.7 loses 0.15 decades in every layer, exactly", "first half idle",
            {
                f"{a} depth {d}": config(a, {"scheme": "orthogonal", "gain": g}, d, 32, steps=60)
                for a, g, d in (("identity", 0.7, 30), ("tanh", 0.7, 40), ("relu", 1.0, 40))
            },
        ),
    ]  # fmt: skip


def _settings() -> list[Family]:
    """The same cause under other widths, batches, numbers, losses, optimizers."""
    deep = ("sigmoid", "xavier", 14)
    return [
        _family(
            "vanishing by width", "the width does not enter χ₁", "first half idle",
            {f"sigmoid width {w}": config(*deep, w, steps=40) for w in (8, 16, 128, 256)}
            | {f"relu width {w}": config("relu", "xavier", 40, w, steps=30) for w in (16, 64, 256)}
            | {"tanh width 1024": config("tanh", {"sigma_w": 0.5}, 12, 1024, steps=12, batch=32)},
        ),
        _family(
            "vanishing by batch", "one example or a thousand: the signal is an example's own", "first half idle",
            {f"sigmoid batch {b}": config(*deep, 24, steps=s, batch=b, lr=r)
                for b, s, r in ((1, 300, 0.01), (2, 200, 0.01), (8, 100, 0.05), (1024, 40, 0.1))}
            | {f"relu batch {b}": config("relu", "xavier", 50, 24, steps=s, batch=b, lr=0.01)
                for b, s in ((1, 150), (4, 100), (512, 30))},
        ),
        _family(
            "vanishing by number format", "χ₁ is the same in every format", "first half idle",
            {
                "sigmoid float64": config("sigmoid", "xavier", 100, 24, steps=40, dtype="float64"),
                "relu float64": config("relu", "xavier", 100, 24, steps=40, dtype="float64"),
                "sigmoid bfloat16": config("sigmoid", "xavier", 20, 24, steps=40, dtype="bfloat16"),
                "tanh bfloat16": config("tanh", {"sigma_w": 0.6}, 30, 24, steps=40, dtype="bfloat16"),
                "sigmoid float16": config("sigmoid", "xavier", 12, 24, steps=40, dtype="float16"),
                "relu float16": config("relu", "xavier", 40, 24, steps=40, dtype="float16"),
            },
        ),
        _family(
            "vanishing with another loss", "the loss enters above the readout and not between the layers", "first half idle",
            {
                "sigmoid mse of classes": config(*deep, 32, steps=60, loss="mse"),
                "sigmoid teacher": config(*deep, 32, steps=60, source="teacher"),
                "relu diabetes": config("relu", "xavier", 50, 32, steps=60, source="diabetes"),
                "sigmoid binary": config(*deep, 32, steps=60, source="breast_cancer", loss="binary_cross_entropy"),
                "tanh circles": config("tanh", {"sigma_w": 0.6}, 24, 32, steps=60, source="circles"),
                "relu wine": config("relu", "xavier", 60, 32, steps=60, source="wine"),
            },
        ),
        _family(
            "vanishing, loss on another scale", "a factor on the loss is the same in every layer", "first half idle",
            {
                f"{name} 2^{e}": case | {"loss_scale": 2.0**e}
                for e in (-20, 20)
                for name, case in {
                    "sigmoid": config(*deep, 32, steps=60, lr=0.05 * 2.0**-e),
                    "relu": config("relu", "xavier", 40, 32, steps=60, lr=0.05 * 2.0**-e),
                    "tanh teacher": config("tanh", {"sigma_w": 0.5}, 20, 32, steps=60, lr=0.05 * 2.0**-e, source="teacher"),
                }.items()
            },
        ),
        _family(
            "vanishing under momentum and its kin", "an optimizer that follows the gradient's size moves a layer as its gradient allows",
                "first half idle",
            {
                f"{o} {a}": config(a, "xavier", d, 32, steps=60, optimizer=o, lr=0.02)
                for o, a, d in (("momentum", "sigmoid", 12), ("nesterov", "relu", 40), ("momentum", "softplus", 24),
                    ("nesterov", "sigmoid", 40))
            },
        ),
        _family(
            "vanishing below an adaptive optimizer's eps",
                "once the gradient is far below eps = 1e-8, dividing by its size no longer helps", "first half idle",
            {
                f"{o} {a} depth {d}": config(a, i, d, 32, steps=60, optimizer=o, lr=r)
                for o, a, i, d, r in (
                    ("adam", "sigmoid", "xavier", 40, 1e-3), ("rmsprop", "sigmoid", "xavier", 40, 1e-3),
                        ("adamw", "gelu", "pytorch", 50, 1e-3),
                    ("adam", "relu", "pytorch", 60, 1e-3),
                )
            },
        ),
        _family(
            "vanishing in short and sparse records", "it is a property of the start", "first half idle",
            {
                "one step": config("sigmoid", "xavier", 16, 32, steps=1),
                "two steps": config("relu", "xavier", 60, 32, steps=2),
                "ten steps": config("tanh", {"sigma_w": 0.5}, 20, 32, steps=10),
                "every 25th": config("sigmoid", "xavier", 16, 32, steps=100, every=25),
                "every 1000th": config("softplus", "xavier", 30, 32, steps=60, every=1000),
            },
        ),
        _family(
            "vanishing whatever else is set", "clipping, decay, schedule and hold-out leave χ₁ alone", "first half idle",
            {
                "clipped": config("sigmoid", "xavier", 16, 32, steps=60, clip_norm=0.5),
                "cosine": config("relu", "xavier", 60, 32, steps=60, schedule="cosine"),
                "no holdout": config("sigmoid", "lecun", 16, 32, steps=60, holdout=0.0),
                "truncated": config("relu", {"scheme": "xavier", "distribution": "truncated"}, 60, 32, steps=60),
                "uniform": config("tanh", {"scheme": "lecun", "distribution": "uniform", "gain": 0.5}, 20, 32, steps=60),
                "readout of its own": config("sigmoid", "xavier", 16, 32, steps=60, readout="he"),
            },
        ),
    ]  # fmt: skip


def _traps() -> list[Family]:
    """Vanishing that looks like something else, or like nothing."""
    return [
        _family(
            "no slope at all", "the derivative of a step is 0, so nothing comes below the readout", "first half idle",
            {
                "step": config("step", "he", 4, 32, steps=100),
                "step deep": config("step", "xavier", 20, 32, steps=60),
                "step narrow adam": config("step", "lecun", 3, 8, steps=100, optimizer="adam", lr=1e-3),
            },
        ),
        _family(
            "weights of zero", "a readout of zeros passes nothing down, and outputs of zero let it learn nothing", "first half idle",
            {
                "tanh": config("tanh", "zeros", 5, 32),
                "softsign": config("softsign", "zeros", 10, 32),
                "gelu": config("gelu", "zeros", 6, 32, optimizer="adam", lr=1e-3),
                "identity": config("identity", "zeros", 4, 32, source="teacher"),
            },
        ),
        _family(
            "weight decay that eats the weights",
                "lr · weight_decay = 0.1 to 0.5 a step: the weights shrink to nothing, and the signal with them", "theory",
            {
                "tanh": config("tanh", "xavier", 6, 32, steps=150, lr=0.05, weight_decay=4.0),
                "relu": config("leaky_relu", "he", 8, 32, steps=150, lr=0.1, weight_decay=2.0),
                "adamw": config("gelu", "critical", 8, 32, steps=200, lr=0.05, optimizer="adamw", weight_decay=3.0),
            },
        ),
        _family(
            "forward signal that fades out of range", "std 0.01 at width 40: z falls by 1.2 decades a layer and then out of the format",
                "theory",
            {
                "tanh float16": config("tanh", {"scheme": "normal", "std": 0.01}, 16, 40, steps=40, dtype="float16"),
                "relu float32": config("relu", {"scheme": "normal", "std": 0.01}, 60, 40, steps=40),
                "gelu float32": config("gelu", {"scheme": "normal", "std": 0.01}, 50, 40, steps=40),
                "relu float16": config("relu", {"scheme": "normal", "std": 0.01}, 12, 40, steps=40, dtype="float16"),
            },
        ),
        _family(
            "tiny inputs fade in a deep network", "raw inputs of 1e-4: tanh is linear there, so χ₁ = σ_w² = 1/2", "first half idle",
            {
                "relu": config("relu", "lecun", 50, 32, steps=60, source=source("tiny", standardize=False)),
                "tanh": config("tanh", {"sigma_w": 0.7}, 40, 32, steps=60, source=source("tiny", standardize=False)),
            },
        ),
    ]  # fmt: skip
