"""The databases of the journey's tests, for the pages."""

from tests.relay.conftest import keyring, migrated_database, migrated_file, migrated_postgres_url, migrated_sqlite_url, migrated_url

__all__ = ["keyring", "migrated_database", "migrated_file", "migrated_postgres_url", "migrated_sqlite_url", "migrated_url"]
