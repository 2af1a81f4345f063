"""Sizes as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skerry.errors import BadInput
from skerry.sizes import GIB, MIB, format_size, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("512", 512),
        ("512M", 512 * MIB),
        ("2g", 2 * GIB),
        ("2 GiB", 2 * GIB),
        ("1.5G", 3 * GIB // 2),
        ("10GB", 10**10),
        ("7B", 7),
    ],
)
def test_a_size_with_its_unit_becomes_bytes(text: str, size: int) -> None:
    assert parse_size(text) == size


def test_a_bare_number_takes_the_unit_of_its_place() -> None:
    assert parse_size("512", default_unit=MIB) == 512 * MIB
    assert parse_size("512B", default_unit=MIB) == 512


@pytest.mark.parametrize("text", ["", "G", "-1G", "1X", "1 2", "1e9", "1GG", "0x10"])
def test_what_is_no_size_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(BadInput) as refusal:
        parse_size(text)
    assert refusal.value.hint


@pytest.mark.parametrize(("size", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (2 * GIB, "2 GiB")])
def test_bytes_are_written_for_people(size: int, text: str) -> None:
    assert format_size(size) == text


@given(st.integers(min_value=0, max_value=2**60))
def test_what_is_written_is_read_back_within_rounding(size: int) -> None:
    assert abs(parse_size(format_size(size)) - size) <= size * 0.05 + 1
