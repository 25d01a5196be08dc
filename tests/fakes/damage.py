"""Damaged images, as a broken or hostile tool would leave them; the same ones each time."""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

from iotsign.cli import run

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


def check_every_verb(image: bytes, key: str, public: str, output: Callable[[], tuple[str, str]]) -> None:
    """Whatever the damage: a verdict, or a FormatError that says where; no traceback, nothing half-written.

    Args:
        image: A signed container; the verbs work in the current directory.
        key: URI of a private key.
        public: File of the key that signed.
        output: Gives what was printed on stdout and stderr since it was last called.
    """
    verbs = (
        ("verify", "bad.img", "--key", public),
        ("verify", "bad.img"),
        ("inspect", "bad.img"),
        ("resign", "bad.img", "-k", key, "-o", "no.img"),
        ("extract", "bad.img", "--key", public, "-o", "no.img"),
    )
    for number, changed in enumerate(damaged(image, 100)):
        Path("bad.img").write_bytes(changed)
        verb = verbs[number % len(verbs)]
        code = run(["image", *verb, "--json"])
        out, err = output()
        said = json.loads(out or err)
        assert code in {0, 1, 3, 4}, err
        assert said.get("verdict") != "trusted" or (code == 0 and "--key" in verb)
        if code:
            assert not Path("no.img").exists()
            assert said["error"]["exitCode"] == code
        if code == 3:
            assert "offset" in said["error"]["message"] or "offset" in said["error"].get("data", {})
        Path("no.img").unlink(missing_ok=True)
