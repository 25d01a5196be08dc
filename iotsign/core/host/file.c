/* SPDX-License-Identifier: Apache-2.0 */
#include "file.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

/* Longest uninterrupted wait for a pipe, so that a stop request is seen soon. */
#define WAIT_MS 20

/* poll says that a pipe takes this much without blocking, and no more. */
#define PIPE_WRITE_SIZE ((size_t)PIPE_BUF)

/* The most that one transfer asks for: Linux moves at most 2 GiB - 4 KiB at once, and a stop request waits for it. */
#define TRANSFER_SIZE ((size_t)1024 * 1024)

static iotsign_status_t inspect(iotsign_file_t *file, int descriptor, iotsign_fault_t *fault)
{
    struct stat status;

    *file = (iotsign_file_t){.descriptor = descriptor};
    if (fstat(descriptor, &status) != 0) {
        return iotsign_fault_set(fault, IOTSIGN_ERROR_IO, "StatFailed", 0, errno, "cannot use descriptor %d", descriptor);
    }
    file->regular = S_ISREG(status.st_mode);
    file->size = file->regular ? (uint64_t)status.st_size : 0;
    return IOTSIGN_OK;
}

iotsign_status_t iotsign_file_open(iotsign_file_t *file, int descriptor, iotsign_fault_t *fault)
{
    iotsign_status_t status = inspect(file, descriptor, fault);
    if (status != IOTSIGN_OK) {
        return status;
    }
    off_t offset = lseek(descriptor, 0, SEEK_CUR);
    file->seekable = offset >= 0;
    file->start = file->position = offset >= 0 ? (uint64_t)offset : 0;
    return IOTSIGN_OK;
}

iotsign_status_t iotsign_file_open_at(iotsign_file_t *file, int descriptor, uint64_t offset, iotsign_fault_t *fault)
{
    iotsign_status_t status = inspect(file, descriptor, fault);
    if (status != IOTSIGN_OK) {
        return status;
    }
    if (lseek(descriptor, 0, SEEK_CUR) < 0) {
        return iotsign_fault_set(fault, IOTSIGN_ERROR_IO, "NotSeekable", offset, errno, "expected a seekable file");
    }
    file->seekable = file->positioned = true;
    file->start = file->position = offset;
    return IOTSIGN_OK;
}

size_t iotsign_file_block_size(const iotsign_file_t *file)
{
    uint64_t left = file->size > file->position ? file->size - file->position : 0;

    if (!file->regular || file->size == 0 || left >= IOTSIGN_RING_BLOCK_SIZE) {
        return IOTSIGN_RING_BLOCK_SIZE; /* size 0 may be a pseudo file of any length */
    }
    return ((size_t)left / 3 + 1) * 3;
}

/* Waits until the descriptor is ready, or the work was stopped. */
static iotsign_status_t await(
    const iotsign_file_t *file, iotsign_ring_t *ring, short events, iotsign_fault_t *fault)
{
    struct pollfd request = {.fd = file->descriptor, .events = events};

    for (;;) {
        if (iotsign_ring_stopped(ring)) {
            return IOTSIGN_ERROR_INTERRUPTED;
        }
        if (file->regular) {
            return IOTSIGN_OK;
        }
        int ready = poll(&request, 1, WAIT_MS);
        if (ready > 0) {
            return IOTSIGN_OK; /* an error or a hang-up too: the transfer will name it */
        }
        if (ready < 0 && errno != EINTR) {
            return iotsign_fault_set(fault, IOTSIGN_ERROR_IO, "WaitFailed", file->position, errno, "cannot wait for a pipe");
        }
    }
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static bool is_transient(int error)
{
    return error == EINTR || error == EAGAIN || error == EWOULDBLOCK;
}

iotsign_status_t iotsign_file_read(
    iotsign_file_t *file, iotsign_ring_t *ring, void *data, size_t length, bool some, size_t *got,
    iotsign_fault_t *fault)
{
    uint8_t *bytes = data;

    *got = 0;
    while (*got < length && !(some && *got != 0)) {
        iotsign_status_t status = await(file, ring, POLLIN, fault);
        if (status != IOTSIGN_OK) {
            return status;
        }
        size_t wanted = smaller(length - *got, TRANSFER_SIZE);
        ssize_t count = file->positioned ? pread(file->descriptor, bytes + *got, wanted, (off_t)file->position)
                                         : read(file->descriptor, bytes + *got, wanted);
        if (count == 0) {
            break;
        }
        if (count < 0) {
            if (is_transient(errno)) {
                continue;
            }
            return iotsign_fault_set(fault, IOTSIGN_ERROR_IO, "ReadFailed", file->position, errno, "cannot read");
        }
        *got += (size_t)count;
        file->position += (uint64_t)count;
    }
    return IOTSIGN_OK;
}

iotsign_status_t iotsign_file_check_size(const iotsign_file_t *file, iotsign_fault_t *fault)
{
    uint64_t expected = file->size > file->start ? file->size : file->start;

    if (file->size == 0 || file->position == expected) {
        return IOTSIGN_OK; /* size 0: empty, or a pseudo file that does not tell */
    }
    return iotsign_fault_set(
        fault, IOTSIGN_ERROR_IO, "FileChanged", file->position, 0,
        "file changed while it was read: expected %llu bytes, got %llu", (unsigned long long)expected,
        (unsigned long long)file->position);
}

iotsign_status_t iotsign_file_write(
    iotsign_file_t *file, iotsign_ring_t *ring, const void *data, size_t length, iotsign_fault_t *fault)
{
    const uint8_t *bytes = data;

    while (length != 0) {
        iotsign_status_t status = await(file, ring, POLLOUT, fault);
        if (status != IOTSIGN_OK) {
            return status;
        }
        size_t wanted = smaller(length, file->regular ? TRANSFER_SIZE : PIPE_WRITE_SIZE);
        ssize_t count = file->positioned ? pwrite(file->descriptor, bytes, wanted, (off_t)file->position)
                                         : write(file->descriptor, bytes, wanted);
        if (count < 0) {
            if (is_transient(errno)) {
                continue;
            }
            return iotsign_fault_set(fault, IOTSIGN_ERROR_IO, "WriteFailed", file->position, errno, "cannot write");
        }
        bytes += count;
        length -= (size_t)count;
        file->position += (uint64_t)count;
    }
    return IOTSIGN_OK;
}
