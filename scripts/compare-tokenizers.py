#!/usr/bin/env python3
"""Compares the ids of `clip tokenize` with those of the reference tokenizers, on generated texts of many languages.

    python3 -m venv venv && venv/bin/pip install open_clip_torch==3.3.0 ftfy==6.3.1 transformers==5.23.0 \\
        tokenizers==0.23.3 sentencepiece==0.2.3 protobuf
    venv/bin/python scripts/compare-tokenizers.py .build/release/clip bpe_simple_vocab_16e6.txt.gz

CLIP's byte-pair encoding: openai/CLIP's cleaning with open_clip's SimpleTokenizer and ftfy; transformers' CLIPTokenizer by
the published file, by vocab.json with merges.txt, and by tokenizer.json. SentencePiece: a unigram and a BPE model of a few
thousand pieces, trained here with the rules nmt_nfkc and with byte fallback, by .model and tokenizer.json, with every
cleaning. Prints how many of the lines differ, and exits with 1 where one does.
"""
import argparse
import importlib.util
import json
import pathlib
import random
import subprocess
import sys
import tempfile

FIXTURES = pathlib.Path(__file__).resolve().parents[1] / "Tests" / "Fixtures"


def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


pieces = load("sentencepiece_fixtures", FIXTURES / "SentencePiece" / "make_fixtures.py")
texts = pieces.texts


def tokenize(clip, folder, tokenizer, lines):
    """The ids that `clip` gives, start and end included, of a model that cuts nothing."""
    model = {"name": "compare", "embedding": 8, "text": {
        "encoder": "transformer", "tokenizer": tokenizer, "config": {"contextLength": 65536}}}
    (folder / "model.yaml").write_text(json.dumps(model))
    records = "".join(json.dumps({"text": line}) + "\n" for line in lines)
    run = subprocess.run([clip, "tokenize", "--model", folder], input=records.encode(), stdout=subprocess.PIPE, check=True)
    return [json.loads(line)["tokens"] for line in run.stdout.splitlines()]


def compare(name, lines, found, expected):
    differing = [row for row in zip(lines, found, expected, strict=True) if row[1] != row[2]]
    print(f"{name}: {len(differing)} of {len(lines)} lines differ", flush=True)
    for line, ids, reference in differing[:5]:
        print(f"  {line!r}\n    clip      {ids}\n    reference {reference}")
    return len(differing)


def clip_bpe(clip, merges, folder, lines):
    openai = texts.OpenAITokenizer(merges, "lower")
    start, end = openai.sot_token_id, openai.eot_token_id
    fast = texts.transformers_tokenizer(openai)
    (folder / "merges.txt").write_text(
        "#version: 0.2\n" + "".join(f"{left} {right}\n" for left, right in openai.bpe_ranks))
    (folder / "vocab.json").write_text(json.dumps(openai.encoder))
    fast._tokenizer.save(str(folder / "tokenizer.json"))

    def found(config):
        return tokenize(clip, folder, {"name": "bpe", "config": config}, lines)

    expected = [[start, *openai.encode(line), end] for line in lines]
    yield compare("bpe, published merges, openai", lines, found({"merges": str(merges)}), expected)
    expected = fast(lines).input_ids
    for name, config in {
        "published merges": {"merges": str(merges)},
        "vocab.json and merges.txt": {"vocabulary": "vocab.json"},
        "tokenizer.json": {"merges": "tokenizer.json"},
    }.items():
        yield compare(f"bpe, {name}, transformers", lines, found(config | {"cleaning": "transformers"}), expected)


def training(seed, count):
    """Sentences of more words than the samples have: parts of their words, put together."""
    rng = random.Random(seed)
    samples = [sample.split(" ") for sample in texts.SAMPLES.values()]
    for _ in range(count):
        words = rng.choice(samples)
        parts = [word[rng.randrange(len(word)):] for word in rng.choices(words, k=12)]
        yield " ".join([a + b for a, b in zip(parts[::2], parts[1::2])] + rng.choices(words, k=4))


def sentencepiece(clip, folder, lines):
    pieces.write_models(folder, list(training(3, 20000)), (6000, 6000), None)
    for (file, cleaning), encode in pieces.references(folder).items():
        found = tokenize(
            clip, folder, {"name": "sentencepiece", "config": {"model": file, "cleaning": cleaning}}, lines)
        yield compare(f"sentencepiece, {file}, {cleaning}", lines, found, [encode(line) for line in lines])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=pathlib.Path)
    parser.add_argument("merges", type=pathlib.Path, help="the published bpe_simple_vocab_16e6.txt.gz")
    parser.add_argument("--bpe-lines", type=int, default=100_000)
    parser.add_argument("--sentencepiece-lines", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=11)
    options = parser.parse_args()
    differing = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for count, ways in (
            (options.sentencepiece_lines, lambda lines: sentencepiece(options.clip, folder, lines)),
            (options.bpe_lines, lambda lines: clip_bpe(options.clip, options.merges.resolve(), folder, lines)),
        ):
            if count:
                differing += sum(ways([text for _, text in texts.corpus(count, options.seed)]))
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
