#include <simdjson.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>
#include <vector>

#include "CSimdJSON.h"
#include "decimals.hpp"

using namespace simdjson;

// Memory above this is given back after the line that needed it.
static constexpr size_t kept_bytes = size_t(8) << 20;

struct csj_parser {
    ondemand::parser *parser = nullptr;
    uint8_t *buffer = nullptr;
    size_t capacity = 0;
    std::vector<csj_field> fields;
    std::vector<std::string_view> keys;  // unescaped
    std::vector<float> floats;  // the first `float_count` of them are read
    size_t float_count = 0;

    ~csj_parser() {
        delete parser;
        std::free(buffer);
    }
};

namespace {

class Walker {
  public:
    Walker(csj_parser &owner, ondemand::document &document, const uint8_t *text, size_t max_depth)
        : owner(owner), document(document), text(text), max_depth(max_depth) {}

    csj_result result{};

    csj_status top(const char *float_key) {
        ondemand::object object;
        if (auto error = document.get_object().get(object)) return status(error);
        std::string_view wanted(float_key);
        for (auto item : object) {
            ondemand::field field;
            if (auto error = std::move(item).get(field)) return status(error);
            csj_field found{};
            const char *raw = field.key().raw();
            found.key_offset = offset(raw);
            found.key_length = size_t(key_end(raw) - raw);
            std::string_view key(raw, found.key_length);
            found.key_has_escapes = key.find('\\') != key.npos;
            if (auto error = field.unescaped_key().get(key)) return fail(found.key_offset, status(error));
            ondemand::value value = field.value();
            ondemand::json_type type;
            if (auto error = value.type().get(type)) return status(error);
            const char *start;
            if (auto error = document.current_location().get(start)) return status(error);
            found.value_offset = offset(start);
            csj_status inner;
            const char *end = nullptr;  // of a value that simdjson is left to skip
            if (type == ondemand::json_type::number) {
                inner = number(start, &end);
            } else if (type == ondemand::json_type::array && key == wanted) {
                inner = float_array(value, start, &end);
            } else {
                inner = walk(value, type, 2);
            }
            if (inner != CSJ_OK) return inner;
            if (!end) {
                if (auto error = document.current_location().get(end)) return status(error);
            }
            size_t stop = offset(end);
            while (stop > found.value_offset && is_space(text[stop - 1])) stop--;
            found.value_length = stop - found.value_offset;
            found.kind = kind(type);
            owner.fields.push_back(found);
            owner.keys.push_back(key);
        }
        if (document.current_location().error() != OUT_OF_BOUNDS) return CSJ_TRAILING;
        return duplicates();
    }

    // The place that simdjson had come to, for errors.
    size_t here(size_t length) {
        const char *place;
        if (known_place != SIZE_MAX) return known_place;
        if (document.current_location().get(place)) return length;
        return std::min(offset(place), length);
    }

  private:
    csj_parser &owner;
    ondemand::document &document;
    const uint8_t *text;
    size_t max_depth;
    size_t known_place = SIZE_MAX;

    size_t offset(const char *place) const { return size_t(reinterpret_cast<const uint8_t *>(place) - text); }

    csj_status fail(size_t place, csj_status status) {
        known_place = place;
        return status;
    }

    static bool is_space(uint8_t c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

    // The text is known to have its closing quote, and bytes of padding after that.
    static const char *key_end(const char *raw) {
        while (*raw != '"') raw += *raw == '\\' ? 2 : 1;
        return raw;
    }

    static csj_kind kind(ondemand::json_type type) {
        switch (type) {
        case ondemand::json_type::object: return CSJ_OBJECT;
        case ondemand::json_type::array: return CSJ_ARRAY;
        case ondemand::json_type::string: return CSJ_STRING;
        case ondemand::json_type::number: return CSJ_NUMBER;
        case ondemand::json_type::boolean: return CSJ_BOOL;
        case ondemand::json_type::null: return CSJ_NULL;
        }
        return CSJ_NULL;
    }

    static csj_status status(error_code error) {
        switch (error) {
        case SUCCESS: return CSJ_OK;
        case MEMALLOC: return CSJ_NO_MEMORY;
        case STRING_ERROR: return CSJ_BAD_STRING;
        case NUMBER_ERROR: return CSJ_BAD_NUMBER;
        case UTF8_ERROR: return CSJ_NOT_UTF8;
        case DEPTH_ERROR: return CSJ_TOO_DEEP;
        case UNCLOSED_STRING: return CSJ_OPEN_STRING;
        case INCOMPLETE_ARRAY_OR_OBJECT: return CSJ_OPEN_OBJECT;
        default: return CSJ_SYNTAX;
        }
    }

    // Visits all of a value: simdjson checks only what is visited.
    csj_status walk(ondemand::value value, ondemand::json_type type, size_t depth) {
        switch (type) {
        case ondemand::json_type::number: {
            const char *start, *end;
            if (auto error = document.current_location().get(start)) return status(error);
            return number(start, &end);
        }
        case ondemand::json_type::string: {
            const char *start;
            if (auto error = document.current_location().get(start)) return status(error);
            std::string_view string;
            if (value.get_string().get(string)) return fail(offset(start), CSJ_BAD_STRING);
            return CSJ_OK;
        }
        case ondemand::json_type::boolean: {
            bool flag;
            return value.get_bool().get(flag) ? CSJ_SYNTAX : CSJ_OK;
        }
        case ondemand::json_type::null: {
            bool is_null = false;
            return value.is_null().get(is_null) || !is_null ? CSJ_SYNTAX : CSJ_OK;
        }
        case ondemand::json_type::array: {
            if (depth > max_depth) return CSJ_TOO_DEEP;
            ondemand::array array;
            if (auto error = value.get_array().get(array)) return status(error);
            for (auto item : array) {
                ondemand::value element;
                if (auto error = std::move(item).get(element)) return status(error);
                ondemand::json_type inner;
                if (auto error = element.type().get(inner)) return status(error);
                csj_status result = walk(element, inner, depth + 1);
                if (result != CSJ_OK) return result;
            }
            return CSJ_OK;
        }
        case ondemand::json_type::object: {
            if (depth > max_depth) return CSJ_TOO_DEEP;
            ondemand::object object;
            if (auto error = value.get_object().get(object)) return status(error);
            for (auto item : object) {
                ondemand::field field;
                if (auto error = std::move(item).get(field)) return status(error);
                std::string_view key;
                if (auto error = field.unescaped_key().get(key)) return status(error);
                ondemand::json_type inner;
                ondemand::value element = field.value();
                if (auto error = element.type().get(inner)) return status(error);
                csj_status result = walk(element, inner, depth + 1);
                if (result != CSJ_OK) return result;
            }
            return CSJ_OK;
        }
        }
        return CSJ_SYNTAX;
    }

    // Checks a number, which simdjson is left to skip: how its versions read numbers differs.
    csj_status number(const char *start, const char **end) {
        Number found;
        if (!read_number(start, found) || !ends_value(*found.end)) return fail(offset(start), CSJ_BAD_NUMBER);
        bool is_short = found.is_whole && found.exponent < 289;  // 10^19 10^288 is within a double
        if (!is_short && is_beyond_double(found)) return fail(offset(start), CSJ_BAD_NUMBER);
        *end = found.end;
        return CSJ_OK;
    }

    static bool ends_value(char c) { return c == ',' || c == ']' || c == '}' || is_space(uint8_t(c)); }

    static const char *after_space(const char *place) {
        while (is_space(uint8_t(*place))) place++;
        return place;
    }

    // Reads an array of numbers at one go. One that holds anything else is walked again, which finds what it is.
    csj_status float_array(ondemand::value value, const char *start, const char **end) {
        if (max_depth < 2) return CSJ_TOO_DEEP;
        owner.float_count = 0;
        result.floats = CSJ_FLOATS_OK;
        const char *place = after_space(start + 1);
        if (*place == ']') {
            *end = place + 1;
            return CSJ_OK;
        }
        size_t count = 0;
        for (;;) {
            Number found;
            if (!read_number(place, found)) break;
            if (count == owner.floats.size()) owner.floats.resize(std::max(2 * count, size_t(1024)));
            if (!quick_value(found, owner.floats[count])) {
                owner.floats[count] = nearest_float(found);
                if (!std::isfinite(owner.floats[count])) {
                    if (is_beyond_double(found)) return fail(offset(place), CSJ_BAD_NUMBER);
                    bad_float(CSJ_FLOATS_OUT_OF_RANGE, count);
                }
            }
            count++;
            place = after_space(found.end);
            if (*place == ']') {
                owner.float_count = count;
                *end = place + 1;
                return CSJ_OK;
            }
            if (*place != ',') break;
            place = after_space(place + 1);
        }
        bad_float(CSJ_FLOATS_NOT_NUMBERS, count);
        return walk(value, ondemand::json_type::array, 2);
    }

    void bad_float(csj_floats why, size_t index) {
        if (result.floats != CSJ_FLOATS_OK) return;
        result.floats = why;
        result.floats_error_index = index;
    }

    csj_status duplicates() {
        size_t count = owner.keys.size();
        if (count <= 16) {
            for (size_t i = 1; i < count; i++) {
                for (size_t j = 0; j < i; j++) {
                    if (owner.keys[i] == owner.keys[j]) {
                        return fail(owner.fields[i].key_offset - 1, CSJ_DUPLICATE_KEY);
                    }
                }
            }
            return CSJ_OK;
        }
        std::vector<size_t> order(count);
        for (size_t i = 0; i < count; i++) order[i] = i;
        std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
            return owner.keys[a] != owner.keys[b] ? owner.keys[a] < owner.keys[b] : a < b;
        });
        for (size_t i = 1; i < count; i++) {
            if (owner.keys[order[i]] == owner.keys[order[i - 1]]) {
                return fail(owner.fields[order[i]].key_offset - 1, CSJ_DUPLICATE_KEY);
            }
        }
        return CSJ_OK;
    }
};

csj_result failed(csj_status status, size_t place) {
    csj_result result{};
    result.status = status;
    result.error_offset = place;
    return result;
}

bool reserve(csj_parser &parser, size_t needed) {
    if (parser.buffer && parser.capacity >= needed && (parser.capacity <= kept_bytes || needed > kept_bytes)) {
        return true;
    }
    delete parser.parser;  // its own memory grows with the longest line, too
    parser.parser = nullptr;
    std::free(parser.buffer);
    std::vector<float>().swap(parser.floats);
    parser.capacity = std::max(needed + needed / 4, size_t(1) << 14);
    parser.buffer = static_cast<uint8_t *>(std::malloc(parser.capacity));
    parser.parser = new (std::nothrow) ondemand::parser(SIMDJSON_MAXSIZE_BYTES);
    return parser.buffer && parser.parser;
}

csj_result parse(csj_parser &parser, const uint8_t *text, size_t length, size_t max_depth, const char *float_key) {
    parser.fields.clear();
    parser.keys.clear();
    if (length > SIMDJSON_MAXSIZE_BYTES - SIMDJSON_PADDING || !reserve(parser, length + SIMDJSON_PADDING)) {
        return failed(CSJ_NO_MEMORY, 0);
    }
    std::memcpy(parser.buffer, text, length);
    std::memset(parser.buffer + length, 0, SIMDJSON_PADDING);

    size_t first = 0;
    while (first < length && (text[first] == ' ' || text[first] == '\t' || text[first] == '\r' || text[first] == '\n')) {
        first++;
    }
    if (first == length || text[first] != '{') return failed(CSJ_NOT_AN_OBJECT, first);

    ondemand::document document;
    auto error = parser.parser->iterate(parser.buffer, length, length + SIMDJSON_PADDING).get(document);
    // These two errors come without a place.
    if (error == UTF8_ERROR) return failed(CSJ_NOT_UTF8, csj_utf8_error(text, length));
    if (error == UNESCAPED_CHARS) {
        for (size_t i = first; i < length; i++) {
            if (text[i] < 0x20 && text[i] != '\t' && text[i] != '\r' && text[i] != '\n') return failed(CSJ_SYNTAX, i);
        }
        return failed(CSJ_SYNTAX, first);
    }
    if (error == UNCLOSED_STRING) return failed(CSJ_OPEN_STRING, length);
    if (error) return failed(error == MEMALLOC ? CSJ_NO_MEMORY : CSJ_SYNTAX, first);

    Walker walker(parser, document, parser.buffer, max_depth);
    csj_status status = walker.top(float_key);
    if (status != CSJ_OK) return failed(status, walker.here(length));
    walker.result.fields = parser.fields.data();
    walker.result.field_count = parser.fields.size();
    walker.result.float_values = parser.floats.data();
    walker.result.float_count = walker.result.floats == CSJ_FLOATS_OK ? parser.float_count : 0;
    return walker.result;
}

}  // namespace

extern "C" csj_parser *csj_parser_create(void) { return new (std::nothrow) csj_parser; }

extern "C" void csj_parser_destroy(csj_parser *parser) { delete parser; }

extern "C" csj_result csj_parse_object(
    csj_parser *parser, const uint8_t *text, size_t length, size_t max_depth, const char *float_key) {
    try {
        return parse(*parser, text, length, max_depth, float_key);
    } catch (...) {  // std::bad_alloc from the vectors
        return failed(CSJ_NO_MEMORY, 0);
    }
}

extern "C" size_t csj_utf8_error(const uint8_t *text, size_t length) {
    if (validate_utf8(reinterpret_cast<const char *>(text), length)) return length;
    // Halve towards the place, then look at single characters.
    size_t good = 0;
    while (length - good > 64) {
        size_t middle = good + (length - good) / 2;
        while (middle > good && (text[middle] & 0xC0) == 0x80) middle--;
        if (middle == good) break;
        if (validate_utf8(reinterpret_cast<const char *>(text + good), middle - good)) {
            good = middle;
        } else {
            length = middle;
        }
    }
    while (good < length) {
        size_t size = 1;
        while (good + size < length && size < 4 && (text[good + size] & 0xC0) == 0x80) size++;
        if (!validate_utf8(reinterpret_cast<const char *>(text + good), size)) return good;
        good += size;
    }
    return good;
}
