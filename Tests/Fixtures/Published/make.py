"""Writes tiny published models, saved by transformers and open_clip, with the vectors those give.

    python make.py && python make_states.py

Needs torch, transformers 5.23, open_clip_torch 3.3, timm 1.0, sentencepiece, safetensors. Weights are drawn, not trained.
"""

import gzip
import io
import json
import shutil
from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch

# open_clip and transformers import torchvision, of which nothing here is used; a build that does not fit torch must
# not stop them.
torch.library.register_fake = lambda *a, **k: (lambda f: f)

import open_clip
import sentencepiece
import timm
import transformers
from open_clip.tokenizer import SimpleTokenizer, basic_clean, canonicalize_text
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
            if not value.is_floating_point() or name in ("logit_scale", "logit_bias"):
                continue
            drawn = torch.randn(value.shape, generator=generator)
            if name.endswith("running_var"):
                value.copy_(0.5 + drawn.abs())
            elif value.dim() <= 1:
                scale = name.endswith("weight")
                value.copy_(drawn * 0.2 + (1 if scale else 0))
            elif "embedding" in name and "patch" not in name or name.endswith(("pos_embed", "probe", "latent", "cls_token")):
                value.copy_(drawn * 0.5)
            else:
                value.copy_(drawn * 1.5 / value[0].numel() ** 0.5)
    return model.eval()


def expected(folder, size, ids, image, text):
    """What the model gives; one of `image` and `text` may be None."""
    generator = torch.Generator().manual_seed(7)
    pixels = torch.randn(2, 3, size, size, generator=generator)
    tensors = {}
    with torch.no_grad():
        if image:
            tensors |= {"pixels": pixels, "images": image(pixels).contiguous()}
        if text:
            tensors |= {"texts": text(ids).contiguous(), "ids": ids.to(torch.int32)}
    save_file(tensors, folder / "expected.safetensors")
    if text:
        (folder / "texts.json").write_text(json.dumps(TEXTS) + "\n")


def empty(name):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


CLIP_PROCESSOR = {
    "crop_size": 16, "do_center_crop": True, "do_normalize": True, "do_resize": True,
    "feature_extractor_type": "CLIPFeatureExtractor", "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711], "resample": 3, "size": 16}
TEXT = dict(hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=3,
            max_position_embeddings=16, hidden_act="quick_gelu", layer_norm_eps=1e-3)
VISION = dict(hidden_size=32, intermediate_size=83, num_hidden_layers=2, num_attention_heads=4, image_size=16,
              patch_size=8, hidden_act="quick_gelu", layer_norm_eps=1e-3)


def write(folder, name, document):
    (folder / name).write_text(json.dumps(document, indent=2) + "\n")


def features(output):
    """The vector in what transformers gives."""
    return getattr(output, "pooler_output", output)


def clip_tokenizer(folder):
    bytes_ = list(open_clip.tokenizer.bytes_to_unicode().values())
    vocab = bytes_ + [b + "</w>" for b in bytes_] + [m.replace(" ", "") for m in MERGES]
    vocab += ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(vocab)}, ensure_ascii=False))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(MERGES) + "\n")
    tokenizer = transformers.CLIPTokenizer(
        vocab={token: i for i, token in enumerate(vocab)}, merges=[tuple(m.split(" ")) for m in MERGES])
    ids = tokenizer(TEXTS, padding="max_length", truncation=True, max_length=16, return_tensors="pt").input_ids
    end = len(vocab) - 1
    return ids, dict(vocab_size=len(vocab), eos_token_id=end, bos_token_id=end - 1, pad_token_id=1)


def transformers_model(name):
    folder = empty(name)
    ids, vocabulary = clip_tokenizer(folder)
    config = transformers.CLIPConfig(
        text_config=TEXT | vocabulary, vision_config=VISION, projection_dim=20)
    model = redraw(transformers.CLIPModel(config), 1)
    model.save_pretrained(folder)
    write(folder, "preprocessor_config.json", CLIP_PROCESSOR)
    expected(
        folder, 16, ids, lambda x: features(model.get_image_features(pixel_values=x)),
        lambda x: features(model.get_text_features(input_ids=x)))


def transformers_text(name, make, output, **settings):
    folder = empty(name)
    ids, vocabulary = clip_tokenizer(folder)
    sizes = dict(hidden_size=12, num_hidden_layers=1)
    model = redraw(make(transformers.CLIPTextConfig(**TEXT | vocabulary | sizes | settings)), 3)
    model.save_pretrained(folder)
    expected(folder, 16, ids, None, lambda x: getattr(model(input_ids=x), output))


def transformers_vision(name):
    folder = empty(name)
    config = transformers.CLIPVisionConfig(**VISION | dict(hidden_size=12, num_hidden_layers=1, projection_dim=20))
    model = redraw(transformers.CLIPVisionModelWithProjection(config), 4)
    model.save_pretrained(folder)
    # Where transformers 5 writes it for a model with a tokenizer.
    image = {key: value for key, value in CLIP_PROCESSOR.items() if key != "feature_extractor_type"}
    write(folder, "processor_config.json", {
        "image_processor": image | {"image_processor_type": "CLIPImageProcessor"}, "processor_class": "CLIPProcessor"})
    expected(folder, 16, None, lambda x: model(pixel_values=x).image_embeds, None)


def sentence_pieces(folder):
    """A vocabulary as SigLIP's: no start, `</s>` ends and fills."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS * 20), model_writer=model, vocab_size=48, hard_vocab_limit=False, model_type="unigram",
        normalization_rule_name="identity", bos_id=-1,
        pad_id=0, eos_id=1, unk_id=2, character_coverage=1.0, minloglevel=2)
    (folder / "spiece.model").write_bytes(model.getvalue())
    return transformers.SiglipTokenizer(str(folder / "spiece.model"), model_max_length=16)


def siglip_model(name):
    folder = empty(name)
    tokenizer = sentence_pieces(folder)
    write(folder, "tokenizer_config.json", {"tokenizer_class": "SiglipTokenizer", "model_max_length": 16})
    config = transformers.SiglipConfig(
        text_config=dict(
            vocab_size=tokenizer.vocab_size, hidden_size=12, intermediate_size=40, num_hidden_layers=1,
            num_attention_heads=3, max_position_embeddings=16, projection_size=24),
        vision_config=dict(
            hidden_size=24, intermediate_size=43, num_hidden_layers=1, num_attention_heads=4, image_size=20,
            patch_size=8))
    model = redraw(transformers.SiglipModel(config), 5)
    model.save_pretrained(folder)
    write(folder, "preprocessor_config.json", {
        "do_normalize": True, "do_rescale": True, "do_resize": True, "image_mean": [0.5, 0.5, 0.5],
        "image_processor_type": "SiglipImageProcessor", "image_std": [0.5, 0.5, 0.5], "resample": 2,
        "rescale_factor": 0.00392156862745098, "size": {"height": 20, "width": 20}})
    ids = tokenizer(TEXTS, padding="max_length", truncation=True, max_length=16, return_tensors="pt").input_ids
    expected(
        folder, 20, ids, lambda x: features(model.get_image_features(pixel_values=x)),
        lambda x: features(model.get_text_features(input_ids=x)))


def open_clip_model(name, vision, quick_gelu=False, custom_text=False, preprocess=None, text=None,
                    half=False, siglip=False, all_settings=False, **settings):
    folder = empty(name)
    if siglip:
        pieces = sentence_pieces(folder)
        vocabulary = pieces.vocab_size

        def tokenizer(texts):
            cleaned = [canonicalize_text(basic_clean(text)) for text in texts]
            return torch.tensor([(pieces.sp_model.encode(text)[:15] + [1] * 16)[:16] for text in cleaned])
    else:
        merge_file = folder / "bpe_simple_vocab_16e6.txt.gz"
        with gzip.GzipFile(merge_file, "wb", mtime=0) as file:
            file.write(("#version: 0.2\n" + "\n".join(MERGES)).encode())
        tokenizer = SimpleTokenizer(str(merge_file), context_length=16)
        vocabulary = tokenizer.vocab_size
    config = {
        "embed_dim": 20, "vision_cfg": vision,
        "text_cfg": {"context_length": 16, "vocab_size": vocabulary, "width": 24, "heads": 3, "layers": 2,
                     **(text or {})}, **settings}
    if quick_gelu:
        config["quick_gelu"] = True
    make = open_clip.CustomTextCLIP if custom_text else open_clip.CLIP
    model = redraw(make(**json.loads(json.dumps(config))), 2)
    if half:
        model.half().float()  # what the file holds
    if custom_text:
        config["custom_text"] = True
    if all_settings:  # written whether at their defaults or not
        config["vision_cfg"] = asdict(open_clip.CLIPVisionCfg(**config["vision_cfg"]))
        config["text_cfg"] = asdict(open_clip.CLIPTextCfg(**config["text_cfg"]))
    document = {"model_cfg": config, "preprocess_cfg": preprocess or {
        "mean": [0.48145466, 0.4578275, 0.40821073], "std": [0.26862954, 0.26130258, 0.27577711]}}
    (folder / "open_clip_config.json").write_text(json.dumps(document, indent=4) + "\n")
    tensors = {k: v.half() if half and v.is_floating_point() else v for k, v in model.state_dict().items()}
    save_file({k: v.contiguous() for k, v in tensors.items()}, folder / "open_clip_model.safetensors")
    expected(folder, vision["image_size"], tokenizer(TEXTS), model.encode_image, model.encode_text)


def timm_tower(name, **fixed):
    """Makes a tower that timm, and so open_clip, knows by `name`."""
    def make(pretrained=False, pretrained_cfg=None, pretrained_cfg_overlay=None, cache_dir=None, **settings):
        model = timm.models.vision_transformer.VisionTransformer(
            patch_size=8, embed_dim=24, depth=1, num_heads=3, **fixed | settings)
        model.default_cfg = {}
        return model

    make.__name__ = name
    timm.models.register_model(make)


timm_tower("tiny_siglip", img_size=20, mlp_ratio=2.5, class_token=False, global_pool="map", act_layer="gelu_tanh")
timm_tower("tiny_clip", img_size=16, pre_norm=True, norm_layer=partial(torch.nn.LayerNorm, eps=1e-5))

transformers_model("transformers")
transformers_text(
    "transformers-text", transformers.CLIPTextModelWithProjection, "text_embeds", projection_dim=20)
transformers_text("transformers-text-states", transformers.CLIPTextModel, "pooler_output")
transformers_vision("transformers-vision")
siglip_model("siglip")
open_clip_model(
    "open-clip-vit", {"image_size": 16, "layers": 2, "width": 40, "head_width": 10, "patch_size": 8, "mlp_ratio": 2.5},
    preprocess={"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "interpolation": "bilinear", "resize_mode": "squash"})
open_clip_model(
    "open-clip-custom-text", {"image_size": 16, "layers": 1, "width": 32, "head_width": 16, "patch_size": 8,
                              "norm_kwargs": {"eps": 1e-3}},
    custom_text=True, text={"norm_kwargs": {"eps": 1e-3}, "act_kwargs": {"approximate": "tanh"}})
open_clip_model(
    "open-clip-resnet", {"image_size": 32, "layers": [1, 1, 1, 1], "width": 4}, quick_gelu=True, half=True,
    all_settings=True)
open_clip_model(
    "open-clip-siglip", {"image_size": 20, "timm_model_name": "tiny_siglip", "timm_pool": "map", "timm_proj": "none"},
    custom_text=True, siglip=True, embed_dim=24, init_logit_bias=-10,
    text={"width": 12, "layers": 1, "hf_tokenizer_name": "tiny", "tokenizer_kwargs": {"clean": "canonicalize"}, "no_causal_mask": True,
          "proj_bias": True, "pool_type": "last", "norm_kwargs": {"eps": 1e-6}},
    preprocess={"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "interpolation": "bicubic", "resize_mode": "squash"})
open_clip_model(
    "open-clip-timm-linear", {"image_size": 20, "timm_model_name": "tiny_siglip", "timm_pool": "map"},
    siglip=True, text={"width": 12, "layers": 1, "hf_tokenizer_name": "tiny", "tokenizer_kwargs": {"clean": "canonicalize"}})
open_clip_model(
    "open-clip-timm", {"image_size": 16, "timm_model_name": "tiny_clip", "timm_pool": "token", "timm_proj": None},
    custom_text=True, text={"width": 12, "layers": 1, "no_causal_mask": True})
open_clip_model(
    "open-clip-average",
    {"image_size": 16, "layers": 1, "width": 24, "head_width": 8, "patch_size": 8, "ls_init_value": 0.1,
     "no_ln_pre": True, "pool_type": "avg", "final_ln_after_pool": True},
    text={"width": 12, "layers": 1, "ls_init_value": 0.1, "proj_bias": True, "pool_type": "last"}, all_settings=True)
open_clip_model(
    "open-clip-unprojected",
    {"image_size": 16, "layers": 1, "width": 24, "head_width": 8, "patch_size": 8, "pool_type": "avg"},
    custom_text=True, embed_dim=12,
    text={"width": 12, "layers": 1, "no_causal_mask": True, "proj_type": "none", "pool_type": "first",
          "act_kwargs": {"approximate": "tanh"}})
