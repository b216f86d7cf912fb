#!/usr/bin/env python3
"""Writes the fixtures of what Hugging Face keeps CLIP's tokenizer in, with transformers.

    python3 -m venv venv && venv/bin/pip install open_clip_torch==3.3.0 ftfy==6.3.1 transformers==5.23.0
    venv/bin/python Tests/Fixtures/BPE/make_files.py

vocab.json      ids of the symbols of small-merges.txt, in another order than they follow from the merges
tokenizer.json  the same vocabulary and merges, with an added token
files.tsv.gz    lines `text, ids by vocab.json, ids by tokenizer.json` of transformers' CLIPTokenizer
"""
import json
import pathlib
import random

import make_fixtures as texts
from tokenizers import AddedToken
from transformers import CLIPTokenizer

HERE = pathlib.Path(__file__).resolve().parent


def main():
    merges = [tuple(line.split(" ")) for line in (HERE / "small-merges.txt").read_text().splitlines()[1:]]
    alphabet = list(texts.reference.bytes_to_unicode().values())
    symbols = alphabet + [a + "</w>" for a in alphabet] + ["".join(m) for m in merges]
    # One byte is left out, which becomes the unknown token.
    symbols.remove("~</w>")
    symbols += ["<|startoftext|>", "<|endoftext|>"]
    random.Random(3).shuffle(symbols)
    vocab = {symbol: index + 7 for index, symbol in enumerate(symbols)}
    (HERE / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=True, separators=(",", ":")))
    plain = CLIPTokenizer(vocab=vocab, merges=merges)
    added = CLIPTokenizer(vocab=vocab, merges=merges)
    added.add_tokens([AddedToken("<dog>", rstrip=True, lstrip=True, normalized=False), AddedToken("Red", single_word=True)])
    content = json.loads(added._tokenizer.to_str())
    (HERE / "tokenizer.json").write_text(json.dumps(content, ensure_ascii=False, separators=(",", ":")))
    extra = ["a ~ b~", "a <dog> Red red Redder <dog><dog>", "<|endoftext|> <|startoftext|>x", "  RED  <DOG>"]
    lines = [
        "\t".join([texts.escaped(text)] + [
            " ".join(map(str, tokenizer(text, add_special_tokens=False).input_ids)) for tokenizer in (plain, added)])
        for text in extra + [text for _, text in texts.corpus(900, 9)][::2]]
    texts.write_gzip(HERE / "files.tsv.gz", "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
