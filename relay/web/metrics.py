"""/metrics: how the installation fares, for Prometheus. Numbers alone: no name, number or text is a value or a label.

Let in: whoever shows the token of the settings; without one set, this machine itself.
"""

import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from importlib.metadata import version
from ipaddress import ip_address
from typing import Any, NamedTuple

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

from channels.base import Evidence
from channels.clock import monotonic
from relay.doctor.outside import certificate_ends
from relay.model import Health, NotReady
from relay.store import schema, vital, workers
from relay.web.keys import RELAY

#: a certificate is looked at so often
LOOK_AT_CERTIFICATE = timedelta(hours=1)
DAY = 86_400.0
HEALTH = {Health.WELL: 0, Health.SLOW: 1, Health.DOWN: 2}

#: label values of callbacks: what became of one, by the status that it was answered
CAME_TO = {204: "taken", 403: "refused", 404: "refused", 503: "busy"}


class Gauge(NamedTuple):
    """One number, what it says, and by what it is told apart."""

    words: str
    labels: tuple[str, ...] = ()


SENDER = ("sender", "provider", "channel")

#: everything that is asked of the database, in the order in which it is printed
GAUGES: Mapping[str, Gauge] = {
    "budstikke_info": Gauge("Always 1; the versions of program and tables, and the database.", ("version", "schema", "database")),
    "budstikke_database_up": Gauge("1: the database answers. 0: all other numbers of the database are missing."),
    "budstikke_database_seconds": Gauge("How long the database took to answer everything that is asked here (seconds)."),
    "budstikke_queue_age_seconds": Gauge("Since how many seconds the oldest message that could leave has been due."),
    "budstikke_queue_due": Gauge("Messages that are due and wait for a worker."),
    "budstikke_attempts": Gauge(
        "Attempts of the alerts that are out now, by what is known of them; reason: why one was refused.",
        ("provider", "channel", "evidence", "reason"),
    ),
    "budstikke_unknown": Gauge("Attempts of which nobody knows yet whether they left; they are looked for at the provider."),
    "budstikke_unknown_age_seconds": Gauge("How many seconds the oldest of them has been unknown."),
    "budstikke_sender_health": Gauge("How a sender fares by its last calls (its breaker): 0 well, 1 slow, 2 down.", SENDER),
    "budstikke_sender_stopped": Gauge("1: nothing leaves by this sender until a person has looked.", SENDER),
    "budstikke_sender_waiting": Gauge("Messages that are due and wait for this sender.", SENDER),
    "budstikke_sender_pace": Gauge("How much this sender may send: SMS segments, else messages, a second.", SENDER),
    "budstikke_workers": Gauge("Workers that gave a sign of life in the last 15 seconds."),
    "budstikke_leaders": Gauge("Workers that keep time for all; it must be one."),
    "budstikke_worker_silent_seconds": Gauge("How long ago a worker gave its last sign of life.", ("worker",)),
    "budstikke_worker_clock_off_seconds": Gauge("How far a worker's clock is off the database's.", ("worker",)),
    "budstikke_tasks_open": Gauge("Work that waits for a person.", ("kind",)),
    "budstikke_alerts": Gauge("Alerts by their state.", ("state",)),
    "budstikke_inbound_unhandled": Gauge("Messages from people that have come in and are not yet handled."),
    "budstikke_municipalities_on_trial": Gauge("Municipalities for which real channels are off."),
    "budstikke_canary_lost": Gauge("1: this sender's canary has not answered in time: the way there or back is broken.", SENDER),
    "budstikke_canary_answer_seconds": Gauge("How long the canary of this sender took to answer when it was last asked.", SENDER),
    "budstikke_sign_age_seconds": Gauge("How long ago the watch outside took a sign of life; missing when it never has."),
    "budstikke_backup_age_seconds": Gauge("How old the newest backup is; missing when there is none."),
    "budstikke_purge_age_seconds": Gauge("How long ago the purge last went through; missing when it never has."),
    "budstikke_certificate_days": Gauge("For how many more days the certificate of the public address holds; negative: it has ended."),
}  # fmt: skip

CALLBACKS, LAG = "budstikke_callbacks_total", "budstikke_callback_seconds"
#: everything that this process counts itself
COUNTED: Mapping[str, Gauge] = {
    CALLBACKS: Gauge("Callbacks: taken, refused (forged, or no account), busy (to come again).", ("account", "came_to")),
    LAG: Gauge("How long a callback waited for the commit that holds it (seconds).", ("account",)),
}  # fmt: skip

Labels = tuple[str, ...]
Values = dict[str, list[tuple[Labels, float]]]


@dataclass
class Metrics:
    """What this process counts, and what it remembers between two looks."""

    #: "" lets this machine in alone
    token: str = ""
    public_url: str = ""
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    certificate: datetime | None = None
    looked_at: datetime | None = None

    def __post_init__(self) -> None:
        words, labels = COUNTED[CALLBACKS]
        self.callbacks = Counter(CALLBACKS, words, labels, registry=self.registry)
        words, labels = COUNTED[LAG]
        self.lag = Histogram(LAG, words, labels, registry=self.registry)
        # finding a number by its labels costs more than counting
        self._counter = lru_cache(self.callbacks.labels)
        self._lag = lru_cache(self.lag.labels)

    def called_back(self, account: str, status: int, seconds: float) -> None:
        """Count a callback. An account that we do not know has no name here: strangers could fill the memory with names."""
        self._counter("" if status == 404 else account, CAME_TO.get(status, "refused")).inc()
        if status == 204:
            self._lag(account).observe(seconds)

    async def certificate_days(self, now: datetime) -> float | None:
        """Return for how many days the certificate holds; looked at once an hour."""
        if self.looked_at is None or now - self.looked_at >= LOOK_AT_CERTIFICATE:
            self.certificate, self.looked_at = await certificate_ends(self.public_url), now
        return (self.certificate - now).total_seconds() / DAY if self.certificate else None


METRICS: web.AppKey[Metrics] = web.AppKey("metrics", Metrics)


async def show(request: web.Request) -> web.Response:
    """Print every number; 403 to whoever is not the monitoring."""
    kept = request.app[METRICS]
    if not _let_in(request, kept.token):
        return web.Response(status=403, text="Show the token of BUDSTIKKE_METRICS_TOKEN, or ask from this machine.")
    values = await _values(request)
    body = generate_latest(_Once(values)) + generate_latest(kept.registry)
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


def _let_in(request: web.Request, token: str) -> bool:
    """A proxy on this machine also calls from it: what was handed on comes from elsewhere."""
    if token:
        return hmac.compare_digest(request.headers.get("Authorization", "").encode(), f"Bearer {token}".encode())
    handed_on = {"X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"} & request.headers.keys()
    try:
        return not handed_on and ip_address(request.remote or "").is_loopback
    except ValueError:
        return False


class _Once(CollectorRegistry):
    """Values that were looked up just now, as prometheus_client prints them."""

    def __init__(self, values: Values) -> None:
        super().__init__()
        self.register(_Looked(values))


class _Looked(Collector):
    def __init__(self, values: Values) -> None:
        self._values = values

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for name, (words, labels) in GAUGES.items():
            family = GaugeMetricFamily(name, words, labels=labels)
            for told, value in self._values.get(name, ()):
                family.add_metric(told, value)
            yield family


async def _values(request: web.Request) -> Values:
    relay, kept = request.app[RELAY], request.app[METRICS]
    now, begun = relay.clock.now(), monotonic()
    days = await kept.certificate_days(now)
    found: Values = {"budstikke_certificate_days": [((), days)]} if days is not None else {}
    try:
        async with relay.store.read() as conn:
            signs = await vital.signs(conn, now)
        tables = await schema.version(relay.store) or ""
    except NotReady:
        return found | {"budstikke_database_up": [((), 0)]}
    found["budstikke_info"] = [((version("budstikke"), tables, relay.store.dialect), 1)]
    found["budstikke_database_seconds"] = [((), monotonic() - begun)]
    return (
        found
        | {"budstikke_database_up": [((), 1)]}
        | _queue(signs, now)
        | _senders(signs)
        | _workers(signs, now)
        | _canaries(signs, now)
        | _ages(signs, now)
    )


def _queue(signs: vital.Signs, now: datetime) -> Values:
    known: list[tuple[Labels, float]] = [
        ((row.provider, row.channel, Evidence(row.evidence).name.lower(), row.reason), row.number) for row in signs.attempts
    ]
    return {
        "budstikke_queue_age_seconds": [((), _age(signs.oldest_due, now) or 0)],
        "budstikke_queue_due": [((), signs.due)],
        "budstikke_attempts": known,
        "budstikke_unknown": [((), signs.doubts)],
        "budstikke_unknown_age_seconds": [((), _age(signs.oldest_doubt, now) or 0)],
        "budstikke_tasks_open": [((row.what,), row.number) for row in signs.tasks],
        "budstikke_alerts": [((row.what,), row.number) for row in signs.alerts],
        "budstikke_inbound_unhandled": [((), signs.unhandled)],
        "budstikke_municipalities_on_trial": [((), signs.on_trial)],
    }


def _senders(signs: vital.Signs) -> Values:
    """Senders go by their id: even a municipality's own number is nobody's business here."""
    asked: Mapping[str, Callable[[Any], float]] = {
        "budstikke_sender_health": lambda one: HEALTH[one.health],
        "budstikke_sender_stopped": lambda one: bool(one.stopped),
        "budstikke_sender_waiting": lambda one: one.waiting,
        "budstikke_sender_pace": lambda one: signs.paces[one.sender_id],
    }
    named = [((str(one.sender_id), one.provider, str(one.medium)), one) for one in signs.senders]
    return {name: [(labels, of(one)) for labels, one in named] for name, of in asked.items()}


def _workers(signs: vital.Signs, now: datetime) -> Values:
    alive = [row for row in signs.workers if now - row.seen_at < workers.MISSED]
    return {
        "budstikke_workers": [((), len(alive))],
        "budstikke_leaders": [((), sum(row.leader for row in alive))],
        "budstikke_worker_silent_seconds": [((row.name,), max(0.0, (now - row.seen_at).total_seconds())) for row in signs.workers],
        "budstikke_worker_clock_off_seconds": [((row.name,), row.off_seconds) for row in signs.workers],
    }


def _canaries(signs: vital.Signs, now: datetime) -> Values:
    named = [((str(one.sender_id), one.provider, one.channel), one) for one in signs.canaries]
    return {
        "budstikke_canary_lost": [(labels, one.lost(now)) for labels, one in named],
        "budstikke_canary_answer_seconds": [
            (labels, (one.answered_at - one.asked_at).total_seconds()) for labels, one in named if one.answered_at
        ],
    }


def _ages(signs: vital.Signs, now: datetime) -> Values:
    told = {
        "budstikke_sign_age_seconds": signs.sign_at,
        "budstikke_backup_age_seconds": signs.backup_at,
        "budstikke_purge_age_seconds": signs.purged_at,
    }
    return {name: [((), age)] for name, at in told.items() if (age := _age(at, now)) is not None}


def _age(at: datetime | None, now: datetime) -> float | None:
    return max(0.0, (now - at).total_seconds()) if at else None


def names() -> Iterable[str]:
    """Return the name of every metric, as the handbook and the rules of alarm must know them."""
    return (*GAUGES, *COUNTED)
