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
#define SLAB 56     /* rows whose inner layer is computed at a time: four tiles */
#define LONGEST 512 /* tokens of a text; shape.py knows it too */
#define STRIDE (LONGEST + LANES) /* floats from one query's scores to the next one's */
#define STEPS 4095  /* largest magnitude of a row's integers; layout.py knows it too */

/* ---------------------------------------------------------------------------------------------- what is passed in */

/* Weights of one matrix, channels in pairs of blocks of LANES: for each pair and each 2 inputs 2 x LANES x 2 integers.
 * `scale` has one float per channel. No row can make a sum that 32 bits do not hold: see layout.py. */
typedef struct {
    const int16_t *blocks;
    const float *scale;
    int32_t channels, inputs;
} Matrix;

typedef struct {
    Matrix queries_keys_values; /* one product; stand one after the other in a row */
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

/* x times the normal distribution function, within 1e-4: a polynomial up to 4.6 standard deviations. */
INLINE __m512 gelu(__m512 x) {
    const __m512 end = _mm512_set1_ps(4.6f);
    const __m512 near = _mm512_max_ps(_mm512_min_ps(x, end), _mm512_sub_ps(_mm512_setzero_ps(), end));
    const __m512 square = _mm512_mul_ps(near, near);
    __m512 p = _mm512_set1_ps(2.577188496e-11f);
    p = _mm512_fmadd_ps(p, square, _mm512_set1_ps(-2.919143437e-09f));
    p = _mm512_fmadd_ps(p, square, _mm512_set1_ps(1.450081712e-07f));
    p = _mm512_fmadd_ps(p, square, _mm512_set1_ps(-4.183428011e-06f));
    p = _mm512_fmadd_ps(p, square, _mm512_set1_ps(7.848292363e-05f));
    p = _mm512_fmadd_ps(p, square, _mm512_set1_ps(-1.018948465e-03f));
    p = _mm512_fmadd_ps(p, square, _mm512_set1_ps(9.520523711e-03f));
    p = _mm512_fmadd_ps(p, square, _mm512_set1_ps(-6.587751408e-02f));
    p = _mm512_fmadd_ps(p, square, _mm512_set1_ps(3.986529203e-01f));
    return _mm512_mul_ps(x, _mm512_fmadd_ps(p, near, _mm512_set1_ps(0.5f)));
}

/* Rows as 16-bit integers: `values` of shape (rows, stride), and what one step of a row is. */
typedef struct {
    int16_t *values;
    float *step;
    int inputs, stride; /* a vector longer than the inputs, so that rows do not meet in the same lines of the cache */
} Rows;

/* Round a row to STEPS steps of its largest magnitude each way. */
static void quantise(const Rows *rows, int row, const float *x) {
    __m512 peak = _mm512_setzero_ps();
    for (int k = 0; k < rows->inputs; k += LANES) peak = _mm512_max_ps(peak, _mm512_abs_ps(_mm512_loadu_ps(x + k)));
    const float largest = fmaxf(_mm512_reduce_max_ps(peak), 1e-12f);
    const __m512 steps = _mm512_set1_ps(STEPS / largest);
    const __m512i end = _mm512_set1_epi32(STEPS);
    int16_t *values = rows->values + (size_t)row * (size_t)rows->stride;
    for (int k = 0; k < rows->inputs; k += LANES) {
        const __m512i q = _mm512_min_epi32(_mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x + k), steps)), end);
        _mm256_storeu_si256((__m256i *)(values + k), _mm512_cvtsepi32_epi16(q));
    }
    rows->step[row] = largest / STEPS;
}

/* ------------------------------------------------------------------------------------------------------ products */

/* What becomes of products and their bias: put into `out`, of shape (count, channels), or added to it. */
typedef enum { STORE, ADD, GELU } Finish;

/* The products of `count` rows, `row` on, with a pair of blocks, for constant `count` and `finish`. */
INLINE void dot(int count, Finish finish, const Matrix *matrix, int pair, const float *bias, const Rows *rows, int row, float *out) {
    __m512i sums[2 * TILE];
    const int16_t *weights = matrix->blocks + (size_t)matrix->inputs * 2 * LANES * (size_t)pair;
    const size_t stride = (size_t)rows->stride;
    const int16_t *values = rows->values + stride * (size_t)row;
    UNROLL for (int i = 0; i < 2 * count; i++) sums[i] = _mm512_setzero_si512();
    for (int k = 0; k < matrix->inputs; k += 2) {
        const __m512i first = _mm512_load_si512(weights + k * 2 * LANES);
        const __m512i second = _mm512_load_si512(weights + (k + 1) * 2 * LANES);
        UNROLL for (int r = 0; r < count; r++) {
            const __m512i x = _mm512_set1_epi32(*(const int32_t *)(values + stride * (size_t)r + k));
            sums[2 * r] = _mm512_dpwssd_epi32(sums[2 * r], first, x);
            sums[2 * r + 1] = _mm512_dpwssd_epi32(sums[2 * r + 1], second, x);
        }
    }
    UNROLL for (int b = 0; b < 2; b++) {
        const int channel = (2 * pair + b) * LANES;
        const __m512 scale = _mm512_loadu_ps(matrix->scale + channel), more = _mm512_loadu_ps(bias + channel);
        UNROLL for (int r = 0; r < count; r++) {
            const __m512 step = _mm512_mul_ps(scale, _mm512_set1_ps(rows->step[row + r]));
            const __m512 value = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums[2 * r + b]), step, more);
            float *to = out + (size_t)r * (size_t)matrix->channels + channel;
            if (finish == STORE) _mm512_storeu_ps(to, value);
            if (finish == ADD) _mm512_storeu_ps(to, _mm512_add_ps(_mm512_loadu_ps(to), value));
            if (finish == GELU) _mm512_storeu_ps(to, gelu(value));
        }
    }
}

#define DOT(N) case N: dot(N, finish, matrix, pair, bias, rows, from + row, out + (size_t)row * (size_t)matrix->channels); break;

/* The products of `count` rows, `from` on, with a matrix, in tiles of even size. A pair of blocks serves all of them. */
INLINE void multiply(Finish finish, const Matrix *matrix, const float *bias, const Rows *rows, int from, int count, float *out) {
    const int tiles = (count + TILE - 1) / TILE;
    for (int pair = 0; pair < matrix->channels / (2 * LANES); pair++)
        for (int tile = 0; tile < tiles; tile++) {
            int row, end;
            share(count, tile, tiles, &row, &end);
            switch (end - row) { EACH_COUNT(DOT) }
        }
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
    float *x, *queries_keys_values, *attended, *hidden;
    Rows narrow, wide; /* inputs of `hidden` and of `intermediate` integers */
    float *keys;       /* of one head and text, in blocks of LANES keys: (head_width, LANES) */
    float *queries;    /* of a tile: (head_width, LANES) */
    float *values;     /* of one head and text: (length, head_width) */
    float *scores;     /* of a tile: (TILE, STRIDE) */
} Scratch;

/* Scores of `count` queries with two blocks of keys. */
INLINE void score_blocks(int count, const float *queries, const float *keys, int width, float *scores) {
    __m512 sums[TILE * 2];
    UNROLL for (int i = 0; i < count * 2; i++) sums[i] = _mm512_setzero_ps();
    for (int i = 0; i < width; i++) {
        const __m512 first = _mm512_load_ps(keys + i * LANES), second = _mm512_load_ps(keys + (width + i) * LANES);
        UNROLL for (int r = 0; r < count; r++) {
            const __m512 q = _mm512_set1_ps(queries[i * LANES + r]);
            sums[2 * r] = _mm512_fmadd_ps(q, first, sums[2 * r]);
            sums[2 * r + 1] = _mm512_fmadd_ps(q, second, sums[2 * r + 1]);
        }
    }
    UNROLL for (int r = 0; r < count; r++) {
        _mm512_store_ps(scores + r * STRIDE, sums[2 * r]);
        _mm512_store_ps(scores + r * STRIDE + LANES, sums[2 * r + 1]);
    }
}

/* Two vectors of each of `count` outputs: the sum of `length` values, `stride` floats apart, times their weights. */
INLINE void weigh_values(int count, const float *values, int length, size_t stride, const float *weights, float *out, size_t out_stride) {
    __m512 sums[TILE * 2];
    UNROLL for (int i = 0; i < count * 2; i++) sums[i] = _mm512_setzero_ps();
    for (int key = 0; key < length; key++) {
        const __m512 first = _mm512_loadu_ps(values + stride * (size_t)key);
        const __m512 second = _mm512_loadu_ps(values + stride * (size_t)key + LANES);
        UNROLL for (int r = 0; r < count; r++) {
            const __m512 weight = _mm512_set1_ps(weights[r * STRIDE + key]);
            sums[2 * r] = _mm512_fmadd_ps(weight, first, sums[2 * r]);
            sums[2 * r + 1] = _mm512_fmadd_ps(weight, second, sums[2 * r + 1]);
        }
    }
    UNROLL for (int r = 0; r < count; r++) {
        _mm512_storeu_ps(out + out_stride * (size_t)r, sums[2 * r]);
        _mm512_storeu_ps(out + out_stride * (size_t)r + LANES, sums[2 * r + 1]);
    }
}

#define SCORE(N) case N: score_blocks(N, queries, keys, width, scores); break;
#define WEIGH(N) case N: weigh_values(N, values, length, stride, weights, out, out_stride); break;

static void score(int count, const float *queries, const float *keys, int width, float *scores) {
    switch (count) { EACH_COUNT(SCORE) }
}

static void weigh(int count, const float *values, int length, size_t stride, const float *weights, float *out, size_t out_stride) {
    switch (count) { EACH_COUNT(WEIGH) }
}

/* Write LANES rows of `width` floats as their columns: (width, LANES). */
static void transpose(const float *rows, size_t stride, int width, float *columns) {
    for (int at = 0; at < width; at += LANES) {
        __m512 a[LANES], b[LANES];
        UNROLL for (int i = 0; i < LANES; i++) a[i] = _mm512_loadu_ps(rows + stride * (size_t)i + at);
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
            float *to = columns + (at + j) * LANES;
            _mm512_store_ps(to, _mm512_shuffle_f32x4(first, second, 0x88));
            _mm512_store_ps(to + 4 * LANES, _mm512_shuffle_f32x4(third, fourth, 0x88));
            _mm512_store_ps(to + 8 * LANES, _mm512_shuffle_f32x4(first, second, 0xdd));
            _mm512_store_ps(to + 12 * LANES, _mm512_shuffle_f32x4(third, fourth, 0xdd));
        }
    }
}

/* Attention of one head among the `length` rows of a text; queries come scaled. Whole blocks are read: what is behind
 * the text's last row is not counted. */
static void attend(const Model *model, int head, const float *queries_keys_values, int length, float *attended,
                   const Scratch *scratch) {
    const int hidden = model->hidden, width = hidden / model->heads;
    const size_t stride = 3 * (size_t)hidden;
    const float *queries = queries_keys_values + head * width, *keys = queries + hidden, *values = keys + hidden;
    const int blocks = (length + 2 * LANES - 1) / (2 * LANES) * 2, tiles = (length + TILE - 1) / TILE;
    for (int block = 0; block < blocks; block++)
        transpose(keys + stride * LANES * (size_t)block, stride, width, scratch->keys + block * LANES * width);
    for (int row = 0; row < length; row++)
        memcpy(scratch->values + row * width, values + stride * (size_t)row, sizeof(float) * (size_t)width);
    for (int tile = 0; tile < tiles; tile++) {
        int first, end;
        share(length, tile, tiles, &first, &end);
        const int count = end - first;
        transpose(queries + stride * (size_t)first, stride, width, scratch->queries);
        for (int block = 0; block < blocks; block += 2)
            score(count, scratch->queries, scratch->keys + block * LANES * width, width, scratch->scores + block * LANES);
        float sums[TILE];
        for (int r = 0; r < count; r++) {
            float *scores = scratch->scores + r * STRIDE;
            if (model->distances) {
                const float *distances = model->distances + (2 * head + 1) * model->longest - first - r;
                for (int key = 0; key < length; key += LANES)
                    _mm512_store_ps(scores + key, _mm512_add_ps(_mm512_load_ps(scores + key), _mm512_loadu_ps(distances + key)));
            }
            sums[r] = soften(scores, length);
        }
        float *out = attended + (size_t)hidden * (size_t)first + head * width;
        for (int at = 0; at < width; at += 2 * LANES)
            weigh(count, scratch->values + at, length, (size_t)width, scratch->scores, out + at, (size_t)hidden);
        for (int r = 0; r < count; r++) {
            const __m512 inverse = _mm512_set1_ps(1.0f / sums[r]);
            float *row = out + (size_t)hidden * (size_t)r;
            for (int i = 0; i < width; i += LANES) _mm512_storeu_ps(row + i, _mm512_mul_ps(_mm512_loadu_ps(row + i), inverse));
        }
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
    const int hidden = model->hidden, intermediate = model->intermediate;
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
        for (int r = 0; r < n; r++) quantise(narrow, r, x + (size_t)r * hidden);
        multiply_store(&layer->queries_keys_values, layer->queries_keys_values_bias, narrow, 0, n, scratch->queries_keys_values);
        for (int text = from; text < to; text++) {
            const int first = texts->starts[text] - base, length = texts->starts[text + 1] - base - first;
            for (int head = 0; head < model->heads; head++)
                attend(model, head, scratch->queries_keys_values + 3 * (size_t)hidden * first, length,
                       scratch->attended + (size_t)hidden * first, scratch);
        }
        for (int r = 0; r < n; r++) quantise(narrow, r, scratch->attended + (size_t)r * hidden);
        multiply_add(&layer->attention_output, layer->attention_output_bias, narrow, 0, n, x);
        for (int r = 0; r < n; r++) {
            normalise(x + (size_t)r * hidden, layer->attention_norm, hidden, model->epsilon);
            quantise(narrow, r, x + (size_t)r * hidden);
        }
        for (int slab = 0; slab < n; slab += SLAB) {
            const int some = n - slab < SLAB ? n - slab : SLAB;
            multiply_gelu(&layer->up, layer->up_bias, narrow, slab, some, scratch->hidden);
            for (int r = 0; r < some; r++) quantise(wide, r, scratch->hidden + (size_t)r * intermediate);
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
    (void)pool;
    Encoder *encoder = argument;
    const Texts *texts = &encoder->texts;
    for (;;) {
        pthread_mutex_lock(&encoder->lock);
        const int from = encoder->next;
        int to = from;
        while (to < texts->count && texts->starts[to] - texts->starts[from] < GROUP) to++;
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
        free(scratch->keys);
        free(scratch->values);
        free(scratch->queries);
        free(scratch->scores);
    }
    free(encoder->scratch);
    if (encoder->pool) pool_free(encoder->pool);
    pthread_mutex_destroy(&encoder->lock);
    free(encoder);
}

static int rows_new(Rows *rows, int count, int inputs) {
    rows->inputs = inputs;
    rows->stride = inputs + 2 * LANES;
    rows->values = aligned(sizeof(int16_t) * (size_t)count * (size_t)rows->stride);
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
        scratch->queries_keys_values = aligned(sizeof(float) * n * 3 * hidden);
        scratch->attended = aligned(sizeof(float) * n * hidden);
        scratch->hidden = aligned(sizeof(float) * SLAB * (size_t)model->intermediate);
        scratch->keys = aligned(sizeof(float) * LONGEST * width);
        scratch->values = aligned(sizeof(float) * LONGEST * width);
        scratch->queries = aligned(sizeof(float) * LANES * width);
        scratch->scores = aligned(sizeof(float) * TILE * STRIDE);
        ok = scratch->x && scratch->queries_keys_values && scratch->attended && scratch->hidden && scratch->keys
            && scratch->values && scratch->queries && scratch->scores;
        ok = rows_new(&scratch->narrow, rows, model->hidden) && ok;
        ok = rows_new(&scratch->wide, SLAB, model->intermediate) && ok;
    }
    if (ok) return encoder;
    encoder_free(encoder);
    return NULL;
}
