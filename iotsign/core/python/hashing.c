/* digest, Hasher, base64 and a checksum: bytes that are in memory.
 * SPDX-License-Identifier: Apache-2.0 */
#include "binding.h"

#include <pthread.h>
#include <string.h>

#include "iotsign/base64.h"

/* Hashed without looking for signals: some 50 ms without SIMD. */
#define PIECE_SIZE ((size_t)8 * 1024 * 1024)

static const struct {
    const char *name;
    const iotsign_hash_class_t *hash;
} hashes[] = {
    {"SHA1", &iotsign_sha1_class},
    {"SHA256", &iotsign_sha256_class},
    {"SHA384", &iotsign_sha384_class},
    {"SHA512", &iotsign_sha512_class},
};

static const iotsign_hash_class_t *find_hash(const char *name)
{
    for (size_t i = 0; i < sizeof hashes / sizeof hashes[0]; i++) {
        if (strcmp(hashes[i].name, name) == 0) {
            return hashes[i].hash;
        }
    }
    return NULL;
}

int iotsign_binding_convert_hash(PyObject *algorithm, void *result)
{
    const iotsign_hash_class_t *hash = NULL;

    PyObject *value = PyObject_GetAttrString(algorithm, "value");
    const char *name = value != NULL && PyUnicode_Check(value) ? PyUnicode_AsUTF8AndSize(value, NULL) : NULL;
    if (name != NULL) {
        hash = find_hash(name);
    }
    Py_XDECREF(value);
    if (hash == NULL) {
        PyErr_Format(PyExc_TypeError, "expected a HashAlgorithm, got %R", algorithm);
        return 0;
    }
    *(const iotsign_hash_class_t **)result = hash;
    return 1;
}

int iotsign_binding_hash(const iotsign_hash_class_t *hash, const Py_buffer *data, uint8_t *digest)
{
    iotsign_hash_context_t context;
    const uint8_t *bytes = data->buf;
    size_t left = (size_t)data->len;

    hash->init(&context);
    while (left != 0) {
        size_t length = left < PIECE_SIZE ? left : PIECE_SIZE;
        Py_BEGIN_ALLOW_THREADS
        hash->update(&context, bytes, length);
        Py_END_ALLOW_THREADS
        if (PyErr_CheckSignals() != 0) {
            return -1;
        }
        bytes += length;
        left -= length;
    }
    hash->finish(&context, digest);
    return 0;
}

PyObject *iotsign_binding_digest(PyObject *module, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"algorithm", "data", NULL};
    const iotsign_hash_class_t *hash = NULL;
    Py_buffer data;
    uint8_t digest[IOTSIGN_HASH_MAX_SIZE];

    (void)module;
    if (!PyArg_ParseTupleAndKeywords(
            arguments, keywords, "O&y*:digest", names, iotsign_binding_convert_hash, &hash, &data)) {
        return NULL;
    }
    int result = iotsign_binding_hash(hash, &data, digest);
    PyBuffer_Release(&data);
    return result != 0 ? NULL : PyBytes_FromStringAndSize((const char *)digest, (Py_ssize_t)hash->digest_size);
}

typedef struct {
    PyObject_HEAD
    const iotsign_hash_class_t *hash;
    iotsign_hash_context_t context;
    pthread_mutex_t mutex; /* taken without the GIL only: guards context */
} hasher_t;

static PyObject *hasher_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"algorithm", NULL};
    const iotsign_hash_class_t *hash = NULL;

    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O&:Hasher", names, iotsign_binding_convert_hash, &hash)) {
        return NULL;
    }
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    hasher_t *hasher = (hasher_t *)allocate(type, 0);
    if (hasher != NULL) {
        hasher->hash = hash;
        hash->init(&hasher->context);
        (void)pthread_mutex_init(&hasher->mutex, NULL);
    }
    return (PyObject *)hasher;
}

static void hasher_deallocate(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    (void)pthread_mutex_destroy(&((hasher_t *)self)->mutex);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

static PyObject *hasher_update(PyObject *self, PyObject *argument)
{
    hasher_t *hasher = (hasher_t *)self;
    Py_buffer data;

    if (PyObject_GetBuffer(argument, &data, PyBUF_SIMPLE) != 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    (void)pthread_mutex_lock(&hasher->mutex);
    hasher->hash->update(&hasher->context, data.buf, (size_t)data.len);
    (void)pthread_mutex_unlock(&hasher->mutex);
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&data);
    Py_RETURN_NONE;
}

static PyObject *hasher_digest(PyObject *self, PyObject *ignored)
{
    hasher_t *hasher = (hasher_t *)self;
    iotsign_hash_context_t copy;
    uint8_t digest[IOTSIGN_HASH_MAX_SIZE];

    (void)ignored;
    Py_BEGIN_ALLOW_THREADS
    (void)pthread_mutex_lock(&hasher->mutex);
    copy = hasher->context;
    (void)pthread_mutex_unlock(&hasher->mutex);
    hasher->hash->finish(&copy, digest);
    Py_END_ALLOW_THREADS
    return PyBytes_FromStringAndSize((const char *)digest, (Py_ssize_t)hasher->hash->digest_size);
}

static PyMethodDef hasher_methods[] = {
    {"update", hasher_update, METH_O, "update(data)\n--\n\nHash more bytes."},
    {"digest", hasher_digest, METH_NOARGS, "digest()\n--\n\nThe digest of all bytes so far; more may follow."},
    {NULL, NULL, 0, NULL}};

static PyType_Slot hasher_slots[] = {
    {Py_tp_doc, "Hasher(algorithm)\n--\n\nHash bytes that come in parts."},
    {Py_tp_new, (void *)hasher_new},
    {Py_tp_dealloc, (void *)hasher_deallocate},
    {Py_tp_methods, hasher_methods},
    {0, NULL}};

PyType_Spec iotsign_binding_hasher_spec = {
    .name = "iotsign.core._core.Hasher",
    .basicsize = sizeof(hasher_t),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = hasher_slots,
};

/* Eight bytes at a time, unaligned, in two independent lanes, which the compiler widens; then the rest. */
static uint8_t xor_all(const uint8_t *bytes, size_t size)
{
    uint64_t lanes[2] = {0, 0}, words[2];
    uint8_t rest = 0;

    for (; size >= sizeof words; bytes += sizeof words, size -= sizeof words) {
        memcpy(words, bytes, sizeof words);
        lanes[0] ^= words[0];
        lanes[1] ^= words[1];
    }
    for (; size != 0; bytes++, size--) {
        rest ^= *bytes;
    }
    uint64_t folded = lanes[0] ^ lanes[1];
    folded ^= folded >> 32;
    folded ^= folded >> 16;
    return (uint8_t)(folded ^ folded >> 8 ^ rest);
}

PyObject *iotsign_binding_xor_bytes(PyObject *module, PyObject *argument)
{
    Py_buffer data;
    uint8_t result = 0;

    (void)module;
    if (PyObject_GetBuffer(argument, &data, PyBUF_SIMPLE) != 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    result = xor_all(data.buf, (size_t)data.len);
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&data);
    return PyLong_FromLong(result);
}

PyObject *iotsign_binding_base64_encode(PyObject *module, PyObject *argument)
{
    Py_buffer data;
    size_t written = 0;
    PyObject *text = NULL;

    (void)module;
    if (PyObject_GetBuffer(argument, &data, PyBUF_SIMPLE) != 0) {
        return NULL;
    }
    if ((size_t)data.len > (size_t)PY_SSIZE_T_MAX / 4 * 3 - 2) {
        PyErr_NoMemory();
    } else {
        size_t size = IOTSIGN_BASE64_ENCODED_SIZE((size_t)data.len);
        text = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
        char *characters = text != NULL ? PyBytes_AsString(text) : NULL;
        if (characters != NULL) {
            Py_BEGIN_ALLOW_THREADS
            (void)iotsign_base64_encode(data.buf, (size_t)data.len, characters, size, &written);
            Py_END_ALLOW_THREADS
        }
    }
    PyBuffer_Release(&data);
    return text;
}

PyObject *iotsign_binding_base64_decode(PyObject *module, PyObject *argument)
{
    Py_buffer text;
    size_t written = 0;
    iotsign_status_t status = IOTSIGN_ERROR_ARGUMENT;
    iotsign_fault_t fault;

    if (PyObject_GetBuffer(argument, &text, PyBUF_SIMPLE) != 0) {
        return NULL;
    }
    size_t capacity = IOTSIGN_BASE64_DECODED_MAX((size_t)text.len);
    PyObject *data = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)capacity);
    char *bytes = data != NULL ? PyBytes_AsString(data) : NULL;
    if (bytes != NULL) {
        Py_BEGIN_ALLOW_THREADS
        status = iotsign_base64_decode(text.buf, (size_t)text.len, bytes, capacity, &written);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&text);
    if (bytes == NULL) {
        return NULL;
    }
    if (status != IOTSIGN_OK) {
        Py_DECREF(data);
        (void)iotsign_fault_set(
            &fault, status, "NotCanonicalBase64", written, 0,
            "expected canonical base64, got something else at offset %zu", written);
        return iotsign_binding_raise(module, status, &fault);
    }
    if (written != capacity) {
        PyObject *shorter = PyBytes_FromStringAndSize(bytes, (Py_ssize_t)written);
        Py_DECREF(data);
        return shorter;
    }
    return data;
}
