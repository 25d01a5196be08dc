/* sha256_many and hash_payloads: many buffers, many signed objects at once.
 * SPDX-License-Identifier: Apache-2.0 */
#include "binding.h"

#include "../host/payloads.h"
#include "../host/sha256_many.h"

/* Buffers that are held, and the work on them. */
typedef struct {
    Py_buffer *buffers;
    iotsign_sha256_job_t *jobs;
    Py_ssize_t held;
} many_t;

static int hold(many_t *many, PyObject *list, Py_ssize_t count)
{
    many->buffers = PyMem_Calloc((size_t)count + 1, sizeof *many->buffers);
    many->jobs = PyMem_Calloc((size_t)count + 1, sizeof *many->jobs);
    if (many->buffers == NULL || many->jobs == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (; many->held < count; many->held++) {
        Py_buffer *buffer = &many->buffers[many->held];
        if (PyObject_GetBuffer(PyList_GetItem(list, many->held), buffer, PyBUF_SIMPLE) != 0) {
            return -1;
        }
        many->jobs[many->held].data = buffer->buf;
        many->jobs[many->held].length = (size_t)buffer->len;
    }
    return 0;
}

static void let_go(many_t *many)
{
    while (many->held > 0) {
        PyBuffer_Release(&many->buffers[--many->held]);
    }
    PyMem_Free(many->buffers);
    PyMem_Free(many->jobs);
}

static PyObject *digests_of(const many_t *many)
{
    PyObject *digests = PyList_New(many->held);

    for (Py_ssize_t i = 0; digests != NULL && i < many->held; i++) {
        PyObject *digest = PyBytes_FromStringAndSize((const char *)many->jobs[i].digest, IOTSIGN_SHA256_SIZE);
        if (digest == NULL || PyList_SetItem(digests, i, digest) != 0) {
            Py_CLEAR(digests);
        }
    }
    return digests;
}

/* For "O&": None to 0, or a number of threads. */
static int convert_threads(PyObject *object, void *result)
{
    unsigned *threads = result;
    unsigned long value = object == Py_None ? 0 : PyLong_AsUnsignedLong(object);

    if (PyErr_Occurred()) {
        return 0;
    }
    if (object != Py_None && (value == 0 || value > UINT_MAX)) {
        PyErr_Format(PyExc_ValueError, "expected at least one thread, got %lu", value);
        return 0;
    }
    *threads = (unsigned)value;
    return 1;
}

static PyObject *hash_all(PyObject *module, many_t *many, unsigned threads)
{
    iotsign_binding_progress_t progress = {0};
    iotsign_fault_t fault = {0};

    iotsign_progress_t reporter = iotsign_binding_begin(&progress);
    iotsign_status_t status = iotsign_sha256_many(many->jobs, (size_t)many->held, threads, &reporter);
    status = iotsign_binding_end(&progress, status, 0);
    if (status == IOTSIGN_OK) {
        return digests_of(many);
    }
    return status == IOTSIGN_ERROR_IO ? PyErr_NoMemory() : iotsign_binding_raise(module, status, &fault);
}

PyObject *iotsign_binding_sha256_many(PyObject *module, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"buffers", "threads", NULL};
    PyObject *buffers = NULL, *digests = NULL;
    unsigned threads = 0;
    many_t many = {0};

    if (!PyArg_ParseTupleAndKeywords(
            arguments, keywords, "O|$O&:sha256_many", names, &buffers, convert_threads, &threads)) {
        return NULL;
    }
    PyObject *list = PySequence_List(buffers);
    if (list == NULL) {
        return NULL;
    }
    if (hold(&many, list, PyList_Size(list)) == 0) {
        digests = hash_all(module, &many, threads);
    }
    let_go(&many);
    Py_DECREF(list);
    return digests;
}

/* A tuple (fd, offset, size) to a job; 0 with an exception set if it is none. */
static int convert_job(PyObject *object, iotsign_payload_job_t *job)
{
    long long offset = -1, size = -1;

    if (!PyTuple_Check(object)) {
        PyErr_Format(PyExc_TypeError, "expected a tuple (fd, offset, size), got %R", object);
        return 0;
    }
    if (!PyArg_ParseTuple(object, "iLL", &job->descriptor, &offset, &size)) {
        return 0;
    }
    if (offset < 0 || size < 0) {
        PyErr_Format(PyExc_ValueError, "expected an offset and a size of 0 or more, got %lld and %lld", offset, size);
        return 0;
    }
    job->offset = (uint64_t)offset;
    job->size = (uint64_t)size;
    return 1;
}

static PyObject *payloads_of(const iotsign_payload_job_t *jobs, Py_ssize_t count)
{
    PyObject *found = PyList_New(count);

    for (Py_ssize_t i = 0; found != NULL && i < count; i++) {
        PyObject *payload = Py_None;
        if (jobs[i].whole) {
            payload = Py_BuildValue(
                "(ny#)", (Py_ssize_t)jobs[i].length, (const char *)jobs[i].digest, (Py_ssize_t)IOTSIGN_SHA256_SIZE);
        } else {
            Py_INCREF(payload);
        }
        if (payload == NULL || PyList_SetItem(found, i, payload) != 0) {
            Py_CLEAR(found);
        }
    }
    return found;
}

static PyObject *hash_payloads(PyObject *module, PyObject *list, iotsign_payload_job_t *jobs)
{
    const Py_ssize_t count = PyList_Size(list);
    iotsign_binding_progress_t progress = {0};
    iotsign_fault_t fault = {0};

    for (Py_ssize_t i = 0; i < count; i++) {
        if (!convert_job(PyList_GetItem(list, i), &jobs[i])) {
            return NULL;
        }
    }
    iotsign_progress_t reporter = iotsign_binding_begin(&progress);
    iotsign_status_t status = iotsign_payloads_hash(jobs, (size_t)count, &reporter);
    status = iotsign_binding_end(&progress, status, 0);
    if (status == IOTSIGN_OK) {
        return payloads_of(jobs, count);
    }
    return status == IOTSIGN_ERROR_IO ? PyErr_NoMemory() : iotsign_binding_raise(module, status, &fault);
}

PyObject *iotsign_binding_hash_payloads(PyObject *module, PyObject *files)
{
    PyObject *found = NULL;

    PyObject *list = PySequence_List(files);
    if (list == NULL) {
        return NULL;
    }
    iotsign_payload_job_t *jobs = PyMem_Calloc((size_t)PyList_Size(list) + 1, sizeof *jobs);
    if (jobs == NULL) {
        PyErr_NoMemory();
    } else {
        found = hash_payloads(module, list, jobs);
    }
    PyMem_Free(jobs);
    Py_DECREF(list);
    return found;
}
