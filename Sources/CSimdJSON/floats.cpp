#include <cstdint>
#include <cstring>

#include "floats.hpp"

// The shortest decimal of a float32 that reads back as the same float32, by the Schubfach method:
// Raffaello Giulietti, "The Schubfach way to render doubles" (2020), https://drive.google.com/file/d/1gp5xv4CAa78SVgCeWfGqqI4FfYYYuNFb
// The standard library's std::to_chars takes about twice the time.

namespace {

// ceil(10^k 2^-r) with r = floor(log2 10^k) - 63, for k from -31 to 45.
constexpr int first_power = -31;
constexpr uint64_t powers[] = {
    0x81CEB32C4B43FCF5, 0xA2425FF75E14FC32, 0xCAD2F7F5359A3B3F, 0xFD87B5F28300CA0E, 0x9E74D1B791E07E49,
    0xC612062576589DDB, 0xF79687AED3EEC552, 0x9ABE14CD44753B53, 0xC16D9A0095928A28, 0xF1C90080BAF72CB2,
    0x971DA05074DA7BEF, 0xBCE5086492111AEB, 0xEC1E4A7DB69561A6, 0x9392EE8E921D5D08, 0xB877AA3236A4B44A,
    0xE69594BEC44DE15C, 0x901D7CF73AB0ACDA, 0xB424DC35095CD810, 0xE12E13424BB40E14, 0x8CBCCC096F5088CC,
    0xAFEBFF0BCB24AAFF, 0xDBE6FECEBDEDD5BF, 0x89705F4136B4A598, 0xABCC77118461CEFD, 0xD6BF94D5E57A42BD,
    0x8637BD05AF6C69B6, 0xA7C5AC471B478424, 0xD1B71758E219652C, 0x83126E978D4FDF3C, 0xA3D70A3D70A3D70B,
    0xCCCCCCCCCCCCCCCD, 0x8000000000000000, 0xA000000000000000, 0xC800000000000000, 0xFA00000000000000,
    0x9C40000000000000, 0xC350000000000000, 0xF424000000000000, 0x9896800000000000, 0xBEBC200000000000,
    0xEE6B280000000000, 0x9502F90000000000, 0xBA43B74000000000, 0xE8D4A51000000000, 0x9184E72A00000000,
    0xB5E620F480000000, 0xE35FA931A0000000, 0x8E1BC9BF04000000, 0xB1A2BC2EC5000000, 0xDE0B6B3A76400000,
    0x8AC7230489E80000, 0xAD78EBC5AC620000, 0xD8D726B7177A8000, 0x878678326EAC9000, 0xA968163F0A57B400,
    0xD3C21BCECCEDA100, 0x84595161401484A0, 0xA56FA5B99019A5C8, 0xCECB8F27F4200F3A, 0x813F3978F8940985,
    0xA18F07D736B90BE6, 0xC9F2C9CD04674EDF, 0xFC6F7C4045812297, 0x9DC5ADA82B70B59E, 0xC5371912364CE306,
    0xF684DF56C3E01BC7, 0x9A130B963A6C115D, 0xC097CE7BC90715B4, 0xF0BDC21ABB48DB21, 0x96769950B50D88F5,
    0xBC143FA4E250EB32, 0xEB194F8E1AE525FE, 0x92EFD1B8D0CF37BF, 0xB7ABC627050305AE, 0xE596B7B0C643C71A,
    0x8F7E32CE7BEA5C70, 0xB35DBF821AE4F38C,
};

struct Decimal {
    uint32_t digits;
    int exponent;
};

uint32_t round_to_odd(uint64_t power, uint32_t value) {
    unsigned __int128 product = static_cast<unsigned __int128>(power) * value;
    return uint32_t(product >> 64) | (uint32_t(product >> 32) > 1);
}

// Names as in the paper: the value is c 2^q, the candidates are s 10^k and its neighbours.
Decimal shortest(uint32_t fraction, uint32_t exponent) {
    uint32_t c = exponent ? fraction | 1u << 23 : fraction;
    int q = (exponent ? int(exponent) : 1) - 150;
    if (exponent && q <= 0 && q > -24 && (c & ((1u << -q) - 1)) == 0) return {c >> -q, 0};
    bool is_odd = c & 1;
    bool is_power = fraction == 0 && exponent > 1;  // the neighbour below is nearer
    int k = (q * 1262611 - (is_power ? 524031 : 0)) >> 22;
    int h = q + ((-k * 1741647) >> 19) + 1;
    uint64_t power = powers[-k - first_power];
    uint32_t low = round_to_odd(power, (4 * c - 2 + is_power) << h) + is_odd;
    uint32_t middle = round_to_odd(power, (4 * c) << h);
    uint32_t high = round_to_odd(power, (4 * c + 2) << h) - is_odd;
    uint32_t s = middle / 4;
    if (s >= 10) {
        uint32_t t = s / 10;
        bool below = low <= 40 * t, above = 40 * t + 40 <= high;
        if (below != above) return {t + above, k + 1};
    }
    bool below = low <= 4 * s, above = 4 * s + 4 <= high;
    if (below != above) return {s + above, k};
    uint32_t half = 4 * s + 2;
    return {s + (middle > half || (middle == half && (s & 1))), k};
}

constexpr char pairs[] =
    "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
    "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

// Writes the digits so that they end before `end`.
void write_digits(uint32_t value, char *end) {
    while (value >= 100) {
        end -= 2;
        std::memcpy(end, pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10) {
        std::memcpy(end - 2, pairs + value * 2, 2);
    } else {
        end[-1] = char('0' + value);
    }
}

int digit_count(uint32_t value) {
    // Most values have 8 or 9 digits: never more.
    int count = 9;
    for (uint32_t limit = 100000000; value < limit; limit /= 10) count--;
    return count;
}

}  // namespace

char *write_shortest(float value, char *out) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    if (bits >> 31) *out++ = '-';
    bits &= 0x7FFFFFFF;
    if (bits == 0) {
        *out++ = '0';
        return out;
    }
    Decimal decimal = shortest(bits & 0x7FFFFF, bits >> 23);
    while (decimal.digits % 10 == 0) {
        decimal.digits /= 10;
        decimal.exponent++;
    }
    int count = digit_count(decimal.digits);
    int point = count + decimal.exponent;  // digits before the decimal point
    if (point <= 0 && point > -4) {  // 0.0012
        std::memcpy(out, "0.000", 5);
        out += 2 - point + count;
        write_digits(decimal.digits, out);
        return out;
    }
    if (decimal.exponent >= 0 && (point <= 7 || decimal.exponent == 0)) {  // 12 or 1200
        write_digits(decimal.digits, out + count);
        for (int i = count; i < point; i++) out[i] = '0';
        return out + point;
    }
    write_digits(decimal.digits, out + 1 + count);
    if (point > 0 && decimal.exponent < 0) {  // 1.2
        for (int i = 0; i < point; i++) out[i] = out[i + 1];
        out[point] = '.';
        return out + count + 1;
    }
    out[0] = out[1];  // 1.2e-5
    out[1] = '.';
    out += count > 1 ? count + 1 : 1;
    int exponent = decimal.exponent + count - 1;
    *out++ = 'e';
    if (exponent < 0) {
        *out++ = '-';
        exponent = -exponent;
    }
    if (exponent >= 10) *out++ = char('0' + exponent / 10);
    *out++ = char('0' + exponent % 10);
    return out;
}
