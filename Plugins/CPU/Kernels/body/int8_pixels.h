// Values of pictures in bytes, and how the sums of a convolution become such or floats.

#define LINE_VECTORS 2
#define LINE_PANEL (LINE_VECTORS * LANES)
#define OF_ALL(INDEX, COUNT) _Pragma("clang loop unroll(full)") for (int INDEX = 0; INDEX < (COUNT); INDEX++)

INLINE int value_size(int type) { return type == CPU_U8 ? 1 : type == CPU_BF16 ? 2 : 4; }

// The first pixel of a picture's line; or of one that is counted over all pictures.
INLINE void *line_of(const cpu_pictures *p, int64_t picture, int64_t y) {
    return (char *)p->values + (picture * p->picture + y * p->line) * value_size(p->type);
}

INLINE void *line_at(const cpu_pictures *p, int64_t line) { return line_of(p, line / p->height, line % p->height); }

INLINE lanes read_pixel(const void *x, int type) {
    typedef uint8_t bytes __attribute__((ext_vector_type(LANES), aligned(1)));
    typedef uint16_t halves __attribute__((ext_vector_type(LANES), aligned(2)));
    typedef uint32_t words __attribute__((ext_vector_type(LANES)));
    if (type == CPU_U8) return __builtin_convertvector(*(const bytes *)x, lanes);
    if (type == CPU_BF16) return (lanes)(__builtin_convertvector(*(const halves *)x, words) << 16);
    return *(const lanes *)x;
}

INLINE void write_pixels(const float *x, void *out, int type, int64_t n) {
    if (type == CPU_BF16) { VECTOR_LOOP for (int64_t i = 0; i < n; i++) ((uint16_t *)out)[i] = float_to_bfloat16(x[i]); }
    else memcpy(out, x, (size_t)n * 4);
}

// Bits of values: their order is that of values that are not negative, with what is no number above all.
typedef uint32_t value_bits __attribute__((ext_vector_type(LANES), aligned(4)));

INLINE uint32_t most_of(value_bits most) {
    uint32_t top = 0;
    for (int lane = 0; lane < LANES; lane++) top = most[lane] > top ? most[lane] : top;
    return top;
}

// A line's range from the bits of its largest value: not below those of infinity, its numbers say nothing.
INLINE float line_scale(uint32_t most) { return most < 0x7F800000 ? from_bits(most) / 255.0f : from_bits(0x7FC00000); }

// The first byte of a line that is about to be written, after zeros on both sides and the scale; 0 where all is zero.
INLINE float begin_line(const cpu_pictures *out, int64_t line, int64_t size, int64_t channels, uint32_t most) {
    const float scale = line_scale(most);
    uint8_t *to = line_at(out, line);
    const size_t border = (size_t)(out->border * channels);
    memset(to - border, 0, border);
    memset(to + size, 0, border);
    out->scale[line] = scale;
    if (scale > 1e-30f) return 1.0f / scale;
    memset(to, 0, (size_t)size);
    return 0;
}

typedef uint8_t byte_lanes __attribute__((ext_vector_type(LANES), aligned(1)));

INLINE byte_lanes to_bytes(const float *x, float inverse) {
    return __builtin_convertvector(__builtin_convertvector(*(const lanes *)x * inverse + 0.5f, dots), byte_lanes);
}

// Pixels of a tile in one line.
typedef struct {
    const cpu_int8_convolution *j;
    const float *tile;
    int64_t pixels, column;
    const char *residual;
    float residual_scale;
    float *room;       // for results that become bytes
    char *out;         // for others, or NULL
    value_bits *most;  // what is largest in each lane
} line_pixels;

// From sums to results. `residual_type` below 0: there is none.
INLINE void finish_pixels(const line_pixels *p, const int residual_type, const bool is_whole, const bool is_room) {
    const cpu_int8_convolution *j = p->j;
    const int64_t n = j->n, left = n - p->column;
    const int64_t columns = is_whole || left > LINE_PANEL ? LINE_PANEL : left;
    const int size = value_size(residual_type), out_size = value_size(j->out.type);
    const char *residual = p->residual;
    const float *tile = p->tile;
    float *room = p->room;
    char *out = p->out;
    lanes weight[LINE_VECTORS], bias[LINE_VECTORS];
    value_bits most[LINE_VECTORS];
    OF_ALL(v, LINE_VECTORS) {
        weight[v] = *(const lanes *)(j->b.scale + p->column + v * LANES);
        bias[v] = *(const lanes *)(j->b.bias + p->column + v * LANES);
        most[v] = 0;
    }
    const lanes least = j->is_relu ? 0.0f : -__builtin_inff(), scale = p->residual_scale;
    _Pragma("clang loop unroll(disable)") for (int64_t r = p->pixels; r > 0; r--, tile += LINE_PANEL) {
        lanes y[LINE_VECTORS];
        OF_ALL(v, LINE_VECTORS) y[v] = *(const lanes *)(tile + v * LANES) * weight[v] + bias[v];
        if (residual_type >= 0) {
            const char *from = residual;
            char rest[LINE_PANEL * 4];
            if (!is_whole) {
                memset(rest, 0, sizeof rest);
                from = memcpy(rest, from, (size_t)(columns * size));
            }
            OF_ALL(v, LINE_VECTORS) y[v] += read_pixel(from + v * LANES * size, residual_type) * scale;
            residual += n * size;
        }
        OF_ALL(v, LINE_VECTORS) y[v] = y[v] <= least ? least : y[v];  // what is no number stays none
        if (is_room) {
            OF_ALL(v, LINE_VECTORS) {
                *(lanes *)(room + v * LANES) = y[v];
                most[v] = (value_bits)y[v] > most[v] ? (value_bits)y[v] : most[v];
            }
            room += LINE_PANEL;
        } else {
            write_pixels((const float *)y, out, j->out.type, columns);
            out += n * out_size;
        }
    }
    if (is_room) OF_ALL(v, LINE_VECTORS) *p->most = most[v] > *p->most ? most[v] : *p->most;
}

#define FINISH(NAME, TYPE, WHOLE, ROOM) \
    static __attribute__((noinline)) void NAME(const line_pixels *p, int type) { (void)type; finish_pixels(p, TYPE, WHOLE, ROOM); }
FINISH(finish_alone, -1, true, true)
FINISH(finish_bytes, CPU_U8, true, true)
FINISH(finish_narrow, CPU_BF16, true, true)
FINISH(finish_rest, type, false, true)
FINISH(finish_floats, type, false, false)
#undef FINISH

// A pixel: its number in the block, its line's over all pictures, and its place in its picture.
typedef struct {
    int64_t pixel, line, picture, y, x;
} line_place;

INLINE void next_line(line_place *place, int64_t height) {
    place->line++;
    if (++place->y == height) {
        place->y = 0;
        place->picture++;
    }
}

// `room` and `most` are those of the block, which begins with line `first`.
static void finish_line_tile(const cpu_int8_convolution *j, const float *tile, int64_t rows, line_place place,
    int64_t column, float *room, value_bits *most, int64_t first)
{
    const bool is_whole = j->n - column >= LINE_PANEL;
    const int type = j->residual.values ? j->residual.type : -1;
    for (int64_t r = 0; r < rows; next_line(&place, j->out.height), place.x = 0) {
        const int64_t left = j->width - place.x, pixels = left < rows - r ? left : rows - r;
        const int64_t at = place.x * j->n + column;
        line_pixels p = {j, tile + r * LINE_PANEL, pixels, column, NULL, 1, room + (place.pixel + r) * LINE_PANEL, NULL,
            most + place.line - first};
        if (type >= 0) p.residual = (const char *)line_of(&j->residual, place.picture, place.y) + at * value_size(type);
        if (type == CPU_U8) p.residual_scale = j->residual.scale[place.line];
        if (j->out.type != CPU_U8) {
            p.out = (char *)line_of(&j->out, place.picture, place.y) + at * value_size(j->out.type);
            finish_floats(&p, type);
        } else if (!is_whole) {
            finish_rest(&p, type);
        } else if (type < 0) {
            finish_alone(&p, type);
        } else if (type == CPU_U8) {
            finish_bytes(&p, type);
        } else if (type == CPU_BF16) {
            finish_narrow(&p, type);
        } else {
            finish_rest(&p, type);
        }
        r += pixels;
    }
}

// A line of a block from `room`, which has a piece for every panel, to bytes.
static void write_line_bytes(const cpu_int8_convolution *j, int64_t line, const float *room, int64_t block_pixels,
    uint32_t most)
{
    const int64_t n = j->n, width = j->width;
    uint8_t *out = line_at(&j->out, line);
    const float inverse = begin_line(&j->out, line, width * n, n, most);
    if (inverse == 0) return;
    for (int64_t column = 0; column < n; column += LINE_PANEL, room += block_pixels * LINE_PANEL, out += LINE_PANEL) {
        const int64_t columns = n - column;
        uint8_t *to = out;
        const float *from = room;
        for (int64_t x = 0; x < width; x++, to += n, from += LINE_PANEL) {
            if (columns >= LINE_PANEL)
                OF_ALL(v, LINE_VECTORS) *(byte_lanes *)(to + v * LANES) = to_bytes(from + v * LANES, inverse);
            else
                for (int64_t c = 0; c < columns; c++) to[c] = (uint8_t)(int32_t)(from[c] * inverse + 0.5f);
        }
    }
}
