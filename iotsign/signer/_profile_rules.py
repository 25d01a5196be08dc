"""What a new profile has to keep to."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from iotsign.errors import CertificateError, ExpiredError, KeyFamilyError, ResourceNotFoundError, ValidationError
from iotsign.keys import check_signing_certificate
from iotsign.platforms import Platform, SigningMaterial
from iotsign.signer._arns import CertificateArn
from iotsign.signer._caller import Caller
from iotsign.signer._packing import native_container
from iotsign.signer._parameters import container_settings
from iotsign.signer._ports import Material, Materials
from iotsign.signer._profile import Overrides, Validity

# the longest validity in each unit: 135 months
_LONGEST: Final = {"DAYS": 4109, "MONTHS": 135, "YEARS": 11}
LONGEST_VALIDITY: Final = Validity(135, "MONTHS")
_MOST_TAGS: Final = 200

_CERTIFICATE_WORDS: Final = {
    "NoCodeSigning": "Invalid EKU in Certificate. Valid EKU values are CodeSigning or ANY.",
    "NoDigitalSignature": "Invalid KeyUsage in Certificate. The KeyUsage must include digitalSignature.",
}


def read_overrides(request: Mapping[str, Any], platform: Platform) -> Overrides:
    """Read what a profile overrides.

    Raises:
        ValidationError: The platform does not allow it.
    """
    given = request.get("overrides") or {}
    configuration = given.get("signingConfiguration") or {}
    overrides = Overrides(
        configuration.get("encryptionAlgorithm"), configuration.get("hashAlgorithm"), given.get("signingImageFormat")
    )
    if platform.certificate.signing_material is SigningMaterial.SERVICE and overrides != Overrides():
        raise _not_allowed(platform, "overrides", "any", ())
    allowed = (
        ("encryptionAlgorithm", overrides.encryption, [family.value for family in platform.encryption_algorithms]),
        ("hashAlgorithm", overrides.hash, [hash_.value for hash_ in platform.hash_algorithms]),
        ("signingImageFormat", overrides.image_format, list(platform.image_formats)),
    )
    for member, value, values in allowed:
        if value is not None and value not in values:
            raise _not_allowed(platform, member, value, values)
    return overrides


def read_validity(request: Mapping[str, Any], platform: Platform) -> Validity | None:
    """Read how long signatures are valid; None on platforms without validity.

    Raises:
        ValidationError: Too long, none at all, half of one, or none is possible.
    """
    given = request.get("signatureValidityPeriod")
    if not platform.revocation_supported:
        if given is not None:
            message = f"signatureValidityPeriod is not supported for platform {platform.platform_id}"
            raise ValidationError("ValidityNotSupported", message, member="signatureValidityPeriod")
        return None
    if given is None:
        return LONGEST_VALIDITY
    value, unit = given.get("value"), given.get("type")
    if value is None or unit not in _LONGEST or not 1 <= value <= _LONGEST[unit]:
        message = "signatureValidityPeriod must have a type and a value of 1 to 135 MONTHS, 4109 DAYS or 11 YEARS"
        raise ValidationError("InvalidValidityPeriod", message, member="signatureValidityPeriod")
    return Validity(value, unit)


def read_parameters(request: Mapping[str, Any], platform: Platform, overrides: Overrides) -> Mapping[str, str]:
    """Read the signing parameters.

    Raises:
        ValidationError: The service signs by itself, or the platform's container does not know one.
    """
    parameters: Mapping[str, str] = request.get("signingParameters") or {}
    if parameters and platform.certificate.signing_material is SigningMaterial.SERVICE:
        message = f"signingParameters are not supported for platform {platform.platform_id}"
        raise ValidationError("ParametersNotSupported", message, member="signingParameters")
    container = native_container(platform, overrides.image_format)
    if container is not None:
        container_settings(container, parameters)
    return parameters


def read_tags(request: Mapping[str, Any]) -> Mapping[str, str]:
    """Read the tags of a new profile.

    Raises:
        ValidationError: Too many.
    """
    tags: Mapping[str, str] = request.get("tags") or {}
    if len(tags) > _MOST_TAGS:
        message = f"tags: expected at most {_MOST_TAGS} tags, got {len(tags)}"
        raise ValidationError("TooManyTags", message, member="tags")
    return tags


def find_material(
    caller: Caller, request: Mapping[str, Any], platform: Platform, materials: Materials
) -> Material | None:
    """Find the signing material of a new profile; None where the service's own chain signs.

    Raises:
        ValidationError: There is some where there must be none, or the other way round; or its ARN is malformed.
        ResourceNotFoundError: The caller's account has no such material.
    """
    given = request.get("signingMaterial")
    if platform.certificate.signing_material is SigningMaterial.SERVICE:
        if given is not None:
            message = f"signing material is not supported for platform {platform.platform_id}"
            raise ValidationError("MaterialNotSupported", message, member="signingMaterial")
        return None
    if given is None:
        raise ValidationError("MaterialMissing", "signing material cannot be null.", member="signingMaterial")
    text = given["certificateArn"]
    arn = CertificateArn.parse(text)
    if arn is None:
        message = f"signingMaterial.certificateArn: {text!r} is not the ARN of a certificate"
        raise ValidationError("InvalidCertificateArn", message, member="signingMaterial.certificateArn")
    material = materials.find(text) if arn.account == caller.account else None
    if material is None:
        message = f"Certificate {text} not found"
        raise ResourceNotFoundError("CertificateNotFound", message, certificate=text)
    return material


def check_certificate(material: Material, platform: Platform, at: datetime) -> None:
    """Check that a certificate permits signing for a platform.

    Raises:
        ValidationError: It does not, or there is none where the platform needs one.
    """
    if material.certificate is None:
        if platform.certificate.signing_material is SigningMaterial.REQUIRED:
            message = f"platform {platform.platform_id} needs a certificate; {material.arn} is a bare key"
            raise ValidationError("CertificateMissing", message, member="signingMaterial.certificateArn")
        return
    try:
        check_signing_certificate(material.certificate, at=at)
    except (CertificateError, ExpiredError, KeyFamilyError) as error:
        raise ValidationError("InvalidCertificate", _CERTIFICATE_WORDS.get(error.code, error.message)) from error


def _not_allowed(platform: Platform, member: str, value: str, allowed: object) -> ValidationError:
    words = ", ".join(allowed) if isinstance(allowed, list) else "none"
    message = f"{member}: {value} is not allowed for platform {platform.platform_id}; allowed: {words}"
    return ValidationError("OverrideNotAllowed", message, member=member)
