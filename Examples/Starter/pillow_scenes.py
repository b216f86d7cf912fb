#!/usr/bin/env python3
"""Draws scenes of the starter's kind with Pillow: another program's circles, stars, letters and plain captions.

    python3 pillow_scenes.py --output DIR [--seed 1] [--count 1000]

Writes DIR/images/… and DIR/questions.jsonl, laid out as `starter-world --evaluation` does, so that the starter can be
asked about pictures that its own generator did not draw. Nothing here is shared with that generator: colours are
single web colours, shapes have other proportions, glyphs come from installed fonts, pictures are 64 to 256 pixels.
"""
import argparse
import glob
import json
import math
import os
import random

from PIL import Image, ImageDraw, ImageFont

COLORS = {
    "red": ["#ff0000", "#dc143c", "#d62728", "#e6194b"], "green": ["#008000", "#2ca02c", "#228b22", "#00c000"],
    "blue": ["#0000ff", "#1f4fd0", "#4169e1", "#1f77b4"], "yellow": ["#ffff00", "#ffe119", "#ffd700"],
    "orange": ["#ffa500", "#ff8c00", "#ff7f0e"], "purple": ["#800080", "#9467bd", "#8a2be2", "#6a0dad"],
    "pink": ["#ffc0cb", "#ff69b4", "#ff8fc0"], "brown": ["#8b4513", "#a0522d", "#795548", "#964b00"],
    "black": ["#000000", "#111111"], "white": ["#ffffff", "#fafafa"],
}
SHAPES = ["circle", "square", "triangle", "star", "heart", "diamond", "cross", "ring", "crescent", "hexagon"]
RELATIONS = {
    "left": "to the left of", "right": "to the right of", "above": "above", "below": "below",
}
NUMBERS = {2: "two", 3: "three", 4: "four"}
FONTS = [
    path
    for path in sorted(glob.glob("/usr/share/fonts/**/*.ttf", recursive=True))
    if not any(word in path for word in ("Math", "Emoji", "Symbol", "Dingbat"))
]


def rgb(text):
    return tuple(int(text[i : i + 2], 16) for i in (1, 3, 5))


def distance(a, b):
    return math.dist(a, b)


def background(draw, colors, side):
    """A plain, gradient or noisy picture that differs from `colors`."""
    plain = ["#ffffff", "#f0f0f0", "#808080", "#c0c0c0", "#404040", "#000000", "#fff8dc", "#e0f0ff", "#203040", "#e8ffe8"]
    while True:
        a, b = rgb(draw.choice(plain)), rgb(draw.choice(plain))
        if min(distance(a, c) for c in colors) > 100:
            break
    kind = draw.choice(["plain", "plain", "plain", "gradient", "noise"])
    picture = Image.new("RGB", (side, side), a)
    if kind == "gradient":
        mixed = tuple((3 * x + y) // 4 for x, y in zip(a, b))
        if min(distance(mixed, c) for c in colors) > 100:
            mask = Image.linear_gradient("L").resize((side, side)).rotate(draw.choice([0, 90, 180, 270]))
            picture.paste(Image.new("RGB", (side, side), mixed), (0, 0), mask)
    if kind == "noise":
        amount = draw.randint(5, 25)
        noise = Image.new("RGB", (side, side))
        noise.putdata(
            [tuple(max(0, min(255, v + draw.randint(-amount, amount))) for v in a) for _ in range(side * side)]
        )
        picture = noise
    return picture


def shape(draw, canvas, name, x, y, r, color):
    """Draws a shape of "radius" r at (x, y)."""

    def polygon(points):
        canvas.polygon([(x + r * px, y + r * py) for px, py in points], fill=color)

    def spokes(n, radius=1.0, turn=-0.25):
        return [
            (radius * math.cos(2 * math.pi * (i / n + turn)), radius * math.sin(2 * math.pi * (i / n + turn)))
            for i in range(n)
        ]

    box = (x - r, y - r, x + r, y + r)
    if name == "circle":
        canvas.ellipse(box, fill=color)
    elif name == "square":
        canvas.rectangle((x - 0.85 * r, y - 0.85 * r, x + 0.85 * r, y + 0.85 * r), fill=color)
    elif name == "triangle":
        polygon(draw.choice([spokes(3), [(0, -1), (1, 1), (-1, 1)], [(0, -0.9), (0.8, 0.8), (-0.8, 0.8)]]))
    elif name == "star":
        outer, inner = spokes(5), spokes(5, draw.choice([0.382, 0.45]), -0.15)
        polygon([p for pair in zip(outer, inner) for p in pair])
    elif name == "heart":
        if draw.random() < 0.5:
            canvas.ellipse((x - r, y - 0.9 * r, x + 0.05 * r, y + 0.15 * r), fill=color)
            canvas.ellipse((x - 0.05 * r, y - 0.9 * r, x + r, y + 0.15 * r), fill=color)
            polygon([(-0.93, -0.15), (0.93, -0.15), (0, 1)])
        else:
            turns = [2 * math.pi * i / 60 for i in range(60)]
            polygon([
                (math.sin(t) ** 3,
                 -(13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)) / 17)
                for t in turns
            ])
    elif name == "diamond":
        polygon([(0, -1), (0.7, 0), (0, 1), (-0.7, 0)])
    elif name == "cross":
        w = draw.choice([0.25, 0.33])
        canvas.rectangle((x - w * r, y - r, x + w * r, y + r), fill=color)
        canvas.rectangle((x - r, y - w * r, x + r, y + w * r), fill=color)
    elif name == "hexagon":
        polygon(spokes(6, 1.0, draw.choice([0.0, -0.25])))


def masked(draw, picture, name, x, y, r, color):
    """A ring or a crescent: a disc with another cut out of it."""
    side = picture.size[0]
    mask = Image.new("L", (side, side))
    canvas = ImageDraw.Draw(mask)
    canvas.ellipse((x - r, y - r, x + r, y + r), fill=255)
    if name == "ring":
        q = r * draw.choice([0.55, 0.65, 0.75])
        canvas.ellipse((x - q, y - q, x + q, y + q), fill=0)
    else:
        q, dx = r * draw.choice([0.8, 0.9]), r * draw.choice([-0.45, 0.45])
        canvas.ellipse((x - q + dx, y - q, x + q + dx, y + q), fill=0)
    picture.paste(Image.new("RGB", (side, side), color), (0, 0), mask)


def paint(draw, things, glyph=None):
    """`things` is [(color name, shape, x, y, r)] in units of the side; a glyph is (text, color name)."""
    side = draw.choice([64, 64, 96, 128, 200])
    smooth = draw.choice([1, 1, 4])
    big = side * smooth
    shades = {name: rgb(draw.choice(COLORS[name])) for name in {t[0] for t in things} | ({glyph[1]} if glyph else set())}
    picture = background(draw, list(shades.values()), side).resize((big, big), Image.NEAREST)
    for color, name, x, y, r in things:
        if name in ("ring", "crescent"):
            masked(draw, picture, name, x * big, y * big, r * big, shades[color])
        else:
            shape(draw, ImageDraw.Draw(picture), name, x * big, y * big, r * big, shades[color])
    if glyph:
        size = int(big * draw.uniform(0.45, 0.85))
        font = ImageFont.truetype(draw.choice(FONTS), size)
        center = (big * draw.uniform(0.44, 0.56), big * draw.uniform(0.44, 0.56))
        ImageDraw.Draw(picture).text(center, glyph[0], font=font, fill=shades[glyph[1]], anchor="mm")
    return picture.resize((side, side), Image.LANCZOS) if smooth > 1 else picture


def article(words):
    return ("an " if words[0] in "aeiou" else "a ") + words


def plural(word):
    return word + ("es" if word.endswith("s") else "s")


def single(draw, color=None, name=None):
    color, name = color or draw.choice(list(COLORS)), name or draw.choice(SHAPES)
    size, r = draw.choice([("", draw.uniform(0.12, 0.4)), ("large ", draw.uniform(0.3, 0.42)), ("small ", draw.uniform(0.09, 0.15))])
    x, y = draw.uniform(r + 0.02, 0.98 - r), draw.uniform(r + 0.02, 0.98 - r)
    return paint(draw, [(color, name, x, y, r)]), article(f"{size}{color} {name}"), f"{color} {name}", (color, name)


def several(draw):
    color, name, n = draw.choice(list(COLORS)), draw.choice(SHAPES), draw.choice([2, 3, 4])
    r = draw.uniform(0.09, 0.16)
    while True:
        places = [(draw.uniform(r + 0.02, 0.98 - r), draw.uniform(r + 0.02, 0.98 - r)) for _ in range(n)]
        if all(math.dist(p, q) > 2.2 * r for i, p in enumerate(places) for q in places[:i]):
            break
    things = [(color, name, x, y, r) for x, y in places]
    return paint(draw, things), f"{NUMBERS[n]} {color} {plural(name)}", f"{n} {color} {name}", None


def related(draw):
    while True:
        a = (draw.choice(list(COLORS)), draw.choice(SHAPES))
        b = (draw.choice(list(COLORS)), draw.choice(SHAPES))
        if a != b:
            break
    words, radii = [], []
    sized = draw.random() < 0.4
    for color, name in (a, b):
        size = draw.choice(["large ", "small "]) if sized else ""
        radii.append(draw.uniform(0.16, 0.21) if size == "large " else draw.uniform(0.07, 0.11) if size else draw.uniform(0.09, 0.18))
        words.append(article(f"{size}{color} {name}"))
    relation = draw.choice(list(RELATIONS))
    low, high = draw.uniform(0.24, 0.3), draw.uniform(0.7, 0.76)
    cross = draw.uniform(0.3, 0.7)
    cross = (cross, min(0.78, max(0.22, cross + draw.uniform(-0.12, 0.12))))
    along = (low, high) if relation in ("left", "above") else (high, low)
    places = list(zip(along, cross)) if relation in ("left", "right") else list(zip(cross, along))
    picture = paint(draw, [(*t, *p, r) for t, p, r in zip((a, b), places, radii)])
    first, second = f"{a[0]} {a[1]}", f"{b[0]} {b[1]}"
    key = f"{first} {relation} {second}" if relation in ("left", "above") else f"{second} {dict(right='left', below='above')[relation]} {first}"
    return picture, f"{words[0]} {RELATIONS[relation]} {words[1]}", key, (words, relation)


def letter(draw):
    text = draw.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
    caption = f"the {'digit' if text.isdigit() else 'letter'} {text}"
    return paint(draw, [], (text, draw.choice(list(COLORS)))), caption, caption, None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=1000)
    options = parser.parse_args()
    if not FONTS:
        raise SystemExit("No TrueType fonts under /usr/share/fonts; install one, for example fonts-dejavu-core.")
    draw = random.Random(options.seed)
    os.makedirs(f"{options.output}/images", exist_ok=True)
    number = 0
    with open(f"{options.output}/questions.jsonl", "w") as lines:

        def save(picture):
            nonlocal number
            path = f"images/{number:06d}.png"
            number += 1
            picture.save(f"{options.output}/{path}")
            return path

        def ask(path, kind, candidates, answer, of):
            record = {"image": path, "kind": kind, "candidates": candidates, "answer": answer, "of": of}
            lines.write(json.dumps(record) + "\n")

        for _ in range((options.count + 99) // 100):
            drawn, keys = [], set()
            while len(drawn) < 100:
                kind = draw.choice([single, several, related, related, letter])
                picture, caption, key, _ = kind(draw)
                if key not in keys:
                    keys.add(key)
                    drawn.append((picture, caption, kind.__name__))
            for i, (picture, _, kind) in enumerate(drawn):
                ask(save(picture), "caption", [caption for _, caption, _ in drawn], i, kind)
        for _ in range(options.count):
            picture, _, _, (color, name) = single(draw)
            path = save(picture)
            ask(path, "color", [article(f"{c} {name}") for c in COLORS], list(COLORS).index(color), color)
            ask(path, "shape", [article(f"{color} {s}") for s in SHAPES], SHAPES.index(name), name)
        for _ in range(options.count):
            picture, _, _, (words, relation) = related(draw)
            candidates = [f"{words[0]} {text} {words[1]}" for text in RELATIONS.values()]
            ask(save(picture), "relation", candidates, list(RELATIONS).index(relation), relation)


main()
