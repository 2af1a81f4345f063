"""Uploads have a name, so that people recognise those that were left."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A manager of the version before inserts rows without it, and goes on."""
    op.add_column("uploads", sa.Column("name", sa.Text(), nullable=False, server_default=""))
