"""The labelled modules: what each is made of, and why it has to get its label.

`measuring` keeps those of which plain training bears it out.
"""

from collections.abc import Callable
from typing import Any

from benchmarks.diagnosis.own.later_cases import later
from benchmarks.diagnosis.own.measuring import known
from benchmarks.diagnosis.own.nets import (
    HandMadeCell,
    Mixer,
    Net,
    Perceptron,
    Plain,
    Recurrent,
    ResNet,
    TorchEncoder,
    Transformer,
    Vgg,
)
from benchmarks.diagnosis.own.reconstructing import Autoencoder, ConvAutoencoder, Discriminator, Gan, Generator, UNet
from benchmarks.diagnosis.own.third_cases import third
from benchmarks.diagnosis.own.training import Own

Build = Callable[[], Net]
_ADAM: dict[str, Any] = {"optimizer": "adam"}
_CLIPPED: dict[str, Any] = {"optimizer": "adam", "lr": 0.003, "clip": 1.0}


def cases() -> list[Own]:
    """Those whose label plain training bears out."""
    return [own for own in constructed() if known().get(own.name, {}).get("label") == own.label]


def constructed() -> list[Own]:
    """All of them, those drawn later behind."""
    return [*first(), *later(), *third()]


def first() -> list[Own]:
    """Those that were there from the beginning."""
    return [
        *_healthy(),
        *_healthy_sequences(),
        *_vanishing(),
        *_exploding(),
        *_dead(),
        *_saturated(),
        *_diverged(),
        *_not_learning(),
    ]


def _healthy() -> list[Own]:
    def own(family: str, variant: str, build: Build, **more: Any) -> Own:
        return Own(family, variant, "healthy", "it learns", build, **more)

    fast: dict[str, Any] = {"optimizer": "momentum", "lr": 0.02}
    return [
        own("residual net", "three stages", lambda: ResNet((3, 3, 3)), lr=0.05),
        own("residual net", "chance not told", lambda: ResNet((3, 3, 3)), chance=False, **fast),
        own("deep residual net", "24 blocks of one width", lambda: ResNet((24,)), lr=0.05, steps=80),
        own("residual net without normalisation", "last layers small", lambda: ResNet((3, 3), norm=False, last_gain=0.3),
            optimizer="adam", lr=0.005, steps=150),
        own("residual net without normalisation", "sixteen blocks, branches smaller", lambda: ResNet((16,), norm=False,
            last_gain=0.3), optimizer="adam", lr=0.003, steps=150),
        own("vgg", "normalised", lambda: Vgg(2, norm=True), **fast),
        own("vgg", "normalised, no loss logged", lambda: Vgg(2, norm=True), logged=False, **fast),
        own("vgg as torch begins it", "six layers, adam", lambda: Vgg(2), lr=0.003, steps=150, **_ADAM),
        own("vgg from He's start", "nine layers", lambda: Vgg(3, gain=1.414), **fast),
        own("plain convolutions", "eight from He's start", lambda: Plain(8), lr=0.05),
        own("plain convolutions with tanh", "ten", lambda: Plain(10, "tanh", 1.3), lr=0.02),
        own("plain convolutions with silu", "six", lambda: Plain(6, "silu", 1.6), **fast),
        own("perceptron of functions", "relu", lambda: Perceptron(8, functional_act=True), lr=0.05),
        own("perceptron of functions", "relu, no loss logged", lambda: Perceptron(8, functional_act=True), logged=False),
        own("perceptron of functions with tanh", "ten", lambda: Perceptron(10, "tanh", 1.0, functional_act=True), lr=0.05),
        own("perceptron of modules", "relu, chance not told", lambda: Perceptron(6), chance=False),
        own("perceptron with layer normalisation", "twelve", lambda: Perceptron(12, "tanh", 1.0, norm="layer"), lr=0.05),
        own("perceptron with batch normalisation", "eight", lambda: Perceptron(8, norm="batch"), lr=0.05),
        own("mixer", "six", lambda: Mixer(6), task="rows", lr=0.003, **_ADAM),
        own("autoencoder", "to eight", lambda: Autoencoder(gain=1.414), task="reconstruct", lr=0.01, steps=300, **_ADAM),
        own("autoencoder of tanh", "to sixteen", lambda: Autoencoder((64, 48, 32, 16), "tanh", 1.0), task="reconstruct", lr=0.01,
            steps=300, chance=False,
            **_ADAM),
        own("convolutional autoencoder", "normalised", lambda: ConvAutoencoder(), task="reconstruct", lr=0.005, steps=150, **_ADAM),
        own("u-net", "takes noise away", lambda: UNet(), task="reconstruct noisy", lr=0.003, steps=120, **_ADAM),
        own("gan", "draws a ring", lambda: Gan(Generator(4, "leaky"), Discriminator(4)), task="ring", lr=0.002, steps=400,
            batch=64, logged=False),
        own("gan with its loss", "draws a ring", lambda: Gan(Generator(4), Discriminator(4)), task="ring", lr=0.002, steps=400, batch=64,
            chance=False),
    ]  # fmt: skip


def _healthy_sequences() -> list[Own]:
    def own(family: str, variant: str, build: Build, **more: Any) -> Own:
        return Own(family, variant, "healthy", "it learns", build, **{"task": "rows", **more})

    def of_rows(kind: str, **more: Any) -> Build:
        return lambda: Recurrent(kind, 8, 10, **more)

    return [
        own("lstm over rows", "fused", of_rows("LSTM"), lr=0.005, **_ADAM),
        own("lstm over rows", "two layers", of_rows("LSTM", layers=2), lr=0.005, steps=150, chance=False, **_ADAM),
        own("lstm over rows both ways", "fused", of_rows("LSTM", bidirectional=True), lr=0.005, **_ADAM),
        own("gru over rows", "cell by cell", of_rows("GRU", cells=True), lr=0.005, **_ADAM),
        own("gru over rows, no loss logged", "fused", of_rows("GRU"), lr=0.005, logged=False, **_ADAM),
        own("tanh rnn over rows", "cell by cell", of_rows("RNN", cells=True), lr=0.003, **_ADAM),
        own("recall, orthogonal", "30 steps, cell by cell", lambda: Recurrent("RNN", cells=True).begun("orthogonal", inputs=0.3),
            task="recall 30",
            **_CLIPPED),
        own("recall, lstm that remembers", "40 steps, fused", lambda: Recurrent("LSTM").begun(forget=3.0), task="recall 40",
            lr=0.005, **_ADAM),
        own("recall, gru that remembers", "30 steps", lambda: Recurrent("GRU").begun(update=2.0), task="recall 30", lr=0.005, **_ADAM),
        own("transformer, normalised before", "twelve blocks", lambda: Transformer(12), lr=0.002, steps=120, **_ADAM),
        own("transformer, normalised before", "six blocks, no loss logged", lambda: Transformer(6), lr=0.003, steps=120,
            logged=False, **_ADAM),
        own("transformer, normalised after", "four blocks", lambda: Transformer(4, "post"), lr=0.003, steps=150, **_ADAM),
        own("torch's encoder, normalised after", "three layers", lambda: TorchEncoder(3, False), lr=0.003, steps=150, **_ADAM),
        own("torch's encoder, normalised before", "eight layers", lambda: TorchEncoder(8, True), lr=0.003, steps=120,
            chance=False, **_ADAM),
        own("language model with a tied head", "four blocks", lambda: Transformer(4, vocabulary=16), task="language", lr=0.005,
            steps=200, **_ADAM),
        own("language model, chance not told", "six blocks, gelu", lambda: Transformer(6, act="gelu", vocabulary=16),
            task="language", lr=0.005,
            steps=200, chance=False, **_ADAM),
    ]  # fmt: skip


def _vanishing() -> list[Own]:
    def own(family: str, variant: str, build: Build, **more: Any) -> Own:
        return Own(family, variant, "vanishing", "the lower half may as well be cut off", build, **more)

    return [
        own("sigmoids", "fifteen, modules", lambda: Perceptron(15, "sigmoid", 1.0), lr=0.05),
        own("sigmoids", "fifteen, functions, chance not told", lambda: Perceptron(15, "sigmoid", 1.0, functional_act=True), chance=False),
        own("sigmoids as torch begins them", "ten, adam", lambda: Perceptron(10, "sigmoid", None), lr=0.0003, **_ADAM),
        own("small weights, relu", "twenty", lambda: Perceptron(20, gain=0.6), lr=0.02),
        own("small weights, functions", "twenty, tanh", lambda: Perceptron(20, "tanh", 0.6, functional_act=True), lr=0.02, logged=False),
        own("normalised sigmoids", "twenty", lambda: Perceptron(20, "sigmoid", 1.0, norm="layer"), lr=0.01),
        own("vgg as torch begins it, deep", "fifteen layers", lambda: Vgg(5), lr=0.02),
        own("vgg as torch begins it, deep", "eighteen, chance not told", lambda: Vgg(6), lr=0.02, chance=False),
        own("small convolutions", "thirty", lambda: Plain(30, gain=1.0, channels=8), lr=0.01, steps=80),
        own("convolutions with sigmoids", "ten", lambda: Plain(10, "sigmoid", 1.0), lr=0.05, steps=80),
        own("autoencoder of sigmoids", "twelve", lambda: Autoencoder((64, 48, 40, 32, 24, 16, 8), "sigmoid"), task="reconstruct", lr=0.02),
        own("recall, tanh", "60 steps, cell by cell", lambda: Recurrent("RNN", cells=True).begun(0.6), task="recall 60", **_CLIPPED),
        own("recall, tanh", "60 steps, fused, chance not told", lambda: Recurrent("RNN").begun(0.6), task="recall 60",
            chance=False, **_CLIPPED),
        own("recall, lstm that forgets", "60 steps", lambda: Recurrent("LSTM").begun(forget=0.0), task="recall 60", **_CLIPPED),
        own("recall, gru that forgets", "60 steps, cell by cell", lambda: Recurrent("GRU", cells=True).begun(update=-1.0), task="recall 60",
            **_CLIPPED),
        own("recall, by hand", "60 steps", lambda: HandMadeCell("tanh", 0.7, 1, 2), task="recall 60", lr=0.02),
        own("transformer without normalisation, damped", "twelve blocks", lambda: Transformer(12, "", gain=0.3, alpha=0.5),
            task="rows", lr=0.01,
            steps=80),
        own("gan, its generator of sigmoids", "twelve", lambda: Gan(Generator(12, "sigmoid"), Discriminator()), task="ring",
            lr=0.0001, steps=100,
            logged=False),
    ]  # fmt: skip


def _exploding() -> list[Own]:
    def own(family: str, variant: str, build: Build, **more: Any) -> Own:
        return Own(
            family, variant, "exploding", "the gradient grows a thousandfold and nothing is learned", build, **more
        )

    return [
        own("batch normalisation without a skip", "fifty linear", lambda: Perceptron(50, norm="batch"), lr=0.01),
        own("batch normalisation without a skip", "fifty linear, chance not told", lambda: Perceptron(50, norm="batch"), lr=0.02,
            chance=False),
        own("normalised convolutions without a skip", "fifty", lambda: Plain(50, norm=True, channels=8, circular=True), lr=0.01, steps=60),
        own("residual net with its skips cut", "24 blocks", lambda: ResNet((24,), skip=False), lr=0.02, steps=60),
        own("chaotic tanh", "thirty, functions", lambda: Perceptron(30, "tanh", 3.0, functional_act=True), lr=1e-5),
        own("chaotic tanh", "thirty, modules", lambda: Perceptron(30, "tanh", 3.0), lr=1e-5),
        own("large weights, relu", "sixteen", lambda: Perceptron(16, gain=2.5), lr=1e-9),
        own("chaotic convolutions", "thirty, tanh", lambda: Plain(30, "tanh", 3.0, circular=True), lr=1e-5, steps=60),
        own("residual net, branches too large", "twenty blocks", lambda: ResNet((20,), norm=False, last_gain=2.0), lr=1e-9, steps=60),
        own("recall, large recurrence", "60 steps, cell by cell", lambda: Recurrent("RNN", cells=True).begun(4.0),
            task="recall 60", lr=0.001, clip=1.0),
        own("recall, large recurrence", "60 steps, fused", lambda: Recurrent("RNN").begun(4.0), task="recall 60", lr=0.001, clip=1.0),
        own("recall, relu", "50 steps", lambda: Recurrent("RNN", relu=True).begun(2.0), task="recall 50", lr=0.001, clip=1.0),
        own("transformer without normalisation", "twelve blocks", lambda: Transformer(12, "", gain=1.0), task="rows", lr=1e-9, steps=60),
        own("autoencoder from a start too large", "twelve", lambda: Autoencoder((64, 48, 40, 32, 24, 16, 8), gain=3.0),
            task="reconstruct", lr=1e-10),
    ]  # fmt: skip


def _dead() -> list[Own]:
    def own(family: str, variant: str, build: Build, **more: Any) -> Own:
        return Own(family, variant, "dead", "biases far below 0 leave no unit a slope", build, **more)

    def feed_forward_off(depth: int, norm: str) -> Net:
        net = Transformer(depth, norm)
        for block in net.blocks:
            block.mlp[0].bias.data.fill_(-30.0)  # type: ignore[index, union-attr, operator]
        return net

    def one_dead(net: Net, at: int) -> Net:
        net.points[at].bias.data.fill_(-40.0)  # type: ignore[union-attr, operator]
        return net

    return [
        own("perceptron, biases low", "six", lambda: Perceptron(6, bias=-30.0), lr=0.01),
        own("perceptron, biases low", "six, chance not told", lambda: Perceptron(6, bias=-30.0), lr=0.01, chance=False),
        own("convolutions, biases low", "six", lambda: Plain(6, bias=-20.0), lr=0.01),
        own("vgg, biases low", "in place", lambda: Vgg(2, gain=1.414, bias=-20.0), lr=0.01, logged=False),
        own("one layer of convolutions dead", "the third of six", lambda: one_dead(Plain(6), 2), lr=0.01),
        own("one layer dead", "the second of five", lambda: one_dead(Perceptron(5), 1), lr=0.01),
        own("recurrence by hand, biases low", "20 steps", lambda: HandMadeCell("relu", 1.0, 1, 2, bias=-20.0), task="recall 20"),
        own("transformer, feed-forward off", "four blocks", lambda: feed_forward_off(4, "pre"), task="rows", lr=0.02),
        own("transformer, feed-forward off", "three blocks, after", lambda: feed_forward_off(3, "post"), task="rows", lr=0.001, **_ADAM),
        own("autoencoder, biases low", "to eight", lambda: Autoencoder(gain=1.414, bias=-30.0), task="reconstruct", lr=0.01),
        own("u-net, biases low", "all levels", lambda: UNet(bias=-30.0), task="reconstruct noisy", lr=0.01, steps=60),
    ]  # fmt: skip


def _saturated() -> list[Own]:
    def own(family: str, variant: str, build: Build, **more: Any) -> Own:
        return Own(
            family, variant, "saturated", "most units are flat at both ends and nothing is learned", build, **more
        )

    return [
        own("perceptron, large tanh", "two", lambda: Perceptron(2, "tanh", 40.0), lr=1e-3),
        own("perceptron, large sigmoids", "three", lambda: Perceptron(3, "sigmoid", 60.0), lr=1e-3),
        own("perceptron, large sigmoids", "two, chance not told", lambda: Perceptron(2, "sigmoid", 80.0), lr=1e-3, chance=False),
        own("convolutions, large sigmoids", "three", lambda: Plain(3, "sigmoid", 40.0, circular=True), lr=1e-4, steps=60),
        own("convolutions, large tanh", "two", lambda: Plain(2, "tanh", 20.0), lr=1e-4, steps=60),
        own("recurrence by hand, inputs large", "rows", lambda: HandMadeCell("tanh", 4.0, 8, 10, scale=6.0), task="rows",
            lr=1e-3, steps=80),
        own("autoencoder, large tanh", "to eight", lambda: Autoencoder((64, 32, 8), "tanh", 40.0), task="reconstruct", lr=1e-4),
        own("layer normalisation before large sigmoids", "two", lambda: Perceptron(2, "sigmoid", 60.0, width=96), lr=1e-4, logged=False),
    ]  # fmt: skip


def _diverged() -> list[Own]:
    def own(family: str, variant: str, build: Build, **more: Any) -> Own:
        return Own(family, variant, "diverged", "loss or gradient is no longer finite", build, **more)

    return [
        own("perceptron, rate far too large", "relu", lambda: Perceptron(8), lr=1000.0),
        own("convolutions, start too large", "ten", lambda: Plain(10, gain=4.0), lr=0.1),
        own("residual net, start too large", "twelve blocks", lambda: ResNet((12,), norm=False, last_gain=6.0), lr=0.1),
        own("recall, relu too large", "80 steps", lambda: Recurrent("RNN", relu=True).begun(3.0), task="recall 80", lr=0.1),
        own("recall, relu cells too large", "80 steps", lambda: Recurrent("RNN", relu=True, cells=True).begun(3.0),
            task="recall 80", lr=0.1),
        own("transformer without normalisation, trained", "twelve blocks", lambda: Transformer(12, "", gain=2.0), task="rows", lr=0.5),
        own("autoencoder, rate too large", "relu", lambda: Autoencoder(gain=1.414), task="reconstruct", lr=20.0),
        own("gan, rate far too large", "adam", lambda: Gan(Generator(gain=4.0), Discriminator()), task="ring", lr=1e9, steps=100),
    ]  # fmt: skip


def _not_learning() -> list[Own]:
    def own(family: str, variant: str, build: Build, **more: Any) -> Own:
        return Own(family, variant, "not_learning", "the signal travels and nothing is learned", build, **more)

    return [
        own("perceptron, rate far too small", "functions", lambda: Perceptron(8, functional_act=True), lr=1e-7),
        own("perceptron, rate far too small", "chance not told", lambda: Perceptron(8), lr=1e-7, chance=False),
        own("residual net, rate far too small", "three stages", lambda: ResNet((3, 3, 3)), lr=1e-7),
        own("residual net, labels shuffled", "three stages", lambda: ResNet((2, 2, 2)), task="images shuffled", lr=0.01),
        own("convolutions, rate far too small", "six", lambda: Plain(6), lr=1e-7),
        own("convolutions, labels shuffled", "six", lambda: Plain(6), task="images shuffled", lr=0.005, chance=False),
        own("lstm, rate far too small", "rows", lambda: Recurrent("LSTM", 8, 10), task="rows", lr=1e-7, **_ADAM),
        own("lstm, labels shuffled", "rows", lambda: Recurrent("LSTM", 8, 10), task="rows shuffled", lr=0.001, **_ADAM),
        own("recall, rate far too small", "15 steps, orthogonal", lambda: Recurrent("RNN", cells=True).begun("orthogonal"),
            task="recall 15", lr=1e-7),
        own("transformer, rate far too small", "six blocks", lambda: Transformer(6), task="rows", lr=1e-8, steps=80, **_ADAM),
        own("transformer, labels shuffled", "four blocks", lambda: Transformer(4), task="rows shuffled", lr=0.0003, chance=False, **_ADAM),
        own("language model, rate far too small", "four blocks", lambda: Transformer(4, vocabulary=16), task="language", lr=1e-7, steps=80),
        own("autoencoder, rate far too small", "to eight", lambda: Autoencoder(gain=1.414), task="reconstruct", lr=1e-7),
        own("u-net, rate far too small", "takes noise away", lambda: UNet(), task="reconstruct noisy", lr=1e-8, steps=80, chance=False),
    ]  # fmt: skip
