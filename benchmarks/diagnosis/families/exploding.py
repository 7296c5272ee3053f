"""Networks in which the signal grows on its way to the input, or on its way to the output."""

from benchmarks.diagnosis.case import Family, config


def _family(name: str, reason: str, cases: dict) -> Family:
    return Family(name, "exploding", reason, "overgrown", cases)


def _sigma(w: float, b: float = 0.0) -> dict:
    return {"sigma_w": w, "sigma_b": b}


def families() -> list[Family]:
    """All of them; learning rates are small enough that they stay finite."""
    return [
        _family(
            "chaotic tanh by depth", "σ_w² = 4 to 9: χ₁ = 1.34 to 2, so 0.06 to 0.15 decades a layer", {
                "σ_w 2 depth 100": config("tanh", _sigma(2, 0.2), 100, 48, steps=50, lr=0.01),
                "σ_w 2 depth 200": config("tanh", _sigma(2, 0.2), 200, 48, steps=30, lr=0.01),
                "σ_w 2.5 depth 50": config("tanh", _sigma(2.5), 50, 48, steps=60, lr=0.02),
                "σ_w 3 depth 40": config("tanh", _sigma(3), 40, 48, steps=60, lr=0.02),
                "σ_w 3 depth 80": config("tanh", _sigma(3), 80, 48, steps=50, lr=0.02),
                "σ_w 4 depth 24": config("tanh", _sigma(4), 24, 48, steps=60, lr=0.02),
            },
        ),
        _family(
            "chaotic bounded activations", "σ_w beyond the edge of chaos: χ₁ > 1.3 at the fixed point", {
                "hardtanh": config("hardtanh", _sigma(2), 40, 48, steps=60, lr=0.01),
                "softsign": config("softsign", _sigma(4), 60, 48, steps=60, lr=0.01),
                "scaled_sigmoid": config("scaled_sigmoid", _sigma(3), 60, 48, steps=60, lr=0.01),
                "hardtanh shallow": config("hardtanh", _sigma(3.5), 20, 48, steps=60, lr=0.01),
            },
        ),
        _family(
            "sigmoid beyond its critical point", "σ_w² = 400: χ₁ = 1.9, the one way in which a sigmoid explodes", {
                "depth 40": config("sigmoid", _sigma(20), 40, 64, steps=60, lr=0.003),
                "depth 30": config("sigmoid", _sigma(30), 30, 64, steps=60, lr=0.003),
            },
        ),
        _family(
            "rectifiers with too large weights", "σ_w² = 4 and 6: χ₁ = 2 and 3, forward and back, so the loss is huge too", {
                f"{a} σ_w² {v} depth {d}": config(a, _sigma(v**0.5), d, 48, steps=60, lr=r)
                for a, v, d, r in (("relu", 4.0, 24, 1e-18), ("leaky_relu", 4.0, 20, 1e-16), ("prelu", 4.0, 30, 1e-22),
                    ("relu", 6.0, 16, 1e-18))
            },
        ),
        _family(
            "unbounded smooth activations with too large weights", "χ₁ = σ_w² E φ'² > 1.2 and a signal that grows", {
                "elu": config("elu", _sigma(2.0), 24, 48, steps=60, lr=1e-14),
                "selu": config("selu", _sigma(2**0.5), 90, 48, steps=40, lr=1e-13),
                "selu gain 2": config("selu", _sigma(2.0), 16, 48, steps=60, lr=1e-12),
                "gelu": config("gelu", _sigma(2.0), 24, 48, steps=60, lr=1e-16),
                "silu": config("silu", _sigma(2.2), 24, 48, steps=60, lr=1e-18),
                "mish": config("mish", _sigma(2.0), 24, 48, steps=60, lr=1e-16),
                "softplus": config("softplus", _sigma(2.0), 24, 48, steps=60, lr=1e-18),
            },
        ),
        _family(
            "linear networks", "a product of matrices with singular values above 1", {
                "gaussian 1.5": config("identity", _sigma(1.5), 24, 48, steps=60, lr=1e-12),
                "orthogonal 1.3": config("identity", {"scheme": "orthogonal", "gain": 1.3}, 40, 32, steps=60, lr=1e-13),
                "orthogonal 2": config("identity", {"scheme": "orthogonal", "gain": 2.0}, 14, 32, steps=60, lr=1e-13),
            },
        ),
        _family(
            "orthogonal but large", "gain 1.8 and 2.5 on orthogonal matrices: χ₁ = 1.4 to 1.8 at the fixed point", {
                "tanh": config("tanh", {"scheme": "orthogonal", "gain": 2.5}, 50, 32, steps=60, lr=0.01),
                "hardtanh": config("hardtanh", {"scheme": "orthogonal", "gain": 1.8}, 60, 32, steps=60, lr=0.01),
            },
        ),
        _family(
            "exploding by width", "the width does not enter χ₁", {
                f"tanh width {w}": config("tanh", _sigma(3), 40, w, steps=n, lr=0.02 * min(1.0, 48 / w))
                    for w, n in ((16, 60), (64, 50), (256, 15))
            } | {
                "hardtanh width 1024": config("hardtanh", _sigma(5), 14, 1024, steps=8, lr=1e-3, batch=32),
                "relu width 8": config("relu", _sigma(3.0), 24, 8, steps=60, lr=1e-22),
            },
        ),
        _family(
            "exploding by batch", "one example or a thousand", {
                f"tanh batch {b}": config("tanh", _sigma(3.5), 40, 32, steps=n, batch=b, lr=r)
                for b, n, r in ((1, 150, 1e-3), (2, 120, 1e-3), (8, 80, 5e-3), (1024, 20, 0.02))
            },
        ),
        _family(
            "exploding by number format", "χ₁ is the same in every format", {
                "tanh float64": config("tanh", _sigma(3), 50, 32, steps=40, lr=0.02, dtype="float64"),
                "tanh bfloat16": config("tanh", _sigma(3), 50, 32, steps=40, lr=0.02, dtype="bfloat16"),
                "hardtanh float16": config("hardtanh", _sigma(2.5), 24, 32, steps=40, lr=1e-4, dtype="float16"),
                "relu float64": config("relu", _sigma(2), 50, 32, steps=40, lr=1e-34, dtype="float64"),
            },
        ),
        _family(
            "exploding with another loss", "the loss enters above the readout", {
                "tanh teacher": config("tanh", _sigma(3.5), 40, 32, steps=60, lr=1e-3, source="teacher"),
                "hardtanh mse of classes": config("hardtanh", _sigma(2.5), 40, 32, steps=60, lr=1e-3, loss="mse"),
                "tanh binary": config("tanh", _sigma(3.5), 50, 32, steps=60, lr=0.02, source="breast_cancer",
                    loss="binary_cross_entropy"),
                "elu diabetes": config("elu", _sigma(2.0), 24, 32, steps=60, lr=1e-14, source="diabetes"),
            },
        ),
        _family(
            "exploding, loss on another scale", "a factor on the loss is the same in every layer", {
                f"{a} 2^{e}": config(a, _sigma(w), d, 32, steps=50, lr=0.01 * 2.0**-e, loss_scale=2.0**e)
                for e in (-20, 20) for a, w, d in (("tanh", 3.5, 40), ("hardtanh", 2.5, 40))
            },
        ),
        _family(
            "exploding in short and sparse records", "it is a property of the start", {
                "one step": config("tanh", _sigma(3), 60, 32, steps=1, lr=1e-3),
                "two steps": config("relu", _sigma(2), 30, 32, steps=2, lr=1e-22),
                "twelve steps": config("hardtanh", _sigma(3), 30, 32, steps=12, lr=1e-3),
                "every 40th": config("tanh", _sigma(3.5), 40, 32, steps=80, lr=0.01, every=40),
            },
        ),
        _family(
            "exploding whatever else is set", "clipping and schedule leave χ₁ alone", {
                "clipped": config("tanh", _sigma(3.5), 40, 32, steps=60, lr=0.01, clip_norm=1.0),
                "cosine": config("hardtanh", _sigma(2.5), 40, 32, steps=60, lr=0.01, schedule="cosine"),
                "momentum": config("tanh", _sigma(3.5), 40, 32, steps=60, lr=2e-3, optimizer="momentum"),
                "biases": config("tanh", _sigma(4.0, 0.5), 40, 32, steps=60, lr=0.01),
                "truncated": config("tanh", {"scheme": "lecun", "gain": 3.5, "distribution": "truncated"}, 40, 32, steps=60, lr=0.01),
            },
        ),
        _family(
            "slightly off, very deep, upwards", "χ₁ = 1.07 to 1.1 over 150 layers and more", {
                "selu under LeCun": config("selu", "lecun", 200, 128, steps=20, lr=1e-5),
                "leaky_relu 1.1": config("leaky_relu", _sigma(2.2**0.5), 200, 192, steps=15, lr=1e-14),
            },
        ),
        _family(
            "exploding under adaptive optimizers", "steps of one size in all layers, where a chaotic function is steep by six decades", {
                "adam": config("tanh", _sigma(4), 60, 32, steps=80, lr=1e-3, optimizer="adam"),
                "rmsprop": config("hardtanh", _sigma(3), 50, 32, steps=80, lr=1e-3, optimizer="rmsprop"),
                "adagrad": config("tanh", _sigma(4), 60, 32, steps=80, lr=1e-2, optimizer="adagrad"),
            },
        ),
    ]  # fmt: skip
