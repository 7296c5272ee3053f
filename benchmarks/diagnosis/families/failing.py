"""Networks that leave the range of numbers, and networks that stay where they are though their signal is well."""

from benchmarks.diagnosis.case import Family, config
from benchmarks.diagnosis.data_files import source


def _diverging(name: str, reason: str, cases: dict) -> Family:
    return Family(name, "diverged", reason, "not finite", cases)


def _still(name: str, reason: str, cases: dict) -> Family:
    return Family(name, "not_learning", reason, "no gain", cases)


def families() -> list[Family]:
    """All of them."""
    return [*_diverged(), *_not_learning()]


def _sigma(w: float) -> dict:
    return {"sigma_w": w}


def _diverged() -> list[Family]:
    return [
        _diverging("squared error and a huge step", "each step overshoots by more than it corrects", {
            f"{a} lr {r:g}": config(a, i, d, 32, steps=150, lr=r, source=s)
            for a, i, d, r, s in (("identity", "lecun", 4, 5.0, "teacher"), ("leaky_relu", "he", 3, 10.0, "diabetes"),
                ("elu", "lecun", 3, 10.0, "teacher"), ("softplus", "he", 3, 5.0, "diabetes"), ("prelu", "he", 4, 5.0, "teacher"))
        }),
        _diverging("cross-entropy and a huge step", "logits grow until their difference is not a number", {
            f"{a} lr {r:g}": config(a, "lecun", d, 32, steps=300, lr=r)
            for a, d, r in (("identity", 5, 20.0), ("leaky_relu", 8, 1e4), ("selu", 6, 1e4), ("identity", 10, 5.0), ("prelu", 6, 1e4))
        }),
        _diverging("out of float16", "65,504 is soon passed", {
            "relu weights": config("relu", _sigma(4.0), 8, 32, steps=30, lr=0.01, dtype="float16"),
            "identity weights": config("identity", _sigma(3.0), 12, 32, steps=30, lr=0.01, dtype="float16"),
            "step": config("leaky_relu", "he", 4, 32, steps=100, lr=50.0, dtype="float16"),
            "loss scale": config("tanh", "xavier", 4, 32, steps=20, lr=0.01, dtype="float16", loss_scale=2.0**24),
        }),
        _diverging("out of float32 at the first pass", "weights so large that depth carries them beyond 3e38", {
            "relu": config("relu", _sigma(20.0), 40, 32, steps=10),
            "identity": config("identity", _sigma(10.0), 60, 32, steps=10),
            "softplus bfloat16": config("softplus", _sigma(30.0), 40, 32, steps=10, dtype="bfloat16"),
        }),
        _diverging("too large weights and a usual step", "the first updates of an exploded gradient finish what the start began", {
            f"{a} σ_w {w} depth {d}": config(a, _sigma(w), d, 32, steps=80, lr=0.05)
                for a, w, d in (("identity", 2.0, 20), ("leaky_relu", 2.5, 24), ("elu", 3.0, 16), ("selu", 2.0, 20))
        }),
        _diverging("momentum and a huge step", "the velocity keeps what overshot", {
            f"{o} {a}": config(a, "lecun", 4, 32, steps=200, lr=r, optimizer=o, source=s)
            for o, a, r, s in (("momentum", "identity", 1.0, "teacher"), ("nesterov", "elu", 5.0, "teacher"),
                ("momentum", "softplus", 2.0, "diabetes"))
        }),
        _diverging("adaptive steps of any size", "a step of 1e10 and more in every weight multiplies over the layers", {
            f"{o} {a}": config(a, "he", 5, 32, steps=50, lr=r, optimizer=o)
            for o, a, r in (("adam", "leaky_relu", 1e10), ("rmsprop", "identity", 1e8), ("adagrad", "elu", 1e12))
        }),
        _diverging("inputs in thousands", "raw amounts of 1,500 make the squared error's step too large", {
            "identity": config("identity", "lecun", 3, 32, steps=100, lr=0.01, source=source("large", standardize=False),
                loss="cross_entropy"),
            "leaky mse": config("leaky_relu", "he", 3, 32, steps=100, lr=0.01, source={"source": "breast_cancer", "standardize": False},
                loss="mse"),
        }),
        _diverging("loss on another scale, learning rate left", "a million times the loss is a million times the step", {
            "identity": config("identity", "lecun", 4, 32, steps=80, lr=0.05, loss_scale=2.0**20),
            "elu": config("elu", "lecun", 4, 32, steps=80, lr=0.05, loss_scale=2.0**24),
            "teacher": config("leaky_relu", "he", 3, 32, steps=80, lr=0.05, loss_scale=2.0**20, source="teacher"),
        }),
        _diverging("late divergence", "it learns a while and then leaves", {
            "decay upside down": config("identity", "lecun", 3, 32, steps=300, lr=0.5, weight_decay=5.0, source="teacher"),
            "batch 1": config("identity", "lecun", 3, 32, steps=400, lr=0.5, batch=1, source="teacher"),
        }),
        _diverging("diverged in sparse records", "it happens between two records", {
            "every 100th": config("identity", "lecun", 4, 32, steps=150, lr=5.0, source="teacher", every=100),
            "first and last": config("leaky_relu", "he", 4, 32, steps=60, lr=20.0, source="diabetes", every=1000),
        }),
    ]  # fmt: skip


def _not_learning() -> list[Family]:
    return [
        _still("learning rate next to zero", "a learning rate of 1e-12 to 1e-8: no weight moves by a thousandth in the whole run", {
            f"{a} lr {r:g}": config(a, i, d, 48, steps=n, lr=r)
            for a, i, d, r, n in (("relu", "he", 5, 1e-8, 150), ("tanh", "xavier", 6, 1e-10, 150), ("gelu", "critical", 5, 1e-8, 100),
                ("elu", "lecun", 8, 1e-12, 30), ("identity", "lecun", 4, 1e-9, 60), ("sigmoid", "xavier", 2, 1e-8, 150),
                    ("softsign", "critical", 4, 1e-9, 10))
        }),
        _still("learning rate too small for the steps", "hundreds of times smaller than what learns in this number of steps", {
            f"{a} lr {r:g}": config(a, i, d, 48, steps=n, lr=r)
            for a, i, d, r, n in (("relu", "he", 4, 1e-5, 200), ("tanh", "xavier", 4, 1e-5, 300),
                ("leaky_relu", "critical", 6, 3e-6, 200), ("selu", "lecun", 5, 3e-6, 200))
        }),
        _still("not learning by optimizer", "each at a learning rate next to zero", {
            o: config("relu", "he", 4, 48, steps=120, lr=r, optimizer=o)
            for o, r in (("momentum", 1e-8), ("adam", 1e-10), ("rmsprop", 1e-10), ("adagrad", 1e-10), ("adamw", 1e-11),
                ("nesterov", 1e-9))
        }),
        _still("not learning by width", "the same for 8 to 1,024 units", {
            f"width {w}": config("tanh", "xavier", 3, w, steps=n, lr=1e-9) for w, n in ((8, 150), (16, 150), (256, 110), (1024, 20))
        }),
        _still("not learning by batch", "the same for 1 to 1,024 examples", {
            f"batch {b}": config("relu", "he", 3, 32, steps=n, lr=1e-9, batch=b) for b, n in ((1, 300), (4, 200), (16, 150), (1024, 30))
        }),
        _still("every row the same", "the inputs are the same in every row: only how frequent a class is can be learned", {
            "tanh": config("tanh", "xavier", 3, 32, steps=200, lr=0.05, source=source("constant", standardize=False)),
            "relu": config("relu", "he", 3, 32, steps=200, lr=0.05, source=source("constant", standardize=False)),
            "standardised": config("tanh", "xavier", 4, 32, steps=200, lr=0.05, source=source("constant")),
            "elu adam": config("elu", "lecun", 3, 32, steps=200, lr=1e-3, optimizer="adam", source=source("constant", standardize=False)),
        }),
        _still("a rare class and no information",
            "one example in ten is of the other class, whatever the inputs: to be right nine times is to have learned nothing", {
            "relu": config("relu", "he", 3, 32, steps=200, lr=0.05, source=source("rare", standardize=False)),
            "tanh binary": config("tanh", "xavier", 3, 32, steps=200, lr=0.05, source=source("rare", standardize=False),
                loss="binary_cross_entropy"),
        }),
        _still("numbers without information", "a number that the inputs do not tell: its mean is all there is to find", {
            "constant inputs": config("tanh", "xavier", 3, 32, steps=200, lr=0.02, source=source("constant_numbers", standardize=False)),
            "unrelated inputs": config("tanh", "xavier", 3, 32, steps=200, lr=0.01, source=source("unrelated_numbers")),
            "unrelated, relu": config("relu", "he", 3, 32, steps=250, lr=5e-3, source=source("unrelated_numbers")),
        }),
        _still("classes without information",
            "classes that the inputs do not tell, and no row seen twice, so that nothing can be learned by heart", {
            "relu": config("relu", "he", 3, 32, steps=250, lr=0.02, source=source("unrelated_classes")),
            "tanh": config("tanh", "xavier", 3, 32, steps=250, lr=0.05, source=source("unrelated_classes")),
            "noise source": config("relu", "he", 3, 32, steps=200, lr=0.02,
                source={"source": "noise", "samples": 20_000, "features": 5, "classes": 4}),
        }),
        _still("updates below the format's grain",
            "an update of less than half a unit in the last place is rounded away; float32 learns with the same settings", {
            "relu": config("relu", "he", 4, 48, steps=400, lr=1e-4, dtype="bfloat16", optimizer="adam", seed=5),
            "tanh": config("tanh", "xavier", 4, 48, steps=800, lr=3e-5, dtype="bfloat16", optimizer="adam", seed=5),
            "gelu": config("gelu", "he", 4, 48, steps=500, lr=2e-5, dtype="bfloat16", optimizer="adamw", seed=5),
        }),
        _still("clipped to nothing", "the whole gradient is cut to a norm of 1e-7 to 1e-6 before the step", {
            "sgd": config("relu", "he", 4, 48, steps=150, lr=0.05, clip_norm=1e-6),
            "momentum": config("tanh", "xavier", 4, 48, steps=150, lr=0.02, clip_norm=1e-7, optimizer="momentum"),
        }),
        _still("not learning, loss on another scale", "the learning rate is next to zero for the loss that there is", {
            f"{a} 2^{e}": config(a, i, 4, 32, steps=120, lr=1e-8 * 2.0**-e, loss_scale=2.0**e) for e in (-20, 20)
                for a, i in (("relu", "he"), ("tanh", "xavier"))
        }),
        _still("loss a millionth, learning rate left", "a loss of a millionth makes steps of a millionth", {
            "relu": config("relu", "he", 4, 32, steps=150, lr=0.05, loss_scale=2.0**-20),
            "tanh teacher": config("tanh", "xavier", 3, 32, steps=150, lr=0.05, loss_scale=2.0**-20, source="teacher"),
            "float16 underflow": config("tanh", "xavier", 4, 32, steps=150, lr=0.05, loss_scale=2.0**-26, dtype="float16"),
        }),
        _still("not learning with another loss", "a learning rate next to zero", {
            "teacher": config("relu", "he", 3, 32, steps=150, lr=1e-9, source="teacher"),
            "binary": config("tanh", "xavier", 3, 32, steps=150, lr=1e-9, source="breast_cancer", loss="binary_cross_entropy"),
            "mse of classes": config("relu", "he", 3, 32, steps=150, lr=1e-9, loss="mse"),
        }),
        _still("an eps that swallows the step",
            "eps of 1e5 and more in the denominator of an adaptive optimizer divides the step by as much", {
            o: config("relu", "he", 4, 32, steps=150, lr=1e-3, optimizer={"name": o, "eps": e})
                for o, e in (("adam", 1e5), ("rmsprop", 1e5), ("adagrad", 1e6))
        }),
        _still("not learning in sparse records", "a few rows of a run that stays where it is", {
            "every 50th": config("relu", "he", 4, 32, steps=200, lr=1e-9, every=50),
            "first and last": config("tanh", "xavier", 4, 32, steps=150, lr=1e-9, every=1000),
            "two records, no holdout": config("tanh", "xavier", 4, 32, steps=150, lr=1e-9, every=1000, holdout=0.0),
        }),
    ]  # fmt: skip
