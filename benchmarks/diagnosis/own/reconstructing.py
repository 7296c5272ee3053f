"""Networks that reconstruct and generate: autoencoders, a U-Net, the two networks of a GAN."""

from itertools import pairwise

from torch import Tensor, cat, nn

from benchmarks.diagnosis.own.nets import ACTIVATIONS, Net, normal


class Autoencoder(Net):
    """Linear layers down to a bottleneck and up again."""

    def __init__(
        self, sizes: tuple[int, ...] = (64, 48, 24, 8), act: str = "relu", gain: float | None = None, bias: float = 0.0
    ) -> None:
        super().__init__()
        down = [nn.Linear(wide, narrow) for wide, narrow in pairwise(sizes)]
        up = [nn.Linear(narrow, wide) for wide, narrow in zip(sizes[-2::-1], sizes[:0:-1], strict=True)]
        self.encoder = nn.Sequential(*[each for lin in down for each in (lin, ACTIVATIONS[act]())])
        self.decoder = nn.Sequential(*[each for lin in up[:-1] for each in (lin, ACTIVATIONS[act]())])
        self.last = up[-1]
        if gain is not None:
            normal(self.encoder, gain, bias)
            normal(self.decoder, gain, bias)
        self.points = [*down, *up[:-1]]

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.decoder(self.encoder(x.flatten(1))))


class ConvAutoencoder(Net):
    """Strided convolutions down, transposed ones up."""

    def __init__(self, act: str = "relu", norm: bool = True) -> None:
        super().__init__()
        self.down = nn.ModuleList([nn.Conv2d(1, 8, 3, 2, 1), nn.Conv2d(8, 16, 3, 2, 1)])
        self.up = nn.ModuleList([nn.ConvTranspose2d(16, 8, 4, 2, 1), nn.ConvTranspose2d(8, 8, 4, 2, 1)])
        self.norms = nn.ModuleList([nn.BatchNorm2d(size) if norm else nn.Identity() for size in (8, 16, 8, 8)])
        self.acts = nn.ModuleList([ACTIVATIONS[act]() for _ in range(4)])
        self.last = nn.Conv2d(8, 1, 3, padding=1)
        self.points = [*self.down, *self.up]

    def forward(self, x: Tensor) -> Tensor:
        for layer, norm, act in zip([*self.down, *self.up], self.norms, self.acts, strict=True):
            x = act(norm(layer(x)))
        return self.last(x).flatten(1)


class UNet(Net):
    """Two levels with skips across, and a bottom."""

    def __init__(self, channels: int = 8, gain: float | None = 1.414, bias: float = 0.0) -> None:
        super().__init__()

        def double(inputs: int, outputs: int) -> nn.Sequential:
            return nn.Sequential(
                nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(inplace=True),
                nn.Conv2d(outputs, outputs, 3, padding=1), nn.ReLU(inplace=True),
            )  # fmt: skip

        self.enc1, self.enc2, self.bottom = (
            double(1, channels),
            double(channels, 2 * channels),
            double(2 * channels, 4 * channels),
        )
        self.pool = nn.MaxPool2d(2)
        self.up2, self.up1 = (
            nn.ConvTranspose2d(4 * channels, 2 * channels, 2, 2),
            nn.ConvTranspose2d(2 * channels, channels, 2, 2),
        )
        self.dec2, self.dec1 = double(4 * channels, 2 * channels), double(2 * channels, channels)
        if gain is not None:
            for part in (self.enc1, self.enc2, self.bottom, self.dec2, self.dec1):
                normal(part, gain, bias)
        self.last = nn.Conv2d(channels, 1, 1)
        self.points = [self.enc1, self.enc2, self.bottom, self.dec2, self.dec1]

    def forward(self, x: Tensor) -> Tensor:
        one = self.enc1(x)
        two = self.enc2(self.pool(one))
        x = self.up2(self.bottom(self.pool(two)))
        x = self.up1(self.dec2(cat([x, two], 1)))
        return self.last(self.dec1(cat([x, one], 1))).flatten(1)


class Generator(Net):
    """Noise to points of the plane."""

    def __init__(self, depth: int = 3, act: str = "relu", width: int = 48, gain: float | None = None) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        self.points = []
        for at in range(depth):
            lin = nn.Linear(width if at else 4, width)
            self.points.append(lin)
            layers += [lin, ACTIVATIONS[act]()]
        self.body = nn.Sequential(*layers)
        if gain is not None:
            normal(self.body, gain)
        self.to_plane = nn.Linear(width, 2)

    def forward(self, z: Tensor) -> Tensor:
        return self.to_plane(self.body(z))


class Discriminator(Net):
    """Points of the plane to a logit."""

    def __init__(self, depth: int = 3, act: str = "leaky", width: int = 48) -> None:
        super().__init__()
        self.body = nn.Sequential(*[
            each for at in range(depth) for each in (nn.Linear(width if at else 2, width), ACTIVATIONS[act]())
        ])  # fmt: skip
        self.logit = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.logit(self.body(x))


class Gan(Net):
    """Both, watched as one."""

    def __init__(self, generator: Generator, discriminator: Discriminator) -> None:
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.points = generator.points
