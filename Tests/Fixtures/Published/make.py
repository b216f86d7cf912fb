"""Writes tiny published models, saved by transformers and open_clip, with the vectors those give.

    python make.py

Needs torch, transformers 5.23, open_clip_torch 3.3, safetensors. Weights are drawn, not trained.
"""

import gzip
import json
import shutil
from pathlib import Path

import torch

# open_clip and transformers import torchvision, of which nothing here is used; a build that does not fit torch must
# not stop them.
torch.library.register_fake = lambda *a, **k: (lambda f: f)

import open_clip
import transformers
from open_clip.tokenizer import SimpleTokenizer
from safetensors.torch import save_file

HERE = Path(__file__).parent
TEXTS = ["a photo of a cat", "It's  the DOG's 12 hats!", "the cat the dog the photo of the hats and the cats and dogs"]
MERGES = ["t h", "th e</w>", "a t</w>", "c at</w>", "d o", "do g</w>", "p h", "o t", "ph ot", "phot o</w>", "o f</w>", "a n", "an d</w>",
          "' s</w>", "c a", "t s</w>", "ca ts</w>"]


def redraw(model, seed):
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
                scale = name.endswith("weight")
                value.copy_(drawn * 0.2 + (1 if scale else 0))
            elif "embedding" in name and "patch" not in name:
                value.copy_(drawn * 0.5)
            else:
                value.copy_(drawn * 1.5 / value[0].numel() ** 0.5)
    return model.eval()


def expected(folder, size, ids, image, text):
    generator = torch.Generator().manual_seed(7)
    pixels = torch.randn(2, 3, size, size, generator=generator)
    with torch.no_grad():
        save_file(
            {"pixels": pixels, "images": image(pixels).contiguous(), "texts": text(ids).contiguous(),
             "ids": ids.to(torch.int32)},
            folder / "expected.safetensors")
    (folder / "texts.json").write_text(json.dumps(TEXTS) + "\n")


def empty(name):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def transformers_model(name):
    folder = empty(name)
    lines = MERGES
    bytes_ = list(open_clip.tokenizer.bytes_to_unicode().values())
    vocab = bytes_ + [b + "</w>" for b in bytes_] + [m.replace(" ", "") for m in lines]
    vocab += ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(vocab)}, ensure_ascii=False))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(lines) + "\n")
    tokenizer = transformers.CLIPTokenizer(
        vocab={token: i for i, token in enumerate(vocab)}, merges=[tuple(m.split(" ")) for m in lines])
    end = len(vocab) - 1
    config = transformers.CLIPConfig(
        text_config=dict(
            vocab_size=len(vocab), hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=3,
            max_position_embeddings=16, hidden_act="quick_gelu", layer_norm_eps=1e-3, eos_token_id=end,
            bos_token_id=end - 1, pad_token_id=1),
        vision_config=dict(
            hidden_size=32, intermediate_size=83, num_hidden_layers=2, num_attention_heads=4, image_size=16,
            patch_size=8, hidden_act="quick_gelu", layer_norm_eps=1e-3),
        projection_dim=20)
    model = redraw(transformers.CLIPModel(config), 1)
    model.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({
        "crop_size": 16, "do_center_crop": True, "do_normalize": True, "do_resize": True,
        "feature_extractor_type": "CLIPFeatureExtractor", "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711], "resample": 3, "size": 16}, indent=2) + "\n")
    ids = tokenizer(TEXTS, padding="max_length", truncation=True, max_length=16, return_tensors="pt").input_ids

    def features(output):
        return getattr(output, "pooler_output", output)

    expected(
        folder, 16, ids, lambda x: features(model.get_image_features(pixel_values=x)),
        lambda x: features(model.get_text_features(input_ids=x)))


def open_clip_model(name, vision, quick_gelu=False, custom_text=False, preprocess=None, text=None,
                    half=False):
    folder = empty(name)
    merge_file = folder / "bpe_simple_vocab_16e6.txt.gz"
    with gzip.GzipFile(merge_file, "wb", mtime=0) as file:
        file.write(("#version: 0.2\n" + "\n".join(MERGES)).encode())
    tokenizer = SimpleTokenizer(str(merge_file), context_length=16)
    config = {
        "embed_dim": 20, "vision_cfg": vision,
        "text_cfg": {"context_length": 16, "vocab_size": tokenizer.vocab_size, "width": 24, "heads": 3, "layers": 2,
                     **(text or {})}}
    if quick_gelu:
        config["quick_gelu"] = True
    make = open_clip.CustomTextCLIP if custom_text else open_clip.CLIP
    model = redraw(make(**json.loads(json.dumps(config))), 2)
    if half:
        model.half().float()  # what the file holds
    if custom_text:
        config["custom_text"] = True
    document = {"model_cfg": config, "preprocess_cfg": preprocess or {
        "mean": [0.48145466, 0.4578275, 0.40821073], "std": [0.26862954, 0.26130258, 0.27577711]}}
    (folder / "open_clip_config.json").write_text(json.dumps(document, indent=4) + "\n")
    tensors = {k: v.half() if half and v.is_floating_point() else v for k, v in model.state_dict().items()}
    save_file({k: v.contiguous() for k, v in tensors.items()}, folder / "open_clip_model.safetensors")
    expected(folder, vision["image_size"], tokenizer(TEXTS), model.encode_image, model.encode_text)


transformers_model("transformers")
open_clip_model(
    "open-clip-vit", {"image_size": 16, "layers": 2, "width": 40, "head_width": 10, "patch_size": 8, "mlp_ratio": 2.5},
    preprocess={"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "interpolation": "bilinear", "resize_mode": "squash"})
open_clip_model(
    "open-clip-custom-text", {"image_size": 16, "layers": 1, "width": 32, "head_width": 16, "patch_size": 8,
                              "norm_kwargs": {"eps": 1e-3}},
    custom_text=True, text={"norm_kwargs": {"eps": 1e-3}, "act_kwargs": {"approximate": "tanh"}})
open_clip_model(
    "open-clip-resnet", {"image_size": 32, "layers": [1, 1, 1, 1], "width": 4}, quick_gelu=True, half=True)
