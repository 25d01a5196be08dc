"""What several verbs of `iotsign image` take."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from iotsign.cli._configured import complete_platform, find_platform
from iotsign.cli._native_options import native_settings_of

if TYPE_CHECKING:
    from iotsign.app import SigningOptions, VerifyOptions
    from iotsign.formats.jsonimage import S3Location
    from iotsign.formats.revocations import RevocationList
    from iotsign.keys import Signer

_Function = TypeVar("_Function", bound=Callable[..., Any])

_MAX_ADDRESS = (1 << 64) - 1
_MAX_BYTE = 0xFF
_KEY_DIGEST_SIZE = 32


def number_up_to(largest: int) -> Callable[[str], int]:
    """Make a reader of numbers as C writes them (``4096``, ``0x1000``), from 0 to `largest`."""

    def number(text: str) -> int:
        try:
            value = int(text, 0)
        except ValueError:
            value = -1
        if not 0 <= value <= largest:
            raise click.BadParameter(f"expected a number from 0 to {largest:#x}, got {text!r}")
        return value

    return number


def point_in_time(text: str) -> datetime:
    """Read a point in time in ISO 8601; UTC unless an offset is given."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        message = f"expected ISO 8601 such as 2030-01-31 or 2030-01-31T12:00:00Z, got {text!r}"
        raise click.BadParameter(message) from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _apply(*options: Callable[[_Function], _Function]) -> Callable[[_Function], _Function]:
    def decorate(function: _Function) -> _Function:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


dry_run_option = click.option("-n", "--dry-run", is_flag=True, help="Do everything but write the output.")


def output_option(words: str) -> Callable[[_Function], _Function]:
    """Add ``-o``."""
    return click.option("-o", "--output", metavar="OUT", required=True, help=f"{words}; - is standard output.")


packing_options: Callable[[_Function], _Function] = _apply(
    click.option(
        "-p",
        "--platform",
        metavar="PLATFORM",
        shell_complete=complete_platform,
        help="Signing platform: its id, or a .toml file; by default the configured one.",
    ),
    click.option(
        "-f",
        "--format",
        "image_format",
        metavar="FORMAT",
        help="JSONEmbedded, JSONDetached or native; by default what the platform prefers.",
    ),
    click.option(
        "--hash", "hash_name", metavar="HASH", help="SHA256, SHA384, …; by default what the platform prefers."
    ),
    click.option(
        "--s3",
        metavar="BUCKET/KEY@VERSION",
        help="Where the payload of a JSONDetached object lives: the signed version.",
    ),
    click.option(
        "--input-format",
        metavar="auto|bin|hex|elf|uf2",
        default="auto",
        show_default=True,
        help="What IN is. auto makes a flat image of Intel HEX, ELF and UF2, except for JSONDetached; bin takes the "
        "bytes as they are.",
    ),
    click.option(
        "--address", type=number_up_to(_MAX_ADDRESS), metavar="ADDRESS", help="Where the image has to begin in memory."
    ),
    click.option(
        "--fill", type=number_up_to(_MAX_BYTE), metavar="BYTE", default="0xFF", show_default=True, help="Fills gaps."
    ),
    click.option(
        "--sha256-prefix", is_flag=True, help="CC3220SF: put the image's SHA-256 before it, as it lies in its flash."
    ),
    click.option(
        "--certificate-name",
        metavar="NAME",
        help="CC3220SF: the signer's certificate in the device's file system, for the job document's certfile.",
    ),
)


def _location(text: str) -> "S3Location":
    from iotsign.formats.jsonimage import S3Location

    return S3Location.parse(text)


def signing_options(given: dict[str, Any], *, boot_signer: "Signer | None" = None) -> "SigningOptions":
    """Make `SigningOptions` of what `packing_options` took from the command line.

    Raises:
        ConfigError: No such platform, or a malformed S3 location.
        UnsupportedAlgorithmError: No such hash.
    """
    from iotsign.algorithms import HashAlgorithm
    from iotsign.app import INPUT_FORMATS, PayloadOptions, SigningOptions

    if given["input_format"] not in INPUT_FORMATS:
        got = given["input_format"]
        raise click.BadParameter(
            f"expected one of {', '.join(INPUT_FORMATS)}, got {got!r}", param_hint="--input-format"
        )
    return SigningOptions(
        platform=find_platform(given["platform"]),
        image_format=given["image_format"],
        hash_algorithm=HashAlgorithm.from_name(given["hash_name"]) if given["hash_name"] else None,
        location=_location(given["s3"]) if given["s3"] else None,
        payload=PayloadOptions(
            given["input_format"], given["address"], given["fill"], sha256_prefix=given["sha256_prefix"]
        ),
        certificate_name=given["certificate_name"],
        settings=native_settings_of(given),
        boot_signer=boot_signer,
    )


trust_options: Callable[[_Function], _Function] = _apply(
    click.option("--key", metavar="PUB.pem", multiple=True, help="Trust this public key; several may be given."),
    click.option("--certificate", metavar="CERT.pem", help="Trust this certificate's key, if it permits code signing."),
    click.option(
        "--trust",
        metavar="DIR",
        help="Trust what leads to a root in DIR; signer certificates and intermediates lie there too.",
    ),
    click.option(
        "--key-digest",
        metavar="HEX|FILE",
        multiple=True,
        help="Trust the key of this SHA-256 in a container that carries its keys: Espressif's, as burnt into eFuses.",
    ),
    click.option(
        "--revocations",
        metavar="FILE",
        help="What the signing service has revoked: a list of iotsign audit export-revocations.",
    ),
    click.option(
        "--at", type=point_in_time, metavar="TIME", help="When certificates must be valid (ISO 8601); by default now."
    ),
    click.option(
        "-p", "--platform", metavar="PLATFORM", help="Demand what this platform demands: an id, or a .toml file."
    ),
    click.option(
        "--strict",
        is_flag=True,
        help="Refuse SHA-1, weak or publicly known keys and unchecked revocation instead of warning.",
    ),
    click.option(
        "--verifier",
        metavar="auto|openssl|core|both",
        default="auto",
        show_default=True,
        help="Who does the mathematics: OpenSSL, the C core that runs on devices, or both, which must agree. auto is "
        "OpenSSL, and the core for pure Ed25519 over a whole image.",
    ),
)


def verify_options(given: dict[str, Any], *, integrity_only: bool) -> "VerifyOptions":
    """Make `VerifyOptions` of what `trust_options` took from the command line.

    Raises:
        KeyFamilyError: The key or certificate cannot be used.
        ConfigError: No such platform.
        StoreError: The revocation list cannot be read.
        MalformedImageError: It is none.
    """
    from iotsign.app import VERIFIERS, Trust, VerifyOptions

    chosen = [name for name in ("key", "certificate", "trust") if given[name]]
    if len(chosen) > 1:
        raise click.UsageError(f"give one of --{' and --'.join(chosen)}, not both", click.get_current_context())
    if given["verifier"] not in VERIFIERS:
        got = given["verifier"]
        raise click.BadParameter(f"expected one of {', '.join(VERIFIERS)}, got {got!r}", param_hint="--verifier")
    trust = None
    if given["key"]:
        trust = Trust.from_keys([Path(name) for name in given["key"]])
    elif given["certificate"]:
        trust = Trust.from_certificate(Path(given["certificate"]))
    elif given["trust"]:
        trust = Trust.from_directory(Path(given["trust"]))
    return VerifyOptions(
        trust=trust,
        platform=find_platform(given["platform"]) if given["platform"] else None,
        at=given["at"],
        strict=given["strict"],
        integrity_only=integrity_only,
        verifier=given["verifier"],
        key_digests=tuple(map(_key_digest, given["key_digest"])),
        boot_trust=Trust.from_keys([Path(given["boot_key"])]) if given.get("boot_key") else None,
        settings=native_settings_of(given),
        revocations=_revocations(given["revocations"]) if given["revocations"] else None,
    )


def _revocations(name: str) -> "RevocationList":
    """Read a revocation list.

    Raises:
        StoreError: The file cannot be read.
        MalformedImageError: It is no such list.
    """
    from iotsign.app import read_small_file
    from iotsign.formats.revocations import LARGEST_LIST, read_revocations

    return read_revocations(read_small_file(Path(name), LARGEST_LIST))


def _key_digest(text: str) -> bytes:
    """Read a digest: hexadecimal, or a file of its bytes as espsecure writes it.

    Raises:
        StoreError: The file cannot be read.
    """
    from iotsign.app import read_small_file

    try:
        digest = bytes.fromhex(text)
    except ValueError:
        digest = read_small_file(Path(text), _KEY_DIGEST_SIZE + 1)
    if len(digest) != _KEY_DIGEST_SIZE:
        message = f"expected {_KEY_DIGEST_SIZE} bytes of key digest, got {len(digest)}"
        raise click.BadParameter(message, param_hint="--key-digest")
    return digest
