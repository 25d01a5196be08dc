"""`iotsign key`: make keys and certificates, and look at them."""

import re
from pathlib import Path

import click

from iotsign.algorithms import KeyType
from iotsign.cli._files import target_of
from iotsign.cli._key_report import report_details, report_issued
from iotsign.cli._output import json_option, json_wanted, no_input_option, print_json, say, warn
from iotsign.cli._passphrase import new_passphrase, passphrase_option, passphrase_source, read_passphrase
from iotsign.cli.access import data_option

_STREAM = "-"
_ACCOUNT = re.compile(r"[0-9]{12}")
_KEY_TYPES = click.Choice([key_type.value for key_type in KeyType])
_dry_run_option = click.option("-n", "--dry-run", is_flag=True, help="Check everything, write nothing.")


def _account(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is not None and not _ACCOUNT.fullmatch(value):
        raise click.BadParameter(f"expected an account of twelve digits, got {value!r}")
    return value


@click.group()
def key() -> None:
    """Make keys and certificates, and look at them.

    \b
    generate       makes a private key
    certificate    makes a code-signing certificate, self-signed or with a chain
    show           shows what a key URI names, and takes the public half out
    import         hands a key and its certificate to the signing service
    export-trust   writes the roots of the signing service's own chain
    rotate-issuer  lets a new root and issuing CA of the signing service issue
    """


@key.command()
@click.option("-t", "--type", "key_type", required=True, type=_KEY_TYPES, help="Kind of key.")
@click.option("-o", "--output", required=True, metavar="KEY.pem", help="The private key; - is standard output.")
@passphrase_option(words="a passphrase that encrypts the key")
@click.option("--encrypt", is_flag=True, help="Ask for a passphrase that encrypts the key.")
@click.option("--force", is_flag=True, help="Replace a key that is there; it is lost.")
@_dry_run_option
@no_input_option
@json_option
def generate(
    key_type: str, output: str, passphrase_file: str | None, encrypt: bool, force: bool, dry_run: bool
) -> None:
    """Make a private key: PKCS#8 as PEM, in a file that only you can read.

    A key that is there is never replaced unless you say --force.

    \b
    Examples:
      iotsign key generate -t p256 -o signing.pem
      iotsign key generate -t ed25519 -o signing.pem --passphrase-file secret.txt
    """
    from iotsign.keys import check_key_target, describe_key, generate_key, write_key_file

    if output == _STREAM:
        target_of(output)
    else:
        check_key_target(output, force=force)
    passphrase = new_passphrase(passphrase_file, ask=encrypt)
    if dry_run:
        say(f"would write a new {key_type} key to {output}")
        return
    pem = generate_key(KeyType(key_type), passphrase=passphrase)
    if output == _STREAM:
        click.echo(pem, nl=False)
        return
    write_key_file(output, pem, force=force)
    report_details(f"pem:{output}", describe_key(f"pem:{output}", passphrase=lambda: passphrase or b""))


@key.command()
@click.option("-k", "--key", "uri", required=True, metavar="KEY_URI", help="The signer's key, such as pem:signing.pem.")
@click.option("-o", "--output", required=True, metavar="CERT.pem", help="The certificate; - is standard output.")
@click.option("--subject", metavar="CN=…", help="Whose it is (RFC 4514); by default it names the key.")
@click.option("--days", type=int, default=365, show_default=True, metavar="N", help="How long it is valid.")
@click.option(
    "--chain-dir",
    metavar="DIR",
    help="Let the CA in DIR issue it; a root and an intermediate CA are made there if there are none. "
    "DIR serves as --trust DIR.",
)
@passphrase_option()
@passphrase_option("--chain-passphrase-file", "the passphrase of the CA keys, new ones included,")
@_dry_run_option
@no_input_option
@json_option
def certificate(
    uri: str,
    output: str,
    subject: str | None,
    days: int,
    chain_dir: str | None,
    passphrase_file: str | None,
    chain_passphrase_file: str | None,
    dry_run: bool,
) -> None:
    """Make a code-signing certificate for a key: key usage digitalSignature, extended key usage codeSigning.

    \b
    Examples:
      iotsign key certificate -k pem:signing.pem -o signing.crt --subject "CN=Release signing,O=Example"
      iotsign key certificate -k pem:signing.pem -o signing.crt --chain-dir ca
    """
    from iotsign.app import output_file
    from iotsign.keys import certificate_pem, certify_self, certify_with, key_file, open_signer

    signer = open_signer(uri, passphrase=passphrase_source(passphrase_file, uri))
    with output_file(target_of(output), inputs=[key_file(uri)], dry_run=dry_run) as file:
        if chain_dir is None or dry_run:
            issued = certify_self(signer, subject=subject, days=days)
        else:
            ca_passphrase = read_passphrase(chain_passphrase_file) if chain_passphrase_file else None
            issued = certify_with(
                chain_dir,
                signer.public_key,
                subject=subject,
                days=days,
                passphrase=(lambda: ca_passphrase)
                if ca_passphrase
                else passphrase_source(None, f"the CA in {chain_dir}"),
                new_passphrase=ca_passphrase,
            )
        file.write(certificate_pem(issued.certificate))
    if dry_run:
        say(f"would write a certificate to {output}" + (f", issued by the CA in {chain_dir}" if chain_dir else ""))
    elif output != _STREAM:
        report_issued(output, issued)


@key.command()
@click.argument("uri")
@click.option("--public", is_flag=True, help="Write the public half as PEM instead.")
@click.option("-o", "--output", metavar="PUB.pem", help="Where --public writes to; standard output by default.")
@passphrase_option()
@no_input_option
@json_option
def show(uri: str, public: bool, output: str | None, passphrase_file: str | None) -> None:
    """Show what URI names: a private key, a public key or a certificate; and what speaks against it.

    \b
    Examples:
      iotsign key show pem:signing.pem
      iotsign key show pem:signing.pem --public -o signing.pub.pem
    """
    from iotsign.app import output_file
    from iotsign.keys import describe_key, key_file

    if output is not None and not public:
        raise click.UsageError("-o goes with --public", click.get_current_context())
    details = describe_key(uri, passphrase=passphrase_source(passphrase_file, uri))
    if not public:
        report_details(uri, details)
        return
    pem = details.public_key.to_pem()
    if output is None or output == _STREAM:
        if json_wanted():
            target_of(_STREAM)
        click.echo(pem, nl=False)
        return
    with output_file(Path(output), inputs=[key_file(uri)]) as file:
        file.write(pem)
    if json_wanted():
        report_details(uri, details)


@key.command("import")
@click.option("-k", "--key", "uri", required=True, metavar="KEY_URI", help="The private key, such as pem:signing.pem.")
@click.option(
    "--account",
    metavar="ACCOUNT",
    callback=_account,
    help="Whose it is: twelve digits; by default client.account, or the service's only account.",
)
@click.option(
    "-c",
    "--certificate",
    "certificates",
    multiple=True,
    metavar="CERT.pem",
    help="The signer's certificate, then its issuers, in one file or several. Without it the key is a bare one, for "
    "platforms whose devices know the key itself.",
)
@click.option("--by-reference", is_flag=True, help="Leave the key where it is and open it there when it signs.")
@data_option
@click.option("--region", metavar="REGION", help="AWS region of the service; by default server.region.")
@passphrase_option()
@no_input_option
@json_option
def import_(
    uri: str,
    account: str | None,
    certificates: tuple[str, ...],
    by_reference: bool,
    data: Path | None,
    region: str | None,
    passphrase_file: str | None,
) -> None:
    """Hand a key to the signing service, and print the certificateArn by which profiles name it.

    The private key is stored encrypted under the service's key file, which is made if there is none.

    \b
    Examples:
      iotsign key import -k pem:signing.pem -c signing.crt
      iotsign key import -k pem:signing.pem -c signing.crt -c ca/intermediate.pem --account 111122223333 --by-reference
    """
    from iotsign.app.configuration import load_configuration
    from iotsign.app.service import import_material, service_settings
    from iotsign.server.client import find_account

    configuration = load_configuration()
    settings = service_settings(configuration.server, data=data, region=region)
    owner = find_account(settings.directory, account or configuration.client.account)
    passphrase = passphrase_source(passphrase_file, uri)
    found = import_material(settings, owner, uri, certificates, passphrase=passphrase, by_reference=by_reference)
    for problem in found.problems:
        warn(problem)
    if found.key_file is not None:
        say(f"made the key file {found.key_file}; without it the imported keys are lost, so keep a copy elsewhere")
    if json_wanted():
        print_json({"certificateArn": found.arn})
    else:
        click.echo(found.arn)


@key.command("rotate-issuer")
@data_option
@json_option
def rotate_issuer(data: Path | None) -> None:
    """Let a new root and issuing CA of the signing service issue from now on.

    The service signs for Lambda and Notation with a chain of its own. What the chains before it signed stays good: give
    verifiers all roots, with export-trust, before or right after this. A running server changes over within a second.

    \b
    Examples:
      iotsign key rotate-issuer --data /var/lib/iotsign
    """
    from iotsign.app.configuration import load_configuration
    from iotsign.app.issuer import rotate_issuer as rotate
    from iotsign.app.service import service_settings
    from iotsign.keys import certificate_key

    root = rotate(service_settings(load_configuration().server, data=data))
    fingerprint, until = certificate_key(root).fingerprint.hex(), root.not_valid_after_utc.isoformat()
    if json_wanted():
        print_json({"rootKeyFingerprint": fingerprint, "validUntil": until})
    else:
        say(f"the root with the key {fingerprint[:16]}… issues from now on, until {until}; give it to verifiers")


@key.command("export-trust")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Trust directory.")
@data_option
@json_option
def export_trust(output: Path, data: Path | None) -> None:
    """Write the roots of the signing service's own chains into a trust directory, for iotsign image verify --trust.

    Roots that were replaced are written, too: what they signed stays good. Other files in DIR stay.

    \b
    Examples:
      iotsign key export-trust -o trust --data /var/lib/iotsign
      iotsign image verify function.zip --trust trust
    """
    from iotsign.app.configuration import load_configuration
    from iotsign.app.issuer import export_trust as export
    from iotsign.app.service import service_settings

    written = export(service_settings(load_configuration().server, data=data), output)
    if json_wanted():
        print_json({"path": str(output), "roots": [str(path) for path in written]})
    else:
        say(f"wrote {len(written)} root certificates into {output}" if len(written) > 1 else f"wrote {written[0]}")
