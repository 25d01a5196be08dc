/* What the files of the Python extension share. The binding converts arguments and results, and releases the GIL; all that
 * it does is done by the core.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_BINDING_H
#define IOTSIGN_BINDING_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "iotsign/hash.h"

#include "../host/ring.h"

typedef struct {
    PyObject *malformed_image_error, *store_error; /* classes of iotsign.errors */
    PyObject *hasher_type;
} iotsign_binding_t;

/* Sets the exception that a failed status of a host function stands for, and returns NULL. */
PyObject *iotsign_binding_raise(PyObject *module, iotsign_status_t status, const iotsign_fault_t *fault);

/* For "O&": a HashAlgorithm to its const iotsign_hash_class_t *. */
int iotsign_binding_convert_hash(PyObject *algorithm, void *result);

/* The class of the hash that AWS names so, or NULL. */
const iotsign_hash_class_t *iotsign_binding_find_hash(const char *name);

/* What iotsign_progress_t.report needs to run Python code: signal handlers and the caller's progress function. */
typedef struct {
    PyObject *callable; /* or None */
    PyThreadState *thread;
    unsigned ticks;
} iotsign_binding_progress_t;

/* Releases the GIL; everything until iotsign_binding_end runs without it. */
iotsign_progress_t iotsign_binding_begin(iotsign_binding_progress_t *progress);

/* Takes the GIL again and, if status is IOTSIGN_OK, reports done a last time. Returns status, or
 * IOTSIGN_ERROR_INTERRUPTED with an exception set. */
iotsign_status_t iotsign_binding_end(iotsign_binding_progress_t *progress, iotsign_status_t status, uint64_t done);

extern PyType_Spec iotsign_binding_hasher_spec;

PyObject *iotsign_binding_digest(PyObject *module, PyObject *arguments, PyObject *keywords);
PyObject *iotsign_binding_base64_encode(PyObject *module, PyObject *data);
PyObject *iotsign_binding_base64_decode(PyObject *module, PyObject *data);
PyObject *iotsign_binding_hash_file(PyObject *module, PyObject *arguments, PyObject *keywords);
PyObject *iotsign_binding_encode_payload(PyObject *module, PyObject *arguments, PyObject *keywords);
PyObject *iotsign_binding_shift_file(PyObject *module, PyObject *arguments);
PyObject *iotsign_binding_read_json_embedded(PyObject *module, PyObject *arguments, PyObject *keywords);

#endif
