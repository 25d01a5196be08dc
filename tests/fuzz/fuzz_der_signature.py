"""Fuzz what reads the DER of signatures and keys.

    python tests/fuzz/fuzz_der_signature.py -max_total_time=60 tests/fuzz/corpus/der_signature

The first byte of an input chooses the reader. Whatever the rest is, there is a result or an IotsignError; an accepted
signature is the one encoding of its numbers, as OpenSSL writes it; an accepted key writes itself back; and nothing
verifies that nobody signed.
"""

import sys
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Final

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from iotsign.algorithms import SIGNATURE_ALGORITHMS, KeyType
from iotsign.errors import IotsignError, MalformedImageError
from iotsign.keys import PublicKey, _der, _edwards, _files, _loading, _public
from iotsign.keys._der import decode_ecdsa_signature, encode_ecdsa_signature
from iotsign.keys._files import KeyFile
from iotsign.keys._secret import Secret

# public keys of RFC 6979 §A.2.5, §A.2.6 and RFC 8032 §7.1, with which no fuzzer signs
KEYS: Final = tuple(
    PublicKey(bytes.fromhex(spki))
    for spki in (
        (
            "3059301306072a8648ce3d020106082a8648ce3d0301070342000460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f2"
            "9fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
        ),
        (
            "3076301006072a8648ce3d020106052b8104002203620004ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64de"
            "f8f0ea9055866064a254515480bc138015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd"
            "2533264720"
        ),
        "302a300506032b6570032100d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    )
)


def one_input(data: bytes) -> None:
    """Read one input; raise what the readers must not raise."""
    if not data:
        return
    readers = (_read_signature, _read_key, _read_file, _verify)
    readers[data[0] % len(readers)](data[1:])


def _read_signature(data: bytes) -> None:
    for curve in (KeyType.P256, KeyType.P384):
        try:
            r, s = decode_ecdsa_signature(data, curve)
        except MalformedImageError:
            continue
        assert encode_ecdsa_signature(r, s) == encode_dss_signature(r, s) == data
        assert decode_dss_signature(data) == (r, s)


def _read_key(data: bytes) -> None:
    try:
        key = PublicKey(data)
    except IotsignError:
        return
    assert PublicKey(key.spki_der) == key


def _read_file(data: bytes) -> None:
    if not data:
        return
    try:
        blocks = KeyFile(Secret(data), 0).blocks()
        if not _loading.holds_private_key(blocks):
            _loading.parse_public(blocks, "fuzz")
    except IotsignError:
        return


def _verify(data: bytes) -> None:
    for key in KEYS:
        for algorithm in SIGNATURE_ALGORITHMS:
            try:
                key.verify(b"nobody signed this", data, algorithm)
            except IotsignError:
                continue
            raise AssertionError("a signature that nobody made was accepted")


def seeds() -> dict[str, bytes]:
    """Give sound inputs to begin with, and some that are not."""
    inputs = {
        "signature": b"\0" + encode_dss_signature(0x1234 << 240, 0xFF << 248),
        "signature-small": b"\0" + encode_dss_signature(1, 1),
        "signature-padded": bytes.fromhex("00300702020001020101"),
        "signature-long-form": bytes.fromhex("0030810602010102 0101"),
        "signature-large": b"\0" + encode_dss_signature((1 << 384) - 1, 1 << 383),
        "raw": b"\3" + bytes(range(64)),
    }
    for key in KEYS:
        inputs[f"key-{key.key_type.value}"] = b"\1" + key.spki_der
        inputs[f"file-{key.key_type.value}"] = b"\2" + key.to_pem()
        inputs[f"file-der-{key.key_type.value}"] = b"\2" + key.spki_der
    return inputs


def _instrument(engine: ModuleType, module: ModuleType) -> None:
    """Make the coverage of a module's functions visible; the import hook does not see editable installs."""
    for item in vars(module).values():
        functions = vars(item).values() if isinstance(item, type) else (item,)
        for function in functions:
            if isinstance(function, FunctionType) and function.__module__ == module.__name__:
                engine.instrument_func(function)


def main(engine: ModuleType, arguments: list[str]) -> None:
    """Fuzz until told to stop; seeds go into the first corpus directory that is named."""
    directories = [Path(argument) for argument in arguments[1:] if not argument.startswith("-")]
    for directory in directories[:1]:
        for name, content in seeds().items():
            (directory / name).write_bytes(content)
    for module in (_der, _edwards, _files, _loading, _public):
        _instrument(engine, module)
    engine.Setup(arguments, one_input)
    engine.Fuzz()


if __name__ == "__main__":
    import atheris

    main(atheris, sys.argv)
