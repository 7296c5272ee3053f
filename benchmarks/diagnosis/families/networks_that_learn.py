"""Normalised, residual and convolutional networks that learn, by what is known of their starts."""

from typing import Any

from benchmarks.diagnosis.case import Family, config
from benchmarks.diagnosis.families.networks import AFTER, Cases, conv, norm, sigma


def families() -> list[Family]:
    """All of them."""
    return [*_residual(), *_normalised(), *_convolutions()]


def _family(name: str, reason: str, cases: Cases) -> Family:
    return Family(name, "healthy", reason, "measured", cases)


SKIP: dict[str, Any] = {"scale": 0.0, "learned": True}


def _residual() -> list[Family]:
    pairs = (("relu", "he"), ("tanh", "lecun"), ("gelu", "he"), ("elu", "lecun"), ("silu", "he"), ("leaky_relu", "he"))
    return [
        _family("normalised before the branch", "the gradient grows as the depth, not as its exponential", {
            f"{n} depth {d} width {w}": config("relu", "he", d, w, norm=n, residual=s, lr=0.02, steps=120)
            for n, d, w, s in (("layer", 50, 64, 1.0), ("rms", 40, 48, 1.0), ("batch", 30, 64, 1.0), ("layer", 80, 32, "1/sqrt(depth)"),
                ("batch", 50, 48, "1/sqrt(depth)"), ("rms", 20, 128, 0.5))
        }),
        _family("branches of one over the root of the depth", "1 + 1/L a block: e in all of it", {
            f"{a} depth {d}": config(a, i, d, 48, residual="1/sqrt(depth)", lr=0.02, steps=120)
            for (a, i), d in zip(pairs, (40, 30, 40, 25, 50, 60), strict=True)
        }),
        _family("branches that begin at nothing", "every block is the identity at the start, and learns its scale", {
            f"{a} {n or 'no norm'} layers {k} depth {d}": config(a, "he", d, 48, norm=n, residual=SKIP | {"layers": k}, lr=0.05, steps=120)
            for a, n, k, d in (("relu", None, 1, 50), ("relu", None, 2, 30), ("tanh", None, 1, 40), ("relu", "batch", 1, 40),
                ("gelu", "layer", 2, 20))
        }),
        _family("two layers a branch", "the same law with χ once more", {
            f"{n or 'no norm'} depth {d} scale {s}": config("relu", "he", d, 48, norm=n, residual={"layers": 2, "scale": s}, lr=0.02,
                steps=120)
            for n, d, s in (("layer", 20, 1.0), ("batch", 16, "1/sqrt(depth)"), (None, 24, "1/sqrt(depth)"), ("rms", 30, 0.5))
        }),
        _family("activation after the sum, normalised", "half a decade of growth, however deep", {
            f"{n} layers {k} depth {d}": config("relu", "he", d, 48, norm=n, residual={"position": "post", "layers": k}, lr=0.02, steps=120)
            for n, k, d in (("layer", 1, 20), ("batch", 1, 12), ("layer", 2, 12), ("rms", 1, 16))
        }),
        _family("a normalisation behind the activation of a branch", "bounded growth, and every branch of one size", {
            f"{n} {a} depth {d}": config(a, i, d, 48, norm=norm(n, **AFTER), residual=s, lr=0.02, steps=120)
            for n, a, i, d, s in (("layer", "relu", "he", 20, 0.3), ("batch", "tanh", "lecun", 16, 0.3), ("rms", "gelu", "he", 16, 0.3),
                ("layer", "tanh", "lecun", 30, "1/sqrt(depth)"))
        }),
        _family("residual on other data", "the start does not know the data", {
            f"{s} {n or 'no norm'}": config("relu", "he", d, 32, norm=n, residual="1/sqrt(depth)", lr=r, steps=200, source=s, batch=32)
            for s, n, d, r in (("wine", "layer", 16, 0.05), ("breast_cancer", "batch", 12, 0.02), ("moons", None, 12, 0.05),
                ("circles", "layer", 12, 0.05),
                ("gaussian_mixture", "rms", 20, 0.02), ("teacher", None, 10, 0.02))
        }),
        _family("residual under other optimizers", "every layer is given a gradient of one size", {
            f"{o} {n or 'no norm'} {a}": config(a, "he", 20, 48, norm=n, residual="1/sqrt(depth)", lr=r, steps=120, optimizer=o)
            for o, n, a, r in (("adam", "layer", "relu", 1e-3), ("momentum", "batch", "relu", 0.005), ("adam", None, "tanh", 1e-3),
                ("momentum", None, "relu", 0.003))
        }),
        _family("residual, whatever else is set", "clipping, warm-up, schedule and gains leave the start alone", {
            "warm-up": config("relu", "he", 20, 48, norm="layer", residual="1/sqrt(depth)", lr=0.03, steps=150, warmup=30),
            "clipped": config("relu", "he", 20, 48, norm="batch", residual="1/sqrt(depth)", lr=0.05, steps=150, clip_norm=1.0),
            "cosine": config("gelu", "he", 20, 48, norm="rms", residual="1/sqrt(depth)", lr=0.03, steps=150, schedule="cosine"),
            "no gains": config("relu", "he", 20, 48, norm=norm("layer", affine=False), residual="1/sqrt(depth)", lr=0.03, steps=150),
            "no gains, batch": config("relu", "he", 16, 48, norm=norm("batch", affine=False), residual=0.3, lr=0.03, steps=150),
        }),
    ]  # fmt: skip


def _normalised() -> list[Family]:
    return [
        _family("a few layers behind batch normalisation", "ten layers of relu grow by less than a decade", {
            f"{a} depth {d} batch {b}": config(a, "he", d, 64, norm="batch", lr=0.05, steps=120, batch=b)
            for a, d, b in (("relu", 8, 64), ("relu", 4, 128), ("gelu", 6, 64), ("tanh", 10, 64), ("sigmoid", 5, 64), ("relu", 3, 16))
        }),
        _family("layer normalisation before tanh and relu", "1 to 1.18 a layer", {
            f"{n} {a} depth {d}": config(a, i, d, 64, norm=n, lr=0.05, steps=120)
            for n, a, i, d in (("layer", "tanh", "lecun", 20), ("rms", "tanh", "lecun", 12), ("layer", "relu", "he", 12),
                ("rms", "gelu", "he", 10),
                ("layer", "elu", "lecun", 10), ("layer", "identity", "lecun", 10))
        }),
        _family("a normalisation makes the scale of the weights nothing", "σ_w² from 1/4 to 16 gives the same signal", {
            f"{n} {a} σ_w {g}": config(a, sigma(g), d, 64, norm=n, lr=r, steps=120)
            for n, a, g, d, r in (("layer", "relu", 0.5, 6, 0.02), ("batch", "relu", 4.0, 6, 0.1), ("rms", "tanh", 2.0, 6, 0.1),
                ("batch", "tanh", 0.5, 6, 0.02))
        }),
        _family("normalised after the activation, a few layers", "1.47 a layer is less than half a decade over five", {
            f"{n} after {a} depth {d}": config(a, i, d, 64, norm=norm(n, **AFTER), lr=0.03, steps=120)
            for n, a, i, d in (("layer", "relu", "he", 5), ("batch", "relu", "he", 6), ("rms", "relu", "he", 8),
                ("layer", "tanh", "lecun", 8))
        }),
        _family("normalised on other data", "the start does not know the data", {
            f"{n} {a} on {s}": config(a, "he", 5, 32, norm=n, lr=r, steps=200, source=s, batch=32)
            for n, a, s, r in (("batch", "relu", "wine", 0.05), ("layer", "tanh", "breast_cancer", 0.05), ("batch", "relu", "circles", 0.1),
                ("layer", "relu", "moons", 0.1), ("rms", "gelu", "gaussian_mixture", 0.03), ("layer", "tanh", "teacher", 0.03))
        }),
    ]  # fmt: skip


def _convolutions() -> list[Family]:
    return [
        _family("convolutions under He", "σ_w² = 2 by the fan-in k²C: a factor of 1", {
            f"{a} {p} {q} depth {d}": conv(a, "he", d, 16, padding=p, pool=q, lr=r, steps=120)
            for a, p, q, d, r in (("relu", "circular", "flatten", 8, 0.05), ("relu", "zeros", "flatten", 5, 0.05),
                ("leaky_relu", "circular", "mean", 5, 0.1),
                ("gelu", "circular", "flatten", 5, 0.05))
        }),
        _family("delta-orthogonal convolutions", "an orthogonal matrix at the middle of every kernel: an isometry", {
            f"{a} {p} {q} depth {d}": conv(a, "delta_orthogonal", d, 16, padding=p, pool=q, lr=0.02, steps=120)
            for a, p, q, d in (("tanh", "circular", "flatten", 30), ("tanh", "zeros", "flatten", 20),
                ("hardtanh", "circular", "flatten", 16))
        }),
        _family("residual convolutions", "1 + 1/L a block", {
            f"{a} {n or 'no norm'} {p} depth {d}": conv(a, "he", d, 16, norm=n, residual="1/sqrt(depth)", padding=p, pool="flatten",
                lr=0.02, steps=100)
            for a, n, p, d in (("relu", "batch", "circular", 20), ("relu", None, "zeros", 20), ("relu", "layer", "circular", 16),
                ("gelu", "batch", "zeros", 14))
        }),
        _family("residual convolutions of two layers, or after the sum", "the same law", {
            f"{q} layers {k} {n} depth {d}":
                conv("relu", "he", d, 16, norm=n, residual={"position": q, "layers": k, "scale": s}, pool="flatten", lr=0.02, steps=100)
            for q, k, n, d, s in (("pre", 2, "batch", 8, 0.5), ("post", 1, "batch", 8, 1.0), ("post", 2, "layer", 6, 1.0))
        }),
        _family("convolutions whose branches begin at nothing", "every block is the identity at the start", {
            f"{a} {n or 'no norm'} {p} depth {d}": conv(a, "he", d, 16, norm=n, residual=SKIP, padding=p, pool="flatten", lr=0.05,
                steps=100)
            for a, n, p, d in (("relu", None, "circular", 20), ("tanh", None, "zeros", 16), ("relu", "batch", "circular", 12))
        }),
        _family("normalised convolutions, a few", "1.47 a layer is less than half a decade over five", {
            f"{n} {a} depth {d} {q}": conv(a, "he", d, 16, norm=n, pool=q, lr=0.05, steps=100)
            for n, a, d, q in (("batch", "relu", 5, "flatten"), ("layer", "relu", 4, "flatten"), ("rms", "relu", 5, "flatten"),
                ("batch", "tanh", 6, "mean"))
        }),
    ]  # fmt: skip
