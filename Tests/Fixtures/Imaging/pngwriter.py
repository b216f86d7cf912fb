"""Writes PNG files of every colour type, bit depth and interlacing, most of which Pillow cannot write."""

import struct
import zlib

import numpy as np

GRAY, RGB, PALETTE, GRAY_ALPHA, RGBA = 0, 2, 3, 4, 6
CHANNELS = {GRAY: 1, RGB: 3, PALETTE: 1, GRAY_ALPHA: 2, RGBA: 4}
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def chunk(kind, data):
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def packed_row(row, depth):
    samples = row.reshape(-1)
    if depth == 16:
        return samples.astype(">u2").tobytes()
    if depth == 8:
        return samples.astype(np.uint8).tobytes()
    bits = ((samples[:, None] >> np.arange(depth - 1, -1, -1)) & 1).astype(np.uint8)
    return np.packbits(bits.reshape(-1)).tobytes()


def filtered(row, above, bpp, kind):
    """One row after PNG's filter `kind`, with the filter byte."""
    x = np.frombuffer(row, np.uint8).astype(int)
    b = np.frombuffer(above, np.uint8).astype(int)
    a = np.concatenate([np.zeros(bpp, int), x])[: len(x)]
    c = np.concatenate([np.zeros(bpp, int), b])[: len(x)]
    if kind == 0:
        predicted = np.zeros_like(x)
    elif kind == 1:
        predicted = a
    elif kind == 2:
        predicted = b
    elif kind == 3:
        predicted = (a + b) // 2
    else:
        p = a + b - c
        pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
        predicted = np.where((pa <= pb) & (pa <= pc), a, np.where(pb <= pc, b, c))
    return bytes([kind]) + ((x - predicted) & 255).astype(np.uint8).tobytes()


def png(samples, depth, color_type, interlaced=False, palette=None, trns=None, extra=b"", idat_size=8192):
    """samples: integers, [height, width, channels]. Rows use the five filters in turn."""
    height, width, channels = samples.shape
    assert channels == CHANNELS[color_type]
    bpp = max(1, channels * depth // 8)
    passes = ADAM7 if interlaced else [(0, 0, 1, 1)]
    raw = b""
    for x0, y0, dx, dy in passes:
        part = samples[y0::dy, x0::dx]
        if part.shape[0] == 0 or part.shape[1] == 0:
            continue
        above = None
        for y, row in enumerate(part):
            data = packed_row(row, depth)
            raw += filtered(data, above or bytes(len(data)), bpp, y % 5)
            above = data
    body = zlib.compress(raw, 9)
    out = b"\x89PNG\r\n\x1a\n"
    out += chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, int(interlaced)))
    out += extra
    if palette is not None:
        out += chunk(b"PLTE", np.asarray(palette, np.uint8).tobytes())
    if trns is not None:
        out += chunk(b"tRNS", trns)
    for i in range(0, len(body), idat_size):
        out += chunk(b"IDAT", body[i : i + idat_size])
    return out + chunk(b"IEND", b"")
