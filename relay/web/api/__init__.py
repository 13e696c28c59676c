"""The API for machines: /api/v1. operations.py is its table; shapes.py what goes in and out; the description is made from both."""
