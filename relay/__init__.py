"""The journey: who gets what, when, and what came of it. Read `flow` first."""
