/* hash_file, encode_payload, shift_file and read_json_embedded: the one-pass file pipelines.
 * SPDX-License-Identifier: Apache-2.0 */
#include "binding.h"

#include "../host/embedded.h"
#include "../host/pipeline.h"

/* The caller's progress function is called on each second tick, some ten times a second. */
#define TICKS_PER_CALL 2u

static int call_progress(const iotsign_binding_progress_t *progress, uint64_t done)
{
    if (progress->callable == NULL || progress->callable == Py_None) {
        return 0;
    }
    PyObject *result = PyObject_CallFunction(progress->callable, "K", (unsigned long long)done);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

static int report(void *context, uint64_t done)
{
    iotsign_binding_progress_t *progress = context;

    PyEval_RestoreThread(progress->thread);
    int result = PyErr_CheckSignals();
    if (result == 0 && ++progress->ticks % TICKS_PER_CALL == 0) {
        result = call_progress(progress, done);
    }
    progress->thread = PyEval_SaveThread();
    return result;
}

iotsign_progress_t iotsign_binding_begin(iotsign_binding_progress_t *progress)
{
    progress->thread = PyEval_SaveThread();
    return (iotsign_progress_t){.report = report, .context = progress};
}

iotsign_status_t iotsign_binding_end(iotsign_binding_progress_t *progress, iotsign_status_t status, uint64_t done)
{
    PyEval_RestoreThread(progress->thread);
    if (status == IOTSIGN_OK && call_progress(progress, done) != 0) {
        return IOTSIGN_ERROR_INTERRUPTED;
    }
    return status;
}

static PyObject *hashed(const iotsign_hashed_t *result, const iotsign_hash_class_t *hash)
{
    return Py_BuildValue(
        "(y#K)", (const char *)result->digest, (Py_ssize_t)hash->digest_size, (unsigned long long)result->size);
}

/* For "O&": None, or an integer that is not negative. */
typedef struct {
    uint64_t value;
    int given;
} optional_t;

static int convert_size(PyObject *object, void *result)
{
    uint64_t *value = result;

    *value = PyLong_AsUnsignedLongLong(object);
    if (PyErr_Occurred()) {
        return 0;
    }
    if (*value > INT64_MAX) {
        PyErr_SetString(PyExc_OverflowError, "expected a number below 2^63");
        return 0;
    }
    return 1;
}

static int convert_optional(PyObject *object, void *result)
{
    optional_t *optional = result;

    optional->given = object != Py_None;
    return !optional->given || convert_size(object, &optional->value);
}

/* For "O&": None to -1, or a descriptor. */
static int convert_descriptor(PyObject *object, void *result)
{
    int *descriptor = result;
    long value = object == Py_None ? -1 : PyLong_AsLong(object);

    if (PyErr_Occurred()) {
        return 0;
    }
    if (object != Py_None && (value < 0 || value > INT_MAX)) {
        PyErr_Format(PyExc_ValueError, "expected a file descriptor, got %ld", value);
        return 0;
    }
    *descriptor = (int)value;
    return 1;
}

PyObject *iotsign_binding_hash_file(PyObject *module, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"fd", "algorithm", "offset", "length", "progress", NULL};
    int descriptor = -1;
    const iotsign_hash_class_t *hash = NULL;
    optional_t offset = {0}, length = {0};
    iotsign_binding_progress_t progress = {0};
    iotsign_file_t file;
    iotsign_hashed_t result;
    iotsign_fault_t fault = {0};

    if (!PyArg_ParseTupleAndKeywords(
            arguments, keywords, "iO&|$O&O&O:hash_file", names, &descriptor, iotsign_binding_convert_hash, &hash,
            convert_optional, &offset, convert_optional, &length, &progress.callable)) {
        return NULL;
    }
    iotsign_progress_t reporter = iotsign_binding_begin(&progress);
    iotsign_status_t status = offset.given ? iotsign_file_open_at(&file, descriptor, offset.value, &fault)
                                           : iotsign_file_open(&file, descriptor, &fault);
    if (status == IOTSIGN_OK) {
        status = iotsign_pipeline_hash(&file, length.given ? &length.value : NULL, hash, &reporter, &result, &fault);
    }
    status = iotsign_binding_end(&progress, status, status == IOTSIGN_OK ? result.size : 0);
    return status == IOTSIGN_OK ? hashed(&result, hash) : iotsign_binding_raise(module, status, &fault);
}

PyObject *iotsign_binding_encode_payload(PyObject *module, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"fd_in", "fd_out", "out_offset", "algorithm", "progress", NULL};
    int source = -1, target = -1;
    uint64_t offset = 0;
    const iotsign_hash_class_t *hash = NULL;
    iotsign_binding_progress_t progress = {0};
    iotsign_file_t input, output;
    iotsign_hashed_t result;
    iotsign_fault_t fault = {0};

    if (!PyArg_ParseTupleAndKeywords(
            arguments, keywords, "iiO&O&|$O:encode_payload", names, &source, &target, convert_size, &offset,
            iotsign_binding_convert_hash, &hash, &progress.callable)) {
        return NULL;
    }
    iotsign_progress_t reporter = iotsign_binding_begin(&progress);
    iotsign_status_t status = iotsign_file_open(&input, source, &fault);
    if (status == IOTSIGN_OK) {
        status = iotsign_file_open_at(&output, target, offset, &fault);
    }
    if (status == IOTSIGN_OK) {
        status = iotsign_pipeline_encode(&input, &output, hash, &reporter, &result, &fault);
    }
    status = iotsign_binding_end(&progress, status, status == IOTSIGN_OK ? result.size : 0);
    return status == IOTSIGN_OK ? hashed(&result, hash) : iotsign_binding_raise(module, status, &fault);
}

PyObject *iotsign_binding_shift_file(PyObject *module, PyObject *arguments)
{
    int descriptor = -1;
    uint64_t start = 0, end = 0;
    long long delta = 0;
    iotsign_binding_progress_t progress = {0};
    iotsign_fault_t fault = {0};

    if (!PyArg_ParseTuple(
            arguments, "iO&O&L:shift_file", &descriptor, convert_size, &start, convert_size, &end, &delta)) {
        return NULL;
    }
    if (start > end || (int64_t)start + delta < 0 || delta > INT64_MAX - (int64_t)end) {
        PyErr_Format(PyExc_ValueError, "expected a range that stays within a file, got %llu to %llu moved by %lld",
                     (unsigned long long)start, (unsigned long long)end, delta);
        return NULL;
    }
    iotsign_progress_t reporter = iotsign_binding_begin(&progress);
    iotsign_status_t status = iotsign_pipeline_shift(descriptor, start, end, delta, &reporter, &fault);
    status = iotsign_binding_end(&progress, status, 0);
    if (status != IOTSIGN_OK) {
        return iotsign_binding_raise(module, status, &fault);
    }
    Py_RETURN_NONE;
}

/* Asks the caller's function which hash belongs to a signature algorithm. */
typedef struct {
    PyObject *callable;
    iotsign_binding_progress_t *progress;
} chooser_t;

static const iotsign_hash_class_t *choose(void *context, const char *algorithm)
{
    chooser_t *chooser = context;
    const iotsign_hash_class_t *hash = NULL;

    PyEval_RestoreThread(chooser->progress->thread);
    PyObject *answer = PyObject_CallFunction(chooser->callable, "s", algorithm);
    if (answer != NULL) {
        (void)iotsign_binding_convert_hash(answer, &hash);
        Py_DECREF(answer);
    }
    chooser->progress->thread = PyEval_SaveThread();
    return hash;
}

PyObject *iotsign_binding_read_json_embedded(PyObject *module, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"fd", "hash_for", "fd_out", "progress", NULL};
    int source = -1, target = -1;
    iotsign_binding_progress_t progress = {0};
    chooser_t state = {.progress = &progress};
    iotsign_file_t input, output;
    iotsign_embedded_t result;
    iotsign_fault_t fault = {0};

    if (!PyArg_ParseTupleAndKeywords(
            arguments, keywords, "iO|$O&O:read_json_embedded", names, &source, &state.callable, convert_descriptor,
            &target, &progress.callable)) {
        return NULL;
    }
    iotsign_hash_chooser_t chooser = {.choose = choose, .context = &state};
    iotsign_progress_t reporter = iotsign_binding_begin(&progress);
    iotsign_status_t status = iotsign_file_open(&input, source, &fault);
    if (status == IOTSIGN_OK && target >= 0) {
        status = iotsign_file_open(&output, target, &fault);
    }
    if (status == IOTSIGN_OK) {
        status = iotsign_embedded_read(&input, target >= 0 ? &output : NULL, &chooser, &reporter, &result, &fault);
    }
    status = iotsign_binding_end(&progress, status, status == IOTSIGN_OK ? result.raw_payload_size : 0);
    if (status != IOTSIGN_OK) {
        return iotsign_binding_raise(module, status, &fault);
    }
    return Py_BuildValue(
        "(Ky#sKKy#)", (unsigned long long)result.raw_payload_size, (const char *)result.signature,
        (Py_ssize_t)result.signature_length, result.algorithm, (unsigned long long)result.payload_offset,
        (unsigned long long)result.payload_length, (const char *)result.digest, (Py_ssize_t)result.digest_length);
}
