// A plain C face of what JSONLines needs from simdjson and from C++17's number conversions. No function throws.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    CSJ_OK = 0,
    CSJ_SYNTAX,
    CSJ_NOT_UTF8,
    CSJ_NOT_AN_OBJECT,
    CSJ_TOO_DEEP,
    CSJ_BAD_STRING,  // an unknown escape, or half of a surrogate pair
    CSJ_BAD_NUMBER,  // malformed, or beyond a double
    CSJ_DUPLICATE_KEY,
    CSJ_TRUNCATED,  // the text ends inside a value
    CSJ_TRAILING,   // something follows the object
    CSJ_NO_MEMORY,
} csj_status;

typedef enum { CSJ_OBJECT, CSJ_ARRAY, CSJ_STRING, CSJ_NUMBER, CSJ_BOOL, CSJ_NULL } csj_kind;

// One key of the top level. Offsets count bytes of the text; the key is without its quotes, escapes as written.
typedef struct {
    size_t key_offset, key_length;
    size_t value_offset, value_length;
    csj_kind kind;
    bool key_has_escapes;
} csj_field;

// Why the array under the float key is not one of finite floats.
typedef enum { CSJ_FLOATS_ABSENT, CSJ_FLOATS_OK, CSJ_FLOATS_NOT_NUMBERS, CSJ_FLOATS_OUT_OF_RANGE } csj_floats;

// What a parse found. The pointers are valid until the parser's next use.
typedef struct {
    csj_status status;
    size_t error_offset;  // of the first byte in error
    const csj_field *fields;
    size_t field_count;
    csj_floats floats;
    size_t floats_error_index;  // of the element in error
    const float *float_values;
    size_t float_count;
} csj_result;

typedef struct csj_parser csj_parser;

// NULL when memory is short.
csj_parser *csj_parser_create(void);
void csj_parser_destroy(csj_parser *parser);

// Validates `text` fully as one JSON object, and finds its keys and values. An array under `float_key` is read as
// float32, correctly rounded, on the way. `max_depth` counts the object itself.
csj_result csj_parse_object(
    csj_parser *parser, const uint8_t *text, size_t length, size_t max_depth, const char *float_key);

// The place of the first byte that is not UTF-8, or `length`.
size_t csj_utf8_error(const uint8_t *text, size_t length);

// Room that `csj_write_floats` needs for `count` values.
size_t csj_floats_room(size_t count);
// Writes "[0.1,2,...]", the shortest text of each value that reads back as the same float32. Returns the bytes written,
// or 0 when the value at `*bad` is not finite.
size_t csj_write_floats(const float *values, size_t count, char *out, size_t *bad);
// Writes one finite value, at most 32 bytes; returns the bytes written.
size_t csj_write_float(float value, char *out);
size_t csj_write_double(double value, char *out);

// Standard base64 with padding: writes (length + 2) / 3 * 4 bytes.
void csj_base64_encode(const uint8_t *bytes, size_t length, char *out);
// Writes at most length / 4 * 3 bytes and sets `*written`; false when the text is no padded base64.
bool csj_base64_decode(const uint8_t *text, size_t length, uint8_t *out, size_t *written);

#ifdef __cplusplus
}
#endif
