/* The module iotsign.core._core.
 * SPDX-License-Identifier: Apache-2.0 */
#include "binding.h"

static PyMethodDef functions[] = {
    {"digest", (PyCFunction)(void (*)(void))iotsign_binding_digest, METH_VARARGS | METH_KEYWORDS,
     "digest(algorithm, data)\n--\n\nHash bytes that are in memory."},
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
    {NULL, NULL, 0, NULL}};

static int execute(PyObject *module)
{
    iotsign_binding_t *state = PyModule_GetState(module);

    PyObject *errors = PyImport_ImportModule("iotsign.errors");
    if (errors == NULL) {
        return -1;
    }
    state->malformed_image_error = PyObject_GetAttrString(errors, "MalformedImageError");
    state->store_error = PyObject_GetAttrString(errors, "StoreError");
    Py_DECREF(errors);
    if (state->malformed_image_error == NULL || state->store_error == NULL) {
        return -1;
    }
    state->hasher_type = PyType_FromModuleAndSpec(module, &iotsign_binding_hasher_spec, NULL);
    return state->hasher_type == NULL ? -1 : PyModule_AddType(module, (PyTypeObject *)state->hasher_type);
}

static int traverse(PyObject *module, visitproc visit, void *arg)
{
    iotsign_binding_t *state = PyModule_GetState(module);

    Py_VISIT(state->malformed_image_error);
    Py_VISIT(state->store_error);
    Py_VISIT(state->hasher_type);
    return 0;
}

static int clear(PyObject *module)
{
    iotsign_binding_t *state = PyModule_GetState(module);

    Py_CLEAR(state->malformed_image_error);
    Py_CLEAR(state->store_error);
    Py_CLEAR(state->hasher_type);
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

PyObject *iotsign_binding_raise(PyObject *module, iotsign_status_t status, const iotsign_fault_t *fault)
{
    iotsign_binding_t *state = PyModule_GetState(module);

    if (status == IOTSIGN_ERROR_INTERRUPTED) {
        return NULL; /* whoever asked to stop has set the exception */
    }
    PyObject *type = status == IOTSIGN_ERROR_IO ? state->store_error : state->malformed_image_error;
    PyObject *arguments = Py_BuildValue("(ss)", fault->code, fault->message);
    PyObject *details = Py_BuildValue("{sK}", "offset", (unsigned long long)fault->offset);
    if (details != NULL && fault->error_number != 0) {
        PyObject *number = PyLong_FromLong(fault->error_number);
        if (number == NULL || PyDict_SetItemString(details, "errno", number) != 0) {
            Py_CLEAR(details);
        }
        Py_XDECREF(number);
    }
    PyObject *error = arguments != NULL && details != NULL ? PyObject_Call(type, arguments, details) : NULL;
    Py_XDECREF(arguments);
    Py_XDECREF(details);
    if (error != NULL) {
        PyErr_SetObject(type, error);
        Py_DECREF(error);
    }
    return NULL;
}
