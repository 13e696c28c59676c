"""Makes the handbook's page of settings from the code: `python -m deploy.check.settings_page --write`; without --write it prints it.

What each setting means in Norwegian stands in handbook/nb/settings.toml; what is not there yet stands in English, marked so.
"""

import re
import sys
import tomllib
from pathlib import Path

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from relay.settings import ENV_FILE, PREFIX, Settings

HANDBOOK = Path(__file__).parents[1] / "handbook"
SOURCE = Path(__file__).parents[2] / "relay/settings.py"

HEADS = {
    "en": """# Settings

Made from the code (`python -m deploy.check.settings_page --write`). Settings are variables of the environment, or lines of the file
that `{file}` names (else `.env`): in [way one](install.md) that is `/etc/budstikke/budstikke.env`.
After a change: `systemctl restart budstikke`.
`budstikke settings` prints the same.
""",
    "nb": """# Innstillinger

Laget av koden (`python -m deploy.check.settings_page --write`). Innstillinger er miljøvariabler, eller linjer i fila som
`{file}` peker på (ellers `.env`): i [måte én](install.md) er det `/etc/budstikke/budstikke.env`.
Etter en endring: `systemctl restart budstikke`.
`budstikke settings` skriver ut det samme, på engelsk.
""",
}
COLUMNS = {"en": ("setting", "what it means", "if it is not set"), "nb": ("innstilling", "hva den betyr", "hvis den ikke er satt")}
#: sections of relay/settings.py, as its comments name them
_SECTION = re.compile(r"^    # (?P<title>.+)$|^    (?P<field>\w+): .*= Field\(", re.MULTILINE)


def sections() -> list[tuple[str, list[str]]]:
    """Return the settings under the comments under which they stand in the code."""
    body = SOURCE.read_text(encoding="utf-8").partition("class Settings(BaseSettings):")[2].partition("@field_validator")[0]
    found: list[tuple[str, list[str]]] = []
    for match in _SECTION.finditer(body):
        if match["title"]:
            found.append((match["title"], []))
        else:
            found[-1][1].append(match["field"])
    return [(title, names) for title, names in found if names]


def page(language: str) -> str:
    """Return the page in this language."""
    told = tomllib.loads((HANDBOOK / "nb/settings.toml").read_text(encoding="utf-8")) if language == "nb" else {}
    parts = [HEADS[language].format(file=ENV_FILE)]
    for title, names in sections():
        head = told.get("sections", {}).get(title, title)
        rows = [_row(name, Settings.model_fields[name], told) for name in names]
        columns = COLUMNS[language]
        parts.append("\n".join([f"## {head[0].upper()}{head[1:]}\n", f"| {' | '.join(columns)} |", "|---|---|---|", *rows]) + "\n")
    return "\n".join(parts)


def _row(name: str, field: FieldInfo, told: dict[str, dict[str, str]]) -> str:
    english = field.description or ""
    words = told["settings"].get(name, f"(en) {english}") if told else english
    default = field.get_default(call_default_factory=True)
    plain = default.get_secret_value() if isinstance(default, SecretStr) else default
    shown = f"`{plain}`" if plain not in ("", {}) else ""
    return f"| `{PREFIX}{name.upper()}` | {words.replace('|', chr(92) + '|')} | {shown} |"


def main() -> None:
    """Write the pages, or print the English one."""
    if "--write" not in sys.argv:
        sys.stdout.write(page("en"))
        return
    for language in HEADS:
        (HANDBOOK / language / "settings.md").write_text(page(language), encoding="utf-8")


if __name__ == "__main__":
    main()
