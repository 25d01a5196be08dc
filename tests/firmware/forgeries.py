"""Forged images that profit from one certain skipped instruction: with it, their digest is that of what was signed.

The signed message is 64 bytes of header and a payload that a boot loader reads in two whole chunks and a rest of 80
bytes. A forgery differs from it in the first block of the second chunk, or in the last block.
"""

import random
from collections.abc import Callable, Sequence
from struct import pack, unpack
from typing import Final

BLOCK: Final = 64
REST: Final = 80
MASK: Final = 0xFFFFFFFF


def _ror(word: int, bits: int) -> int:
    return (word >> bits | word << 32 - bits) & MASK


def _next_word(w: Sequence[int]) -> int:
    """The word behind the last sixteen."""
    w2, w15 = w[-2], w[-15]
    sigma0 = _ror(w15, 7) ^ _ror(w15, 18) ^ w15 >> 3
    sigma1 = _ror(w2, 17) ^ _ror(w2, 19) ^ w2 >> 10
    return (w[-16] + w[-7] + sigma0 + sigma1) & MASK


def _word(message: bytes, at: int) -> bytes:
    """Other bytes where the last chunk has the same as this one, and each word the same as the one before."""
    return message[: at + 5] + b"\xa5" + message[at + 6 :]


def _tail(message: bytes, at: int) -> bytes:
    """Another byte in the part that does not fill a block."""
    return message[:-14] + b"\xa5" + message[-13:]


def _early_schedule(message: bytes, at: int) -> bytes:
    """A block whose first word becomes the signed one if the schedule replaces it before it is used."""
    words = list(unpack(">16I", message[at : at + BLOCK]))
    rest = (_next_word(words) - words[0]) & MASK
    return message[:at] + pack(">I", (words[0] - rest) & MASK) + message[at + 4 :]


FORGERIES: Final[dict[str, Callable[[bytes, int], bytes]]] = {
    "word": _word,
    "tail": _tail,
    "early schedule": _early_schedule,
}


def payload_for(forgery: str, chunk: int, header: int) -> bytes:
    """The payload of the image that is signed."""
    size = 2 * chunk + REST - header
    return random.Random(0).randbytes(size) if forgery == "early schedule" else bytes(size)
