"""Damaged images, as a broken or hostile tool would leave them; the same ones each time."""

import random
from collections.abc import Iterator

EDGES = (0, 1, 0xFF, 0xFFFF, 1 << 31, (1 << 32) - 2, (1 << 32) - 1)
HOT = 400  # bytes at both ends, where headers, records and signatures are


def damaged(image: bytes, count: int) -> Iterator[bytes]:
    """Truncated images, changed bytes, sizes at the edges of their types, bytes behind the end."""
    chance = random.Random(len(image))
    places = [*range(min(HOT, len(image))), *range(max(0, len(image) - HOT), len(image))]
    for _ in range(count):
        changed = bytearray(image)
        kind = chance.random()
        if kind < 0.25:
            del changed[chance.choice(places) :]
        elif kind < 0.35:
            changed += chance.choice([b"\0", b"\xff" * 16, image])
        else:
            for _ in range(chance.choice([1, 1, 2, 4])):
                offset, width = chance.choice(places), chance.choice([1, 2, 4])
                value = chance.choice([chance.randrange(1 << 8 * width), *EDGES])
                changed[offset : offset + width] = (value & ((1 << 8 * width) - 1)).to_bytes(width, "little")
        yield bytes(changed)
