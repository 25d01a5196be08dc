"""Signed objects: what a job makes of its source for its platform.

AWS's own platforms write the JSON format that the profile or the platform names. iotsign's platforms write the
device's native container, unless the profile asks for a JSON format.
"""

import os
from collections.abc import Callable
from typing import IO, Any, BinaryIO, Final, cast

from iotsign import core
from iotsign.algorithms import HashAlgorithm, KeyType, SignatureAlgorithm
from iotsign.errors import (
    DigestMismatchError,
    MalformedImageError,
    StoreError,
    UnsupportedAlgorithmError,
)
from iotsign.formats.container import Container
from iotsign.formats.container_registry import CONTAINERS, container_named
from iotsign.formats.jsonimage import EMBEDDED, S3Location, pack_detached, pack_embedded, payload_hash
from iotsign.formats.judge import judge_by_openssl
from iotsign.keys import Signer
from iotsign.platforms import Platform, SigningMaterial
from iotsign.signer._job import SigningJob
from iotsign.signer._parameters import container_settings

_AWS_CATEGORY: Final = "AWS"
_PAYLOAD_PLATFORM: Final = "Notation-OCI-SHA384-ECDSA"
_ZIP: Final = ".zip"

# DER of a typical ECDSA signature; the layout makes room for this much and moves if it is wrong
_TYPICAL_SIZES: Final = {
    KeyType.P256: 71,
    KeyType.P384: 103,
    KeyType.RSA2048: 256,
    KeyType.RSA3072: 384,
    KeyType.RSA4096: 512,
    KeyType.ED25519: 64,
}


def signs_payloads(platform: Platform) -> bool:
    """Tell whether a platform signs payloads that come with the request, and no objects."""
    return platform.platform_id == _PAYLOAD_PLATFORM


def signed_by_service(platform: Platform) -> bool:
    """Tell whether the service's own chain signs for a platform, and no certificate of the profile's."""
    return platform.certificate.signing_material is SigningMaterial.SERVICE


def target_suffix(platform: Platform, source_key: str) -> str:
    """Give what a signed object's key ends with behind the job's id."""
    return _ZIP if signed_by_service(platform) and source_key.endswith(_ZIP) else ""


def source_size(source: IO[bytes]) -> int:
    """Size of what is to be signed, in bytes.

    Raises:
        MalformedImageError: It is empty.
    """
    size = os.fstat(source.fileno()).st_size
    if size == 0:
        raise MalformedImageError("EmptyImage", "expected an image to sign, got an empty object")
    return size


def native_container(platform: Platform, image_format: str | None) -> Container | None:
    """Find the native container that a job writes; None for a JSON format.

    Args:
        platform: The signing platform.
        image_format: What the profile asks for, if anything.
    """
    if image_format or platform.category == _AWS_CATEGORY or platform.native_container not in CONTAINERS:
        return None
    return container_named(platform.native_container)


def choose_algorithm(job: SigningJob, platform: Platform, key_type: KeyType) -> SignatureAlgorithm:
    """Say how a key signs for a job.

    Raises:
        UnsupportedAlgorithmError: The key is not of the family that profile and platform name, or of another type
            than the platform takes, or not for this hash.
    """
    wanted = job.overrides.encryption or platform.default_encryption.value
    if len(platform.encryption_algorithms) > 1 and not job.overrides.encryption and platform.category != _AWS_CATEGORY:
        wanted = key_type.encryption.value
    if key_type.encryption.value != wanted:
        message = f"expected a key of family {wanted} in the signing material, got {key_type.encryption.value}"
        raise UnsupportedAlgorithmError("KeyFamilyMismatch", message, got=key_type.encryption.value)
    hash_ = HashAlgorithm.from_name(job.overrides.hash) if job.overrides.hash else None
    return platform.signature_algorithm(key_type, hash_)


def pack(job: SigningJob, platform: Platform, source: IO[bytes], output: IO[bytes], signer: Signer) -> None:
    """Write the signed object of a job.

    Args:
        job: What is asked for.
        platform: Its signing platform.
        source: The payload: a file at its beginning.
        output: An empty file.
        signer: Whose signatures are verified before it gives them.

    Raises:
        IotsignError: The payload, the key or the settings are not what the platform takes, or a file fails.
    """
    algorithm = choose_algorithm(job, platform, signer.public_key.key_type)
    size = source_size(source)
    container = native_container(platform, job.overrides.image_format)
    if container is not None:
        _pack_native(job, platform, container, source, output, signer)
    elif (job.overrides.image_format or platform.default_image_format) == EMBEDDED:
        pack_embedded(
            source.fileno(),
            output.fileno(),
            size=size,
            algorithm=algorithm,
            signature_size=_TYPICAL_SIZES[signer.public_key.key_type],
            sign=_payload_signer(source, signer, algorithm),
        )
    else:
        _pack_detached(job, source, output, signer, algorithm)


def _pack_detached(
    job: SigningJob, source: IO[bytes], output: IO[bytes], signer: Signer, algorithm: SignatureAlgorithm
) -> None:
    digest, size = core.hash_file(source.fileno(), payload_hash(algorithm), offset=0)
    signature = _payload_signer(source, signer, algorithm)(digest)
    location = S3Location(job.source.bucket, job.source.key, job.source.version) if job.source else S3Location.local("")
    data = pack_detached(raw_payload_size=size, signature=signature, algorithm=algorithm, location=location)
    try:
        output.write(data)
        output.flush()
    except OSError as error:
        raise StoreError("WriteFailed", f"cannot write the signed object: {error.strerror}") from error


def _payload_signer(source: IO[bytes], signer: Signer, algorithm: SignatureAlgorithm) -> Callable[[bytes], bytes]:
    def sign(digest: bytes) -> bytes:
        if algorithm.hash is not None:
            return signer.sign_digest(digest, algorithm)
        source.seek(0)
        message = source.read()
        if core.digest(payload_hash(algorithm), message) != digest:
            raise DigestMismatchError("SourceChanged", "the object that is signed changed while it was read")
        return signer.sign(message, algorithm)

    return sign


def _pack_native(
    job: SigningJob, platform: Platform, container: Container, source: IO[bytes], output: IO[bytes], signer: Signer
) -> None:
    settings: dict[str, Any] = container.defaults(platform.native_options) | container_settings(
        container, job.parameters
    )
    if job.overrides.hash and container.name != "ti-cc13x2-oad":
        settings["hash"] = HashAlgorithm.from_name(job.overrides.hash)
    out = cast("BinaryIO", output)
    container.sign(cast("BinaryIO", source), out, [signer], settings)
    out.seek(0)
    written = container.open(out, {})
    written.check_platform(platform.native_options)
    written.check_integrity()
    written.find_signers([signer.public_key], judge_by_openssl)
