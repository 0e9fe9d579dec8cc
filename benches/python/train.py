"""Trains a reference net in PyTorch and prints its speed, one JSON line for the warm-up and each repetition."""

import sys

import torch
from torch.nn import functional

from nets import NETS, noise
from repetitions import flags as common_flags, repeat


def main():
    parser = common_flags(__doc__, NETS)
    parser.add_argument("--mode", choices=["eager", "channels_last", "compile"], default="eager")
    parser.add_argument("--data", help="folder with train.hdf5; noise if not set")
    flags = parser.parse_args()
    torch.set_num_threads(flags.threads)
    torch.manual_seed(0)

    net = NETS[flags.net][0]().train()
    images, labels = read(flags.data) if flags.data else noise(flags.net, flags.batch)
    if flags.mode != "eager":
        net = net.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)

    def loss_of(x, y):
        return functional.cross_entropy(net(x), y)

    if flags.mode == "compile":
        loss_of = torch.compile(loss_of)
    # As in Crema, whose L2 regularizer is c W^2 with the gradient 2 c W: biases have none, and learn twice as fast.
    weights = {"params": [p for p in net.parameters() if p.dim() > 1], "weight_decay": 0.001}
    biases = {"params": [p for p in net.parameters() if p.dim() == 1]}
    base = 0.01 if flags.data else 0.001
    optimizer = torch.optim.SGD([weights, biases], lr=base, momentum=0.9, fused=True)
    batches = shuffled(images, labels, flags.batch) if flags.data else same(images, labels)

    def iteration(number):
        rate = base * (1 + 0.0001 * number) ** -0.75
        optimizer.param_groups[0]["lr"], optimizer.param_groups[1]["lr"] = rate, 2 * rate
        x, y = next(batches)
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(x, y)
        loss.backward()
        optimizer.step()
        if number % 100 == 0:
            print(f"{number:06} :: TRAIN obj-val = {loss.item():.8f} | lr {rate:.6f}", file=sys.stderr)

    iteration(0)  # compiles
    repeat(flags, iteration)


def read(folder):
    import h5py

    with h5py.File(f"{folder}/train.hdf5") as file:
        return torch.from_numpy(file["data"][:]), torch.from_numpy(file["label"][:, 0]).long()


def shuffled(images, labels, size):
    """Batches in an order of its own for each epoch, from memory."""
    while True:
        order = torch.randperm(len(images))
        for start in range(0, len(order) - size + 1, size):
            rows = order[start : start + size]
            yield images[rows], labels[rows]


def same(images, labels):
    while True:
        yield images, labels


if __name__ == "__main__":
    main()
