#!/usr/bin/env python3
"""Writes the fixtures of SentencePieceTests with the reference tokenizers.

    python3 -m venv venv && venv/bin/pip install sentencepiece==0.2.3 transformers==5.23.0 tokenizers==0.23.3 \\
        protobuf open_clip_torch==3.3.0 ftfy==6.3.1
    venv/bin/python Tests/Fixtures/SentencePiece/make_fixtures.py

unigram.model  a unigram model like SigLIP's (T5's ids; the rules of characters are a part of NFKC, to be small)
unigram.json   the same as the tokenizer.json of transformers' T5Tokenizer
bpe.model      a BPE model with byte fallback like SigLIP2's (Gemma's ids)
bpe.json       the same as the tokenizer.json of transformers' GemmaTokenizer
ids.tsv.gz     lines `file, cleaning, category, text, ids with the end`

In a text, \\n \\r \\t \\\\ stand for the characters that would break a line or a column.
"""
import importlib.util
import json
import pathlib
import random
import string
import sys
import tempfile
import unicodedata

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer, normalizers
from transformers import GemmaTokenizer, Siglip2Tokenizer, SiglipTokenizer, T5Tokenizer

HERE = pathlib.Path(__file__).resolve().parent
_spec = importlib.util.spec_from_file_location("bpe_fixtures", HERE.parent / "BPE" / "make_fixtures.py")
texts = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(texts)

USER_DEFINED = ["<start_of_turn>", "\n\n", "\n\n\n", "▁▁", "▁▁▁", "<b>", "猫が"]


def training(seed, names, count):
    rng = random.Random(seed)
    for _ in range(count):
        sample = texts.SAMPLES[rng.choice(names)].split(" ")
        yield " ".join(rng.choice(sample) for _ in range(rng.randint(1, 8)))


def write_rules(path):
    """A part of NFKC, white space as spaces, and controls as nothing, as the rule nmt_nfkc has them."""
    rules = {c: " " for c in "\t\n\r\f\v\x85\xa0\u1680\u2003\u2009\u2028\u3000\u200b"}
    rules.update({chr(c): "" for c in [*range(1, 9), 0x0E, 0x1B, 0x7F]})
    for name in ("mathematical", "ligatures", "fullwidth", "halfwidth", "combining", "french", "czech", "jamo", "digits"):
        for character in texts.SAMPLES[name]:
            for source in {character, unicodedata.normalize("NFD", character)}:
                target = unicodedata.normalize("NFKC", source)
                if source != target and len(source) < 4:
                    rules[source] = target
    with open(path, "w") as file:
        for source, target in sorted(rules.items()):
            file.write(" ".join(f"{ord(c):X}" for c in source) + "\t" + " ".join(f"{ord(c):X}" for c in target) + "\n")


def train(prefix, sentences, vocab_size, kind, **options):
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences), model_prefix=prefix, vocab_size=vocab_size, model_type=kind,
        num_threads=1, minloglevel=2, **options)
    return pathlib.Path(prefix + ".model").read_bytes()


UNIGRAM = dict(pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
BPE = dict(pad_id=0, eos_id=1, bos_id=2, unk_id=3, pad_piece="<pad>", eos_piece="<eos>", bos_piece="<bos>",
           byte_fallback=True, normalization_rule_name="identity", add_dummy_prefix=False,
           remove_extra_whitespaces=False, user_defined_symbols=USER_DEFINED)


def proto(model):
    message = sentencepiece_model_pb2.ModelProto()
    message.ParseFromString(model)
    return message


def unigram_json(model):
    """A tokenizer.json as transformers makes it of a unigram model."""
    message = proto(model)
    tokenizer = T5Tokenizer(
        vocab=[(p.piece, p.score) for p in message.pieces], extra_ids=0,
        _spm_precompiled_charsmap=message.normalizer_spec.precompiled_charsmap or None)
    return tokenizer


def bpe_vocabulary(model):
    """Pieces and merges as transformers takes them out of a BPE model."""
    message = proto(model)
    vocab = {p.piece: i for i, p in enumerate(message.pieces)}
    scores = {p.piece: p.score for p in message.pieces}
    merges = []
    for piece in vocab:
        local = [(piece[:i], piece[i:]) for i in range(1, len(piece)) if piece[:i] in vocab and piece[i:] in vocab]
        merges += [(scores[piece], vocab[left], vocab[right], left, right) for left, right in local]
    merges.sort(key=lambda m: (-m[0], m[1], m[2]))
    return vocab, [(left, right) for *_, left, right in merges]


def gemma(model, kind=GemmaTokenizer):
    vocab, merges = bpe_vocabulary(model)
    tokenizer = kind(vocab=vocab, merges=merges, mask_token="<unk>")
    from tokenizers import AddedToken
    tokenizer._tokenizer.add_tokens([AddedToken(p, normalized=False) for p in USER_DEFINED if "▁" not in p])
    return tokenizer


def canonicalized(text):
    """open_clip's clean: canonicalize."""
    return texts.reference._clean_canonicalize(text)


def references(folder):
    """What gives the ids of each file with each cleaning."""
    lower = normalizers.Lowercase().normalize_str
    unigram = sentencepiece.SentencePieceProcessor(model_file=str(folder / "unigram.model"))
    bpe = sentencepiece.SentencePieceProcessor(model_file=str(folder / "bpe.model"))
    siglip = SiglipTokenizer(str(folder / "unigram.model"))
    t5 = Tokenizer.from_file(str(folder / "unigram.json"))
    fast = Tokenizer.from_file(str(folder / "bpe.json"))
    siglip2 = gemma((folder / "bpe.model").read_bytes(), Siglip2Tokenizer)

    def ids(tokenizer, text):
        return tokenizer.encode(text, add_special_tokens=False).ids + [1]

    return {
        ("unigram.model", "none"): lambda t: unigram.encode(t) + [1],
        ("unigram.model", "transformers"): lambda t: siglip(t).input_ids,
        ("unigram.model", "open_clip"): lambda t: unigram.encode(canonicalized(t)) + [1],
        ("unigram.json", "none"): lambda t: ids(t5, t),
        ("unigram.json", "lower"): lambda t: ids(t5, lower(t)),
        ("unigram.json", "open_clip"): lambda t: ids(t5, canonicalized(t)),
        ("bpe.model", "none"): lambda t: bpe.encode(t) + [1],
        ("bpe.model", "lower"): lambda t: bpe.encode(lower(t)) + [1],
        ("bpe.json", "none"): lambda t: ids(fast, t),
        ("bpe.json", "lower"): lambda t: siglip2(t, add_special_tokens=False).input_ids + [1],
        ("bpe.json", "open_clip"): lambda t: ids(fast, canonicalized(t)),
    }


def write_models(folder, sentences, sizes, rules):
    """The four files: unigram and BPE, in both formats."""
    with tempfile.TemporaryDirectory() as work:
        if rules is None:
            rule = dict(normalization_rule_name="nmt_nfkc")
        else:
            rules(f"{work}/rules.tsv")
            rule = dict(normalization_rule_tsv=f"{work}/rules.tsv")
        unigram = train(f"{work}/unigram", sentences, sizes[0], "unigram", **UNIGRAM, **rule, hard_vocab_limit=False)
        bpe = train(f"{work}/bpe", sentences, sizes[1], "bpe", **BPE)
    (folder / "unigram.model").write_bytes(unigram)
    (folder / "bpe.model").write_bytes(bpe)
    for name, tokenizer in (("unigram", unigram_json(unigram)), ("bpe", gemma(bpe))):
        # Without indentation it is a third as large.
        content = json.loads(tokenizer._tokenizer.to_str())
        (folder / f"{name}.json").write_text(json.dumps(content, ensure_ascii=False, separators=(",", ":")))


def fixture_lines(folder, count, seed):
    makers = references(folder)
    extra = [("special", t) for t in ["</s>", "a </s> b", "a</s>", "<unk>x", "<pad>", "<eos>", "<start_of_turn>user\n\n\n",
                                      "▁a ▁ b▁", "  two  spaces ", "a   b    c", "\n\n\n\n", "_a_b_", "..."]]
    extra += [("punctuation", string.punctuation.join(["A", "b"]))]
    for index, (category, text) in enumerate(extra + list(texts.corpus(count, seed))):
        for number, ((file, cleaning), encode) in enumerate(makers.items()):
            if index >= len(extra) and (index + number) % 4:
                continue
            yield f"{file}\t{cleaning}\t{category}\t{texts.escaped(text)}\t{' '.join(map(str, encode(text)))}\n"


def main():
    names = ["english", "captions", "french", "german", "russian", "greek", "japanese", "korean", "digits", "hindi"]
    sentences = list(training(1, names, 4000))
    write_models(HERE, sentences, (700, 800), write_rules)
    texts.write_gzip(HERE / "ids.tsv.gz", "".join(fixture_lines(HERE, 1000, 5)))


if __name__ == "__main__":
    sys.exit(main())
