#!/usr/bin/env python3
"""Compares `clip embed` with open_clip on full-size, randomly initialised models: pictures from files, texts, float32.

    python3 full_size.py --clip .build/release/clip --merges bpe_simple_vocab_16e6.txt.gz --pictures Examples/pictures \
        ViT-B-32 ViT-B-32-quickgelu ViT-B-16 ViT-L-14-336 ViT-H-14 RN50 RN101 RN50x4

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


def ours(clip, folder, lines):
    command = [clip, "embed", "--model", str(folder), "--encoding", "base64"]
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
parser.add_argument("models", nargs="+")
arguments = parser.parse_args()
files = sorted(str(path) for path in pathlib.Path(arguments.pictures).glob("*.png"))
worst = 0.0
for name in arguments.models:
    torch.manual_seed(0)
    model = open_clip.create_model(name).eval()
    with tempfile.TemporaryDirectory() as folder:
        save(model, name, pathlib.Path(folder), arguments.merges)
        difference = np.abs(theirs(model, name, files) - ours(arguments.clip, folder, files + TEXTS)).max()
    print(f"{name}: largest difference {difference:.2e}", flush=True)
    worst = max(worst, float(difference))
sys.exit(1 if worst > 1e-4 else 0)
