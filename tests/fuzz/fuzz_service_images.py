"""Fuzz the readers of what signing services sign: zip files, CMS signatures, Notation envelopes and their parts.

    python tests/fuzz/fuzz_service_images.py -max_total_time=60 build/fuzz/service_images

The first byte of an input chooses the reader; the rest is what it reads. Whatever that is, it is read or refused with a
FormatError, a zip's with an offset; and Python's own zip reader sees in a zip that was read what iotsign sees.
"""

import base64
import io
import json
import sys
import tempfile
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Final

from iotsign.algorithms import KeyType
from iotsign.errors import FormatError
from iotsign.formats import awslambda, notation
from iotsign.formats.awslambda import _cms_read, _cms_write, _content, _names, _read, _zip
from iotsign.formats.notation import _payload
from iotsign.formats.notation import _read as notation_read
from iotsign.keys import certify_self, generate_key, open_signer, write_key_file

LIMIT: Final = 1 << 20  # bytes of content; more is not compared
OWNER: Final = "arn:aws:signer:eu-west-1:123456789012:"
PAYLOAD: Final = b'{"targetArtifact":{"mediaType":"a/b","digest":"sha256:%s","size":1,"annotations":{}}}' % (b"0" * 64)


def one_input(data: bytes) -> None:
    """Read one input; raise what the readers must not raise."""
    if not data:
        return
    readers = (_read_zip, _read_signature, notation.read_envelope, _read_header, notation.read_payload)
    choice = data[0] % len(readers)
    try:
        readers[choice](data[1:])
    except FormatError as error:
        if choice == 0 and "offset" not in error.data and error.code != "ContentTooLarge":
            raise


def _read_zip(data: bytes) -> None:
    file = io.BytesIO(data)
    entries = _read.read_lambda_zip(file, len(data)).layout.entries
    _content.digest_content(file, entries)
    if sum(entry.size for entry in entries) > LIMIT:
        return
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert len(entries) == len(archive.infolist())
        for ours, theirs in zip(entries, archive.infolist(), strict=True):
            # without the UTF-8 flag Python takes names for code page 437
            assert ours.name == theirs.filename.encode("utf-8" if theirs.flag_bits & 0x800 else "cp437")
            assert b"".join(_content.read_body(file, ours)) == archive.read(theirs)


def _read_signature(data: bytes) -> None:
    """Read DER, as PEM so that something comes further than that."""
    _cms_read.read_signature(_cms_write._pem(data))


def _read_header(data: bytes) -> None:
    """Read a protected header in an envelope whose other parts are as they should be."""
    parts = {"payload": _base64url(PAYLOAD), "protected": _base64url(data), "header": {"x5c": ["AA=="]}}
    notation.read_envelope(json.dumps(parts | {"signature": "A" * 128}).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _zip_of(method: int) -> bytes:
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w") as archive:
        for name, body in (("a/", b""), ("a/b", b"1" * 99), ("é", b"2")):
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 2, 3, 4, 6)), body, method)
    return output.getvalue()


def seeds() -> dict[str, bytes]:
    """One input of each kind."""
    with tempfile.TemporaryDirectory() as directory:
        key = Path(directory, "key.pem")
        write_key_file(key, generate_key(KeyType.P384))
        signer = open_signer(f"pem:{key}")
        certificates = [certify_self(signer, subject="CN=fuzz", days=1).certificate]
        now = datetime.now(UTC)
        claims = awslambda.SignatureClaims(
            now, now + timedelta(days=1), f"{OWNER}/signing-jobs/0", f"{OWNER}/signing-profiles/ab/0123456789"
        )
        output = io.BytesIO()
        source = io.BytesIO(_zip_of(0))
        signed = awslambda.sign_zip(source, output, signer, certificates=certificates, claims=claims)
        envelope = notation.sign_payload(PAYLOAD, signer, certificates=certificates, claims=claims)
    protected = json.loads(envelope)["protected"]
    return {
        "stored": b"\0" + _zip_of(zipfile.ZIP_STORED),
        "deflated": b"\0" + _zip_of(zipfile.ZIP_DEFLATED),
        "signed": b"\0" + output.getvalue(),
        "cms": b"\1" + base64.b64decode(b"".join(signed.signature.splitlines()[1:-1])),
        "envelope": b"\2" + envelope,
        "header": b"\3" + base64.urlsafe_b64decode(protected + "=" * (-len(protected) % 4)),
        "payload": b"\4" + PAYLOAD,
    }


def _instrument(engine: ModuleType, module: ModuleType) -> None:
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
    for module in (_cms_read, _content, _names, _read, _zip, _payload, notation_read):
        _instrument(engine, module)
    engine.Setup(arguments, one_input)
    engine.Fuzz()


if __name__ == "__main__":
    import atheris

    main(atheris, sys.argv)
