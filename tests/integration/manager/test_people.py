"""Sign-in, sessions, tokens and the audit trail, on a real database."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from skerry.errors import BadInput, Conflict, Denied, InUse, NameTaken, NotFound, TooManyTries, Unauthenticated
from skerry.manager.access import SYSTEM, Caller
from skerry.manager.audit import Audit
from skerry.manager.idempotency import Answer, Idempotency
from skerry.manager.people import People
from skerry.manager.pools import Pools
from skerry.manager.settings import ManagerSettings
from skerry.manager.store import tables
from skerry.manager.store.columns import now
from skerry.manager.store.database import Database
from skerry.manager.types import NewPool, NewToken, NewUser, PasswordChange, SignIn

ANNA = NewUser(name="anna", password="fair winds and following seas")
HERE = "192.0.2.7"


@pytest.fixture
async def people(database: Database) -> People:
    people = People(database, ManagerSettings())
    await people.add_user(SYSTEM, ANNA)
    return people


def words(password: str = ANNA.password, user: str = ANNA.name) -> SignIn:
    return SignIn(user=user, password=password)


async def test_who_signs_in_is_known_by_the_cookie_until_they_sign_out(people: People) -> None:
    signed_in = await people.sign_in(words(), HERE)

    known = await people.by_session(signed_in.secret, HERE)
    assert known.caller.user == "anna"
    assert known.session is not None
    assert known.session.csrf_token == signed_in.session.csrf_token

    await people.sign_out(signed_in.secret)
    with pytest.raises(Unauthenticated):
        await people.by_session(signed_in.secret, HERE)


async def test_a_wrong_password_and_an_unknown_user_look_alike(people: People) -> None:
    with pytest.raises(Unauthenticated) as wrong:
        await people.sign_in(words("wrong password"), HERE)
    with pytest.raises(Unauthenticated) as unknown:
        await people.sign_in(words(user="nobody"), HERE)

    assert (wrong.value.message, wrong.value.hint) == (unknown.value.message, unknown.value.hint)


async def test_guessing_is_slowed_down_also_for_the_right_password(people: People) -> None:
    for _ in range(4):
        with pytest.raises(Unauthenticated):
            await people.sign_in(words("wrong password"), HERE)

    with pytest.raises(TooManyTries):
        await people.sign_in(words(), HERE)


@pytest.mark.parametrize("user", ["anna", "nobody"])
async def test_guessing_many_at_once_is_slowed_down_as_much(people: People, user: str) -> None:
    guesses = [people.sign_in(words("wrong password", user), f"192.0.2.{number}") for number in range(5)]

    ends = await asyncio.gather(*guesses, return_exceptions=True)

    assert [type(end) for end in ends] == [Unauthenticated] * 4 + [TooManyTries]


async def test_many_who_know_their_password_come_in_at_once(people: People) -> None:
    await asyncio.gather(*(people.sign_in(words(), HERE) for _ in range(5)))


async def test_guessing_the_old_password_many_at_once_is_slowed_down_too(people: People) -> None:
    change = PasswordChange(old_password="wrong", new_password="another one")
    changes = [people.change_password(signed_in_caller("anna"), change) for _ in range(5)]

    ends = await asyncio.gather(*changes, return_exceptions=True)

    assert [type(end) for end in ends] == [BadInput] * 4 + [TooManyTries]


async def test_no_secret_is_kept_in_the_database(people: People, database: Database, tmp_path: Path) -> None:
    signed_in = await people.sign_in(words(), HERE)
    token = await people.add_token(signed_in_caller(signed_in.session.user.name), NewToken(name="ci"))
    await database.close()

    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())

    for secret in (ANNA.password, signed_in.secret, token.secret):
        assert secret.encode() not in kept


def signed_in_caller(user: str) -> Caller:
    return Caller(user, SYSTEM.access, HERE)


@pytest.mark.parametrize("column", ["expires_at", "used_at"])
async def test_a_session_ends_when_it_is_old_or_idle(people: People, database: Database, column: str) -> None:
    signed_in = await people.sign_in(words(), HERE)
    async with database.write() as writing:
        await writing.execute(sa.update(tables.sessions).values({column: now() - timedelta(days=30)}))

    with pytest.raises(Unauthenticated):
        await people.by_session(signed_in.secret, HERE)


async def test_a_token_works_until_it_is_deleted_or_too_old(people: People, database: Database) -> None:
    anna = signed_in_caller("anna")
    token = await people.add_token(anna, NewToken(name="ci"))
    with pytest.raises(NameTaken):
        await people.add_token(anna, NewToken(name="ci"))

    assert (await people.by_token(token.secret, HERE)).caller.user == "anna"
    assert [one.name for one in (await people.tokens(anna)).items] == ["ci"]

    async with database.write() as writing:
        await writing.execute(sa.update(tables.tokens).values(expires_at=now() - timedelta(seconds=1)))
    with pytest.raises(Unauthenticated):
        await people.by_token(token.secret, HERE)
    await people.delete_token(anna, token.id)
    with pytest.raises(NotFound):
        await people.delete_token(anna, token.id)


async def test_a_new_password_ends_all_other_sessions(people: People) -> None:
    here, elsewhere = await people.sign_in(words(), HERE), await people.sign_in(words(), "192.0.2.8")
    anna = signed_in_caller("anna")

    with pytest.raises(BadInput):
        await people.change_password(anna, PasswordChange(old_password="wrong", new_password="another one"))
    change = PasswordChange(old_password=ANNA.password, new_password="another one")
    await people.change_password(anna, change, keep=here.secret)

    await people.by_session(here.secret, HERE)
    with pytest.raises(Unauthenticated):
        await people.by_session(elsewhere.secret, HERE)
    await people.sign_in(words("another one"), HERE)


async def test_a_person_who_is_removed_is_out_at_once(people: People) -> None:
    signed_in = await people.sign_in(words(), HERE)

    await people.delete_user(SYSTEM, "anna")

    with pytest.raises(Unauthenticated):
        await people.by_session(signed_in.secret, HERE)


async def test_the_first_password_is_made_once_and_the_last_administrator_stays(database: Database) -> None:
    people = People(database, ManagerSettings())

    password = await people.first_password()
    assert password is not None
    assert await people.first_password() is None

    await people.sign_in(words(password, "admin"), HERE)
    with pytest.raises(Conflict, match="last administrator"):
        await people.delete_user(SYSTEM, "admin")


async def test_a_forgotten_admin_password_can_be_replaced(database: Database) -> None:
    people = People(database, ManagerSettings())
    old = await people.first_password()

    new = await people.reset_password("admin")

    assert new != old
    await people.sign_in(words(new, "admin"), HERE)


async def test_a_plain_user_may_not_manage_people(people: People) -> None:
    anna = (await people.by_session((await people.sign_in(words(), HERE)).secret, HERE)).caller

    with pytest.raises(Denied):
        await people.users(anna)
    with pytest.raises(Denied):
        await people.add_user(anna, NewUser(name="bert", password="a long password"))


async def test_the_audit_trail_is_told_newest_first(database: Database) -> None:
    audit = Audit(database)
    for number in range(5):
        await audit.record(user="anna", address=HERE, method="POST", action=f"act {number}", status=202)

    first = await audit.list(SYSTEM, limit=3)
    rest = await audit.list(SYSTEM, limit=3, cursor=first.next_cursor)

    assert [entry.action for entry in (*first.items, *rest.items)] == [
        f"act {number}" for number in (4, 3, 2, 1, 0)
    ]
    assert (first.total, rest.next_cursor) == (5, None)


async def test_pools_are_a_tree_and_full_ones_stay(database: Database) -> None:
    pools = Pools(database)
    root = (await pools.list(SYSTEM)).items[0]

    students = await pools.create(SYSTEM, NewPool(name="students", parent_id=root.id))
    below = await pools.create(SYSTEM, NewPool(name="electro", parent_id=students.id))

    assert below.path == "/default/students/electro"
    with pytest.raises(NameTaken):
        await pools.create(SYSTEM, NewPool(name="students", parent_id=root.id))
    with pytest.raises(InUse, match="holds 1 pools"):
        await pools.delete(SYSTEM, students.id)
    with pytest.raises(Conflict, match="root"):
        await pools.delete(SYSTEM, root.id)
    await pools.delete(SYSTEM, below.id)
    await pools.delete(SYSTEM, students.id)


async def test_a_repeated_request_gets_the_first_answer(database: Database) -> None:
    idempotency = Idempotency(database, "manager-1")
    answer = Answer(202, '{"id": 1}', {"location": "/api/v1/tasks/1"})

    assert await idempotency.begin(SYSTEM, "key", "print") is None
    with pytest.raises(Conflict, match="still being worked on"):
        await idempotency.begin(SYSTEM, "key", "print")
    await idempotency.finish(SYSTEM, "key", answer)

    assert await idempotency.begin(SYSTEM, "key", "print") == answer
    with pytest.raises(BadInput, match="another request"):
        await idempotency.begin(SYSTEM, "key", "other print")


async def test_a_key_taken_by_a_manager_that_was_killed_may_be_used_again(database: Database) -> None:
    await Idempotency(database, "manager-1").begin(SYSTEM, "key", "print")

    assert await Idempotency(database, "manager-1").begin(SYSTEM, "key", "print") is None
