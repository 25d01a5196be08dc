"""`iotsign image`: sign, verify and look into firmware images."""

from pathlib import Path
from typing import Any

import click

from iotsign.cli._configured import find_key, find_platform
from iotsign.cli._errors import report
from iotsign.cli._files import size_of, sizes_of, source_of, target_of
from iotsign.cli._image_options import (
    dry_run_option,
    output_option,
    packing_options,
    signing_options,
    trust_options,
    verify_options,
)
from iotsign.cli._image_report import report_signed, unless
from iotsign.cli._native_options import (
    Sectioned,
    native_ceremony_options,
    native_opening_options,
    native_packing_options,
    native_resigning_options,
    native_settings_of,
)
from iotsign.cli._output import json_option, json_wanted, no_input_option, print_json, say, warn
from iotsign.cli._passphrase import passphrase_option, passphrase_source
from iotsign.cli._progress import counted, progress

_LONGEST_SIGNATURE = 1 << 16  # bytes; RSA-4096 has 512


class _InOrder(click.Group):
    """Lists its verbs in the order of this file."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Name the verbs."""
        return list(self.commands)


@click.group(cls=_InOrder)
def image() -> None:
    """Sign, verify and look into firmware images.

    To sign where the key is, without bringing it here: digest, then attach.
    """


@image.command(cls=Sectioned, short_help="Make a signed image of a firmware file.")
@click.argument("sources", metavar="IN...", nargs=-1, required=True)
@packing_options
@click.option(
    "-k", "--key", metavar="KEY_URI", help="Private key, for example pem:signing.pem; by default the configured one."
)
@passphrase_option()
@click.option(
    "--boot-key",
    metavar="KEY_URI",
    help="With -f JSONEmbedded: sign the platform's native container with this key, and put that inside.",
)
@passphrase_option("--boot-passphrase-file", "the boot key's passphrase")
@output_option("The signed image; a directory if there are several IN")
@dry_run_option
@no_input_option
@native_packing_options
@json_option
@click.pass_context
def sign(
    ctx: click.Context,
    /,
    sources: tuple[str, ...],
    key: str | None,
    passphrase_file: str | None,
    output: str,
    dry_run: bool,
    **given: Any,
) -> None:
    """Sign the firmware IN: .bin, Intel HEX, ELF, UF2, or any file as it is.

    A platform whose boot loader has a container of its own gets that; AWS's platforms get AWS's signed objects. The
    same IN and key give the same bytes. The signature is verified before OUT appears, and OUT appears whole or not at
    all. Several IN are signed at a time, into a directory, each with .signed behind its name.

    \b
    Examples:
      iotsign image sign app.bin -p AmazonFreeRTOS-Default -k pem:signing.pem -o app.signed
      iotsign image sign app.hex -p MCUboot-ECDSA-P256 -k pem:signing.pem -o app.img \\
          --version 1.2.3 --header-size 0x200 --pad-header --slot-size 0x60000 --align 8 --pad
      iotsign image sign app.bin -p MCUboot-ECDSA-P256 -f JSONEmbedded --boot-key pem:boot.pem -k pem:ota.pem \\
          --version 1.2.3 -o app.signed
      iotsign image sign job.bin -p AWSIoTDeviceManagement-SHA256-ECDSA -k pem:signing.pem \\
          --s3 my-bucket/job.bin@3sL4kqtJlcpXroDTDmJ -o job.signed.json
      cat app.bin | iotsign image sign - -p my-board.toml -k pem:signing.pem -o -
      iotsign image sign build/*.bin -p my-board.toml -k pem:signing.pem -o signed/
    """
    from iotsign.keys import open_signer

    boot = given["boot_key"]
    boot_signer = open_signer(boot, passphrase=passphrase_source(given["boot_passphrase_file"], boot)) if boot else None
    options = signing_options(given, boot_signer=boot_signer)
    if len(sources) > 1 and (not Path(output).is_dir() or "-" in sources):
        raise click.UsageError("several IN have to be files, and need a directory as OUT", ctx)
    uri = find_key(key)
    inputs = [*_key_files(uri), *(_key_files(boot) if boot else ())]
    if len(sources) == 1:
        from iotsign.app import sign_image

        stream, target = source_of(sources[0]), target_of(output)
        signer = open_signer(uri, passphrase=passphrase_source(passphrase_file, uri))
        with progress(f"signing {sources[0]}", size_of(sources[0])) as advance:
            signed = sign_image(stream, target, options, signer, inputs=inputs, dry_run=dry_run, progress=advance)
        report_signed(sources[0], output, signed, dry_run=dry_run, certfile=options.certificate_name)
        return
    from iotsign.app import sign_images

    signer = open_signer(uri, passphrase=passphrase_source(passphrase_file, uri))
    files, worst = [Path(source) for source in sources], 0
    with progress("signing", sizes_of(sources)) as advance:
        outcomes = sign_images(files, Path(output), options, signer, inputs=inputs, dry_run=dry_run)
        for outcome in counted(outcomes, sources, advance):
            if outcome.signed is not None:
                report_signed(
                    str(outcome.source),
                    str(outcome.target),
                    outcome.signed,
                    dry_run=dry_run,
                    certfile=options.certificate_name,
                )
            elif outcome.error is not None:
                name = str(outcome.source)
                worst = max(worst, report(outcome.error, as_json=json_wanted(), about_file=name))
    ctx.exit(worst)


@image.command(cls=Sectioned, short_help="Say whether images can be trusted, and where not.")
@click.argument("images", metavar="IMG...", nargs=-1, required=True)
@trust_options
@click.option("--boot-key", metavar="PUB.pem", help="Trust this key for the native container inside a signed object.")
@click.option("--require-all", is_flag=True, help="Each --key must have signed a native container, not just one.")
@click.option("--payload", metavar="FILE", help="The payload of a JSONDetached object; only with one IMG.")
@click.option("--integrity-only", is_flag=True, help="Be content without a key: exit 0 if the payload is whole.")
@native_opening_options
@json_option
@click.pass_context
def verify(
    ctx: click.Context, /, images: tuple[str, ...], payload: str | None, integrity_only: bool, **given: Any
) -> None:
    """Say whether each IMG can be trusted, and if not, at which step it failed.

    Give what you trust: a public key, a certificate, or a directory with roots (and the intermediates and signer
    certificates under them). Without any of them authenticity is not checked, and the exit code is 1. A native
    container inside a signed object is a layer of its own. What a signing service signs (Lambda zips, Notation
    envelopes) carries its certificates, which have to lead to a root in the directory; it expires, and may be revoked.

    \b
    Steps: 1 signed object  2 payload  3 algorithm  4 key  5 signature  6 certificate  7 rollback  8 validity
           9 revocation
    Exit code, the highest of all IMGs: 0 trusted, 1 not trusted, 3 malformed, 4 key, 5 unreadable.

    \b
    Examples:
      iotsign image verify app.signed --key signing.pub.pem
      iotsign image verify app.signed --trust /etc/iotsign/trust -p AmazonFreeRTOS-Default --strict
      iotsign image verify job.signed.json --payload job.bin --certificate signing.crt --at 2030-01-31
      iotsign image verify build/*.signed --key signing.pub.pem --json
      iotsign image verify app.img --key boot.pub.pem --minimum-version 1.2.0 --decryption-key device.pem
      iotsign image verify lambda.zip --trust service-root --revocations revocations.json
    """
    if payload is not None and len(images) > 1:
        raise click.UsageError("--payload belongs to one IMG", ctx)
    from iotsign.app import verify_images
    from iotsign.cli._image_report import print_verdict, verdict_json

    options = verify_options(given, integrity_only=integrity_only)
    sources = [source_of(name) for name in images]
    evidence = source_of(payload) if payload is not None else None
    worst = 0
    with progress(f"verifying {images[0] if len(images) == 1 else 'images'}", sizes_of(images)) as advance:
        outcomes = verify_images(sources, options, payload=evidence, progress=advance)
        for outcome in counted(outcomes, images, advance):
            about = verdict_json(outcome)
            if json_wanted():
                print_json(about)
            else:
                print_verdict(outcome)
            worst = max(worst, about["exitCode"])
    ctx.exit(worst)


@image.command(short_help="Show what is in images, without judging.")
@click.argument("images", metavar="IMG...", nargs=-1, required=True)
@json_option
@click.pass_context
def inspect(ctx: click.Context, /, images: tuple[str, ...]) -> None:
    """Show what is in each IMG, without judging it.

    The form is read strictly; whether the signature holds is what `iotsign image verify` says.

    \b
    Examples:
      iotsign image inspect app.signed
      iotsign image inspect build/*.signed --json
    """
    from iotsign.app import inspect_image
    from iotsign.cli._image_report import print_inspected
    from iotsign.errors import IotsignError

    worst = 0
    for name in images:
        try:
            with progress(f"reading {name}", size_of(name)) as advance:
                inspected = inspect_image(source_of(name), progress=advance)
        except IotsignError as error:
            worst = max(worst, report(error, as_json=json_wanted(), about_file=name))
        else:
            print_inspected(inspected, as_json=json_wanted())
    ctx.exit(worst)


@image.command(cls=Sectioned, short_help="Take the payload out of an image.")
@click.argument("source", metavar="IMG")
@output_option("The payload")
@trust_options
@dry_run_option
@native_opening_options
@json_option
def extract(source: str, output: str, dry_run: bool, **given: Any) -> None:
    """Take the payload out of the image IMG; a native container's is decrypted and decompressed.

    Out of a signed Lambda zip comes the zip as it was, out of a Notation envelope the descriptor of its artifact.

    With --key, --certificate or --trust nothing comes out unless the signature holds; what is written is what was
    verified. Without them only the form is checked, and a warning says so.

    \b
    Examples:
      iotsign image extract app.signed --key signing.pub.pem -o app.bin
      iotsign image extract app.signed -o - | sha256sum
    """
    from iotsign.app import Steps, extract_payload

    options = verify_options(given, integrity_only=True)
    stream, target = source_of(source), target_of(output)
    steps = Steps()
    with progress(f"extracting {source}", size_of(source)) as advance:
        extracted = extract_payload(stream, target, options, dry_run=dry_run, steps=steps, progress=advance)
    for words in steps.warnings:
        warn(words)
    from iotsign.cli._image_report import verified_json

    if json_wanted():
        trusted = {"verdict": "trusted" if extracted.trusted else "intact", "warnings": steps.warnings}
        print_json({"image": source, "output": output, **verified_json(extracted), **trusted, "dryRun": dry_run})
    else:
        size = extracted.image.raw_payload_size if extracted.image else extracted.payload_size
        say(f"{source}: {size} bytes of payload to {output}{unless(dry_run)}")


@image.command(cls=Sectioned, short_help="Write the digest to be signed elsewhere.")
@click.argument("source", metavar="IN")
@packing_options
@click.option(
    "--key", metavar="PUB.pem", help="The key that will sign, where a native container names it (boot record)."
)
@output_option("The digest, as raw bytes")
@dry_run_option
@native_packing_options
@native_ceremony_options
@json_option
def digest(source: str, key: str | None, output: str, dry_run: bool, **given: Any) -> None:
    """Write the digest of the firmware IN, to be signed where the key is.

    OUT holds the digest's bytes and nothing else. Sign them there, bring the signature back, and attach it with the
    same options. IN may also be a native container, to add a signature to it.

    \b
      iotsign image digest app.bin -p AmazonFreeRTOS-Default -o app.digest
      openssl pkeyutl -sign -inkey KEY.pem -pkeyopt digest:sha256 -in app.digest -out app.sig
      iotsign image attach app.bin -p AmazonFreeRTOS-Default --signature app.sig --key PUB.pem -o app.signed
    """
    from iotsign.app import digest_image
    from iotsign.keys import load_public_key

    options = signing_options(given)
    stream, target = source_of(source), target_of(output)
    public_key = load_public_key(key) if key else None
    with progress(f"hashing {source}", size_of(source)) as advance:
        hash_, value = digest_image(stream, target, options, key=public_key, dry_run=dry_run, progress=advance)
    if json_wanted():
        digested = {"algorithm": hash_.value, "value": value.hex()} if hash_ else None
        about = {"digest": digested, "size": len(value) or None, "dryRun": dry_run}
        print_json({"image": source, "platformId": options.platform.platform_id, **about})
    elif hash_:
        say(f"{hash_.value} of {source}: {value.hex()}")
    else:
        say(f"{output}: what the key has to sign as it is; it signs no digest")


@image.command(cls=Sectioned, short_help="Add a signature that was made elsewhere.")
@click.argument("source", metavar="IN")
@packing_options
@click.option(
    "--signature", "signature_file", required=True, metavar="SIG",
    help="ECDSA: DER; RSA: PKCS#1 v1.5, or PSS for a native container.",
)  # fmt: skip
@click.option("--key", required=True, metavar="PUB.pem", help="The public key that must verify it.")
@output_option("The signed image")
@dry_run_option
@native_packing_options
@native_ceremony_options
@json_option
def attach(source: str, signature_file: str, key: str, output: str, dry_run: bool, **given: Any) -> None:
    """Make a signed image of the firmware IN and a signature made elsewhere.

    A signature that does not verify is not attached. `iotsign image digest --help` shows the whole ceremony. An Ed25519
    signature is made over the payload itself (openssl pkeyutl -sign -rawin), or over what image digest wrote.
    """
    from iotsign.app import attach_signature, read_small_file
    from iotsign.keys import load_public_key

    options = signing_options(given)
    stream, target = source_of(source), target_of(output)
    public_key = load_public_key(key)
    signature = read_small_file(source_of(signature_file), _LONGEST_SIGNATURE)
    inputs = [Path(signature_file), Path(key)]
    with progress(f"packing {source}", size_of(source)) as advance:
        signed = attach_signature(
            stream, target, options, signature, public_key, inputs=inputs, dry_run=dry_run, progress=advance
        )
    report_signed(source, output, signed, dry_run=dry_run, certfile=options.certificate_name)


@image.command(cls=Sectioned, short_help="Change the key of an image, not its payload.")
@click.argument("source", metavar="IMG")
@click.option(
    "-k", "--key", metavar="KEY_URI", help="Private key, for example pem:signing.pem; by default the configured one."
)
@passphrase_option()
@click.option("-p", "--platform", metavar="PLATFORM", help="Demand what this platform demands: an id, or a .toml file.")
@click.option("--hash", "hash_name", metavar="HASH", help="SHA256, SHA384, …; by default the image's own.")
@click.option("--payload", metavar="FILE", help="The payload of a JSONDetached object.")
@output_option("The signed image")
@dry_run_option
@no_input_option
@native_resigning_options
@json_option
def resign(source: str, key: str | None, passphrase_file: str | None, output: str, dry_run: bool, **given: Any) -> None:
    """Sign the image IMG with another key. Its payload stays as it is, and its integrity is checked first.

    \b
    Examples:
      iotsign image resign app.img -k pem:production.pem -o app.production.img
      iotsign image resign app.img --append -k pem:second.pem -o app.twice.img
      iotsign image resign app.signed -k pem:production.pem -o app.production.signed
    """
    from iotsign.algorithms import HashAlgorithm
    from iotsign.app import ResigningOptions, resign_image
    from iotsign.keys import open_signer

    options = ResigningOptions(
        platform=find_platform(given["platform"]) if given["platform"] else None,
        hash_algorithm=HashAlgorithm.from_name(given["hash_name"]) if given["hash_name"] else None,
        settings=native_settings_of(given),
    )
    stream, target = source_of(source), target_of(output)
    uri = find_key(key)
    signer = open_signer(uri, passphrase=passphrase_source(passphrase_file, uri))
    payload = source_of(given["payload"]) if given["payload"] else None
    with progress(f"signing {source}", size_of(source)) as advance:
        signed = resign_image(
            stream, target, signer, options, payload=payload, inputs=_key_files(uri), dry_run=dry_run, progress=advance
        )
    report_signed(source, output, signed, dry_run=dry_run)


def _key_files(uri: str) -> list[Path]:
    """List the files that a key URI names, so that no output replaces them."""
    path = Path(uri.removeprefix("pem:"))
    return [path.expanduser() if uri.startswith("pem:~/") else path] if uri.startswith("pem:") else []
