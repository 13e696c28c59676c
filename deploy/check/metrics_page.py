"""Makes the handbook's page of monitoring from the code: `python -m deploy.check.metrics_page --write`; without --write it prints it.

What each number says in Norwegian stands in handbook/nb/metrics.toml.
"""

import sys
import tomllib
from collections.abc import Mapping

from deploy.check.settings_page import HANDBOOK
from relay.web.metrics import COUNTED, GAUGES

HEADS = {
    "en": """# Monitoring

Made from the code (`python -m deploy.check.metrics_page --write`).

Prometheus reads `/metrics`: from this machine without a token, from another with the one in `BUDSTIKKE_METRICS_TOKEN`.
Rules of alarm stand in [alerts.yml](../../monitoring/alerts.yml); each says what to do. No number names a person.
Without Prometheus: `budstikke doctor` every five minutes, whose exit code is 0 when all is well, 7 when something can wait for the
morning, and 6 when it cannot.
""",
    "nb": """# Overvåkning

Laget av koden (`python -m deploy.check.metrics_page --write`).

Prometheus leser `/metrics`: fra denne maskinen uten token, fra en annen med den i `BUDSTIKKE_METRICS_TOKEN`.
Alarmregler står i [alerts.yml](../../monitoring/alerts.yml); hver av dem sier hva dere gjør. Ingen tall nevner en person.
Uten Prometheus: `budstikke doctor` hvert femte minutt, som avslutter med 0 når alt er bra, 7 når noe kan vente til morgenen, og 6 når
det ikke kan det.
""",
}
COLUMNS = {"en": ("number", "what it says", "told apart by"), "nb": ("tall", "hva det sier", "skilt på")}


WORDS = HANDBOOK / "nb/metrics.toml"
NUMBERS = {**GAUGES, **COUNTED}


def norwegian() -> Mapping[str, str]:
    """Return what each number says in Norwegian, by its name."""
    return tomllib.loads(WORDS.read_text(encoding="utf-8"))


def without_words(told: Mapping[str, str]) -> list[str]:
    """Return the names of numbers of which `told` does not say in Norwegian what they say."""
    return [name for name in NUMBERS if name not in told]


def page(language: str, told: Mapping[str, str]) -> str:
    """Return the page in this language; `told`: what each number says in Norwegian."""
    rows = [
        f"| `{name}` | {told[name] if language == 'nb' else gauge.words} | {', '.join(gauge.labels)} |" for name, gauge in NUMBERS.items()
    ]
    return "\n".join([HEADS[language], f"| {' | '.join(COLUMNS[language])} |", "|---|---|---|", *rows]) + "\n"


def main() -> None:
    """Write the pages, or print the English one. Nothing is written while a number lacks its words."""
    told = norwegian()
    if "--write" not in sys.argv:
        sys.stdout.write(page("en", told))
        return
    if missing := without_words(told):
        raise SystemExit(f"Nothing is written. deploy/handbook/nb/metrics.toml must say in Norwegian what these say: {', '.join(missing)}")
    for language in HEADS:
        (HANDBOOK / language / "monitoring.md").write_text(page(language, told), encoding="utf-8")


if __name__ == "__main__":
    main()
