"""Settings: one table, several sources, all mistakes at once."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from skerry.errors import BadSettings
from skerry.settings import FLAG, PATH, SIZE, TEXT, WHOLE_NUMBER, WORDS, load, setting, table


@dataclass(frozen=True)
class Boat:
    """Settings of a made-up program."""

    name: str = setting(TEXT, "What it is called", default="skiff")
    crew: int = setting(WHOLE_NUMBER, "How many sail it", default=2, minimum=1)
    hold: int = setting(SIZE, "What fits in", default=1024, unit="bytes")
    motor: bool = setting(FLAG, "Whether it has one", default=False)
    rig: str = setting(TEXT, "The sails", default="sloop", choices=("sloop", "ketch"))
    log: Path = setting(PATH, "Where it writes", default=Path("log"))
    ports: tuple[str, ...] = setting(WORDS, "Where it calls", default=())


def given(tmp_path: Path, text: str = "", **sources: object) -> Boat:
    file = tmp_path / "boat.toml"
    file.write_text(text)
    return load(Boat, file=file, prefix="BOAT", **({"environ": {}} | sources))  # type: ignore[arg-type]


def test_without_sources_the_defaults_hold(tmp_path: Path) -> None:
    assert given(tmp_path) == Boat()


def test_a_file_that_is_not_there_is_no_mistake(tmp_path: Path) -> None:
    assert load(Boat, file=tmp_path / "none.toml", environ={}) == Boat()


def test_later_sources_win(tmp_path: Path) -> None:
    boat = given(
        tmp_path,
        'name = "file"\ncrew = 3\nhold = "2K"\nmotor = true\nports = ["a", "b"]',
        environ={"BOAT_NAME": "environment", "BOAT_CREW": "4"},
        flags={"name": "flag", "hold": None},
    )

    assert boat == Boat(name="flag", crew=4, hold=2048, motor=True, ports=("a", "b"))


def test_all_mistakes_come_at_once_with_source_key_value_and_expectation(tmp_path: Path) -> None:
    with pytest.raises(BadSettings) as refusal:
        given(tmp_path, 'crew = 0\nhodl = "2K"\nrig = "barque"', environ={"BOAT_MOTOR": "perhaps"})

    lines = refusal.value.message.splitlines()
    assert len(lines) == 4
    assert any("unknown key 'hodl', did you mean 'hold'?" in line for line in lines)
    assert any("crew = 0: less than 1, expected a whole number" in line for line in lines)
    assert any("rig = 'barque': not one of sloop, ketch" in line for line in lines)
    assert any(line.startswith("environment: BOAT_MOTOR = 'perhaps'") for line in lines)


def test_broken_toml_is_named_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"boat\.toml: not valid TOML.*line 1"):
        given(tmp_path, "name = = 3\n")


def test_the_table_tells_all_of_each_setting() -> None:
    rows = {row.name: row for row in table(Boat)}

    assert rows["hold"].unit == "bytes"
    assert rows["rig"].choices == ("sloop", "ketch")
    assert all(row.help for row in rows.values())
