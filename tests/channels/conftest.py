"""Lets the shared contract speak as clearly as a test file when it fails."""

import pytest

pytest.register_assert_rewrite("tests.channels.contract")
