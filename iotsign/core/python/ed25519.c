/* Ed25519Verifier: a signature over a message that comes in parts.
 * SPDX-License-Identifier: Apache-2.0 */
#include "binding.h"

#include <pthread.h>

#include "../host/verify.h"

typedef struct {
    PyObject_HEAD
    iotsign_ed25519_t context;
    pthread_mutex_t mutex; /* taken without the GIL only: guards context */
} verifier_t;

static PyObject *verifier_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"public_key_spki_der", "signature", NULL};
    Py_buffer key, signature;
    iotsign_ed25519_t context;
    iotsign_fault_t fault;

    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "y*y*:Ed25519Verifier", names, &key, &signature)) {
        return NULL;
    }
    iotsign_status_t status = iotsign_ed25519_begin(
        &context, (iotsign_bytes_t){.data = key.buf, .length = (size_t)key.len},
        (iotsign_bytes_t){.data = signature.buf, .length = (size_t)signature.len}, &fault);
    PyBuffer_Release(&key);
    PyBuffer_Release(&signature);
    if (status != IOTSIGN_OK) {
        return iotsign_binding_raise(PyType_GetModule(type), status, &fault);
    }
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    verifier_t *verifier = (verifier_t *)allocate(type, 0);
    if (verifier != NULL) {
        verifier->context = context;
        (void)pthread_mutex_init(&verifier->mutex, NULL);
    }
    return (PyObject *)verifier;
}

static void verifier_deallocate(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    (void)pthread_mutex_destroy(&((verifier_t *)self)->mutex);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

static PyObject *verifier_update(PyObject *self, PyObject *argument)
{
    verifier_t *verifier = (verifier_t *)self;
    Py_buffer data;

    if (PyObject_GetBuffer(argument, &data, PyBUF_SIMPLE) != 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    (void)pthread_mutex_lock(&verifier->mutex);
    iotsign_ed25519_update(&verifier->context, data.buf, (size_t)data.len);
    (void)pthread_mutex_unlock(&verifier->mutex);
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&data);
    Py_RETURN_NONE;
}

static PyObject *verifier_check(PyObject *self, PyObject *ignored)
{
    verifier_t *verifier = (verifier_t *)self;
    iotsign_status_t status = IOTSIGN_ERROR_SIGNATURE;
    iotsign_ed25519_t copy;
    iotsign_fault_t fault;

    (void)ignored;
    Py_BEGIN_ALLOW_THREADS
    (void)pthread_mutex_lock(&verifier->mutex);
    copy = verifier->context;
    (void)pthread_mutex_unlock(&verifier->mutex);
    status = iotsign_ed25519_end(&copy, &fault);
    Py_END_ALLOW_THREADS
    if (status != IOTSIGN_OK) {
        return iotsign_binding_raise(PyType_GetModule(Py_TYPE(self)), status, &fault);
    }
    Py_RETURN_NONE;
}

static PyMethodDef verifier_methods[] = {
    {"update", verifier_update, METH_O, "update(data)\n--\n\nThe next part of the message."},
    {"check", verifier_check, METH_NOARGS, "check()\n--\n\nThe verdict on all parts so far; more may follow."},
    {NULL, NULL, 0, NULL}};

static PyType_Slot verifier_slots[] = {
    {Py_tp_doc,
     "Ed25519Verifier(public_key_spki_der, signature)\n--\n\nVerify a signature over a message that comes in parts."},
    {Py_tp_new, (void *)verifier_new},
    {Py_tp_dealloc, (void *)verifier_deallocate},
    {Py_tp_methods, verifier_methods},
    {0, NULL}};

PyType_Spec iotsign_binding_ed25519_verifier_spec = {
    .name = "iotsign.core._core.Ed25519Verifier",
    .basicsize = sizeof(verifier_t),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = verifier_slots,
};
