"""How results of `iotsign image` look, as JSON and as tables."""

from typing import TYPE_CHECKING, Any

from iotsign.cli._errors import describe, exit_code, report
from iotsign.cli._output import (
    finish_output,
    json_wanted,
    jsonable,
    print_fields,
    print_json,
    print_table,
    say,
    styled,
    warn,
)
from iotsign.core import base64_encode
from iotsign.errors import VerificationIncompleteError

if TYPE_CHECKING:
    from iotsign.app import Candidate, InspectedImage, Outcome, SignedImage, VerifiedContainer, VerifiedImage
    from iotsign.formats.jsonimage import JsonImage, S3Location
    from iotsign.keys import PublicKey

# magics, flags and addresses, by the names that containers give them
_HEXADECIMAL = {
    "address", "checksum", "crc32", "end", "endAddress", "entry", "execution", "flags", "load_addr", "magic", "start",
    "type",
}  # fmt: skip
_REVOCATION_STEP = 9
_STYLES = {"passed": "green", "failed": "bold red", "skipped": "dim"}


def _key(key: "PublicKey") -> dict[str, Any]:
    return {"keyType": key.key_type.value, "fingerprint": key.fingerprint.hex()}


def _location(location: "S3Location | None") -> dict[str, Any]:
    if location is None:
        return {}
    return {"payloadLocation": {"bucketName": location.bucket, "key": location.key, "version": location.version}}


def _digest(algorithm: str, digest: bytes) -> dict[str, str]:
    return {"algorithm": algorithm, "value": digest.hex()}


def signed_json(name: str, signed: "SignedImage", *, dry_run: bool, certfile: str | None = None) -> dict[str, Any]:
    """Describe what `image sign` and `image attach` made."""
    return {
        "image": name,
        "platformId": signed.platform_id,
        "imageFormat": signed.image_format,
        "signatureAlgorithm": signed.algorithm.name,
        "signature": base64_encode(signed.signature).decode(),
        "rawPayloadSize": signed.raw_payload_size,
        "size": signed.size,
        "digest": _digest(signed.digest_algorithm.value, signed.digest),
        "key": _key(signed.key),
        "inputFormat": signed.source_format,
        "address": signed.address,
        "otaSignatureKey": signed.algorithm.ota_key,
        **_location(signed.location),
        **({"container": signed.container} if signed.container else {}),
        **({"certfile": certfile} if certfile else {}),
        "dryRun": dry_run,
    }


def image_json(image: "JsonImage") -> dict[str, Any]:
    """Describe what a signed object says about itself."""
    from iotsign.formats.jsonimage import payload_hash

    digest = {"digest": _digest(payload_hash(image.algorithm).value, image.digest)} if image.digest else {}
    return {
        "imageFormat": image.image_format,
        "signatureAlgorithm": image.algorithm.name,
        "signature": base64_encode(image.signature).decode(),
        "rawPayloadSize": image.raw_payload_size,
        **digest,
        **_location(image.location),
        "otaSignatureKey": image.algorithm.ota_key,
    }


def _signer(signer: "Candidate | None") -> dict[str, Any]:
    if signer is None:
        return {}
    about = {"key": _key(signer.key)}
    certificate = signer.certificate
    if certificate is None:
        return about
    return about | {
        "certificate": {
            "subject": certificate.subject.rfc4514_string(),
            "issuer": certificate.issuer.rfc4514_string(),
            "serialNumber": f"{certificate.serial_number:x}",
            "notValidBefore": certificate.not_valid_before_utc.isoformat(),
            "notValidAfter": certificate.not_valid_after_utc.isoformat(),
        }
    }


def _container(container: "VerifiedContainer | None") -> dict[str, Any]:
    if container is None:
        return {}
    return {
        "container": {
            "format": container.name,
            "summary": container.summary,
            **({"keyDigest": container.key_digest.hex()} if container.key_digest else {}),
            "signatures": [
                {
                    "type": signature.kind,
                    "offset": signature.offset,
                    "keyId": signature.key_id.hex() if signature.key_id else None,
                    "key": _key(signature.signer) if signature.signer else None,
                }
                for signature in container.signatures
            ],
        }
    }


def verified_json(verified: "VerifiedImage") -> dict[str, Any]:
    """Describe what was verified, and whose word it rests on."""
    if verified.service is not None:
        return {"imageFormat": verified.service.name, **verified.service.about, **_signer(verified.signer)}
    image = image_json(verified.image) if verified.image else {"imageFormat": "native"}
    return image | _container(verified.container) | _signer(verified.signer)


def verdict_json(outcome: "Outcome") -> dict[str, Any]:
    """Describe how the verification of one image ended."""
    steps, verified, error = outcome.steps, outcome.verified, outcome.error
    return {
        "image": outcome.name,
        "verdict": _verdict(outcome),
        "exitCode": exit_code(error) if error else 0,
        **(verified_json(verified) if verified else {}),
        "steps": [
            {"number": step.number, "name": step.name, "outcome": step.outcome, "detail": step.detail}
            | ({"layer": step.layer} if step.layer else {})
            for step in steps.taken
        ],
        "warnings": steps.warnings,
        **({"error": describe(error)} if error else {}),
    }


def _verdict(outcome: "Outcome") -> str:
    """Give the verdict in a word; ``unknown`` where something else than the image prevented one."""
    if outcome.verified is not None:
        return "trusted" if outcome.verified.trusted else "intact"
    if isinstance(outcome.error, VerificationIncompleteError) and outcome.error.data.get("step") == _REVOCATION_STEP:
        return "unknown"
    return {1: "untrusted", 3: "malformed"}.get(exit_code(outcome.error), "unknown") if outcome.error else "unknown"


def print_verdict(outcome: "Outcome") -> None:
    """Show a verdict: the steps as a table and one word on stdout, warnings and the error on stderr."""
    steps = outcome.steps.taken
    rows = [
        (step.number, f"{step.layer} {step.name}".lstrip(), styled(step.outcome, _STYLES[step.outcome]), step.detail)
        for step in steps
    ]
    style = "bold red" if outcome.error else "bold green"
    print_table(
        ("step", "looks at", "outcome", "found"), rows, title=styled(f"{outcome.name}: {_verdict(outcome)}", style)
    )
    for words in outcome.steps.warnings:
        warn(f"{outcome.name}: {words}")
    if outcome.error:
        finish_output()
        report(outcome.error, as_json=False, about_file=outcome.name)


def print_inspected(inspected: "InspectedImage", *, as_json: bool) -> None:
    """Show what an image says about itself, and the native container that it is or holds."""
    image, container = inspected.image, inspected.container
    if as_json:
        about = {"image": inspected.name, "size": inspected.size}
        if image is None:
            print_json(about | (container or {}))
        else:
            print_json(about | image_json(image) | ({"payload": container} if container else {}))
        return
    if image is not None:
        _print_json_image(inspected.name, inspected.size, image)
    if container is not None:
        _print_container(inspected.name if image is None else f"payload of {inspected.name}", container)


def _print_json_image(name: str, size: int, image: "JsonImage") -> None:
    about = image_json(image)
    fields: list[tuple[str, object]] = [
        ("image format", image.image_format),
        ("size", f"{size} bytes"),
        ("payload", f"{image.raw_payload_size} bytes"),
        ("signature algorithm", image.algorithm.name),
        ("signature", f"{len(image.signature)} bytes {image.signature.hex()}"),
        ("OTA job key", image.algorithm.ota_key),
    ]
    if "digest" in about:
        fields.append((f"{about['digest']['algorithm']} of payload", about["digest"]["value"]))
    if image.location:
        s3 = image.location
        fields += [("bucket", s3.bucket or "(a local file)"), ("key", s3.key), ("version", s3.version)]
    print_fields([*fields, ("verified", styled("no: see image verify", "yellow"))], title=name)


def _print_container(name: str, container: dict[str, Any]) -> None:
    """Show what a native container says: its plain values as fields, each list or group as a table."""
    container = jsonable(container)
    fields = [
        (_words(key), _shown(key, value)) for key, value in container.items() if not isinstance(value, dict | list)
    ]
    print_fields([*fields, ("verified", styled("no: see image verify", "yellow"))], title=name)
    for key, value in container.items():
        _print_group(_words(key), value)


def _print_group(title: str, value: object) -> None:
    if isinstance(value, dict) and value:
        simple = [
            (_words(name), _shown(name, item)) for name, item in value.items() if not isinstance(item, dict | list)
        ]
        if simple:
            print_fields(simple, title=title)
        for name, item in value.items():
            _print_group(f"{title}: {_words(name)}", item)
    elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        columns = list(value[0])
        rows = [[_shown(column, item[column]) for column in columns] for item in value]
        print_table([_words(column) for column in columns], rows, title=title)
    elif isinstance(value, list) and value:
        print_fields([(title, ", ".join(map(str, value)))])


def _plain_values(group: dict[str, Any]) -> list[tuple[str, object]]:
    return [(_words(name), _shown(name, value)) for name, value in group.items() if not isinstance(value, dict | list)]


def _shown(name: str, value: object) -> object:
    """Show what the formats' own documents write in hexadecimal as they do."""
    return f"0x{value:x}" if name in _HEXADECIMAL and isinstance(value, int) else value


def _words(name: str) -> str:
    return name.replace("_", " ")


def unless(dry_run: bool) -> str:
    """Say behind a result that it is none."""
    return " (dry run: nothing was written)" if dry_run else ""


def report_signed(
    source: str, output: str, signed: "SignedImage", *, dry_run: bool, certfile: str | None = None
) -> None:
    """Say, or print as JSON, what was signed; warn of what a person should know."""
    for region in signed.left_out:
        warn(f"{source}: {region} is not part of the image")
    if signed.location is not None and not signed.location.bucket:
        warn("without --s3 the signed object names a local file as its payload, and no bucket")
    if json_wanted():
        print_json(signed_json(output, signed, dry_run=dry_run, certfile=certfile))
        return
    kind = " with ".join([signed.image_format, *([signed.container] if signed.container else [])])
    on = f" for {signed.platform_id}" if signed.platform_id else ""
    say(
        f"{source}: {signed.raw_payload_size} bytes signed with {signed.algorithm.name}{on}; "
        f"{kind}, {signed.size} bytes to {output}{unless(dry_run)}"
    )
