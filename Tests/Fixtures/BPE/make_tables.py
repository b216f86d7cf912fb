#!/usr/bin/env python3
"""Writes Sources/Multimodal/Text/Tables/*.swift: the facts that text cleaning needs and that the standard library does not give.

    python3 -m venv venv && venv/bin/pip install ftfy==6.3.1
    venv/bin/python Tests/Fixtures/BPE/make_tables.py

Sources: the html5 entity list of Python's `html.entities` (from the HTML standard), canonical mappings of Python's
`unicodedata`, the code pages of Python's codecs, and the character classes of ftfy 6.3.1 (Apache-2.0, Robyn Speer).
"""
import html
import html.entities
import pathlib
import unicodedata

from ftfy import badness, chardata

HERE = pathlib.Path(__file__).resolve().parents[3] / "Sources" / "Multimodal" / "Text" / "Tables"
WIDTH = 116


def literal(words):
    """Words, joined by spaces, as the body of a multi-line Swift string literal without line breaks in its value."""
    lines, line = [], ""
    for word in words:
        if len(line) + len(word) + 1 > WIDTH - 8:
            lines.append(line + " \\")
            line = word
        else:
            line = word if not line else line + " " + word
    lines.append(line)
    return "\n".join("        " + l for l in lines)


def write(name, doc, entries):
    text = "// Made by Tests/Fixtures/BPE/make_tables.py; do not edit.\n\n"
    text += "".join(f"/// {line}\n" for line in doc) + f"enum {name} {{\n"
    for index, (variable, comment, words) in enumerate(entries):
        text += "\n" if index else ""
        text += f"    /// {comment}\n" if comment else ""
        text += f'    static let {variable}: StaticString = """\n{literal(words)}\n        """\n'
    (HERE / f"{name}.swift").write_text(text + "}\n", encoding="utf-8")


def hexes(text):
    return ".".join(f"{ord(c):X}" for c in text)


def entities():
    named = html.entities.html5
    words, upper = [], []
    for name in sorted(n for n in named if n.endswith(";")):
        bare = name[:-1]
        assert bare not in named or named[bare] == named[name]
        words.append(f"{bare}{'?' if bare in named else '='}{hexes(named[name])}")
    assert all(n.endswith(";") or n + ";" in named for n in named)
    for entity, value in sorted(chardata.HTML_ENTITIES.items()):
        if entity[1:] not in named:
            upper.append(f"{entity[1:-1]}={hexes(value)}")
    write(
        "EntityTable",
        ["The named character references of HTML, as `name=scalars` in hexadecimal.",
         "`name?` marks those that are also recognised without their semicolon."],
        [("named", None, words),
         ("upperCased", "Names in capitals that ftfy reads, where the standard has none: `&EACUTE;` is É.", upper)],
    )


def decompositions():
    words = []
    for cp in range(0x110000):
        if 0xD800 <= cp < 0xE000 or 0xAC00 <= cp < 0xD7A4:
            continue
        mapping = unicodedata.decomposition(chr(cp))
        if not mapping or mapping.startswith("<"):
            continue
        parts = "".join(chr(int(p, 16)) for p in mapping.split())
        composes = len(parts) == 2 and unicodedata.normalize("NFC", parts) == chr(cp)
        words.append(f"{cp:X}{'=' if composes else '!'}{hexes(parts)}")
    write(
        "DecompositionTable",
        [f"Canonical decompositions of Unicode {unicodedata.unidata_version}, one step, without Hangul syllables.",
         "`scalar=parts` composes again under NFC; `scalar!parts` does not."],
        [("mappings", None, words)],
    )


def code_pages():
    entries = []
    for encoding in chardata.CHARMAP_ENCODINGS[1:]:
        name = encoding.replace("sloppy-", "").replace("-", " ").title().replace(" ", "")
        name = name[0].lower() + name[1:]
        chars = bytes(range(0x80, 0x100)).decode(encoding)
        # A byte that stands for the C1 control of its own number is left out.
        words = [f"{0x80 + i:X}={ord(c):X}" for i, c in enumerate(chars) if ord(c) != 0x80 + i]
        entries.append((name, f"{encoding}", words))
    write(
        "CodePageTable",
        ["What bytes from 80 on mean in the code pages that mojibake passes through, as `byte=scalar`.",
         "A byte that is not listed means the scalar of its own number."],
        entries,
    )


def ranges(expression):
    """The members of a regular expression's character class as hexadecimal ranges."""
    members, i = set(), 0
    while i < len(expression):
        if i + 2 < len(expression) and expression[i + 1] == "-":
            members.update(range(ord(expression[i]), ord(expression[i + 2]) + 1))
            i += 3
        else:
            members.add(ord(expression[i]))
            i += 1
    out, run = [], []
    for value in sorted(members):
        if run and value == run[-1] + 1:
            run.append(value)
        else:
            out.append(run)
            run = [value]
    out.append(run)
    return [f"{r[0]:X}" if len(r) == 1 else f"{r[0]:X}-{r[-1]:X}" for r in out if r]


def camel(name):
    head, *rest = name.split("_")
    return head + "".join(r.title() for r in rest)


def classes():
    write(
        "MojibakeTable",
        ["Character classes by which ftfy 6.3.1 tells mojibake from text, as ranges in hexadecimal."],
        [(camel(name), None, ranges(value)) for name, value in badness.MOJIBAKE_CATEGORIES.items()]
        + [(camel(name), None, ranges(value)) for name, value in chardata.UTF8_CLUES.items()],
    )


def replacements():
    width = {k: v for k, v in chardata.WIDTH_MAP.items() if not 0xFF01 <= k <= 0xFF5E}
    assert all(ord(chardata.WIDTH_MAP[k]) == k - 0xFEE0 for k in range(0xFF01, 0xFF5F))
    write(
        "ReplacementTable",
        ["Characters that ftfy 6.3.1 replaces one by one, as `scalar=scalars`."],
        [("ligatures", "Latin ligatures and digraphs.", [f"{k:X}={hexes(v)}" for k, v in sorted(chardata.LIGATURES.items())]),
         ("widths", "Half and full width forms outside FF01...FF5E, and the ideographic space.",
          [f"{k:X}={hexes(v)}" for k, v in sorted(width.items())])],
    )


if __name__ == "__main__":
    HERE.mkdir(parents=True, exist_ok=True)
    entities()
    decompositions()
    code_pages()
    classes()
    replacements()
