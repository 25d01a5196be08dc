"""SMP over a serial line: frames in lines of base64, and whatever else the device prints between them.

Source: mcumgr, transport/smp-console.md: a frame begins with 06 09, goes on with 04 14, each line ends with 0A and has
at most 127 bytes; inside are u16 big-endian length of what follows, the SMP frame, and its CRC-16/XMODEM.
"""

import binascii
import struct
from base64 import b64decode, b64encode
from typing import Final

__all__ = ["FrameReader", "encode_frame", "line_bytes"]

START: Final = b"\x06\x09"
CONTINUE: Final = b"\x04\x14"
LINE_LENGTH: Final = 127
_U16: Final = struct.Struct(">H")
_LINE_TEXT: Final = (LINE_LENGTH - 3) // 4 * 4  # base64 characters in a full line
_LONGEST_LINE: Final = 4096  # bytes; longer ones are noise


def encode_frame(frame: bytes) -> bytes:
    """Write an SMP frame as lines."""
    body = _U16.pack(len(frame) + 2) + frame + _U16.pack(binascii.crc_hqx(frame, 0))
    text = b64encode(body)
    lines = [text[at : at + _LINE_TEXT] + b"\n" for at in range(0, len(text), _LINE_TEXT)]
    return START + CONTINUE.join(lines)


def line_bytes(frame_size: int) -> int:
    """Bytes on the line that an SMP frame of `frame_size` bytes takes."""
    characters = -(-(frame_size + 4) // 3) * 4
    return characters + 3 * -(-characters // _LINE_TEXT)


class FrameReader:
    """Takes bytes as they come and gives whole frames; what is no frame is the device's console.

    Attributes:
        dropped: Frames that were broken on the line.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._line = bytearray()
        self._body = bytearray()
        self._text: list[str] = []

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes in; give the frames that they complete, in order."""
        frames = []
        self._line += data
        *lines, rest = self._line.split(b"\n")
        self._line = rest if len(rest) <= _LONGEST_LINE else bytearray()
        for line in lines:
            frame = self._take(bytes(line))
            if frame is not None:
                frames.append(frame)
        return frames

    def text(self) -> list[str]:
        """Give the lines of the console since the last call; control characters are replaced."""
        lines, self._text = self._text, []
        return lines

    def _take(self, line: bytes) -> bytes | None:
        at = max(line.rfind(START), line.rfind(CONTINUE))
        if at < 0:
            self._print(line)
            return None
        self._print(line[:at])
        if line[at : at + 2] == START:
            self.dropped += bool(self._body)
            self._body.clear()
        elif not self._body:
            return None  # the rest of a frame whose beginning was lost
        try:
            self._body += b64decode(line[at + 2 :].rstrip(b"\r"), validate=True)
        except binascii.Error:
            self._drop()
            return None
        if len(self._body) < _U16.size:
            self._drop()
            return None
        length = _U16.unpack_from(self._body)[0]
        if len(self._body) < _U16.size + length:
            return None
        body, frame = bytes(self._body), bytes(self._body[_U16.size : length])
        if len(body) > _U16.size + length or length < _U16.size:
            self._drop()
            return None
        if binascii.crc_hqx(frame, 0) != _U16.unpack_from(body, length)[0]:
            self._drop()
            return None
        self._body.clear()
        return frame

    def _drop(self) -> None:
        self.dropped += 1
        self._body.clear()

    def _print(self, line: bytes) -> None:
        text = line.rstrip(b"\r").decode("ascii", "replace")
        text = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
        if text:
            self._text.append(text)
