"""Directories of a TIFF, byte by byte, and a RAW file made of them: what no library writes."""

import struct

SIZES = {1: "B", 3: "H", 4: "I"}


def entry(tag, kind, *values):
    """One tag: 1 bytes, 2 text, 3 numbers of 16 bits, 4 of 32."""
    if kind == 2:
        data = values[0].encode() + b"\0"
        return tag, kind, len(data), data
    return tag, kind, len(values), struct.pack(f"<{len(values)}{SIZES[kind]}", *values)


def directory(entries, at, order="<"):
    """A directory to stand at the offset `at`, with the values that do not fit into it behind it."""
    head, rest = struct.pack(order + "H", len(entries)), b""
    behind = at + 2 + 12 * len(entries) + 4
    for tag, kind, count, data in sorted(entries):
        value = data.ljust(4, b"\0")
        if len(data) > 4:
            value = struct.pack(order + "I", behind + len(rest))
            rest += data + bytes(len(data) % 2)
        head += struct.pack(order + "HHI", tag, kind, count) + value
    return head + bytes(4) + rest


def exif(orientation):
    """EXIF data that hold nothing but an orientation."""
    return b"Exif\0\0II*\0\x08\0\0\0" + directory([entry(0x0112, 3, orientation)], 8)


def raw(preview, size, thumbnail, thumbnail_size, orientation, is_dng, maker, model):
    """A camera's file as DNG, NEF and ARW are: a thumbnail in the first directory, the sensor's values and a preview in two
    directories below it."""
    # libraw takes smaller sensors for thumbnails.
    width, height = 96, 64
    sensor = bytes(2 * width * height)
    blobs, places, at = [thumbnail, sensor, preview], [], 8
    for blob in blobs:
        places.append(at)
        at += len(blob) + len(blob) % 2
    kinds = [
        entry(254, 4, 1), entry(256, 4, thumbnail_size[0]), entry(257, 4, thumbnail_size[1]), entry(258, 3, 8, 8, 8),
        entry(259, 3, 1), entry(262, 3, 2), entry(271, 2, maker), entry(272, 2, model), entry(273, 4, places[0]),
        entry(274, 3, orientation), entry(277, 3, 3), entry(278, 4, thumbnail_size[1]), entry(279, 4, len(thumbnail)),
    ]
    if is_dng:
        kinds += [entry(50706, 1, 1, 4, 0, 0), entry(50708, 2, model)]
    filters = [
        entry(254, 4, 0), entry(256, 4, width), entry(257, 4, height), entry(258, 3, 16), entry(259, 3, 1),
        entry(262, 3, 32803), entry(273, 4, places[1]), entry(277, 3, 1), entry(278, 4, height),
        entry(279, 4, len(sensor)), entry(33421, 3, 2, 2), entry(33422, 1, 0, 1, 1, 2),
    ]
    jpeg = [
        entry(254, 4, 1), entry(256, 4, size[0]), entry(257, 4, size[1]), entry(258, 3, 8, 8, 8), entry(259, 3, 7),
        entry(262, 3, 6), entry(273, 4, places[2]), entry(277, 3, 3), entry(278, 4, size[1]),
        entry(279, 4, len(preview)),
    ]
    second = at + len(directory(kinds + [entry(330, 4, 0, 0)], at))
    third = second + len(directory(filters, second))
    out = b"II*\0" + struct.pack("<I", at) + b"".join(blob + bytes(len(blob) % 2) for blob in blobs)
    return (
        out + directory(kinds + [entry(330, 4, second, third)], at) + directory(filters, second) + directory(jpeg, third)
    )
