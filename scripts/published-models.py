#!/usr/bin/env python3
"""Writes Sources/Checkpoints/Published/published.yaml, the table of published models.

    python3 scripts/published-models.py            # needs open_clip_torch and timm (made with 3.3.0 and 1.0.31)

Facts come from open_clip: pretrained.py (repositories, preprocessing, activation) and model_configs/*.json (sizes,
tokenizer); the activation of timm's towers from timm. Accuracies come from published-accuracy.csv beside this script,
which names where each was read. Repositories of transformers with the same weights are listed here.

Left out is what this program cannot run: towers of timm other than plain ViTs and SigLIP's, convnext, text towers and
tokenizers of transformers (CLIPA, MetaCLIP 2), CoCa; and names whose repository in pretrained.py is that of another name.
"""

import csv
import json
import pathlib

import torch

torch.library.register_fake = lambda *a, **k: (lambda f: f)  # lets a torchvision of another release be imported

import open_clip
import timm
from open_clip.pretrained import _PRETRAINED

HERE = pathlib.Path(__file__).resolve().parent
TABLE = HERE.parent / "Sources/Checkpoints/Published/published.yaml"
CONFIGS = pathlib.Path(open_clip.__file__).parent / "model_configs"

SOURCES = {
    "open_clip": "mlfoundations/open_clip docs/openclip_results.csv (f862f86)",
    "metaclip": "facebookresearch/MetaCLIP README.md",
    "siglip2": "google-research/big_vision README_siglip2.md",
    "mobileclip2": "model card of apple/MobileCLIP2-L-14",
    "dfn2b_s39b": "model card of apple/DFN2B-CLIP-ViT-L-14-39B",
}

# Repositories in transformers' layout with the same weights.
MIRRORS = {
    "ViT-B-32:openai": "openai/clip-vit-base-patch32",
    "ViT-B-16:openai": "openai/clip-vit-base-patch16",
    "ViT-L-14:openai": "openai/clip-vit-large-patch14",
    "ViT-L-14-336:openai": "openai/clip-vit-large-patch14-336",
    "ViT-B-32:metaclip_400m": "facebook/metaclip-b32-400m",
    "ViT-B-32:metaclip_fullcc": "facebook/metaclip-b32-fullcc2.5b",
    "ViT-B-16:metaclip_400m": "facebook/metaclip-b16-400m",
    "ViT-B-16:metaclip_fullcc": "facebook/metaclip-b16-fullcc2.5b",
    "ViT-L-14:metaclip_400m": "facebook/metaclip-l14-400m",
    "ViT-L-14:metaclip_fullcc": "facebook/metaclip-l14-fullcc2.5b",
    "ViT-H-14:metaclip_fullcc": "facebook/metaclip-h14-fullcc2.5b",
    "ViT-B-16-SigLIP:webli": "google/siglip-base-patch16-224",
    "ViT-B-16-SigLIP-256:webli": "google/siglip-base-patch16-256",
    "ViT-B-16-SigLIP-i18n-256:webli": "google/siglip-base-patch16-256-multilingual",
    "ViT-B-16-SigLIP-384:webli": "google/siglip-base-patch16-384",
    "ViT-B-16-SigLIP-512:webli": "google/siglip-base-patch16-512",
    "ViT-L-16-SigLIP-256:webli": "google/siglip-large-patch16-256",
    "ViT-L-16-SigLIP-384:webli": "google/siglip-large-patch16-384",
    "ViT-SO400M-14-SigLIP:webli": "google/siglip-so400m-patch14-224",
    "ViT-SO400M-14-SigLIP-384:webli": "google/siglip-so400m-patch14-384",
    "ViT-SO400M-16-SigLIP-i18n-256:webli": "google/siglip-so400m-patch16-256-i18n",
    "ViT-B-32-SigLIP2-256:webli": "google/siglip2-base-patch32-256",
    "ViT-B-16-SigLIP2:webli": "google/siglip2-base-patch16-224",
    "ViT-B-16-SigLIP2-256:webli": "google/siglip2-base-patch16-256",
    "ViT-B-16-SigLIP2-384:webli": "google/siglip2-base-patch16-384",
    "ViT-B-16-SigLIP2-512:webli": "google/siglip2-base-patch16-512",
    "ViT-L-16-SigLIP2-256:webli": "google/siglip2-large-patch16-256",
    "ViT-L-16-SigLIP2-384:webli": "google/siglip2-large-patch16-384",
    "ViT-L-16-SigLIP2-512:webli": "google/siglip2-large-patch16-512",
    "ViT-SO400M-14-SigLIP2:webli": "google/siglip2-so400m-patch14-224",
    "ViT-SO400M-14-SigLIP2-378:webli": "google/siglip2-so400m-patch14-384",
    "ViT-SO400M-16-SigLIP2-256:webli": "google/siglip2-so400m-patch16-256",
    "ViT-SO400M-16-SigLIP2-384:webli": "google/siglip2-so400m-patch16-384",
    "ViT-SO400M-16-SigLIP2-512:webli": "google/siglip2-so400m-patch16-512",
    "ViT-gopt-16-SigLIP2-256:webli": "google/siglip2-giant-opt-patch16-256",
    "ViT-gopt-16-SigLIP2-384:webli": "google/siglip2-giant-opt-patch16-384",
}

# pretrained.py gives these the repository of another name: weights of epoch 31 for 32, of 384 pixels for 378.
NOT_OWN = {"ViT-B-16-plus-240:laion400m_e32", "ViT-SO400M-14-SigLIP-378:webli"}


def family(architecture, tag):
    if "SigLIP" in architecture:
        return "SigLIP 2" if "SigLIP2" in architecture else "SigLIP"
    if architecture.startswith("MobileCLIP"):
        return "MobileCLIP"
    for start, name in [
        ("openai", "OpenAI"), ("laion", "LAION"), ("datacomp", "DataComp"), ("commonpool", "CommonPool"),
        ("metaclip", "MetaCLIP"), ("dfn", "DFN"), ("cc12m", "CC12M"), ("yfcc", "YFCC"),
    ]:
        if tag.startswith(start):
            return name
    raise SystemExit(f"{architecture}:{tag}: no family")


def runs(config):
    """Whether this program has the architecture and the tokenizer."""
    vision, text = config["vision_cfg"], config["text_cfg"]
    if "multimodal_cfg" in config or "hf_model_name" in text or vision.get("no_ln_pre"):
        return False
    tower = vision.get("timm_model_name")
    if tower:
        plain = tower == "vit_large_patch14_clip_224" and "hf_tokenizer_name" not in text
        return plain or "siglip" in tower and "SigLIP" in text.get("hf_tokenizer_name", "")
    return "hf_tokenizer_name" not in text


def gelu(module):
    if isinstance(module, torch.nn.GELU):
        return "gelu_tanh" if module.approximate == "tanh" else "gelu"
    return {"GELU": "gelu", "GELUTanh": "gelu_tanh"}[type(module).__name__]


def activations(config, is_quick):
    if is_quick:
        return "quick_gelu", "quick_gelu"
    text = "gelu_tanh" if config["text_cfg"].get("act_kwargs", {}).get("approximate") == "tanh" else "gelu"
    tower = config["vision_cfg"].get("timm_model_name")
    if not tower:
        return "gelu", text
    with torch.device("meta"):
        return gelu(timm.create_model(tower).blocks[0].mlp.act), text


def differences(name, image, text):
    """What transformers' repositories state otherwise, or might, so that it is not compared there."""
    if "SigLIP" not in name:
        return []
    # The towers of SiglipModel have the tanh form; processors of SigLIP 2 resize with their own default.
    differs = [] if (image, text) == ("gelu_tanh", "gelu_tanh") else ["activation"]
    if "SigLIP2" in name:
        differs.append("interpolation")
    if "378" in name:
        differs.append("imageSize")
    return differs


def flow(pairs):
    return "{" + ", ".join(f"{key}: {value}" for key, value in pairs if value is not None) + "}"


def numbers(values):
    return "[" + ", ".join(f"{value:.10g}" for value in values) + "]"


def main():
    with open(HERE / "published-accuracy.csv") as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        accuracies = {(row["model"], row["pretrained"]): row for row in rows}

    preprocessing, architectures, models = {}, {}, []
    for architecture, tags in _PRETRAINED.items():
        if architecture.endswith("-quickgelu"):
            continue
        path = CONFIGS / f"{architecture}.json"
        if not path.exists():
            continue
        config = json.loads(path.read_text())
        if not runs(config):
            continue
        vision, text = config["vision_cfg"], config["text_cfg"]
        is_resnet = isinstance(vision.get("layers"), list)
        for tag, known in tags.items():
            name = f"{architecture}:{tag}"
            if name in NOT_OWN:
                continue
            steps = flow([
                ("mean", numbers(known["mean"])), ("std", numbers(known["std"])),
                ("interpolation", known["interpolation"]), ("resizeMode", known["resize_mode"]),
            ])
            kind = preprocessing.setdefault(steps, {
                (0.5, "squash"): "siglip", (0.5, "shortest"): "inception", (0.48145466, "shortest"): "openai",
                (0.48145466, "squash"): "dfn5b",
            }[known["mean"][0], known["resize_mode"]])
            architectures[architecture] = flow([
                ("imageSize", vision["image_size"]), ("embedding", config["embed_dim"]),
                ("contextLength", text["context_length"]),
                ("tokenizer", "sentencepiece" if "hf_tokenizer_name" in text else "bpe"),
                ("resnet", "true" if is_resnet else None),
            ])
            is_quick = known.get("quick_gelu", False)
            image, words = activations(config, is_quick)
            mirror = MIRRORS.get(name)
            if mirror:
                differs = differences(name, image, words)
                mirror = "[" + flow([
                    ("repository", mirror), ("differs", "[" + ", ".join(differs) + "]" if differs else None)]) + "]"
            row = accuracies.get((architecture + "-quickgelu", tag)) if is_quick else None
            row = row or accuracies.get((architecture, tag))
            models.append("- " + flow([
                ("name", f'"{name}"'), ("family", family(architecture, tag)),
                ("repository", known["hf_hub"].rstrip("/")), ("activation", image),
                ("textActivation", words if words != image else None), ("preprocessing", kind),
                ("imagenet", f"{float(row['accuracy']) * 100:.2f}" if row else None),
                ("source", row["source"] if row else None), ("mirrors", mirror),
            ]))

    lines = ["# Published models. Written by scripts/published-models.py: change that, not this.", "preprocessing:"]
    lines += [f"  {kind}: {steps}" for steps, kind in preprocessing.items()]
    lines += ["architectures:"] + [f"  {name}: {shape}" for name, shape in architectures.items()]
    lines += ["sources:"] + [f'  {name}: "{text}"' for name, text in SOURCES.items()]
    lines += ["models:"] + models
    TABLE.write_text("\n".join(lines) + "\n")
    print(f"{len(models)} models of {len(architectures)} architectures, {TABLE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
