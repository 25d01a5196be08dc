/* The module iotsign.core._core.
 * SPDX-License-Identifier: Apache-2.0 */
#include "binding.h"

static PyMethodDef functions[] = {
    {"digest", (PyCFunction)(void (*)(void))iotsign_binding_digest, METH_VARARGS | METH_KEYWORDS,
     "digest(algorithm, data)\n--\n\nHash bytes that are in memory."},
    {"xor_bytes", iotsign_binding_xor_bytes, METH_O, "xor_bytes(data)\n--\n\nExclusive or of all bytes."},
    {"base64_encode", iotsign_binding_base64_encode, METH_O,
     "base64_encode(data)\n--\n\nEncode as RFC 4648 section 4 says: the standard alphabet, padded."},
    {"base64_decode", iotsign_binding_base64_decode, METH_O,
     "base64_decode(data)\n--\n\nDecode canonical base64; anything else is a MalformedImageError."},
    {"hash_file", (PyCFunction)(void (*)(void))iotsign_binding_hash_file, METH_VARARGS | METH_KEYWORDS,
     "hash_file(fd, algorithm, *, offset=None, length=None, progress=None)\n--\n\n"
     "Hash a file or stream; returns the digest and the number of bytes."},
    {"encode_payload", (PyCFunction)(void (*)(void))iotsign_binding_encode_payload, METH_VARARGS | METH_KEYWORDS,
     "encode_payload(fd_in, fd_out, out_offset, algorithm, *, progress=None)\n--\n\n"
     "Hash a file or stream and write its base64; returns the digest and the number of bytes read."},
    {"shift_file", iotsign_binding_shift_file, METH_VARARGS,
     "shift_file(fd, start, end, delta, /)\n--\n\nMove a range of bytes within a file."},
    {"read_json_embedded", (PyCFunction)(void (*)(void))iotsign_binding_read_json_embedded,
     METH_VARARGS | METH_KEYWORDS,
     "read_json_embedded(fd, hash_for, *, fd_out=None, progress=None)\n--\n\n"
     "Read a JSONEmbedded object strictly; returns the fields of JsonEmbedded."},
    {"sha256_many", (PyCFunction)(void (*)(void))iotsign_binding_sha256_many, METH_VARARGS | METH_KEYWORDS,
     "sha256_many(buffers, *, threads=None)\n--\n\nHash many buffers at once with SHA-256."},
    {"hash_payloads", iotsign_binding_hash_payloads, METH_O,
     "hash_payloads(files, /)\n--\n\nDecode and hash the payloads of many small JSONEmbedded objects with SHA-256."},
    {"verify", (PyCFunction)(void (*)(void))iotsign_binding_verify, METH_VARARGS | METH_KEYWORDS,
     "verify(algorithm, public_key_spki_der, message, signature)\n--\n\nVerify a signature over a message."},
    {"verify_digest", (PyCFunction)(void (*)(void))iotsign_binding_verify_digest, METH_VARARGS | METH_KEYWORDS,
     "verify_digest(algorithm, public_key_spki_der, digest, signature)\n--\n\nVerify a signature over a digest."},
    {NULL, NULL, 0, NULL}};

static int execute(PyObject *module)
{
    iotsign_binding_t *state = PyModule_GetState(module);

    static const struct {
        const char *module, *name;
    } imported[] = {
        [IOTSIGN_BINDING_MALFORMED_IMAGE_ERROR] = {"iotsign.errors", "MalformedImageError"},
        [IOTSIGN_BINDING_STORE_ERROR] = {"iotsign.errors", "StoreError"},
        [IOTSIGN_BINDING_SIGNATURE_MISMATCH_ERROR] = {"iotsign.errors", "SignatureMismatchError"},
        [IOTSIGN_BINDING_KEY_REJECTED_ERROR] = {"iotsign.errors", "KeyRejectedError"},
        [IOTSIGN_BINDING_UNSUPPORTED_ALGORITHM_ERROR] = {"iotsign.errors", "UnsupportedAlgorithmError"},
        [IOTSIGN_BINDING_SIGNATURE_ALGORITHM] = {"iotsign.algorithms", "SignatureAlgorithm"},
    };

    for (size_t i = 0; i < sizeof imported / sizeof imported[0]; i++) {
        PyObject *from = PyImport_ImportModule(imported[i].module);
        state->classes[i] = from == NULL ? NULL : PyObject_GetAttrString(from, imported[i].name);
        Py_XDECREF(from);
        if (state->classes[i] == NULL) {
            return -1;
        }
    }

    static const struct {
        int place;
        PyType_Spec *spec;
    } types[] = {
        {IOTSIGN_BINDING_HASHER, &iotsign_binding_hasher_spec},
        {IOTSIGN_BINDING_ED25519_VERIFIER, &iotsign_binding_ed25519_verifier_spec},
    };

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        PyObject *type = PyType_FromModuleAndSpec(module, types[i].spec, NULL);
        state->classes[types[i].place] = type;
        if (type == NULL || PyModule_AddType(module, (PyTypeObject *)type) != 0) {
            return -1;
        }
    }
    return 0;
}

static int traverse(PyObject *module, visitproc visit, void *arg)
{
    iotsign_binding_t *state = PyModule_GetState(module);

    for (size_t i = 0; i < IOTSIGN_BINDING_CLASS_COUNT; i++) {
        Py_VISIT(state->classes[i]);
    }
    return 0;
}

static int clear(PyObject *module)
{
    iotsign_binding_t *state = PyModule_GetState(module);

    for (size_t i = 0; i < IOTSIGN_BINDING_CLASS_COUNT; i++) {
        Py_CLEAR(state->classes[i]);
    }
    return 0;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, (void *)execute}, {0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_core",
    .m_size = sizeof(iotsign_binding_t),
    .m_methods = functions,
    .m_slots = slots,
    .m_traverse = traverse,
    .m_clear = clear,
};

PyMODINIT_FUNC PyInit__core(void)
{
    return PyModuleDef_Init(&definition);
}

static PyObject *class_of(const iotsign_binding_t *state, iotsign_status_t status)
{
    switch (status) {
    case IOTSIGN_ERROR_IO:
        return state->classes[IOTSIGN_BINDING_STORE_ERROR];
    case IOTSIGN_ERROR_SIGNATURE:
        return state->classes[IOTSIGN_BINDING_SIGNATURE_MISMATCH_ERROR];
    case IOTSIGN_ERROR_KEY:
        return state->classes[IOTSIGN_BINDING_KEY_REJECTED_ERROR];
    case IOTSIGN_ERROR_UNSUPPORTED:
        return state->classes[IOTSIGN_BINDING_UNSUPPORTED_ALGORITHM_ERROR];
    default:
        return state->classes[IOTSIGN_BINDING_MALFORMED_IMAGE_ERROR];
    }
}

/* What the exception says beside its code and message: the system's error number, the offset in bytes. */
static PyObject *details_of(iotsign_status_t status, const iotsign_fault_t *fault)
{
    if (status != IOTSIGN_ERROR_IO && status != IOTSIGN_ERROR_MALFORMED) {
        return PyDict_New();
    }
    if (fault->error_number == 0) {
        return Py_BuildValue("{sK}", "offset", (unsigned long long)fault->offset);
    }
    return Py_BuildValue("{sKsi}", "offset", (unsigned long long)fault->offset, "errno", fault->error_number);
}

PyObject *iotsign_binding_raise(PyObject *module, iotsign_status_t status, const iotsign_fault_t *fault)
{
    if (status == IOTSIGN_ERROR_INTERRUPTED) {
        return NULL; /* whoever asked to stop has set the exception */
    }
    PyObject *type = class_of(PyModule_GetState(module), status);
    PyObject *arguments = Py_BuildValue("(ss)", fault->code, fault->message);
    PyObject *details = details_of(status, fault);
    PyObject *error = arguments != NULL && details != NULL ? PyObject_Call(type, arguments, details) : NULL;
    Py_XDECREF(arguments);
    Py_XDECREF(details);
    if (error != NULL) {
        PyErr_SetObject(type, error);
        Py_DECREF(error);
    }
    return NULL;
}
