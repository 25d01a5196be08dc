"""Verification of images that a signing service signed: they carry their certificates, expire, and may be revoked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO, Final

from iotsign.algorithms import KeyType
from iotsign.app._authenticity import NOT_CHECKED
from iotsign.app._judge import judge_of
from iotsign.app._steps import Steps
from iotsign.app._trust import Candidate, Trust
from iotsign.app._verdict import VerifiedImage, VerifiedService, VerifyOptions
from iotsign.errors import (
    CertificateError,
    ConfigError,
    ExpiredError,
    ImageTooLargeError,
    KeyFamilyError,
    KeyMismatchError,
    VerificationIncompleteError,
)
from iotsign.keys import certificate_key

if TYPE_CHECKING:
    from iotsign.app._service_image import ServiceImage
    from iotsign.formats.claims import ServiceSignature, SignatureClaims

__all__ = ["verify_service_image"]

_VALIDITY_STEP: Final = 8
_REVOCATION_STEP: Final = 9
_NO_LIST: Final = "revocation not checked: no revocation list was given"


def verify_service_image(
    image: ServiceImage, options: VerifyOptions, steps: Steps, *, out: BinaryIO | None
) -> VerifiedImage:
    """Verify an image of a signing service; its structure, which is step 1, has been found to hold.

    Args:
        image: The image.
        options: What the verdict has to respect.
        steps: Filled as the verification proceeds.
        out: Where what was signed goes once everything holds; None for nowhere.

    Raises:
        IotsignError: As `iotsign.app.verify_image` raises.
    """
    _refuse_foreign_options(image, options)
    # 2. The payload is what the signature's attributes say, within the platform's limit.
    with steps.step(2) as step:
        step.detail = image.check_payload()
        _check_limit(image, options)
    signature = image.signature
    # 3. The platform's signatures are of this kind.
    with steps.step(3) as step:
        _check_platform(image, options)
        step.detail = f"{signature.algorithm.name}, {image.name}"
    # 4. The key of the certificate that the image carries.
    with steps.step(4) as step:
        signer = _carried_signer(signature, options.trust)
        step.detail = signer.description
    # 5. It made the signature, over claims and payload.
    with steps.step(5) as step:
        judge = judge_of(options.verifier)
        judge(signer.key, signature.algorithm, signature.value, digest=signature.digest, message=lambda: b"")
        step.detail = f"made by {signer.description}"
    trusted = _check_trust(signature, options, steps)
    if trusted:
        now = options.at or datetime.now(UTC)
        _check_validity(signature.claims, now, steps)
        _check_revocation(signature.claims, now, options, steps)
    size = image.extract(out) if out is not None else 0
    about = {name: value for name, value in image.describe().items() if name not in {"container", "entries"}}
    signer_found = signer if trusted else None
    return VerifiedImage(None, None, None, signer_found, steps, size, VerifiedService(image.name, about))


def _refuse_foreign_options(image: ServiceImage, options: VerifyOptions) -> None:
    if options.key_digests or options.boot_trust is not None or options.settings:
        message = f"options of native containers were given, but the image is {image.name}"
        raise ConfigError("ContainerMissing", message)


def _check_limit(image: ServiceImage, options: VerifyOptions) -> None:
    platform = options.platform
    if platform is not None and platform.max_size is not None and image.payload_size > platform.max_size:
        message = f"platform {platform.platform_id} takes at most {platform.max_size} bytes, got {image.payload_size}"
        raise ImageTooLargeError("ImageTooLarge", message, limit=platform.max_size, got=image.payload_size)


def _check_platform(image: ServiceImage, options: VerifyOptions) -> None:
    if options.platform is not None and options.platform.platform_id != image.platform_id:
        message = f"the image is one of platform {image.platform_id}, not of {options.platform.platform_id}"
        raise KeyMismatchError("PlatformMismatch", message, got=image.platform_id)


def _carried_signer(signature: ServiceSignature, trust: Trust | None) -> Candidate:
    certificate = signature.certificates[0]
    try:
        key = certificate_key(certificate)
    except KeyFamilyError as error:
        raise CertificateError(error.code, f"the signer's certificate: {error.message}") from error
    if key.key_type is not KeyType.P384:
        message = f"{signature.algorithm.name} here needs a key of type p384; the certificate's is {key.key_type.value}"
        raise KeyMismatchError("KeyTypeMismatch", message, got=key.key_type.value)
    if trust is not None and trust.store is None and all(candidate.key != key for candidate in trust.candidates):
        message = f"the image was signed by another key than {trust.name} holds: {key.fingerprint.hex()[:16]}…"
        hint = "give a directory with the signing service's root: --trust DIR"
        raise KeyMismatchError("KeyMismatch", message, hint=hint)
    return Candidate(key, certificate)


def _check_trust(signature: ServiceSignature, options: VerifyOptions, steps: Steps) -> bool:
    # 6. The certificates permitted code signing when the signature was made, and lead to what is trusted.
    trust = options.trust
    if trust is None and options.integrity_only:
        steps.warnings.append(NOT_CHECKED)
        for number in (6, _VALIDITY_STEP, _REVOCATION_STEP):
            steps.skip(number, "no key was given")
        return False
    with steps.step(6) as step:
        if trust is None:
            hint = "give --trust, --certificate or --key; or --integrity-only if integrity is all you need"
            raise VerificationIncompleteError("AuthenticityNotChecked", NOT_CHECKED, hint=hint)
        at = signature.claims.signing_time
        step.detail = trust.check_carried(signature.certificates, at, options.platform)
    return True


def _check_validity(claims: SignatureClaims, now: datetime, steps: Steps) -> None:
    # 8. The signature is in force.
    with steps.step(_VALIDITY_STEP) as step:
        if now < claims.signing_time:
            message = f"the signature was made at {claims.signing_time.isoformat()}, after {now.isoformat()}"
            raise ExpiredError("NotYetValid", message, at=now.isoformat())
        if now >= claims.expiry:
            message = f"the signature expired at {claims.expiry.isoformat()}; it is judged at {now.isoformat()}"
            raise ExpiredError("SignatureExpired", message, expiry=claims.expiry.isoformat(), at=now.isoformat())
        step.detail = f"signed at {claims.signing_time.isoformat()}, expires at {claims.expiry.isoformat()}"


def _check_revocation(claims: SignatureClaims, now: datetime, options: VerifyOptions, steps: Steps) -> None:
    # 9. Neither the job nor the profile was revoked, as far as a list that is young enough knows.
    if options.revocations is None and not options.strict:
        steps.skip(_REVOCATION_STEP, "no revocation list was given")
        steps.warnings.append(_NO_LIST)
        return
    with steps.step(_REVOCATION_STEP) as step:
        if options.revocations is None:
            hint = "export a list with iotsign audit export-revocations, and give it with --revocations FILE"
            raise VerificationIncompleteError("RevocationNotChecked", f"{_NO_LIST}, with --strict", hint=hint)
        # threat 25
        options.revocations.check(
            job_arn=claims.job_arn,
            profile_version_arn=claims.profile_version_arn,
            signed_at=claims.signing_time,
            at=now,
        )
        step.detail = f"not on the list of {options.revocations.issued_at.isoformat()}"
