"""Networks whose signal travels and that learn, many of them in a state that a fixed limit takes for an illness."""

from benchmarks.diagnosis.case import Family, config
from benchmarks.diagnosis.data_files import source

LEARNED = "in plain training half of what a constant answer leaves is learned, and the first half of the layers has its part in it"


def _family(name: str, reason: str, cases: dict) -> Family:
    return Family(name, "healthy", reason, "learns", cases)


def _sigma(w: float, b: float = 0.0) -> dict:
    return {"sigma_w": w, "sigma_b": b}


def families() -> list[Family]:
    """All of them."""
    return [*_networks(), *_settings(), *_traps()]


def _networks() -> list[Family]:
    """Every activation, depth, width, initialisation."""
    return [
        _family("relu under He by depth", "χ₁ = 1", {
            f"depth {d}": config("relu", "he", d, 64, steps=n, lr=r, optimizer=o)
            for d, n, r, o in ((1, 150, 0.1, "sgd"), (2, 150, 0.1, "sgd"), (3, 150, 0.1, "sgd"), (6, 150, 0.1, "sgd"),
                (12, 150, 0.05, "sgd"), (24, 200, 0.003, "momentum"))
        }),
        _family("tanh near the edge by depth", "χ₁ is 1 or a little less", {
            f"depth {d}": config("tanh", i, d, 64, steps=n, lr=r, optimizer="momentum")
            for d, i, n, r in ((1, "xavier", 100, 0.05), (3, "xavier", 100, 0.05), (8, "xavier", 150, 0.02), (16, "critical", 150, 0.01),
                (30, _sigma(1.327, 0.2236), 200, 0.005))
        }),
        _family("bounded activations near the edge", "χ₁ = 1 within a few percent", {
            "hardtanh": config("hardtanh", "xavier", 6, 64, steps=150, lr=0.1),
            "softsign": config("softsign", _sigma(1.6), 6, 64, steps=150, lr=0.2),
            "scaled_sigmoid": config("scaled_sigmoid", "xavier", 6, 64, steps=150, lr=0.1),
            "hardtanh deeper": config("hardtanh", _sigma(1.08, 0.2236), 20, 64, steps=150, lr=0.01, optimizer="momentum"),
        }),
        _family("rectifiers at their own variance", "σ_w² = 2 / (1 + slope²)", {
            "leaky_relu": config("leaky_relu", "critical", 8, 64, steps=150, lr=0.05),
            "leaky_relu slope 0.2": config({"name": "leaky_relu", "slope": 0.2}, "critical", 10, 64, steps=150, lr=0.05),
            "prelu": config("prelu", "critical", 8, 64, steps=150, lr=0.05),
            "prelu slope 0": config({"name": "prelu", "slope": 0.0}, "he", 6, 64, steps=150, lr=0.05),
            "leaky_relu slope 1": config({"name": "leaky_relu", "slope": 1.0}, "lecun", 5, 64, steps=150, lr=0.05),
        }),
        _family("smooth activations of one side", "at or near their critical points, shallow enough to hold there", {
            f"{a}": config(a, i, d, 64, steps=150, lr=r)
            for a, i, d, r in (("elu", "lecun", 8, 0.05), ("selu", "lecun", 8, 0.02), ("gelu", "he", 5, 0.1),
                ("silu", "critical", 6, 0.02), ("mish", "critical", 6, 0.03), ("gelu", "critical", 8, 0.05))
        }),
        _family("shallow sigmoid and softplus", "two or three layers: less than 1.3 decades even at χ₁ = 0.06", {
            "sigmoid 1": config("sigmoid", "xavier", 1, 64, steps=200, lr=0.5),
            "sigmoid 2": config("sigmoid", _sigma(4.0), 2, 64, steps=300, lr=0.5, optimizer="momentum"),
            "sigmoid 3 adam": config("sigmoid", _sigma(4.0), 3, 64, steps=200, lr=0.01, optimizer="adam"),
            "softplus 3": config("softplus", "xavier", 3, 64, steps=200, lr=0.1),
            "softplus 4": config("softplus", "he", 4, 64, steps=200, lr=0.01),
        }),
        _family("linear networks that learn", "identity: a product of matrices, σ_w² = 1", {
            "depth 1": config("identity", "lecun", 1, 32, steps=120, lr=0.05),
            "depth 6": config("identity", "lecun", 6, 64, steps=120, lr=0.02),
            "depth 20 orthogonal": config("identity", "orthogonal", 20, 64, steps=120, lr=0.005),
            "teacher": config("identity", "orthogonal", 4, 32, steps=200, lr=0.02, source=source("linear")),
        }),
        _family("healthy by initialisation", "every scheme at a scale that keeps the signal", {
            "orthogonal relu": config("relu", {"scheme": "orthogonal", "gain": 1.414}, 8, 64, steps=150, lr=0.05),
            "orthogonal tanh deep": config("tanh", "orthogonal", 40, 64, steps=150, lr=0.01, optimizer="momentum"),
            "normal by hand": config("relu", {"scheme": "normal", "std": 0.177}, 5, 64, steps=150, lr=0.05),
            "uniform": config("relu", {"scheme": "he", "distribution": "uniform"}, 6, 64, steps=150, lr=0.05),
            "truncated": config("relu", {"scheme": "he", "distribution": "truncated"}, 6, 64, steps=150, lr=0.05),
            "pytorch": config("relu", "pytorch", 2, 64, steps=200, lr=0.2),
            "pytorch tanh": config("tanh", "pytorch", 3, 64, steps=200, lr=0.2),
            "gain": config("tanh", {"scheme": "xavier", "gain": 1.2}, 6, 64, steps=150, lr=0.05),
        }),
        _family("healthy by width", "8 to 1,024 units", {
            f"relu width {w}": config("relu", "he", 3, w, steps=n, lr=r, seed=3)
                for w, n, r in ((8, 300, 0.05), (16, 200, 0.1), (128, 100, 0.1), (512, 60, 0.05), (1024, 40, 0.03))
        } | {f"tanh width {w}": config("tanh", "xavier", 4, w, steps=n, lr=r) for w, n, r in ((8, 300, 0.1), (256, 80, 0.05))}),
    ]  # fmt: skip


def _settings() -> list[Family]:
    """Optimizers, data, batches, number formats, losses, lengths."""
    return [
        _family("healthy by optimizer", "each at a usual learning rate", {
            o: config("relu", "he", 5, 64, steps=150, lr=r, optimizer=o)
            for o, r in (("sgd", 0.1), ("momentum", 0.02), ("nesterov", 0.02), ("adagrad", 0.01), ("rmsprop", 1e-3), ("adam", 2e-3),
                ("adamw", 2e-3))
        } | {"adam tanh": config("tanh", "xavier", 8, 64, steps=150, lr=1e-3, optimizer="adam")}),
        _family("healthy by data", "every source that has something to learn", {
            "breast_cancer": config("relu", "he", 4, 32, steps=150, source="breast_cancer"),
            "wine": config("tanh", "xavier", 4, 32, steps=150, source="wine"),
            "diabetes": config("tanh", "xavier", 2, 32, steps=400, lr=0.02, source="diabetes"),
            "xor": config("relu", "he", 4, 32, steps=300, lr=0.1, source="xor"),
            "circles": config("relu", "he", 4, 32, steps=300, lr=0.1, source="circles"),
            "moons": config("relu", "he", 4, 32, steps=300, lr=0.1, source="moons"),
            "spirals": config("relu", "he", 5, 64, steps=800, lr=0.005, source="spirals", optimizer="adam"),
            "gaussian_mixture": config("relu", "he", 4, 64, steps=150, lr=0.05, source="gaussian_mixture"),
            "teacher": config("tanh", "xavier", 3, 64, steps=400, lr=0.05, source="teacher"),
            "noise by heart": config("relu", "he", 4, 128, steps=600, lr=0.003, optimizer="adam",
                source={"source": "noise", "samples": 120, "classes": 4}),
        }),
        _family("healthy by batch", "1 to 1,024 examples", {
            f"batch {b}": config("relu", "he", 4, 48, steps=n, lr=r, batch=b, source="digits")
            for b, n, r in ((1, 1500, 0.01), (2, 800, 0.02), (4, 500, 0.03), (16, 250, 0.05), (256, 120, 0.1), (1024, 80, 0.15))
        } | {"tanh batch 1": config("tanh", "xavier", 3, 48, steps=1500, lr=0.01, batch=1),
            "regression batch 1": config("tanh", "xavier", 2, 32, steps=1500, lr=0.01, batch=1, source=source("linear"))}),
        _family("healthy by number format", "half precision learns where the step is above its grain", {
            "float64": config("relu", "he", 5, 32, steps=120, lr=0.1, dtype="float64"),
            "float16": config("relu", "he", 4, 32, steps=120, lr=0.1, dtype="float16"),
            "float16 tanh": config("tanh", "xavier", 4, 32, steps=120, lr=0.1, dtype="float16"),
            "bfloat16": config("relu", "he", 4, 32, steps=150, lr=0.2, dtype="bfloat16"),
            "bfloat16 tanh": config("tanh", "xavier", 3, 32, steps=150, lr=0.3, dtype="bfloat16"),
        }),
        _family("healthy with another loss", "cross-entropy, its binary form, squared error", {
            "binary": config("relu", "he", 4, 32, steps=150, lr=0.1, source="breast_cancer", loss="binary_cross_entropy"),
            "binary moons": config("tanh", "xavier", 4, 32, steps=300, lr=0.3, source="moons", loss="binary_cross_entropy"),
            "mse of classes": config("relu", "he", 4, 64, steps=200, lr=0.2, loss="mse"),
            "mse linear": config("relu", "he", 3, 32, steps=300, lr=0.05, source=source("linear")),
            "mse thousandths": config("tanh", "xavier", 2, 32, steps=400, lr=1e-3, source=source("thousandths", standardize=False),
                optimizer="adam", readout={"scheme": "normal", "std": 1e-4}),
        }),
        _family("healthy whatever else is set", "decay, clipping, schedule, no hold-out, a readout of its own", {
            "weight decay": config("relu", "he", 5, 48, steps=150, lr=0.1, weight_decay=1e-3),
            "clipped hard": config("relu", "he", 5, 48, steps=250, lr=0.5, clip_norm=0.5),
            "cosine": config("tanh", "xavier", 5, 48, steps=150, lr=0.2, schedule="cosine"),
            "no holdout": config("relu", "he", 5, 48, steps=150, lr=0.1, holdout=0.0),
            "readout of zeros": config("relu", "he", 5, 48, steps=150, lr=0.1, readout="zeros"),
            "readout small": config("tanh", "xavier", 5, 48, steps=150, lr=0.2, readout={"scheme": "normal", "std": 0.01}),
            "small positive bias": config("relu", {"scheme": "he", "bias": 0.1}, 5, 48, steps=150, lr=0.1),
        }),
        Family("short, and it learned", "healthy", "a few large steps are enough to be below the constant answer", "measured", {
            f"{a} {n} steps": config(a, i, d, 64, steps=n, lr=0.05)
            for a, i, d, n in (("gelu", "critical", 5, 10), ("elu", "lecun", 8, 20), ("selu", "lecun", 8, 40))
        }),
        Family("short, and nothing can be said", "undecided", "χ₁ = 1 and updates of a usual size, for a step or five", "measured", {
            f"{a} {n} steps": config(a, i, d, 64, steps=n, lr=r)
            for a, i, d, n, r in (("relu", "he", 5, 1, 0.05), ("relu", "he", 10, 5, 5e-3), ("tanh", "xavier", 5, 3, 0.01))
        }),
        _family("healthy in sparse records", "a handful of rows of a run that learns", {
            "every 50th": config("relu", "he", 5, 48, steps=200, lr=0.1, every=50),
            "first and last": config("tanh", "xavier", 5, 48, steps=150, lr=0.1, every=1000),
            "every 7th batch 4": config("relu", "he", 3, 48, steps=500, lr=0.03, every=7, batch=4),
        }),
    ]  # fmt: skip


def _traps() -> list[Family]:
    """What fixed limits take for an illness."""
    return [
        _family("learned to the end", "the loss is next to 0, so every gradient is tiny, in all layers alike", {
            "relu clouds": config("relu", "he", 5, 32, steps=600, lr=0.2, source=source("separable")),
            "tanh clouds": config("tanh", "xavier", 6, 32, steps=800, lr=0.3, source=source("separable")),
            "deep tanh clouds": config("tanh", "critical", 20, 32, steps=600, lr=0.05, source=source("separable")),
            "adam clouds": config("relu", "he", 6, 32, steps=600, lr=0.01, optimizer="adam", source=source("separable")),
            "float16 clouds": config("relu", "he", 4, 32, steps=400, lr=0.2, dtype="float16", source=source("separable")),
            "bfloat16 clouds": config("relu", "he", 4, 32, steps=400, lr=0.2, dtype="bfloat16", source=source("separable")),
            "regression": config("identity", "orthogonal", 5, 32, steps=1500, lr=0.02, source=source("linear")),
            "regression float64": config("tanh", "xavier", 2, 32, steps=2000, lr=0.05, source=source("linear"), dtype="float64"),
            "wine": config("relu", "he", 4, 64, steps=1200, lr=0.1, source="wine"),
            "binary": config("relu", "he", 4, 32, steps=800, lr=0.3, source=source("separable"), loss="binary_cross_entropy"),
        }),
        _family("loss of zero to the last bit",
            "the softmax is 1 in the format's own arithmetic: no gradient, because nothing is left to learn", {
            "relu float32": config("relu", "he", 4, 64, steps=500, lr=0.03, optimizer="adam", source=source("separable")),
            "tanh float16": config("tanh", "xavier", 4, 32, steps=600, lr=1.0, dtype="float16", source=source("separable")),
            "relu bfloat16": config("relu", "he", 4, 32, steps=600, lr=0.3, dtype="bfloat16", source=source("separable")),
            "selu momentum": config("selu", "lecun", 4, 32, steps=600, lr=0.2, optimizer="momentum", source=source("separable")),
        }),
        _family("healthy, loss on another scale",
            "all gradients a millionth or a million times as large, and the learning rate the other way", {
            f"{a} 2^{e}": config(a, i, 5, 48, steps=120, lr=0.1 * 2.0**-e, loss_scale=2.0**e, source=s)
            for e in (-20, 20) for a, i, s in (("relu", "he", "digits"), ("tanh", "xavier", "digits"), ("tanh", "lecun", "teacher"))
        }),
        _family("half of the units off, and learning", "negative biases switch off many ReLUs for whole batches; the rest learns", {
            f"bias {b}": config("relu", {"scheme": "he", "bias": b}, 3, 128, steps=n, lr=0.1)
                for b, n in ((-0.5, 150), (-0.8, 200), (-1.0, 200))
        }),
        _family("some decades that an adaptive optimizer bridges",
            "three to five decades of signal, but steps of one size in all layers: it learns, with all of them", {
            "sigmoid 4 adam": config("sigmoid", "xavier", 4, 64, steps=500, lr=0.01, optimizer="adam"),
            "relu xavier 16 adam": config("relu", "xavier", 16, 64, steps=300, lr=1e-3, optimizer="adam"),
            "tanh small adam": config("tanh", _sigma(0.6), 10, 64, steps=300, lr=1e-3, optimizer="adam"),
            "gelu lecun rmsprop": config("gelu", "lecun", 8, 64, steps=300, lr=1e-3, optimizer="rmsprop"),
        }),
        _family("chance decades of narrow layers", "χ₁ = 1; at 8 to 16 units one seed differs from the next by half a decade", {
            f"{a} width {w} depth {d}": config(a, i, d, w, steps=400, lr=r, optimizer="adam", source=s)
            for a, i, w, d, r, s in (("relu", "he", 12, 8, 5e-3, "wine"), ("leaky_relu", "critical", 8, 10, 5e-3, "breast_cancer"),
                ("elu", "lecun", 8, 12, 5e-3, "wine"), ("tanh", "xavier", 8, 12, 5e-3, "breast_cancer"))
        }),
        _family("gradients of very different weights' norms",
            "layer 1 sees 64 or 2 inputs, the others 128 units: norms of weights differ, the signal does not", {
            "two inputs": config("relu", "he", 4, 128, steps=300, lr=0.05, source="moons"),
            "thirty inputs, narrow": config("tanh", "xavier", 4, 16, steps=200, lr=0.1, source="breast_cancer"),
            "raw inputs, relu": config("relu", "he", 3, 32, steps=200, lr=0.02, source={"source": "circles", "standardize": False}),
        }),
        _family("a large loss at the start", "a readout five times too large begins at a loss of 10 and more, and is learned", {
            f"{a}": config(a, i, 4, 64, steps=250, lr=r, readout={"scheme": "lecun", "gain": 5.0})
                for a, i, r in (("relu", "he", 0.02), ("tanh", "xavier", 0.03))
        }),
    ]  # fmt: skip
