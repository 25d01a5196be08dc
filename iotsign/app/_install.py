"""Installation of an image on a device: what is written is what was verified, by the host and by the device."""

import hashlib
import io
import re
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from iotsign.app._boot_image import BootImage, check_board, read_boot_image, read_payload
from iotsign.app._device_steps import DeviceSteps
from iotsign.app._input_file import Source, read_small_file, source_name
from iotsign.app._verdict import VerifyOptions
from iotsign.app._verify import verify_image
from iotsign.errors import (
    DeviceError,
    DeviceTimeoutError,
    DigestMismatchError,
    SmpError,
    UntrustedImageError,
    WrongBoardError,
)

if TYPE_CHECKING:
    from iotsign.device import Board, Identity, ImageState, SmpClient

__all__ = [
    "CONFIRMATIONS",
    "InstallOptions",
    "Installed",
    "check_identity",
    "install_image",
    "install_with_program",
    "verify_installed",
]

CONFIRMATIONS: Final = ("app", "host", "none")
"""Who confirms a new image: the application itself, the host once it has seen it start, or nobody yet."""

_ENVELOPE_FACTOR: Final = 2  # a signed object is at most this much larger than its payload
_ENVELOPE_EXTRA: Final = 4096  # bytes
_BOOTING: Final = re.compile(r"booting (\d+\.\d+\.\d+\+\d+)(?: \((.*)\))?$")
_REFUSED: Final = re.compile(r"refused: (.*)$")
_CONFIRMED: Final = "confirmed"  # what our sample applications print


@dataclass(frozen=True, slots=True)
class InstallOptions:
    """How an image is installed.

    Attributes:
        verify: What the host's verdict has to respect; None leaves the verdict to the device.
        force: Go on although the host's verdict is no.
        confirm: One of `CONFIRMATIONS`.
        trial_s: Seconds that the new application has to report and to confirm itself.
        boot_timeout_s: Seconds until the new application must have been started; a swap of slots is in them.
        connect_timeout_s: Seconds until the boot loader must have answered.
        dry_run: Verify and check everything, and write nothing.
    """

    verify: VerifyOptions | None = None
    force: bool = False
    confirm: str = "app"
    trial_s: float = 5.0
    boot_timeout_s: float = 60.0
    connect_timeout_s: float = 10.0
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Installed:
    """How an installation ended.

    Attributes:
        identity: The device.
        image: What was installed.
        outcome: ``confirmed``, ``on trial``, or ``not written`` after a dry run.
        sha256: Of the bytes that were written.
        steps: What was done, with times.
    """

    identity: "Identity"
    image: BootImage
    outcome: str
    sha256: bytes
    steps: DeviceSteps


def install_image(
    source: Source,
    client: "SmpClient",
    board: "Board",
    options: InstallOptions,
    *,
    steps: DeviceSteps | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Installed:
    """Install an image and wait until the device runs it.

    Args:
        source: The image, or a signed object around one.
        client: The device, in any state.
        board: What the device has to be.
        options: How.
        steps: Filled as it proceeds, so that it can be read after an error.
        progress: Called with the bytes uploaded so far, and how many they are in all.

    Raises:
        UntrustedImageError: The host's verdict is no. Nothing was written.
        FormatError: The image is malformed. Nothing was written.
        WrongBoardError: The device is not this board, or the image is for another platform. Nothing was written.
        SmpError: The device refuses the image.
        DeviceError: It does not fit (ImageTooLarge), the device did not start it (UpdateRefused, NotStarted) or went
            back to the image before (Reverted).
    """
    steps = steps or DeviceSteps()
    name = source_name(source)
    # 1. The file holds what boards boot. It is read once: all that follows is about these bytes.
    with steps.step("read image") as step:
        data = read_small_file(source, _ENVELOPE_FACTOR * board.capacity + _ENVELOPE_EXTRA)
        image = read_boot_image(data, name)
        digest = hashlib.sha256(image.data).digest()
        step.detail = f"{image.boot_version}, {len(image.data)} bytes, SHA-256 {digest.hex()}"
    # 2. The host trusts it.
    _host_verdict(data, options, steps)
    # 3. The board takes it.
    with steps.step("platform") as step:
        step.detail = check_board(image, board, name)
    # 4. The device is the board.
    with steps.step("identity") as step:
        client.connect(options.connect_timeout_s)
        identity = check_identity(client, board)
        step.detail = _describe(identity)
        if identity.code_signer is not None and image.algorithm is None:
            message = "the device has a code signer: it installs signed objects, not bare images"
            hint = "sign with -f JSONEmbedded, --boot-key and the code signer's key"
            raise DeviceError("SignedObjectNeeded", message, hint=hint)
    if options.dry_run:
        return Installed(identity, image, "not written", digest, steps)
    # 5. The device has the bytes, and says so itself.
    _upload(image, client, steps, progress)
    with steps.step("read back") as step:
        if client.digest(len(image.data)) != digest:
            raise DigestMismatchError("ReadBackMismatch", "the device holds other bytes than those that were sent")
        step.detail = f"SHA-256 {digest.hex()}"
    # 6. The device trusts them: the signed object now, the boot signature when it is marked and at each start.
    _device_verdict(image, client, identity, steps)
    with steps.step("mark pending") as step:
        client.set_pending(image.image_hash)
        step.detail = "for one start on trial"
    # 7. It starts the image.
    with steps.step("start") as step:
        step.detail = _start(image, client, options)
    if options.confirm == "none":
        return Installed(identity, image, "on trial", digest, steps)
    # 8. The image stays.
    with steps.step("confirm") as step:
        step.detail = _settle(image, client, options)
    return Installed(identity, image, "confirmed", digest, steps)


def _host_verdict(data: bytes, options: InstallOptions, steps: DeviceSteps) -> None:
    if options.verify is None:
        steps.skip("host verifies", "left to the device")
        return
    try:
        with steps.step("host verifies") as step:
            verified = verify_image(io.BytesIO(data), options.verify)
            steps.warnings += verified.steps.warnings
            step.detail = verified.steps.taken[-1].detail if verified.signer is None else "signed by a trusted key"
    except UntrustedImageError as error:
        if not options.force:
            raise
        steps.warnings.append(f"forced: the host refuses this image: {error.message}")


def check_identity(client: "SmpClient", board: "Board") -> "Identity":
    """Ask a device who it is; it must be the board.

    Raises:
        WrongBoardError: It is another one, or its boot loader cannot say.
    """
    try:
        identity = client.identity()
    except SmpError as error:
        message = f"{client.name}: the device does not say which board it is: {error.message}"
        raise WrongBoardError("NoIdentity", message, expected=board.board_id) from None
    if identity.board != board.board_id:
        message = f"expected a {board.board_id}, {client.name} is a {identity.board}"
        raise WrongBoardError("WrongBoard", message, expected=board.board_id, got=identity.board)
    return identity


def _describe(identity: "Identity") -> str:
    named = f" {identity.device_id}" if identity.device_id else ""
    return f"{identity.board}{named}, boot loader {identity.loader}, security counter {identity.counter}"


def _upload(
    image: BootImage, client: "SmpClient", steps: DeviceSteps, progress: Callable[[int, int], None] | None
) -> None:
    from iotsign.device import upload_image

    size = len(image.data)
    with steps.step("upload") as step:
        start = time.monotonic()
        began = upload_image(client, image.data, (lambda done: progress(done, size)) if progress else None)
        rate = (size - began) / max(time.monotonic() - start, 1e-6) / 1000
        resumed = f", resumed at {began}" if began else ""
        step.detail = f"{size} bytes at {rate:.1f} kB/s{resumed}, {client.retries} blocks again"


def _device_verdict(image: BootImage, client: "SmpClient", identity: "Identity", steps: DeviceSteps) -> None:
    if image.algorithm is None:
        steps.skip("device verifies", "a bare image: the device verifies its boot signature as it marks it")
        return
    if identity.code_signer is None:
        steps.skip("device verifies", "no code signer is provisioned on the device")
        steps.warnings.append("the device does not know the signed object's key; it verifies the boot signature only")
        return
    with steps.step("device verifies") as step:
        client.verify_signature(image.algorithm.name, image.signature, len(image.data))
        step.detail = f"{image.algorithm.name} by the provisioned code signer"


def _start(image: BootImage, client: "SmpClient", options: InstallOptions) -> str:
    """Reset, and wait until the boot loader starts the image and the application reports.

    Raises:
        DeviceError: It starts another image, or none.
    """
    client.console.clear()
    client.reset()
    booted = _next_boot(client, options.boot_timeout_s)
    if booted != image.boot_version:
        message = f"the device refused the update and runs {booted}"
        raise DeviceError("UpdateRefused", message, expected=image.boot_version, got=booted)
    report = client.wait_for_line(lambda line: line.endswith(image.boot_version), options.trial_s)
    return f"reports {report!r}" if report else "started; it prints no version"


def _next_boot(client: "SmpClient", timeout_s: float) -> str:
    line = client.wait_for_line(lambda line: bool(_BOOTING.search(line) or _REFUSED.search(line)), timeout_s)
    if line is None:
        message = f"{client.name}: the device did not start an image within {timeout_s:g} s"
        raise DeviceTimeoutError("NotStarted", message, port=client.name)
    booting = _BOOTING.search(line)
    if booting is None:
        raise DeviceError("NotStarted", f"{client.name}: the boot loader starts nothing: {line}", port=client.name)
    return booting[1]


def _settle(image: BootImage, client: "SmpClient", options: InstallOptions) -> str:
    """Let the application confirm itself, or confirm it; and look whether it stays.

    Raises:
        DeviceError: It did not confirm, and the device went back.
    """
    client.wait_for_line(lambda line: line == _CONFIRMED, options.trial_s if options.confirm == "app" else 0)
    client.connect(options.connect_timeout_s)
    running = _running(client.images())
    detail = "by the application"
    if running is not None and running.hash == image.image_hash and not running.confirmed and options.confirm == "host":
        running = _running(client.confirm())
        detail = "by the host"
    client.console.clear()
    client.reset()
    booted = _next_boot(client, options.boot_timeout_s)
    if running is None or running.hash != image.image_hash or not running.confirmed or booted != image.boot_version:
        message = f"{image.boot_version} did not confirm itself within {options.trial_s:g} s; the device runs {booted}"
        raise DeviceError("Reverted", message, expected=image.boot_version, got=booted)
    return detail


def _running(images: "list[ImageState]") -> "ImageState | None":
    return next((image for image in images if image.slot == 0), None)


def verify_installed(
    source: Source, client: "SmpClient", board: "Board", *, slot: int | None = None, steps: DeviceSteps | None = None
) -> DeviceSteps:
    """Have a device prove that it holds an image: its digest, and the signed object's signature where it can.

    Args:
        source: The image, or a signed object around one.
        client: The device, in its boot loader.
        board: What the device has to be.
        slot: Where to look; by default the slot whose image has the hash.
        steps: Filled as it proceeds.

    Raises:
        DigestMismatchError: The device holds something else.
        SmpError: The device's code signer did not sign it, or the device refuses to say.
        WrongBoardError: The device is not this board.
    """
    steps = steps or DeviceSteps()
    with steps.step("read image") as step:
        data = read_small_file(source, _ENVELOPE_FACTOR * board.capacity + _ENVELOPE_EXTRA)
        image = read_boot_image(data, source_name(source))
        step.detail = f"{image.boot_version}, {len(image.data)} bytes"
    with steps.step("identity") as step:
        identity = check_identity(client, board)
        step.detail = _describe(identity)
    with steps.step("digest") as step:
        states = {state.slot: state for state in client.images()}
        if slot is None:
            slot = next((number for number, state in states.items() if state.hash == image.image_hash), None)
        if slot is None or slot not in states:
            held = ", ".join(f"{state.version} in slot {number}" for number, state in states.items()) or "nothing"
            raise DigestMismatchError("NotOnDevice", f"the device does not hold {image.boot_version}; it has {held}")
        digest = client.digest(len(image.data), slot)
        if digest != hashlib.sha256(image.data).digest():
            raise DigestMismatchError("DigestMismatch", f"slot {slot} holds other bytes than {source_name(source)}")
        step.detail = f"slot {slot}: SHA-256 {digest.hex()}"
    if slot == 1:
        _device_verdict(image, client, identity, steps)
    else:
        steps.skip("device verifies", "the boot loader verified the boot signature when it started the image")
    return steps


def install_with_program(
    source: Source, board: "Board", port: str | None, options: InstallOptions, *, steps: DeviceSteps | None = None
) -> DeviceSteps:
    """Have the board's own flasher write an image: the payload of a signed object, or the file as it is.

    Args:
        source: The image.
        board: A board with a flasher.
        port: Where it is; None to let the flasher choose.
        options: The host's verdict; nothing else of them applies.
        steps: Filled as it proceeds.

    Raises:
        UntrustedImageError: The host's verdict is no. Nothing was written.
        FormatError: The image is malformed. Nothing was written.
        DeviceError: It does not fit, or the flasher is missing or failed.
    """
    from iotsign.device import flash_with_program

    steps = steps or DeviceSteps()
    name = source_name(source)
    with steps.step("read image") as step:
        data = read_small_file(source, _ENVELOPE_FACTOR * board.capacity + _ENVELOPE_EXTRA)
        payload = read_payload(data, name)
        if len(payload) > board.capacity:
            message = f"{name} has {len(payload)} bytes; {board.board_id} holds {board.capacity}"
            raise DeviceError("ImageTooLarge", message, limit=board.capacity, got=len(payload))
        step.detail = f"{len(payload)} bytes, SHA-256 {hashlib.sha256(payload).hexdigest()}"
    _host_verdict(data, options, steps)
    if options.dry_run:
        return steps
    with tempfile.NamedTemporaryFile(suffix=".bin") as file, steps.step("write") as step:
        file.write(payload)
        file.flush()
        step.detail = flash_with_program(board, Path(file.name), port)
    return steps
