#!/usr/bin/env python3
"""Loads directories that `clip models convert` wrote in transformers (--layout hf) or open_clip (--layout open_clip), and
compares with their golden vectors: pictures through that program's own preprocessing, texts by their ids.

    python3 converted.py DIRECTORY ...

Needs torch, transformers, open_clip_torch, torchvision and Pillow. Prints, for each directory, the largest difference of any
component of a picture's and a text's unit vector, and how many texts get the same ids; exits with 1 where a difference is
above the bound, or where a model with the published vocabulary gets other ids.
"""
import argparse
import base64
import json
import pathlib
import sys

import numpy as np
import torch
from PIL import Image

PUBLISHED = 49408


def transformers_vectors(folder, pictures, ids, texts):
    import transformers

    model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    assert type(model).__name__ == "CLIPModel", type(model)
    processor = transformers.AutoProcessor.from_pretrained(folder, backend="pil")
    pixels = processor.image_processor(images=pictures, return_tensors="pt")["pixel_values"]
    length = model.config.text_config.max_position_embeddings
    own = processor.tokenizer(texts, truncation=True, max_length=length).input_ids
    padded = torch.tensor([row + [model.config.text_config.eos_token_id] * (length - len(row)) for row in ids])
    images = model.get_image_features(pixel_values=pixels)
    words = model.get_text_features(input_ids=padded)
    images, words = (getattr(output, "pooler_output", output) for output in (images, words))
    return images, words, own, model.config.text_config.vocab_size


def open_clip_vectors(folder, pictures, ids, texts):
    import open_clip

    name = "local-dir:" + str(folder)
    model, preprocess = open_clip.create_model_from_pretrained(name)
    model = model.float().eval()
    pixels = torch.stack([preprocess(picture) for picture in pictures])
    padded = torch.tensor([row + [0] * (model.context_length - len(row)) for row in ids])
    tokens = open_clip.get_tokenizer(name)(texts)
    vocabulary = getattr(model, "vocab_size", None) or model.text.vocab_size
    own = [row[: row.argmax() + 1].tolist() for row in tokens]
    return model.encode_image(pixels), model.encode_text(padded), own, vocabulary


def floats(record):
    return np.frombuffer(base64.b64decode(record["embedding"]), "<f4")


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--bound", type=float, default=1e-6)
parser.add_argument("folders", nargs="+", type=pathlib.Path)
arguments = parser.parse_args()
good = True
for folder in arguments.folders:
    golden = json.loads((folder / "golden/vectors.json").read_text())
    pictures = [Image.open(folder / "golden" / record["file"]) for record in golden["pictures"]]
    ids, texts = zip(*((record["ids"], record["text"]) for record in golden["texts"]))
    load = open_clip_vectors if (folder / "open_clip_config.json").exists() else transformers_vectors
    with torch.no_grad():
        images, words, own, vocabulary = load(folder, pictures, ids, list(texts))
    differences = []
    for vectors, records in [(images, golden["pictures"]), (words, golden["texts"])]:
        unit = torch.nn.functional.normalize(vectors, dim=-1).numpy()
        differences.append(max(float(np.abs(row - floats(record)).max()) for row, record in zip(unit, records)))
    same = sum(list(a) == list(b) for a, b in zip(own, ids))
    print(f"{folder}: pictures {differences[0]:.1e}, texts {differences[1]:.1e}, ids of {same} of {len(ids)} texts", flush=True)
    good &= max(differences) <= arguments.bound and (same == len(ids) or vocabulary != PUBLISHED)
sys.exit(0 if good else 1)
