#!/usr/bin/env python3
"""Numbers of PyTorch, in double precision, for each family of ops: inputs, outputs and gradients.

Writes ops.json beside this script; Tests/ModelGraphTests/PyTorchTests.swift compares them with the reference backend.
The gradient of each input is that of sum(output * weights), with the weights given.

    python3 make.py        # needs torch; made with the version that the file names
"""

import json
import math
import pathlib

import torch
import torch.nn.functional as F

torch.manual_seed(20210226)
torch.set_default_dtype(torch.float64)


def tensor(value):
    return {"shape": list(value.shape), "values": [round(v, 12) for v in value.detach().flatten().tolist()]}


def draw(*shape, low=-2.0, high=2.0):
    # Rounded here, so that PyTorch computes with exactly what the file holds.
    value = low + (high - low) * torch.rand(*shape)
    return (torch.round(value * 1e6) / 1e6).requires_grad_()


def exact(value):
    return {"shape": list(value.shape), "values": [float(v) for v in value.detach().flatten().tolist()]}


cases = {}


def case(name, inputs, output, indices=None):
    weights = torch.round((torch.rand_like(output) * 2 - 1) * 1e6) / 1e6
    gradients = torch.autograd.grad((output * weights).sum(), inputs)
    cases[name] = {
        "inputs": [tensor(v) for v in inputs],
        "indices": None if indices is None else tensor(indices.double()),
        "weights": tensor(weights),
        "output": exact(output),
        "gradients": [exact(g) for g in gradients],
    }


x, w = draw(2, 3, 6, 5), draw(4, 3, 3, 3)
case("conv2d stride 2 padding 1", [x, w], F.conv2d(x, w, stride=2, padding=1))
x, w = draw(1, 2, 6, 4), draw(3, 2, 2, 2)
case("conv2d patches", [x, w], F.conv2d(x, w, stride=2))
x = draw(2, 2, 5, 4)
case("avg_pool2d 2", [x], F.avg_pool2d(x, 2))
case("avg_pool2d 3 stride 1", [x], F.avg_pool2d(x, 3, stride=1))
x, scale, bias = draw(3, 2, 3, 2), draw(2), draw(2)
case("batch_norm training", [x, scale, bias], F.batch_norm(x, None, None, scale, bias, training=True))
mean, variance = draw(2), draw(2, low=0.5)
mean, variance = mean.detach(), variance.detach()
case("batch_norm running", [x, scale, bias], F.batch_norm(x, mean, variance, scale, bias, training=False))
cases["batch_norm running"]["extra"] = [tensor(mean), tensor(variance)]
x, scale, bias = draw(2, 3, 7), draw(7), draw(7)
case("layer_norm", [x, scale, bias], F.layer_norm(x, (7,), scale, bias, 1e-5))
x = draw(3, 5, low=-4, high=4)
case("gelu erf", [x], F.gelu(x))
case("gelu tanh", [x], F.gelu(x, approximate="tanh"))
case("gelu quick", [x], x * torch.sigmoid(1.702 * x))
case("softmax", [x], F.softmax(x, -1))
q, k, v = draw(2, 4, 3), draw(2, 4, 3), draw(2, 4, 5)
case("attention causal", [q, k, v], F.scaled_dot_product_attention(q, k, v, is_causal=True))
k, v = draw(2, 6, 3), draw(2, 6, 5)
case("attention", [q, k, v], F.scaled_dot_product_attention(q, k, v))
x, labels = draw(4, 5), torch.tensor([4, 0, 2, 2])
case("cross_entropy", [x], F.cross_entropy(x, labels, reduction="none"), labels)
x = draw(3, 4)
case("normalize", [x], F.normalize(x, dim=-1))
table, ids = draw(5, 3), torch.tensor([[1, 4, 1], [0, 1, 1]])
case("embedding", [table], F.embedding(ids, table), ids)
x = torch.tensor([[1.0, 3.0, 3.0, 2.0], [0.5, 0.5, 0.5, 0.5]], requires_grad=True)
case("amax with ties", [x], torch.amax(x, dim=1))

# Three steps of AdamW with the global gradient norm clipped, over a linear layer and cross-entropy.
x, labels = draw(4, 5).detach(), torch.tensor([2, 0, 1, 1])
weight, bias = draw(3, 5), draw(3)
record = {"x": tensor(x), "labels": tensor(labels.double()), "weight": tensor(weight), "bias": tensor(bias), "steps": []}
optimizer = torch.optim.AdamW(
    [{"params": [weight], "weight_decay": 0.2}, {"params": [bias], "weight_decay": 0.0}],
    lr=1e-2, betas=(0.9, 0.98), eps=1e-6)
for _ in range(3):
    optimizer.zero_grad()
    loss = F.cross_entropy(F.linear(x, weight, bias), labels)
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_([weight, bias], 0.5)
    optimizer.step()
    record["steps"].append(
        {"loss": loss.item(), "norm": norm.item(), "weight": exact(weight), "bias": exact(bias)})

path = pathlib.Path(__file__).parent / "ops.json"
path.write_text(json.dumps({"torch": torch.__version__, "cases": cases, "adamw": record}, separators=(",", ":")) + "\n")
assert all(math.isfinite(v) for c in cases.values() for v in c["output"]["values"])
