"""Each order in which machines are listed has an index: a page of a hundred need not look at all of them."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A manager of the version before does not notice."""
    op.create_index("ix_machines_state", "machines", ["state", "name", "id", "creating", "host"])
    for column in ("created_at", "memory", "vcpus"):
        op.create_index(f"ix_machines_{column}", "machines", [column, "id"])
