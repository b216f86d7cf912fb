"""Writes losses and their gradients as open_clip computes them.

    python make.py

Needs torch and open_clip_torch 3.3.
"""

from pathlib import Path

import torch

# open_clip imports torchvision, of which nothing here is used; a build that does not fit torch must not stop it.
torch.library.register_fake = lambda *a, **k: (lambda f: f)

from open_clip.loss import SigLipLoss
from safetensors.torch import save_file

HERE = Path(__file__).parent
generator = torch.Generator().manual_seed(3)


def unit(rows):
    drawn = torch.randn(rows, 5, generator=generator)
    return torch.nn.functional.normalize(drawn, dim=-1).requires_grad_()


images, texts = unit(6), unit(6)
scale, bias = torch.tensor(2.0, requires_grad=True), torch.tensor(-4.0, requires_grad=True)
loss = SigLipLoss()(images, texts, scale.exp(), bias)
loss.backward()
values = {"images": images, "texts": texts, "logit_scale": scale, "logit_bias": bias}
tensors = {name: value.detach() for name, value in values.items()}
tensors |= {f"gradient of {name}": value.grad for name, value in values.items()}
save_file(tensors | {"loss": loss.detach()}, HERE / "sigmoid.safetensors")
