#!/usr/bin/env python3
"""Compares `clip embed` with open_clip or transformers on full-size, randomly initialised models: pictures from files,
texts, float32.

    python3 full_size.py --clip .build/release/clip --merges bpe_simple_vocab_16e6.txt.gz --pictures Examples/pictures \
        ViT-B-32 ViT-B-32-quickgelu ViT-B-16 ViT-L-14 ViT-L-14-336 ViT-H-14 RN50 RN101 RN50x4 RN50x16 \
        ViT-B-16-SigLIP ViT-B-16-SigLIP2-256 google/siglip-base-patch16-224 google/siglip2-base-patch16-256

The last two are transformers' SiglipModel of those sizes. The SigLIP models have a tokenizer of few pieces, made here.

With --openai the models are written as OpenAI's own files are, TorchScript in half precision without a description, and
read by open_clip's load_openai_model; name models with QuickGELU: ViT-B-32-quickgelu, RN50-quickgelu.

Needs torch, open_clip_torch, timm, transformers, sentencepiece, safetensors and Pillow, and memory for three copies of the
largest model. Prints the largest difference of any component, and exits with 1 where one is above 1e-4.
"""
import argparse
import base64
import io
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import open_clip
import sentencepiece
import torch
import transformers
from open_clip.tokenizer import basic_clean, canonicalize_text
from PIL import Image
from safetensors.torch import save_file
from sentencepiece import sentencepiece_model_pb2

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
HALF = (0.5, 0.5, 0.5)
TEXTS = """a photo of a cat|two dogs on the beach|naïve café — 3 tests!|the Quick  brown fox|a|I'm 25% sure it's 10:45
ein Foto von einem Hund|une photo d'un chat noir|una foto de un perro|фотография собаки|一张狗的照片|犬の写真|강아지 사진|صورة كلب
φωτογραφία ενός σκύλου|एक कुत्ते की तस्वीर|fotografie psa|ảnh một con chó|תמונה של כלב|ภาพสุนัข|🐶 on a 🚲|e\u0301 and é
a low resolution photo of a truck.|itap of an airplane|a_cropped_photo #tag @name|x=1; y=2|snow-covered mountains at dawn, wide
an origami bird|the plural of ox is oxen|no|ONE, TWO & three|a red cube left of a blue ball behind a green cone""".replace(
    "\n", "|").split("|")


def save(model, name, folder, merges):
    """Writes an open_clip directory, with batch norm statistics that are not the neutral ones."""
    for key, buffer in model.named_buffers():
        if key.endswith("running_mean"):
            buffer.normal_(0, 0.1)
        elif key.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, folder / "open_clip_model.safetensors")
    mean, std, mode = (HALF, HALF, "squash") if "SigLIP" in name else (MEAN, STD, "shortest")
    preprocess = {"mean": mean, "std": std, "interpolation": "bicubic", "resize_mode": mode}
    config = {"model_cfg": open_clip.get_model_config(name), "preprocess_cfg": preprocess}
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=2))
    if "SigLIP" not in name:
        shutil.copy(merges, folder / "bpe_simple_vocab_16e6.txt.gz")


def pieces(folder, is_second):
    """Writes a tokenizer of SigLIP or SigLIP2, and gives it: a small one, filled up with pieces that no text has, as a
    tokenizer has as many as its text encoder."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([text.lower() for text in TEXTS] * 20), model_writer=model, vocab_size=300,
        hard_vocab_limit=False, model_type="unigram", pad_id=0, eos_id=1, bos_id=2 if is_second else -1,
        unk_id=3 if is_second else 2, minloglevel=2)
    name, kind = ("tokenizer.model", "GemmaTokenizer") if is_second else ("spiece.model", "SiglipTokenizer")
    whole = sentencepiece_model_pb2.ModelProto.FromString(model.getvalue())
    for number in range(len(whole.pieces), 256000 if is_second else 32000):
        whole.pieces.add(piece=f"\ue000{number}", score=-1000)
    (folder / name).write_bytes(whole.SerializeToString())
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": kind}))
    return sentencepiece.SentencePieceProcessor(model_proto=whole.SerializeToString())


def padded(tokenizer, texts, is_second):
    return torch.tensor([(tokenizer.encode(text)[:63] + [1] + [0 if is_second else 1] * 64)[:64] for text in texts])


def transformers_siglip(name, folder):
    """Writes a SiglipModel's directory; gives the model, its size and the ids of the texts."""
    is_second = "siglip2" in name
    size = int(name.split("-")[-1])
    config = transformers.SiglipConfig(
        text_config={"vocab_size": 256000 if is_second else 32000}, vision_config={"image_size": size})
    model = transformers.SiglipModel(config).eval()
    model.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({
        "image_processor_type": "SiglipImageProcessor", "image_mean": HALF, "image_std": HALF,
        "resample": 2 if is_second else 3, "size": {"height": size, "width": size}}))
    tokenizer = pieces(folder, is_second)
    if is_second:
        return model, size, padded(tokenizer, [text.lower() for text in TEXTS], True)
    tokenizer = transformers.SiglipTokenizer(str(folder / "spiece.model"))
    return model, size, tokenizer(TEXTS, padding="max_length", max_length=64, return_tensors="pt").input_ids


def pixels(pictures, size, mean, std, filter=Image.BICUBIC):
    prepared = []
    for picture in pictures:
        image = Image.open(picture).convert("RGB")
        assert image.width == image.height, f"{picture}: this script takes square pictures"
        values = np.asarray(image.resize((size, size), filter), np.float32) / 255
        prepared.append(((values - np.float32(mean)) / np.float32(std)).transpose(2, 0, 1))
    return torch.tensor(np.stack(prepared))


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


def theirs(model, name, pictures, folder):
    size = open_clip.get_model_config(name)["vision_cfg"]["image_size"]
    is_siglip = "SigLIP" in name
    if is_siglip:
        is_second = "SigLIP2" in name
        cleaned = [canonicalize_text(basic_clean(text)) for text in TEXTS]
        ids = padded(pieces(folder, is_second), cleaned, is_second)
    else:
        ids = open_clip.get_tokenizer(name)(TEXTS)
    mean, std = (HALF, HALF) if is_siglip else (MEAN, STD)
    with torch.no_grad():
        images = model.encode_image(pixels(pictures, size, mean, std), normalize=True)
        texts = model.encode_text(ids, normalize=True)
    return torch.cat([images, texts]).numpy()


def theirs_siglip(model, size, ids, pictures, filter):
    with torch.no_grad():
        images = model.get_image_features(pixel_values=pixels(pictures, size, HALF, HALF, filter))
        texts = model.get_text_features(input_ids=ids)
    vectors = torch.cat([getattr(output, "pooler_output", output) for output in (images, texts)])
    return torch.nn.functional.normalize(vectors, dim=-1).numpy()


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
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        if name.startswith("google/"):
            model, size, ids = transformers_siglip(name, path)
            filter = Image.BILINEAR if "siglip2" in name else Image.BICUBIC
            reference = theirs_siglip(model, size, ids, files, filter)
        else:
            model = open_clip.create_model(name).eval()
            if arguments.openai:
                path, model = save_openai(model, name, path, arguments.merges)
            else:
                save(model, name, path, arguments.merges)
            reference = theirs(model, name, files, path)
        del model
        difference = np.abs(reference - ours(arguments.clip, path, files + TEXTS)).max()
    print(f"{name}: largest difference {difference:.2e}", flush=True)
    worst = max(worst, float(difference))
sys.exit(1 if worst > 1e-4 else 0)
