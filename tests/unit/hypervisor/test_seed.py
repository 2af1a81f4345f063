"""What a guest is told at its first boot."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from skerry.errors import BadInput, TooLarge
from skerry.hypervisor.seed import (
    MAX_USER_DATA,
    check_network_config,
    check_user_data,
    checked_key,
    default_user_data,
    seed_files,
)

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIabcdefghijklmnopqrstuvwxyz0123456789ab me@here"


def files(**changes: Any) -> dict[str, bytes]:
    values = {"instance_id": "i-1", "hostname": "web1", "user_data": None, "ssh_keys": []} | changes
    return seed_files(**values)


def test_names_and_keys_are_in_meta_data() -> None:
    meta = yaml.safe_load(files(ssh_keys=[f"  {KEY}\n", ""])["meta-data"])

    assert meta == {"instance-id": "i-1", "local-hostname": "web1", "public-keys": [KEY]}


def test_without_user_data_one_user_may_use_sudo() -> None:
    text = files(ssh_keys=[KEY])["user-data"].decode()

    assert text.startswith("#cloud-config\n")
    (user,) = yaml.safe_load(text)["users"]
    assert (user["name"], user["ssh_authorized_keys"], user["lock_passwd"]) == ("skerry", [KEY], True)


def test_user_data_is_exact_to_the_byte() -> None:
    text = "#cloud-config\n# Grüße\nruncmd:\n- [ls,  -l]   \n"

    assert files(user_data=text)["user-data"] == text.encode()


def test_what_is_made_by_default_is_valid() -> None:
    assert check_user_data(default_user_data([KEY]))


@pytest.mark.parametrize(
    "text",
    [
        "#cloud-config\n",
        "#cloud-config\n{}\n",
        "#cloud-config # with words\nhostname: a\n",
        "#!/bin/sh\necho ': [not yaml'\n",
        "#include\nhttp://a.example/x\n",
        "## template: jinja\n#cloud-config\n{% if 1 %}a: b{% endif %}\n",
        "Content-Type: multipart/mixed; boundary=x\n\n--x--\n",
        "#cloud-config\na: &x [1]\nb: *x\n",
        "#cloud-config-archive\n- a\n",
    ],
)
def test_what_cloud_init_knows_is_taken(text: str) -> None:
    assert check_user_data(text) == text


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("hostname: a\n", "does not know"),
        ("\n#cloud-config\n", "does not know"),
        ("#cloud-config\n- a\n", "not a YAML mapping"),
        ("#cloud-config\njust words\n", "not a YAML mapping"),
        ("#cloud-config\na: [1\nb: 2\n", "line 3"),
        ("#cloud-config\na:\n\t- b\n", "line 3"),
        ("#cloud-config\na: 1\n---\nb: 2\n", "more than one"),
        ("#cloud-config\na: \x07\n", "does not allow"),
        ("#cloud-config\na: \0\n", "zero byte"),
        ("#cloud-config\na: " + "[" * 100 + "]" * 100 + "\n", "deep"),
    ],
    ids=["no mark", "mark too late", "list", "words", "open", "tab", "two", "bell", "zero", "deep"],
)
def test_what_cloud_init_would_not_take_is_refused_with_a_reason(text: str, part: str) -> None:
    with pytest.raises(BadInput, match=part):
        check_user_data(text)


def test_user_data_has_a_limit() -> None:
    with pytest.raises(TooLarge, match="256 KiB"):
        check_user_data("#!" + "x" * MAX_USER_DATA)


def test_aliases_do_not_grow() -> None:
    """A few lines of YAML can stand for gigabytes, if one lets them."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]

    assert check_user_data("#cloud-config\n" + "\n".join(lines) + "\n")


@given(st.text())
def test_any_text_is_taken_as_it_is_or_refused(text: str) -> None:
    whole = "#cloud-config\n" + text
    with contextlib.suppress(BadInput, TooLarge):
        assert check_user_data(whole) == whole


def test_the_network_is_a_mapping_too() -> None:
    assert check_network_config("version: 2\nethernets: {}\n")
    with pytest.raises(BadInput, match="network-config is not a YAML mapping"):
        check_network_config("- a\n")


@pytest.mark.parametrize(
    "key",
    [
        KEY,
        "ssh-rsa " + "A" * 372 + "==",
        "ecdsa-sha2-nistp256 " + "A" * 140 + "= a b c",
        "sk-ssh-ed25519@openssh.com " + "A" * 90,
        'command="ls",no-pty ' + KEY,
    ],
)
def test_public_keys_are_taken(key: str) -> None:
    assert checked_key(f" {key}\r\n".replace("\r", "")) == key


@pytest.mark.parametrize(
    ("key", "part"),
    [
        ("", "not a public SSH key"),
        ("ssh-ed25519", "not a public SSH key"),
        ("ssh-ed25519 not-base64!", "not a public SSH key"),
        ("AAAAC3NzaC1lZDI1NTE5AAAAIIabcdefghijklmnop", "not a public SSH key"),
        (f"{KEY}\n{KEY}", "one line"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nabc", "private key"),
        (f"{KEY} \x1b[31m", "one line"),
    ],
)
def test_other_words_are_no_keys(key: str, part: str) -> None:
    with pytest.raises(BadInput, match=part):
        checked_key(key)


def test_user_data_of_no_kind_is_refused_without_repeating_it() -> None:
    with pytest.raises(BadInput, match="does not know") as caught:
        files(user_data="password: hunter2\n")

    assert "hunter2" not in caught.value.message + (caught.value.hint or "")


def test_a_private_key_is_not_repeated() -> None:
    with pytest.raises(BadInput) as caught:
        checked_key("-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2")

    assert "hunter2" not in caught.value.message + (caught.value.hint or "")


@pytest.mark.parametrize("name", ["a", "web1", "WEB-1", "a.b.example", "a" * 63])
def test_host_names_are_taken(name: str) -> None:
    assert json.loads(files(hostname=name)["meta-data"])["local-hostname"] == name


@pytest.mark.parametrize("name", ["", "-a", "a-", "a_b", "a..b", "ä", "a b", "a\n", "a" * 64, "a." * 127 + "aa"])
def test_other_words_are_no_host_names(name: str) -> None:
    with pytest.raises(BadInput, match="host name"):
        files(hostname=name)


@pytest.mark.parametrize("value", ["", "a b", "../x", "x" * 129])
def test_instance_ids_are_checked(value: str) -> None:
    with pytest.raises(BadInput, match="instance id"):
        files(instance_id=value)
