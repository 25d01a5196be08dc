"""An SMP client: asks, waits, asks again; never for ever."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from iotsign.device._framing import FrameReader, encode_frame
from iotsign.device._transport import Transport, missing_extra
from iotsign.errors import DeviceError, DeviceTimeoutError, SmpError

try:
    import cbor2
    from pydantic import ValidationError
    from smp import header, image_management, os_management
    from smp.error import MGMT_ERR
    from smp.exceptions import SMPException

    from iotsign.device import _vendor
except ImportError as _error:
    raise missing_extra(_error) from None

if TYPE_CHECKING:
    from smp.message import Request

    from iotsign.device._vendor import Attestation, Identity

__all__ = ["ImageState", "SmpClient"]

ImageState = image_management.ImageState

_Reply = TypeVar("_Reply", bound=Any)

_TRIES: Final = 5
_REPLY_TIMEOUT_S: Final = 8.0
_ERASE_TIMEOUT_S: Final = 60.0
_VERIFY_TIMEOUT_S: Final = 60.0
_HELLO_TIMEOUT_S: Final = 0.25
_BITS_A_BYTE: Final = 10  # on the line, with start and stop bit
_HEADER: Final = header.Header.SIZE
_WORDS: Final = {
    "EchoWriteRequest": "to echo",
    "ResetWriteRequest": "to reset",
    "MCUMgrParametersReadRequest": "to say its parameters",
    "ImageStatesReadRequest": "to list its images",
    "ImageStatesWriteRequest": "to mark the image",
    "ImageEraseRequest": "to erase",
    "ImageUploadWriteRequest": "the upload",
    "IdentityRequest": "to say who it is",
    "DigestRequest": "to hash its flash",
    "VerifyRequest": "the signature",
    "AttestRequest": "to attest",
    "ReadBackRequest": "to be read back",
}
_BANNER: Final = "iotsign boot "
_DEFAULT_BUFFER: Final = 256  # bytes of a frame that every server takes


class SmpClient:
    """Speaks SMP with one device.

    Attributes:
        console: The lines that the device printed, since the last time they were taken out.
        retries: Requests that had to be sent again.
        interrupted: The boot loader was reached by a reset: something else ran, or was about to.
    """

    def __init__(self, transport: Transport, *, baud: int = 115200, reply_timeout_s: float = _REPLY_TIMEOUT_S) -> None:
        """Take over a line.

        Args:
            transport: The line.
            baud: Bits per second of the line; how long a request travels.
            reply_timeout_s: How long the device may think about an ordinary request.
        """
        self.console: list[str] = []
        self.retries = 0
        self.interrupted = False
        self._transport = transport
        self._baud = baud
        self._timeout_s = reply_timeout_s
        self._reader = FrameReader()
        self._buffer_size: int | None = None

    @property
    def name(self) -> str:
        """What to call the line in messages."""
        return self._transport.name

    def close(self) -> None:
        """Let go of the line."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def connect(self, timeout_s: float = 10.0) -> float:
        """Ask until the boot loader answers.

        The first bytes make an application of ours reset into its boot loader; a boot loader that has just started
        listens before it starts the application. So whatever the device does, asking again reaches it.

        Returns:
            Seconds until the answer.

        Raises:
            DeviceTimeoutError: The device is silent (DeviceSilent).
            DeviceError: The device prints text and answers nothing (WrongMode).
        """
        start = time.monotonic()
        hello = os_management.EchoWriteRequest(d="iotsign")
        while True:
            try:
                self._exchange(hello, _HELLO_TIMEOUT_S, tries=1)
            except DeviceTimeoutError:
                if time.monotonic() - start > timeout_s:
                    raise self._unanswered(timeout_s) from None
            else:
                self.interrupted |= any(line.startswith(_BANNER) for line in self.console)
                return time.monotonic() - start

    def _unanswered(self, timeout_s: float) -> DeviceError:
        if self.console:
            message = f"{self.name}: the device prints {self.console[-1]!r} but answers no SMP request"
            hint = "bring it into its boot loader: reset it, or see its manual for the recovery mode"
            return DeviceError("WrongMode", message, port=self.name, hint=hint)
        message = f"{self.name}: the device is silent for {timeout_s:g} s"
        hint = f"is it powered, is this its port, is {self._baud} its baud rate?"
        return DeviceTimeoutError("DeviceSilent", message, port=self.name, hint=hint)

    def echo(self, text: str) -> str:
        """Have a text sent back."""
        reply = self._ask(os_management.EchoWriteRequest(d=text), os_management.EchoWriteResponse)
        return str(reply.r)

    def reset(self) -> None:
        """Reset the device; it answers before it does, or not at all."""
        try:
            self._exchange(os_management.ResetWriteRequest(), self._timeout_s, tries=1)
        except DeviceTimeoutError:
            self.retries += 1

    def buffer_size(self) -> int:
        """Bytes of a frame, header included, that the device takes; asked once."""
        if self._buffer_size is None:
            request = os_management.MCUMgrParametersReadRequest()
            try:
                reply = self._ask(request, os_management.MCUMgrParametersReadResponse)
            except SmpError:
                self._buffer_size = _DEFAULT_BUFFER
            else:
                self._buffer_size = max(int(reply.buf_size), 64)
        return self._buffer_size

    def images(self) -> list[ImageState]:
        """List the images in the slots."""
        reply = self._ask(image_management.ImageStatesReadRequest(), image_management.ImageStatesReadResponse)
        return list(reply.images)

    def set_pending(self, image_hash: bytes, *, permanent: bool = False) -> list[ImageState]:
        """Have the image with this hash swapped in at the next start: on trial, or for good."""
        request = image_management.ImageStatesWriteRequest(hash=image_hash, confirm=permanent)
        return list(self._ask(request, image_management.ImageStatesWriteResponse, _VERIFY_TIMEOUT_S).images)

    def confirm(self) -> list[ImageState]:
        """Confirm the image that runs."""
        request = image_management.ImageStatesWriteRequest(confirm=True)
        return list(self._ask(request, image_management.ImageStatesWriteResponse).images)

    def erase(self, slot: int = 1) -> None:
        """Erase a slot."""
        self._ask(image_management.ImageEraseRequest(slot=slot), image_management.ImageEraseResponse, _ERASE_TIMEOUT_S)

    def upload_block(
        self, image: bytes, offset: int, data: bytes, *, sha256: bytes | None
    ) -> image_management.ImageUploadWriteResponse:
        """Send one block; the first one announces the image."""
        first = {"len": len(image), "sha": sha256} if offset == 0 else {}
        request = image_management.ImageUploadWriteRequest(off=offset, data=data, **first)  # type: ignore[arg-type]
        return self._ask(request, image_management.ImageUploadWriteResponse, _ERASE_TIMEOUT_S if first else None)

    def identity(self) -> "Identity":
        """Ask who the device is."""
        return _vendor.Identity.from_reply(self._ask_vendor(_vendor.IdentityRequest())[0])

    def digest(self, length: int, slot: int = 1) -> bytes:
        """Have the device hash the first `length` bytes of a slot; gives the SHA-256."""
        reply, _ = self._ask_vendor(_vendor.DigestRequest(slot=slot, len=length), _VERIFY_TIMEOUT_S)
        value = reply.get("sha256")
        if type(value) is not bytes or reply.get("len") != length:
            raise _vendor.malformed("sha256", f"the digest of {length} bytes", value)
        return value

    def verify_signature(self, algorithm: str, signature: bytes, length: int, slot: int = 1) -> None:
        """Have the device verify a detached signature over the first `length` bytes of a slot.

        Raises:
            SmpError: It does not hold, or no code-signing key is provisioned.
        """
        request = _vendor.VerifyRequest(slot=slot, alg=algorithm, sig=signature, len=length)
        self._ask_vendor(request, _VERIFY_TIMEOUT_S)

    def attest(self, nonce: bytes) -> "Attestation":
        """Ask what the device runs, bound to a nonce of 16 to 64 bytes."""
        reply, raw = self._ask_vendor(_vendor.AttestRequest(nonce=nonce), _VERIFY_TIMEOUT_S)
        return _vendor.Attestation.from_reply(reply, nonce, raw)

    def read_back(self, offset: int, length: int) -> bytes:
        """Read bytes of the flash; only boot loaders built for benches allow it."""
        reply, _ = self._ask_vendor(_vendor.ReadBackRequest(off=offset, len=length))
        data = reply.get("data")
        if type(data) is not bytes or len(data) != length:
            raise _vendor.malformed("data", f"{length} bytes", data)
        return data

    def lines(self, timeout_s: float) -> Iterator[str]:
        """Give what the device prints, line by line, until it is silent or the time is over."""
        deadline = time.monotonic() + timeout_s
        while True:
            while self.console:
                yield self.console.pop(0)
            left = deadline - time.monotonic()
            if left <= 0:
                return
            self._receive(left)

    def wait_for_line(self, wanted: Callable[[str], bool], timeout_s: float) -> str | None:
        """Read the console until a line is wanted; None if none came in time."""
        return next((line for line in self.lines(timeout_s) if wanted(line)), None)

    def _ask(self, request: "Request", kind: type[_Reply], timeout_s: float | None = None) -> _Reply:
        frame, _ = self._exchange(request, timeout_s or self._timeout_s)
        with _strictly():
            return kind.loads(frame)  # type: ignore[no-any-return]

    def _ask_vendor(self, request: "Request", timeout_s: float | None = None) -> tuple[dict[str, Any], bytes]:
        frame, reply = self._exchange(request, timeout_s or self._timeout_s)
        return reply, frame[_HEADER:]

    def _exchange(self, request: "Request", timeout_s: float, *, tries: int = _TRIES) -> tuple[bytes, dict[str, Any]]:
        """Send a request until it is answered; give the answer, and the map in it.

        Each try waits twice as long as the one before: a lost frame is soon sent again, and a slow device is not
        flooded with what it has already.

        Raises:
            DeviceTimeoutError: There was no answer to any of the tries.
            SmpError: The answer is an error, or malformed.
        """
        lines = encode_frame(request.BYTES)
        travel_s = 2 * len(lines) * _BITS_A_BYTE / self._baud
        first_s = timeout_s / (2**tries - 1)
        for attempt in range(tries):
            if attempt:
                self.retries += 1
            # a line end first: whatever the line has broken before ends here
            self._transport.write(b"\n" + lines if attempt else lines)
            frame = self._answer(request, travel_s + first_s * 2**attempt)
            if frame is not None:
                return frame, _open(frame, request)
        message = f"{self.name}: no answer in {tries} tries; the device was asked {_WORDS.get(type(request).__name__)}"
        raise DeviceTimeoutError("NoAnswer", message, port=self.name)

    def _answer(self, request: "Request", timeout_s: float) -> bytes | None:
        deadline = time.monotonic() + timeout_s
        while (left := deadline - time.monotonic()) > 0:
            for frame in self._receive(left):
                if _belongs(frame, request):
                    return frame
        return None

    def _receive(self, timeout_s: float) -> list[bytes]:
        frames = self._reader.feed(self._transport.read(timeout_s))
        self.console += self._reader.text()
        return frames


def _belongs(frame: bytes, request: "Request") -> bool:
    """Tell whether a frame answers a request; late answers to earlier ones do not."""
    asked = request.BYTES
    if len(frame) < _HEADER or int.from_bytes(frame[2:4], "big") != len(frame) - _HEADER:
        return False
    return frame[0] & 7 == (asked[0] & 7) + 1 and frame[4:8] == asked[4:8]


@contextmanager
def _strictly() -> Iterator[None]:
    try:
        yield
    except (SMPException, ValidationError, ValueError, TypeError, cbor2.CBORDecodeError) as error:
        detail = str(error).partition("\n")[0]
        raise SmpError("BadReply", f"the device's reply is malformed: {detail}") from None


def _open(frame: bytes, request: "Request") -> dict[str, Any]:
    """Decode the map of an answer.

    Raises:
        SmpError: It is no map of texts, or an error.
    """
    with _strictly():
        reply = cbor2.loads(frame[_HEADER:])
    if not isinstance(reply, dict) or not all(type(name) is str for name in reply):
        raise SmpError("BadReply", f"the device's reply: expected a map of names, got {type(reply).__name__}")
    about = reply.get("err")
    if isinstance(about, dict):
        raise _refused(request, about.get("group"), about.get("rc"))
    if reply.get("rc"):
        raise _refused(request, None, reply["rc"])
    return reply


def _refused(request: "Request", group: object, rc: object) -> SmpError:
    what = _WORDS.get(type(request).__name__, type(request).__name__)
    name = error_name(group, rc)
    message = f"the device refused {what}: {name}"
    return SmpError("Refused", message, group=group, rc=rc, name=name)


def error_name(group: object, rc: object) -> str:
    """Name an error of the device; `group` is None for the errors that every group has."""
    if not isinstance(rc, int):
        return f"error {rc!r}"
    if group == _vendor.GROUP and rc in _vendor.ERRORS:
        return _vendor.ERRORS[rc]
    names: type[Any] = image_management.IMG_MGMT_ERR if group == header.GroupId.IMAGE_MANAGEMENT else MGMT_ERR
    try:
        return str(names(rc).name)
    except ValueError:
        return f"error {rc}" if group is None else f"error {rc} of group {group}"
