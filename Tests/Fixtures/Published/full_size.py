#!/usr/bin/env python3
"""Compares `clip embed` with open_clip on full-size, randomly initialised models: pictures from files, texts, float32.

    python3 full_size.py --clip .build/release/clip --merges bpe_simple_vocab_16e6.txt.gz --pictures Examples/pictures \
        ViT-B-32 ViT-B-32-quickgelu ViT-B-16 ViT-L-14-336 ViT-H-14 RN50 RN101 RN50x4

With --openai the models are written as OpenAI's own files are, TorchScript in half precision without a description, and
read by open_clip's load_openai_model; name models with QuickGELU: ViT-B-32-quickgelu, RN50-quickgelu.

Needs torch, open_clip_torch, safetensors and Pillow, and memory for three copies of the largest model. Prints the largest
difference of any component, and exits with 1 where one is above 1e-4.
"""
import argparse
import base64
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import open_clip
import torch
from PIL import Image
from safetensors.torch import save_file

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
TEXTS = ["a photo of a cat", "two dogs on the beach", "naïve café — 3 tests!", "the Quick  brown fox"]


def save(model, name, folder, merges):
    """Writes an open_clip directory, with batch norm statistics that are not the neutral ones."""
    for key, buffer in model.named_buffers():
        if key.endswith("running_mean"):
            buffer.normal_(0, 0.1)
        elif key.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, folder / "open_clip_model.safetensors")
    preprocess = {"mean": MEAN, "std": STD, "interpolation": "bicubic", "resize_mode": "shortest"}
    config = {"model_cfg": open_clip.get_model_config(name), "preprocess_cfg": preprocess}
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=2))
    shutil.copy(merges, folder / "bpe_simple_vocab_16e6.txt.gz")


def save_openai(model, name, folder, merges):
    """Writes a file as OpenAI's are; gives its path, and the model that open_clip reads from it."""
    save(model, name, folder, merges)
    config = open_clip.get_model_config(name)
    sizes = [config["vision_cfg"]["image_size"], config["text_cfg"]["context_length"], config["text_cfg"]["vocab_size"]]
    for mark, size in zip(["input_resolution", "context_length", "vocab_size"], sizes):
        if hasattr(model, mark):
            delattr(model, mark)
        model.register_buffer(mark, torch.tensor(size))
    mask = model._buffers.pop("attn_mask")
    model.attn_mask = mask  # a constant of the script, not one of its tensors
    example = torch.zeros(1, 3, sizes[0], sizes[0]), torch.zeros(1, sizes[1], dtype=torch.long)
    script = torch.jit.trace(model, example, strict=False, check_trace=False)
    for value in [*script.parameters(), *script.buffers()]:
        if value.is_floating_point():
            value.data = value.data.half()
    script.save(folder / "openai.pt")
    (folder / "open_clip_model.safetensors").unlink()
    return folder / "openai.pt", open_clip.load_openai_model(str(folder / "openai.pt"), precision="fp32", device="cpu")


def ours(clip, path, lines):
    command = [clip, "embed", "--model", str(path), "--encoding", "base64"]
    done = subprocess.run(command, input="\n".join(lines) + "\n", text=True, stdout=subprocess.PIPE, check=True)
    records = [json.loads(line) for line in done.stdout.splitlines()]
    return np.stack([np.frombuffer(base64.b64decode(record["embedding"]), np.float32) for record in records])


def theirs(model, name, pictures):
    size = open_clip.get_model_config(name)["vision_cfg"]["image_size"]
    pixels = []
    for picture in pictures:
        image = Image.open(picture).convert("RGB")
        assert image.width == image.height, f"{picture}: this script takes square pictures"
        values = np.asarray(image.resize((size, size), Image.BICUBIC), np.float32) / 255
        pixels.append(((values - np.float32(MEAN)) / np.float32(STD)).transpose(2, 0, 1))
    with torch.no_grad():
        images = model.encode_image(torch.tensor(np.stack(pixels)), normalize=True)
        texts = model.encode_text(open_clip.get_tokenizer(name)(TEXTS), normalize=True)
    return torch.cat([images, texts]).numpy()


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--clip", default="clip")
parser.add_argument("--merges", required=True)
parser.add_argument("--pictures", required=True)
parser.add_argument("--openai", action="store_true")
parser.add_argument("models", nargs="+")
arguments = parser.parse_args()
files = sorted(str(path) for path in pathlib.Path(arguments.pictures).glob("*.png"))
worst = 0.0
for name in arguments.models:
    torch.manual_seed(0)
    model = open_clip.create_model(name).eval()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        if arguments.openai:
            path, model = save_openai(model, name, path, arguments.merges)
        else:
            save(model, name, path, arguments.merges)
        difference = np.abs(theirs(model, name, files) - ours(arguments.clip, path, files + TEXTS)).max()
    print(f"{name}: largest difference {difference:.2e}", flush=True)
    worst = max(worst, float(difference))
sys.exit(1 if worst > 1e-4 else 0)
