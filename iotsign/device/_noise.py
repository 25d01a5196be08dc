"""A bad line: drops, flips, duplicates and delays bytes, the same ones each time for the same seed."""

import random
import time

from iotsign.device._transport import Transport

__all__ = ["NoisyTransport"]

_DELAY_S = 0.002


class NoisyTransport:
    """A line with noise in both directions; a `Transport`."""

    def __init__(
        self,
        line: Transport,
        seed: int,
        *,
        drop: float = 0.0,
        flip: float = 0.0,
        duplicate: float = 0.0,
        delay: float = 0.0,
    ) -> None:
        """Put noise on a line.

        Args:
            line: The line.
            seed: Chooses the bytes.
            drop: How likely a byte is lost, 0 to 1.
            flip: How likely one of its bits is flipped.
            duplicate: How likely it comes twice.
            delay: How likely a read or write is held up for 2 ms.
        """
        self._line = line
        self._random = random.Random(seed)  # noqa: S311 - noise, no secret
        self._chances = (drop, flip, duplicate)
        self._delay = delay

    @property
    def name(self) -> str:
        """What to call it in messages."""
        return self._line.name

    def read(self, timeout_s: float) -> bytes:
        """Give what has arrived, as `Transport.read`, if the noise leaves something of it."""
        return self._disturb(self._line.read(timeout_s))

    def write(self, data: bytes) -> None:
        """Send what the noise leaves of it, as `Transport.write`."""
        self._line.write(self._disturb(data))

    def close(self) -> None:
        """Let go of the line."""
        self._line.close()

    def _disturb(self, data: bytes) -> bytes:
        if self._random.random() < self._delay:
            time.sleep(_DELAY_S)
        drop, flip, duplicate = self._chances
        out = bytearray()
        for byte in data:
            chance = self._random.random()
            if chance < drop:
                continue
            out.append(byte ^ 1 << self._random.randrange(8) if chance < drop + flip else byte)
            if drop + flip <= chance < drop + flip + duplicate:
                out.append(byte)
        return bytes(out)
