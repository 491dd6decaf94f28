"""Protocol buffers' wire format: a message as its fields.

Source: protobuf.dev/programming-guides/encoding.
"""

import struct
from collections.abc import Iterator

from pydeepl.keras.errors import WeightsError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

Value = int | memoryview


def fields(data: memoryview) -> Iterator[tuple[int, int, Value]]:
    """(number, wire type, value) of each field: int for numbers, a view for what has a length.

    Raises WeightsError where the bytes are no message.
    """
    place = 0
    while place < len(data):
        key, place = varint(data, place)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, place = varint(data, place)
            yield number, kind, value
            continue
        if kind == BYTES:
            size, place = varint(data, place)
        else:
            size = {FIXED64: 8, FIXED32: 4}.get(kind, -1)
        if number == 0 or size < 0 or place + size > len(data):
            raise WeightsError(
                f"no message: field {number} of type {kind}, {size} bytes of {len(data) - place}"
            )
        part = data[place : place + size]
        place += size
        yield number, kind, part if kind == BYTES else int.from_bytes(part, "little")


def varint(data: memoryview, place: int) -> tuple[int, int]:
    """An unsigned number of 7 bits a byte, and the place behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(data):
            break
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (1 << 64) - 1, place
    raise WeightsError("no message: a number without an end")


def number(value: Value) -> int:
    """A field that is a number. Raises WeightsError for what has a length."""
    if not isinstance(value, int):
        raise WeightsError(f"no message: {len(value)} bytes where a number was expected")
    return value


def signed(value: Value) -> int:
    """A varint as int64."""
    given = number(value)
    return given - (1 << 64) if given >> 63 else given


def float32(value: Value) -> float:
    """A field of 4 bytes as a float."""
    return float(struct.unpack("<f", raw(number(value), 4))[0])


def packed_ints(kind: int, value: Value) -> list[int]:
    """One value of a repeated field of varints: a number, or all of them packed."""
    if kind == VARINT or isinstance(value, int):
        return [signed(value)]
    numbers, place = [], 0
    while place < len(value):
        each, place = varint(value, place)
        numbers.append(signed(each))
    return numbers


def raw(value: Value, size: int) -> bytes:
    """One value of a repeated field of fixed size, as its bytes: a number, or all of them packed."""
    return value.to_bytes(size, "little") if isinstance(value, int) else bytes(value)


def text(value: Value) -> str:
    """A string field."""
    return bytes(view(value)).decode(errors="replace")


def view(value: Value) -> memoryview:
    """A field that has a length, as a message. Raises WeightsError for a number in its place."""
    if isinstance(value, int):
        raise WeightsError("no message: a number where a text or a message was expected")
    return value
