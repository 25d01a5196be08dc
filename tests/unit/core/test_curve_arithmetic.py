"""The arithmetic inside P-256 and P-384 against Python's integers, on this host and on microcontrollers.

Every result must be the right residue, in the bounds that the code's comments state, and in the one form of its value.
"""

import os
import runpy
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from machines import MACHINES, SOURCE, build, start, talk

CORE = SOURCE.parents[1] / "iotsign" / "core"
CONSTANTS = runpy.run_path(str(CORE / "src" / "make_curve_constants.py"))
BOTH_WIDTHS = {
    "p256": (CONSTANTS["P256"], CONSTANTS["P256_WIDE"]),
    "p384": (CONSTANTS["P384"], CONSTANTS["P384_WIDE"]),
}
INCLUDES = [f"-I{directory}" for directory in (CORE / "include", CORE / "src", SOURCE / "machines")]
SANITIZERS = ["-O1", "-g", "-fsanitize=address,undefined,integer", "-fno-sanitize-recover=all"]
# a 64-bit machine has wide limbs in the first and the fourth
HOST_BUILDS = {
    "fast": ["gcc", "-O2"],
    "portable": ["gcc", "-O2", "-DIOTSIGN_PORTABLE"],
    "small": ["gcc", "-Os", "-DIOTSIGN_PROFILE_SMALL"],
    "sanitized": ["clang", *SANITIZERS],
    "portable-sanitized": ["clang", *SANITIZERS, "-DIOTSIGN_PORTABLE"],
    "small-sanitized": ["clang", *SANITIZERS, "-DIOTSIGN_PROFILE_SMALL"],
}
# those for which column.h has assembly; small and fast multiply by different loops
BOARD_BUILDS = ["microbit-small", "microbit-fast", "riscv_virt-fast"]
THOROUGH = bool(os.environ.get("IOTSIGN_ALL_VECTORS"))


@dataclass(frozen=True)
class Arithmetic:
    """A running test program for one curve of make_curve_constants.py, in the limbs that the program has."""

    build: str
    curve: Any
    requests: IO[bytes]
    answers: IO[bytes]

    @property
    def inverse_radix(self) -> int:
        return int(pow(self.curve.radix, -1, self.curve.p))

    def limbs(self, value: int) -> list[int]:
        bits, count = self.curve.limb_bits, self.curve.limbs
        low = [value >> bits * i & (1 << bits) - 1 for i in range(count - 1)]
        return [*low, value >> bits * (count - 1)]

    def value(self, limbs: list[int]) -> int:
        """Read a number, which must be in normal form."""
        bits = self.curve.limb_bits
        assert all(0 <= limb < 1 << bits for limb in limbs[:-1]), limbs
        return sum(limb << bits * i for i, limb in enumerate(limbs))

    def call(self, operation: str, *numbers: int, results: int = 1, argument: int = 0, count: int = 0) -> list[Any]:
        """Ask for one operation; with `count`, that many single limbs precede the result."""
        operands = [limb for number in (*numbers, 0)[: max(2, len(numbers))] for limb in self.limbs(number)]
        limb, limb_size = ("q", 8) if self.curve.is_wide else ("i", 4)
        self.requests.write(struct.pack(f">cB{len(operands)}{limb}", operation.encode(), argument, *operands))
        self.requests.flush()
        size = self.curve.limbs
        total = count + results * size
        limbs = struct.unpack(f">{total}{limb}", self.answers.read(limb_size * total))
        numbers_ = [list(limbs[i : i + size]) for i in range(count, len(limbs), size)]
        return [*limbs[:count], *numbers_]

    def number(self, operation: str, *numbers: int, **options: int) -> int:
        return self.value(self.call(operation, *numbers, **options)[0])


def arithmetic_of(build: str, name: str, requests: IO[bytes], answers: IO[bytes]) -> Arithmetic:
    """Ask a program that has just greeted for its limbs."""
    bits = answers.read(1)[0]
    curve = next(curve for curve in BOTH_WIDTHS[name] if curve.limb_bits == bits)
    return Arithmetic(build, curve, requests, answers)


@pytest.fixture(scope="module", params=["p256", "p384"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", params=HOST_BUILDS)
def arithmetic(
    request: pytest.FixtureRequest, name: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Arithmetic]:
    compiler, *flags = HOST_BUILDS[request.param]
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    program = tmp_path_factory.mktemp(f"{name}-{request.param}") / "curve"
    sources = [SOURCE / "curve.c", SOURCE / "machines" / "host.c"]
    define = f'-DCURVE_SOURCE="{name}.c"'
    subprocess.run([compiler, "-std=c99", *flags, *INCLUDES, define, *sources, "-o", program], check=True)
    with talk([str(program)]) as streams:
        yield arithmetic_of(request.param, name, *streams)


@pytest.fixture(scope="module", params=BOARD_BUILDS)
def board_arithmetic(
    request: pytest.FixtureRequest, name: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Arithmetic]:
    board, profile = request.param.split("-")
    machine = MACHINES[board]
    if machine.missing:
        pytest.skip(f"{machine.missing} is not installed")
    directory = tmp_path_factory.mktemp(f"{name}-{request.param}")
    with start(machine, build(machine, profile, directory, target=name)) as streams:
        yield arithmetic_of(request.param, name, *streams)


def multiples(modulus: int, low: float, high: float) -> SearchStrategy[int]:
    """Numbers from low to high times a modulus, its multiples and their neighbours, and ones with extreme limbs."""
    bounds = (int(low * modulus) + 1, int(high * modulus) - 1)
    near = st.builds(
        lambda multiple, offset: min(max(multiple * modulus + offset, bounds[0]), bounds[1]),
        st.integers(int(low), int(high)),
        st.integers(-3, 3),
    )
    powers = st.builds(
        lambda a, b, sign: min(max(sign * ((1 << a) - (1 << b)), bounds[0]), bounds[1]),
        st.integers(0, modulus.bit_length()),
        st.integers(0, modulus.bit_length()),
        st.sampled_from([1, -1]),
    )
    return st.one_of(st.integers(*bounds), near, powers)


def check_products(arithmetic: Arithmetic, data: st.DataObject) -> None:
    """For |ab| < 20p², the product is in (-20/32, 1 + 20/32)."""
    p = arithmetic.curve.p
    a, b = data.draw(multiples(p, -5, 4)), data.draw(multiples(p, -4, 4))
    for result, expected in (
        (arithmetic.number("*", a, b), a * b),
        (arithmetic.number("s", a), a * a),
    ):
        assert (result - expected * arithmetic.inverse_radix) % p == 0
        assert -p < result < 2 * p


def check_sums(arithmetic: Arithmetic, data: st.DataObject) -> None:
    p = arithmetic.curve.p
    a, b = data.draw(multiples(p, -3, 4)), data.draw(multiples(p, -3, 4))
    assert arithmetic.number("+", a, b) == a + b
    assert arithmetic.number("-", a, b) == a - b
    assert arithmetic.number("t", a, b) == a - 2 * b
    assert arithmetic.call("<", a, b)[0][0] == int(a < b)


def check_what_is_made_of_a_product(arithmetic: Arithmetic, data: st.DataObject) -> None:
    p = arithmetic.curve.p
    a = data.draw(multiples(p, -1, 2))
    result = arithmetic.number("h", a)
    assert (2 * result - 3 * a) % p == 0
    assert -3 * p < 2 * result < 7 * p
    assert arithmetic.call("0", a)[0][0] == int(a % p == 0)


def check_the_order(arithmetic: Arithmetic, data: st.DataObject) -> None:
    n, radix = arithmetic.curve.n, arithmetic.curve.radix
    a, b = data.draw(multiples(n, 0, 32)), data.draw(multiples(n, 0, 1))
    product = arithmetic.number("o", a, b)
    assert (product * radix - a * b) % n == 0
    assert 0 <= product < 2 * n
    if b:
        inverse = arithmetic.number("j", b)
        assert (inverse * b - 1) % n == 0
        assert 0 <= inverse < 32 * n


def check_field_inverses(arithmetic: Arithmetic, data: st.DataObject) -> None:
    p, radix = arithmetic.curve.p, arithmetic.curve.radix
    a = data.draw(multiples(p, -1, 2))
    if a % p:
        inverse = arithmetic.number("i", a)
        assert (inverse * a - radix * radix) % p == 0
        assert -p < inverse < 2 * p


def check_scalars_are_recoded(arithmetic: Arithmetic, data: st.DataObject) -> None:
    width = data.draw(st.integers(2, 8))
    scalar = data.draw(multiples(arithmetic.curve.n, 0, 2))
    bits = arithmetic.curve.limb_bits * arithmetic.curve.limbs
    *multipliers, _ = arithmetic.call("r", scalar, argument=width, count=bits)
    assert sum(multiplier << bits - 1 - i for i, multiplier in enumerate(multipliers)) == scalar
    assert all(multiplier == 0 or multiplier % 2 for multiplier in multipliers)
    assert all(abs(multiplier) < 1 << width - 1 for multiplier in multipliers)
    busy = [i for i, multiplier in enumerate(multipliers) if multiplier]
    assert len(busy) <= bits // width + 1


class Points:
    """Points of a curve in the form of the core, and back."""

    def __init__(self, arithmetic: Arithmetic) -> None:
        self.curve, self.arithmetic = arithmetic.curve, arithmetic

    def multiple(self, scalar: int) -> tuple[int, int] | None:
        """A small multiple of the base point; None is infinity."""
        base = (self.curve.x, self.curve.y)
        point = None
        for _ in range(abs(scalar)):
            point = base if point is None else CONSTANTS["add"](self.curve, point, base)
        return point if point is None or scalar > 0 else (point[0], self.curve.p - point[1])

    def montgomery(self, value: int, offset: int = 0) -> int:
        return int(value * self.curve.radix % self.curve.p + offset * self.curve.p)

    def jacobian(self, point: tuple[int, int] | None, z: int, offset: int) -> list[int]:
        """Coordinates for a given z, each shifted by a multiple of p within its bounds."""
        if point is None:
            return [0, 0, 0]
        x, y = point[0] * z * z, point[1] * z * z * z
        return [self.montgomery(x, offset), self.montgomery(y, offset), self.montgomery(z)]

    def affine(self, limbs: list[list[int]]) -> tuple[int, int] | None:
        x, y, z = (self.arithmetic.value(number) for number in limbs)
        p = self.curve.p
        assert -3 * p < x < 2 * p
        assert -2 * p < y < 2 * p
        assert -p < z < 2 * p
        if z % p == 0:
            assert z == 0
            return None
        scale = pow(z * self.arithmetic.inverse_radix, -1, p)
        rest = self.arithmetic.inverse_radix
        return x * rest * scale**2 % p, y * rest * scale**3 % p


def check_points(arithmetic: Arithmetic, data: st.DataObject) -> None:
    """Sums and doubles of every kind: of equal and opposite points, and with infinity."""
    points, p = Points(arithmetic), arithmetic.curve.p
    left, right = data.draw(st.integers(-4, 4)), data.draw(st.integers(1, 4))
    z, offset = data.draw(st.integers(1, p - 1)), data.draw(st.integers(-2, 0))
    first = points.jacobian(points.multiple(left), z, offset)
    doubled = arithmetic.call("d", *first, results=4)
    assert points.affine(doubled[:3]) == points.multiple(2 * left)
    x, y = points.multiple(right) or (0, 0)
    for negative in (0, 1):
        second = [points.montgomery(x), points.montgomery(y)]
        *total, ratio = arithmetic.call("p", *first, *second, results=4, argument=negative)
        expected = points.multiple(left - right if negative else left + right)
        assert points.affine(total) == expected
        if left and expected and abs(left) != right:
            old, new = first[2], arithmetic.value(total[2])
            assert (arithmetic.value(ratio) * old * arithmetic.inverse_radix - new) % p == 0


CHECKS = [
    check_products,
    check_sums,
    check_what_is_made_of_a_product,
    check_the_order,
    check_field_inverses,
    check_scalars_are_recoded,
    check_points,
]
HEALTHY = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.mark.parametrize("check", CHECKS)
@settings(max_examples=1000 if THOROUGH else 50, suppress_health_check=HEALTHY)
@given(data=st.data())
def test_on_this_host(
    arithmetic: Arithmetic, check: Callable[[Arithmetic, st.DataObject], None], data: st.DataObject
) -> None:
    check(arithmetic, data)


@settings(max_examples=200 if THOROUGH else 8, suppress_health_check=HEALTHY)
@given(data=st.data())
def test_on_a_board(board_arithmetic: Arithmetic, data: st.DataObject) -> None:
    for check in CHECKS:
        check(board_arithmetic, data)


def test_which_builds_have_wide_limbs(arithmetic: Arithmetic) -> None:
    is_64_bit = struct.calcsize("P") == 8
    assert arithmetic.curve.is_wide == (is_64_bit and arithmetic.build in {"fast", "sanitized"})


def test_the_table_of_a_key(arithmetic: Arithmetic) -> None:
    points, curve = Points(arithmetic), arithmetic.curve
    for scalar in (1, 2, -1, 5):
        x, y = points.multiple(scalar) or (0, 0)
        key = points.montgomery(x), points.montgomery(y)
        index, count = 0, 1
        while index < count:
            *entry, size = arithmetic.call("k", *key, results=3, argument=index)
            count = size[0]
            found = tuple(arithmetic.value(number) * arithmetic.inverse_radix % curve.p for number in entry)
            assert found == points.multiple(scalar * (2 * index + 1))
            index += 1
        assert count in {4, 8}


def test_the_constants_are_those_of_their_script() -> None:
    for name, widths in BOTH_WIDTHS.items():
        path = CORE / "src" / f"{name}_constants.h"
        assert path.read_text() == CONSTANTS["header"](*widths)
