/* sha256_many: many buffers at once.
 * SPDX-License-Identifier: Apache-2.0 */
#include "binding.h"

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
