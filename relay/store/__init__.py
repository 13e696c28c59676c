"""The only place with SQL. The stages meet here: each reads rows that the one before wrote, and writes rows for the next."""
