"""The served description, taken at its word: schemathesis asks everything that it allows, and much that it does not."""

import asyncio
import sys
from pathlib import Path

import pytest

from relay.model import Role
from tests.web.conftest import Web
from tests.web.test_api import token_of

#: what is asked of each operation, and the checks that are not ours to keep: a repeated act is refused by its state, not by its shape
EXAMPLES = 12
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.mark.timeout(600)
@pytest.mark.slow
async def test_nothing_outside_the_description_comes_back_and_nothing_breaks(web: Web, tmp_path: Path) -> None:
    token = await token_of(web, Role.COORDINATOR)
    command = [
        *("-m", "schemathesis.cli", "run", f"{web.url}/api/openapi.json", "--header", f"Authorization: Bearer {token}"),
        *("--checks", CHECKS, "--max-examples", str(EXAMPLES), "--seed", "1", "--no-color", "--phases", "examples,fuzzing"),
        *("--suppress-health-check", "all", "--workers", "1"),
    ]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()[-4000:]
