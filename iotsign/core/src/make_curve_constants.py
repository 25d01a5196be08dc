#!/usr/bin/env python3
"""Write p256_constants.h and p384_constants.h, which lie beside this script.

Everything follows from the domain parameters of the two curves, given below.

Source: NIST SP 800-186 §3.2.1.3 (P-256), §3.2.1.4 (P-384).
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final


@dataclass(frozen=True)
class Curve:
    """A curve y² = x³ - 3x + b over the integers modulo p, and how its numbers are cut into limbs."""

    name: str
    p: int
    n: int
    b: int
    x: int
    y: int
    limb_bits: int
    limbs: int
    windows: tuple[int, ...]  # widths of the windows over the base point's scalar, the least first
    is_wide: bool = False  # whether a limb has 64 bits instead of 32

    @property
    def radix(self) -> int:
        """Montgomery's R."""
        return 1 << (self.limb_bits * self.limbs)


P256: Final = Curve(
    name="p256",
    p=2**256 - 2**224 + 2**192 + 2**96 - 1,
    n=0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    b=0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
    x=0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    y=0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    limb_bits=29,
    limbs=9,
    windows=(4, 6),
)
P384: Final = Curve(
    name="p384",
    p=2**384 - 2**128 - 2**96 + 2**32 - 1,
    n=0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
    b=0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
    x=0xAA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7,
    y=0x3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F,
    limb_bits=28,
    limbs=14,
    windows=(4, 6),
)
P256_WIDE: Final = replace(P256, limb_bits=53, limbs=5, windows=(6,), is_wide=True)
P384_WIDE: Final = replace(P384, limb_bits=56, limbs=7, windows=(6,), is_wide=True)

Point = tuple[int, int]


def add(curve: Curve, left: Point, right: Point) -> Point:
    """Add two points, neither of them the other's negative."""
    (x1, y1), (x2, y2), p = left, right, curve.p
    slope = (3 * x1 * x1 - 3) * pow(2 * y1, -1, p) if left == right else (y2 - y1) * pow(x2 - x1, -1, p)
    x3 = (slope * slope - x1 - x2) % p
    return x3, (slope * (x1 - x3) - y1) % p


def odd_multiples(curve: Curve, count: int) -> list[Point]:
    """Compute the first odd multiples of G: G, 3G, 5G and so on."""
    points = [(curve.x, curve.y)]
    twice = add(curve, points[0], points[0])
    while len(points) < count:
        points.append(add(curve, points[-1], twice))
    return points


def number(curve: Curve, value: int) -> str:
    """Write what fits into a limb."""
    return f"0x{value:0{16 if curve.is_wide else 8}x}"


def limbs(curve: Curve, value: int) -> str:
    """Write a number as a C initialiser."""
    mask = (1 << curve.limb_bits) - 1
    return "{" + ", ".join(number(curve, value >> curve.limb_bits * i & mask) for i in range(curve.limbs)) + "}"


def modulus(curve: Curve, name: str, value: int) -> str:
    """Write one modulus_t."""
    negative_inverse = -pow(value, -1, 1 << curve.limb_bits) % (1 << curve.limb_bits)
    fields = [limbs(curve, value), limbs(curve, curve.radix**2 % value), number(curve, negative_inverse)]
    return f"static const modulus_t {name} = {{\n    " + ",\n    ".join(fields) + "};\n"


def constants(curve: Curve) -> str:
    """Write all constants of a curve, cut into limbs of one width."""
    p, radix = curve.p, curve.radix
    text = modulus(curve, "field", p) + modulus(curve, "order", curve.n)
    text += f"static const element_t field_one = {limbs(curve, radix % p)};\n"
    text += f"static const element_t curve_b = {limbs(curve, curve.b * radix % p)};\n"
    previous = 0
    text += "static const affine_t base_table[1 << (BASE_WINDOW - 2)] = {\n"
    for window in curve.windows:
        count = 1 << (window - 2)
        text += f"#if BASE_WINDOW > {window - 1}\n" if previous else ""
        for x, y in odd_multiples(curve, count)[previous:]:
            text += f"    {{{limbs(curve, x * radix % p)},\n     {limbs(curve, y * radix % p)}}},\n"
        text += "#endif\n" if previous else ""
        previous = count
    return text + "};\n"


def header(narrow: Curve, wide: Curve) -> str:
    """Write the header of one curve."""
    name = f"{narrow.name.upper()[0]}-{narrow.name[1:]}"
    return (
        f"/* Written by make_curve_constants.py: the constants of {name}, and odd multiples of its base point G.\n"
        " * Numbers modulo p other than p itself are in Montgomery form.\n"
        " * SPDX-License-Identifier: Apache-2.0 */\n"
        f"#if defined(WIDE_LIMBS)\n\n{constants(wide)}\n#else\n\n{constants(narrow)}\n#endif\n"
    )


def main() -> None:
    """Write the headers."""
    for narrow, wide in ((P256, P256_WIDE), (P384, P384_WIDE)):
        path = Path(__file__).with_name(f"{narrow.name}_constants.h")
        path.write_text(header(narrow, wide), encoding="utf-8")


if __name__ == "__main__":
    main()
