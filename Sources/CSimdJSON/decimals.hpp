#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

// Decimal numbers to the nearest float32, ties to even, whatever library is installed: every digit counts, and so does an
// exponent of any length.

// A number as JSON writes it: digits 10^exponent, where `is_whole` says that the digits fit. Else they stand in the text.
struct Number {
    const char *start;
    const char *end;
    uint64_t digits;
    int64_t exponent;
    bool is_negative;
    bool is_whole;
};

// The float32 nearest to a number of any length; an infinity where it is beyond float32.
float nearest_float(const Number &number);
// Whether a number of any length is beyond a double.
bool is_beyond_double(const Number &number);

namespace decimals {

inline bool is_digit(char c) { return uint8_t(c - '0') < 10; }

// Eight bytes of text, the first one lowest, as their differences from '0'.
inline uint64_t eight_bytes(const char *place) {
    uint64_t text;
    std::memcpy(&text, place, sizeof text);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    text = __builtin_bswap64(text);
#endif
    return text ^ 0x3030303030303030;
}

// How many of eight bytes are digits, up to the first that is none.
inline int digit_count(uint64_t bytes) {
    uint64_t others = ((bytes + 0x7676767676767676) | bytes) & 0x8080808080808080;
    return others ? __builtin_ctzll(others) >> 3 : 8;
}

// The number that eight digits make.
inline uint32_t eight_digits(uint64_t bytes) {
    bytes = bytes * 2561 >> 8;
    bytes = (bytes & 0x00FF00FF00FF00FF) * 6553601 >> 16;
    return uint32_t((bytes & 0x0000FFFF0000FFFF) * 42949672960001 >> 32);
}

constexpr uint64_t small_powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000};

// 10^q = digits 2^(exponent - 63), the digits cut off after 64 bits.
struct Power {
    uint64_t digits;
    int exponent;
};

constexpr int last_power = 38;  // 10^38 is the last with fewer than 128 bits
constexpr int last_exact_power = 27;  // 5^27 is the last with at most 64

struct Powers {
    Power of[2 * last_power + 1];
    constexpr Powers() : of() {
        unsigned __int128 whole = 1;
        for (int q = 0; q <= last_power; q++, whole *= 10) {
            int length = 0;
            while (length < 128 && whole >> length != 0) length++;
            uint64_t digits = length > 64 ? uint64_t(whole >> (length - 64)) : uint64_t(whole) << (64 - length);
            of[last_power + q] = {digits, length - 1};
            unsigned __int128 rest = 1;  // its inverse, bit by bit
            int exponent = 0;
            while (rest < whole) rest <<= 1, exponent--;
            uint64_t inverse = 0;
            for (int bit = 0; bit < 64; bit++, rest <<= 1) {
                inverse = inverse << 1 | uint64_t(rest >= whole);
                if (rest >= whole) rest -= whole;
            }
            of[last_power - q] = {inverse, exponent};
        }
    }
};
inline constexpr Powers powers;

// Daniel Lemire's method, "Number Parsing at a Gigabyte per Second" (2021), with one word of each power: the product of
// the digits and the power is right but for its last bit, which leaves the rounding open in one case of 2^38. False there,
// and for what is subnormal or beyond float32.
inline bool quick_float(uint64_t digits, int64_t exponent, float &value) {
    if (digits == 0) {
        value = 0;
        return true;
    }
    if (exponent < -last_power || exponent > last_power) return false;
    const Power &power = powers.of[last_power + exponent];
    int zeros = __builtin_clzll(digits);
    auto product = static_cast<unsigned __int128>(digits << zeros) * power.digits;
    auto high = uint64_t(product >> 64);
    int top = int(high >> 63);
    int below = 38 + top;  // bits below the 24 of a float and the one that rounds
    uint64_t mask = (uint64_t(1) << below) - 1;
    uint64_t rest = high & mask;
    auto bits = uint32_t(high >> below);
    bool is_exact = exponent >= 0 && exponent <= last_exact_power;
    // The middle of two floats, or so little below it that the power's other digits decide.
    bool is_open = rest == ((uint64_t(bits & 1) - 1) & mask);
    if (is_open && !is_exact) return false;
    uint32_t is_more = (rest | uint64_t(product)) != 0;
    uint32_t fraction = (bits >> 1) + (bits & 1 & (is_more | bits >> 1));
    int scale = 63 + top + power.exponent - zeros;  // of the first bit
    if (scale < -126 || scale > 126) return false;
    uint32_t pattern = (uint32_t(scale + 127) << 23) + (fraction - (1u << 23));  // a carry raises the exponent
    std::memcpy(&value, &pattern, sizeof value);
    return true;
}

}  // namespace decimals

// Reads a number by RFC 8259 up to its end; false where it is malformed. What follows is not looked at. Eight bytes after
// the text must be readable, and no digit be among them.
inline bool read_number(const char *place, Number &number) {
    using namespace decimals;
    number.start = place;
    number.is_negative = *place == '-';
    place += number.is_negative;
    const char *first = place;
    uint64_t digits = 0;
    while (is_digit(*place)) digits = 10 * digits + uint64_t(*place++ - '0');
    int64_t count = place - first;
    if (count == 0 || (count > 1 && *first == '0')) return false;
    int64_t exponent = 0;
    if (*place == '.') {
        const char *point = ++place;
        uint64_t bytes = eight_bytes(place);
        int found = digit_count(bytes);
        while (found == 8) {
            digits = 100000000 * digits + eight_digits(bytes);
            place += 8;
            bytes = eight_bytes(place);
            found = digit_count(bytes);
        }
        // Without a branch, which would be as good as random.
        digits = small_powers[found] * digits + eight_digits(bytes << 8 << (56 - 8 * found));
        place += found;
        exponent = point - place;
        if (exponent == 0) return false;
        count -= exponent;
    }
    if (count > 19) {  // zeros in front are none of them
        while (*first == '0' || *first == '.') count -= *first++ == '0';
    }
    if (*place == 'e' || *place == 'E') {
        place++;
        bool is_negative = *place == '-';
        place += *place == '-' || *place == '+';
        if (!is_digit(*place)) return false;
        int64_t power = 0;
        for (; is_digit(*place); place++) {
            if (power < int64_t(1) << 50) power = 10 * power + (*place - '0');
        }
        exponent += is_negative ? -power : power;
    }
    number.end = place;
    number.digits = digits;
    number.exponent = exponent;
    number.is_whole = count <= 19;
    return true;
}

// The nearest float32, where that is quickly found and finite; else `nearest_float` finds it.
inline bool quick_value(const Number &number, float &value) {
    float size;
    if (!number.is_whole || !decimals::quick_float(number.digits, number.exponent, size)) return false;
    const float signs[] = {size, -size};
    value = signs[number.is_negative];
    return true;
}
