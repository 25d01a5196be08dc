/* SHA-256 of many buffers at once.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sha256_many.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../src/sha256_compress.h"
#include "../src/wire.h"
#include "cpu.h"
#include "paths.h"

#define BLOCK_SIZE 64u
#define MAX_LANES 16u
#define MAX_THREADS 256u

/* Blocks a lane between two looks at the clock: a millisecond or two for all of them. */
#define MAX_STEP 4096u

/* A thread is started for no less than this many bytes. */
#define BYTES_PER_THREAD ((uint64_t)256 * 1024)

typedef struct {
    uint32_t state[8];
    const uint8_t *next; /* blocks to hash are here, */
    size_t blocks;       /* so many, */
    size_t tail_blocks;  /* and then so many in tail */
    iotsign_sha256_job_t *job;
    uint8_t tail[2 * BLOCK_SIZE]; /* what is left of the buffer, and the padding */
} lane_t;

typedef struct {
    unsigned lanes;
    void (*run)(uint32_t *states, const uint8_t *const *blocks, size_t count);
} kernel_t;

typedef struct {
    iotsign_sha256_job_t **queue; /* longest first */
    size_t count;
    unsigned lanes; /* a thread takes no more at once, so that the others get their share */
    const iotsign_progress_t *progress;
    size_t taken;    /* accessed atomically */
    uint64_t done;   /* bytes; accessed atomically */
    unsigned stopped; /* accessed atomically */
    pthread_mutex_t mutex;
    pthread_cond_t ended;
    unsigned running; /* threads beside the calling one; guarded by mutex */
} pool_t;

static void lane_begin(lane_t *lane, iotsign_sha256_job_t *job)
{
    const size_t rest = job->length % BLOCK_SIZE;
    iotsign_sha256_t context;

    iotsign_sha256_init(&context);
    memcpy(lane->state, context.state, sizeof lane->state);
    lane->job = job;
    lane->next = job->data;
    lane->blocks = job->length / BLOCK_SIZE;
    lane->tail_blocks = rest + 9 <= BLOCK_SIZE ? 1 : 2;
    memset(lane->tail, 0, sizeof lane->tail);
    if (rest != 0) {
        memcpy(lane->tail, lane->next + (job->length - rest), rest);
    }
    lane->tail[rest] = 0x80;
    iotsign_be64_store(lane->tail + lane->tail_blocks * BLOCK_SIZE - 8, (uint64_t)job->length << 3);
    if (lane->blocks == 0) {
        lane->next = lane->tail;
        lane->blocks = lane->tail_blocks;
        lane->tail_blocks = 0;
    }
}

/* Moves on by count blocks; returns whether the lane is done. */
static int lane_advance(lane_t *lane, size_t count)
{
    lane->next += BLOCK_SIZE * count;
    lane->blocks -= count;
    if (lane->blocks != 0) {
        return 0;
    }
    if (lane->tail_blocks != 0) {
        lane->next = lane->tail;
        lane->blocks = lane->tail_blocks;
        lane->tail_blocks = 0;
        return 0;
    }
    for (unsigned i = 0; i < 8; i++) {
        iotsign_be32_store(lane->job->digest + 4 * i, lane->state[i]);
    }
    return 1;
}

static void run_one(uint32_t *states, const uint8_t *const *blocks, size_t count)
{
    iotsign_sha256_compress(states, blocks[0], count);
}

/* The fastest way to go on with so many lanes, as measured on Sapphire Rapids by benchmarks/hashing.py: sixteen lanes of
 * AVX-512 cost as much as ten messages by the SHA extensions, which run two at a time; without those, both AVX-512's and
 * AVX2's lanes cost as much as two messages in portable code. */
static kernel_t choose_kernel(unsigned active)
{
#if defined(IOTSIGN_PATHS_X86)
    const unsigned features = iotsign_cpu_selected();
    if ((features & IOTSIGN_CPU_X86_AVX512) != 0 && active > ((features & IOTSIGN_CPU_X86_SHA) != 0 ? 10 : 2)) {
        return (kernel_t){16, iotsign_sha256_lanes16_avx512};
    }
    if ((features & IOTSIGN_CPU_X86_SHA) != 0 && active > 1) {
        return (kernel_t){2, iotsign_sha256_lanes2_x86};
    }
    if ((features & (IOTSIGN_CPU_X86_SHA | IOTSIGN_CPU_X86_AVX2)) == IOTSIGN_CPU_X86_AVX2 && active > 2) {
        return (kernel_t){8, iotsign_sha256_lanes8_avx2};
    }
#endif
    (void)active;
    return (kernel_t){1, run_one};
}

/* Hashes some blocks of as many lanes as the best kernel takes; returns the number of lanes that are left. */
static unsigned step(pool_t *pool, lane_t **lanes, unsigned active)
{
    uint32_t states[8 * MAX_LANES];
    const uint8_t *blocks[MAX_LANES];
    const kernel_t kernel = choose_kernel(active);
    const unsigned used = active < kernel.lanes ? active : kernel.lanes;
    size_t count = MAX_STEP;

    for (unsigned i = 0; i < kernel.lanes; i++) {
        const lane_t *lane = lanes[i < used ? i : 0]; /* a lane to spare does the work of the first once more */
        count = lane->blocks < count ? lane->blocks : count;
        blocks[i] = lane->next;
        for (unsigned word = 0; word < 8; word++) {
            states[word * kernel.lanes + i] = lane->state[word];
        }
    }
    kernel.run(states, blocks, count);
    for (unsigned left = used; left != 0; left--) {
        const unsigned i = left - 1; /* from the end, since a lane that is done swaps places with the last one */
        lane_t *lane = lanes[i];
        for (unsigned word = 0; word < 8; word++) {
            lane->state[word] = states[word * kernel.lanes + i];
        }
        if (lane_advance(lane, count)) {
            lanes[i] = lanes[--active];
            lanes[active] = lane;
            (void)__atomic_add_fetch(&pool->done, (uint64_t)lane->job->length, __ATOMIC_RELAXED);
        }
    }
    return active;
}

static uint64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void ask_progress(pool_t *pool)
{
    const iotsign_progress_t *progress = pool->progress;

    if (progress != NULL && progress->report != NULL &&
        progress->report(progress->context, __atomic_load_n(&pool->done, __ATOMIC_RELAXED)) != 0) {
        __atomic_store_n(&pool->stopped, 1, __ATOMIC_RELAXED);
    }
}

static void work(pool_t *pool, int is_calling_thread)
{
    lane_t storage[MAX_LANES], *lanes[MAX_LANES];
    unsigned active = 0;
    uint64_t asked = now_ms();

    for (unsigned i = 0; i < MAX_LANES; i++) {
        lanes[i] = &storage[i];
    }
    while (!__atomic_load_n(&pool->stopped, __ATOMIC_RELAXED)) {
        while (active < pool->lanes) {
            size_t job = __atomic_fetch_add(&pool->taken, 1, __ATOMIC_RELAXED);
            if (job >= pool->count) {
                break;
            }
            lane_begin(lanes[active++], pool->queue[job]);
        }
        if (active == 0) {
            break;
        }
        active = step(pool, lanes, active);
        if (is_calling_thread && now_ms() - asked >= IOTSIGN_RING_TICK_MS) {
            ask_progress(pool);
            asked = now_ms();
        }
    }
}

static void *work_on_thread(void *context)
{
    pool_t *pool = context;

    work(pool, 0);
    (void)pthread_mutex_lock(&pool->mutex);
    pool->running--;
    (void)pthread_cond_signal(&pool->ended);
    (void)pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

/* Waits for the other threads, ready to stop them. */
static void wait_for_threads(pool_t *pool)
{
    (void)pthread_mutex_lock(&pool->mutex);
    while (pool->running != 0) {
        struct timespec until;
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += IOTSIGN_RING_TICK_MS * 1000000L;
        if (until.tv_nsec >= 1000000000L) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000L;
        }
        if (pthread_cond_timedwait(&pool->ended, &pool->mutex, &until) == ETIMEDOUT) {
            (void)pthread_mutex_unlock(&pool->mutex);
            ask_progress(pool);
            (void)pthread_mutex_lock(&pool->mutex);
        }
    }
    (void)pthread_mutex_unlock(&pool->mutex);
}

static void run_pool(pool_t *pool, unsigned threads)
{
    pthread_t others[MAX_THREADS];
    pthread_condattr_t attributes;
    unsigned started = 0;

    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&pool->mutex, NULL);
    (void)pthread_cond_init(&pool->ended, &attributes);
    (void)pthread_condattr_destroy(&attributes);

    pool->running = threads - 1;
    while (started < threads - 1 && pthread_create(&others[started], NULL, work_on_thread, pool) == 0) {
        started++;
    }
    if (started < threads - 1) { /* the threads that there are do all of it */
        (void)pthread_mutex_lock(&pool->mutex);
        pool->running -= threads - 1 - started;
        (void)pthread_mutex_unlock(&pool->mutex);
    }
    work(pool, 1);
    wait_for_threads(pool);
    for (unsigned i = 0; i < started; i++) {
        (void)pthread_join(others[i], NULL);
    }
    (void)pthread_cond_destroy(&pool->ended);
    (void)pthread_mutex_destroy(&pool->mutex);
}

static int compare_lengths(const void *left, const void *right)
{
    const iotsign_sha256_job_t *a = *(iotsign_sha256_job_t *const *)left, *b = *(iotsign_sha256_job_t *const *)right;
    return (a->length < b->length) - (a->length > b->length);
}

static unsigned choose_threads(unsigned threads, size_t count, uint64_t bytes)
{
    if (threads == 0) {
        long processors = sysconf(_SC_NPROCESSORS_ONLN);
        threads = processors < 1 ? 1 : processors > (long)MAX_THREADS ? MAX_THREADS : (unsigned)processors;
    }
    if (threads > MAX_THREADS) {
        threads = MAX_THREADS;
    }
    if (threads > count) {
        threads = (unsigned)count;
    }
    return threads - 1 > bytes / BYTES_PER_THREAD ? (unsigned)(bytes / BYTES_PER_THREAD) + 1 : threads;
}

iotsign_status_t iotsign_sha256_many(
    iotsign_sha256_job_t *jobs, size_t count, unsigned threads, const iotsign_progress_t *progress)
{
    pool_t pool = {.count = count, .progress = progress};
    uint64_t bytes = 0;

    if (count == 0) {
        return IOTSIGN_OK;
    }
    pool.queue = calloc(count, sizeof(*pool.queue));
    if (pool.queue == NULL) {
        return IOTSIGN_ERROR_IO;
    }
    for (size_t i = 0; i < count; i++) {
        pool.queue[i] = &jobs[i];
        bytes += jobs[i].length;
    }
    qsort(pool.queue, count, sizeof(*pool.queue), compare_lengths);

    threads = choose_threads(threads, count, bytes);
    size_t share = (count - 1) / threads + 1;
    pool.lanes = share < MAX_LANES ? (unsigned)share : MAX_LANES;
    run_pool(&pool, threads);
    free(pool.queue);
    return pool.stopped ? IOTSIGN_ERROR_INTERRUPTED : IOTSIGN_OK;
}
