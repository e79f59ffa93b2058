/* The exact target's forward pass: a row's logits are a function of its own sequence's tokens alone, bit for bit.
 *
 * Two things make it so. Products of activations and weights are sums of 8-bit integers, whose order does not matter;
 * and every float operation on a row is written out below in an order that depends on the row's own position only,
 * whatever other rows share the step. The compiler may not change that: it is told neither to contract a
 * multiplication and an addition nor to reorder sums (no -ffast-math, -ffp-contract=off), and where operations are
 * fused it is said so by name.
 *
 * Reads from the bottom: `forward` has the main path, above it are its stages, above them the products.
 *
 * Units: `rows` are tokens of this step, `channels` outputs of a matrix, `slots` places of keys and values.
 */
#include "shared.h"

#define PAGE 64        /* slots of a page of keys and values; pages.py knows it too */
#define QUERIES 98     /* queries that share one reading of keys and values; a multiple of TILE */
#define FEW 56         /* rows up to which memory, not arithmetic, may be what a step waits for */
#define STRIP 256      /* inputs of a strip: 8 KiB of weights */
#define AHEAD 8192     /* bytes of weights between what is asked of memory and what is multiplied */

/* ---------------------------------------------------------------------------------------------- what is passed in */

/* Weights of one matrix, channels in pairs of blocks of LANES, `inputs` a multiple of 64: for each pair and each 4 inputs
 * 2 x LANES x 4 bytes, each a weight plus 128. `scale` has one float per channel. See layout.py. */
typedef struct {
    const uint8_t *blocks;
    const float *scale;
    int32_t channels, inputs;
} Matrix;

typedef struct {
    const float *attention_norm;
    Matrix queries, keys, values; /* their products stand one after the other in a row */
    const float *bias;            /* of such a row; may be null */
    Matrix attention_output;
    const float *feed_forward_norm;
    Matrix gate_up; /* each pair is a block of the gate and one of the other */
    Matrix down;
} Layer;

typedef struct {
    int32_t layers, hidden, intermediate, heads, key_heads, head_width, reserved;
    float epsilon;
    const float *rotations; /* for each position head_width / 2 cosines, then as many sines */
    const Layer *layer;
    const float *norm;
    Matrix head;
} Model;

/* Attention to be noted: the shares of spans of slots, each given by its first and by what is behind its last, in the
 * weights of some heads, each given by its layer times the heads of a layer plus its place in it. */
typedef struct {
    const int32_t *spans, *heads;
    int32_t span_count, head_count;
} Watch;

/* One row of a step. It sees the slots 0..shared-1 of its sequence and then those in `others`, in order of position;
 * its own slot is the last of them. Where there is a `watch`, `shares`, of shape (heads, spans), are noted. */
typedef struct {
    uint8_t *const *pages;
    const float *embedding; /* `hidden` floats */
    const int32_t *others;
    int32_t position, slot, shared, other_count;
    int32_t sequence, reserved; /* rows of a sequence stand together */
    const Watch *watch;         /* may be null */
    float *shares;
} Row;

/* ----------------------------------------------------------------------------------------------------- functions */

/* e to the power of x, within two units of the last place (Cody and Waite's reduction, Taylor's polynomial). */
INLINE __m512 exponential(__m512 x) {
    const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)), 0);
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
    __m512 p = _mm512_set1_ps(1.0f / 5040);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 720));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 120));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 24));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 6));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.5f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
    return _mm512_scalef_ps(p, n);
}

/* Turn `count` scores into weights that are not yet divided by their sum, which is returned. Lane i adds the scores
 * i, i + LANES, ... in order: a function of the scores alone. */
static float soften(float *scores, int count) {
    __m512 peak = _mm512_set1_ps(-INFINITY);
    for (int i = 0; i < count; i += LANES) {
        const __mmask16 there = count - i >= LANES ? 0xffff : (__mmask16)((1 << (count - i)) - 1);
        peak = _mm512_mask_max_ps(peak, there, peak, _mm512_loadu_ps(scores + i));
    }
    const __m512 largest = _mm512_set1_ps(_mm512_reduce_max_ps(peak));
    __m512 sum = _mm512_setzero_ps();
    for (int i = 0; i < count; i += LANES) {
        const __mmask16 there = count - i >= LANES ? 0xffff : (__mmask16)((1 << (count - i)) - 1);
        const __m512 weight = _mm512_maskz_mov_ps(there, exponential(_mm512_sub_ps(_mm512_loadu_ps(scores + i), largest)));
        _mm512_storeu_ps(scores + i, weight);
        sum = _mm512_add_ps(sum, weight);
    }
    return _mm512_reduce_add_ps(sum);
}

/* x * sigmoid(x) */
INLINE __m512 silu(__m512 x) {
    const __m512 one = _mm512_set1_ps(1.0f);
    return _mm512_div_ps(x, _mm512_add_ps(one, exponential(_mm512_sub_ps(_mm512_setzero_ps(), x))));
}

/* Activations of a step as 8-bit integers: `values` of shape (rows, inputs), one `scale` per row, the sum of each row
 * (for weights are stored with 128 added). */
typedef struct {
    int8_t *values;
    float *scale;
    int32_t *sum;
    int inputs;
} Rows;

/* Round a row to 255 steps of its own largest magnitude. `length` floats, a multiple of LANES, then zeros up to
 * `inputs`. The scale is multiplied by `factor` afterwards, which the values do not feel. */
static void quantise(const Rows *rows, int row, const float *x, int length, float factor) {
    __m512 peak = _mm512_setzero_ps();
    for (int k = 0; k < length; k += LANES) peak = _mm512_max_ps(peak, _mm512_abs_ps(_mm512_loadu_ps(x + k)));
    const float largest = fmaxf(_mm512_reduce_max_ps(peak), 1e-12f);
    const __m512 steps = _mm512_set1_ps(127.0f / largest);
    int8_t *values = rows->values + (size_t)row * rows->inputs;
    __m512i sum = _mm512_setzero_si512();
    for (int k = 0; k < rows->inputs; k += LANES) {
        __m512i q = _mm512_setzero_si512();
        if (k < length) q = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x + k), steps));
        _mm_store_si128((__m128i *)(values + k), _mm512_cvtsepi32_epi8(q));
        sum = _mm512_add_epi32(sum, q);
    }
    rows->scale[row] = largest * (1.0f / 127.0f) * factor;
    rows->sum[row] = _mm512_reduce_add_epi32(sum);
}

/* Root mean square normalisation (Zhang and Sennrich 2019, arXiv:1910.07467), quantised. The factor of a row commutes
 * with its quantisation, so it goes into the scale. */
static void normalise(const Rows *rows, int row, const float *x, const float *weight, int length, float epsilon,
                      float *scratch) {
    __m512 squares = _mm512_setzero_ps();
    for (int k = 0; k < length; k += LANES) {
        const __m512 v = _mm512_loadu_ps(x + k);
        squares = _mm512_fmadd_ps(v, v, squares);
        _mm512_storeu_ps(scratch + k, _mm512_mul_ps(v, _mm512_loadu_ps(weight + k)));
    }
    const float mean = _mm512_reduce_add_ps(squares) / (float)length;
    quantise(rows, row, scratch, length, 1.0f / sqrtf(mean + epsilon));
}

/* ------------------------------------------------------------------------------------------------------ products */

/* Add to `sums`, of shape (count, 2, LANES), the products of `count` rows and a pair of blocks over the inputs
 * `from`..`to - 1`, for a constant `count`. */
INLINE void dot(int count, const uint8_t *weights, const int8_t *values, size_t stride, int from, int to, int32_t *sums) {
    __m512i sum[2 * TILE];
    UNROLL for (int i = 0; i < 2 * count; i++) sum[i] = _mm512_load_si512(sums + i * LANES);
    for (int k = from; k < to; k += 4) {
        const uint8_t *at = weights + (size_t)k * 2 * LANES;
        const __m512i first = _mm512_load_si512(at), second = _mm512_load_si512(at + 64);
        _mm_prefetch((const char *)at + AHEAD, _MM_HINT_T1); /* the second cache can wait for more of it than the first */
        _mm_prefetch((const char *)at + AHEAD + 64, _MM_HINT_T1);
        UNROLL for (int r = 0; r < count; r++) {
            const __m512i x = _mm512_set1_epi32(*(const int32_t *)(values + stride * (size_t)r + k));
            sum[2 * r] = _mm512_dpbusd_epi32(sum[2 * r], first, x);
            sum[2 * r + 1] = _mm512_dpbusd_epi32(sum[2 * r + 1], second, x);
        }
    }
    UNROLL for (int i = 0; i < 2 * count; i++) _mm512_store_si512(sums + i * LANES, sum[i]);
}

#define DOT(N) case N: dot(N, weights, values, stride, from, to, sums); break;

static void dots(int count, const uint8_t *weights, const int8_t *values, size_t stride, int from, int to, int32_t *sums) {
    switch (count) { EACH_COUNT(DOT) }
}

/* What becomes of products: `out` of shape (rows, stride), from column `column` on. */
typedef enum { STORE, ADD, GATE } Finish;

typedef struct {
    Finish finish;
    float *out;
    const float *bias; /* for STORE; may be null */
    int stride, column;
} Sink;

/* Scale the sums of a row and a pair of blocks and put them into their places. */
INLINE void finish(const Sink *sink, const int32_t *sums, const Matrix *matrix, int pair, const Rows *rows, int row) {
    const __m512i zero = _mm512_set1_epi32(rows->sum[row] * 128);
    const __m512 scale = _mm512_set1_ps(rows->scale[row]);
    __m512 value[2];
    UNROLL for (int b = 0; b < 2; b++) {
        const __m512 exact = _mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_load_si512(sums + b * LANES), zero));
        value[b] = _mm512_mul_ps(_mm512_mul_ps(exact, _mm512_loadu_ps(matrix->scale + (2 * pair + b) * LANES)), scale);
    }
    float *line = sink->out + (size_t)row * (size_t)sink->stride + sink->column;
    float *first = line + 2 * pair * LANES, *second = first + LANES;
    if (sink->finish == GATE) {
        _mm512_storeu_ps(line + pair * LANES, _mm512_mul_ps(silu(value[0]), value[1]));
    } else if (sink->finish == ADD) {
        _mm512_storeu_ps(first, _mm512_add_ps(_mm512_loadu_ps(first), value[0]));
        _mm512_storeu_ps(second, _mm512_add_ps(_mm512_loadu_ps(second), value[1]));
    } else {
        const float *bias = sink->bias ? sink->bias + sink->column + 2 * pair * LANES : NULL;
        _mm512_storeu_ps(first, bias ? _mm512_add_ps(value[0], _mm512_loadu_ps(bias)) : value[0]);
        _mm512_storeu_ps(second, bias ? _mm512_add_ps(value[1], _mm512_loadu_ps(bias + LANES)) : value[1]);
    }
}

/* This thread's share of the product of all rows with a matrix. Up to TILE rows go over a pair of blocks once. A few
 * more take it in strips, each of which stays in the cache for all of them, so that memory is read at an even pace;
 * many are busy enough with a whole pair. */
static void multiply(const Matrix *matrix, const Rows *rows, int count, const Sink *sink, int thread, int threads) {
    _Alignas(64) int32_t sums[FEW * 2 * LANES];
    const int inputs = matrix->inputs;
    const size_t stride = (size_t)rows->inputs;
    const int strip = count <= TILE || count > FEW ? inputs : STRIP, together = count <= FEW ? count : TILE;
    int from, to;
    share(matrix->channels / (2 * LANES), thread, threads, &from, &to);
    for (int pair = from; count && pair < to; pair++) {
        const uint8_t *weights = matrix->blocks + (size_t)inputs * 2 * LANES * (size_t)pair;
        for (int first = 0; first < count; first += together) {
            const int some = count - first < together ? count - first : together;
            const int parts = (some + TILE - 1) / TILE, even = (some + parts - 1) / parts;
            memset(sums, 0, sizeof(int32_t) * 2 * LANES * (size_t)some);
            for (int k = 0; k < inputs; k += strip)
                for (int row = 0; row < some; row += even)
                    dots(some - row < even ? some - row : even, weights, rows->values + stride * (size_t)(first + row), stride,
                         k, k + strip < inputs ? k + strip : inputs, sums + row * 2 * LANES);
            for (int row = 0; row < some; row++) finish(sink, sums + row * 2 * LANES, matrix, pair, rows, first + row);
        }
    }
}

/* ----------------------------------------------------------------------------------------------------- attention */

/* Keys and values are kept as 16-bit integers, and so are queries and weights when they meet them: products are sums of
 * integers again, twice as many at a time as of floats. Each vector has a scale. */
#define STEPS 4095            /* of a vector, either side of zero, at most */
#define WEIGHT_STEPS 32767    /* of the largest weight of a query */
#define ALL_WEIGHTS (1 << 19) /* of all weights of a query together: STEPS * ALL_WEIGHTS stays below 2^31, too */

/* What a page holds for a layer and a key head: keys in blocks of LANES slots (head_width / 2, LANES) of two inputs each,
 * then values (PAGE / 2, head_width) of two slots each, then a scale for each slot. */
typedef struct {
    int32_t *keys;
    int16_t *values;
    float *key_scale, *value_scale;
} Kept;

INLINE Kept kept(const Model *model, uint8_t *page, int layer, int head) {
    const size_t numbers = (size_t)PAGE * (size_t)model->head_width;
    uint8_t *at = page + (size_t)(layer * model->key_heads + head) * (4 * numbers + 8 * PAGE);
    float *scale = (float *)(at + 4 * numbers);
    return (Kept){(int32_t *)at, (int16_t *)(at + 2 * numbers), scale, scale + PAGE};
}

/* Rotary positions (Su et al. 2021, arXiv:2104.09864), the second half of a head turning with the first. */
INLINE void rotate(float *head, const float *rotation, int half) {
    for (int i = 0; i < half; i += LANES) {
        const __m512 a = _mm512_loadu_ps(head + i), b = _mm512_loadu_ps(head + half + i);
        const __m512 c = _mm512_loadu_ps(rotation + i), s = _mm512_loadu_ps(rotation + half + i);
        _mm512_storeu_ps(head + i, _mm512_fnmadd_ps(b, s, _mm512_mul_ps(a, c)));
        _mm512_storeu_ps(head + half + i, _mm512_fmadd_ps(a, s, _mm512_mul_ps(b, c)));
    }
}

/* Turn `count` heads of a row to its position. */
static void turn(const Model *model, const Row *row, float *heads, int count) {
    const int width = model->head_width;
    const float *rotation = model->rotations + (size_t)row->position * (size_t)width;
    for (int head = 0; head < count; head++) rotate(heads + head * width, rotation, width / 2);
}

/* Round a vector to steps of its own largest magnitude, as many as a product of two such vectors allows; returns what a
 * step is worth. */
static float shorten(const float *x, int width, int16_t *rounded) {
    const float allowed = floorf(fminf(STEPS, sqrtf(2147483000.0f / (float)width)));
    __m512 peak = _mm512_setzero_ps();
    for (int i = 0; i < width; i += LANES) peak = _mm512_max_ps(peak, _mm512_abs_ps(_mm512_loadu_ps(x + i)));
    const float largest = fmaxf(_mm512_reduce_max_ps(peak), 1e-12f);
    const __m512 steps = _mm512_set1_ps(allowed / largest);
    for (int i = 0; i < width; i += LANES) {
        const __m512i q = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x + i), steps));
        _mm256_storeu_si256((__m256i *)(rounded + i), _mm512_cvtsepi32_epi16(q));
    }
    return largest / allowed;
}

/* Put a row's keys, turned to its position, and its values into its slot. */
static void place(const Model *model, int layer, const Row *row, float *queries_keys_values) {
    const int width = model->head_width, slot = row->slot % PAGE;
    int16_t rounded[width];
    turn(model, row, queries_keys_values + model->heads * width, model->key_heads);
    const float *keys = queries_keys_values + model->heads * width, *values = keys + model->key_heads * width;
    for (int head = 0; head < model->key_heads; head++) {
        const Kept page = kept(model, row->pages[row->slot / PAGE], layer, head);
        int32_t *key = page.keys + slot / LANES * LANES * (width / 2) + slot % LANES;
        int16_t *value = page.values + slot / 2 * 2 * width + slot % 2;
        page.key_scale[slot] = shorten(keys + head * width, width, rounded);
        for (int i = 0; i < width / 2; i++) memcpy(key + i * LANES, rounded + 2 * i, sizeof *key);
        page.value_scale[slot] = shorten(values + head * width, width, rounded);
        for (int i = 0; i < width; i++) value[2 * i] = rounded[i];
    }
}

/* Scores of `count` queries with two blocks of keys. `queries`: (head_width / 2, TILE). `next` is what is read next. */
INLINE void score_blocks(int count, const int32_t *queries, const float *query_scale, const int32_t *keys,
                         const float *key_scale, int width, const int32_t *next, float *scores, size_t stride) {
    __m512i sums[TILE * 2];
    UNROLL for (int i = 0; i < count * 2; i++) sums[i] = _mm512_setzero_si512();
    for (int i = 0; i < width / 2; i++) {
        const __m512i first = _mm512_load_si512(keys + i * LANES), second = _mm512_load_si512(keys + (width / 2 + i) * LANES);
        _mm_prefetch((const char *)(next + i * LANES), _MM_HINT_T1);
        _mm_prefetch((const char *)(next + (width / 2 + i) * LANES), _MM_HINT_T1);
        UNROLL for (int r = 0; r < count; r++) {
            const __m512i q = _mm512_set1_epi32(queries[i * TILE + r]);
            sums[2 * r] = _mm512_dpwssd_epi32(sums[2 * r], first, q);
            sums[2 * r + 1] = _mm512_dpwssd_epi32(sums[2 * r + 1], second, q);
        }
    }
    const __m512 scale[2] = {_mm512_loadu_ps(key_scale), _mm512_loadu_ps(key_scale + LANES)};
    UNROLL for (int r = 0; r < count; r++) {
        UNROLL for (int b = 0; b < 2; b++) {
            const __m512 both = _mm512_mul_ps(scale[b], _mm512_set1_ps(query_scale[r]));
            _mm512_storeu_ps(scores + stride * (size_t)r + b * LANES, _mm512_mul_ps(_mm512_cvtepi32_ps(sums[2 * r + b]), both));
        }
    }
}

/* Add to `out`, (count, head_width), the values of `slots` neighbouring slots, an even number, times their weights. */
INLINE void add_values(int count, const int16_t *values, int slots, int width, const int16_t *next, const int16_t *weights,
                       size_t stride, int32_t *out) {
    for (int at = 0; at < width; at += 2 * LANES) {
        __m512i sums[TILE * 2];
        UNROLL for (int r = 0; r < count; r++) {
            sums[2 * r] = _mm512_load_si512(out + r * width + at);
            sums[2 * r + 1] = _mm512_load_si512(out + r * width + at + LANES);
        }
        for (int slot = 0; slot < slots; slot += 2) {
            const size_t pair = (size_t)(slot * width + 2 * at);
            const __m512i first = _mm512_load_si512(values + pair), second = _mm512_load_si512(values + pair + 2 * LANES);
            _mm_prefetch((const char *)(next + pair), _MM_HINT_T1);
            _mm_prefetch((const char *)(next + pair + 2 * LANES), _MM_HINT_T1);
            UNROLL for (int r = 0; r < count; r++) {
                int32_t two;
                memcpy(&two, weights + stride * (size_t)r + slot, sizeof two);
                const __m512i weight = _mm512_set1_epi32(two);
                sums[2 * r] = _mm512_dpwssd_epi32(sums[2 * r], first, weight);
                sums[2 * r + 1] = _mm512_dpwssd_epi32(sums[2 * r + 1], second, weight);
            }
        }
        UNROLL for (int r = 0; r < count; r++) {
            _mm512_store_si512(out + r * width + at, sums[2 * r]);
            _mm512_store_si512(out + r * width + at + LANES, sums[2 * r + 1]);
        }
    }
}

#define SCORE(N) case N: score_blocks(N, queries, query_scale, keys, key_scale, width, next, scores, stride); break;
#define ADD_VALUES(N) case N: add_values(N, values, slots, width, next, weights, stride, out); break;

static void score(int count, const int32_t *queries, const float *query_scale, const int32_t *keys, const float *key_scale,
                  int width, const int32_t *next, float *scores, size_t stride) {
    switch (count) { EACH_COUNT(SCORE) }
}

static void weigh(int count, const int16_t *values, int slots, int width, const int16_t *next, const int16_t *weights,
                  size_t stride, int32_t *out) {
    switch (count) { EACH_COUNT(ADD_VALUES) }
}

/* Round `count` weights, each times its value's scale, to integers; returns what a sum of these times values is to be
 * multiplied by. Lane i adds the weights i, i + LANES, ... in order: a function of these alone. */
static float round_weights(float *scores, const float *value_scale, int count, int16_t *weights) {
    __m512 sum = _mm512_setzero_ps(), most = sum;
    for (int i = 0; i < count; i += LANES) {
        const __mmask16 there = count - i >= LANES ? 0xffff : (__mmask16)((1 << (count - i)) - 1);
        const __m512 weight = _mm512_maskz_mul_ps(there, _mm512_loadu_ps(scores + i), _mm512_loadu_ps(value_scale + i));
        _mm512_storeu_ps(scores + i, weight);
        sum = _mm512_add_ps(sum, weight);
        most = _mm512_max_ps(most, weight);
    }
    /* Rounding adds half a step to each weight at most. */
    const float steps = fminf(WEIGHT_STEPS / _mm512_reduce_max_ps(most), (float)(ALL_WEIGHTS - count) / _mm512_reduce_add_ps(sum));
    for (int i = 0; i < count; i += LANES) {
        const __m512i q = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(scores + i), _mm512_set1_ps(steps)));
        _mm256_storeu_si256((__m256i *)(weights + i), _mm512_cvtsepi32_epi16(q));
    }
    return 1.0f / steps;
}

/* Memory of one thread, for QUERIES queries. `scores`, `weights`: (QUERIES, stride) with room for all slots of a
 * sequence, and one vector more; `value_scale`, `path_scale`: (stride). */
typedef struct {
    int32_t *queries, *out;
    float *scores, *value_scale, *path_scale, *normed;
    int16_t *weights;
    size_t stride;
} Scratch;

/* Note what a row is watched for. `weights` of its first slots, which all spans are among, add up to `sum` with others. */
static void note(const Row *row, int head, const float *weights, float sum) {
    const Watch *watch = row->watch;
    for (int h = 0; h < watch->head_count; h++) {
        if (watch->heads[h] != head) continue;
        for (int s = 0; s < watch->span_count; s++) {
            float share = 0.0f;
            for (int slot = watch->spans[2 * s]; slot < watch->spans[2 * s + 1]; slot++) share += weights[slot];
            row->shares[h * watch->span_count + s] = share / sum;
        }
    }
}

/* The weights of what a row sees, by slot; all others up to `slots` are zero. Returns what a sum of these times values is
 * to be multiplied by. `head` is counted through all layers. */
static float soften_row(const Row *row, int head, int slots, float *scores, int16_t *weights, const Scratch *scratch) {
    const int shared = row->shared, others = row->other_count;
    const float *value_scale = scratch->value_scale;
    if (others) {
        for (int i = 0; i < others; i++) {
            scores[shared + i] = scores[row->others[i]];
            scratch->path_scale[shared + i] = value_scale[row->others[i]];
        }
        memcpy(scratch->path_scale, value_scale, sizeof(float) * (size_t)shared);
        value_scale = scratch->path_scale;
    }
    const float sum = soften(scores, shared + others);
    if (row->watch) note(row, head, scores, sum);
    const float factor = round_weights(scores, value_scale, shared + others, weights) / sum;
    int16_t path[others + 1];
    memcpy(path, weights + shared, sizeof *path * (size_t)others);
    memset(weights + shared, 0, sizeof *weights * (size_t)(slots - shared));
    for (int i = 0; i < others; i++) weights[row->others[i]] = path[i];
    return factor;
}

/* Attention of some query heads with one key head. Query heads that share the key head are counted through the rows of
 * a sequence: `from`..`from + count - 1`. Slots that a row does not see have no weight, whatever is in them. */
static void attend(const Model *model, int layer, const Row *rows, int key_head, int from, int count,
                   const float *queries_keys_values, float *attended, const Scratch *scratch) {
    const int width = model->head_width, group = model->heads / model->key_heads;
    const int row_width = (model->heads + 2 * model->key_heads) * width, query_width = model->heads * width;
    const int parts = (count + TILE - 1) / TILE, tile = (count + parts - 1) / parts;
    const float scale = 1.0f / sqrtf((float)width);
    float query_scale[QUERIES], factor[QUERIES];
    int16_t rounded[width];
    int last = 0;
    for (int q = 0; q < count; q++) {
        const int index = (from + q) / group, head = key_head * group + (from + q) % group;
        query_scale[q] = shorten(queries_keys_values + (size_t)index * row_width + head * width, width, rounded) * scale;
        int32_t *to = scratch->queries + q / tile * TILE * (width / 2) + q % tile;
        for (int i = 0; i < width / 2; i++) memcpy(to + i * TILE, rounded + 2 * i, sizeof *to);
        const Row *row = &rows[index];
        if (row->shared - 1 > last) last = row->shared - 1;
        for (int i = 0; i < row->other_count; i++)
            if (row->others[i] > last) last = row->others[i];
    }
    const int slots = (last + 2 * LANES) / (2 * LANES) * (2 * LANES);
    for (int slot = 0; slot < slots; slot += 2 * LANES) {
        const Kept page = kept(model, rows->pages[slot / PAGE], layer, key_head);
        const int place = slot % PAGE, after = slot + 2 * LANES < slots ? slot + 2 * LANES : 0;
        const Kept then = kept(model, rows->pages[after / PAGE], layer, key_head);
        const int32_t *next = after ? then.keys + after % PAGE * (width / 2) : (const int32_t *)then.values;
        memcpy(scratch->value_scale + slot, page.value_scale + place, sizeof(float) * 2 * LANES);
        for (int q = 0; q < count; q += tile)
            score(count - q < tile ? count - q : tile, scratch->queries + q / tile * TILE * (width / 2), query_scale + q,
                  page.keys + place * (width / 2), page.key_scale + place, width, next,
                  scratch->scores + scratch->stride * (size_t)q + slot, scratch->stride);
    }
    for (int q = 0; q < count; q++) {
        const size_t at = scratch->stride * (size_t)q;
        const int head = layer * model->heads + key_head * group + (from + q) % group;
        factor[q] = soften_row(&rows[(from + q) / group], head, slots, scratch->scores + at, scratch->weights + at, scratch);
    }
    memset(scratch->out, 0, sizeof(int32_t) * (size_t)(count * width));
    for (int slot = 0; slot < slots; slot += PAGE) {
        const int16_t *values = kept(model, rows->pages[slot / PAGE], layer, key_head).values;
        const int after = slot + PAGE < slots ? slot + PAGE : slot, some = slots - slot < PAGE ? slots - slot : PAGE;
        const int16_t *next = kept(model, rows->pages[after / PAGE], layer, key_head).values;
        for (int q = 0; q < count; q += tile)
            weigh(count - q < tile ? count - q : tile, values, some, width, next,
                  scratch->weights + scratch->stride * (size_t)q + slot, scratch->stride, scratch->out + q * width);
    }
    for (int q = 0; q < count; q++) {
        const int index = (from + q) / group, head = key_head * group + (from + q) % group;
        const __m512 worth = _mm512_set1_ps(factor[q]);
        float *to = attended + (size_t)index * query_width + head * width;
        for (int i = 0; i < width; i += LANES)
            _mm512_storeu_ps(to + i, _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_load_si512(scratch->out + q * width + i)), worth));
    }
}

/* ---------------------------------------------------------------------------------------------------- main path */

/* Memory for steps of up to `rows` rows, allocated once. */
typedef struct {
    const Model *model;
    Pool *pool;
    int rows, slots;
    float *x, *queries_keys_values, *attended, *hidden;
    Rows narrow, wide; /* inputs of `hidden` floats, and of `intermediate` or heads * head_width */
    Row *kept;         /* rows whose logits are wanted */
    Scratch *scratch;
} Workspace;

typedef struct {
    Workspace *space;
    const Row *rows;
    int count;
    const int32_t *wanted;
    int wanted_count;
    float *logits;
} Step;

static int rows_new(Rows *rows, int count, int inputs) {
    rows->inputs = padded(inputs);
    rows->values = aligned((size_t)count * rows->inputs);
    rows->scale = aligned(sizeof(float) * (size_t)count);
    rows->sum = aligned(sizeof(int32_t) * (size_t)count);
    return rows->values && rows->scale && rows->sum;
}

static void rows_free(Rows *rows) {
    free(rows->values);
    free(rows->scale);
    free(rows->sum);
}

void workspace_free(Workspace *space) {
    if (!space) return;
    rows_free(&space->narrow);
    rows_free(&space->wide);
    for (int thread = 0; space->scratch && thread < space->pool->threads; thread++) {
        Scratch *scratch = &space->scratch[thread];
        free(scratch->queries);
        free(scratch->scores);
        free(scratch->weights);
        free(scratch->value_scale);
        free(scratch->path_scale);
        free(scratch->out);
        free(scratch->normed);
    }
    free(space->scratch);
    free(space->kept);
    free(space->x);
    free(space->queries_keys_values);
    free(space->attended);
    free(space->hidden);
    free(space);
}

/* Null when memory is short. `slots` bounds a sequence. */
Workspace *workspace_new(const Model *model, Pool *pool, int rows, int slots) {
    Workspace *space = calloc(1, sizeof *space);
    if (!space) return NULL;
    const size_t n = (size_t)rows, width = (size_t)model->head_width;
    space->model = model;
    space->pool = pool;
    space->rows = rows;
    space->slots = slots;
    space->x = aligned(sizeof(float) * n * (size_t)model->hidden);
    space->queries_keys_values = aligned(sizeof(float) * n * (size_t)(model->heads + 2 * model->key_heads) * width);
    space->attended = aligned(sizeof(float) * n * (size_t)model->heads * width);
    space->hidden = aligned(sizeof(float) * n * (size_t)model->intermediate);
    space->kept = aligned(sizeof(Row) * n);
    space->scratch = calloc((size_t)pool->threads, sizeof *space->scratch);
    int ok = space->x && space->queries_keys_values && space->attended && space->hidden && space->kept && space->scratch;
    const int heads = model->heads * model->head_width;
    ok = rows_new(&space->narrow, rows, model->hidden) && ok;
    ok = rows_new(&space->wide, rows, model->intermediate > heads ? model->intermediate : heads) && ok;
    for (int thread = 0; ok && thread < pool->threads; thread++) {
        Scratch *scratch = &space->scratch[thread];
        scratch->stride = (size_t)((slots + PAGE - 1) / PAGE * PAGE + LANES);
        scratch->queries = aligned(sizeof(int32_t) * QUERIES * width);
        scratch->scores = aligned(sizeof(float) * QUERIES * scratch->stride);
        scratch->weights = aligned(sizeof(int16_t) * QUERIES * scratch->stride);
        scratch->value_scale = aligned(sizeof(float) * scratch->stride);
        scratch->path_scale = aligned(sizeof(float) * scratch->stride);
        scratch->out = aligned(sizeof(int32_t) * QUERIES * width);
        scratch->normed = aligned(sizeof(float) * (size_t)model->hidden);
        ok = scratch->queries && scratch->scores && scratch->weights && scratch->value_scale && scratch->path_scale &&
             scratch->out && scratch->normed;
    }
    if (ok) return space;
    workspace_free(space);
    return NULL;
}

static void attend_all(const Workspace *space, int layer, const Row *rows, int count, int thread, int threads) {
    const Model *model = space->model;
    const int group = model->heads / model->key_heads;
    const size_t row_width = (size_t)(model->heads + 2 * model->key_heads) * model->head_width;
    const size_t query_width = (size_t)model->heads * model->head_width;
    int item = 0;
    for (int first = 0; first < count;) {
        int end = first;
        while (end < count && rows[end].sequence == rows[first].sequence) end++;
        const int queries = (end - first) * group;
        for (int from = 0; from < queries; from += QUERIES) {
            const int some = queries - from < QUERIES ? queries - from : QUERIES;
            for (int head = 0; head < model->key_heads; head++) {
                if (item++ % threads != thread) continue;
                attend(model, layer, rows + first, head, from, some, space->queries_keys_values + row_width * first,
                       space->attended + query_width * first, &space->scratch[thread]);
            }
        }
        first = end;
    }
}

/* The last layer's keys and values done, only rows whose logits are wanted go on: move them to the front. */
static void keep_wanted(const Step *step) {
    Workspace *space = step->space;
    const size_t hidden = (size_t)space->model->hidden, inputs = (size_t)space->narrow.inputs;
    for (int r = 0; r < step->wanted_count; r++) {
        const int from = step->wanted[r];
        space->kept[r] = step->rows[from];
        if (from == r) continue;
        memcpy(space->x + hidden * (size_t)r, space->x + hidden * (size_t)from, sizeof(float) * hidden);
        memcpy(space->narrow.values + inputs * (size_t)r, space->narrow.values + inputs * (size_t)from, inputs);
        space->narrow.scale[r] = space->narrow.scale[from];
        space->narrow.sum[r] = space->narrow.sum[from];
    }
}

static void work(Pool *pool, int thread, void *argument) {
    const Step *step = argument;
    Workspace *space = step->space;
    const Model *model = space->model;
    const int threads = pool->threads, hidden = model->hidden;
    const int query_width = model->heads * model->head_width, key_width = model->key_heads * model->head_width;
    const int row_width = query_width + 2 * key_width;
    float *normed = space->scratch[thread].normed;
    Rows *narrow = &space->narrow, heads = space->wide, inner = space->wide;
    heads.inputs = padded(query_width);
    inner.inputs = padded(model->intermediate);
    const Row *rows = step->rows;
    int n = step->count, from, to;
    share(n, thread, threads, &from, &to);

    for (int r = from; r < to; r++) memcpy(space->x + (size_t)r * hidden, rows[r].embedding, sizeof(float) * hidden);
    for (int index = 0; index < model->layers; index++) {
        const Layer *layer = &model->layer[index];
        const int last = index == model->layers - 1;
        Sink sink = {STORE, space->queries_keys_values, layer->bias, row_width, 0};
        for (int r = from; r < to; r++)
            normalise(narrow, r, space->x + (size_t)r * hidden, layer->attention_norm, hidden, model->epsilon, normed);
        meet(pool);
        sink.column = query_width;
        multiply(&layer->keys, narrow, n, &sink, thread, threads);
        sink.column = query_width + key_width;
        multiply(&layer->values, narrow, n, &sink, thread, threads);
        if (last) {
            meet(pool);
            for (int r = from; r < to; r++)
                place(model, index, &rows[r], space->queries_keys_values + (size_t)r * row_width);
            if (thread == 0) keep_wanted(step);
            rows = space->kept;
            n = step->wanted_count;
            share(n, thread, threads, &from, &to);
            meet(pool);
        }
        sink.column = 0;
        multiply(&layer->queries, narrow, n, &sink, thread, threads);
        meet(pool);
        for (int r = from; r < to; r++) {
            float *row = space->queries_keys_values + (size_t)r * row_width;
            turn(model, &rows[r], row, model->heads);
            if (!last) place(model, index, &rows[r], row);
        }
        meet(pool);
        attend_all(space, index, rows, n, thread, threads);
        meet(pool);
        for (int r = from; r < to; r++) quantise(&heads, r, space->attended + (size_t)r * query_width, query_width, 1.0f);
        meet(pool);
        const Sink residual = {ADD, space->x, NULL, hidden, 0};
        multiply(&layer->attention_output, &heads, n, &residual, thread, threads);
        meet(pool);
        for (int r = from; r < to; r++)
            normalise(narrow, r, space->x + (size_t)r * hidden, layer->feed_forward_norm, hidden, model->epsilon, normed);
        meet(pool);
        const Sink gated = {GATE, space->hidden, NULL, model->intermediate, 0};
        multiply(&layer->gate_up, narrow, n, &gated, thread, threads);
        meet(pool);
        for (int r = from; r < to; r++)
            quantise(&inner, r, space->hidden + (size_t)r * model->intermediate, model->intermediate, 1.0f);
        meet(pool);
        multiply(&layer->down, &inner, n, &residual, thread, threads);
        meet(pool);
    }
    for (int r = from; r < to; r++)
        normalise(narrow, r, space->x + (size_t)r * hidden, model->norm, hidden, model->epsilon, normed);
    meet(pool);
    const Sink logits = {STORE, step->logits, NULL, model->head.channels, 0};
    multiply(&model->head, narrow, n, &logits, thread, threads);
}

/* Copy keys and values from slot to slot: how the path of a tree that was confirmed becomes a chain. */
void move_slot(const Model *model, uint8_t *const *pages, int from, int to) {
    const int width = model->head_width, f = from % PAGE, t = to % PAGE;
    for (int layer = 0; layer < model->layers; layer++)
        for (int head = 0; head < model->key_heads; head++) {
            const Kept source = kept(model, pages[from / PAGE], layer, head), target = kept(model, pages[to / PAGE], layer, head);
            const int32_t *key = source.keys + f / LANES * LANES * (width / 2) + f % LANES;
            int32_t *key_place = target.keys + t / LANES * LANES * (width / 2) + t % LANES;
            for (int i = 0; i < width / 2; i++) key_place[i * LANES] = key[i * LANES];
            const int16_t *value = source.values + f / 2 * 2 * width + f % 2;
            int16_t *value_place = target.values + t / 2 * 2 * width + t % 2;
            for (int i = 0; i < width; i++) value_place[2 * i] = value[2 * i];
            target.key_scale[t] = source.key_scale[f];
            target.value_scale[t] = source.value_scale[f];
        }
}

/* One forward pass over `count` rows: puts their keys and values into their slots and writes the logits of the rows
 * `wanted` (ascending indices, maybe none), float32 of shape (wanted_count, channels of the head). */
void forward(Workspace *space, const Row *rows, int count, const int32_t *wanted, int wanted_count, float *logits) {
    Step step = {space, rows, count, wanted, wanted_count, logits};
    run(space->pool, work, &step);
}

/* Reading memory and nothing else: the least that a step can take. */
typedef struct {
    const uint8_t *memory;
    int64_t bytes;
    atomic_int odd; /* so that no compiler may leave the reading out */
} Reading;

static void read_share(Pool *pool, int thread, void *argument) {
    Reading *reading = argument;
    const int64_t lines = reading->bytes / 256;
    const uint8_t *at = reading->memory + lines * thread / pool->threads * 256;
    const uint8_t *end = reading->memory + lines * (thread + 1) / pool->threads * 256;
    __m512i a = _mm512_setzero_si512(), b = a, c = a, d = a;
    for (; at < end; at += 256) {
        _mm_prefetch((const char *)at + 4096, _MM_HINT_T0);
        a = _mm512_xor_si512(a, _mm512_loadu_si512(at));
        b = _mm512_xor_si512(b, _mm512_loadu_si512(at + 64));
        c = _mm512_xor_si512(c, _mm512_loadu_si512(at + 128));
        d = _mm512_xor_si512(d, _mm512_loadu_si512(at + 192));
    }
    const __m512i all = _mm512_xor_si512(_mm512_xor_si512(a, b), _mm512_xor_si512(c, d));
    atomic_fetch_xor(&reading->odd, _mm512_reduce_add_epi32(all) & 1);
}

int read_memory(Pool *pool, const uint8_t *memory, int64_t bytes) {
    Reading reading = {memory, bytes, 0};
    run(pool, read_share, &reading);
    return atomic_load(&reading.odd);
}
