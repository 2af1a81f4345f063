"""The tables, as the newest migration leaves them; a test holds the two together.

Whole values (a machine, an error, a fact) are JSON in text columns, written and read by their pydantic models;
what lists filter and sort by has columns of its own.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint

from skerry.manager.store.columns import UtcTime

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite gives rising numbers to INTEGER primary keys only, and never one twice with AUTOINCREMENT.
BigNumber = sa.BigInteger().with_variant(Integer(), "sqlite")

# One row. It is locked by each writing transaction, so that facts get numbers without gaps.
cloud = Table(
    "cloud",
    metadata,
    Column("id", sa.Uuid, primary_key=True),
    Column("epoch", Text, nullable=False),  # new after each restore: numbers of before mean nothing
    Column("last_fact", BigNumber, nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

pools = Table(
    "pools",
    metadata,
    Column("id", sa.Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("parent_id", ForeignKey("pools.id")),
    Column("path", Text, nullable=False, unique=True),
)

users = Table(
    "users",
    metadata,
    Column("name", Text, primary_key=True),
    Column("password_hash", Text, nullable=False),
    Column("admin", sa.Boolean, nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

grants = Table(
    "grants",
    metadata,
    Column("user", ForeignKey("users.name", ondelete="CASCADE"), primary_key=True),
    Column("pool_id", ForeignKey("pools.id", ondelete="CASCADE"), primary_key=True),
    Column("role", Text, primary_key=True),
)

sessions = Table(
    "sessions",
    metadata,
    Column("secret_hash", Text, primary_key=True),
    Column("user", ForeignKey("users.name", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_at", UtcTime, nullable=False),
    Column("used_at", UtcTime, nullable=False),  # coarse: written once in a while
    Column("expires_at", UtcTime, nullable=False, index=True),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", sa.Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("user", ForeignKey("users.name", ondelete="CASCADE"), nullable=False),
    Column("secret_hash", Text, nullable=False, unique=True),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime),
    Column("used_at", UtcTime),  # coarse
    UniqueConstraint("user", "name"),
)

hosts = Table(
    "hosts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("online", sa.Boolean, nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("problem", Text),
    Column("facts", Text),  # JSON of HostFacts
    Column("networks", Text, nullable=False),  # JSON
    Column("storage_pools", Text, nullable=False),  # JSON
)

machines = Table(
    "machines",
    metadata,
    Column("id", sa.Uuid, primary_key=True),
    Column("name", Text, nullable=False, index=True),
    Column("host", Text, nullable=False, index=True),
    Column("pool_id", ForeignKey("pools.id"), nullable=False, index=True),
    Column("owner", Text),
    Column("template", Text),  # name of the image it was cloned from, for people
    Column("created_at", UtcTime, nullable=False),
    # While it is being created no host knows it; its row keeps the name, and shows it in lists.
    Column("creating", sa.Boolean, nullable=False),
    Column("state", Text, nullable=False),  # as the hypervisor last said
    Column("vcpus", Integer, nullable=False),
    Column("memory", BigNumber, nullable=False),
    Column("should_run", sa.Boolean, nullable=False),  # what people want, whatever happens to the host
    Column("definition", Text),  # last known XML
    Column("definition_etag", Text),
    Column("machine", Text, nullable=False),  # JSON of the host's Machine
    Column("addresses", Text, nullable=False),  # JSON
    Index("ix_machines_pool_name", "pool_id", "name", "id"),
    # Of each order in which they are listed, and of those in one state all that a page of ids asks; since 0003.
    Index("ix_machines_state", "state", "name", "id", "creating", "host"),
    Index("ix_machines_created_at", "created_at", "id"),
    Index("ix_machines_memory", "memory", "id"),
    Index("ix_machines_vcpus", "vcpus", "id"),
)

images = Table(
    "images",
    metadata,
    Column("id", sa.Uuid, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("pool_id", ForeignKey("pools.id"), nullable=False, index=True),
    Column("description", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("storage_pool", Text, nullable=False),
    Column("volume", Text, nullable=False),
    Column("format", Text, nullable=False),
    Column("size", BigNumber, nullable=False),
    Column("allocation", BigNumber, nullable=False),
    Column("sha256", Text),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", sa.Uuid, nullable=False),  # the task that makes it
)

# Which machines need which images: thin clones, and CDs in drives of machines that we made.
machine_images = Table(
    "machine_images",
    metadata,
    Column("machine_id", ForeignKey("machines.id", ondelete="CASCADE"), primary_key=True),
    Column("image_id", ForeignKey("images.id"), primary_key=True, index=True),
    Column("volume", Text, primary_key=True, default=""),  # of the machine, that stands on the image; or the CD
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", sa.Uuid, primary_key=True),
    Column("user", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("size", BigNumber, nullable=False),
    Column("received", BigNumber, nullable=False),
    Column("used_at", UtcTime, nullable=False),
    Column("name", Text, nullable=False, server_default=""),  # of the file, for people; since 0002
)

tasks = Table(
    "tasks",
    metadata,
    Column("seq", BigNumber, primary_key=True, autoincrement=True),  # the order in which tasks of one thing run
    Column("id", sa.Uuid, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("object_kind", Text, nullable=False),
    Column("object_id", Text, nullable=False, index=True),
    Column("object_name", Text, nullable=False),
    Column("pool_id", sa.Uuid),
    Column("args", Text, nullable=False),  # JSON
    Column("private", Text),  # what must not outlive the task; gone when it ends
    Column("state", Text, nullable=False),
    Column("executor", Text),  # the manager that runs it
    Column("step", Text, nullable=False),
    Column("step_number", Integer, nullable=False),
    Column("step_count", Integer, nullable=False),
    Column("progress", sa.Float),
    Column("detail", Text, nullable=False),
    Column("cancel_requested", sa.Boolean, nullable=False),
    Column("cancellable", sa.Boolean, nullable=False),
    Column("error", Text),  # JSON of a Problem
    Column("not_undone", Text, nullable=False),  # JSON
    Column("result", Text),  # JSON
    Column("user", Text, nullable=False),
    Column("name_claimed", Text, index=True),  # `vm:web1`: nobody else gets this name while the task is unfinished
    Column("created_at", UtcTime, nullable=False),
    Column("started_at", UtcTime),
    Column("ended_at", UtcTime, index=True),
    sqlite_autoincrement=True,
)
Index(
    "ix_tasks_unfinished",
    tasks.c.seq,
    sqlite_where=tasks.c.ended_at.is_(None),
    postgresql_where=tasks.c.ended_at.is_(None),
)

# What an unfinished task works on. A task runs when no earlier one holds any of its things.
task_locks = Table(
    "task_locks",
    metadata,
    Column("seq", ForeignKey("tasks.seq", ondelete="CASCADE"), primary_key=True),
    Column("thing", Text, primary_key=True),  # `vm:<id>`
    Column("running_after", sa.Boolean),  # of a machine that the task makes: whether it is started
    Index("ix_task_locks_thing", "thing", "seq"),
)

task_log = Table(
    "task_log",
    metadata,
    Column("task_id", sa.Uuid, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("text", Text, nullable=False),
)

facts = Table(
    "facts",
    metadata,
    Column("number", BigNumber, primary_key=True, autoincrement=False),
    Column("at", UtcTime, nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("object_kind", Text, nullable=False),
    Column("object_id", Text, nullable=False),
    Column("object_name", Text, nullable=False),
    Column("pool_id", sa.Uuid),
    Column("user", Text),
    Column("summary", Text, nullable=False),
    Column("data", Text),  # JSON
    Index("ix_facts_object", "object_id", "number"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", BigNumber, primary_key=True, autoincrement=True),
    Column("at", UtcTime, nullable=False, index=True),
    Column("user", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("object_kind", Text),
    Column("object_id", Text),
    Column("object_name", Text),
    Column("status", Integer, nullable=False),
    Column("detail", Text, nullable=False),
    sqlite_autoincrement=True,
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("user", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("answer", Text),  # JSON; null while the first request is being worked on
    Column("executor", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False, index=True),
)

console_tickets = Table(
    "console_tickets",
    metadata,
    Column("secret_hash", Text, primary_key=True),
    Column("user", Text, nullable=False),
    Column("machine_id", sa.Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
)

# Living managers; one that is dead leaves its tasks to the others.
executors = Table(
    "executors",
    metadata,
    Column("id", Text, primary_key=True),
    Column("lock", BigNumber, nullable=False, unique=True),  # key of its PostgreSQL advisory lock
    Column("seen_at", UtcTime, nullable=False),
)
