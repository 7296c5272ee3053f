"""Networks whose units are flat: dead or saturated."""

from benchmarks.diagnosis.case import Family, config
from benchmarks.diagnosis.data_files import source

SATURATION = (
    "the preactivations lie far out in the flat parts: three in four have less than a tenth of the largest slope"
)


def families() -> list[Family]:
    """All of them."""
    return [*_dead(), *_saturated()]


def _family(name: str, reason: str, cases: dict) -> Family:
    return Family(name, "dead", reason, "no slope", cases)


def _bias(scheme: str, bias: float) -> dict:
    return {"scheme": scheme, "bias": bias}


def _dead() -> list[Family]:
    """Units of unbounded activations that answer no example."""
    return [
        _family("relu with negative biases", "a bias of -4 to -20 where z has standard deviation 1 or so", {
            f"bias {b} depth {d}": config("relu", _bias("he", b), d, 48, steps=100)
            for b, d in ((-20, 2), (-12, 3), (-10, 5), (-20, 10), (-40, 1), (-6, 40))
        }),
        _family("gated and exponential units with negative biases", "φ' is gone at such a bias", {
            f"{a} bias {b} depth {d}": config(a, _bias("he", b), d, 32, steps=100)
            for a, b, d in (("gelu", -12, 4), ("silu", -25, 4), ("mish", -25, 5), ("elu", -20, 3), ("selu", -20, 6), ("softplus", -20, 4))
        }),
        _family("dead by width", "the bias does not know the width", {
            f"relu width {w}": config("relu", _bias("he", -8), 4, w, steps=n) for w, n in ((8, 100), (16, 100), (256, 40), (1024, 15))
        }),
        _family("dead by batch", "no example of any batch is answered", {
            f"batch {b}": config("relu", _bias("he", -10), 4, 32, steps=n, batch=b)
                for b, n in ((1, 300), (2, 200), (4, 150), (16, 100), (1024, 30))
        }),
        _family("dead by number format", "0 is 0 in every format", {
            t: config("relu", _bias("he", -8), 5, 32, steps=60, dtype=t) for t in ("float16", "bfloat16", "float64")
        }),
        _family("dead, loss on another scale", "no gradient times anything is no gradient", {
            f"2^{e}": config("relu", _bias("he", -8), 4, 32, steps=80, lr=0.05 * 2.0**-e, loss_scale=2.0**e) for e in (-20, 20)
        }),
        _family("dead with another loss", "the loss is not asked", {
            "teacher": config("relu", _bias("he", -8), 4, 32, steps=100, source="teacher"),
            "mse of classes": config("gelu", _bias("he", -15), 3, 32, steps=100, loss="mse"),
            "binary": config("relu", _bias("he", -8), 3, 32, steps=100, source="breast_cancer", loss="binary_cross_entropy"),
        }),
        _family("dead in short and sparse records", "it is a property of the start", {
            "one step": config("relu", _bias("he", -10), 5, 32, steps=1),
            "five steps": config("elu", _bias("he", -20), 4, 32, steps=5),
            "every 50th": config("relu", _bias("he", -10), 5, 32, steps=100, every=50),
        }),
        _family("dead under other optimizers", "a gradient of 0 moves nothing, divided by its size or not", {
            o: config("relu", _bias("he", -10), 4, 32, steps=100, optimizer=o, lr=1e-3)
                for o in ("adam", "momentum", "rmsprop", "adagrad")
        }),
        _family("killed by huge steps", "steps tens of times too large throw nearly every unit below 0 for good", {
            f"{o} lr {r:g} depth {d} seed {s}": config("relu", "he", d, 32, steps=100, lr=r, optimizer=o, seed=s)
            for o, r, d, s in (("momentum", 0.3, 5, 1), ("momentum", 0.3, 5, 4), ("adam", 0.5, 5, 1), ("adam", 0.5, 5, 3))
        }),
        _family("born dead", "narrow and deep: a layer of 2 or 3 units answers nothing with probability 1/4 or 1/8", {
            f"width {w} depth {d} seed {s}": config("relu", "he", d, w, steps=60, seed=s)
            for w, d, s in ((2, 40, 1), (2, 60, 2), (3, 80, 3), (2, 50, 4))
        }),
        _family("weights of zero, rectified", "z = 0 has no slope above", {
            "relu": config("relu", "zeros", 4, 32), "relu deep adam": config("relu", "zeros", 12, 32, optimizer="adam", lr=1e-3),
        }),
        _family("inputs that no unit answers", "all inputs are 0 after standardising, and so is every z", {
            "relu": config("relu", "he", 4, 32, steps=100, source=source("constant")),
            "relu wide": config("relu", "he", 2, 256, steps=60, source=source("constant")),
        }),
    ]  # fmt: skip


def _flat(name: str, reason: str, cases: dict) -> Family:
    return Family(name, "saturated", f"{reason}; {SATURATION}", "flat", cases)


def _sigma(w: float) -> dict:
    return {"sigma_w": w}


def _saturated() -> list[Family]:
    """Bounded activations in their flat parts; few layers, so that the signal neither vanishes nor explodes by it."""
    return [
        _flat("tanh with large weights", "σ_w = 12 to 60", {
            f"σ_w {w} depth {d}": config("tanh", _sigma(w), d, 48, steps=120, lr=r)
            for w, d, r in ((12, 2, 0.01), (20, 3, 0.01), (30, 1, 0.05), (60, 2, 1e-3), (15, 4, 1e-3))
        }),
        _flat("sigmoid with large weights", "σ_w = 40 to 200", {
            f"σ_w {w} depth {d}": config("sigmoid", _sigma(w), d, 48, steps=120, lr=r)
            for w, d, r in ((40, 2, 0.01), (60, 3, 0.01), (200, 1, 0.05), (50, 4, 1e-3))
        }),
        _flat("other bounded activations with large weights", "the same for every activation that is flat at both ends", {
            "hardtanh": config("hardtanh", _sigma(12), 2, 48, steps=120, lr=0.01),
            "hardtanh deeper": config("hardtanh", _sigma(15), 3, 48, steps=120, lr=1e-3),
            "scaled_sigmoid": config("scaled_sigmoid", _sigma(30), 2, 48, steps=120, lr=0.01),
            "softsign": config("softsign", _sigma(60), 3, 48, steps=120, lr=1e-3),
            "softsign one layer": config("softsign", _sigma(80), 1, 48, steps=120, lr=0.01),
        }),
        _flat("one layer out in the flat part", "a bias of 8 to 12 in the only hidden layer", {
            "tanh": config("tanh", _bias("lecun", 8.0), 1, 48, steps=120),
            "sigmoid": config("sigmoid", _bias("lecun", 12.0), 1, 48, steps=120),
            "hardtanh": config("hardtanh", _bias("lecun", -8.0), 1, 48, steps=120),
            "softsign": config("softsign", _bias("lecun", 20.0), 1, 48, steps=120),
        }),
        _flat("raw inputs in thousands", "inputs that were not standardised drive layer 1 to its ends", {
            "tanh": config("tanh", "lecun", 3, 48, steps=120, lr=0.01, source=source("large", standardize=False)),
            "sigmoid": config("sigmoid", "lecun", 2, 48, steps=120, lr=0.05, source=source("large", standardize=False)),
            "softsign": config("softsign", "lecun", 2, 48, steps=120, lr=0.01, source=source("large", standardize=False)),
        }),
        _flat("saturated by width", "σ_w is the same at every width", {
            f"tanh width {w}": config("tanh", _sigma(20), 2, w, steps=n, lr=0.01 * min(1.0, 64 / w))
                for w, n in ((8, 120), (16, 120), (128, 60), (256, 40), (1024, 12))
        }),
        _flat("weights of standard deviation 1 and more", "std 1 at width 256 is σ_w = 16, std 4 at width 32 is 23", {
            "std 1 width 256": config("tanh", {"scheme": "normal", "std": 1.0}, 2, 256, steps=50, lr=1e-3),
            "std 4 width 32": config("tanh", {"scheme": "normal", "std": 4.0}, 2, 32, steps=120, lr=1e-3),
            "std 5 sigmoid": config("sigmoid", {"scheme": "normal", "std": 8.0}, 3, 48, steps=120, lr=1e-3),
            "std 3 hardtanh": config("hardtanh", {"scheme": "normal", "std": 3.0}, 2, 48, steps=120, lr=1e-3),
        }),
        _flat("saturated by batch", "an example's own z tells", {
            f"batch {b}": config("tanh", _sigma(20), 2, 32, steps=n, batch=b, lr=r)
                for b, n, r in ((1, 300, 1e-4), (4, 150, 1e-3), (16, 120, 1e-3), (1024, 30, 0.01))
        }),
        _flat("saturated by number format", "the same in every format", {
            t: config("tanh", _sigma(20), 2, 32, steps=60, lr=0.01, dtype=t) for t in ("float16", "bfloat16", "float64")
        }),
        _flat("saturated, loss on another scale", "the slope does not know the loss", {
            f"{a} 2^{e}": config(a, _sigma(w), 2, 32, steps=80, lr=0.01 * 2.0**-e, loss_scale=2.0**e)
            for e in (-20, 20) for a, w in (("tanh", 20), ("sigmoid", 60))
        }),
        _flat("saturated with another loss", "the loss is not asked", {
            "teacher": config("tanh", _sigma(20), 2, 32, steps=100, lr=1e-3, source="teacher"),
            "mse of classes": config("hardtanh", _sigma(15), 2, 32, steps=100, lr=1e-3, loss="mse"),
            "binary": config("sigmoid", _sigma(60), 2, 32, steps=100, lr=0.01, source="breast_cancer", loss="binary_cross_entropy"),
        }),
        _flat("saturated in short and sparse records", "it is a property of the start", {
            "one step": config("tanh", _sigma(20), 2, 32, steps=1, lr=1e-3),
            "eight steps": config("sigmoid", _sigma(80), 2, 32, steps=8, lr=1e-3),
            "every 30th": config("tanh", _sigma(25), 3, 32, steps=90, lr=1e-3, every=30),
        }),
        _flat("driven there by huge steps",
            "learning rates of 20 and more throw the weights, and z with them, far out, and the loss stays huge", {
            f"{a} lr {r:g}": config(a, "xavier", d, 32, steps=100, lr=r)
            for a, r, d in (("tanh", 50.0, 1), ("tanh", 300.0, 1), ("sigmoid", 500.0, 1), ("scaled_sigmoid", 100.0, 2),
                ("softsign", 300.0, 2))
        }),
    ]  # fmt: skip
