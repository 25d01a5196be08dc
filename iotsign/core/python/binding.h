/* What the files of the Python extension share. The binding converts arguments and results, and releases the GIL; all that
 * it does is done by the core.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_BINDING_H
#define IOTSIGN_BINDING_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "iotsign/hash.h"

#include "../host/ring.h"

enum {
    IOTSIGN_BINDING_MALFORMED_IMAGE_ERROR,
    IOTSIGN_BINDING_STORE_ERROR,
    IOTSIGN_BINDING_SIGNATURE_MISMATCH_ERROR,
    IOTSIGN_BINDING_KEY_REJECTED_ERROR,
    IOTSIGN_BINDING_UNSUPPORTED_ALGORITHM_ERROR,
    IOTSIGN_BINDING_SIGNATURE_ALGORITHM,
    IOTSIGN_BINDING_HASHER,
    IOTSIGN_BINDING_ED25519_VERIFIER,
    IOTSIGN_BINDING_CLASS_COUNT
};

/* The state of the module: the classes that it needs. */
typedef struct {
    PyObject *classes[IOTSIGN_BINDING_CLASS_COUNT];
} iotsign_binding_t;

/* Sets the exception that a failed status of a host function stands for, and returns NULL. */
PyObject *iotsign_binding_raise(PyObject *module, iotsign_status_t status, const iotsign_fault_t *fault);

/* For "O&": a HashAlgorithm to its const iotsign_hash_class_t *. */
int iotsign_binding_convert_hash(PyObject *algorithm, void *result);

/* Hashes a buffer, handling signals now and then; -1 with an exception set if a signal handler raised one. */
int iotsign_binding_hash(const iotsign_hash_class_t *hash, const Py_buffer *data, uint8_t *digest);

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
extern PyType_Spec iotsign_binding_ed25519_verifier_spec;

PyObject *iotsign_binding_digest(PyObject *module, PyObject *arguments, PyObject *keywords);
PyObject *iotsign_binding_xor_bytes(PyObject *module, PyObject *data);
PyObject *iotsign_binding_base64_encode(PyObject *module, PyObject *data);
PyObject *iotsign_binding_base64_decode(PyObject *module, PyObject *data);
PyObject *iotsign_binding_hash_file(PyObject *module, PyObject *arguments, PyObject *keywords);
PyObject *iotsign_binding_encode_payload(PyObject *module, PyObject *arguments, PyObject *keywords);
PyObject *iotsign_binding_shift_file(PyObject *module, PyObject *arguments);
PyObject *iotsign_binding_read_json_embedded(PyObject *module, PyObject *arguments, PyObject *keywords);
PyObject *iotsign_binding_sha256_many(PyObject *module, PyObject *arguments, PyObject *keywords);
PyObject *iotsign_binding_hash_payloads(PyObject *module, PyObject *files);
PyObject *iotsign_binding_verify(PyObject *module, PyObject *arguments, PyObject *keywords);
PyObject *iotsign_binding_verify_digest(PyObject *module, PyObject *arguments, PyObject *keywords);

#endif
