"""Makes the pictures in images/ and what Pillow makes of them: python3 make.py (needs Pillow 13 or later, and numpy).

  images/NAME          small pictures of odd sizes in every form that is read
  expected/NAME.png    for JPEG and WebP: Pillow's convert("RGB"), to be met within 1 of 255
  decode.tsv           name, Pillow's mode, width, height, digest of the RGB bytes
  resize.tsv           name, width, height, filter, digest of resize(...).convert("RGB")
  transform.tsv        name, settings, digest of the float32 numbers (little-endian)

A digest is the 64-bit FNV-1a of the bytes. resize.tsv and transform.tsv hold only PNG pictures, which decode exactly.
The numbers in transform.tsv follow torchvision's Resize, CenterCrop, ToTensor and Normalize (and transformers' crop for
rounding "down"), written out here so that torchvision is not needed.
"""

import io
import pathlib
import random
import struct
import warnings

import numpy as np
from PIL import Image

from pngwriter import CHANNELS, GRAY, GRAY_ALPHA, PALETTE, RGB, RGBA, png

HERE = pathlib.Path(__file__).parent
MEAN = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)
STD = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)
FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "hamming": Image.Resampling.HAMMING,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}

warnings.simplefilter("ignore")
rng = np.random.default_rng(20)
choice = random.Random(20)


def digest(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def scene(width, height, channels):
    """Waves of different directions with a little noise: compresses well, and has a value at every level."""
    y, x = np.mgrid[0:height, 0:width]
    planes = []
    for c in range(channels):
        u, v, phase = rng.uniform(0.1, 0.5, 2).tolist() + [c * 1.3]
        planes.append(127.5 + 127.5 * np.sin(u * x + v * y + phase))
    noise = rng.integers(-6, 7, (height, width, channels))
    return np.clip(np.stack(planes, -1) + noise, 0, 255).astype(np.uint8)


def png_pictures():
    depths = {GRAY: [1, 2, 4, 8, 16], RGB: [8, 16], PALETTE: [1, 2, 4, 8], GRAY_ALPHA: [8, 16], RGBA: [8, 16]}
    names = {GRAY: "gray", RGB: "rgb", PALETTE: "palette", GRAY_ALPHA: "gray-alpha", RGBA: "rgba"}

    def samples(width, height, kind, depth):
        s = scene(width, height, CHANNELS[kind]).astype(int)
        if depth == 16:
            return np.clip(s * 257 + rng.integers(-120, 121, s.shape), 0, 65535)
        return s >> (8 - depth)

    def colors(count):
        return rng.integers(0, 256, (count, 3))

    size = 17
    for kind, bits in depths.items():
        for depth in bits:
            for interlaced in (False, True):
                size = size + 3 if size < 40 else 11
                width, height = size, choice.randint(5, 39)
                palette = colors(2**depth) if kind == PALETTE else None
                name = f"{names[kind]}{depth}{'-interlaced' if interlaced else ''}.png"
                yield name, png(samples(width, height, kind, depth), depth, kind, interlaced, palette)

    for kind, depth in [(GRAY, 1), (GRAY, 8), (GRAY, 16), (RGB, 8), (RGB, 16)]:
        s = samples(19, 23, kind, depth)
        key = b"".join(struct.pack(">H", int(v)) for v in s[3, 4])
        yield f"{names[kind]}{depth}-transparent-color.png", png(s, depth, kind, trns=key)
    s = samples(21, 13, PALETTE, 4)
    yield "palette4-transparent-entry.png", png(s, 4, PALETTE, palette=colors(16), trns=b"\xff\xff\x00")
    yield "palette4-alpha.png", png(s, 4, PALETTE, palette=colors(16), trns=bytes(range(0, 256, 17)))
    yield "palette4-index-beyond-palette.png", png(s, 4, PALETTE, palette=colors(9))
    yield "gray16-dark.png", png(samples(15, 27, GRAY, 16) // 220, 16, GRAY)
    yield "rgb8-1x1.png", png(samples(1, 1, RGB, 8), 8, RGB)
    yield "rgb8-1x9-interlaced.png", png(samples(1, 9, RGB, 8), 8, RGB, True)
    yield "gray1-3x2-interlaced.png", png(samples(3, 2, GRAY, 1), 1, GRAY, True)
    yield "rgb8-tall.png", png(samples(7, 61, RGB, 8), 8, RGB)
    yield "rgb8-wide.png", png(samples(61, 7, RGB, 8), 8, RGB)
    gamma = b"\0\0\0\4gAMA" + struct.pack(">I", 100000) + struct.pack(">I", 0x31E8965F)
    yield "rgb8-many-chunks.png", png(samples(31, 22, RGB, 8), 8, RGB, idat_size=50, extra=gamma)


def encoded(picture, kind, **options):
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def jpeg_pictures():
    gray = Image.fromarray(scene(29, 35, 1)[..., 0])
    color = Image.fromarray(scene(37, 27, 3))
    cmyk = Image.fromarray(scene(23, 31, 4), "CMYK")
    yield "gray.jpg", encoded(gray, "JPEG", quality=85)
    yield "gray-progressive.jpg", encoded(gray, "JPEG", quality=60, progressive=True)
    for code, name in enumerate(["444", "422", "420"]):
        yield f"color-{name}.jpg", encoded(color, "JPEG", quality=88, subsampling=code)
        yield f"color-{name}-progressive.jpg", encoded(color, "JPEG", quality=70, subsampling=code, progressive=True)
    yield "color-restarts.jpg", encoded(color, "JPEG", quality=75, restart_marker_rows=1)
    yield "color-rgb.jpg", encoded(color, "JPEG", quality=90, keep_rgb=True)
    orientation = Image.Exif()
    orientation[0x0112] = 6
    yield "color-rotated-by-exif.jpg", encoded(color, "JPEG", quality=80, exif=orientation)
    yield "color-1x1.jpg", encoded(color.crop((4, 4, 5, 5)), "JPEG")
    yield "cmyk.jpg", encoded(cmyk, "JPEG", quality=85)
    yield "cmyk-progressive.jpg", encoded(cmyk, "JPEG", quality=75, progressive=True)
    # The same scan read as YCCK: the last byte of the Adobe marker names the colour transform.
    data = bytearray(encoded(cmyk, "JPEG", quality=85))
    data[data.index(b"Adobe") + 11] = 2
    yield "ycck.jpg", bytes(data)


def webp_pictures():
    color = Image.fromarray(scene(33, 25, 3))
    alpha = Image.fromarray(scene(27, 29, 4), "RGBA")
    yield "lossy.webp", encoded(color, "WEBP", quality=80)
    yield "lossless.webp", encoded(color, "WEBP", lossless=True)
    yield "lossy-alpha.webp", encoded(alpha, "WEBP", quality=70)
    yield "lossless-alpha.webp", encoded(alpha, "WEBP", lossless=True, exact=True)
    others = [Image.fromarray(scene(33, 25, 3))]
    yield "animated.webp", encoded(color, "WEBP", save_all=True, append_images=others, quality=75)
    others = [Image.fromarray(scene(27, 29, 4), "RGBA")]
    yield "animated-alpha.webp", encoded(alpha, "WEBP", save_all=True, append_images=others, lossless=True)


def resize_size(picture, mode, size):
    width, height = picture.size
    if mode == "squash":
        return size, size
    if mode == "longest":
        ratio = max(height / size, width / size)
        return round(width / ratio), round(height / ratio)
    short, long = min(width, height), max(width, height)
    new_long = int(size * long / short)
    return (size, new_long) if width <= height else (new_long, size)


def square(picture, size, rounding):
    """The middle of a picture; zeros where it is too small."""
    width, height = picture.size
    box, paste = [], []
    for length in (width, height):
        surplus = length - size
        if surplus >= 0:
            start = surplus // 2 if rounding == "down" else int(round(surplus / 2.0))
            box.append((start, start + size))
            paste.append(0)
        else:
            box.append((0, length))
            paste.append((1 - surplus) // 2 if rounding == "down" else -surplus // 2)
    part = picture.crop((box[0][0], box[1][0], box[0][1], box[1][1]))
    if part.size == (size, size):
        return part
    out = Image.new(picture.mode, (size, size), 0)
    if picture.mode == "P":
        out.putpalette(picture.getpalette())
    out.paste(part, tuple(paste))
    return out


def transformed(picture, size, mode, name, crop, crop_size, rounding, convert):
    if convert == "first":
        picture = picture.convert("RGB")
    target = resize_size(picture, mode, size)
    picture = picture.resize(target, FILTERS[name]) if target != picture.size else picture
    if crop == "center":
        picture = square(picture, crop_size, rounding)
    elif mode == "longest":
        picture = square(picture, size, rounding)
    pixels = np.asarray(picture.convert("RGB"), np.uint8).astype(np.float32) / np.float32(255)
    return ((pixels - MEAN) / STD).transpose(2, 0, 1).astype("<f4").tobytes()


def main():
    for folder in ("images", "expected"):
        (HERE / folder).mkdir(exist_ok=True)
        for old in (HERE / folder).iterdir():
            old.unlink()
    decode, resize, transform = [], [], []
    exact = list(png_pictures())
    for name, data in exact + list(jpeg_pictures()) + list(webp_pictures()):
        (HERE / "images" / name).write_bytes(data)
        picture = Image.open(io.BytesIO(data))
        picture.load()
        rgb = picture.convert("RGB")
        decode.append([name, picture.mode, *picture.size, digest(rgb.tobytes())])
        if not name.endswith(".png"):
            rgb.save(HERE / "expected" / (name + ".png"), optimize=True)
            continue
        for index in range(6):
            method = list(FILTERS)[index]
            one_side = [(picture.width, 12), (12, picture.height)]
            size = choice.choice([(9, 7), (13, 40), (40, 13), *one_side, (50, 55), (5, 3)])
            result = picture.resize(size, FILTERS[method]).convert("RGB")
            resize.append([name, *size, method, digest(result.tobytes())])
        for _ in range(3):
            size = choice.choice([8, 15, 16, 24])
            mode = choice.choice(["shortest", "shortest", "squash", "longest"])
            crop_size = choice.choice([size, size, size - 3, size + 3])
            method = choice.choice(["bicubic", "bilinear", "box"])
            settings = [size, mode, method, choice.choice(["center", "center", "none"])]
            settings += [crop_size, choice.choice(["half-even", "down"]), choice.choice(["first", "last"])]
            transform.append([name, *settings, digest(transformed(picture, *settings))])
    for table, rows in (("decode", decode), ("resize", resize), ("transform", transform)):
        text = "".join("\t".join(map(str, row)) + "\n" for row in rows)
        (HERE / f"{table}.tsv").write_text(text)


if __name__ == "__main__":
    main()
