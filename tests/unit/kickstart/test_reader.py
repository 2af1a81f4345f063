"""skerry-kickstart: kickstart in, plain data out."""

from __future__ import annotations

import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from skerry_kickstart.lines import MAX_INCLUDE_DEPTH, MAX_INCLUDES
from skerry_kickstart.mistakes import MAX_MISTAKES
from skerry_kickstart.reader import read


def write(folder: Path, text: str | bytes, name: str = "recipe.ks") -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def mistakes(recipe: Path, version: str | None = None) -> list[tuple[int, str]]:
    return [(each["line"], each["reason"]) for each in read(recipe, version)["errors"]]


def warned(recipe: Path) -> list[tuple[int, str]]:
    return [(each["line"], each["reason"]) for each in read(recipe)["warnings"]]


def names(commands: list[dict[str, Any]]) -> list[str]:
    return [command["name"] for command in commands]


def test_a_command_has_its_words_values_file_and_line(tmp_path: Path) -> None:
    recipe = write(tmp_path, "# first\n\ntimezone --utc Etc/UTC\n")

    (command,) = read(recipe)["commands"]

    assert (command["name"], command["line"], command["file"]) == ("timezone", 3, str(recipe))
    assert command["words"] == ["--utc", "Etc/UTC"]
    assert command["values"]["timezone"] == "Etc/UTC"
    assert command["values"]["isUtc"] is True


@pytest.mark.parametrize(
    "body",
    [
        b"echo hello\n",
        b"echo a \\\n  b\n",
        b"  # a comment, and blanks at the end   \n\n\n",
        b"printf 'tab\\there' # \t\r\n",
        b"# not UTF-8: \xff\xfe\n",
        "echo 'ÄÖ \u2028 \x0c'\n".encode(),
        b"%packages-like lines\n%%end\n %notasection\n",
    ],
    ids=["plain", "backslash", "blanks", "crlf", "bytes", "unicode", "percent"],
)
def test_a_script_is_exact_to_the_byte(tmp_path: Path, body: bytes) -> None:
    recipe = write(tmp_path, b"%post\n" + body + b"%end\n")

    (script,) = read(recipe)["scripts"]

    assert script["body"].encode(errors="surrogateescape") == body


def test_a_script_has_its_options_and_place(tmp_path: Path) -> None:
    recipe = write(
        tmp_path, "lang C\n%post --interpreter=/usr/bin/python3 --erroronfail --log=/root/log\npass\n%end\n"
    )

    (script,) = read(recipe)["scripts"]

    assert script["section"] == "%post"
    assert script["interpreter"] == "/usr/bin/python3"
    assert script["error_on_fail"] is True
    assert script["log"] == "/root/log"
    assert script["chroot"] is True
    assert (script["file"], script["line"]) == (str(recipe), 2)


def test_nochroot_and_pre_are_told(tmp_path: Path) -> None:
    recipe = write(tmp_path, "%pre\na\n%end\n%post --nochroot\nb\n%end\n")

    scripts = read(recipe)["scripts"]

    assert [(each["section"], each["chroot"]) for each in scripts] == [("%pre", False), ("%post", False)]


def test_packages_and_their_options(tmp_path: Path) -> None:
    recipe = write(
        tmp_path,
        "%packages --nocore --exclude-weakdeps --excludedocs --inst-langs=de:fr\n"
        "bash\n-nano\n@tools\n-@games\n%end\n",
    )

    packages = read(recipe)["packages"]

    assert packages["names"] == ["bash"]
    assert packages["excluded"] == ["nano"]
    assert (packages["groups"], packages["excluded_groups"]) == (
        [{"name": "tools", "level": "default"}],
        ["games"],
    )
    assert (packages["core"], packages["weak_dependencies"], packages["docs"]) == (False, False, False)
    assert packages["languages"] == ["de", "fr"]


def test_includes_are_relative_to_the_file_that_includes(tmp_path: Path) -> None:
    recipe = write(tmp_path, "%include parts/a.ks\nlang C\n")
    a = write(tmp_path, "%include b.ks\ntimezone UTC\n", "parts/a.ks")
    b = write(tmp_path, "rootpw --lock\n%post\nx\n%end\n", "parts/b.ks")

    data = read(recipe)

    assert names(data["commands"]) == ["rootpw", "timezone", "lang"]
    assert [(each["file"], each["line"]) for each in data["commands"]] == [
        (str(b), 1),
        (str(a), 2),
        (str(recipe), 2),
    ]
    assert data["files"] == [str(recipe), str(a), str(b)]
    assert data["read"] == [
        {"file": str(each), "size": len(each.read_bytes()), "sha256": sha256(each.read_bytes()).hexdigest()}
        for each in (recipe, a, b)
    ]
    assert data["scripts"][0]["file"] == str(b)


def test_a_section_that_includes_a_part_is_still_of_its_own_file(tmp_path: Path) -> None:
    recipe = write(tmp_path, "%post\nbefore\n%include part\nafter\n%end\n%packages\n%include list\n%end\n")
    write(tmp_path, "middle\n", "part")
    write(tmp_path, "bash\n", "list")

    data = read(recipe)

    assert data["scripts"][0]["body"] == "before\nmiddle\nafter\n"
    assert data["scripts"][0]["file"] == str(recipe)
    assert data["packages"]["names"] == ["bash"]


def test_groups_have_levels_and_environments_can_be_taken_back(tmp_path: Path) -> None:
    recipe = write(
        tmp_path,
        "%packages\n@^server environment\n@core --nodefaults\n@Sound and Video --optional # all of it\n"
        "kde-*\n-kde-i18n-*\n@x\n-@x\n-@^server environment\n%end\n",
    )

    packages = read(recipe)["packages"]

    assert packages["environment"] is None
    assert packages["groups"] == [
        {"name": "core", "level": "mandatory"},
        {"name": "Sound and Video", "level": "all"},
    ]
    assert packages["excluded_groups"] == ["x"]
    assert (packages["names"], packages["excluded"]) == (["kde-*"], ["kde-i18n-*"])
    assert packages["lines"][0] == {"text": "@^server environment", "file": str(recipe), "line": 2}


def test_the_last_line_about_a_package_wins(tmp_path: Path) -> None:
    packages = read(write(tmp_path, "%packages\na\n-a\n-b\nb\n%end\n"))["packages"]

    assert (packages["names"], packages["excluded"]) == (["b"], ["a"])


def test_several_lists_of_packages_add_up_with_their_options(tmp_path: Path) -> None:
    recipe = write(tmp_path, "%packages --nocore\na\n%end\n%packages --excludedocs\nb\n%end\n")

    packages = read(recipe)["packages"]

    assert packages["names"] == ["a", "b"]
    assert (packages["core"], packages["docs"]) == (False, False)
    places = {each["name"]: each["line"] for each in packages["options"]}
    assert places == {"--excludedocs": 4, "--nocore": 1}


@pytest.mark.parametrize("line", ["-", "@", "@^", "-@", "@core --nodefaults --optional", "@core --some"])
def test_a_line_that_names_no_package_is_a_mistake(tmp_path: Path, line: str) -> None:
    assert [number for number, _ in mistakes(write(tmp_path, f"%packages\n{line}\n%end\n"))] == [2]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("lang C\nfrobnicate\n", 2, "no word 'frobnicate'"),
        ("firewal --enabled\n", 1, "did you mean firewall"),
        ("timezone --nonsense UTC\n", 1, "nonsense"),
        ("part / --size=big\n", 1, "big"),
        ("lang 'C\n", 1, "quotation"),
        ("part / \\\n--size=5\n", 1, "backslash"),
        ("if [ -e /x ]; then\n", 1, "line of a script"),
        ("DISK=sda\n", 1, "line of a script"),
        ("$SNIPPET('x')\n", 1, "line of a template"),
        ("{% if a %}\n", 1, "line of a template"),
        ("%nosuch\nx\n%end\n", 1, "no section %nosuch"),
        ("%post --nosuch\nx\n%end\n", 1, "nosuch"),
        ("lang C\n%include missing.ks\n", 2, "missing.ks"),
        ("%include /tmp/made-by-pre\n", 1, "before its %pre could make"),
        ("%include\n", 1, "needs the name"),
        ("%include http://example.org/a.ks\n", 1, "network"),
        ("%ksappend http://example.org/a.ks\n", 1, "network"),
        ("%include /dev/zero\n", 1, "not a file"),
        ("%include a\0b\n", 1, "NUL"),
        (f"lang {'x' * 70000}\n", 1, "longer than"),
    ],
)
def test_a_mistake_names_file_line_and_reason(tmp_path: Path, text: str, line: int, reason: str) -> None:
    recipe = write(tmp_path, text)

    first = read(recipe)["errors"][0]

    assert (first["file"], first["line"]) == (str(recipe), line)
    assert reason in first["reason"]


def test_all_mistakes_are_told_and_the_rest_is_read(tmp_path: Path) -> None:
    recipe = write(tmp_path, "lang C\nwrong\n%nosuch\nlang D\n%end\nalso wrong\ntimezone UTC\n")

    data = read(recipe)

    assert [each["line"] for each in data["errors"]] == [2, 3, 6]
    assert names(data["commands"]) == ["lang", "timezone"]


def test_a_file_full_of_mistakes_is_not_read_to_its_end(tmp_path: Path) -> None:
    found = mistakes(write(tmp_path, "wrong\n" * 1000))

    assert len(found) == MAX_MISTAKES + 1
    assert "the rest was not read" in found[-1][1]


def test_a_file_of_commands_without_end_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skerry_kickstart.reader.MAX_COMMANDS", 3)

    data = read(write(tmp_path, "lang C\n" * 5))

    assert len(data["commands"]) == 3
    assert [(each["line"], each["kind"]) for each in data["errors"]] == [(4, "file")]


def test_a_mistake_in_an_included_file_names_that_file(tmp_path: Path) -> None:
    recipe = write(tmp_path, "lang C\n%include part.ks\n")
    part = write(tmp_path, "\nfrobnicate\n", "part.ks")

    (mistake,) = read(recipe)["errors"]

    assert (mistake["file"], mistake["line"]) == (str(part), 2)


def test_files_that_include_each_other_are_a_mistake_that_names_the_circle(tmp_path: Path) -> None:
    recipe = write(tmp_path, "%include b.ks\n")
    write(tmp_path, "%include recipe.ks\n", "b.ks")

    (_, reason), *_ = mistakes(recipe)

    assert "recipe.ks → b.ks → recipe.ks" in reason


def test_too_many_levels_of_includes_are_a_mistake(tmp_path: Path) -> None:
    for number in range(MAX_INCLUDE_DEPTH + 1):
        write(tmp_path, f"%include {number + 1}.ks\n", f"{number}.ks")

    ((line, reason),) = mistakes(tmp_path / "0.ks")

    assert (line, reason) == (1, f"more than {MAX_INCLUDE_DEPTH} files include each other")


def test_as_many_levels_as_are_allowed_are_read(tmp_path: Path) -> None:
    for number in range(MAX_INCLUDE_DEPTH - 1):
        write(tmp_path, f"%include {number + 1}.ks\n", f"{number}.ks")
    write(tmp_path, "lang C\n", f"{MAX_INCLUDE_DEPTH - 1}.ks")

    assert names(read(tmp_path / "0.ks")["commands"]) == ["lang"]


def test_files_that_are_included_twice_each_do_not_multiply_without_end(tmp_path: Path) -> None:
    for number in range(30):
        write(tmp_path, f"%include {number + 1}.ks\n" * 2, f"{number}.ks")
    write(tmp_path, "", "30.ks")

    data = read(tmp_path / "0.ks")

    assert any(f"more than {MAX_INCLUDES} files" in each["reason"] for each in data["errors"])


def test_a_section_without_end_ends_where_the_next_begins_and_that_is_told(tmp_path: Path) -> None:
    recipe = write(tmp_path, "%packages\na\n%post\nx\n")

    data = read(recipe)

    assert data["packages"]["names"] == ["a"]
    assert data["scripts"][0]["body"] == "x\n"
    assert [line for line, _ in warned(recipe)] == [1, 3]
    assert data["errors"] == []


def test_old_versions_need_no_end(tmp_path: Path) -> None:
    recipe = write(tmp_path, "#version=FC6\n%packages\na\n%post\nx")

    assert warned(recipe) == []
    assert read(recipe)["scripts"][0]["body"] == "x"


def test_a_section_ends_with_the_included_file_that_began_it(tmp_path: Path) -> None:
    recipe = write(tmp_path, "%include part\nlang C\n")
    write(tmp_path, "%post\nx\n", "part")

    data = read(recipe)

    assert data["scripts"][0]["body"] == "x\n"
    assert names(data["commands"]) == ["lang"]


def test_an_end_of_nothing_is_told(tmp_path: Path) -> None:
    assert warned(write(tmp_path, "lang C\n%end\n")) == [(2, "%end closes nothing: no section is open")]


def test_what_is_in_sections_of_the_installer_is_no_command(tmp_path: Path) -> None:
    data = read(write(tmp_path, "%addon com_x --enable\nwrong\n%end\n%anaconda\npwpolicy root\n%end\n"))

    assert [(each["name"], each["words"]) for each in data["sections"]] == [
        ("%addon", ["com_x", "--enable"]),
        ("%anaconda", []),
    ]
    assert data["errors"] == []


def test_certificates_have_their_file_and_text(tmp_path: Path) -> None:
    recipe = write(tmp_path, "%certificate --filename=ca.pem --dir=/etc/pki/x\n---\nAA\n%end\n")

    (certificate,) = read(recipe)["certificates"]

    assert (certificate["filename"], certificate["dir"], certificate["body"]) == (
        "ca.pem",
        "/etc/pki/x",
        "---\nAA\n",
    )


def test_the_version_is_what_the_file_says_or_the_caller(tmp_path: Path) -> None:
    recipe = write(tmp_path, "#version=F40\nlang C\n")

    assert read(recipe)["version"] == "F40"
    assert read(recipe, "RHEL9")["version"] == "RHEL9"
    ((_, reason),) = mistakes(recipe, "NONE1")
    assert "no version 'NONE1'" in reason
    assert read(recipe, "NONE1")["errors"][0]["kind"] == "version"


@pytest.mark.parametrize(("named", "version"), [("fedora 20", "F20"), ("DEVEL", "F46"), ("rhel7", "RHEL7")])
def test_versions_may_be_named_as_people_do(tmp_path: Path, named: str, version: str) -> None:
    assert read(write(tmp_path, f"#version={named}\r\n"))["version"] == version


def test_a_version_that_nobody_knows_is_told_and_the_newest_is_taken(tmp_path: Path) -> None:
    recipe = write(tmp_path, "lang C\n#version=F99\n")

    assert read(recipe)["version"] == read(write(tmp_path, ""))["version"]
    assert warned(write(tmp_path, "lang C\n#version=F99\n"))[0][0] == 2


@pytest.mark.parametrize(
    ("version", "line", "part"),
    [
        ("F40", "install", "install has been removed"),
        ("F40", "mouse generic", "mouse has been removed"),
        ("F9", "timezone UTC --ntpservers=a", "as in version"),
        ("FC3", "sshkey --username=root 'ssh-ed25519 AAAA'", "not a word of version FC3"),
        ("F46", "key --skip", "not a word of version F46"),
    ],
)
def test_a_line_of_another_version_is_read_and_told(tmp_path: Path, version: str, line: str, part: str) -> None:
    recipe = write(tmp_path, f"#version={version}\n{line}\n")

    data = read(recipe)

    assert names(data["commands"]) == [line.split(maxsplit=1)[0]]
    assert part in data["warnings"][0]["reason"]
    assert data["errors"] == []


def test_options_are_told_by_their_whole_names(tmp_path: Path) -> None:
    (part,) = read(write(tmp_path, "part / --si=100 --type ext4 --grow\n"))["commands"]

    assert part["options"] == ["--size", "--fstype", "--grow"]


def test_a_line_says_nothing_about_an_earlier_one(tmp_path: Path) -> None:
    first, second = read(write(tmp_path, "services --enabled=a\nservices --disabled=b\n"))["commands"]

    assert (first["values"]["enabled"], second["values"]["enabled"]) == (["a"], [])


def test_a_mark_of_utf8_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    assert names(read(write(tmp_path, b"\xef\xbb\xbflang C\n"))["commands"]) == ["lang"]


def test_utf16_is_told(tmp_path: Path) -> None:
    ((_, reason),) = mistakes(write(tmp_path, "lang C\n".encode("utf-16")))

    assert "UTF-16" in reason


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "skerry-kickstart"
    return subprocess.run([program, *words], capture_output=True, text=True, check=False)


def test_the_program_prints_json(tmp_path: Path) -> None:
    result = run(write(tmp_path, "lang C\n"))

    assert result.returncode == 0
    assert names(json.loads(result.stdout)["commands"]) == ["lang"]


def test_the_program_prints_mistakes_as_json_too(tmp_path: Path) -> None:
    result = run(write(tmp_path, "frobnicate\n"))

    assert result.returncode == 1
    (error,) = json.loads(result.stdout)["errors"]
    assert (error["line"], Path(error["file"]).name) == (1, "recipe.ks")
    assert result.stderr == ""


def test_of_many_levels_of_includes_only_the_allowed_ones_are_read(tmp_path: Path) -> None:
    for number in range(3 * MAX_INCLUDE_DEPTH):
        write(tmp_path, f"%include {number + 1}.ks\n", f"{number}.ks")

    assert len(read(tmp_path / "0.ks")["files"]) == MAX_INCLUDE_DEPTH


def test_the_program_lists_every_word(tmp_path: Path) -> None:
    words = json.loads(run("--words").stdout)["words"]

    assert words["key"] == ["RHEL5", "RHEL6"]
    assert len(words) > 80
