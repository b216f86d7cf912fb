#!/usr/bin/env python3
"""Writes side-files.json: what transformers makes of the small model `transformers` beside this file when one of its side
files says something. For each case the files that are put beside it, and the ids, the id that fills, some pixels and the
vectors that come out; or `refused`, where transformers refuses, or `clip` must, with a part of what it says.

    python3 make_side_files.py        # after make.py

Also writes other-end.model, a SentencePiece vocabulary whose end has another id than SigLIP's, with its ids.

Needs torch, transformers 5.24, sentencepiece, Pillow. Images are prepared by Pillow (backend="pil").
"""
import io
import json
import os
import pathlib
import shutil
import tempfile

os.environ["CUDA_VISIBLE_DEVICES"] = ""
import sentencepiece
import torch
import transformers
from PIL import Image
from transformers import AutoImageProcessor, AutoTokenizer, CLIPModel

transformers.logging.set_verbosity_error()
HERE = pathlib.Path(__file__).parent
BASE = HERE / "transformers"
IMAGE = HERE.parents[2] / "Examples/pictures/pink-star-above-orange-square.png"
TEXTS = ["a <cat-toy> cat!", "the <|STARTOFTEXT|> dog <|endoftext|> !", "a<cat-toy>b  <pad> x"]
TOKENIZER = json.loads(transformers.CLIPTokenizer.from_pretrained(BASE).backend_tokenizer.to_str())
COUNT = len(json.loads((BASE / "vocab.json").read_text()))
START, END = COUNT - 2, COUNT - 1


def added(content, **flags):
    return {"content": content, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False,
            "special": False} | flags


def typed(content, **flags):
    return {"__type": "AddedToken", "content": content, "lstrip": False, "normalized": True, "rstrip": False,
            "single_word": False} | flags


def tokenizer_json(*tokens, **changes):
    return TOKENIZER | {"added_tokens": TOKENIZER["added_tokens"] + list(tokens)} | changes


# The model has room for two more ids, so that tokens can be added.
MAP, CONFIG, ADDED = "special_tokens_map.json", "tokenizer_config.json", "added_tokens.json"
TOKENIZERS = {
    "nothing beside": {},
    "pad_token in the map": {MAP: {"pad_token": "!"}},
    "pad_token in the config": {CONFIG: {"pad_token": "!"}},
    "the map goes before the config": {CONFIG: {"pad_token": "<|endoftext|>"}, MAP: {"pad_token": "!"}},
    "the config's decoder goes before the map": {
        CONFIG: {"pad_token": "<|endoftext|>", "added_tokens_decoder": {}}, MAP: {"pad_token": "!"}},
    "pad_token as an object": {MAP: {"pad_token": {"content": "!", "lstrip": True, "rstrip": False, "normalized": True, "single_word": False}}},
    "pad_token as an added token": {CONFIG: {"pad_token": typed("!", rstrip=True)}},
    "a pad_token that is new": {CONFIG: {"pad_token": "<pad>"}},
    "a start that is normalised": {MAP: {"bos_token": {"content": "<|startoftext|>", "lstrip": False, "normalized": True, "rstrip": False, "single_word": False}}},
    "added_tokens.json": {ADDED: {"<cat-toy>": COUNT}},
    "added_tokens.json with two": {ADDED: {"<cat-toy>": COUNT + 1, "<pad>": COUNT}},
    "added_tokens.json and a special one": {ADDED: {"<pad>": COUNT}, MAP: {"pad_token": "<pad>"}},
    "added_tokens_decoder": {CONFIG: {"added_tokens_decoder": {str(COUNT): added("<cat-toy>")}}},
    "added_tokens_decoder, lstrip and rstrip": {
        CONFIG: {"added_tokens_decoder": {str(COUNT): added("<cat-toy>", lstrip=True, rstrip=True)}}},
    "added_tokens_decoder, single_word": {
        CONFIG: {"added_tokens_decoder": {str(COUNT): added("<cat-toy>", single_word=True)}}},
    "added_tokens_decoder, normalized": {
        CONFIG: {"added_tokens_decoder": {str(COUNT): added("<CAT-toy>", normalized=True)}}},
    "additional_special_tokens": {CONFIG: {"additional_special_tokens": ["<cat-toy>"]}},
    "additional_special_tokens in the map": {MAP: {"additional_special_tokens": ["<cat-toy>"]}},
    "extra_special_tokens": {CONFIG: {"extra_special_tokens": {"toy_token": "<cat-toy>"}}},
    "tokenizer.json": {"tokenizer.json": tokenizer_json()},
    "added_tokens of tokenizer.json": {"tokenizer.json": tokenizer_json({"id": COUNT, **added("<cat-toy>")})},
    "added_tokens of tokenizer.json, and a decoder without": {
        "tokenizer.json": tokenizer_json({"id": COUNT, **added("<cat-toy>")}), CONFIG: {"added_tokens_decoder": {}}},
    "tokenizer.json with other steps": {"tokenizer.json": tokenizer_json(normalizer=None), CONFIG: {"tokenizer_class": "CLIPTokenizer"}},
    "an unk_token": {CONFIG: {"unk_token": "!"}},
    "keys without effect": {CONFIG: {
        "add_bos_token": False, "add_eos_token": True, "add_prefix_space": True, "do_lower_case": False, "errors": "replace",
        "model_max_length": 1000000000000000019884624838656, "clean_up_tokenization_spaces": True, "padding_side": "right",
        "tokenizer_class": "CLIPTokenizerFast", "processor_class": "CLIPProcessor", "name_or_path": "x", "chat_template": None}},
}
REFUSED = {
    "a pad_token beyond the table": ({CONFIG: {"pad_token": "<pad>", "additional_special_tokens": ["<1>", "<2>"]}}, f"has {COUNT + 3} ids"),
    "an added token with another id": ({ADDED: {"<cat-toy>": COUNT + 1}}, "by the vocabulary"),
    "padding on the left": ({CONFIG: {"padding_side": "left"}}, "padding_side"),
    "texts cut on the left": ({CONFIG: {"truncation_side": "left"}}, "truncation_side"),
    "texts cut sooner": ({CONFIG: {"model_max_length": 8}}, "texts are cut to 8"),
    "special tokens that are split": ({CONFIG: {"split_special_tokens": True}}, "split_special_tokens"),
    "another class": ({CONFIG: {"tokenizer_class": "GPT2Tokenizer"}}, "GPT2Tokenizer is not supported"),
    "code of its own": ({CONFIG: {"auto_map": {"AutoTokenizer": ["a.B", None]}}}, "auto_map"),
    "a key that is not known": ({CONFIG: {"do_reverse": True}}, "'do_reverse' is no key"),
    "a key of the map that is not known": ({MAP: {"nose_token": "x"}}, "'nose_token' is no key"),
    "a flag that is not known": ({CONFIG: {"added_tokens_decoder": {str(COUNT): added("<x>", upper=True)}}}, "'upper' is no key"),
    "a start that is null": ({CONFIG: {"bos_token": None}}, "bos_token is null"),
    "a tokenizer.json that cuts on the left": (
        {"tokenizer.json": tokenizer_json(padding={"strategy": "BatchLongest", "direction": "Left", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0, "pad_token": "!"})}, "at their start"),
    "an adapter": ({"adapter_config.json": {}}, "adapter_config.json"),
}
P = "preprocessor_config.json"
SQUARE = {"height": 16, "width": 16}
PROCESSORS = {
    "CLIP's defaults": {"size": 16, "crop_size": 16},
    "CLIP, a larger shorter side": {"size": {"shortest_edge": 20}, "crop_size": SQUARE, "image_processor_type": "CLIPImageProcessorFast"},
    "CLIP, both sides": {"size": SQUARE, "do_center_crop": False},
    "CLIP, a number for both sides": {"size": 16, "default_to_square": True, "crop_size": 16},
    "CLIP, a list": {"size": [16, 16], "crop_size": [16, 16]},
    "CLIP, a smaller picture than the crop": {"size": 12, "crop_size": 16},
    "CLIP's old name": {"feature_extractor_type": "CLIPFeatureExtractor", "size": 16, "crop_size": 16},
    "SigLIP": {"image_processor_type": "SiglipImageProcessor", "size": SQUARE, "do_convert_rgb": None},
    "ViT": {"image_processor_type": "ViTImageProcessor", "size": 16},
    "ViT's old name": {"feature_extractor_type": "ViTFeatureExtractor", "size": 16},
    "ViT that crops": {"image_processor_type": "ViTImageProcessorFast", "size": {"height": 20, "width": 20}, "do_center_crop": True, "crop_size": 16},
    "ConvNext": {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 16}},
    "ConvNext, another share": {"image_processor_type": "ConvNextImageProcessor", "size": 16, "crop_pct": 0.6},
    "DeiT": {"image_processor_type": "DeiTImageProcessor", "size": {"height": 18, "width": 18}, "crop_size": 16},
    "BLIP": {"image_processor_type": "BlipImageProcessor", "size": SQUARE},
    "Bit": {"image_processor_type": "BitImageProcessor", "size": {"shortest_edge": 16}, "crop_size": 16},
    "ChineseCLIP": {"image_processor_type": "ChineseCLIPImageProcessor", "size": 16, "crop_size": 16},
    "OwlViT": {"image_processor_type": "OwlViTImageProcessor", "size": SQUARE},
    "MobileNetV1": {"image_processor_type": "MobileNetV1ImageProcessor", "size": {"shortest_edge": 18}, "crop_size": 16},
    "PVT": {"image_processor_type": "PvtImageProcessor", "size": SQUARE},
    "one mean": {"size": 16, "crop_size": 16, "image_mean": 0.4, "image_std": 0.3},
    "steps of others": {"size": 16, "crop_size": 16, "do_thumbnail": True, "do_reduce_labels": True, "crop_pct": 0.5},
}
REFUSED_PROCESSORS = {
    "an unknown class": ({"image_processor_type": "EfficientNetImageProcessor", "size": SQUARE}, "EfficientNetImageProcessor is not supported"),
    "SigLIP2 with patches": ({"image_processor_type": "Siglip2ImageProcessor"}, "Siglip2ImageProcessor is not supported"),
    "BEiT": ({"feature_extractor_type": "BeitFeatureExtractor", "size": 16}, "BeitFeatureExtractor is not supported"),
    "a key that is not known": ({"size": 16, "crop_size": 16, "sharpen": 2}, "'sharpen' is no key"),
    "padding": ({"size": 16, "crop_size": 16, "do_pad": True}, "do_pad"),
    "no rescaling": ({"size": 16, "crop_size": 16, "do_rescale": None}, "do_rescale"),
    "no normalising": ({"size": 16, "crop_size": 16, "do_normalize": False}, "do_normalize"),
    "no resizing": ({"size": 16, "crop_size": 16, "do_resize": False}, "do_resize"),
    "another factor": ({"size": 16, "crop_size": 16, "rescale_factor": 0.0078}, "1/255"),
    "no filter": ({"size": 16, "crop_size": 16, "resample": None}, "resample"),
    "Lanczos": ({"size": 16, "crop_size": 16, "resample": 1}, "filter 1"),
    "a rectangle": ({"size": {"height": 16, "width": 17}, "do_center_crop": False}, "equal height and width"),
    "a longest side": ({"size": {"shortest_edge": 16, "longest_edge": 32}, "crop_size": 16}, "equal height and width"),
    "proportions": ({"size": 16, "do_center_crop": False}, "keep their proportions"),
    "channels last": ({"size": 16, "crop_size": 16, "data_format": "channels_last"}, "data_format"),
    "code of its own": ({"size": 16, "crop_size": 16, "auto_map": {"AutoImageProcessor": "a.B"}}, "auto_map"),
}
TEXT, VISION = "text_config", "vision_config"


def changed(part, **values):
    return json.loads((BASE / "config.json").read_text())[part] | values


CONFIGS = {
    "text_config_dict goes before text_config": {"text_config_dict": changed(TEXT, num_attention_heads=2)},
    "vision_config_dict goes before vision_config": {"vision_config_dict": changed(VISION, num_attention_heads=2)},
    "text_config_dict alone": {"text_config_dict": changed(TEXT, hidden_act="gelu"), TEXT: None},
    "a text_config_dict without the activation has the class's": {
        "text_config_dict": {k: v for k, v in changed(TEXT).items() if k != "layer_norm_eps"}},
    "a text_config_dict that is null": {"text_config_dict": None, "vision_config_dict": None},
}


def folder_with(files):
    folder = pathlib.Path(tempfile.mkdtemp())
    for name in ["config.json", "vocab.json", "merges.txt", P, "model.safetensors"]:
        shutil.copy(BASE / name, folder)
    for name, document in files.items():
        (folder / name).write_text(json.dumps(document))
    return folder


def rounded(values):
    return [float(f"{value:.6g}") for value in values]


cases = []
for name, files in TOKENIZERS.items():
    tokenizer = AutoTokenizer.from_pretrained(folder_with(files))
    assert type(tokenizer).__name__ == "CLIPTokenizer"
    cases.append({
        "name": name, "files": files, "ids": [tokenizer(text).input_ids for text in TEXTS], "pad": tokenizer.pad_token_id})
for name, (files, message) in REFUSED.items():
    cases.append({"name": name, "files": files, "refused": message})
image = Image.open(IMAGE).convert("RGB")
for name, settings in PROCESSORS.items():
    processor = AutoImageProcessor.from_pretrained(folder_with({P: settings}), backend="pil")
    pixels = processor(image.resize((37, 23), Image.BICUBIC), return_tensors="np")["pixel_values"][0]
    assert pixels.shape == (3, 16, 16), (name, pixels.shape)
    cases.append({"name": f"processor: {name}", "files": {P: settings}, "pixels": rounded(pixels.reshape(-1)[::31])})
for name, (settings, message) in REFUSED_PROCESSORS.items():
    cases.append({"name": f"processor: {name}", "files": {P: settings}, "refused": message})
ids = AutoTokenizer.from_pretrained(BASE)(["a photo of a cat"], return_tensors="pt").input_ids
generator = torch.Generator().manual_seed(7)
pixels = torch.randn(2, 3, 16, 16, generator=generator)  # as in expected.safetensors
for name, changes in CONFIGS.items():
    files = {"config.json": json.loads((BASE / "config.json").read_text()) | changes}
    model = CLIPModel.from_pretrained(folder_with(files), dtype=torch.float32).eval()
    with torch.no_grad():
        texts = model.get_text_features(input_ids=ids)
        images = model.get_image_features(pixel_values=pixels)
    vectors = [getattr(v, "pooler_output", v)[0] for v in (texts, images)]
    cases.append({
        "name": name, "files": files, "text": rounded(vectors[0].tolist()), "image": rounded(vectors[1].tolist())})
model = io.BytesIO()
sentencepiece.SentencePieceTrainer.train(
    sentence_iterator=iter(["the cat and the dog", "a photo of the hats"] * 20), model_writer=model, vocab_size=40,
    hard_vocab_limit=False, model_type="unigram", normalization_rule_name="identity", unk_id=0, bos_id=1, pad_id=2, eos_id=3,
    character_coverage=1.0, minloglevel=2)
(HERE / "other-end.model").write_bytes(model.getvalue())
pieces = transformers.SiglipTokenizer(str(HERE / "other-end.model"), model_max_length=16)
other_end = {"ids": [pieces(text).input_ids for text in TEXTS], "pad": pieces.pad_token_id, "size": pieces.vocab_size}
(HERE / "side-files.json").write_text(
    '{"texts":' + json.dumps(TEXTS) + ',"otherEnd":' + json.dumps(other_end) + ',"cases":[\n'
    + ",\n".join(json.dumps(case) for case in cases) + "\n]}\n")
