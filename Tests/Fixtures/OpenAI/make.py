"""Writes tiny files of weights in the form of OpenAI's own, with the vectors that open_clip gives for them.

    python make.py

Needs torch, open_clip_torch 3.3, safetensors. Weights are drawn, not trained.
"""

import gzip
import json
import shutil
import zipfile
from pathlib import Path

import torch

# open_clip imports torchvision, of which nothing here is used; a build that does not fit torch must not stop it.
torch.library.register_fake = lambda *a, **k: (lambda f: f)

import open_clip
from open_clip.model import build_model_from_openai_state_dict
from open_clip.tokenizer import SimpleTokenizer
from safetensors.torch import save_file

HERE = Path(__file__).parent
TEXTS = ["a photo of a cat", "It's  the DOG's 12 hats!"]
MERGES = ["t h", "th e</w>", "a t</w>", "c at</w>", "d o", "do g</w>", "a n", "an d</w>"]


def draw(model, seed):
    """Weights large enough that every setting shows in the vectors."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if not value.is_floating_point() or name == "logit_scale":
                continue
            drawn = torch.randn(value.shape, generator=generator)
            if name.endswith("running_var"):
                value.copy_(0.5 + drawn.abs())
            elif value.dim() <= 1:
                value.copy_(drawn * 0.2 + (1 if name.endswith("weight") else 0))
            elif "embedding" in name:
                value.copy_(drawn * 0.5)
            else:
                value.copy_(drawn * 1.5 / value[0].numel() ** 0.5)
    return model.eval()


def make(name, vision, save):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    merges = folder / "bpe_simple_vocab_16e6.txt.gz"
    with gzip.GzipFile(merges, "wb", mtime=0) as file:
        file.write(("#version: 0.2\n" + "\n".join(MERGES)).encode())
    tokenizer = SimpleTokenizer(str(merges), context_length=12)
    text = {"context_length": 12, "vocab_size": tokenizer.vocab_size, "width": 64, "heads": 1, "layers": 1}
    model = draw(open_clip.CLIP(24, vision, text, quick_gelu=True), 3)
    size = vision["image_size"]
    for mark, value in [("input_resolution", size), ("context_length", 12), ("vocab_size", tokenizer.vocab_size)]:
        if hasattr(model, mark):
            delattr(model, mark)
        model.register_buffer(mark, torch.tensor(value))
    ids = tokenizer(TEXTS)
    pixels = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(7))
    save(folder, model, pixels, ids)

    state = {key: half(value) for key, value in model.state_dict().items()}
    reference = build_model_from_openai_state_dict(dict(state)).float()
    with torch.no_grad():
        save_file({"pixels": pixels, "images": reference.encode_image(pixels).contiguous(),
                   "texts": reference.encode_text(ids).contiguous(), "ids": ids.to(torch.int32)},
                  folder / "expected.safetensors")
    (folder / "texts.json").write_text(json.dumps(TEXTS) + "\n")


def half(value):
    return value.half() if value.is_floating_point() else value


def script(folder, model, pixels, ids):
    """TorchScript as OpenAI's files are. Its sources, which no reader of weights opens, are compressed to keep it small."""
    traced = torch.jit.trace(model, (pixels, ids), strict=False, check_trace=False)
    for parameter in traced.parameters():
        parameter.data = half(parameter.data)
    for buffer in traced.buffers():
        buffer.data = half(buffer.data)
    traced.save(folder / "full.pt")
    with zipfile.ZipFile(folder / "full.pt") as full, zipfile.ZipFile(folder / "ViT-tiny.pt", "w") as small:
        for record in full.infolist():
            kind = zipfile.ZIP_DEFLATED if "/code/" in record.filename else zipfile.ZIP_STORED
            small.writestr(zipfile.ZipInfo(record.filename), full.read(record), kind)
    (folder / "full.pt").unlink()


def state_dict(folder, model, pixels, ids):
    save_file({key: half(value).contiguous() for key, value in model.state_dict().items()}, folder / "RN-tiny.safetensors")


make("vit", {"image_size": 16, "layers": 1, "width": 64, "head_width": 64, "patch_size": 8}, script)
make("resnet", {"image_size": 32, "layers": [1, 2, 1, 1], "width": 2, "head_width": 64}, state_dict)
for file in HERE.glob("*/*.safetensors"):
    file.chmod(0o644)
