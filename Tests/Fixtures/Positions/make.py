"""Writes positions before and after open_clip and timm resize them, and what a tiny open_clip model gives with them.

    python make.py

Needs torch, timm, open_clip_torch 3.3, safetensors; reads ../Published/open-clip-vit.
"""

import json
import tempfile
from pathlib import Path
from types import SimpleNamespace

import torch

# open_clip imports torchvision, of which nothing here is used; a build that does not fit torch must not stop it.
torch.library.register_fake = lambda *a, **k: (lambda f: f)

import open_clip
from open_clip.model import resize_pos_embed, resize_text_pos_embed
from safetensors.torch import save_file
from timm.layers import resample_abs_pos_embed

HERE = Path(__file__).parent
MODEL = HERE.parent / "Published" / "open-clip-vit"
generator = torch.Generator().manual_seed(5)
tensors = {}

# With a class token, as resize_pos_embed does it; up, down, and by no whole number
for side in [2, 7]:
    tensors[f"class-{side}"] = torch.randn(1 + side * side, 6, generator=generator)
    for target in [1, 3, 5, 9]:
        state = {"visual.positional_embedding": tensors[f"class-{side}"]}
        resize_pos_embed(state, SimpleNamespace(visual=SimpleNamespace(grid_size=(target, target))))
        tensors[f"class-{side}-to-{target}"] = state["visual.positional_embedding"]

# Without one, as timm does it for SigLIP
tensors["plain-4"] = torch.randn(1, 16, 6, generator=generator)
for target in [2, 3, 6]:
    tensors[f"plain-4-to-{target}"] = resample_abs_pos_embed(
        tensors["plain-4"], [target, target], num_prefix_tokens=0)

# Of a text tower
tensors["text-8"] = torch.randn(8, 6, generator=generator)
for target in [3, 7, 13]:
    state = {"positional_embedding": tensors["text-8"]}
    resize_text_pos_embed(state, SimpleNamespace(positional_embedding=torch.zeros(target, 6)))
    tensors[f"text-8-to-{target}"] = state["positional_embedding"]
save_file({name: value.contiguous() for name, value in tensors.items()}, HERE / "positions.safetensors")

with tempfile.TemporaryDirectory() as folder:
    config = json.loads((MODEL / "open_clip_config.json").read_text())["model_cfg"]
    (Path(folder) / "fixture.json").write_text(json.dumps(config))
    open_clip.add_model_config(folder)
    vectors = {}
    for size in [8, 24, 40]:
        model = open_clip.create_model(
            "fixture", pretrained=str(MODEL / "open_clip_model.safetensors"), force_image_size=size).eval()
        vectors[f"pixels-{size}"] = torch.randn(1, 3, size, size, generator=generator)
        with torch.no_grad():
            vectors[f"images-{size}"] = model.encode_image(vectors[f"pixels-{size}"]).contiguous()
save_file(vectors, HERE / "vectors.safetensors")
for file in HERE.glob("*.safetensors"):
    file.chmod(0o644)
