"""Checksums of several builds in one folder."""

from __future__ import annotations

from skerry.images.sums import sums_text

OLD, NEW = "0" * 64, "1" * 64


def test_builds_into_one_folder_leave_each_others_checksums() -> None:
    first = sums_text("", {"aos.qcow2": OLD}, set())

    assert sums_text(first, {"web.qcow2": NEW}, {"aos.qcow2"}) == f"{OLD}  aos.qcow2\n{NEW}  web.qcow2\n"


def test_a_file_that_is_made_anew_has_its_new_checksum_and_one_that_is_gone_has_none() -> None:
    before = f"{OLD}  aos.qcow2\n{OLD}  gone.iso\n"

    assert sums_text(before, {"aos.qcow2": NEW}, {"aos.qcow2", "SHA256SUMS"}) == f"{NEW}  aos.qcow2\n"


def test_what_is_no_line_of_checksums_is_left_out() -> None:
    assert sums_text(f"hello\n\n{OLD} *a.iso\n", {}, {"hello", "a.iso"}) == ""
