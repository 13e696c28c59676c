"""Databases with every table, as the tests of the journey have them."""

from tests.relay.conftest import keyring, migrated_database, migrated_file, migrated_postgres_url, migrated_sqlite_url, migrated_url, store

__all__ = ["keyring", "migrated_database", "migrated_file", "migrated_postgres_url", "migrated_sqlite_url", "migrated_url", "store"]
