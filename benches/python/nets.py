"""The reference nets of benches/src/nets.rs as a PyTorch user writes them."""

import torch
from torch import nn
from torch.nn import functional


class WithinChannelLrn(nn.Module):
    """Caffe's local response normalization within channels (PyTorch's own goes across them)."""

    def forward(self, x):
        return x * (1 + 5e-5 * functional.avg_pool2d(x * x, 3, stride=1, padding=1)).pow(-0.75)


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10),
    )  # fmt: skip


def mlp():
    return nn.Sequential(
        nn.Flatten(), nn.Dropout(0.2), nn.Linear(784, 1200), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(1200, 1200), nn.ReLU(), nn.Dropout(0.5), nn.Linear(1200, 10),
    )  # fmt: skip


def cifar10_full():
    return nn.Sequential(
        nn.Conv2d(3, 32, 5, padding=2), nn.MaxPool2d(3, 2, ceil_mode=True), nn.ReLU(), WithinChannelLrn(),
        nn.Conv2d(32, 32, 5, padding=2), nn.ReLU(), nn.AvgPool2d(3, 2, ceil_mode=True), WithinChannelLrn(),
        nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), nn.AvgPool2d(3, 2, ceil_mode=True),
        nn.Flatten(), nn.Linear(1024, 10),
    )  # fmt: skip


def conv3x3(channels):
    convolutions = [layer for _ in range(3) for layer in (nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU())]
    return nn.Sequential(*convolutions, nn.AvgPool2d(2048 // channels), nn.Flatten(), nn.Linear(channels, 10))


# Name: (how it is made, channels, height, width)
NETS = {
    "lenet": (lenet, 1, 28, 28),
    "mlp": (mlp, 1, 28, 28),
    "cifar10-full": (cifar10_full, 3, 32, 32),
    "conv3x3-64": (lambda: conv3x3(64), 64, 32, 32),
    "conv3x3-128": (lambda: conv3x3(128), 128, 16, 16),
    "conv3x3-256": (lambda: conv3x3(256), 256, 8, 8),
}


def noise(name, count):
    """Images between 0 and 1, and labels."""
    generator = torch.Generator().manual_seed(1)
    return torch.rand(count, *NETS[name][1:], generator=generator), torch.arange(count) % 10
