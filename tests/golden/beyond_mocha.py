"""Makes the reference cases of the layers that Mocha does not have: python beyond_mocha.py FOLDER (PyTorch 2, h5py)."""

import json
import sys

import h5py
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)


def size(pair):
    return {"width": pair[0], "height": pair[1]}


def save(name, layer, bottoms, params, forward, learnt=True, gradients=True):
    """forward(bottoms, params) gives the top; a bottom of integers has no gradient, nor has a parameter unless it is learnt."""
    generator.manual_seed(sum(map(ord, name)))
    bottoms = [b if torch.is_tensor(b) else torch.randn(b, generator=generator) for b in bottoms]
    params = [p if torch.is_tensor(p) else torch.randn(p, generator=generator) for p in params]
    leaves = [b for b in bottoms if b.is_floating_point()] + (params if learnt else [])
    if gradients:
        for leaf in leaves:
            leaf.requires_grad_()
    top = forward(bottoms, params)
    with h5py.File(f"{folder}/{name}.h5", "w") as file:
        file.attrs["case"] = json.dumps({"kind": "layer", "layer": layer, "atol": 1e-5, "rtol": 1e-4}, sort_keys=True)
        write = lambda key, value: file.create_dataset(key, data=value.detach().double().numpy())
        if gradients:
            dy = torch.randn(top.shape, generator=generator)
            top.backward(dy)
            write("top_diff/0", dy)
        for group, tensors in ("bottom", bottoms), ("param", params):
            for i, tensor in enumerate(tensors):
                write(f"{group}/{i}", tensor)
                if tensor.grad is not None:
                    write(f"{group}_diff/{i}", tensor.grad)
        write("top/0", top)


def per_channel(p, rank, axis=1):
    return p.reshape([-1 if i == axis else 1 for i in range(rank)])


folder = sys.argv[1]
generator = torch.Generator()

for neuron, function in ("ELU", F.elu), ("SiLU", F.silu), ("GELU", F.gelu):
    layer = {"type": "Neuron", "neuron": neuron}
    save(f"neuron-{neuron.lower()}", layer, [(3, 4, 5, 6)], [], lambda b, p: function(b[0]))

image = (19, 3, 4, 5)
save("scale-0", {"type": "Scale"}, [image], [(3,)], lambda b, p: b[0] * per_channel(p[0], 4))
save("scale-1", {"type": "Scale", "axis": 2, "bias_term": True}, [(2, 3, 5)], [(5,), (5,)],
     lambda b, p: b[0] * per_channel(p[0], 3, 2) + per_channel(p[1], 3, 2))
save("bias-0", {"type": "Bias"}, [image], [(3,)], lambda b, p: b[0] + per_channel(p[0], 4))
save("prelu-0", {"type": "PReLU"}, [image], [(3,)], lambda b, p: F.prelu(b[0], p[0]))
save("prelu-1", {"type": "PReLU", "channel_shared": True}, [(3, 7)], [(1,)], lambda b, p: F.prelu(b[0], p[0]))

# Mean, variance and weight: PyTorch keeps the first two divided by the third.
moments = lambda: [torch.tensor([1.0, -2.0, 0.5]), torch.tensor([3.0, 1.0, 2.0]), torch.tensor([2.0])]
save("batch-norm-0", {"type": "BatchNorm"}, [image], moments(), lambda b, p: F.batch_norm(b[0], None, None, training=True), False)
save("batch-norm-1", {"type": "BatchNorm", "epsilon": 0.01, "use_global_stats": True}, [image], moments(),
     lambda b, p: F.batch_norm(b[0], p[0] / 2, p[1] / 2, training=False, eps=0.01), False)
save("batch-norm-2", {"type": "BatchNorm", "epsilon": 0.1}, [(7, 3)], moments(),
     lambda b, p: F.batch_norm(b[0], None, None, training=True, eps=0.1), False)

save("pooling-global-max", {"type": "Pooling", "global": True, "pooling": "Max"}, [image], [], lambda b, p: F.adaptive_max_pool2d(b[0], 1))
save("pooling-global-mean", {"type": "Pooling", "global": True, "pooling": "Mean"}, [image], [], lambda b, p: F.adaptive_avg_pool2d(b[0], 1))
labels = torch.arange(50).reshape(50, 1) * 7 % 10
save("accuracy-top-3", {"type": "Accuracy", "top_k": 3}, [(50, 10), labels], [],
     lambda b, p: (b[0].topk(3, 1).indices == b[1]).any(1).double().mean(), gradients=False)

conv = {"type": "Convolution", "n_filter": 4, "kernel": size((3, 2))}
save("convolution-no-bias", {**conv, "bias_term": False}, [(18, 3, 6, 7)], [(4, 3, 2, 3)], lambda b, p: F.conv2d(b[0], p[0]))

dilated = {**conv, "n_group": 2, "dilation": size((2, 3)), "pad": size((2, 1)), "stride": size((2, 1))}
save("convolution-dilated", dilated, [(3, 4, 9, 8)], [(4, 2, 2, 3), (4,)],
     lambda b, p: F.conv2d(b[0], p[0], p[1], stride=(1, 2), padding=(1, 2), dilation=(3, 2), groups=2))
deconv = {"type": "Deconvolution", "n_filter": 4, "kernel": size((3, 2))}
save("deconvolution-0", deconv, [(18, 3, 4, 5)], [(3, 4, 2, 3), (4,)], lambda b, p: F.conv_transpose2d(b[0], p[0], p[1]))
strided = {**deconv, "n_group": 2, "dilation": size((1, 2)), "pad": size((1, 0)), "stride": size((2, 3)), "bias_term": False}
save("deconvolution-1", strided, [(2, 6, 3, 4)], [(6, 2, 2, 3)],
     lambda b, p: F.conv_transpose2d(b[0], p[0], stride=(3, 2), padding=(0, 1), dilation=(2, 1), groups=2))
for operation, function in {
    "Sum": lambda x: x.sum((1, 2, 3)), "Mean": lambda x: x.mean((1, 2, 3)),
    "AbsoluteSum": lambda x: x.abs().sum((1, 2, 3)), "SumOfSquares": lambda x: x.square().sum((1, 2, 3)),
}.items():
    layer = {"type": "Reduction", "operation": operation, "coefficient": 0.5}
    save(f"reduction-{operation.lower()}", layer, [image], [], lambda b, p: 0.5 * function(b[0]))
save("reduction-axis", {"type": "Reduction", "axis": 2}, [image], [], lambda b, p: b[0].sum((2, 3)))
words = torch.arange(36).reshape(18, 2) * 5 % 7
save("embed-0", {"type": "Embed", "input_dim": 7, "output_dim": 3}, [words], [(7, 3)], lambda b, p: F.embedding(b[0], p[0]))


def lstm(b, p):
    """PyTorch has candidate and output gate the other way round, and a second bias."""
    order = lambda w: torch.cat([w.chunk(4)[i] for i in (0, 1, 3, 2)])
    zeros = torch.zeros(1, b[0].shape[0], 3)
    weights = [order(p[0]), order(p[2]), order(p[1]), torch.zeros(12)]
    return torch.lstm(b[0], (zeros, zeros), weights, True, 1, 0.0, False, False, True)[0]


save("lstm-0", {"type": "LSTM", "output_dim": 3}, [(17, 5, 4)], [(12, 4), (12,), (12, 3)], lstm)
