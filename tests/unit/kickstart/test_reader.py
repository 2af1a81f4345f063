"""skerry-kickstart: kickstart in, plain data out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from skerry_kickstart.reader import MAX_INCLUDE_DEPTH, Mistake, read


def write(folder: Path, text: str | bytes, name: str = "recipe.ks") -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


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
        b"  # a comment, and blanks at the end   \n\n\n",
        b"printf 'tab\\there' # \t\r\n",
        b"# not UTF-8: \xff\xfe\n",
        "echo 'ÄÖ \u2028 \x0c'\n".encode(),
        b"%packages-like lines\n%%end\n %notasection\n",
    ],
    ids=["plain", "blanks", "crlf", "bytes", "unicode", "percent"],
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
    assert (packages["groups"], packages["excluded_groups"]) == (["tools"], ["games"])
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
    assert data["scripts"][0]["file"] == str(b)


def test_a_section_that_includes_a_part_is_still_of_its_own_file(tmp_path: Path) -> None:
    recipe = write(tmp_path, "%post\nbefore\n%include part\nafter\n%end\n%packages\n%include list\n%end\n")
    write(tmp_path, "middle\n", "part")
    write(tmp_path, "bash\n", "list")

    data = read(recipe)

    assert data["scripts"][0]["body"] == "before\nmiddle\nafter\n"
    assert data["scripts"][0]["file"] == str(recipe)
    assert data["packages"]["names"] == ["bash"]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("lang C\nfrobnicate\n", 2, "frobnicate"),
        ("timezone --nonsense UTC\n", 1, "nonsense"),
        ("lang 'C\n", 1, "quotation"),
        ("%post\necho\n", 1, "%end"),
        ("%nosuch\n%end\n", 1, "%nosuch"),
        ("lang C\n%include missing.ks\n", 2, "missing.ks"),
        ("%include http://example.org/a.ks\n", 1, "network"),
    ],
    ids=["unknown word", "unknown option", "quotes", "no end", "unknown section", "no file", "network"],
)
def test_a_mistake_names_file_line_and_reason(tmp_path: Path, text: str, line: int, reason: str) -> None:
    recipe = write(tmp_path, text)

    with pytest.raises(Mistake) as caught:
        read(recipe)

    assert caught.value.file == str(recipe)
    assert caught.value.line in {line, line + 1, line + 2}  # sections are told of at their end
    assert reason in caught.value.reason


def test_a_mistake_in_an_included_file_names_that_file(tmp_path: Path) -> None:
    recipe = write(tmp_path, "lang C\n%include part.ks\n")
    part = write(tmp_path, "\nfrobnicate\n", "part.ks")

    with pytest.raises(Mistake) as caught:
        read(recipe)

    assert (caught.value.file, caught.value.line) == (str(part), 2)


def test_files_that_include_each_other_are_a_mistake(tmp_path: Path) -> None:
    recipe = write(tmp_path, "%include b.ks\n")
    write(tmp_path, "%include recipe.ks\n", "b.ks")

    with pytest.raises(Mistake, match="includes itself"):
        read(recipe)


def test_too_many_levels_of_includes_are_a_mistake(tmp_path: Path) -> None:
    for number in range(MAX_INCLUDE_DEPTH + 1):
        write(tmp_path, f"%include {number + 1}.ks\n", f"{number}.ks")

    with pytest.raises(Mistake, match=f"more than {MAX_INCLUDE_DEPTH}"):
        read(tmp_path / "0.ks")


def test_the_version_is_what_the_file_says_or_the_caller(tmp_path: Path) -> None:
    recipe = write(tmp_path, "#version=F40\nlang C\n")

    assert read(recipe)["version"] == "F40"
    assert read(recipe, "RHEL9")["version"] == "RHEL9"
    with pytest.raises(Mistake, match="NONE1"):
        read(recipe, "NONE1")


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
    error = json.loads(result.stdout)["error"]
    assert (error["line"], Path(error["file"]).name) == (1, "recipe.ks")
    assert result.stderr == ""
