#!/usr/bin/env python3
"""Writes the fixtures of BPETokenizerTests with the reference tokenizers.

    python3 -m venv venv && venv/bin/pip install open_clip_torch==3.3.0 ftfy==6.3.1 transformers==5.23.0
    venv/bin/python Tests/Fixtures/BPE/make_fixtures.py bpe_simple_vocab_16e6.txt.gz

published.tsv.gz  lines `cleaning, spelling of special tokens, category, text, ids` with the published merges
small.tsv.gz      the same with the merges in small-merges.txt
small-merges.txt  merges that a plain trainer below learns from training.txt.gz
training.txt.gz   the texts it learns from, one a line

In a text, \\n \\r \\t \\\\ stand for the characters that would break a line or a column.

With --lines N --output FILE it writes N lines of another seed instead, for a longer comparison.
"""
import argparse
import gzip
import importlib.util
import itertools
import pathlib
import random
import sys
import unicodedata
from collections import Counter

HERE = pathlib.Path(__file__).resolve().parent
# open_clip's tokenizer alone: importing the package would import its models.
_spec = importlib.util.find_spec("open_clip")
_path = pathlib.Path(_spec.submodule_search_locations[0]) / "tokenizer.py"
_spec = importlib.util.spec_from_file_location("open_clip_tokenizer", _path)
reference = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(reference)

SAMPLES = {
    "english": "a photo of a red cat sitting on the wooden table near an old window with two small dogs",
    "captions": "Itap of a DJ's set; the world's best pizza, isn't it? We'll see, I'd say they've won, I'm sure you're "
    "right. O'Neill's 12 o'clock rock'n'roll 'tis the '90s y'all'd've don't",
    "french": "Voilà l'été à Noël où ça brûle, dès l'aïeul maïs cœur sœur Œuvre garçon français À la mode",
    "german": "Straße größer ÜBER Äpfel öffnen Fußgängerübergänge STRASSE ẞ groß Maß",
    "spanish": "¿Qué pasó? ¡Mañana el niño comió piñas! corazón Ñandú",
    "portuguese": "São João às três não é só coração à tarde àquela",
    "polish": "Zażółć gęślą jaźń Łódź Kraków świętość",
    "czech": "Příliš žluťoučký kůň úpěl ďábelské ódy Škoda",
    "turkish": "İstanbul'da ığdır IĞDIR çok güzel şehir İİ iI Iı",
    "vietnamese": "Tiếng Việt rất đẹp đường phố Hà Nội người",
    "romanian": "Ștefan țară înălțime șapte Ţara Şcoala",
    "greek": "Καλημέρα κόσμε ΣΊΣΥΦΟΣ ΟΔΟΣ Σ ΑΣ. ΑΣΑ ΌΛΑ ῇ ᾳ ᾼ Ἀθῆναι ΐ",
    "russian": "Привет, мир! Кошка сидит на окне. Ёлка ЙОД объявление ВАСЯ",
    "ukrainian": "Привіт світе їжак Ґанок Є",
    "arabic": "مرحبا بالعالم القطة على الطاولة ٠١٢٣٤ لا إله",
    "arabic marks": "بِسْمِ ٱللَّٰهِ ٱلرَّحْمَٰنِ ٱلرَّحِيمِ",
    "hebrew": "שלום עולם חתול על השולחן שָׁלוֹם",
    "persian": "گربه روی میز می‌نشیند ۱۲۳",
    "hindi": "नमस्ते दुनिया बिल्ली मेज पर बैठी है क़ ड़ १२३",
    "bengali": "হ্যালো বিশ্ব বিড়াল ো ৌ",
    "tamil": "வணக்கம் உலகம் பூனை ொ",
    "thai": "สวัสดีชาวโลก แมวนั่งบนโต๊ะ น้ำ ๑๒๓",
    "lao": "ສະບາຍດີ ຊາວໂລກ",
    "tibetan": "བཀྲ་ཤིས་བདེ་ལེགས་ ཀྵ གྷ",
    "burmese": "မင်္ဂလာပါ ကမ္ဘာ",
    "khmer": "សួស្តី ពិភពលោក",
    "georgian": "გამარჯობა მსოფლიო ᲒᲐᲛᲐᲠᲯᲝᲑᲐ",
    "armenian": "Բարեւ աշխարհ ԲԱՐԵՒ և",
    "amharic": "ሰላም ልዑል ፩፪፫",
    "cherokee": "ᎣᏏᏲ ꭳꮟꮂ Ꮳ",
    "korean": "안녕하세요 세계 고양이가 앉아 있다 ㄱㄴㄷ",
    "jamo": unicodedata.normalize("NFD", "안녕하세요 세계 각"),
    "japanese": "こんにちは世界 猫がテーブルの上に座っている カタカナ ガギグ パピプ 々〆ヶ",
    "halfwidth": "ｶﾀｶﾅ ｶﾞｷﾞ ﾊﾟﾋﾟ ｱｲｳ ﾡﾢ ￠￡￢￣￤￥￦ ｟｠ ￩￪",
    "fullwidth": "ＬＯＵＤ　ＮＯＩＳＥＳ１２３！＂＃＆ａｍｐ；＇ｓ　ｈｅｌｌｏ～",
    "chinese": "你好，世界！一只猫坐在桌子上。「引號」《书名》、…… 𠮷野家 豈 金 你",
    "mongolian": "ᠮᠣᠩᠭᠣᠯ ᠪᠢᠴᠢᠭ Монгол",
    "deseret": "𐐔𐐯𐑅𐐨𐑉𐐯𐐻 𐐀𐐨 𞤀𞤢 𐒰𐓘",
    "mathematical": "𝒥ohn ℋ 𝐛𝐨𝐥𝐝 𝔉𝔯𝔞𝔨 ℝ ℕ Å K Ω ∑∏∫√ ½ ¼ ² ³ ¹ ⁴ ₂ Ⅷ ⅷ ① ⓐ Ⓐ ㊗ ㎏ ‰",
    "emoji": "😀 😂🤣 ❤️ ❤ 👍🏽 👩‍👩‍👧‍👦 🏳️‍🌈 🇫🇷🇩🇪 🏴󠁧󠁢󠁷󠁬󠁳󠁿 👨🏿‍🚀 1️⃣ #️⃣ ☕️ ✔ ✔️ ⌚ 🫠 🫶🏻 🧑‍💻",
    "ligatures": "ﬁnd the ﬂuﬃest oﬃce ﬀ ﬄ ﬅ ﬆ Ĳssel ĳ ŉ Ǆ ǅ ǆ Ǉ ǈ ǉ Ǌ ǋ ǌ Ǳ ǲ ǳ æ Œ ﬓ ﬔ יִ",
    "quotes": "“double” ‘single’ it’s ‚low‘ „low“ «guillemets» ‹x› ʼn ‛x‟ don’t we’ll I’d they’ve ′prime″ `tick´",
    "punctuation": "...!!! ?! -- — – … • · § ¶ † ‡ © ® ™ (a) [b] {c} a_b_c @user #tag $5.00 50% a/b c\\d a|b ~x^2 <b> a<b",
    "digits": "1234567890 3.14159 2,000 1st 2nd 10:30 2024-11-23 0x1F ٣ ३ ๓ 三 Ⅻ ½ 1½ 10³ x² ᠑ 𝟙 𝟏𝟐",
    "combining": "e\u0301 a\u0308\u0323 a\u0323\u0308 o\u031b\u0301 q\u0307\u0323 Z\u0351\u036b\u0343\u036a\u0302\u036bA\u030a \u1e9b\u0323 "
    "\u0344 \u0345 \u03b1\u0345 \u0387 \u212b \u2126 n\u0303o i\u0307 \u0130 \u09c7\u09be \u0b47\u0b56 \u0dd9\u0dcf\u0dca \u1100\u1161\u11a8 "
    "\u0f71\u0f72 \u0fb2\u0f80 \u05e9\u05bc\u05c1 \u2adc \U0001d15e \U000110a5\u0300",
}
SPACES = [" ", "  ", "\t", "\n", "\r\n", "\r", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x1f", "\x85", "\xa0", "\u1680",
          "\u2000", "\u2003", "\u2009", "\u200a", "\u200b", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000", "\ufeff",
          "\u180e", "\u2060"]
CONTROLS = [chr(c) for c in itertools.chain(range(1, 0x20), range(0x7F, 0xA0))] + [
    "\x00", "\u200c", "\u200d", "\u200e", "\u200f", "\u202a", "\u202b", "\u202c", "\u202e", "\u2066", "\u2069", "\u206a",
    "\u206f", "\ufeff", "\ufff9", "\ufffb", "\ufffc", "\ufffd", "\ufffe", "\uffff", "\u00ad", "\ue000", "\uf8ff",
    "\U000e0001", "\U000e0067", "\U000f0000", "\U0010ffff", "\x1b[31m", "\x1b[1;32m", "\x1b[0m", "\x1b[", "\x1b[12",
    "\x1b[٣m", "\x1b]0;x\x07"]
ENTITIES = ["&amp;", "&lt;", "&gt;", "&quot;", "&apos;", "&#39;", "&#x27;", "&#X2019;", "&nbsp;", "&copy;", "&copy",
            "&eacute;", "&EACUTE;", "&Eacute;", "&SZLIG;", "&hellip;", "&notit;", "&not", "&notin;", "&amp;amp;",
            "&amp;amp;lt;", "&ampersand;", "&#0;", "&#1;", "&#128;", "&#150;", "&#x81;", "&#xD800;", "&#x110000;",
            "&#xFFFE;", "&#99999999999;", "&#", "&#x", "&#;", "&#x;", "&;", "&", "& ", "&#59;", "&amp#59;", "&#38;lt;",
            "&#13;", "&#10;", "&#9;", "&CounterClockwiseContourIntegral;", "&acE;", "&NotEqualTilde;", "&fjlig;",
            "&HilbertSpace;", "&checkmark;", "&ndash;", "&mdash;", "&rsquo;", "&ldquo;s&rdquo;", "&NTILDE;", "&nTILDE;",
            "&unknown;", "&ltfoo", "&gt=", "&yen1", "&frac12;", "&frac12", "&times;", "&divide", "&thorn", "&ETH;",
            "&#65", "&#x41g", "&#65a;", "&lt;b&gt;", "&Abreve;", "&abreve;", "&ABREVE;", "&zwj;", "&shy;", "&#160;",
            "&#8203;", "&#127881;", "&#x1F389;", "&#55357;&#56832;", "&AMP;", "&QUOT", "&Tab;", "&NewLine;", "&ApplyFunction;",
            "&" + "a" * 40 + ";", "&#" + "0" * 30 + "65;", "&#000038;"]
SPECIALS = ["<|startoftext|>", "<|endoftext|>", "<|STARTOFTEXT|>", "<|EndOfText|>", "<start_of_text>", "<end_of_text>",
            "<START_OF_TEXT>", "<|\u017ftartoftext|>", "<|endoftext|", "<|endoftext|>s", "!<|endoftext|>", "<<|endoftext|>>",
            "<|startoftext|><|endoftext|>", "'<|endoftext|>'", "&lt;|endoftext|&gt;", "<\uff5cendoftext\uff5c>"]
PAGES = ["latin-1", "windows-1252", "windows-1251", "windows-1250", "windows-1253", "windows-1254", "windows-1257",
         "iso-8859-2", "macroman", "cp437", "windows-1256", "cp850"]
CASES = ["İ", "I", "ı", "ẞ", "ß", "Σ", "ΑΣ", "Σ\u0301", "A\u03a3\u0301b", "a'Σ", "aΣ'", "aΣ'b", "ΣΣ", "ᾈ", "Ⓐ", "Ⅳ", "ǅ", "Ω", "K", "Å",
         "ſ", "'ſ", "'S", "'LL", "'Re", "'vE", "'M", "'D", "'T", "DON'T", "IT'S", "Ა", "Ꭰ", "ꭰ", "ᲀ", "\U00010400", "ŉ", "ǰ", "ΐ", "Ɐ", "Ꞌ", "ꟊ"]


def words(rng, count):
    sample = rng.choice(list(SAMPLES.values())).split(" ")
    return [rng.choice(sample) for _ in range(count)]


def sentence(rng):
    sample = rng.choice(list(SAMPLES.values()))
    start = rng.randrange(len(sample))
    return sample[start:start + rng.randint(1, 60)]


def mojibake(rng, text, sloppy):
    data = text.encode("utf-8", "surrogatepass")
    page = rng.choice(PAGES)
    if sloppy and page.startswith("windows-125") and page != "windows-1256":
        out = data.decode("sloppy-" + page)
    else:
        out = data.decode(page, "replace")
    return out


def make_mojibake(rng):
    text = mojibake(rng, sentence(rng), rng.random() < 0.7)
    if rng.random() < 0.2:
        text = mojibake(rng, text, True)
    roll = rng.random()
    if roll < 0.15:
        text = text.replace("\xa0", " ")
    elif roll < 0.25:
        text = " ".join(words(rng, 2)) + " " + text + rng.choice(["", "\n", " "]) + " ".join(words(rng, 2))
    elif roll < 0.32:
        text = text.replace("\ufffd", "?")
    elif roll < 0.4 and text:
        cut = rng.randrange(len(text))
        text = text[cut:] + rng.choice(["", "\n"])
    elif roll < 0.45:
        text = text.encode("utf-16-be", "surrogatepass").decode("latin-1")
    elif roll < 0.5:
        pairs = sentence(rng).encode("utf-16-be", "surrogatepass")
        units = [int.from_bytes(pairs[i:i + 2], "big") for i in range(0, len(pairs), 2)]
        text = "".join(chr(u) for u in units).encode("utf-8", "surrogatepass").decode("sloppy-windows-1252")
    elif roll < 0.55:
        text = "Ã \u00c3 " + text + " Ã quela Ã  voilÃ  la"
    return text


def mix(rng, parts, glue=("", "", " ", "a", "é", "1", "'", "<")):
    return "".join(rng.choice(parts) + rng.choice(glue) for _ in range(rng.randint(1, 6)))


PLANES = [(0, 0x80), (0x80, 0x250), (0x250, 0x1000), (0x1000, 0xD800), (0xE000, 0x10000), (0x10000, 0x20000), (0x1F000, 0x1FB00),
          (0, 0x110000)]


def random_scalars(rng):
    low, high = rng.choice(PLANES)
    out = []
    while len(out) < rng.randint(1, 12):
        c = rng.randrange(low, high)
        # What Python 3.11 and newer Unicode disagree on is left out: characters not assigned in its version.
        if 0xD800 <= c < 0xE000 or unicodedata.category(chr(c)) == "Cn":
            continue
        out.append(chr(c))
    return "".join(out)


CATEGORIES = {
    "script": lambda r: sentence(r),
    "mixed scripts": lambda r: " ".join(words(r, 2) + words(r, 2) + words(r, 2)),
    "white space": lambda r: "".join(w + r.choice(SPACES) * r.randint(1, 2) for w in [r.choice(SPACES)] + words(r, 4)),
    "entity": lambda r: mix(r, ENTITIES),
    "entity in text": lambda r: r.choice(ENTITIES).join(words(r, 3)) + r.choice(["", "\n", "<b>\n"]) + r.choice(ENTITIES),
    "mojibake": make_mojibake,
    "mojibake characters": lambda r: "".join(r.choice(CLUES) for _ in range(r.randint(2, 7))),
    "mojibake and text": lambda r: "".join(r.choice([r.choice(CLUES), r.choice("abcXYZ .,?!\n1")]) for _ in range(r.randint(2, 10))),
    "control": lambda r: mix(r, CONTROLS, glue=("", " ", "a", "b c", "é")),
    "case": lambda r: mix(r, CASES, glue=("", "", " ", "'", ".", "\u0301", "b")),
    "special token": lambda r: mix(r, SPECIALS, glue=("", " ", "x", "!", "\n")),
    "combining": lambda r: "".join(r.choice(SAMPLES["combining"]) for _ in range(r.randint(1, 8))),
    "emoji": lambda r: "".join(r.choice(SAMPLES["emoji"].split(" ")) for _ in range(r.randint(1, 4))) + r.choice(["", "!", " ok"]),
    "random": random_scalars,
    "random and text": lambda r: random_scalars(r).join(words(r, 2)),
    "long word": lambda r: r.choice(["a", "ab", "!", "é", "猫", "hello", "🎉", "aaab"]) * r.randint(20, 60),
}


def clue_characters():
    from ftfy import badness, chardata
    text = "".join(badness.MOJIBAKE_CATEGORIES.values()) + "".join(chardata.UTF8_CLUES.values())
    return sorted(set(text) - {"-"} | set("ÂÃÎÐØÙ×√≈‚вЂГўВРСβ€ΒΓΞΟāœŒ°µàâóÄ") | set("†∂®"))


CLUES = clue_characters()


def corpus(count, seed):
    rng = random.Random(seed)
    names = list(CATEGORIES)
    seen = set()
    fixed = [(name, text) for name, text in SAMPLES.items()] + [("entity", e) for e in ENTITIES]
    fixed += [("case", c) for c in CASES] + [("special token", s) for s in SPECIALS] + [("empty", "")]
    fixed += [("control", "a" + c + "b") for c in CONTROLS] + [("white space", "a" + c + "b") for c in SPACES]
    for name, text in fixed:
        seen.add(text)
        yield name, text
    produced = len(fixed)
    while produced < count:
        name = names[produced % len(names)]
        text = CATEGORIES[name](rng)
        if "\ud800" <= max(text, default="") <= "\udfff" or any(0xD800 <= ord(c) < 0xE000 for c in text):
            continue
        if text in seen and name not in ("emoji", "special token", "case", "long word"):
            continue
        seen.add(text)
        yield name, text
        produced += 1


class OpenAITokenizer(reference.SimpleTokenizer):
    """open_clip's tokenizer with the special tokens as openai/CLIP spells them."""

    def __init__(self, path, clean):
        super().__init__(path, clean=clean)
        start, end = "<|startoftext|>", "<|endoftext|>"
        self.encoder[start] = self.sot_token_id
        self.encoder[end] = self.eot_token_id
        for old in ("<start_of_text>", "<end_of_text>"):
            del self.encoder[old]
        self.cache = {start: start, end: end}
        self.pat = reference.re.compile(
            r"""<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+""",
            reference.re.IGNORECASE)


def transformers_tokenizer(openai):
    from transformers import CLIPTokenizer
    return CLIPTokenizer(vocab=dict(openai.encoder), merges=[tuple(m) for m in openai.bpe_ranks])


def tokenizers(path):
    openai = OpenAITokenizer(path, "lower")
    fast = transformers_tokenizer(openai)
    makers = [(("openai", "openai"), openai.encode)]
    for clean, name in [("lower", "openai"), ("whitespace", "whitespace"), ("canonicalize", "canonicalize")]:
        makers.append(((name, "open_clip"), reference.SimpleTokenizer(path, clean=clean).encode))
    makers.append((("transformers", "openai"), lambda text: fast(text, add_special_tokens=False).input_ids))
    return makers


def escaped(text):
    for old, new in (("\\", "\\\\"), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        text = text.replace(old, new)
    return text


def lines(path, count, seed):
    makers = tokenizers(path)
    others = itertools.cycle(makers[1:])
    for index, (category, text) in enumerate(corpus(count, seed)):
        # Every text as openai/CLIP has it; every fourth also in one of the other ways.
        for (clean, special), encode in [makers[0]] + ([next(others)] if index % 4 == 0 else []):
            ids = encode(text)
            yield f"{clean}\t{special}\t{category}\t{escaped(text)}\t{' '.join(map(str, ids))}\n"


def write_gzip(path, text):
    with open(path, "wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, compresslevel=9, filename="") as out:
        out.write(text.encode("utf-8"))


def train(texts, merge_count, minimum=2):
    """Byte-pair encoding as plainly as it can be said; of equally frequent pairs the one with the lower ids."""
    tokenizer = reference.SimpleTokenizer(clean="lower")
    alphabet = list(tokenizer.byte_encoder.values())
    symbols = alphabet + [a + "</w>" for a in alphabet]
    ids = {s: i for i, s in enumerate(symbols)}
    counts = Counter()
    for text in texts:
        for piece in reference.re.findall(tokenizer.pat, tokenizer.clean_fn(text)):
            piece = [tokenizer.byte_encoder[b] for b in piece.encode("utf-8")]
            counts[tuple(piece[:-1] + [piece[-1] + "</w>"])] += 1
    vocabulary, merges, skipped = dict(counts), [], set()
    while len(merges) < merge_count:
        pairs = Counter()
        for word, count in vocabulary.items():
            for pair in zip(word, word[1:]):
                pairs[pair] += count
        candidates = [p for p in pairs if pairs[p] >= minimum and p not in skipped]
        if not candidates:
            break
        best = min(candidates, key=lambda p: (-pairs[p], ids[p[0]], ids[p[1]]))
        joined = best[0] + best[1]
        if joined in ids:
            skipped.add(best)
            continue
        ids[joined] = len(ids)
        merges.append(best)
        changed = {}
        for word, count in vocabulary.items():
            out, i = [], 0
            while i < len(word):
                if word[i:i + 2] == best:
                    out.append(joined)
                    i += 2
                else:
                    out.append(word[i])
                    i += 1
            out = tuple(out)
            changed[out] = changed.get(out, 0) + count
        vocabulary = changed
    return merges


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("merges", help="the published bpe_simple_vocab_16e6.txt.gz")
    parser.add_argument("--lines", type=int)
    parser.add_argument("--output")
    parser.add_argument("--seed", type=int, default=2)
    options = parser.parse_args()
    if options.lines:
        with open(options.output, "w", encoding="utf-8", newline="\n") as out:
            out.writelines(lines(options.merges, options.lines, options.seed))
        return
    write_gzip(HERE / "published.tsv.gz", "".join(lines(options.merges, 2600, 1)))
    texts = [text.replace("\n", " ").replace("\r", " ") for name, text in corpus(1200, 3) if name in SAMPLES or "script" in name]
    write_gzip(HERE / "training.txt.gz", "".join(text + "\n" for text in texts))
    merges = train(texts, 300)
    body = "\n".join(["#version: 0.2"] + [f"{a} {b}" for a, b in merges])
    (HERE / "small-merges.txt").write_text(body + "\n", encoding="utf-8")
    # The reference counts the empty line after the last line break as a merge.
    temporary = HERE / "small-merges.gz"
    write_gzip(temporary, body)
    write_gzip(HERE / "small.tsv.gz", "".join(lines(str(temporary), 700, 4)))
    temporary.unlink()


if __name__ == "__main__":
    sys.exit(main())
