#include "decimals.hpp"

#include <cstdio>
#include <cstdlib>
#include <limits>

namespace {

// A number without leading zeros and without a point: digits of which the last stands for all that follow where they are
// not zero. Float32's halves have at most 113 digits, a double's 768.
struct Digits {
    static constexpr int most = 800;
    char text[most + 32];
    int count = 0;
    // Of the last digit.
    int64_t exponent;

    explicit Digits(const Number &number) : exponent(number.exponent) {
        bool is_more = false;
        for (const char *place = number.start; place < number.end && *place != 'e' && *place != 'E'; place++) {
            if (!decimals::is_digit(*place) || (count == 0 && *place == '0')) continue;
            if (count < most) {
                text[count++] = *place;
            } else {
                exponent++;
                is_more = is_more || *place != '0';
            }
        }
        if (is_more) {
            text[count++] = '1';
            exponent--;
        }
    }

    // The number is 0.ddd 10^scale.
    int64_t scale() const { return exponent + count; }

    // What C's strtof and strtod take in every locale, as there is no point in it.
    const char *c_text() {
        std::snprintf(text + count, 32, "e%lld", static_cast<long long>(exponent));
        return text;
    }
};

}  // namespace

namespace {

// By the first 19 digits, where they and the next number of as many have the same nearest float32.
bool nearest_by_first_digits(const Number &number, float &value) {
    uint64_t digits = 0;
    int count = 0;
    int64_t exponent = number.exponent;
    for (const char *place = number.start; place < number.end && *place != 'e' && *place != 'E'; place++) {
        if (!decimals::is_digit(*place)) continue;
        if (count == 19) {
            exponent++;
        } else {
            digits = 10 * digits + uint64_t(*place - '0');
            count += digits != 0;
        }
    }
    float above;
    return decimals::quick_float(digits, exponent, value) && decimals::quick_float(digits + 1, exponent, above)
           && value == above;
}

}  // namespace

float nearest_float(const Number &number) {
    float value = 0;
    if (nearest_by_first_digits(number, value)) return number.is_negative ? -value : value;
    Digits digits(number);
    if (digits.count == 0 || digits.scale() < -45) {
        value = 0;
    } else if (digits.scale() > 39) {
        value = std::numeric_limits<float>::infinity();
    } else {
        value = std::strtof(digits.c_text(), nullptr);
    }
    return number.is_negative ? -value : value;
}

bool is_beyond_double(const Number &number) {
    Digits digits(number);
    if (digits.count == 0 || digits.scale() < 309) return false;
    return digits.scale() > 309 || std::isinf(std::strtod(digits.c_text(), nullptr));
}
