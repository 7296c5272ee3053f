"""The plain networks against torch.nn's own modules and against the formulas, written out."""

import itertools

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from gradlab.config import catalogue
from gradlab.theory import activations
from tests.oracles.networks import PHI, Layout, Linear, Network, Norm

B, D, N, K = 9, 7, 6, 4
IMAGE = (2, 5, 4)


def inputs(seed: int = 0, features: int = D) -> Tensor:
    return torch.randn(B, features, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def parts(kind: str, width: int, dims: int) -> tuple[Norm, nn.Module]:
    """Ours and torch's, with the same gains and biases."""
    ours = Norm(kind, width, 1e-3, affine=True)
    theirs: nn.Module
    if kind == "batch":
        theirs = (nn.BatchNorm1d if dims == 2 else nn.BatchNorm2d)(width, eps=1e-3)
    elif kind == "layer":
        theirs = nn.LayerNorm(width, eps=1e-3) if dims == 2 else nn.GroupNorm(1, width, eps=1e-3)
    else:
        theirs = nn.RMSNorm(width, eps=1e-3)
    theirs = theirs.double()
    with torch.no_grad():
        ours.gain.copy_(torch.linspace(0.5, 2.0, width))
        theirs.weight.copy_(ours.gain)
        if kind != "rms":
            ours.bias.copy_(torch.linspace(-1.0, 1.0, width))
            theirs.bias.copy_(ours.bias)
    return ours, theirs


@pytest.mark.parametrize(("kind", "dims"), [("batch", 2), ("batch", 4), ("layer", 2), ("layer", 4), ("rms", 2)])
def test_norms_are_torchs(kind: str, dims: int) -> None:
    """Values, gradients, running statistics over three batches, and what evaluation makes of them: 1e-13."""
    ours, theirs = parts(kind, N, dims)
    for seed in range(3):
        x = torch.randn(B, N, *(3, 5)[: dims - 2], generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        own, other = x.clone().requires_grad_(), x.clone().requires_grad_()
        weight = torch.cos(torch.arange(x.numel(), dtype=torch.float64)).view_as(x)
        left, right = ours(own), theirs(other)
        torch.testing.assert_close(left, right, rtol=1e-13, atol=1e-13)
        (left * weight).sum().backward()
        (right * weight).sum().backward()
        torch.testing.assert_close(own.grad, other.grad, rtol=1e-12, atol=1e-13)
        torch.testing.assert_close(ours.gain.grad, theirs.weight.grad, rtol=1e-12, atol=1e-13)
    ours.eval()
    theirs.eval()
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-13, atol=1e-13)
    if kind == "batch":
        torch.testing.assert_close(ours.running_mean, theirs.running_mean, rtol=1e-13, atol=1e-15)
        torch.testing.assert_close(ours.running_var, theirs.running_var, rtol=1e-13, atol=1e-15)


def test_rms_norm_of_an_image_takes_channels_and_positions_together() -> None:
    ours, x = Norm("rms", 2, 1e-3, affine=False), torch.randn(3, 2, 4, 5, dtype=torch.float64)
    flat = functional.rms_norm(x.flatten(1), (40,), eps=1e-3)
    torch.testing.assert_close(ours(x).flatten(1), flat, rtol=1e-13, atol=1e-13)


def test_before_the_first_update_evaluation_uses_the_examples_own_statistics() -> None:
    norm, x = Norm("batch", N, 1e-5, affine=True), inputs(features=N)
    norm.eval()
    first = norm(x)
    assert norm.running_mean.eq(0).all()
    norm.train()
    assert torch.equal(norm(x), first)
    norm.eval()
    assert not torch.allclose(norm(x), first)


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("padding", ["circular", "zeros"])
def test_convolutions_are_torchs(padding: str, kernel: int) -> None:
    ours = Linear(kernel**2 * 2, 3)
    theirs = nn.Conv2d(2, 3, kernel, padding=kernel // 2, padding_mode=padding, dtype=torch.float64)
    x_B2HW = torch.randn(4, 2, 6, 7, dtype=torch.float64)
    with torch.no_grad():
        ours.bias.copy_(theirs.bias)
        # Row by row: kernel row, kernel column, channel.
        places = itertools.product(range(kernel), range(kernel), range(2))
        for index, (row, column, channel) in enumerate(places):
            ours.weight[index] = theirs.weight[:, channel, row, column]
    torch.testing.assert_close(ours.convolve(x_B2HW, kernel, padding), theirs(x_B2HW), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("activation", list(catalogue.ACTIVATIONS))
def test_activations_are_theorys(activation: str) -> None:
    parameters = {name: each.default for name, each in catalogue.ACTIVATIONS[activation].parameters.items()}
    network = Network(Layout(1, N, activation, **parameters), D, K)
    x = torch.linspace(-30.0, 30.0, 601, dtype=torch.float64) + 1e-3
    phi = network._phi(x, network.slopes[0], 0)
    expected = torch.from_numpy(activations.activation(activation, **parameters).phi(x.numpy()))
    torch.testing.assert_close(phi, expected, rtol=1e-12, atol=1e-15)
    assert (activation in PHI) == (not parameters)


def forms() -> list[Layout]:
    """Every residual form with every norm and position, dense and conv; with prelu, so that each application's slope is told apart."""
    found = []
    for image, norm, after, residual, layers in itertools.product(
        (None, IMAGE), (None, "batch", "layer", "rms"), (False, True), (None, "pre", "post"), (1, 2)
    ):
        if (after and (norm is None or residual == "post")) or (layers == 2 and residual is None):
            continue
        found.append(
            Layout(
                3, N, "prelu", slope=0.25, norm=norm, norm_after=after, residual=residual, layers=layers, scale=0.7,
                learned=residual is not None, image=image, padding="zeros", pool="flatten",
            )
        )  # fmt: skip
    return found


def written_out(network: Network, x: Tensor) -> Tensor:
    """The logits from torch's own functions and the formulas of the module's docstring, one expression a form."""
    own = network.layout

    def product(row: int, index: int, h: Tensor) -> Tensor:
        linear = network.linears[row][index]
        if own.image is None:
            return functional.linear(h, linear.weight.T, linear.bias)
        kernel = linear.weight.T.reshape(own.width, own.kernel, own.kernel, h.shape[1]).permute(0, 3, 1, 2)
        return functional.conv2d(h, kernel, linear.bias, padding=own.kernel // 2)

    def norm(row: int, index: int, h: Tensor) -> Tensor:
        if own.norm is None:
            return h
        part = network.readout_norm if row == own.depth else network.norms[row][index]
        gain, bias = part.gain, part.bias
        if own.norm == "batch":
            return functional.batch_norm(h, None, None, gain, bias, training=True, eps=own.eps)
        if own.norm == "layer":
            return functional.group_norm(h, 1, gain, bias, own.eps)
        shape = (-1, *[1] * (h.ndim - 2))
        flat = functional.rms_norm(h.flatten(1), (h[0].numel(),), eps=own.eps)
        return flat.view_as(h) * gain.view(shape) + bias.view(shape)

    def phi(row: int, index: int, h: Tensor) -> Tensor:
        slopes = network.readout_slopes if row == own.depth else network.slopes[row]
        return torch.where(h > 0, h, slopes[index] * h)

    def act(row: int, index: int, h: Tensor) -> Tensor:
        return norm(row, index, phi(row, index, h)) if own.norm_after else phi(row, index, norm(row, index, h))

    h = x if own.image is None else x.view(-1, *own.image)
    if own.residual is None:
        for row in range(own.depth):
            h = act(row, 0, product(row, 0, h))
    elif own.residual == "pre":
        h = product(0, 0, h)
        for row in range(1, own.depth):
            a = network.scales[row]
            if own.layers == 1:
                h = h + a * product(row, 0, act(row, 0, h))
            else:
                h = h + a * product(row, 1, act(row, 1, product(row, 0, act(row, 0, h))))
        h = act(own.depth, 0, h)
    else:
        h = phi(0, 0, product(0, 0, h))
        for row in range(1, own.depth):
            a = network.scales[row]
            if own.layers == 1:
                h = phi(row, 0, h + a * norm(row, 0, product(row, 0, h)))
            else:
                h = phi(row, 1, h + a * norm(row, 1, product(row, 1, phi(row, 0, norm(row, 0, product(row, 0, h))))))
    return network.readout(h.flatten(1))


@pytest.mark.parametrize("own", forms(), ids=lambda own: f"{own.norm}-{own.norm_after}-{own.residual}-{own.layers}")
def test_every_form_is_its_formula(own: Layout) -> None:
    """Logits and every parameter's gradient, 1e-12; no parameter is without one, so none is unused."""
    torch.manual_seed(1)
    network = Network(own, D, K)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.randn_like(parameter))
    x = inputs(features=D if own.image is None else 40)
    logits = network(x)
    torch.testing.assert_close(logits, written_out(network, x), rtol=1e-12, atol=1e-12)
    trained = {name: each for name, each in network.named_parameters() if each.requires_grad}
    weight = torch.cos(torch.arange(logits.numel(), dtype=torch.float64)).view_as(logits)
    ours = torch.autograd.grad((logits * weight).sum(), list(trained.values()), retain_graph=True)
    theirs = torch.autograd.grad((written_out(network, x) * weight).sum(), list(trained.values()))
    for name, left, right in zip(trained, ours, theirs, strict=True):
        # A shift before a normalisation over the same entries is lost, and its gradient is rounding.
        torch.testing.assert_close(left, right, rtol=1e-10, atol=1e-12, msg=name)


def _loss_with(network: Network, x: Tensor, row: int, change: Tensor) -> float:
    """The loss where something is added to a row's state before anything reads it."""
    keep = network._keep
    network._keep = lambda state: keep(state + change if len(network.states) == row else state)
    loss = network(x).square().mean().item()
    network._keep = keep
    return loss


@pytest.mark.slow
@pytest.mark.parametrize("own", forms(), ids=lambda own: f"{own.norm}-{own.norm_after}-{own.residual}-{own.layers}")
def test_states_are_noted_with_the_gradient_of_all_their_paths(own: Layout) -> None:
    """By finite differences: a small change of a row's state, made after the fact, changes the loss by its gradient."""
    torch.manual_seed(2)
    network = Network(own, D, K)
    x = inputs(features=D if own.image is None else 40)
    network(x).square().mean().backward()
    assert len(network.states) == len(network.state_phi) == len(network.inner_phi) == own.depth
    gradients = [state.grad.clone() for state in network.states]
    for row, gradient in enumerate(gradients):
        push = torch.cos(torch.arange(gradient.numel(), dtype=torch.float64)).view_as(gradient)
        up, down = (_loss_with(network, x, row, size * push) for size in (1e-6, -1e-6))
        assert (up - down) / 2e-6 == pytest.approx((gradient * push).sum().item(), rel=1e-5, abs=1e-7)
    if own.residual is not None and own.layers == 2:
        assert network.inner_phi[0] is None
        assert all(each is not None for each in network.inner_phi[1:])


def test_a_branch_of_scale_0_is_the_identity_to_the_bit() -> None:
    """All states equal, all their gradients equal; of a branch nothing but the scale has a gradient."""
    network = Network(Layout(6, N, "relu", norm="batch", residual="pre", scale=0.0, learned=True), D, K)
    network(inputs()).square().mean().backward()
    for state in network.states[1:]:
        assert torch.equal(state, network.states[0])
        assert torch.equal(state.grad, network.states[0].grad)
    assert not any(each.grad.any() for row in network.linears[1:] for linear in row for each in linear.parameters())
    assert all(scale.grad.abs() > 0 for scale in network.scales[1:])
