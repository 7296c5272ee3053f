"""Networks as people write them: `nn.Module`s of their own, of every usual kind, with faults that can be built in.

Each says along which of its modules depth goes (`points`, by hand: nothing of gradlab looks for them), and a recurrent one can be cut in
the middle of its sequence (`cut`), so that a label can be tested without gradlab.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "gelu": nn.GELU, "leaky": lambda: nn.LeakyReLU(0.1), "silu": nn.SiLU,
}  # fmt: skip


class Net(nn.Module):
    """What all of them have.

    Attributes:
        points: Modules along which depth goes, the input's side first.
        cut: Whether nothing of the loss reaches the first half of a sequence.
    """

    points: Sequence[nn.Module] = ()
    cut: bool = False


def normal(module: nn.Module, gain: float, bias: float = 0.0) -> nn.Module:
    """Weights N(0, gain² / fan_in) and one bias in every linear and convolutional layer."""
    for each in module.modules():
        if isinstance(each, nn.Linear | nn.Conv2d):
            fan_in = each.weight[0].numel()
            nn.init.normal_(each.weight, std=gain / math.sqrt(fan_in))
            if each.bias is not None:
                nn.init.constant_(each.bias, bias)
    return module


class Perceptron(Net):
    """Linear layers with activations between, as modules or as functions that are called."""

    def __init__(
        self,
        depth: int,
        act: str = "relu",
        gain: float | None = 1.414,
        width: int = 48,
        norm: str = "",
        functional_act: bool = False,
        bias: float = 0.0,
        sizes: tuple[int, int] = (64, 10),
    ) -> None:
        super().__init__()
        inputs, outputs = sizes
        self.lins = nn.ModuleList([nn.Linear(inputs if not at else width, width) for at in range(depth)])
        self.norms = nn.ModuleList(
            [nn.BatchNorm1d(width) if norm == "batch" else nn.LayerNorm(width) for _ in range(depth if norm else 0)]
        )
        self.acts = nn.ModuleList([ACTIVATIONS[act]() for _ in range(0 if functional_act else depth)])
        self.function = getattr(torch, act) if functional_act else None
        if gain is not None:
            normal(self.lins, gain, bias)
        self.head = nn.Linear(width, outputs)
        self.points = list(self.lins)

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        for at, lin in enumerate(self.lins):
            x = lin(x)
            if len(self.norms):
                x = self.norms[at](x)
            x = self.acts[at](x) if len(self.acts) else self.function(x)
        return self.head(x)


class Plain(Net):
    """Convolutions of one width, then a readout."""

    def __init__(
        self, depth: int, act: str = "relu", gain: float | None = 1.414, channels: int = 12, norm: bool = False, bias: float = 0.0,
        circular: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        mode = "circular" if circular else "zeros"
        layers: list[nn.Module] = []
        self.points = []
        for at in range(depth):
            conv = nn.Conv2d(channels if at else 1, channels, 3, padding=1, padding_mode=mode)
            self.points.append(conv)
            layers += [conv, *([nn.BatchNorm2d(channels)] if norm else []), ACTIVATIONS[act]()]
        self.features = nn.Sequential(*layers)
        if gain is not None:
            normal(self.features, gain, bias)
        self.classifier = nn.Linear(channels * 64, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).flatten(1))


class Vgg(Net):
    """Stages of convolutions with pooling between, the widths doubling; as torch begins them unless a gain is given."""

    def __init__(
        self, per_stage: int = 2, gain: float | None = None, norm: bool = False, channels: int = 8, bias: float = 0.0
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        self.points, before = [], 1
        for stage in range(3):
            for _ in range(per_stage):
                conv = nn.Conv2d(before, channels << stage, 3, padding=1)
                before = channels << stage
                self.points.append(conv)
                layers += [conv, *([nn.BatchNorm2d(before)] if norm else []), nn.ReLU(inplace=True)]
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(before, 32), nn.ReLU(inplace=True), nn.Linear(32, 10))
        if gain is not None:
            normal(self.features, gain, bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x))


class BasicBlock(nn.Module):
    """Two convolutions and a skip, added in place."""

    def __init__(self, inputs: int, channels: int, norm: bool, skip: bool, last_gain: float) -> None:
        super().__init__()
        stride = 1 if inputs == channels else 2
        self.conv1 = nn.Conv2d(inputs, channels, 3, stride, 1, bias=not norm)
        self.bn1 = nn.BatchNorm2d(channels) if norm else nn.Identity()
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=not norm)
        self.bn2 = nn.BatchNorm2d(channels) if norm else nn.Identity()
        self.down = nn.Identity() if stride == 1 else nn.Conv2d(inputs, channels, 1, stride)
        self.skip = skip
        normal(self, 1.414)
        normal(self.conv2, last_gain)

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        if self.skip:
            out += self.down(x)
        return self.relu(out)


class ResNet(Net):
    """Stages of basic blocks."""

    def __init__(
        self, stages: Sequence[int] = (3, 3, 3), channels: int = 8, norm: bool = True, skip: bool = True, last_gain: float = 1.414,
    ) -> None:  # fmt: skip
        super().__init__()
        self.stem = nn.Conv2d(1, channels, 3, padding=1)
        before = channels
        self.points = []
        for at, count in enumerate(stages):
            stage = []
            for _ in range(count):
                stage.append(BasicBlock(before, channels << at, norm, skip, last_gain))
                before = channels << at
            self.points += stage
            setattr(self, f"layer{at + 1}", nn.Sequential(*stage))
        self.num_stages = len(stages)
        self.fc = nn.Linear(before, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu_(self.stem(x))
        for at in range(self.num_stages):
            x = getattr(self, f"layer{at + 1}")(x)
        return self.fc(x.mean((2, 3)))


class Recurrent(Net):
    """A recurrent layer of torch's, or its cell called in a loop, and a readout of the last state."""

    def __init__(
        self, kind: str = "LSTM", inputs: int = 1, outputs: int = 2, width: int = 48, layers: int = 1, cells: bool = False,
        relu: bool = False, bidirectional: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        more = {"nonlinearity": "relu" if relu else "tanh"} if kind == "RNN" else {}
        self.is_cell = cells
        if cells:
            self.cell = getattr(nn, f"{kind}Cell")(inputs, width, **more)
        else:
            self.rnn = getattr(nn, kind)(inputs, width, layers, batch_first=True, bidirectional=bidirectional, **more)
        self.out = nn.Linear(width * (1 + bidirectional), outputs)

    def forward(self, x: Tensor) -> Tensor:
        half = x.shape[1] // 2
        if not self.is_cell:
            if not self.cut:
                return self.out(self.rnn(x)[0][:, -1])
            _, state = self.rnn(x[:, :half])
            state = tuple(each.detach() for each in state) if isinstance(state, tuple) else state.detach()
            return self.out(self.rnn(x[:, half:], state)[0][:, -1])
        state = None
        for at in range(x.shape[1]):
            if self.cut and at == half:
                state = tuple(each.detach() for each in state) if isinstance(state, tuple) else state.detach()
            state = self.cell(x[:, at], state)
        return self.out(state[0] if isinstance(state, tuple) else state)

    def begun(
        self, recurrent: str | float = "", forget: float | None = None, update: float | None = None, inputs: float = 1.0
    ) -> "Recurrent":
        """With another start: recurrent weights orthogonal or N(0, g²/n), a bias of the forget gate, or of the update gate."""
        own = self.cell if self.is_cell else self.rnn
        for name, value in own.named_parameters():
            n = self.out.in_features
            if recurrent and name.startswith("weight_hh"):
                nn.init.orthogonal_(value) if recurrent == "orthogonal" else nn.init.normal_(
                    value, std=float(recurrent) / math.sqrt(n)
                )
            if recurrent and name.startswith("bias"):
                nn.init.zeros_(value)
            if recurrent and name.startswith("weight_ih"):
                nn.init.normal_(value, std=inputs / math.sqrt(value.shape[1]))
            if (forget is not None or update is not None) and name.startswith("bias"):
                nn.init.zeros_(value)
            if forget is not None and name.startswith("bias_ih"):
                value.data[n : 2 * n] = forget
            if update is not None and name.startswith("bias_ih"):
                value.data[n : 2 * n] = update
        return self


class HandMadeCell(Net):
    """A recurrence written by hand, its activation a module."""

    def __init__(
        self, act: str, gain: float, inputs: int, outputs: int, width: int = 48, bias: float = 0.0, scale: float = 1.0
    ) -> None:
        super().__init__()
        self.x2h, self.h2h = nn.Linear(inputs, width), nn.Linear(width, width)
        self.act, self.out, self.scale = ACTIVATIONS[act](), nn.Linear(width, outputs), scale
        normal(self.h2h, gain, bias)
        normal(self.x2h, 1.0)

    def forward(self, x: Tensor) -> Tensor:
        h = x.new_zeros(len(x), self.h2h.in_features)
        for at in range(x.shape[1]):
            if self.cut and at == x.shape[1] // 2:
                h = h.detach()
            h = self.act(self.x2h(self.scale * x[:, at]) + self.h2h(h))
        return self.out(h)


class Attention(nn.Module):
    """Self-attention by torch's own function."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.qkv, self.proj = heads, nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor, causal: bool) -> Tensor:
        b, t, d = x.shape
        q, k, v = (each.view(b, t, self.heads, -1).transpose(1, 2) for each in self.qkv(x).chunk(3, -1))
        return self.proj(
            functional.scaled_dot_product_attention(q, k, v, is_causal=causal).transpose(1, 2).reshape(b, t, d)
        )


class Block(nn.Module):
    """A transformer block: normalised before (`pre`), after the sum (`post`), or not at all (``), with factors on stream and branches."""

    def __init__(self, width: int, norm: str, causal: bool, alpha: float, act: str) -> None:
        super().__init__()
        self.attn = Attention(width, 4)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), ACTIVATIONS[act](), nn.Linear(4 * width, width))
        self.ln1, self.ln2 = (nn.LayerNorm(width) if norm else nn.Identity() for _ in range(2))
        self.norm, self.causal, self.alpha = norm, causal, alpha

    def forward(self, x: Tensor) -> Tensor:
        if self.norm == "post":
            x = self.ln1(self.alpha * x + self.attn(x, self.causal))
            return self.ln2(self.alpha * x + self.mlp(x))
        x = self.alpha * x + self.attn(self.ln1(x), self.causal)
        return self.alpha * x + self.mlp(self.ln2(x))


class Transformer(Net):
    """An encoder of rows that answers from their mean, or, with a vocabulary, a language model with a tied head."""

    def __init__(
        self, depth: int, norm: str = "pre", width: int = 32, gain: float | None = None, alpha: float = 1.0, act: str = "relu",
        vocabulary: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.embed = nn.Embedding(vocabulary, width) if vocabulary else nn.Linear(8, width)
        self.position = nn.Parameter(0.1 * torch.randn(32, width))
        self.blocks = nn.ModuleList([Block(width, norm, bool(vocabulary), alpha, act) for _ in range(depth)])
        if gain is not None:
            normal(self.blocks, gain)
        self.norm = nn.LayerNorm(width) if norm == "pre" else nn.Identity()
        self.head = nn.Linear(width, vocabulary or 10, bias=not vocabulary)
        if vocabulary:
            nn.init.normal_(self.embed.weight, std=0.3)
            self.head.weight = self.embed.weight
        self.points = list(self.blocks)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x)
        x = x + self.position[: x.shape[1]]
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        return self.head(x) if isinstance(self.embed, nn.Embedding) else self.head(x.mean(1))


class TorchEncoder(Net):
    """torch's own encoder layers, with its multi-head attention."""

    def __init__(self, depth: int, norm_first: bool, width: int = 32) -> None:
        super().__init__()
        self.proj = nn.Linear(8, width)
        layer = nn.TransformerEncoderLayer(width, 4, 64, 0.0, batch_first=True, norm_first=norm_first)
        self.encoder = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        for each in self.encoder.parameters():
            if each.ndim > 1:
                nn.init.xavier_uniform_(each)
        self.head = nn.Linear(width, 10)
        self.points = list(self.encoder.layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encoder(self.proj(x)).mean(1))


class Mixer(Net):
    """An MLP-Mixer over the rows of an image."""

    def __init__(self, depth: int, width: int = 24, skip: bool = True, gain: float | None = None) -> None:
        super().__init__()
        self.proj, self.skip = nn.Linear(8, width), skip
        self.tokens = nn.ModuleList(
            [nn.Sequential(nn.LayerNorm(8), nn.Linear(8, 32), nn.GELU(), nn.Linear(32, 8)) for _ in range(depth)]
        )
        self.channels = nn.ModuleList(
            [
                nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 64), nn.GELU(), nn.Linear(64, width))
                for _ in range(depth)
            ]
        )
        if gain is not None:
            normal(self.tokens, gain)
            normal(self.channels, gain)
        self.head = nn.Linear(width, 10)
        self.points = list(self.channels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.proj(x)
        for tokens, channels in zip(self.tokens, self.channels, strict=True):
            x = self.skip * x + tokens(x.transpose(1, 2)).transpose(1, 2)
            x = self.skip * x + channels(x)
        return self.head(x.mean(1))
