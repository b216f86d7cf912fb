#!/usr/bin/env python3
"""Compares `clip` with transformers on generated directories whose side files and keys differ: ids with AutoTokenizer,
vectors with AutoImageProcessor and CLIPModel or SiglipModel, states of padded texts with the text tower.

    python3 side_files.py --clip .build/debug/clip [--count 300] [--seed 1] [--keep DIR] [--kind clip|siglip]

Each directory is a tiny model with random weights and random side files: tokenizer_config.json, special_tokens_map.json,
added_tokens.json, tokenizer.json, preprocessor_config.json or processor_config.json, config.json with text_config_dict and
vision_config_dict. Prints every directory in which both give values that differ, or in which `clip` takes what
transformers refuses; counts what `clip` refuses, by reason. Exits with 1 where values differ.

Needs torch, transformers 5.24, sentencepiece, Pillow, numpy. Images are prepared by Pillow (backend="pil").
"""
import argparse
import base64
import collections
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

os.environ["CUDA_VISIBLE_DEVICES"] = ""
import numpy as np
import torch
import transformers
from PIL import Image
from transformers import AutoImageProcessor, AutoTokenizer, CLIPConfig, CLIPModel, SiglipConfig, SiglipModel

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
HERE = pathlib.Path(__file__).parent
LENGTH = 16
TEXTS = [
    "a photo of a cat", "the <cat-toy> and the dog!", "wow! dogs !! cats", "<|STARTOFTEXT|> the <|endoftext|> cat",
    "a<cat-toy>b < cat-toy > <CAT-TOY>", "</s> the <unk> of", "x <pad> y", "Ünïcode the 12 hats", ""]
TOWER = dict(hidden_act="quick_gelu", layer_norm_eps=1e-3, num_hidden_layers=1)


def redraw(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if value.is_floating_point() and value.dim() > 0:
                drawn = torch.randn(value.shape, generator=generator)
                value.copy_(drawn * 0.3 + (1 if value.dim() == 1 and name.endswith("weight") else 0))
    return model.eval()


def maybe(r, share=0.5):
    return r.random() < share


def token(r, content, typed):
    """A token as files write it: a string, or an object with flags."""
    if maybe(r):
        return content
    flags = {name: maybe(r, 0.3) for name in ["lstrip", "rstrip", "single_word", "normalized"]}
    return ({"__type": "AddedToken"} if typed else {}) | {"content": content} | flags


def write(folder, name, document):
    (folder / name).write_text(json.dumps(document, indent=r_indent, ensure_ascii=r_ascii))


def clip_side_files(r, folder, count):
    """Writes the tokenizer's side files; the number of ids that the model should have."""
    extra = ["<cat-toy>", "<pad>", "<|x|>"]
    names = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>",
             "pad_token": r.choice(["!", "<|endoftext|>", "<pad>", "a</w>"])}
    next_id = count

    def number():
        nonlocal next_id
        next_id += 1
        return next_id - 1 + (r.choice([0, 0, 0, 0, 0, 0, 0, 3]))

    config = {}
    if maybe(r, 0.8):
        for name in names:
            if maybe(r):
                config[name] = token(r, names[name], typed=True)
        for key, values in {
            "do_lower_case": [True, False], "errors": ["replace"], "model_max_length": [LENGTH, 77, 1e30, LENGTH, 8],
            "tokenizer_class": ["CLIPTokenizer", "CLIPTokenizerFast"], "add_prefix_space": [True, False],
            "clean_up_tokenization_spaces": [True, False], "add_bos_token": [True, False], "processor_class": ["CLIPProcessor"],
            "padding_side": ["right", "right", "right", "left"], "truncation_side": ["right"], "name_or_path": ["x/y"],
            "split_special_tokens": [False, False, False, True], "model_input_names": [["input_ids"]],
            "additional_special_tokens": [["<|x|>"], []], "extra_special_tokens": [["<cat-toy>"], {}, {"image_token": "<|x|>"}],
        }.items():
            if maybe(r, 0.15):
                config[key] = r.choice(values)
        if maybe(r, 0.3):
            listed = {}
            for content in ["<|startoftext|>", "<|endoftext|>"]:
                if maybe(r, 0.7):
                    listed[str(VOCABULARY[content])] = token_object(r, content)
            for content in extra:
                if maybe(r, 0.4):
                    listed[str(number())] = token_object(r, content)
            config["added_tokens_decoder"] = listed
        write(folder, "tokenizer_config.json", config)
    if maybe(r, 0.5):
        map_ = {name: token(r, names[name], typed=False) for name in names if maybe(r, 0.6)}
        if maybe(r, 0.1):
            map_["additional_special_tokens"] = ["<|x|>"]
        write(folder, "special_tokens_map.json", map_)
    if maybe(r, 0.4):
        write(folder, "added_tokens.json", {content: number() for content in extra if maybe(r, 0.5)})
    if maybe(r, 0.4):
        tokenizer = json.loads(TOKENIZER_JSON)
        if maybe(r, 0.3):
            tokenizer["added_tokens"].append({"id": number(), **token_object(r, "<cat-toy>")})
        if maybe(r, 0.3):
            tokenizer["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = (
                r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
        write(folder, "tokenizer.json", tokenizer)
        if maybe(r):
            (folder / "vocab.json").unlink()
            (folder / "merges.txt").unlink()


def token_object(r, content):
    return {"content": content} | {
        name: maybe(r, 0.3) for name in ["lstrip", "rstrip", "single_word", "normalized", "special"]}


def siglip_side_files(r, folder):
    names = {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": r.choice(["</s>", "<pad>", "the"])}
    config = {"tokenizer_class": "SiglipTokenizer", "model_max_length": r.choice([LENGTH, LENGTH, 64]),
              "model_input_names": ["input_ids"]}
    for name in names:
        if maybe(r):
            config[name] = r.choice([names[name], {"__type": "AddedToken"} | token_object(r, names[name])])
    if maybe(r, 0.3):
        config["added_tokens_decoder"] = {
            "1": token_object(r, "</s>") | {"special": True}, "2": token_object(r, "<unk>") | {"special": True}}
    if maybe(r, 0.3):
        config["do_lower_case"] = r.choice([True, False])
    if maybe(r, 0.9):
        write(folder, "tokenizer_config.json", config)
    if maybe(r, 0.4):
        write(folder, "special_tokens_map.json", {name: names[name] for name in names if maybe(r, 0.6)})


def processor(r, folder, size):
    """Writes preprocessor_config.json, or processor_config.json."""
    classes = ["CLIP", "CLIP", "Siglip", "ViT", "ConvNext", "DeiT", "Blip", "Bit", "ChineseCLIP", "OwlViT", "MobileNetV1",
               "Pvt", "EfficientNet", "Beit", "LeViT"]
    ending = r.choice(["ImageProcessor", "ImageProcessorFast", "FeatureExtractor"])
    name = r.choice(classes) + ending
    settings = {}
    if maybe(r, 0.9):
        settings["feature_extractor_type" if ending == "FeatureExtractor" else "image_processor_type"] = name
    square = {"height": size, "width": size}
    larger = size + r.choice([0, 0, 3, 7])
    for key, values in {
        "size": [size, {"shortest_edge": size}, {"shortest_edge": larger}, square, [size, size], square, {"height": size, "width": size + 1}],
        "crop_size": [size, square, [size, size]], "default_to_square": [True, False],
        "do_center_crop": [True, False, None], "resample": [2, 3, 3, 2, 1], "do_resize": [True, True, True, None, False],
        "do_rescale": [True, None], "rescale_factor": [1 / 255, 1 / 255, 1 / 127.5], "do_normalize": [True, None],
        "do_convert_rgb": [True, None], "image_mean": [[0.5, 0.5, 0.5], [0.1, 0.2, 0.3], 0.4],
        "image_std": [[0.5, 0.5, 0.5], [0.9, 0.8, 0.7], 0.4], "crop_pct": [0.9, 0.5], "do_pad": [None, False],
        "processor_class": ["CLIPProcessor"], "data_format": ["channels_first"], "do_reduce_labels": [False],
        "do_thumbnail": [True], "use_square_size": [False], "disable_grouping": [None], "return_tensors": [None],
    }.items():
        share = 0.8 if key in ("size", "crop_size") else 0.3
        if maybe(r, share):
            settings[key] = r.choice(values)
    if maybe(r, 0.25):
        write(folder, "processor_config.json", {"image_processor": settings, "processor_class": "CLIPProcessor"})
        if maybe(r, 0.3):
            write(folder, "preprocessor_config.json", {"size": 999})
    else:
        write(folder, "preprocessor_config.json", settings)
        if maybe(r, 0.2):
            write(folder, "processor_config.json", {"processor_class": "CLIPProcessor"})


NOISE = {
    "attention_dropout": 0.1, "dropout": 0.0, "initializer_factor": 0.5, "initializer_range": 0.1, "torchscript": False,
    "output_attentions": False, "return_dict": True, "use_bfloat16": False, "pruned_heads": {}, "tie_word_embeddings": True,
    "chunk_size_feed_forward": 0, "is_decoder": False, "add_cross_attention": False, "max_length": 20, "top_k": 50,
    "id2label": {"0": "LABEL_0", "1": "LABEL_1"}, "label2id": {"LABEL_0": 0, "LABEL_1": 1}, "bad_words_ids": None,
    "torch_dtype": None, "finetuning_task": None, "problem_type": None, "typical_p": 1.0, "temperature": 0.7, "prefix": None}


def configuration(r, folder, isSiglip):
    """Puts keys without effect into config.json, and the older copies of its parts."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    for part in [config, config["text_config"], config["vision_config"]]:
        for key, value in NOISE.items():
            if maybe(r, 0.3):
                part.setdefault(key, value)
    for name in ["text_config", "vision_config"]:
        if maybe(r, 0.35):
            older = dict(config[name])
            older["num_attention_heads"] = r.choice([2, 3, 4])
            older["hidden_act"] = r.choice(["gelu", "quick_gelu"])
            for key in ["layer_norm_eps", "hidden_act"]:
                if maybe(r, 0.3):
                    older.pop(key, None)
            config[name + "_dict"] = older
            if maybe(r, 0.2):
                config[name] = {}
        elif maybe(r, 0.2):
            config[name + "_dict"] = None
    config["_name_or_path"] = "me/clip-\N{DOG}"
    path.write_text(json.dumps(config, indent=r_indent, ensure_ascii=r_ascii))


def make(r, folder, kind):
    source = HERE / ("transformers" if kind == "clip" else "siglip")
    size = 16
    if kind == "clip":
        for name in ["vocab.json", "merges.txt"]:
            shutil.copy(source / name, folder)
        count = len(VOCABULARY)
        rows = count + r.choice([0, 0, 1, 3, 8])
        config = CLIPConfig(
            text_config=dict(TOWER, hidden_size=12, intermediate_size=20, num_attention_heads=3, vocab_size=rows,
                             max_position_embeddings=LENGTH, bos_token_id=count - 2, eos_token_id=r.choice([count - 1, 2]), pad_token_id=1),
            vision_config=dict(TOWER, hidden_size=12, intermediate_size=24, num_attention_heads=4, image_size=size, patch_size=8),
            projection_dim=8)
        model = CLIPModel(config)
    else:
        shutil.copy(source / "spiece.model", folder)
        config = SiglipConfig(
            text_config=dict(TOWER, vocab_size=PIECES, hidden_size=12, intermediate_size=20, num_attention_heads=3,
                             max_position_embeddings=LENGTH, projection_size=12),
            vision_config=dict(TOWER, hidden_size=12, intermediate_size=24, num_attention_heads=4, image_size=size, patch_size=8))
        model = SiglipModel(config)
    redraw(model, r.randrange(1 << 30)).save_pretrained(folder)
    # Most directories differ in one thing, so that one refusal does not hide another.
    what = r.choice(["config", "tokenizer", "tokenizer", "processor", "processor", "all"])
    if what in ("config", "all"):
        configuration(r, folder, kind == "siglip")
    if what in ("tokenizer", "all"):
        clip_side_files(r, folder, count) if kind == "clip" else siglip_side_files(r, folder)
    if what in ("processor", "all"):
        processor(r, folder, size)
    else:
        write(folder, "preprocessor_config.json", {"size": size, "crop_size": size, "default_to_square": kind != "clip"})


def reference(folder, kind, pictures):
    """Ids, padded ids, vectors and states of transformers, each or the reason why there is none."""
    result = {}

    def attempt(name, compute):
        try:
            result[name] = compute()
        except Exception as error:  # noqa: BLE001: whatever transformers throws is a refusal
            result[name] = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"

    try:
        model = (CLIPModel if kind == "clip" else SiglipModel).from_pretrained(folder, dtype=torch.float32).eval()
    except Exception as error:  # noqa: BLE001
        return {"model": f"{type(error).__name__}: {str(error).splitlines()[0]}"}

    def vector(output):
        vectors = getattr(output, "pooler_output", output)
        return (vectors / vectors.norm(dim=-1, keepdim=True)).numpy()

    def ids():
        tokenizer = AutoTokenizer.from_pretrained(folder)
        if tokenizer.padding_side != "right":
            raise ValueError("pads on the left")
        if tokenizer.model_max_length < LENGTH:
            raise ValueError("cuts sooner")
        padded = tokenizer(TEXTS, padding="max_length", truncation=True, max_length=LENGTH, return_tensors="pt").input_ids
        if padded.max() >= model.config.text_config.vocab_size:
            raise ValueError("ids beyond the table")
        return [tokenizer(text, truncation=True, max_length=LENGTH).input_ids for text in TEXTS], padded

    def images():
        processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
        pixels = torch.tensor(np.stack([
            processor(Image.open(path), return_tensors="np")["pixel_values"][0] for path in pictures]))
        if pixels.shape[-1] != 16 or pixels.shape[-2] != 16:
            raise ValueError("another size than the tower's")
        return vector(model.get_image_features(pixel_values=pixels))

    with torch.no_grad():
        attempt("ids", ids)
        if isinstance(result["ids"], tuple):
            padded = result["ids"][1]
            result["ids"] = result["ids"][0]
            attempt("texts", lambda: vector(model.get_text_features(input_ids=padded)))
            attempt("states", lambda: model.text_model(input_ids=padded).last_hidden_state.numpy())
        attempt("images", images)
    return result


def run(clip, folder, pictures):
    def call(command, lines, *arguments):
        done = subprocess.run(
            [clip, command, "--model", str(folder), *arguments], input="\n".join(lines) + "\n", capture_output=True, text=True)
        return done, [json.loads(line) for line in done.stdout.splitlines()]

    texts = [json.dumps({"text": text}) for text in TEXTS]
    done, records = call("embed", texts + [json.dumps({"image": str(path)}) for path in pictures], "--encoding", "base64")
    if done.returncode != 0 or len(records) != len(TEXTS) + len(pictures):
        return done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit {done.returncode}"
    floats = lambda record, key: np.frombuffer(base64.b64decode(record[key]), "<f4")
    vectors = np.stack([floats(record, "embedding") for record in records])
    _, tokens = call("tokenize", texts)
    _, states = call("embed", texts, "--output", "tokens", "--encoding", "base64")
    return {
        "ids": [record["tokens"] for record in tokens], "texts": vectors[:len(TEXTS)], "images": vectors[len(TEXTS):],
        "states": np.stack([floats(record, "states").reshape(record["shape"]) for record in states])}


parser = argparse.ArgumentParser()
parser.add_argument("--clip", required=True)
parser.add_argument("--count", type=int, default=300)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--keep")
parser.add_argument("--kind", choices=["clip", "siglip"])
options = parser.parse_args()
clip = os.path.abspath(options.clip)
VOCABULARY = json.loads((HERE / "transformers/vocab.json").read_text())
TOKENIZER_JSON = transformers.CLIPTokenizer.from_pretrained(HERE / "transformers").backend_tokenizer.to_str()
PIECES = transformers.SiglipTokenizer(str(HERE / "siglip/spiece.model")).vocab_size
work = pathlib.Path(tempfile.mkdtemp())
pictures = []
for index, (width, height) in enumerate([(37, 29), (16, 16), (20, 51), (300, 203)]):
    path = work / f"{index}.png"
    noise = np.random.default_rng(index).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(noise).resize((width, height)).save(path)
    pictures.append(path)
refused, lenient, outcomes, worst = collections.Counter(), [], collections.Counter(), 0.0
for index in range(options.count):
    r = random.Random(f"{options.seed} {index}")
    r_indent, r_ascii = r.choice([None, 2]), maybe(r)
    kind = options.kind or r.choice(["clip", "clip", "clip", "siglip"])
    folder = work / f"model-{index}"
    folder.mkdir()
    make(r, folder, kind)
    theirs, ours = reference(folder, kind, pictures), run(clip, folder, pictures)
    failures = {name: value for name, value in theirs.items() if isinstance(value, str)}
    if isinstance(ours, str):
        outcomes["both refuse" if failures else "only clip refuses"] += 1
        reason = re.sub(r"^\S*/model-\d+/?", "", ours.removeprefix("clip: ").removeprefix("error: "))
        if not failures:
            refused[re.sub(r"\d+", "N", reason)] += 1
    elif failures:
        outcomes["only transformers refuses"] += 1
        lenient.append((index, failures))
    else:
        differing = [] if theirs["ids"] == ours["ids"] else ["ids"]
        for name in ["texts", "images", "states"]:
            distance = float(np.abs(theirs[name] - ours[name]).max())
            worst = max(worst, distance) if distance < 1e-3 else worst
            if not distance < 1e-4:
                differing.append(f"{name} by {distance:.3g}")
        outcomes["different" if differing else "equal"] += 1
        if differing:
            print(f"model-{index} ({kind}): {', '.join(differing)}")
            if "ids" in differing:
                for text, a, b in zip(TEXTS, theirs["ids"], ours["ids"]):
                    if a != b:
                        print(f"    {text!r}: {a} in transformers, {b} here")
    if options.keep and (isinstance(ours, str) or failures or differing):
        shutil.copytree(folder, pathlib.Path(options.keep) / folder.name, dirs_exist_ok=True)
    shutil.rmtree(folder)
shutil.rmtree(work)
for reason, count in refused.most_common():
    print(f"{count:4} refused here only: {reason}")
for index, failures in lenient:
    print(f"model-{index}: refused by transformers only: {failures}")
print(dict(outcomes), f"largest difference of equal ones {worst:.2g}")
sys.exit(1 if outcomes["different"] else 0)
