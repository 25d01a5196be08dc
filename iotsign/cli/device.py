"""`iotsign device`: flash boards over their serial line, and ask them what they run."""

import secrets
import time
from typing import TYPE_CHECKING, Any

import click

from iotsign.cli._device_options import (
    Line,
    board_option,
    device_line,
    leave_as_found,
    line_options,
    provisioning_options,
    provisioning_page,
    reached_device,
    silent_line_options,
)
from iotsign.cli._device_report import identity_json, print_installation, print_steps, spaced
from iotsign.cli._errors import describe
from iotsign.cli._files import size_of, source_of, target_of
from iotsign.cli._image_options import output_option, trust_options, verify_options
from iotsign.cli._native_options import Sectioned
from iotsign.cli._output import (
    finish_output,
    json_option,
    json_wanted,
    print_fields,
    print_json,
    print_table,
    printable,
    say,
    stdout,
    warn,
)
from iotsign.cli._progress import progress

if TYPE_CHECKING:
    from iotsign.app import DeviceSteps, Installed, InstallOptions
    from iotsign.device import ImageState

_CONFIRMATIONS = ("app", "host", "none")
_ATTEST_KEY_SIZE = 32


class _InOrder(click.Group):
    """Lists its verbs in the order of this file."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Name the verbs."""
        return list(self.commands)


@click.group(cls=_InOrder)
def device() -> None:
    """Flash boards over their serial line, and ask them what they run.

    A board is reached by asking until its boot loader answers; the sample applications reset into it when they are
    asked. What a command has interrupted runs again when the command is done. Exit code 6: the device.
    """


@device.command(cls=Sectioned, short_help="Install an image and see it run.")
@click.argument("image", metavar="IMAGE")
@line_options
@trust_options
@click.option("--boot-key", metavar="PUB.pem", help="Trust this key for the MCUboot image inside a signed object.")
@click.option("--force", is_flag=True, help="Leave the verdict to the device, whatever the host's is.")
@click.option(
    "--confirm", "confirmation", type=click.Choice(_CONFIRMATIONS), default="app", show_default=True,
    help="Who confirms the new image: the application itself, this host once it has started, or nobody yet.",
)  # fmt: skip
@click.option(
    "--trial", type=click.FloatRange(min=0), default=5.0, show_default=True, metavar="SECONDS",
    help="How long the new application may take to report and to confirm itself.",
)  # fmt: skip
@click.option("-n", "--dry-run", is_flag=True, help="Stop before anything is written.")
@json_option
def flash(image: str, line: Line, dry_run: bool, **given: Any) -> None:
    """Install IMAGE on a board: an MCUboot image, or a JSONEmbedded object around one.

    The host verifies IMAGE, the board's identity and platform are checked, the image is uploaded and read back, the
    device verifies a signed object's signature with its own key, marks the image pending, resets and starts it. The
    image stays if it confirms itself; otherwise the device goes back, and that is an error.

    A board that esptool, pyOCD or OpenOCD flashes is written and read back by that program; the host verifies IMAGE
    before.

    \b
    Examples:
      iotsign device flash app.img --board mps2-an385 --key boot.pub.pem
      iotsign device flash app.signed --board desk --port /dev/ttyACM0 --key ota.pub.pem --boot-key boot.pub.pem
    """
    if line.board is None:
        raise click.UsageError("say which board with --board", click.get_current_context())
    if not given["force"] and not (given["key"] or given["certificate"] or given["trust"]):
        message = "say whom to trust with --key, --certificate or --trust, or leave it to the device with --force"
        raise click.UsageError(message, click.get_current_context())
    from iotsign.app import DeviceSteps, install_with_program
    from iotsign.device import find_board
    from iotsign.errors import IotsignError

    board = find_board(line.board)
    options = _install_options(given, line.timeout_s, dry_run=dry_run)
    steps = DeviceSteps()
    start = time.monotonic()
    try:
        if board.flasher is not None:
            install_with_program(source_of(image), board, line.port, options, steps=steps)
            installed = None
        else:
            installed = _install_over_line(image, line, options, steps)
    except IotsignError as error:
        print_installation(image, board.board_id, steps, time.monotonic() - start, error=error)
        raise
    print_installation(image, board.board_id, steps, time.monotonic() - start, installed=installed)


def _install_options(given: dict[str, Any], timeout_s: float, *, dry_run: bool) -> "InstallOptions":
    from iotsign.app import InstallOptions

    trusted = given["key"] or given["certificate"] or given["trust"]
    return InstallOptions(
        verify=verify_options(given, integrity_only=False) if trusted else None,
        force=given["force"],
        confirm=given["confirmation"],
        trial_s=given["trial"],
        connect_timeout_s=timeout_s,
        dry_run=dry_run,
    )


def _install_over_line(image: str, line: Line, options: "InstallOptions", steps: "DeviceSteps") -> "Installed":
    from iotsign.app import install_image
    from iotsign.errors import IotsignError

    total = size_of(image)
    with (
        device_line(line) as (board, client),
        progress(f"uploading {image}", total) as advance,
    ):
        report = (lambda done, size: advance(done * (total or size) // size)) if advance else None
        try:
            installed = install_image(source_of(image), client, board, options, steps=steps, progress=report)
        except IotsignError:
            leave_as_found(client)
            raise
        if options.dry_run:
            leave_as_found(client)
        return installed


@device.command(short_help="Have a device prove that it holds an image.")
@click.argument("image", metavar="IMAGE")
@line_options
@click.option("--slot", type=click.IntRange(0, 1), metavar="0|1", help="Where to look; by default where the image is.")
@json_option
def verify(image: str, line: Line, slot: int | None) -> None:
    """Have a device prove that it holds IMAGE.

    The device hashes what is in its slot; an update that waits in the second slot is also checked against the device's
    own code-signing key, if IMAGE is a signed object. Exit code 1: it holds something else.
    """
    from iotsign.app import DeviceSteps, verify_installed
    from iotsign.errors import IotsignError

    steps = DeviceSteps()
    with reached_device(line) as (board, client):
        about = {"image": image, "board": board.board_id}
        try:
            verify_installed(source_of(image), client, board, slot=slot, steps=steps)
        except IotsignError as error:
            print_steps(f"{image}: not verified", steps, about | {"error": describe(error)}, good=False)
            raise
    print_steps(f"{image}: verified by the device", steps, about, good=True)


@device.command("list", short_help="List the images on a device.")
@line_options
@json_option
def list_(line: Line) -> None:
    """List the images in the slots of a device, and what is to become of them."""
    with reached_device(line) as (_, client):
        images = client.images()
    _print_images(images)


def _print_images(images: "list[ImageState]") -> None:
    flags = ("active", "bootable", "pending", "confirmed", "permanent")
    if json_wanted():
        print_json({
            "images": [
                {"slot": image.slot, "version": image.version, "hash": image.hash}
                | {flag: bool(getattr(image, flag)) for flag in flags}
                for image in images
            ]
        })  # fmt: skip
        return
    rows = [
        [image.slot, image.version, " ".join(flag for flag in flags if getattr(image, flag)), (image.hash or b"").hex()]
        for image in images
    ]
    print_table(["slot", "version", "state", "hash"], rows)


@device.command(short_help="Say who a device is.")
@line_options
@json_option
def info(line: Line) -> None:
    """Say who a device is: board, name, boot loader, security counter, code signer."""
    with reached_device(line) as (board, client):
        about = identity_json(client.identity()) | {
            "boardName": board.name,
            "port": client.name,
            "frameSize": client.buffer_size(),
        }
    if json_wanted():
        print_json(about)
    else:
        print_fields([(spaced(name), "none" if value is None else value) for name, value in about.items()])


@device.command(short_help="Reset a device.")
@line_options
@json_option
def reset(line: Line) -> None:
    """Reset a device; an image on trial that has not confirmed is given up."""
    with reached_device(line) as (_, client):
        client.interrupted = False
        client.reset()
        name = client.name
    _done("reset", name, f"{name}: reset")


@device.command(short_help="Erase the slot where updates arrive.")
@line_options
@json_option
def erase(line: Line) -> None:
    """Erase the slot where updates arrive: an update that waits, or the image before."""
    with reached_device(line) as (_, client):
        client.erase()
        name = client.name
    _done("erased", name, f"{name}: slot 1 erased")


@device.command(short_help="Keep the image that runs on trial.")
@line_options
@json_option
def confirm(line: Line) -> None:
    """Keep the image that runs on trial."""
    with reached_device(line) as (_, client):
        images = client.confirm()
    _print_images(images)


@device.command(short_help="Have a device attest what it runs.")
@line_options
@click.option("--attest-key", metavar="FILE", help="The 32 bytes that were provisioned; checks the attestation.")
@click.option("--nonce", metavar="HEX", help="16 to 64 bytes; by default 32 random ones.")
@json_option
def attest(
    line: Line,
    attest_key: str | None,
    nonce: str | None,
) -> None:
    """Have a device say what lies in its slots, bound to a fresh nonce.

    With --attest-key the answer must have been made with the device's provisioned secret; exit code 1 otherwise.
    Without it, it is a statement that nobody vouches for.
    """
    from iotsign.app import read_small_file

    key = read_small_file(source_of(attest_key), _ATTEST_KEY_SIZE) if attest_key else None
    fresh = _nonce(nonce)
    with reached_device(line) as (_, client):
        attestation = client.attest(fresh)
    if key is not None:
        attestation.verify(key)
    slots = [{"slot": slot.slot, "version": slot.version, "sha256": slot.sha256} for slot in attestation.slots]
    if json_wanted():
        print_json({
            "deviceId": attestation.device_id,
            "verified": key is not None,
            "nonce": attestation.nonce,
            "slots": slots,
            "hmac": attestation.hmac,
            "reply": attestation.reply,
        })  # fmt: skip
        return
    if key is None:
        warn("nobody vouches for this: give --attest-key to check it")
    title = f"{attestation.device_id or 'a device without a name'}: {'attested' if key else 'not checked'}"
    print_table(["slot", "version", "SHA-256"], [list(slot.values()) for slot in slots], title=title)


def _nonce(text: str | None) -> bytes:
    if text is None:
        return secrets.token_bytes(32)
    try:
        value = bytes.fromhex(text)
    except ValueError:
        value = b""
    if not 16 <= len(value) <= 64:
        raise click.BadParameter(f"expected 32 to 128 hexadecimal digits, got {text!r}", param_hint="--nonce")
    return value


@device.command(short_help="Show what a device prints.")
@silent_line_options
@click.option("--seconds", type=click.FloatRange(min=0), metavar="SECONDS", help="By default it ends on Ctrl-C.")
@json_option
def console(
    line: Line,
    seconds: float | None,
) -> None:
    """Show what a device prints, line by line; nothing is sent to it."""
    with device_line(line) as (_, client):
        for text in client.lines(seconds if seconds is not None else float("inf")):
            if json_wanted():
                print_json({"line": text})
            else:
                click.echo(printable(text), stdout())
            finish_output()


@device.command(short_help="Write a provisioning page.")
@board_option
@provisioning_options
@output_option("The page: Intel HEX at its address if OUT ends in .hex, else its bytes")
@json_option
def provision(board_name: str | None, output: str, **given: Any) -> None:
    """Write the page that tells a device whom to trust: its boot keys, its code signer, its name.

    A real board gets it with its vendor's programmer, an emulated one with `iotsign board start --provision`.

    \b
    Example:
      iotsign device provision -b mps2-an385 --boot-key boot.pub.pem --code-signer ota.pub.pem \\
          --device-id sensor-17 -o page.hex
    """
    from iotsign.app import output_file
    from iotsign.device import find_board
    from iotsign.device.provisioning import intel_hex

    page = provisioning_page(given)
    if output.endswith(".hex"):
        if board_name is None:
            raise click.UsageError("an Intel HEX file needs --board, for the address", click.get_current_context())
        content = intel_hex(find_board(board_name), page).encode()
    else:
        content = page
    with output_file(target_of(output)) as file:
        file.write(content)
    _done("size", len(page), f"{output}: a provisioning page of {len(page)} bytes")


def _done(name: str, value: object, words: str) -> None:
    if json_wanted():
        print_json({name: value})
    else:
        say(words)
