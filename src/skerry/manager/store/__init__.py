"""The manager's database: SQLite by default, PostgreSQL by URL."""
