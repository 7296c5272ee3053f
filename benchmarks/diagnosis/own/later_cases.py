"""The second held-out half: cases drawn after the rules had been corrected by the first.

One rule was corrected by what became of them; the third set was drawn after that.
"""

from collections.abc import Callable
from typing import Any

from benchmarks.diagnosis.own.later_nets import (
    Dense,
    Experts,
    Gated,
    PreActivationNet,
    Separable,
    Speaker,
    Stacked,
    Temporal,
    Variational,
    Vision,
)
from benchmarks.diagnosis.own.nets import HandMadeCell, Net, Perceptron, Plain, Recurrent, ResNet, Transformer, Vgg
from benchmarks.diagnosis.own.reconstructing import Autoencoder, ConvAutoencoder, Discriminator, Gan, Generator, UNet
from benchmarks.diagnosis.own.training import Own

Build = Callable[[], Net]
_ADAM: dict[str, Any] = {"optimizer": "adam"}
_SEQUENCE: dict[str, Any] = {"task": "rows", "optimizer": "adam"}
_CLIPPED: dict[str, Any] = {"optimizer": "adam", "lr": 0.003, "clip": 1.0}


def later() -> list[Own]:
    """All of them."""
    return [*_healthy(), *_lost(), *_grown(), *_flat(), *_still()]


def _own(label: Any, reason: str) -> Callable[..., Own]:
    return lambda family, variant, build, **more: Own(
        f"later, {family}", variant, label, reason, build, is_later=True, **more
    )


def _healthy() -> list[Own]:
    own = _own("healthy", "it learns")
    return [
        own("pre-activation net", "ten blocks", lambda: PreActivationNet(10), lr=0.05),
        own("pre-activation net", "twenty, group normalisation, chance not told", lambda: PreActivationNet(20, 8, groups=True),
            optimizer="momentum", lr=0.02, chance=False),
        own("bottlenecks", "eight", lambda: PreActivationNet(8, 16, bottleneck=True), optimizer="momentum", lr=0.03),
        own("densely connected", "six", lambda: Dense(), lr=0.05),
        own("highway", "fifteen, gates nearly closed", lambda: Gated(15, -2.0), optimizer="momentum", lr=0.05, steps=150),
        own("separable convolutions", "five, weight normalisation", lambda: Separable(), lr=0.003, **_ADAM),
        own("temporal convolutions", "four", lambda: Temporal(), task="rows", lr=0.05),
        own("vision transformer", "four layers", lambda: Vision(4), lr=0.003, steps=150, **_ADAM),
        own("vision transformer, after", "two layers, no loss logged", lambda: Vision(2, norm_first=False), lr=0.003,
            steps=150, logged=False, **_ADAM),
        own("recurrent language model", "gru, chance not told", lambda: Speaker("GRU"), task="language", lr=0.01, steps=200,
            chance=False, **_ADAM),
        own("recurrent language model", "lstm cell by cell", lambda: Speaker("LSTM", cells=True), task="language", lr=0.01,
            steps=200, **_ADAM),
        own("stacked recurrences", "three lstm", lambda: Stacked("LSTM", 3), lr=0.005, steps=150, **_SEQUENCE),
        own("mixture of experts", "two of four in use", lambda: Experts(), lr=0.005, chance=False, **_ADAM),
        own("variational autoencoder", "to six", lambda: Variational(), task="reconstruct", lr=0.005, steps=200, **_ADAM),
        own("u-net as torch begins it", "takes noise away, no loss logged", lambda: UNet(gain=None), task="reconstruct noisy",
            lr=0.005, steps=250,
            logged=False, **_ADAM),
        own("wide perceptron, momentum", "two hundred units", lambda: Perceptron(4, width=200), optimizer="momentum", lr=0.01),
        own("perceptron of gelu", "seven", lambda: Perceptron(7, "gelu", 1.5), lr=0.003, chance=False, **_ADAM),
        own("convolutional autoencoder of silu", "chance not told", lambda: ConvAutoencoder("silu"), task="reconstruct",
            lr=0.005, chance=False, **_ADAM),
        own("gan, deep generator", "five layers", lambda: Gan(Generator(5, "leaky"), Discriminator(4)), task="ring", lr=0.002,
            steps=400, batch=64),
        own("deep net behind batch normalisation and skips", "sixteen blocks", lambda: ResNet((8, 8), channels=6),
            optimizer="momentum", lr=0.02),
    ]  # fmt: skip


def _lost() -> list[Own]:
    own = _own("vanishing", "the lower half may as well be cut off")
    return [
        own("temporal convolutions from small weights", "ten", lambda: Temporal(10, gain=0.5), task="rows", lr=0.02),
        own("highway, gates open on sigmoids", "twelve", lambda: Gated(12, 4.0, last="sigmoid"), lr=0.05),
        own("deep variational autoencoder of sigmoids", "to six", lambda: Variational(act="sigmoid", depth=6), task="reconstruct", lr=0.02),
        own("plain convolutions as torch begins them", "sixteen, chance not told", lambda: Plain(16, gain=None), lr=0.02, chance=False),
        own("vgg as torch begins it, wide", "fifteen, sixteen channels", lambda: Vgg(5, channels=12), lr=0.01, logged=False),
        own("recall, gru as torch begins it", "70 steps", lambda: Recurrent("GRU"), task="recall 70", **_CLIPPED),
        own("recall, lstm as torch begins it", "80 steps, cell by cell", lambda: Recurrent("LSTM", cells=True),
            task="recall 80", **_CLIPPED),
        own("recall, sigmoid by hand", "25 steps", lambda: HandMadeCell("sigmoid", 1.0, 1, 2), task="recall 25", lr=0.02, chance=False),
        own("tanh from small weights", "eighteen, modules", lambda: Perceptron(18, "tanh", 0.5), lr=0.02),
        own("gan, its generator of small tanh", "ten", lambda: Gan(Generator(10, "tanh", gain=0.4), Discriminator()),
            task="ring", lr=0.0001, steps=100),
    ]  # fmt: skip


def _grown() -> list[Own]:
    grown = _own("exploding", "the gradient grows a thousandfold and nothing is learned")
    broken = _own("diverged", "loss or gradient is no longer finite")
    return [
        grown("normalised gelu without a skip", "sixty", lambda: Perceptron(60, "gelu", 1.4, norm="batch"), lr=0.01),
        grown("chaotic tanh, wide", "twenty-five, chance not told", lambda: Perceptron(25, "tanh", 4.0, width=64), lr=1e-6, chance=False),
        grown("temporal convolutions from large weights", "fourteen", lambda: Temporal(14, gain=3.0), task="rows", lr=1e-10),
        grown("recall, cells of large recurrence", "40 steps", lambda: Recurrent("RNN", cells=True).begun(5.0),
            task="recall 40", lr=1e-4, clip=1.0),
        grown("residual branches far too large", "fourteen blocks", lambda: ResNet((14,), norm=False, last_gain=3.0), lr=1e-10,
            chance=False),
        broken("transformer, rate far too large", "no normalisation", lambda: Transformer(6, "", gain=2.0), task="rows", lr=10.0),
        broken("pre-activation net from a start too large", "ten", lambda: Plain(14, gain=5.0), lr=0.05, logged=False),
        broken("stacked relu recurrences", "60 steps", lambda: Recurrent("RNN", relu=True, layers=2).begun(3.0), task="recall 60", lr=0.1),
        broken("convolutional autoencoder, rate far too large", "no normalisation", lambda: ConvAutoencoder(norm=False),
            task="reconstruct", lr=500.0),
        broken("mixture of experts, rate far too large", "sgd", lambda: Experts(), lr=2000.0, chance=False),
    ]  # fmt: skip


def _flat() -> list[Own]:
    dead = _own("dead", "biases far below 0 leave no unit a slope")
    flat = _own("saturated", "most units are flat at both ends and nothing is learned")

    def lowered(net: Net, *names: str) -> Net:
        for name in names:
            net.get_submodule(name).bias.data.fill_(-40.0)  # type: ignore[union-attr, operator]
        return net

    return [
        dead("mixture of experts, its body dead", "one layer", lambda: lowered(Experts(), "body.1"), lr=0.01),
        dead("vgg with one dead stage", "in place, chance not told", lambda: lowered(Vgg(2, gain=1.414), "features.7"),
            lr=0.01, chance=False),
        dead("perceptron, biases low and wide", "three", lambda: Perceptron(3, bias=-60.0, width=100), lr=0.005),
        dead("autoencoder with a dead bottleneck", "no loss logged", lambda: lowered(Autoencoder(gain=1.414), "encoder.4"),
            task="reconstruct",
             lr=0.01, logged=False),
        dead("u-net with a dead first level", "adam", lambda: lowered(UNet(), "enc1.0", "enc1.2"), task="reconstruct noisy",
            lr=0.0005, **_ADAM),
        flat("variational autoencoder, large tanh", "to six", lambda: Variational(gain=30.0, depth=1), task="reconstruct", lr=1e-4),
        flat("convolutions, very large tanh", "two, chance not told", lambda: Plain(2, "tanh", 40.0), lr=1e-4, chance=False),
        flat("perceptron, very large tanh", "three", lambda: Perceptron(3, "tanh", 25.0, width=80), lr=1e-4),
        flat("convolutions, very large sigmoids", "two", lambda: Plain(2, "sigmoid", 80.0, channels=16), lr=1e-4),
    ]  # fmt: skip


def _still() -> list[Own]:
    own = _own("not_learning", "the signal travels and nothing is learned")
    return [
        own("pre-activation net, rate far too small", "six", lambda: PreActivationNet(6), lr=1e-7),
        own("densely connected, labels shuffled", "four", lambda: Dense(4), task="images shuffled", lr=0.01, steps=120),
        own("vision transformer, rate far too small", "three, chance not told", lambda: Vision(3), lr=1e-8, chance=False, **_ADAM),
        own("recurrent language model, rate far too small", "gru", lambda: Speaker("GRU"), task="language", lr=1e-8, **_ADAM),
        own("variational autoencoder, rate far too small", "to six", lambda: Variational(), task="reconstruct", lr=1e-7, chance=False),
        own("temporal convolutions, labels shuffled", "four", lambda: Temporal(), task="rows shuffled", lr=0.005, steps=120, chance=False),
        own("gru, labels shuffled", "rows", lambda: Recurrent("GRU", 8, 10), steps=120, lr=0.001, **_SEQUENCE | {"task": "rows shuffled"}),
        own("separable convolutions, rate far too small", "adam", lambda: Separable(), lr=1e-8, **_ADAM),
    ]  # fmt: skip
