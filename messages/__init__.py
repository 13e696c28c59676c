"""What is said, in every language. Pure: no network, no database, no clock."""
