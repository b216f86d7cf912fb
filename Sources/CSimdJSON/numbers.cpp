#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "CSimdJSON.h"
#include "floats.hpp"

namespace {

// One more than the longest: "-1.17549435e-38" and its comma.
constexpr size_t float_room = 20;

size_t shortest(double value, char *out) {
#if defined(__cpp_lib_to_chars)
    return size_t(std::to_chars(out, out + 32, value).ptr - out);
#else
    for (int digits = 15; digits <= 17; digits++) {
        int length = std::snprintf(out, 32, "%.*g", digits, value);
        if (digits == 17 || std::strtod(out, nullptr) == value) return size_t(length);
    }
    return 0;
#endif
}

constexpr char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// Four letters become three bytes by four look-ups: each table holds a letter's six bits where a little-endian load has
// them. The top byte stays 0 unless the letter is none of the 64.
struct Decoding {
    uint32_t of[4][256];
    constexpr Decoding() : of() {
        for (auto &table : of) {
            for (uint32_t &entry : table) entry = 0xFF000000;
        }
        for (uint32_t i = 0; i < 64; i++) {
            auto letter = uint8_t(letters[i]);
            of[0][letter] = i << 2;
            of[1][letter] = i >> 4 | (i & 15) << 12;
            of[2][letter] = (i >> 2) << 8 | (i & 3) << 22;
            of[3][letter] = i << 16;
        }
    }
};
constexpr Decoding decoding;

uint32_t decoded(const uint8_t *text) {
    return decoding.of[0][text[0]] | decoding.of[1][text[1]] | decoding.of[2][text[2]] | decoding.of[3][text[3]];
}

// Two letters at a time, by twelve bits.
struct Encoding {
    char of[4096][2];
    constexpr Encoding() : of() {
        for (int i = 0; i < 4096; i++) {
            of[i][0] = letters[i >> 6];
            of[i][1] = letters[i & 63];
        }
    }
};
constexpr Encoding encoding;

}  // namespace

extern "C" size_t csj_floats_room(size_t count) { return count * float_room + 32; }

extern "C" size_t csj_write_floats(const float *floats, size_t count, char *out, size_t *bad) {
    char *place = out;
    *place++ = '[';
    for (size_t i = 0; i < count; i++) {
        if (!std::isfinite(floats[i])) {
            *bad = i;
            return 0;
        }
        if (i > 0) *place++ = ',';
        place = write_shortest(floats[i], place);
    }
    *place++ = ']';
    return size_t(place - out);
}

extern "C" size_t csj_write_float(float value, char *out) { return size_t(write_shortest(value, out) - out); }

extern "C" size_t csj_write_double(double value, char *out) { return shortest(value, out); }

extern "C" void csj_base64_encode(const uint8_t *bytes, size_t length, char *out) {
    size_t i = 0;
    for (; i + 3 <= length; i += 3) {
        uint32_t group = uint32_t(bytes[i]) << 16 | uint32_t(bytes[i + 1]) << 8 | bytes[i + 2];
        std::memcpy(out, encoding.of[group >> 12], 2);
        std::memcpy(out + 2, encoding.of[group & 4095], 2);
        out += 4;
    }
    if (i == length) return;
    uint32_t group = uint32_t(bytes[i]) << 16 | (i + 1 < length ? uint32_t(bytes[i + 1]) << 8 : 0);
    *out++ = letters[group >> 18];
    *out++ = letters[group >> 12 & 63];
    *out++ = i + 1 < length ? letters[group >> 6 & 63] : '=';
    *out++ = '=';
}

extern "C" bool csj_base64_decode(const uint8_t *text, size_t length, uint8_t *out, size_t *written) {
    *written = 0;
    if (length % 4 != 0) return false;
    if (length == 0) return true;
    size_t padding = text[length - 1] != '=' ? 0 : text[length - 2] != '=' ? 1 : 2;
    // The last group is apart: it may be padded, and four bytes stored at once would run over the end.
    size_t full = length - 4;
    uint8_t *place = out;
    uint32_t bad = 0;
    for (size_t i = 0; i < full; i += 4, place += 3) {
        uint32_t group = decoded(text + i);
        bad |= group;
        uint8_t stored[4] = {uint8_t(group), uint8_t(group >> 8), uint8_t(group >> 16), 0};
        std::memcpy(place, stored, 4);
    }
    const uint8_t last[4] = {
        text[full], text[full + 1], padding < 2 ? text[full + 2] : uint8_t('A'), padding < 1 ? text[full + 3] : uint8_t('A')};
    uint32_t group = decoded(last);
    bad |= group;
    uint32_t beyond = padding == 2 ? 0xFFFF00 : padding == 1 ? 0xFF0000 : 0;
    if (group & beyond) return false;  // bits that no encoder writes
    for (size_t i = 0; i < 3 - padding; i++) *place++ = uint8_t(group >> (8 * i));
    *written = size_t(place - out);
    return bad >> 24 == 0;
}
