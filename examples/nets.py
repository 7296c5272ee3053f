"""Modules of one's own for `gradlab run`: each function is named by a config's `model.build`, and its arguments by `model.args`.

    gradlab run configs/own_module.yaml --allow-code nets --import-path examples

This file is not part of gradlab; it only needs torch.
"""

from torch import Tensor, nn


class Block(nn.Module):
    """Two convolutions with batch normalisation, and a skip connection around them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.relu2 = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Inputs and outputs are [batch, channels, height, width]."""
        out = self.relu1(self.norm1(self.conv1(x)))
        out = self.norm2(self.conv2(out))
        out += x
        return self.relu2(out)


class ResNet(nn.Module):
    """A residual network for small images of one channel."""

    def __init__(self, blocks: int, channels: int, classes: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, channels, 3, padding=1)
        self.blocks = nn.Sequential(*(Block(channels) for _ in range(blocks)))
        self.head = nn.Linear(channels, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits [batch, classes] of images [batch, 1, height, width]."""
        return self.head(self.blocks(self.stem(images)).mean((2, 3)))


class RowByRow(nn.Module):
    """An LSTM that reads an image one row at a time."""

    def __init__(self, hidden: int, layers: int, columns: int, classes: int) -> None:
        super().__init__()
        self.rnn = nn.LSTM(columns, hidden, layers, batch_first=True)
        self.head = nn.Linear(hidden, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits [batch, classes] of images [batch, 1, height, width]."""
        outputs, _ = self.rnn(images.squeeze(1))
        return self.head(outputs[:, -1])


def resnet(blocks: int = 4, channels: int = 8, classes: int = 10) -> nn.Module:
    """A small residual network."""
    return ResNet(blocks, channels, classes)


def lstm(hidden: int = 32, layers: int = 1, columns: int = 8, classes: int = 10) -> nn.Module:
    """An LSTM that reads images row by row, followed by a linear readout."""
    return RowByRow(hidden, layers, columns, classes)


def plain(depth: int = 20, width: int = 32, activation: str = "Sigmoid", pixels: int = 64, classes: int = 10) -> nn.Module:
    """A plain stack of linear layers with an activation of torch.nn, by its name, on flattened images."""
    layers: list[nn.Module] = [nn.Flatten()]
    for layer in range(depth):
        layers += [nn.Linear(width if layer else pixels, width), getattr(nn, activation)()]
    return nn.Sequential(*layers, nn.Linear(width, classes))
