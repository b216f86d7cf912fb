#!/usr/bin/env python3
"""Writes what fuzzing starts from, `FOLDER/TARGET/NAME`: small files of the other fixtures, parts of them, and lines by hand.

Usage: seeds.py FOLDER. Then `scripts/fuzz.sh --keep TARGET FOLDER/TARGET` takes those into the corpus that reach code which
nothing in it reaches yet.
"""
import json
import pathlib
import sys
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
FIXTURES = HERE.parent / "Fixtures"
ROOT = HERE.parent.parent
LARGEST = 6 << 10
out = pathlib.Path(sys.argv[1])


def seed(target, name, content):
    if isinstance(content, str):
        content = content.encode()
    folder = out / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def copy(target, *patterns, root=FIXTURES):
    for pattern in patterns:
        for path in sorted(root.glob(pattern)):
            if path.stat().st_size <= LARGEST:
                seed(target, "-".join(path.relative_to(root).parts), path.read_bytes())


IMAGES = {"png": ["png"], "jpeg": ["jpg", "jpeg"], "webp": ["webp"], "gif": ["gif"], "tiff": ["tif", "tiff"], "bmp": ["bmp"]}
for target, endings in IMAGES.items():
    for ending in endings:
        copy(target, f"Imaging/**/*.{ending}")
copy("safetensors", "**/*.safetensors")
copy("torch", "Torch/*.pt", "Torch/*.bin")
for path in sorted(FIXTURES.glob("Torch/*.pt")):
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.endswith("/data.pkl") and archive.getinfo(name).file_size <= LARGEST:
                    seed("pickle", path.stem, archive.read(name))
copy("config", "Published/*/*config.json")
for name in ["config", "model", "yaml"]:
    copy(name, "Models/*/model.yaml", "Examples/**/model.yaml", root=ROOT)
copy("yaml", "Examples/*/train.yaml", "Plugins/*/plugin.yaml", root=ROOT)
copy("yaml", "Published/*/*config.json")
copy("manifest", "Plugins/*/plugin.yaml", "Examples/**/plugin.yaml", root=ROOT)
copy("merges", "Published/*/merges.txt", "Published/*/bpe_simple_vocab_16e6.txt.gz", "BPE/small-merges.txt", "Published/*/vocab.json")
copy("sentencepiece", "Published/*/spiece.model", "SentencePiece/*.model")

# Vocabularies are cut so that mutations meet the structure, not one of a thousand pieces.
bpe = json.loads((FIXTURES / "BPE/tokenizer.json").read_text())
seed("bpe", "whole", json.dumps(bpe, ensure_ascii=False, separators=(",", ":")))
for name in ["unigram", "bpe"]:
    file = json.loads((FIXTURES / f"SentencePiece/{name}.json").read_text())
    vocabulary = file["model"]["vocab"]
    if isinstance(vocabulary, dict):
        file["model"]["vocab"] = dict(list(vocabulary.items())[:60])
        known = file["model"]["vocab"]
        pairs = [pair.split(" ") if isinstance(pair, str) else pair for pair in file["model"]["merges"]]
        file["model"]["merges"] = [p for p in pairs if {*p, "".join(p)} <= known.keys()]
    else:
        file["model"]["vocab"] = vocabulary[:40]
    seed("sentencepiece", f"{name}.json", json.dumps(file, ensure_ascii=False))

INPUTS = [
    "a photo of a cat", "dog.png", "/tmp/an image with spaces.JPEG", '{"text":"two dogs"}', '{"id":7,"image":"dog.png"}',
    '{"id":"a","text":"caf\\u00e9 \\ud83d\\ude00","extra":{"a":[1,null,true]},"b":-1.5e-3}', '{"path_base64":"L3RtcC//"}',
    '{"id":"7","error":{"code":"image.missing","message":"no such file"}}', '{"text":null}', '"quoted"', '[{"text":"a"}]',
    "data:image/png;base64,iVBORw0KGgo=", "file:///tmp/dog.png", "\ufeffa caption", "caf\u00e9", "\u0000\u0000", "",
]
for number, line in enumerate(INPUTS):
    seed("inputs", str(number), line)
seed("inputs", "all", "\n".join(INPUTS) + "\n")
EMBEDDINGS = [
    '{"id":"7","modality":"image","path":"dog.png","space":"3f9c12ab","embedding":[0.5,-0.25,1e-9]}',
    '{"id":8,"modality":"text","text":"a dog","space":"3f9c12ab","embedding":"AACAPwAAAMA="}',
    '{"embedding":[0.69999998807907104492,1E+2,-0.0,123456789012345678901234567890]}',
    '{"id":"7","error":{"code":"image.missing","message":"no such file"}}', '{"id":1,"states":[[1,2]],"ids":[1]}',
    '{"id":"x","modality":"image","path_base64":"L3RtcC//","embedding":[1],"label":"cat","n":[1,{"a":"\\u0000"}]}',
]
for number, line in enumerate(EMBEDDINGS):
    seed("embeddings", str(number), line)
seed("embeddings", "all", "\n".join(EMBEDDINGS) + "\n")
YAML = [
    "a: &x [1, 2.5, .nan, null, ~, yes]\nb: *x\n", "- 'it''s'\n- \"\\u00e9\\n\"\n- |\n  two\n  lines\n- >-\n  folded\n  text\n",
    "? a b\n: {c: !!str 12, 'd': }\n", "# comment\nkey: \"value\" # comment\n", "%YAML 1.1\n---\na: 1\n...\n", "a: 1e-5\nb: -0.0\nc: 0x1F\nd: 1_000\n",
]
for number, text in enumerate(YAML):
    seed("yaml", str(number), text)
seed(
    "model", "shards",
    "name: a\nimage: {encoder: vit, config: {imageSize: 32}}\npreprocess: {resize: 32, crop: center, mean: [0.5, 0.5, 0.5]}\n"
    "text:\n  encoder: transformer\n  tokenizer: {name: bpe, config: {merges: merges.txt}}\n  config: {contextLength: 77}\n"
    "embedding: 16\nloss: {name: info-nce}\nweights: model.safetensors\n")
TEXTS = [
    "a photo of a cat", "Où est le chat? ½ 猫 \n\n<|endoftext|> <b>1234", "<|startoftext|>don't we'll I'm", "&amp;lt; &eacute;",
    "e\u0301\u0301\u0327 \ufb01 \u212b \uac00\u11a8", "\U0001f600\u200d\U0001f469\ufe0f", "\u0000\u0001\ufffd", "schÃ¶n â€œquotedâ€\u009d",
    "abc </s> <s> <pad> <unk> \u2581x", "\u0130\u0131\u1e9e\u03a3 \u03a3", "\u202eabc\u200f \u3000\u2003",
]
for number, text in enumerate(TEXTS):
    seed("text", str(number), text)
