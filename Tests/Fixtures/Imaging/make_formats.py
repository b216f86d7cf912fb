"""Makes small GIF, BMP, TIFF, HEIC, AVIF and RAW images, turned ones and transparent ones, and what Pillow 13 and transformers
5.24 make of them: python3 make_formats.py (needs Pillow, pillow-heif, tifffile with imagecodecs, transformers, numpy).

  formats/NAME           the images
  formats/NAME.png       where a decoder may differ: what Pillow's convert("RGB") gives
  formats.tsv            name, width, height, largest difference allowed, digest of convert("RGB")
  turned.tsv             name, digest of the RGB bytes as opened, and of ImageOps.exif_transpose's, sizes before and after
  transparent.tsv        name, digest of transformers' convert_to_rgb

All of Pillow's pixels are those of exif_transpose but in turned.tsv. A digest is the 64-bit FNV-1a of the bytes.
"""

import io
import pathlib
import struct
import warnings
import zlib

import numpy as np
import pillow_heif
import tifffile
from PIL import Image, ImageOps, PngImagePlugin
from transformers.image_transforms import convert_to_rgb

from make import digest, encoded, scene
from pngwriter import GRAY, GRAY_ALPHA, PALETTE, RGB, RGBA, png
from tiffwriter import directory, entry, exif, raw

pillow_heif.register_heif_opener()
warnings.simplefilter("ignore")
HERE = pathlib.Path(__file__).parent
OUT = HERE / "formats"
rng = np.random.default_rng(9)

color = Image.fromarray(scene(37, 27, 3))
slope = [np.linspace(0, 255, 34), np.linspace(255, 0, 26)]
smooth = Image.fromarray(np.dstack([*np.meshgrid(*slope), np.full((26, 34), 99)]).astype(np.uint8))
gray = color.convert("L")
palette = color.convert("P", palette=Image.Palette.ADAPTIVE, colors=60)
alpha = Image.fromarray(scene(29, 23, 4), "RGBA")
gray_alpha = Image.fromarray(scene(29, 23, 2), "LA")
cmyk = Image.fromarray(scene(23, 31, 4), "CMYK")
bilevel = gray.convert("1")


def gifs():
    plain = encoded(palette, "GIF", interlace=0)
    yield "palette.gif", plain
    yield "gray.gif", encoded(gray, "GIF", interlace=0)
    yield "interlaced.gif", encoded(palette, "GIF", interlace=1)
    yield "two-colors.gif", encoded(bilevel, "GIF")
    yield "long.gif", encoded(Image.fromarray(scene(120, 90, 3)).convert("P"), "GIF")
    yield "animated.gif", encoded(palette, "GIF", save_all=True, append_images=[gray, bilevel], duration=100)
    yield "larger-screen.gif", plain[:6] + struct.pack("<HH", 50, 40) + plain[10:]
    yield "smaller-screen.gif", plain[:6] + struct.pack("<HH", 9, 5) + plain[10:]
    # The first image's place on the screen.
    at = plain.index(b",", 13 + 3 * 64)
    yield "moved.gif", plain[: at + 1] + struct.pack("<HH", 3, 7) + plain[at + 5 :]
    # The colours beside the image instead of at the beginning.
    local = plain[:10] + b"\x00" + plain[11:13] + plain[13 + 192 : at + 9] + b"\x85" + plain[13:205] + plain[at + 10 :]
    yield "local-palette.gif", local
    yield "transparent.gif", encoded(palette, "GIF", transparency=3)
    yield "gray-transparent.gif", encoded(gray, "GIF", interlace=0, transparency=90)


def bmp(width, height, bits, kind=0, masks=(), colors=b"", data=None, down=False, header=40, count=0):
    row = (width * bits + 31) // 32 * 4
    data = rng.integers(0, 256, row * height, dtype=np.uint8).tobytes() if data is None else data
    fields = struct.pack(f"<{len(masks)}I", *masks)
    head = struct.pack("<IHHHH", 12, width, height, 1, bits)
    if header > 12:
        size = (width, -height if down else height)
        head = struct.pack("<IiiHHIIiiII", header, *size, 1, bits, kind, len(data), 0, 0, count, 0)
        if header > 40:
            head, fields = (head + fields).ljust(header, b"\0"), b""
    start = 14 + len(head) + len(fields) + len(colors)
    return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + head + fields + colors + data


def bmps():
    def colors(bits, size=4):
        return rng.integers(0, 256, size << bits, dtype=np.uint8).tobytes()

    for bits in (1, 4, 8):
        yield f"{bits}.bmp", bmp(19, 11, bits, colors=colors(bits))
        yield f"{bits}-down.bmp", bmp(19, 11, bits, colors=colors(bits), down=True)
        yield f"{bits}-os2.bmp", bmp(19, 11, bits, colors=colors(bits, 3), header=12)
    yield "1-black-white.bmp", bmp(19, 11, 1, colors=b"\0\0\0\0\xff\xff\xff\0")
    yield "8-gray.bmp", encoded(gray, "BMP")
    yield "8-few-colors.bmp", bmp(19, 11, 8, colors=colors(3), count=8)
    for bits in (16, 24, 32):
        yield f"{bits}.bmp", bmp(13, 9, bits)
        yield f"{bits}-down.bmp", bmp(13, 9, bits, down=True)
    yield "16-565.bmp", bmp(13, 9, 16, 3, (0xF800, 0x7E0, 0x1F))
    yield "16-555.bmp", bmp(13, 9, 16, 3, (0x7C00, 0x3E0, 0x1F))
    yield "32-fields.bmp", bmp(13, 9, 32, 3, (0xFF000000, 0xFF0000, 0xFF00))
    yield "32-alpha.bmp", bmp(13, 9, 32, 3, (0xFF0000, 0xFF00, 0xFF, 0xFF000000), header=124)
    yield "32-rgba.bmp", bmp(13, 9, 32, 3, (0xFF, 0xFF00, 0xFF0000, 0xFF000000), header=108)
    runs = b"\x05\x11\x00\x04abcd\x00\x03xyz\0\x00\x00\x00\x02\x03\x01\x06\x22\0\0" + b"\x14\x33\0\0" * 8 + b"\0\1"
    yield "rle8.bmp", bmp(20, 10, 8, 1, colors=colors(8), data=runs)
    yield "rle8-down.bmp", bmp(20, 10, 8, 1, colors=colors(8), data=runs, down=True)
    yield "rle4.bmp", bmp(20, 10, 4, 2, colors=colors(4), data=runs)


def tiff(pixels, photometric, order="<", big=False, **options):
    out = io.BytesIO()
    planar = options.get("planarconfig") == "separate"
    with tifffile.TiffWriter(out, byteorder=order, bigtiff=big) as writer:
        writer.write(np.moveaxis(pixels, -1, 0) if planar else pixels, photometric=photometric, metadata=None, **options)
    return out.getvalue()


def tiffs():
    for name, image in [("rgb", color), ("gray", gray), ("palette", palette), ("alpha", alpha), ("cmyk", cmyk)]:
        for method in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits"):
            yield f"{name}-{(method or 'plain').split('_')[-1]}.tiff", encoded(image, "TIFF", compression=method)
    yield "rgb-jpeg.tiff", encoded(color, "TIFF", compression="jpeg")
    yield "gray-jpeg.tiff", encoded(gray, "TIFF", compression="jpeg")
    for method in ("group3", "group4", "tiff_ccitt", "packbits", None):
        yield f"bilevel-{(method or 'plain').split('_')[-1]}.tiff", encoded(bilevel, "TIFF", compression=method)
    rgb, one = scene(37, 27, 3), scene(37, 27, 1)[..., 0]
    deep = (scene(21, 17, 3).astype(np.uint16) << 8) + 77
    for order, name in (("<", "little"), (">", "big")):
        yield f"gray16-{name}.tiff", tiff(deep[..., 0] >> 4, "minisblack", order)
        yield f"rgb16-{name}.tiff", tiff(deep, "rgb", order, compression="lzw")
        yield f"white-is-0-{name}.tiff", tiff(one, "miniswhite", order)
    yield "tiles.tiff", tiff(rgb, "rgb", tile=(16, 16))
    yield "tiles-deflate.tiff", tiff(rgb, "rgb", tile=(32, 16), compression="zlib", predictor=True)
    yield "strips.tiff", tiff(rgb, "rgb", rowsperstrip=5, compression="lzw")
    yield "planes.tiff", tiff(rgb, "rgb", planarconfig="separate", compression="zlib")
    yield "planes-tiles.tiff", tiff(rgb, "rgb", planarconfig="separate", tile=(16, 32))
    yield "bigtiff.tiff", tiff(rgb, "rgb", big=True)
    yield "alpha-multiplied.tiff", tiff(scene(19, 15, 4), "rgb", extrasamples=["assocalpha"])
    yield "fourth-unspecified.tiff", tiff(scene(19, 15, 4), "rgb", extrasamples=["unspecified"])
    yield "gray-alpha.tiff", encoded(gray_alpha, "TIFF")
    yield "fractions.tiff", tiff(one.astype(np.float32) * 1.5 - 40, "minisblack")
    yield "signed.tiff", tiff(one.astype(np.int32) * 2 - 100, "minisblack")
    yield "cmyk16.tiff", tiff(np.dstack([deep, deep[..., :1]]), "separated")
    out = io.BytesIO()
    color.save(out, "TIFF", save_all=True, append_images=[gray, palette])
    yield "pages.tiff", out.getvalue()


def others():
    """Name, bytes, and how far a decoder may be off."""
    yield "plain.jfif", encoded(color, "JPEG", quality=85), 1
    yield "rgb.heic", encoded(smooth, "HEIF", quality=85), 2
    yield "alpha.heic", encoded(alpha, "HEIF", quality=90), 2
    yield "gray.heic", encoded(gray, "HEIF", quality=80), 2
    yield "full-color.avif", encoded(color, "AVIF", quality=80, subsampling="4:4:4", speed=8), 2
    yield "half-color.avif", encoded(smooth, "AVIF", quality=85, speed=8), 12
    yield "alpha.avif", encoded(alpha, "AVIF", quality=85, subsampling="4:4:4", speed=8), 2
    yield "gray.avif", encoded(gray, "AVIF", quality=85, speed=8), 2


def raws():
    preview = encoded(color.resize((64, 48)), "JPEG", quality=75)
    thumbnail = (np.asarray(color.resize((16, 12))) // 2).tobytes()
    for name, is_dng, maker, model in (
        ("camera.dng", True, "Canon", "Canon EOS 5D"),
        ("camera.nef", False, "NIKON CORPORATION", "NIKON D700"),
        ("camera.arw", False, "SONY", "DSLR-A100"),
    ):
        yield name, raw(preview, (64, 48), thumbnail, (16, 12), 6, is_dng, maker, model), preview


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def with_chunk(file, kind, data, is_last=False):
    """A PNG with one chunk more, after its header or before its end."""
    at = len(file) - 12 if is_last else 33
    return file[:at] + chunk(kind, data) + file[at:]


def with_segment(file, data):
    """A JPEG with one more APP1 after its first segment."""
    at = 4 + struct.unpack(">H", file[4:6])[0]
    return file[:at] + b"\xff\xe1" + struct.pack(">H", len(data) + 2) + data + file[at:]


def turned():
    small = color.crop((0, 0, 23, 14))
    jpeg = encoded(small, "JPEG", quality=85)
    for value in range(1, 9):
        yield f"turned-{value}.jpg", encoded(small, "JPEG", quality=85, exif=exif(value))
    for value in (3, 5):
        yield f"turned-{value}.png", encoded(small, "PNG", exif=exif(value))
        yield f"turned-{value}.webp", encoded(small, "WEBP", lossless=True, exif=exif(value))
        yield f"turned-{value}.avif", encoded(smooth, "AVIF", subsampling="4:4:4", exif=exif(value))
    for value in range(2, 9):
        yield f"turned-{value}.tiff", tiff(np.asarray(small), "rgb", extratags=[(274, 3, 1, value, True)])
    yield "turned-gray-alpha.png", encoded(gray_alpha, "PNG", exif=exif(7))
    yield "turned-palette.png", encoded(palette, "PNG", exif=exif(8))
    yield "turned-bilevel.png", encoded(bilevel, "PNG", exif=exif(6))
    yield "turned-gray16.png", encoded(Image.fromarray(scene(9, 14, 1)[..., 0].astype(np.uint16)), "PNG", exif=exif(6))
    yield "turned-cmyk.jpg", encoded(cmyk, "JPEG", exif=exif(6))
    plain = encoded(small, "PNG")
    yield "turned-after-pixels.png", with_chunk(plain, b"eXIf", exif(6)[6:], True)
    digits = exif(6).hex().encode()
    text = b"\nexif\n%8d\n" % len(exif(6)) + b"\n".join([digits[:32], digits[32:]]) + b"\n"
    yield "turned-by-old-profile.png", with_chunk(plain, b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text))
    for name, xmp in (
        ("attribute", b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'),
        ("element", b"<x:xmpmeta><tiff:Orientation>8</tiff:Orientation></x:xmpmeta>"),
    ):
        yield f"turned-by-xmp-{name}.jpg", with_segment(jpeg, b"http://ns.adobe.com/xap/1.0/\0" + xmp)
        yield f"turned-by-xmp-{name}.png", with_chunk(plain, b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp)
        packed = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp)
        yield f"turned-by-packed-xmp-{name}.png", with_chunk(plain, b"iTXt", packed)
    both = with_segment(encoded(small, "JPEG", exif=exif(1)), b'http://ns.adobe.com/xap/1.0/\0 tiff:Orientation="6"')
    yield "exif-before-xmp.jpg", both
    big_endian = b"Exif\0\0MM\0*\0\0\0\x08" + directory([(0x0112, 3, 1, b"\0\6\0\0")], 8, ">")
    yield "turned-big-endian.jpg", with_segment(jpeg, big_endian)
    yield "turned-as-long.jpg", with_segment(jpeg, b"Exif\0\0II*\0\x08\0\0\0" + directory([entry(274, 4, 6)], 8))
    parts = b"Exif\0\0" + exif(6)[6:14], b"Exif\0\0" + exif(6)[14:]
    yield "turned-by-two-segments.jpg", with_segment(with_segment(jpeg, parts[1]), parts[0])
    for name, value in (("zero", 0), ("nine", 9)):
        yield f"turned-{name}.jpg", encoded(small, "JPEG", exif=exif(value))


def transparent():
    key = struct.pack(">H", 3)
    s = rng.integers(0, 16, (11, 13, 1))
    colors = rng.integers(0, 256, (16, 3))
    yield "rgba.png", encoded(alpha, "PNG")
    yield "gray-alpha.png", encoded(gray_alpha, "PNG")
    yield "palette-entry.png", png(s, 4, PALETTE, palette=colors, trns=b"\xff\xff\x00")
    yield "palette-alphas.png", png(s, 4, PALETTE, palette=colors, trns=bytes(range(0, 250, 25)))
    yield "gray1-key.png", png(s % 2, 1, GRAY, trns=struct.pack(">H", 1))
    yield "gray4-key.png", png(s, 4, GRAY, trns=key)
    yield "gray4-black-key.png", png(s, 4, GRAY, trns=struct.pack(">H", 0))
    yield "gray8-key.png", png(s, 8, GRAY, trns=key)
    yield "gray16-key.png", png(s * 200, 16, GRAY, trns=struct.pack(">H", 200))
    yield "rgb8-key.png", png(np.dstack([s] * 3), 8, RGB, trns=key * 3)
    yield "rgb16-key.png", png(np.dstack([s] * 3) * 256, 16, RGB, trns=key * 3)
    yield "rgba16.png", png(rng.integers(0, 65536, (9, 7, 4)), 16, RGBA)
    yield "gray-alpha16.png", png(rng.integers(0, 65536, (9, 7, 2)), 16, GRAY_ALPHA)
    yield "rgb-opaque.png", encoded(color, "PNG")
    yield "alpha.webp", encoded(alpha, "WEBP", lossless=True, exact=True)
    every = np.stack(np.meshgrid(np.arange(256), np.arange(0, 256)), -1).astype(np.uint8)
    yield "every-blend.png", encoded(Image.fromarray(np.ascontiguousarray(every[:, ::3]), "LA"), "PNG", optimize=True)


def opened(data):
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def rgb_bytes(image):
    return image.convert("RGB").tobytes()


def main():
    OUT.mkdir(exist_ok=True)
    for old in OUT.iterdir():
        old.unlink()
    tables = {"formats": [], "turned": [], "transparent": []}

    def write(name, data):
        assert not (OUT / name).exists(), name
        (OUT / name).write_bytes(data)

    lossy = [(n, d, 1) for n, d in tiffs() if "jpeg" in n]
    exact = [(n, d, 0) for n, d in [*gifs(), *bmps(), *tiffs()] if "jpeg" not in n]
    for name, data, allowed in exact + lossy + list(others()):
        write(name, data)
        image = ImageOps.exif_transpose(opened(data))
        tables["formats"].append([name, *image.size, allowed, digest(rgb_bytes(image))])
        if allowed:
            image.convert("RGB").save(OUT / (name + ".png"), optimize=True)
    for name, data, preview in raws():
        write(name, data)
        image = opened(preview).transpose(Image.Transpose.ROTATE_270)
        image.save(OUT / (name + ".png"), optimize=True)
        tables["formats"].append([name, *image.size, 1, digest(rgb_bytes(image))])
    for name, data in turned():
        write(name, data)
        stored, upright = opened(data), ImageOps.exif_transpose(opened(data))
        row = [name, digest(rgb_bytes(stored)), digest(rgb_bytes(upright)), *stored.size, *upright.size]
        tables["turned"].append(row)
        if name.endswith((".jpg", ".avif")):
            stored.convert("RGB").save(OUT / (name + ".stored.png"), optimize=True)
            upright.convert("RGB").save(OUT / (name + ".upright.png"), optimize=True)
    names = ["transparent.gif", "gray-transparent.gif", "palette.gif", "gray-alpha.tiff"]
    shown = [(name, (OUT / name).read_bytes()) for name in names]
    for name, data in [*transparent(), *shown]:
        if not (OUT / name).exists():
            write(name, data)
        tables["transparent"].append([name, digest(convert_to_rgb(opened(data), return_numpy=True).tobytes())])
    for name, rows in tables.items():
        (HERE / f"{name}.tsv").write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))


if __name__ == "__main__":
    main()
