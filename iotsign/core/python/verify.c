/* verify and verify_digest: the device's verification, on the host.
 * SPDX-License-Identifier: Apache-2.0 */
#include "binding.h"

#include "../host/verify.h"

/* Finds what a SignatureAlgorithm is called in the core; NULL with an exception set. */
static const iotsign_signature_algorithm_t *find_algorithm(PyObject *module, PyObject *algorithm)
{
    iotsign_binding_t *state = PyModule_GetState(module);
    const iotsign_signature_algorithm_t *found = NULL;
    iotsign_fault_t fault;

    int fits = PyObject_IsInstance(algorithm, state->classes[IOTSIGN_BINDING_SIGNATURE_ALGORITHM]);
    if (fits < 0) {
        return NULL;
    }
    if (fits == 0) {
        PyErr_Format(PyExc_TypeError, "expected a SignatureAlgorithm, got %R", algorithm);
        return NULL;
    }
    PyObject *name = PyObject_GetAttrString(algorithm, "name");
    const char *text = name == NULL ? NULL : PyUnicode_AsUTF8AndSize(name, NULL);
    if (text != NULL) {
        found = iotsign_signature_algorithm_find(text);
        if (found == NULL) {
            (void)iotsign_fault_set(
                &fault, IOTSIGN_ERROR_UNSUPPORTED, "UnknownSignatureAlgorithm", 0, 0,
                "expected an algorithm that the core verifies, got %.60s", text);
            (void)iotsign_binding_raise(module, IOTSIGN_ERROR_UNSUPPORTED, &fault);
        }
    }
    Py_XDECREF(name);
    return found;
}

static iotsign_bytes_t bytes_of(const Py_buffer *buffer)
{
    return (iotsign_bytes_t){.data = buffer->buf, .length = (size_t)buffer->len};
}

static PyObject *judge(
    PyObject *module, const iotsign_signature_algorithm_t *algorithm, const Py_buffer *public_key,
    iotsign_bytes_t digest_or_message, const Py_buffer *signature)
{
    iotsign_status_t status = IOTSIGN_ERROR_SIGNATURE;
    iotsign_fault_t fault;

    Py_BEGIN_ALLOW_THREADS
    status = iotsign_signature_verify(algorithm, bytes_of(public_key), digest_or_message, bytes_of(signature), &fault);
    Py_END_ALLOW_THREADS
    if (status != IOTSIGN_OK) {
        return iotsign_binding_raise(module, status, &fault);
    }
    Py_RETURN_NONE;
}

static void release(Py_buffer buffers[3])
{
    for (size_t i = 0; i < 3; i++) {
        PyBuffer_Release(&buffers[i]);
    }
}

PyObject *iotsign_binding_verify(PyObject *module, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"algorithm", "public_key_spki_der", "message", "signature", NULL};
    PyObject *object = NULL, *verdict = NULL;
    Py_buffer buffers[3] = {{0}};
    uint8_t digest[IOTSIGN_HASH_MAX_SIZE];

    if (!PyArg_ParseTupleAndKeywords(
            arguments, keywords, "Oy*y*y*:verify", names, &object, &buffers[0], &buffers[1], &buffers[2])) {
        return NULL;
    }
    const iotsign_signature_algorithm_t *algorithm = find_algorithm(module, object);
    if (algorithm != NULL) {
        const iotsign_hash_class_t *hash = iotsign_signature_algorithm_hash(algorithm);
        if (hash == NULL) {
            verdict = judge(module, algorithm, &buffers[0], bytes_of(&buffers[1]), &buffers[2]);
        } else if (iotsign_binding_hash(hash, &buffers[1], digest) == 0) {
            iotsign_bytes_t hashed = {.data = digest, .length = hash->digest_size};
            verdict = judge(module, algorithm, &buffers[0], hashed, &buffers[2]);
        }
    }
    release(buffers);
    return verdict;
}

PyObject *iotsign_binding_verify_digest(PyObject *module, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"algorithm", "public_key_spki_der", "digest", "signature", NULL};
    PyObject *object = NULL, *verdict = NULL;
    Py_buffer buffers[3] = {{0}};
    iotsign_fault_t fault;

    if (!PyArg_ParseTupleAndKeywords(
            arguments, keywords, "Oy*y*y*:verify_digest", names, &object, &buffers[0], &buffers[1], &buffers[2])) {
        return NULL;
    }
    const iotsign_signature_algorithm_t *algorithm = find_algorithm(module, object);
    if (algorithm != NULL && iotsign_signature_algorithm_hash(algorithm) == NULL) {
        (void)iotsign_fault_set(
            &fault, IOTSIGN_ERROR_UNSUPPORTED, "NoDigestToVerify", 0, 0,
            "expected an algorithm that signs digests, got one that signs whole messages");
        (void)iotsign_binding_raise(module, IOTSIGN_ERROR_UNSUPPORTED, &fault);
    } else if (algorithm != NULL) {
        verdict = judge(module, algorithm, &buffers[0], bytes_of(&buffers[1]), &buffers[2]);
    }
    release(buffers);
    return verdict;
}
