"""Normalised, residual and convolutional networks, by what theory and construction say of them.

Factors are those of the squared gradient a layer, at a normalised layer's own variance: decades of its norm are half their log10.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from benchmarks.diagnosis.case import LABELS, Family, Half, Label, config

Cases = Mapping[str, Mapping[str, Any]]

AFTER = {"position": "after"}


def norm(kind: str, **more: Any) -> dict[str, Any]:
    """`model.norm`."""
    return {"kind": kind, **more}


def sigma(value: float, bias: float = 0.0) -> dict[str, Any]:
    """An initialisation by its scales."""
    return {"sigma_w": value, "sigma_b": bias}


def _family(label: Label, name: str, reason: str, cases: Cases) -> Family:
    return Family(name, label, reason, "measured", cases)


def conv(activation: str, init: Any, depth: int, width: int = 16, **more: Any) -> dict[str, Any]:
    """A convolutional case; 3x3 kernels, digits."""
    return config(activation, init, depth, width, **{"kind": "conv", "batch": 32, "steps": 60, **more})


def families() -> list[Family]:
    """All of them, as constructed; which cases plain training bears out is in `networks.json`."""
    from benchmarks.diagnosis.families import networks_that_learn

    made = [
        *_vanishing(), *_exploding(), *_dead(), *_saturated(), *_diverged(), *_not_learning(), *networks_that_learn.families()
    ]  # fmt: skip
    return [own for label in LABELS for own in _halved([each for each in made if each.label == label])]


def _halved(alike: Sequence[Family]) -> list[Family]:
    """The families of one verdict, every second by the digest of its name held out: each verdict is in both halves."""
    ordered = sorted(alike, key=lambda own: hashlib.sha256(own.name.encode()).digest())
    halves: tuple[Half, Half] = ("development", "held out")
    return [replace(own, drawn=halves[index % 2]) for index, own in enumerate(ordered)]


def _vanishing() -> list[Family]:
    def own(name: str, reason: str, cases: Cases) -> Family:
        return _family("vanishing", name, reason, cases)

    few = {"scheme": "normal", "std": 1e-4}
    return [
        own("a sigmoid behind layer normalisation", "a factor of 0.153: 0.41 decades a layer", {
            f"depth {d} width {w}": config("sigmoid", i, d, w, norm="layer", lr=r, steps=60)
            for d, w, i, r in ((12, 32, "lecun", 0.05), (16, 64, "he", 0.01), (20, 64, "lecun", 0.01), (30, 24, "xavier", 0.02),
                (40, 48, "lecun", 0.05))
        }),
        own("a sigmoid behind RMS normalisation", "a factor of 0.153: 0.41 decades a layer", {
            f"depth {d} on {s}": config("sigmoid", "lecun", d, 40, norm="rms", lr=0.02, steps=60, source=s, batch=b)
            for d, s, b in ((12, "digits", 64), (16, "wine", 32), (24, "breast_cancer", 64), (14, "moons", 64), (36, "digits", 16))
        }),
        own("softplus behind a normalisation", "a factor of 0.32: 0.25 decades a layer", {
            f"{n} depth {d}": config("softplus", "lecun", d, 48, norm=n, lr=0.01, steps=60)
            for n, d in (("layer", 24), ("rms", 24), ("layer", 40), ("rms", 40), ("rms", 60))
        }),
        own("RMS normalisation after a sigmoid", "it divides by the mean square, whose mean is not taken off: 0.153 a layer", {
            f"depth {d} {i if isinstance(i, str) else 'σ_w 1.5'}": config("sigmoid", i, d, 40, norm=norm("rms", **AFTER), lr=0.02, steps=60)
            for d, i in ((12, "lecun"), (16, "xavier"), (24, "he"), (16, sigma(1.5)), (40, "lecun"))
        }),
        own("weights below a normalisation's eps", "σ_w² E[φ²] < ε: the normalisation is linear there, and the factor is σ_w²/(2ε)", {
            f"{n} {a} depth {d} eps {e:g}": config(a, few, d, 64, norm=norm(n, eps=e), lr=0.01, steps=60)
            for n, a, d, e in (("layer", "relu", 12, 1e-5), ("batch", "relu", 10, 1e-5), ("rms", "relu", 16, 1e-4),
                ("layer", "tanh", 12, 1e-5),
                ("batch", "gelu", 12, 1e-4), ("rms", "tanh", 8, 1e-3))
        }),
        own("a sigmoid after every sum", "σ' ≤ 1/4 on the skip itself: 0.6 decades a block and more", {
            f"{n or 'no norm'} depth {d} layers {k}":
                config("sigmoid", "lecun", d, 40, norm=n, residual={"position": "post", "layers": k}, lr=0.02, steps=60)
            for n, d, k in ((None, 8, 1), (None, 16, 2), ("layer", 10, 1), ("layer", 20, 2), ("rms", 12, 1), ("rms", 16, 2))
        }),
        own("softsign or softplus after every sum", "the skip passes a slope below 1 in every block", {
            f"{a} {n or 'no norm'} depth {d}": config(a, i, d, 40, norm=n, residual={"position": "post", "scale": 0.5}, lr=0.02, steps=60)
            for a, n, d, i in (("softsign", "layer", 60, "lecun"), ("softplus", "layer", 30, "lecun"),
                ("scaled_sigmoid", "rms", 80, "lecun"),
                ("softsign", None, 60, "lecun"), ("hardtanh", "layer", 60, sigma(3.0)))
        }),
        own("convolutions with half the variance", "σ_w² = 1 for rectifiers: a factor of 1/2, and zero padding's 0.92", {
            f"{a} depth {d} {p} width {w}": conv(a, i, d, w, padding=p, lr=0.01)
            for a, i, d, p, w in (("relu", "xavier", 30, "zeros", 16), ("relu", "lecun", 40, "circular", 16),
                ("leaky_relu", "xavier", 36, "zeros", 12),
                ("relu", "lecun", 30, "zeros", 24), ("gelu", "lecun", 24, "circular", 16))
        }),
        own("convolutions with a sigmoid", "χ₁ is 0.06 and less, whatever the fan-in k²C", {
            f"depth {d} {p} {q}": conv("sigmoid", i, d, w, padding=p, pool=q, lr=0.05)
            for d, p, q, i, w in ((8, "circular", "flatten", "lecun", 16), (10, "circular", "mean", "lecun", 16),
                (10, "zeros", "flatten", "he", 12),
                (16, "zeros", "mean", "xavier", 16))
        }),
        own("convolutions with a sigmoid behind a normalisation", "normalised over channels and positions: 0.41 decades a layer", {
            f"{n} depth {d} {p}": conv("sigmoid", "lecun", d, norm=n, padding=p, lr=0.02, pool="flatten")
            for n, d, p in (("layer", 12, "circular"), ("rms", 12, "circular"), ("layer", 18, "zeros"), ("rms", 16, "zeros"))
        }),
        own("convolutions in the ordered phase", "σ_w below the critical one", {
            f"{a} σ_w {g} depth {d} {p}": conv(a, sigma(g), d, padding=p, lr=0.01, pool="flatten", steps=40)
            for a, g, d, p in (("tanh", 0.7, 30, "circular"), ("tanh", 0.8, 40, "zeros"), ("hardtanh", 0.6, 20, "circular"),
                ("identity", 0.7, 30, "zeros"), ("elu", 0.7, 30, "circular"))
        }),
    ]  # fmt: skip


def _exploding() -> list[Family]:
    def own(name: str, reason: str, cases: Cases) -> Family:
        return _family("exploding", name, reason, cases)

    return [
        own("deep behind batch normalisation, relu", "λ(64) = 1.493: 0.087 decades a layer", {
            f"depth {d} width {w} batch {b}": config("relu", "he", d, w, norm="batch", lr=0.01, steps=50, batch=b)
            for d, w, b in ((45, 64, 64), (60, 64, 64), (80, 32, 32), (60, 48, 128), (50, 64, 16), (110, 24, 64))
        }),
        own("deep behind batch normalisation, smooth", "a factor of 1.19 (tanh) to 1.34 (gelu)", {
            f"{a} depth {d}": config(a, i, d, 48, norm="batch", lr=0.01, steps=40)
            for a, i, d in (("gelu", "lecun", 80), ("silu", "he", 90), ("mish", "he", 90), ("tanh", "lecun", 110),
                ("softsign", "lecun", 120))
        }),
        own("batches of eight, normalised", "the fewer examples, the steeper: λ(8) = 1.79 for relu", {
            f"{a} batch {b} depth {d}": config(a, "he", d, 64, norm="batch", lr=0.005, steps=50, batch=b)
            for a, b, d in (("relu", 8, 36), ("relu", 10, 40), ("leaky_relu", 8, 36), ("gelu", 8, 45), ("relu", 12, 50))
        }),
        own("layer normalisation after relu", "it takes the mean off: π/(π-1) = 1.467", {
            f"depth {d} width {w} {s}": config("relu", "he", d, w, norm=norm("layer", **AFTER), lr=0.002, steps=40, source=s)
            for d, w, s in ((50, 64, "digits"), (70, 48, "digits"), (60, 64, "gaussian_mixture"), (90, 32, "digits"))
        }),
        own("batch normalisation after the activation", "1.47 for relu, and more than 1.18 for tanh of larger weights", {
            f"{a} depth {d} {s}": config(a, i, d, 48, norm=norm("batch", **AFTER), lr=0.005, steps=40, source=s)
            for a, i, d, s in (("relu", "he", 50, "digits"), ("tanh", sigma(1.5), 70, "digits"), ("relu", "xavier", 60, "gaussian_mixture"),
                ("leaky_relu", "he", 55, "digits"), ("hardtanh", sigma(2.0), 60, "digits"))
        }),
        own("chaos behind a normalisation", "normalised tanh has 1.178 a layer: 0.036 decades", {
            f"{n} {a} depth {d}": config(a, "lecun", d, 64, norm=n, lr=0.005, steps=30)
            for n, a, d in (("layer", "tanh", 120), ("rms", "tanh", 120), ("layer", "hardtanh", 110), ("rms", "softsign", 120))
        }),
        own("layer normalisation after chaotic tanh", "1.34 at σ_w² = 2 and more beyond", {
            f"{n} {a} σ_w {g} depth {d}": config(a, sigma(g), d, 48, norm=norm(n, **AFTER), lr=0.005, steps=40)
            for n, a, g, d in (("layer", "tanh", 1.5, 70), ("rms", "tanh", 2.0, 50), ("layer", "hardtanh", 2.0, 50),
                ("rms", "softsign", 3.0, 60),
                ("layer", "scaled_sigmoid", 2.0, 60))
        }),
        own("sums of the stream and a branch as large, dense", "a factor of 2 a block for relu under He, and no normalisation", {
            f"{a} depth {d} layers {k}": config(a, "he", d, 48, residual={"layers": k}, lr=r, steps=40)
            for a, d, k, r in (("relu", 30, 1, 1e-12), ("relu", 45, 1, 1e-16), ("relu", 30, 2, 1e-12), ("leaky_relu", 36, 1, 1e-14),
                ("gelu", 40, 1, 1e-14))
        }),
        own("larger branches and no normalisation", "1 + a² a block", {
            f"{p} scale {a} depth {d} {s}": config("relu", "he", d, 48, residual={"scale": a, "position": p}, lr=r, steps=40, source=s)
            for p, a, d, r, s in (("pre", 2.0, 16, 1e-14, "digits"), ("pre", 1.5, 24, 1e-14, "gaussian_mixture"),
                ("post", 2.0, 16, 1e-14, "digits"),
                ("post", 1.0, 40, 1e-16, "digits"), ("pre", 0.7, 60, 1e-14, "digits"))
        }),
        own("normalised convolutions, deep", "1.47 a layer, with zero padding 1.41", {
            f"{a} {p} depth {d} width {w}": conv(a, "he", d, w, norm="batch", padding=p, lr=0.005, steps=30, pool=q)
            for a, p, d, w, q in (("relu", "circular", 50, 16, "flatten"), ("relu", "zeros", 60, 12, "mean"),
                ("leaky_relu", "circular", 50, 12, "mean"),
                ("gelu", "circular", 64, 12, "flatten"))
        }),
        own("chaotic convolutions", "σ_w far above the critical one", {
            f"{a} σ_w {g} depth {d} {p}": conv(a, sigma(g), d, 16, padding=p, lr=r, steps=30, pool="flatten")
            for a, g, d, p, r in (("tanh", 3.0, 40, "circular", 1e-5), ("hardtanh", 2.5, 40, "zeros", 1e-5),
                ("tanh", 4.0, 36, "zeros", 1e-6),
                ("scaled_sigmoid", 3.0, 40, "circular", 1e-5), ("relu", 2.0, 24, "circular", 1e-12))
        }),
        own("sums of the stream and a branch as large, convolutions", "a factor of 2 a block under He", {
            f"depth {d} {p} layers {k}": conv("relu", "he", d, 16, residual={"layers": k}, padding=p, lr=1e-14, steps=30)
            for d, p, k in ((30, "circular", 1), (36, "zeros", 1), (30, "circular", 2), (44, "circular", 1))
        }),
    ]  # fmt: skip


def _dead() -> list[Family]:
    def own(name: str, reason: str, cases: Cases) -> Family:
        return _family("dead", name, reason, cases)

    def below(bias: float, scheme: str = "he") -> dict[str, Any]:
        return {"scheme": scheme, "bias": bias}

    # The readout keeps a bias of its own, so that nothing but the units is wrong.
    return [
        own("units below zero before a normalisation", "a bias of -20 and less under a signal of rms 1: φ' = 0 for every example", {
            f"{n} after {a} bias {b:g} depth {d}": config(a, below(b), d, 48, norm=norm(n, **AFTER), lr=0.01, readout="lecun")
            for n, a, b, d in (("rms", "relu", -30, 6), ("layer", "relu", -30, 4), ("batch", "relu", -20, 5), ("rms", "gelu", -30, 5),
                ("layer", "silu", -40, 4), ("batch", "elu", -30, 6))
        }),
        own("a stream below zero, before the sum", "the stem's bias holds the stream below zero, and every branch adds its own", {
            f"{a} {s} layers {k} depth {d}": config(a, below(b), d, 40, residual={"scale": s, "layers": k}, lr=0.01, readout="lecun")
            for a, b, s, k, d in (("relu", -20, 1.0, 1, 8), ("relu", -30, 0.3, 2, 12), ("gelu", -30, 1.0, 1, 6),
                ("relu", -25, "1/sqrt(depth)", 1, 20),
                ("elu", -30, 0.5, 2, 8))
        }),
        own("a stream below zero, after the sum", "φ of a sum that is far below zero is 0, and so is its slope", {
            f"{n or 'no norm'} layers {k} depth {d}":
                config("relu", below(b), d, 40, norm=n, residual={"position": "post", "layers": k}, lr=0.01, readout="lecun")
            for n, k, b, d in ((None, 1, -20, 6), (None, 2, -30, 10), (None, 1, -25, 16))
        }),
        own("convolutions below zero", "a bias of -20 in every channel", {
            f"{a} bias {b} depth {d} {p}": conv(a, below(b), d, 16, padding=p, lr=0.01, pool=q, readout="lecun")
            for a, b, d, p, q in (("relu", -20, 6, "circular", "flatten"), ("relu", -30, 4, "zeros", "mean"),
                ("gelu", -30, 5, "circular", "mean"),
                ("silu", -40, 4, "zeros", "flatten"), ("elu", -30, 5, "circular", "flatten"))
        }),
        own("normalised convolutions below zero", "the normalisation follows the activation that passes nothing", {
            f"{n} after {a} depth {d}": conv(a, below(-30), d, 16, norm=norm(n, **AFTER), lr=0.01, readout="lecun")
            for n, a, d in (("batch", "relu", 5), ("layer", "relu", 4), ("rms", "gelu", 4), ("rms", "relu", 6))
        }),
        own("residual convolutions below zero", "the stem's bias holds the stream below zero", {
            f"{p} layers {k} depth {d}": conv("relu", below(-25), d, 16, residual={"position": p, "layers": k}, lr=0.01, readout="lecun")
            for p, k, d in (("pre", 1, 6), ("pre", 2, 10), ("post", 1, 6), ("post", 2, 8))
        }),
    ]  # fmt: skip


def _saturated() -> list[Family]:
    def own(name: str, reason: str, cases: Cases) -> Family:
        return _family("saturated", name, reason, cases)

    return [
        own("large weights before a normalisation, tanh", "σ_w = 20: nine entries in ten are flat, and what follows is normalised", {
            f"{n} σ_w {g:g} depth {d}": config("tanh", sigma(g), d, 64, norm=norm(n, **AFTER), lr=0.01, steps=80, readout="lecun")
            for n, g, d in (("layer", 20.0, 3), ("rms", 25.0, 3), ("layer", 30.0, 3), ("batch", 30.0, 3), ("rms", 40.0, 2),
                ("layer", 60.0, 2))
        }),
        own("large weights before a normalisation, others", "flat where the argument is 20 and more", {
            f"{a} {n} depth {d} on {s}": config(a, sigma(g), d, 48, norm=norm(n, **AFTER), lr=0.01, steps=80, readout="lecun", source=s)
            for a, g, n, d, s in (("hardtanh", 20.0, "layer", 3, "digits"), ("softsign", 40.0, "rms", 3, "digits"),
                ("scaled_sigmoid", 40.0, "layer", 3, "breast_cancer"), ("sigmoid", 60.0, "layer", 3, "digits"),
                    ("hardtanh", 25.0, "rms", 3, "wine"))
        }),
        own("a stream beyond the bend, before the sum", "the stem's weights are large, and the skip carries that on", {
            f"{a} {s} σ_w {g:g} depth {d}": config(a, sigma(g), d, 48, residual=s, lr=0.005, steps=80, readout="lecun")
            for a, s, g, d in (("tanh", 0.3, 20.0, 4), ("hardtanh", 0.3, 25.0, 6), ("tanh", 0.5, 30.0, 3), ("sigmoid", 0.5, 60.0, 4),
                ("scaled_sigmoid", 0.2, 40.0, 4))
        }),
        own("a stream beyond the bend, two layers a branch", "the inner activation is flat as well", {
            f"{a} σ_w {g:g} depth {d}": config(a, sigma(g), d, 48, residual={"scale": s, "layers": 2}, lr=0.002, steps=80, readout="lecun")
            for a, g, d, s in (("tanh", 25.0, 4, 0.1), ("hardtanh", 25.0, 5, 0.05), ("softsign", 50.0, 3, 0.2), ("tanh", 40.0, 3, 0.1))
        }),
        own("flat after every sum", "φ of a sum of rms 20", {
            f"{a} {n or 'no norm'} σ_w {g:g} depth {d}":
                config(a, sigma(g), d, 48, norm=n, residual={"position": "post", "scale": s}, lr=0.003, steps=80, readout="lecun")
            for a, n, g, d, s in (("tanh", None, 25.0, 3, 1.0), ("hardtanh", None, 25.0, 3, 1.0), ("tanh", "layer", 30.0, 3, 20.0),
                ("hardtanh", "rms", 30.0, 3, 20.0))
        }),
        own("flat convolutions", "σ_w = 20 and more by the fan-in k²C", {
            f"{a} σ_w {g:g} {p} depth {d}": conv(a, sigma(g), d, 16, padding=p, lr=0.003, steps=40, pool=q, readout="lecun")
            for a, g, p, d, q in (("sigmoid", 40.0, "circular", 3, "flatten"), ("tanh", 20.0, "zeros", 3, "mean"),
                ("hardtanh", 20.0, "circular", 3, "flatten"),
                ("scaled_sigmoid", 50.0, "zeros", 2, "mean"), ("tanh", 25.0, "circular", 2, "flatten"))
        }),
        own("flat convolutions before a normalisation", "the normalisation follows", {
            f"{n} after {a} depth {d}": conv(a, sigma(g), d, 16, norm=norm(n, **AFTER), lr=0.003, steps=40, readout="lecun")
            for n, a, g, d in (("layer", "tanh", 25.0, 3), ("rms", "tanh", 25.0, 3), ("batch", "hardtanh", 25.0, 3),
                ("layer", "sigmoid", 60.0, 2))
        }),
        own("flat residual convolutions", "the stem's weights are large, and the skip carries that on", {
            f"{a} scale {s} depth {d}": conv(a, sigma(g), d, 16, residual=s, lr=0.002, steps=40, readout="lecun")
            for a, s, g, d in (("tanh", 0.5, 30.0, 4), ("hardtanh", 0.1, 30.0, 6), ("sigmoid", 0.5, 60.0, 4))
        }),
    ]  # fmt: skip


def _diverged() -> list[Family]:
    def own(name: str, reason: str, cases: Cases) -> Family:
        return _family("diverged", name, reason, cases)

    return [
        own("a sum that doubles, at an ordinary rate", "the loss begins at 10^6 and more, and the first step multiplies the weights", {
            f"{a} depth {d} layers {k} on {s}": config(a, "he", d, 64, residual={"layers": k}, lr=0.01, source=s)
            for a, d, k, s in (("relu", 40, 1, "digits"), ("relu", 60, 1, "digits"), ("relu", 30, 2, "digits"),
                ("leaky_relu", 40, 1, "gaussian_mixture"),
                ("gelu", 50, 1, "digits"))
        }),
        own("sums after which relu follows, at an ordinary rate", "φ(x + Wx) multiplies by more than √2", {
            f"scale {s} depth {d} layers {k}": config("relu", "he", d, 48, residual={"position": "post", "scale": s, "layers": k}, lr=0.02)
            for s, d, k in ((1.0, 50, 1), (2.0, 20, 1), (1.5, 30, 2), (2.0, 30, 2))
        }),
        own("numbers and steps beyond 2 over the curvature", "the readout of a normalised signal has a curvature of its width", {
            f"{n} {a} lr {r:g} on {s}": config(a, "he", 6, 32, norm=n, lr=r, steps=150, source=s, batch=32)
            for n, a, r, s in (("layer", "relu", 10.0, "teacher"), ("batch", "tanh", 10.0, "teacher"), ("rms", "relu", 10.0, "diabetes"),
                ("batch", "relu", 20.0, "diabetes"), ("layer", "gelu", 20.0, "teacher"))
        }),
        own("residual numbers and steps too large", "the same through a skip", {
            f"{n or 'no norm'} scale {s} lr {r:g}": config("relu", "he", 8, 32, norm=n, residual=s, lr=r, steps=150, source="teacher",
                batch=32)
            for n, s, r in ((None, 1.0, 0.5), ("layer", 1.0, 10.0), ("batch", 0.5, 10.0), (None, "1/sqrt(depth)", 3.0))
        }),
        own("convolutions of large weights", "σ_w = 4 under relu: the logits begin at 10^5", {
            f"σ_w {g:g} {p} depth {d} {q}": conv("relu", sigma(g), d, 16, padding=p, lr=0.1, pool=q)
            for g, p, d, q in ((4.0, "zeros", 10, "mean"), (4.0, "circular", 8, "flatten"), (3.0, "circular", 14, "mean"),
                (5.0, "zeros", 8, "flatten"))
        }),
        own("residual convolutions that double", "a factor of 2 a block, at an ordinary rate", {
            f"depth {d} layers {k} {p}": conv("relu", "he", d, 16, residual={"layers": k, "position": q}, padding=p, lr=0.05)
            for d, k, p, q in ((36, 1, "circular", "pre"), (30, 2, "zeros", "pre"), (36, 1, "zeros", "post"), (48, 1, "circular", "pre"))
        }),
    ]  # fmt: skip


def _not_learning() -> list[Family]:
    def own(name: str, reason: str, cases: Cases) -> Family:
        return _family("not_learning", name, reason, cases)

    return [
        own("a good residual start and no steps to speak of", "the rate is 10^-4 of a usual one", {
            f"{n or 'no norm'} {a} depth {d} on {s}":
                config(a, "he", d, 48, norm=n, residual="1/sqrt(depth)", lr=1e-6, source=s)
            for n, a, d, s in (("layer", "relu", 20, "digits"), ("rms", "gelu", 16, "digits"), ("batch", "relu", 12, "digits"),
                (None, "tanh", 20, "digits"),
                ("layer", "relu", 12, "wine"), ("layer", "tanh", 10, "teacher"))
        }),
        own("normalised, and no steps to speak of", "the rate is 10^-4 of a usual one", {
            f"{n} {a} depth {d} on {s}": config(a, "he", d, 48, norm=n, lr=1e-6, source=s)
            for n, a, d, s in (("batch", "relu", 6, "digits"), ("layer", "tanh", 10, "digits"), ("rms", "relu", 8, "digits"),
                ("batch", "gelu", 5, "breast_cancer"),
                ("layer", "elu", 6, "teacher"))
        }),
        own("learned branches and no steps to speak of", "the branches begin at 0, and the rate is 10^-5 of a usual one", {
            f"{n or 'no norm'} layers {k} depth {d}":
                config("relu", "he", d, 48, norm=n, residual={"scale": 0.0, "learned": True, "layers": k}, lr=1e-7)
            for n, k, d in ((None, 1, 30), ("batch", 2, 12), ("layer", 1, 20), (None, 2, 16))
        }),
        own("activations after the sum, and no steps to speak of", "the rate is 10^-4 of a usual one", {
            f"{n} {a} depth {d}": config(a, "he", d, 48, norm=n, residual={"position": "post", "scale": s}, lr=1e-6)
            for n, a, d, s in (("layer", "relu", 10, 1.0), ("batch", "relu", 8, 0.5), ("rms", "gelu", 8, 0.5))
        }),
        own("adaptive steps of nothing", "a rate of 10^-8 moves a weight by a millionth in all of the run", {
            f"{n or 'no norm'} {a} depth {d}": config(a, "he", d, 48, norm=n, residual="1/sqrt(depth)", lr=1e-8, optimizer="adam")
            for n, a, d in (("layer", "relu", 12), (None, "relu", 16), ("batch", "tanh", 10), ("rms", "silu", 10))
        }),
        own("convolutions and no steps to speak of", "the rate is 10^-5 of a usual one", {
            f"{a} {n or 'no norm'} {p} depth {d}": conv(a, i, d, 16, norm=n, padding=p, lr=1e-7, pool=q)
            for a, i, n, p, d, q in (("relu", "he", None, "circular", 6, "flatten"), ("tanh", "delta_orthogonal", None, "zeros", 8, "mean"),
                ("relu", "he", "batch", "zeros", 5, "mean"), ("relu", "he", "layer", "circular", 6, "flatten"))
        }),
        own("residual convolutions and no steps to speak of", "the rate is 10^-5 of a usual one", {
            f"{n or 'no norm'} depth {d} {q}": conv("relu", "he", d, 16, norm=n, residual="1/sqrt(depth)", lr=1e-7, pool=q)
            for n, d, q in (("batch", 8, "flatten"), ("layer", 8, "mean"), (None, 10, "flatten"))
        }),
        own("classes drawn by lot, normalised", "nothing to learn but by heart, for which the steps are too small", {
            f"{n} {r or 'no skip'}": config("relu", "he", d, 32, norm=n, residual=r, lr=0.0005, steps=250, source="noise")
            for n, r, d in (("batch", None, 6), ("layer", "1/sqrt(depth)", 10), ("rms", "1/sqrt(depth)", 8))
        }),
    ]  # fmt: skip
