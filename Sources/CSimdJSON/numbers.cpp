#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "CSimdJSON.h"

namespace {

// One more than the longest: "-1.17549435e-38" and its comma.
constexpr size_t float_room = 20;

#if defined(__cpp_lib_to_chars)
template <typename T> size_t shortest(T value, char *out) {
    return size_t(std::to_chars(out, out + 32, value).ptr - out);
}
#else
size_t shortest(float value, char *out) {
    for (int digits = 6; digits <= 9; digits++) {
        int length = std::snprintf(out, 32, "%.*g", digits, double(value));
        if (digits == 9 || std::strtof(out, nullptr) == value) return size_t(length);
    }
    return 0;
}
size_t shortest(double value, char *out) {
    for (int digits = 15; digits <= 17; digits++) {
        int length = std::snprintf(out, 32, "%.*g", digits, value);
        if (digits == 17 || std::strtod(out, nullptr) == value) return size_t(length);
    }
    return 0;
}
#endif

constexpr char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

struct Values {
    int8_t of[256];
    constexpr Values() : of() {
        for (int i = 0; i < 256; i++) of[i] = -1;
        for (int i = 0; i < 64; i++) of[uint8_t(letters[i])] = int8_t(i);
    }
};
constexpr Values values;

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
        place += shortest(floats[i], place);
    }
    *place++ = ']';
    return size_t(place - out);
}

extern "C" size_t csj_write_float(float value, char *out) { return shortest(value, out); }

extern "C" size_t csj_write_double(double value, char *out) { return shortest(value, out); }

extern "C" void csj_base64_encode(const uint8_t *bytes, size_t length, char *out) {
    size_t i = 0;
    for (; i + 3 <= length; i += 3) {
        uint32_t group = uint32_t(bytes[i]) << 16 | uint32_t(bytes[i + 1]) << 8 | bytes[i + 2];
        *out++ = letters[group >> 18];
        *out++ = letters[group >> 12 & 63];
        *out++ = letters[group >> 6 & 63];
        *out++ = letters[group & 63];
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
    size_t full = padding ? length - 4 : length;
    uint8_t *place = out;
    int bad = 0;  // turns negative with the first character that is none of the 64
    for (size_t i = 0; i < full; i += 4) {
        int a = values.of[text[i]], b = values.of[text[i + 1]], c = values.of[text[i + 2]], d = values.of[text[i + 3]];
        bad |= a | b | c | d;
        uint32_t group = uint32_t(a & 63) << 18 | uint32_t(b & 63) << 12 | uint32_t(c & 63) << 6 | uint32_t(d & 63);
        *place++ = uint8_t(group >> 16);
        *place++ = uint8_t(group >> 8);
        *place++ = uint8_t(group);
    }
    if (padding) {
        int a = values.of[text[full]], b = values.of[text[full + 1]], c = padding == 1 ? values.of[text[full + 2]] : 0;
        bad |= a | b | c;
        uint32_t group = uint32_t(a & 63) << 18 | uint32_t(b & 63) << 12 | uint32_t(c & 63) << 6;
        if (group & (padding == 1 ? 0xFF : 0xFFFF)) return false;  // bits that no encoder writes
        *place++ = uint8_t(group >> 16);
        if (padding == 1) *place++ = uint8_t(group >> 8);
    }
    *written = size_t(place - out);
    return bad >= 0;
}
