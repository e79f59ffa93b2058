/* The forward pass of a bidirectional encoder: a text's vector is a function of its own tokens alone, bit for bit.
 *
 * Products are sums of 16-bit integers, whose order does not matter, and each float operation on a row is written out in
 * an order that depends on its own text alone. Each thread takes groups of texts through all layers by itself: texts
 * stand one after the other without padding, see only themselves, and need no other thread.
 *
 * BERT (Devlin et al. 2019, arXiv:1810.04805) and MPNet (Song et al. 2020, arXiv:2004.09297): layers that normalise
 * behind each sum. Reads from the bottom: `encode` hands the groups out, `pass` is the main path.
 *
 * Units: `rows` are the tokens of a group of texts, `channels` outputs of a matrix.
 */
#include "../exact/shared.h"

#define GROUP 128   /* rows from which on a group is full: enough to be busy with weights, few enough for the caches */
#define FEWEST 32   /* the same where few are left, so that no thread ends long before the others */
#define SLAB 56     /* rows whose inner layer is computed at a time: four tiles */
#define LONGEST 512 /* tokens of a text; shape.py knows it too */
#define STRIDE (LONGEST + 2 * LANES) /* from one query's scores to the next one's */
#define STEPS 4095    /* largest magnitude of a row's integers; layout.py knows it too */
#define FACTORS 7     /* products of quarters that make a product; layout.py knows it too */
#define CHANNELS (4 * LANES) /* channels of a group; layout.py knows it too */
#define LARGEST 32767 /* largest weight of a key */

/* ---------------------------------------------------------------------------------------------- what is passed in */

/* Weights of one matrix, channels in groups of CHANNELS: for each group the FACTORS sums of its quarters, for each of them and
 * each 2 of half of the inputs 2 x LANES x 2 integers. `scale` has one float per channel. No row can make a sum that 32 bits
 * do not hold: see layout.py. */
typedef struct {
    const int16_t *blocks;
    const float *scale;
    int32_t channels, inputs;
} Matrix;

typedef struct {
    Matrix queries_keys_values; /* head by head: its queries, its keys, its values */
    const float *queries_keys_values_bias;
    Matrix attention_output;
    const float *attention_output_bias;
    const float *attention_norm; /* weights, then biases */
    Matrix up;
    const float *up_bias;
    Matrix down;
    const float *down_bias;
    const float *norm;
} Layer;

typedef struct {
    int32_t layers, hidden, intermediate, heads, longest;
    float epsilon;
    const float *words, *positions; /* (vocabulary, hidden) and (longest, hidden) */
    const float *embedding_norm;
    const float *distances; /* (heads, 2 * longest): added to the score of a key so far behind, from -longest on; may be null */
    const Layer *layer;
} Model;

/* ------------------------------------------------------------------------------------------------------ functions */

/* x times the normal distribution function, within 2e-4: the positive part less a bump, which is a polynomial. */
INLINE __m512 gelu(__m512 x) {
    const __m512 t = _mm512_min_ps(_mm512_abs_ps(x), _mm512_set1_ps(3.8f));
    __m512 p = _mm512_set1_ps(-7.711448882e-04f);
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(1.161948978e-02f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(-6.640756835e-02f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(1.628153377e-01f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(-7.301121758e-02f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(-3.721736759e-01f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(4.966019313e-01f));
    return _mm512_fnmadd_ps(p, t, _mm512_max_ps(x, _mm512_setzero_ps()));
}

/* 2 to the power of x, within 3e-6. */
INLINE __m512 power_of_two(__m512 x) {
    const __m512 r = _mm512_reduce_ps(x, 0x09); /* x less the whole number below it */
    __m512 p = _mm512_set1_ps(1.342651884e-02f);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.224273983e-02f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(2.412800812e-01f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(6.930448602e-01f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
    return _mm512_scalef_ps(p, x);
}

/* Rows as 16-bit integers: for each pair of rows the FACTORS sums of its quarters, which are halves of rows; and what one
 * step of a row is. Which rows make a pair changes no sum: they are exact modulo 2^32. */
typedef struct {
    int16_t *values;
    float *step;
    int inputs, stride; /* from a pair to the next one: a vector more than they take, so that they do not meet in the same
                           lines of the cache */
} Rows;

INLINE __m512i rounded(__m512 x, __m512 steps) { return _mm512_cvtps_epi32(_mm512_mul_ps(x, steps)); }

/* What a row is multiplied with to have STEPS steps of its largest magnitude each way; `step` is what one of them is. */
static __m512 steps_of(const float *x, int inputs, float *step) {
    __m512 peak = _mm512_setzero_ps();
    for (int k = 0; k < inputs; k += LANES) peak = _mm512_max_ps(peak, _mm512_abs_ps(_mm512_loadu_ps(x + k)));
    const float largest = fmaxf(_mm512_reduce_max_ps(peak), 1e-12f);
    *step = largest / STEPS;
    return _mm512_set1_ps(STEPS / largest);
}

/* Round a pair of rows, `first` being the number of the first one. */
static void quantise_pair(const Rows *rows, int first, const float *x, const float *y) {
    const int half = rows->inputs / 2;
    const __m512 x_steps = steps_of(x, rows->inputs, rows->step + first), y_steps = steps_of(y, rows->inputs, rows->step + first + 1);
    int16_t *to = rows->values + (size_t)(first / 2) * (size_t)rows->stride;
    for (int k = 0; k < half; k += LANES) {
        const __m256i a = _mm512_cvtepi32_epi16(rounded(_mm512_loadu_ps(x + k), x_steps));
        const __m256i b = _mm512_cvtepi32_epi16(rounded(_mm512_loadu_ps(x + half + k), x_steps));
        const __m256i c = _mm512_cvtepi32_epi16(rounded(_mm512_loadu_ps(y + k), y_steps));
        const __m256i d = _mm512_cvtepi32_epi16(rounded(_mm512_loadu_ps(y + half + k), y_steps));
        const __m256i factors[FACTORS] = {
            _mm256_add_epi16(a, d), _mm256_add_epi16(c, d), a, d, _mm256_add_epi16(a, b), _mm256_sub_epi16(c, a), _mm256_sub_epi16(b, d),
        };
        UNROLL for (int i = 0; i < FACTORS; i++) _mm256_storeu_si256((__m256i *)(to + i * half + k), factors[i]);
    }
}

/* Round `count` rows of `x`. One without a second beside it stands for that, too. */
static void quantise(const Rows *rows, const float *x, int count) {
    for (int row = 0; row < count; row += 2) {
        const float *first = x + (size_t)row * (size_t)rows->inputs;
        quantise_pair(rows, row, first, row + 1 < count ? first + rows->inputs : first);
    }
}

/* ------------------------------------------------------------------------------------------------------ products */

/* sums[2 * r + b]: the products of row r, of `count`, with block b of a pair. Meanwhile every other line of what is at
 * `ahead` of the weights comes nearer. */
INLINE void sum_up(int count, const int16_t *weights, size_t ahead, const int16_t *values, size_t stride, int inputs, __m512i *sums) {
    UNROLL for (int i = 0; i < 2 * count; i++) sums[i] = _mm512_setzero_si512();
    for (int k = 0; k < inputs; k += 2) {
        const __m512i first = _mm512_load_si512(weights + k * 2 * LANES);
        const __m512i second = _mm512_load_si512(weights + (k + 1) * 2 * LANES);
        if (ahead) _mm_prefetch((const char *)(weights + ahead + k * 2 * LANES), _MM_HINT_T1);
        UNROLL for (int r = 0; r < count; r++) {
            const __m512i x = _mm512_set1_epi32(*(const int32_t *)(values + stride * (size_t)r + k));
            sums[2 * r] = _mm512_dpwssd_epi32(sums[2 * r], first, x);
            sums[2 * r + 1] = _mm512_dpwssd_epi32(sums[2 * r + 1], second, x);
        }
    }
}

/* What becomes of products and their bias: put into `out`, of shape (count, channels), or added to it. */
typedef enum { STORE, ADD, GELU } Finish;

/* Put a vector of products, a row's with the channels from `channel` on, into its place in `to`, for constant `finish`. */
INLINE void put(Finish finish, const Matrix *matrix, const float *bias, int channel, __m512i sums, float row_step, float *to) {
    const __m512 step = _mm512_mul_ps(_mm512_loadu_ps(matrix->scale + channel), _mm512_set1_ps(row_step));
    const __m512 value = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums), step, _mm512_loadu_ps(bias + channel));
    if (finish == STORE) _mm512_storeu_ps(to + channel, value);
    if (finish == ADD) _mm512_storeu_ps(to + channel, _mm512_add_ps(_mm512_loadu_ps(to + channel), value));
    if (finish == GELU) _mm512_storeu_ps(to + channel, gelu(value));
}

/* The FACTORS products of `count` pairs of rows with those of a group of channels, for constant `count`. `line` is the one
 * of each two of the next group that comes nearer: the first two tiles fetch it. */
INLINE void dot(int count, const int16_t *weights, int line, const int16_t *values, size_t stride, int half, __m512i *products) {
    const size_t size = (size_t)half * 2 * LANES, ahead = FACTORS * size + (size_t)line * 2 * LANES;
    for (int i = 0; i < FACTORS; i++) {
        __m512i sums[2 * TILE];
        sum_up(count, weights + size * (size_t)i, ahead, values + half * i, stride, half, sums);
        UNROLL for (int j = 0; j < 2 * count; j++) products[i * 2 * TILE + j] = sums[j];
    }
}

#define DOT(N) case N: dot(N, weights, line, values, stride, half, products); break;

static void dot_of(int count, const int16_t *weights, int line, const int16_t *values, size_t stride, int half, __m512i *products) {
    switch (count) { EACH_COUNT(DOT) }
}

/* The products of `count` rows, `from` on, with a matrix, in tiles of even size. A group of channels serves all of them. Where
 * there is no second row beside the last one, what comes after it in `out` is overwritten. */
INLINE void multiply(Finish finish, const Matrix *matrix, const float *bias, const Rows *rows, int from, int count, float *out) {
    const int pairs = (count + 1) / 2, tiles = (pairs + TILE - 1) / TILE, half = matrix->inputs / 2;
    const size_t size = (size_t)half * 2 * LANES * FACTORS, stride = (size_t)rows->stride, channels = (size_t)matrix->channels;
    for (int group = 0; group < matrix->channels / CHANNELS; group++)
        for (int tile = 0; tile < tiles; tile++) {
            __m512i products[FACTORS][2 * TILE];
            int first, end;
            share(pairs, tile, tiles, &first, &end);
            dot_of(end - first, matrix->blocks + size * (size_t)group, tile & 1, rows->values + stride * (size_t)(from / 2 + first), stride,
                   half, products[0]);
            for (int i = 0; i < 2 * (end - first); i++) {
                const __m512i p0 = products[0][i], p1 = products[1][i], p2 = products[2][i], p3 = products[3][i];
                const __m512i p4 = products[4][i], p5 = products[5][i], p6 = products[6][i];
                const __m512i upper_left = _mm512_add_epi32(_mm512_sub_epi32(_mm512_add_epi32(p0, p3), p4), p6);
                const __m512i upper_right = _mm512_add_epi32(p2, p4), lower_left = _mm512_add_epi32(p1, p3);
                const __m512i lower_right = _mm512_add_epi32(_mm512_sub_epi32(_mm512_add_epi32(p0, p2), p1), p5);
                const int row = 2 * (first + i / 2), channel = group * CHANNELS + i % 2 * LANES;
                const float *step = rows->step + from + row;
                float *to = out + (size_t)row * channels;
                put(finish, matrix, bias, channel, upper_left, step[0], to);
                put(finish, matrix, bias, channel + 2 * LANES, upper_right, step[0], to);
                put(finish, matrix, bias, channel, lower_left, step[1], to + channels);
                put(finish, matrix, bias, channel + 2 * LANES, lower_right, step[1], to + channels);
            }
        }
}

/* `count` channels of a matrix, `from` on; both are multiples of CHANNELS. */
static Matrix channels_of(const Matrix *matrix, int from, int count) {
    return (Matrix){matrix->blocks + (size_t)from / 4 * FACTORS * (size_t)matrix->inputs, matrix->scale + from, count, matrix->inputs};
}

static void multiply_store(const Matrix *matrix, const float *bias, const Rows *rows, int from, int count, float *out) {
    multiply(STORE, matrix, bias, rows, from, count, out);
}

static void multiply_add(const Matrix *matrix, const float *bias, const Rows *rows, int from, int count, float *out) {
    multiply(ADD, matrix, bias, rows, from, count, out);
}

static void multiply_gelu(const Matrix *matrix, const float *bias, const Rows *rows, int from, int count, float *out) {
    multiply(GELU, matrix, bias, rows, from, count, out);
}

/* ---------------------------------------------------------------------------------------------------------- stages */

/* Layer normalisation (Ba et al. 2016, arXiv:1607.06450) of a row in place. */
static void normalise(float *x, const float *norm, int length, float epsilon) {
    __m512 sum = _mm512_setzero_ps(), squares = _mm512_setzero_ps();
    for (int k = 0; k < length; k += LANES) sum = _mm512_add_ps(sum, _mm512_loadu_ps(x + k));
    const __m512 mean = _mm512_set1_ps(_mm512_reduce_add_ps(sum) / (float)length);
    for (int k = 0; k < length; k += LANES) {
        const __m512 v = _mm512_sub_ps(_mm512_loadu_ps(x + k), mean);
        squares = _mm512_fmadd_ps(v, v, squares);
    }
    const __m512 factor = _mm512_set1_ps(1.0f / sqrtf(_mm512_reduce_add_ps(squares) / (float)length + epsilon));
    for (int k = 0; k < length; k += LANES) {
        const __m512 v = _mm512_mul_ps(_mm512_sub_ps(_mm512_loadu_ps(x + k), mean), factor);
        _mm512_storeu_ps(x + k, _mm512_fmadd_ps(v, _mm512_loadu_ps(norm + k), _mm512_loadu_ps(norm + length + k)));
    }
}

/* Memory of one thread. */
typedef struct {
    float *x, *attended, *hidden;
    float *queries_keys_values; /* of one head or two */
    Rows narrow, wide; /* inputs of `hidden` and of `intermediate` integers */
    /* Of one head and text, as integers: */
    int16_t *queries, *keys; /* (length, head_width) */
    int16_t *key_blocks;     /* as a matrix with a channel for each key */
    int16_t *value_blocks;   /* as matrices of 32 channels and an input for each key, one after the other */
    /* Of a tile of queries: */
    float *scores;    /* (TILE, STRIDE) */
    int16_t *weights; /* (TILE, STRIDE) */
} Scratch;

/* The largest magnitude among `width` channels of `length` rows. */
static float largest_of(const float *x, size_t stride, int length, int width) {
    __m512 peak = _mm512_setzero_ps();
    for (int row = 0; row < length; row++)
        for (int k = 0; k < width; k += LANES) peak = _mm512_max_ps(peak, _mm512_abs_ps(_mm512_loadu_ps(x + stride * (size_t)row + k)));
    return fmaxf(_mm512_reduce_max_ps(peak), 1e-12f);
}

/* Round `width` channels of `length` rows to `steps` steps of their largest magnitude; what one step is. */
static float round_rows(const float *x, size_t stride, int length, int width, int steps, int16_t *values) {
    const float largest = largest_of(x, stride, length, width);
    const __m512 scale = _mm512_set1_ps((float)steps / largest);
    for (int row = 0; row < length; row++)
        for (int k = 0; k < width; k += LANES) {
            const __m512i q = rounded(_mm512_loadu_ps(x + stride * (size_t)row + k), scale);
            _mm256_store_si256((__m256i *)(values + row * width + k), _mm512_cvtepi32_epi16(q));
        }
    return largest / (float)steps;
}

/* The same with STEPS, as matrices of 32 channels with an input for each row. */
static float round_to_blocks(const float *x, size_t stride, int length, int width, int16_t *blocks) {
    const float largest = largest_of(x, stride, length, width);
    const __m512 scale = _mm512_set1_ps(STEPS / largest);
    for (int k = 0; k < width; k += LANES) {
        int16_t *to = blocks + (k / LANES / 2) * LONGEST * 2 * LANES + (k / LANES % 2) * 2 * LANES;
        for (int row = 0; row < length; row += 2) {
            const float *from = x + stride * (size_t)row + k;
            const __m512i first = rounded(_mm512_loadu_ps(from), scale);
            const __m512i second = row + 1 < length ? rounded(_mm512_loadu_ps(from + stride), scale) : _mm512_setzero_si512();
            _mm512_store_si512(to + row * 2 * LANES, _mm512_mask_blend_epi16(0xaaaaaaaa, first, _mm512_slli_epi32(second, 16)));
        }
    }
    return largest / STEPS;
}

/* Write LANES rows of `width` units of 32 bits as their columns, 2 * LANES units apart. */
static void transpose(const void *rows, int width, float *columns) {
    for (int at = 0; at < width; at += LANES) {
        __m512 a[LANES], b[LANES];
        UNROLL for (int i = 0; i < LANES; i++) a[i] = _mm512_load_ps((const float *)rows + width * i + at);
        UNROLL for (int i = 0; i < LANES; i += 2) {
            b[i] = _mm512_unpacklo_ps(a[i], a[i + 1]);
            b[i + 1] = _mm512_unpackhi_ps(a[i], a[i + 1]);
        }
        UNROLL for (int i = 0; i < LANES; i += 4) UNROLL for (int j = 0; j < 2; j++) {
            const __m512d low = _mm512_castps_pd(b[i + j]), high = _mm512_castps_pd(b[i + j + 2]);
            a[i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, high));
            a[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, high));
        }
        /* a[4 i + j] holds, of the rows 4 i to 4 i + 3, the columns j, j + 4, j + 8 and j + 12. */
        UNROLL for (int j = 0; j < 4; j++) {
            const __m512 first = _mm512_shuffle_f32x4(a[j], a[4 + j], 0x88), second = _mm512_shuffle_f32x4(a[8 + j], a[12 + j], 0x88);
            const __m512 third = _mm512_shuffle_f32x4(a[j], a[4 + j], 0xdd), fourth = _mm512_shuffle_f32x4(a[8 + j], a[12 + j], 0xdd);
            float *to = columns + (at + j) * 2 * LANES;
            _mm512_store_ps(to, _mm512_shuffle_f32x4(first, second, 0x88));
            _mm512_store_ps(to + 8 * LANES, _mm512_shuffle_f32x4(third, fourth, 0x88));
            _mm512_store_ps(to + 16 * LANES, _mm512_shuffle_f32x4(first, second, 0xdd));
            _mm512_store_ps(to + 24 * LANES, _mm512_shuffle_f32x4(third, fourth, 0xdd));
        }
    }
}

/* Scores of `count` queries with two blocks of keys. */
INLINE void score_blocks(int count, const int16_t *queries, const int16_t *keys, int width, float step, float *scores) {
    __m512i sums[2 * TILE];
    sum_up(count, keys, 0, queries, (size_t)width, width, sums);
    UNROLL for (int i = 0; i < 2 * count; i++)
        _mm512_store_ps(scores + i / 2 * STRIDE + i % 2 * LANES, _mm512_mul_ps(_mm512_cvtepi32_ps(sums[i]), _mm512_set1_ps(step)));
}

/* 32 channels of `count` outputs: the sums of `length` values times their weights, times what `steps` says. */
INLINE void weigh_values(int count, const int16_t *weights, const int16_t *values, int length, const float *steps, float *out, size_t stride) {
    __m512i sums[2 * TILE];
    sum_up(count, values, 0, weights, STRIDE, length, sums);
    UNROLL for (int i = 0; i < 2 * count; i++)
        _mm512_storeu_ps(out + stride * (size_t)(i / 2) + i % 2 * LANES, _mm512_mul_ps(_mm512_cvtepi32_ps(sums[i]), _mm512_set1_ps(steps[i / 2])));
}

#define SCORE(N) case N: score_blocks(N, queries, keys, width, step, scores); break;
#define WEIGH(N) case N: weigh_values(N, weights, values, length, steps, out, stride); break;

static void score(int count, const int16_t *queries, const int16_t *keys, int width, float step, float *scores) {
    switch (count) { EACH_COUNT(SCORE) }
}

static void weigh(int count, const int16_t *weights, const int16_t *values, int length, const float *steps, float *out, size_t stride) {
    switch (count) { EACH_COUNT(WEIGH) }
}

/* Turn `count` scores, as powers of two, into integer weights; what one step of them is. They are as fine as 32-bit sums
 * of their products with values allow: few keys that count have large weights, many have small ones. Lane i adds the
 * scores i, i + LANES, ... in order: a function of the scores alone. */
static float soften(float *scores, int count, int16_t *weights) {
    const int whole = count / LANES * LANES;
    const __mmask16 rest = (__mmask16)((1 << (count - whole)) - 1);
    __m512 peak = _mm512_mask_loadu_ps(_mm512_set1_ps(-INFINITY), rest, scores + whole);
    for (int i = 0; i < whole; i += LANES) peak = _mm512_max_ps(peak, _mm512_load_ps(scores + i));
    const __m512 largest = _mm512_set1_ps(_mm512_reduce_max_ps(peak));
    __m512 sum = _mm512_setzero_ps();
    for (int i = 0; i < count; i += LANES) {
        __m512 weight = power_of_two(_mm512_sub_ps(_mm512_load_ps(scores + i), largest));
        if (i == whole) weight = _mm512_maskz_mov_ps(rest, weight);
        _mm512_store_ps(scores + i, weight);
        sum = _mm512_add_ps(sum, weight);
    }
    const float total = _mm512_reduce_add_ps(sum);
    const float steps = fminf(LARGEST, (float)(INT32_MAX / STEPS - LONGEST) / total);
    for (int i = 0; i < count; i += LANES)
        _mm256_store_si256((__m256i *)(weights + i), _mm512_cvtepi32_epi16(rounded(_mm512_load_ps(scores + i), _mm512_set1_ps(steps))));
    return 1.0f / (total * steps);
}

/* Attention of one head among the `length` rows of a text; queries come scaled, so that scores are powers of two.
 * Products are of integers here, too; what one step is, is the same for a whole text. */
static void attend(const Model *model, int head, const float *queries_keys_values, size_t stride, int length, float *attended,
                   const Scratch *scratch) {
    const int hidden = model->hidden, width = hidden / model->heads;
    const float *queries = queries_keys_values, *keys = queries + width, *values = keys + width;
    const int pairs = (length + 2 * LANES - 1) / (2 * LANES), tiles = (length + TILE - 1) / TILE;
    const int steps = (int)sqrt((double)INT32_MAX / width); /* a score's sum fits into 32 bits */
    const float score_step = round_rows(queries, stride, length, width, steps, scratch->queries)
        * round_rows(keys, stride, length, width, steps, scratch->keys);
    const float value_step = round_to_blocks(values, stride, length, width, scratch->value_blocks);
    for (int block = 0; block < 2 * pairs; block++)
        transpose(scratch->keys + block * LANES * width, width / 2,
                  (float *)(scratch->key_blocks + block / 2 * 2 * LANES * width + block % 2 * 2 * LANES));
    for (int tile = 0; tile < tiles; tile++) {
        int first, end;
        share(length, tile, tiles, &first, &end);
        const int count = end - first;
        for (int pair = 0; pair < pairs; pair++)
            score(count, scratch->queries + first * width, scratch->key_blocks + pair * 2 * LANES * width, width, score_step,
                  scratch->scores + pair * 2 * LANES);
        float out_steps[TILE];
        for (int r = 0; r < count; r++) {
            float *scores = scratch->scores + r * STRIDE;
            if (model->distances) {
                const float *distances = model->distances + (2 * head + 1) * model->longest - first - r;
                for (int key = 0; key < length; key += LANES)
                    _mm512_store_ps(scores + key, _mm512_add_ps(_mm512_load_ps(scores + key), _mm512_loadu_ps(distances + key)));
            }
            out_steps[r] = value_step * soften(scores, length, scratch->weights + r * STRIDE);
        }
        float *out = attended + (size_t)hidden * (size_t)first + head * width;
        for (int at = 0; at < width; at += 2 * LANES)
            weigh(count, scratch->weights, scratch->value_blocks + at * LONGEST, length, out_steps, out + at, (size_t)hidden);
    }
}

/* The mean of a text's rows, at length one. */
static void pool(const float *x, int length, int hidden, float *vector) {
    __m512 squares = _mm512_setzero_ps();
    for (int k = 0; k < hidden; k += LANES) {
        __m512 sum = _mm512_setzero_ps();
        for (int row = 0; row < length; row++) sum = _mm512_add_ps(sum, _mm512_loadu_ps(x + (size_t)row * hidden + k));
        _mm512_storeu_ps(vector + k, sum);
        squares = _mm512_fmadd_ps(sum, sum, squares);
    }
    const __m512 inverse = _mm512_set1_ps(1.0f / fmaxf(sqrtf(_mm512_reduce_add_ps(squares)), 1e-12f));
    for (int k = 0; k < hidden; k += LANES) _mm512_storeu_ps(vector + k, _mm512_mul_ps(_mm512_loadu_ps(vector + k), inverse));
}

/* ------------------------------------------------------------------------------------------------------- main path */

/* Texts of a call. Text i is tokens[starts[i]] to tokens[starts[i + 1] - 1], and at most `longest` of them. */
typedef struct {
    const int32_t *tokens, *starts;
    float *vectors;
    int count;
} Texts;

typedef struct {
    const Model *model;
    Pool *pool;
    Scratch *scratch;
    pthread_mutex_t lock;
    Texts texts;
    int next; /* first text that no thread has taken */
} Encoder;

/* Take the texts `from`..`to - 1` through all layers. */
static void pass(const Model *model, const Texts *texts, int from, int to, Scratch *scratch) {
    const int hidden = model->hidden, three = 3 * hidden / model->heads;
    const int heads = three % CHANNELS ? 2 : 1; /* at a time: there is an even number of narrow ones, see shape.py */
    const int32_t *tokens = texts->tokens + texts->starts[from], base = texts->starts[from];
    const int n = texts->starts[to] - base;
    float *x = scratch->x;
    Rows *narrow = &scratch->narrow, *wide = &scratch->wide;
    for (int text = from; text < to; text++) {
        const int first = texts->starts[text] - base, end = texts->starts[text + 1] - base;
        for (int r = first; r < end; r++) {
            const float *word = model->words + (size_t)tokens[r] * hidden;
            const float *position = model->positions + (size_t)(r - first) * hidden;
            float *row = x + (size_t)r * hidden;
            for (int k = 0; k < hidden; k += LANES)
                _mm512_storeu_ps(row + k, _mm512_add_ps(_mm512_loadu_ps(word + k), _mm512_loadu_ps(position + k)));
            normalise(row, model->embedding_norm, hidden, model->epsilon);
        }
    }
    for (int index = 0; index < model->layers; index++) {
        const Layer *layer = &model->layer[index];
        quantise(narrow, x, n);
        for (int head = 0; head < model->heads; head += heads) {
            const Matrix matrix = channels_of(&layer->queries_keys_values, head * three, heads * three);
            multiply_store(&matrix, layer->queries_keys_values_bias + head * three, narrow, 0, n, scratch->queries_keys_values);
            for (int text = from; text < to; text++) {
                const int first = texts->starts[text] - base, length = texts->starts[text + 1] - base - first;
                for (int one = 0; one < heads; one++)
                    attend(model, head + one, scratch->queries_keys_values + (size_t)(heads * first + one) * (size_t)three,
                           (size_t)(heads * three), length, scratch->attended + (size_t)hidden * (size_t)first, scratch);
            }
        }
        quantise(narrow, scratch->attended, n);
        multiply_add(&layer->attention_output, layer->attention_output_bias, narrow, 0, n, x);
        for (int r = 0; r < n; r++) normalise(x + (size_t)r * hidden, layer->attention_norm, hidden, model->epsilon);
        quantise(narrow, x, n);
        for (int slab = 0; slab < n; slab += SLAB) {
            const int some = n - slab < SLAB ? n - slab : SLAB;
            multiply_gelu(&layer->up, layer->up_bias, narrow, slab, some, scratch->hidden);
            quantise(wide, scratch->hidden, some);
            multiply_add(&layer->down, layer->down_bias, wide, 0, some, x + (size_t)slab * hidden);
        }
        for (int r = 0; r < n; r++) normalise(x + (size_t)r * hidden, layer->norm, hidden, model->epsilon);
    }
    for (int text = from; text < to; text++) {
        const int first = texts->starts[text] - base, length = texts->starts[text + 1] - base - first;
        pool(x + (size_t)first * hidden, length, hidden, texts->vectors + (size_t)text * hidden);
    }
}

/* Take the next group of texts until there is none. */
static void work(Pool *pool, int thread, void *argument) {
    Encoder *encoder = argument;
    const Texts *texts = &encoder->texts;
    for (;;) {
        pthread_mutex_lock(&encoder->lock);
        const int from = encoder->next;
        int to = from, full = (texts->starts[texts->count] - texts->starts[from]) / (2 * pool->threads);
        full = full > GROUP ? GROUP : full < FEWEST ? FEWEST : full;
        while (to < texts->count && texts->starts[to] - texts->starts[from] < full) to++;
        encoder->next = to;
        pthread_mutex_unlock(&encoder->lock);
        if (from == to) return;
        pass(encoder->model, texts, from, to, &encoder->scratch[thread]);
    }
}

/* Vectors of `count` texts, float32 of shape (count, hidden). One call at a time. */
void encode(Encoder *encoder, const int32_t *tokens, const int32_t *starts, int count, float *vectors) {
    encoder->texts = (Texts){tokens, starts, vectors, count};
    encoder->next = 0;
    if (count > 1) run(encoder->pool, work, encoder);
    else work(encoder->pool, 0, encoder);
}

void encoder_free(Encoder *encoder) {
    if (!encoder) return;
    for (int thread = 0; encoder->scratch && encoder->pool && thread < encoder->pool->threads; thread++) {
        Scratch *scratch = &encoder->scratch[thread];
        free(scratch->narrow.values);
        free(scratch->narrow.step);
        free(scratch->wide.values);
        free(scratch->wide.step);
        free(scratch->x);
        free(scratch->queries_keys_values);
        free(scratch->attended);
        free(scratch->hidden);
        free(scratch->queries);
        free(scratch->keys);
        free(scratch->key_blocks);
        free(scratch->value_blocks);
        free(scratch->scores);
        free(scratch->weights);
    }
    free(encoder->scratch);
    if (encoder->pool) pool_free(encoder->pool);
    pthread_mutex_destroy(&encoder->lock);
    free(encoder);
}

static int rows_new(Rows *rows, int count, int inputs) {
    rows->inputs = inputs;
    rows->stride = FACTORS * inputs / 2 + 2 * LANES;
    rows->values = aligned(sizeof(int16_t) * (size_t)(count / 2) * (size_t)rows->stride);
    rows->step = aligned(sizeof(float) * (size_t)count);
    return rows->values && rows->step;
}

/* Null when memory is short. */
Encoder *encoder_new(const Model *model, int threads) {
    Encoder *encoder = calloc(1, sizeof *encoder);
    if (!encoder) return NULL;
    pthread_mutex_init(&encoder->lock, NULL);
    encoder->model = model;
    encoder->pool = pool_new(threads);
    encoder->scratch = encoder->pool ? calloc((size_t)encoder->pool->threads, sizeof *encoder->scratch) : NULL;
    int ok = encoder->scratch != NULL;
    const int rows = GROUP + model->longest + 2 * LANES; /* the last blocks of a text are read whole */
    const size_t n = (size_t)rows, hidden = (size_t)model->hidden, width = hidden / (size_t)model->heads;
    for (int thread = 0; ok && thread < encoder->pool->threads; thread++) {
        Scratch *scratch = &encoder->scratch[thread];
        scratch->x = aligned(sizeof(float) * n * hidden);
        scratch->queries_keys_values = aligned(sizeof(float) * n * 2 * 3 * width);
        scratch->attended = aligned(sizeof(float) * n * hidden);
        scratch->hidden = aligned(sizeof(float) * SLAB * (size_t)model->intermediate);
        scratch->queries = aligned(sizeof(int16_t) * LONGEST * width);
        scratch->keys = aligned(sizeof(int16_t) * LONGEST * width);
        scratch->key_blocks = aligned(sizeof(int16_t) * LONGEST * width);
        scratch->value_blocks = aligned(sizeof(int16_t) * LONGEST * width);
        scratch->scores = aligned(sizeof(float) * TILE * STRIDE);
        scratch->weights = aligned(sizeof(int16_t) * TILE * STRIDE);
        ok = scratch->x && scratch->queries_keys_values && scratch->attended && scratch->hidden && scratch->queries
            && scratch->keys && scratch->key_blocks && scratch->value_blocks && scratch->scores && scratch->weights;
        ok = rows_new(&scratch->narrow, rows, model->hidden) && ok;
        ok = rows_new(&scratch->wide, SLAB, model->intermediate) && ok;
    }
    if (ok) return encoder;
    encoder_free(encoder);
    return NULL;
}
