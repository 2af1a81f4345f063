from tests.fixtures.database import database, database_url, empty_url, postgresql

__all__ = ["database", "database_url", "empty_url", "postgresql"]
