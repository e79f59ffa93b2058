/* What kernels share: threads and memory.
 *
 * Every float operation is written out in an order that depends on its own arguments alone. The compiler may not change
 * that: it is told neither to contract a multiplication and an addition nor to reorder sums (no -ffast-math,
 * -ffp-contract=off), and where operations are fused it is said so by name.
 */
#include <immintrin.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#define LANES 16 /* floats of a vector; channels of a block of weights; slots of a block of keys */
#define TILE 14  /* rows whose products with two vectors of channels fit into the registers */
#define UNROLL _Pragma("clang loop unroll(full)")
#define EACH_COUNT(CASE) \
    CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12) CASE(13) CASE(14)

/* ------------------------------------------------------------------------------------------------------- threads */

typedef struct Pool Pool;
typedef void Work(Pool *pool, int thread, void *argument);

struct Pool {
    int threads;
    Work *work;
    void *argument;
    pthread_t *handles;
    pthread_mutex_t lock;
    pthread_cond_t wake, done;
    int round, running, stopping;
    atomic_int arrived, sense;
};

/* All threads of the pool meet here. Waiting burns the processor for a moment only: when another program has it,
 * giving way is faster. */
static void meet(Pool *pool) {
    if (pool->threads == 1) return;
    int sense = atomic_load_explicit(&pool->sense, memory_order_relaxed);
    if (atomic_fetch_add_explicit(&pool->arrived, 1, memory_order_acq_rel) == pool->threads - 1) {
        atomic_store_explicit(&pool->arrived, 0, memory_order_relaxed);
        atomic_store_explicit(&pool->sense, sense + 1, memory_order_release);
        return;
    }
    for (int turn = 0; atomic_load_explicit(&pool->sense, memory_order_acquire) == sense; turn++) {
        if (turn < 50000) _mm_pause();
        else sched_yield();
    }
}

typedef struct {
    Pool *pool;
    int thread;
} Seat;

static void *serve(void *argument) {
    Seat seat = *(Seat *)argument;
    free(argument);
    Pool *pool = seat.pool;
    int round = 0;
    for (;;) {
        pthread_mutex_lock(&pool->lock);
        while (pool->round == round && !pool->stopping) pthread_cond_wait(&pool->wake, &pool->lock);
        round = pool->round;
        pthread_mutex_unlock(&pool->lock);
        if (pool->stopping) return NULL;
        pool->work(pool, seat.thread, pool->argument);
        pthread_mutex_lock(&pool->lock);
        if (--pool->running == 0) pthread_cond_signal(&pool->done);
        pthread_mutex_unlock(&pool->lock);
    }
}

Pool *pool_new(int threads) {
    Pool *pool = calloc(1, sizeof *pool);
    if (!pool) return NULL;
    pool->threads = threads;
    pool->handles = calloc((size_t)threads, sizeof *pool->handles);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pthread_cond_init(&pool->done, NULL);
    for (int thread = 1; thread < threads; thread++) {
        Seat *seat = malloc(sizeof *seat);
        *seat = (Seat){pool, thread};
        if (pthread_create(&pool->handles[thread], NULL, serve, seat)) {
            free(seat);
            pool->threads = thread; /* fewer then: results do not depend on their number */
            break;
        }
    }
    return pool;
}

void pool_free(Pool *pool) {
    pthread_mutex_lock(&pool->lock);
    pool->stopping = 1;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (int thread = 1; thread < pool->threads; thread++) pthread_join(pool->handles[thread], NULL);
    free(pool->handles);
    free(pool);
}

static void run(Pool *pool, Work *work, void *argument) {
    pthread_mutex_lock(&pool->lock);
    pool->work = work;
    pool->argument = argument;
    pool->running = pool->threads - 1;
    pool->round++;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    work(pool, 0, argument);
    pthread_mutex_lock(&pool->lock);
    while (pool->running) pthread_cond_wait(&pool->done, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

/* The part of 0..count-1 that belongs to a thread. */
INLINE void share(int count, int thread, int threads, int *from, int *to) {
    *from = (int)((int64_t)count * thread / threads);
    *to = (int)((int64_t)count * (thread + 1) / threads);
}

/* -------------------------------------------------------------------------------------------------------- memory */

static void *aligned(size_t bytes) {
    void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (memory) memset(memory, 0, bytes);
    return memory;
}

INLINE int padded(int inputs) { return (inputs + 63) / 64 * 64; }
