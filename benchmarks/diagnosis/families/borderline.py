"""Cases that two verdicts can be argued for: reported apart, in no score.

The label is the verdict that the name of the family argues for; its reason says what stands against it.
"""

from benchmarks.diagnosis.case import Family, config
from benchmarks.diagnosis.data_files import source


def _family(name: str, label: str, reason: str, cases: dict) -> Family:
    return Family(name, label, reason, "theory", cases, borderline=True)  # type: ignore[arg-type]


def _sigma(w: float) -> dict:
    return {"sigma_w": w}


def families() -> list[Family]:
    """All of them."""
    return [
        _family("a shaky start that training mends", "healthy",
            "two decades and more are lost at the start, and none at the end: it learns", {
            f"sigmoid depth {d} on {s}": config("sigmoid", _sigma(w), d, 64, steps=300, lr=0.1, optimizer="momentum", source=s)
            for d, w, s in ((6, 2.0, "breast_cancer"), (7, 2.0, "wine"), (7, 2.5, "breast_cancer"))
        }),
        _family("between one and a half and two and a half decades lost", "vanishing",
            "it learns little or late at this learning rate, and another may do", {
            f"{a} {i} depth {d}": config(a, i, d, 64, steps=200, lr=0.1)
            for a, i, d in (("sigmoid", "xavier", 4), ("sigmoid", "xavier", 5), ("relu", "xavier", 12), ("relu", "xavier", 16),
                ("tanh", "pytorch", 10), ("gelu", "lecun", 7))
        }),
        _family("two decades too many, and learning", "healthy",
            "the signal grows a hundredfold and more on its way to the input, and yet small or adaptive steps learn", {
            "tanh 4 depth 40 momentum": config("tanh", {"sigma_w": 2.0, "sigma_b": 0.22}, 40, 64, steps=300, lr=1e-3,
                optimizer="momentum"),
            "tanh 9 depth 16 adam": config("tanh", _sigma(3.0), 16, 64, steps=200, lr=1e-3, optimizer="adam"),
            "hardtanh depth 16 rmsprop": config("hardtanh", _sigma(2.0), 16, 64, steps=200, lr=5e-4, optimizer="rmsprop"),
        }),
        _family("sigmoid at its critical point", "healthy", "χ₁ = 1 only where σ_w² = 103: more than half of each layer is flat", {
            f"depth {d}": config("sigmoid", "critical", d, 64, steps=200, lr=0.01) for d in (2, 5, 10)
        }),
        _family("between half and three quarters of a layer flat", "saturated", "σ_w = 4 to 7 for tanh: a mean slope of 0.2 to 0.11", {
            f"tanh σ_w {w}": config("tanh", _sigma(w), 2, 48, steps=120, lr=1e-3) for w in (4.0, 5.5, 7.0)
        }),
        _family("units that answer one example in thousands", "dead",
            "most units are without a slope in every batch, and not in all of the data", {
            "relu bias -6": config("relu", {"scheme": "he", "bias": -6.0}, 2, 48, steps=100),
            "relu bias -8": config("relu", {"scheme": "he", "bias": -8.0}, 1, 48, steps=100),
            "relu bias -1.5": config("relu", {"scheme": "he", "bias": -1.5}, 3, 128, steps=300, lr=0.1),
        }),
        _family("ten times too slow", "not_learning", "the loss comes down by a few percent in all of the run", {
            "relu": config("relu", "he", 4, 48, steps=150, lr=1e-3),
            "tanh": config("tanh", "xavier", 4, 48, steps=150, lr=1e-3),
            "tanh slower": config("tanh", "xavier", 4, 48, steps=150, lr=2e-4),
        }),
        _family("random classes, a while", "not_learning", "nothing can be learned but by heart, for which the run is too short", {
            "relu": config("relu", "he", 4, 48, steps=200, lr=0.02, source="noise"),
            "longer": config("relu", "he", 4, 128, steps=600, lr=0.05, source="noise"),
        }),
        _family("steps too large, and finite", "not_learning", "the loss jumps about, far above where it began", {
            "elu": config("elu", "lecun", 4, 32, steps=150, lr=0.7),
            "identity": config("identity", "lecun", 4, 32, steps=150, lr=0.3),
            "adam": config("leaky_relu", "he", 4, 32, steps=150, lr=1.0, optimizer="adam"),
        }),
        _family("nearly all dead, and learning", "dead", "nine units in ten are gone, and the tenth learns", {
            "relu": config("relu", {"scheme": "he", "bias": -3.0}, 1, 512, steps=300, lr=0.3),
            "narrow relu": config("relu", "he", 20, 4, steps=200, lr=0.01, optimizer="adam", source="wine"),
        }),
        _family("a narrow and deep network's own chance", "healthy",
            "χ₁ = 1; at such a width one seed loses decades and the next does not", {
            f"relu width {w} depth {d} seed {s}": config("relu", "he", d, w, steps=300, lr=3e-3, optimizer="adam", source="wine", seed=s)
            for w, d in ((8, 24), (16, 40)) for s in (1, 2, 3)
        }),
        _family("learned by the readout alone", "vanishing", "layer 1 is given next to nothing, and inputs this simple need none of it", {
            "sigmoid clouds": config("sigmoid", "xavier", 6, 32, steps=300, lr=0.5, source=source("separable")),
            "relu clouds": config("relu", "xavier", 24, 32, steps=300, lr=0.5, source=source("separable")),
        }),
    ]  # fmt: skip
