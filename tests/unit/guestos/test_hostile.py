"""Whatever comes, there is an answer or an error of ours; and what passes cannot mean anything else elsewhere."""

import contextlib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.unit.guestos.definitions import GOOD, Case

from skerry.errors import BadInput
from skerry.guestos.check import check
from skerry.guestos.environment import read_call
from skerry.guestos.instance import Script
from skerry.guestos.parameters import BY_OS_PARAMETER
from skerry.guestos.settings import settings_of

LISTS = ("ganeti_api_version", "variants.list", "parameters.list")
# Free words, which only ever stand in files of the guest as a whole line.
FREE = {"ssh_keys"}
VARIABLES = (
    *("OS_API_VERSION", "INSTANCE_NAME", "HYPERVISOR", "DISK_COUNT", "DISK_0_PATH", "DISK_0_SIZE", "NIC_COUNT"),
    *(
        "NIC_0_MAC",
        "NIC_0_IP",
        "NIC_0_NETWORK_SUBNET",
        "NIC_0_NETWORK_GATEWAY",
        "OLD_INSTANCE_NAME",
        "DEBUG_LEVEL",
    ),
    *("DEBUG_LEVEL", "EXPORT_DEVICE", "EXPORT_INDEX", "EXP_SIZE_FD", "INSTANCE_HV_x", "OSP_FILESYSTEM"),
)
WORDS = st.text(max_size=40).filter(lambda word: "\0" not in word)


@given(st.dictionaries(st.sampled_from(sorted(BY_OS_PARAMETER)), WORDS, max_size=4))
@example({"timezone": "Europe"})
@example({"timezone": ""})
@example({"partition_alignment": "٣"})
@example({"locale": "\n"})
@example({"kernel_args": "-x"})
@example({"name_servers": "fe80::1%;reboot"})
@settings(max_examples=80, deadline=None)
def test_parameters_pass_without_anything_that_shells_or_files_obey(parameters: dict[str, str]) -> None:
    with contextlib.suppress(BadInput):
        made = settings_of(parameters=parameters)
        words = [getattr(made, BY_OS_PARAMETER[name].field) for name in parameters if name not in FREE]
        for word in words:
            for each in word if isinstance(word, tuple) else (word,):
                assert not set(str(each)) & set("\n\r\0'\"\\`;|&<>(){}"), word
                assert not str(each).startswith("-")


@example({"DISK_COUNT": "1", "NIC_COUNT": "1", "NIC_0_IP": "fe80::1%'"}, Script.CREATE)
@given(st.dictionaries(st.sampled_from(VARIABLES), WORDS | st.integers(0, 99).map(str)), st.sampled_from(Script))
@settings(max_examples=80, deadline=None)
def test_variables_are_read_or_refused(environ: dict[str, str], script: Script) -> None:
    with contextlib.suppress(BadInput):
        call = read_call(script, environ)
        assert call.instance.disks
        assert not set(call.instance.name) & set("/\n '\"")


@given(st.dictionaries(st.sampled_from(LISTS), st.binary(max_size=60)))
@example({"ganeti_api_version": b"9" * 5000})
@example({"ganeti_api_version": b"20\x0c15"})
@example({"parameters.list": b"a\xc2\x85b"})
@settings(max_examples=40, deadline=None)
def test_lists_of_strangers_are_judged(tmp_path_factory: pytest.TempPathFactory, lists: dict[str, bytes]) -> None:
    folder = Case("", GOOD).make(tmp_path_factory.mktemp("lists"))
    for name, content in lists.items():
        (folder / name).write_bytes(content)

    checked = check(folder)

    assert checked.valid or checked.problems
    assert all(each.what and each.why for each in checked.problems)
