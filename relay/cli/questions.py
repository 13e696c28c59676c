"""What `init` asks, in which order, and how each answer is judged: at its prompt, or for options and files before anything is made."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import NamedTuple

from channels.sandbox.house import AUTH_TOKEN
from channels.settings import BadSettings, TwilioAccount
from messages.form import Medium
from relay import places
from relay.cli.register import read_contact
from relay.model import BadInput, BudstikkeError, NotReady
from relay.people_csv.cells import shown
from relay.settings import PREFIX, Settings
from relay.store import address
from relay.store.normal import checked_address

PROVIDERS = ("twilio", "sandbox", "none")

#: takes an answer; raises BudstikkeError with what to write instead
Judge = Callable[[str], object]


def _provider(answer: str) -> None:
    if answer not in PROVIDERS:
        raise BadInput(f"{shown(answer)} is no provider: write twilio, sandbox or none.")


def _url(answer: str) -> Settings:
    try:
        return Settings.of({f"{PREFIX}PUBLIC_BASE_URL": answer})
    except NotReady:
        raise BadInput(f"{shown(answer)} is no address: write it like https://varsel.kommune.example") from None


def _sid(answer: str) -> None:
    try:
        TwilioAccount(key="twilio", sid=answer, auth_token=AUTH_TOKEN)
    except BadSettings as why:
        raise BadInput(str(why)) from None


def _sender(answer: str) -> None:
    if not any(map(str.isdigit, answer)):
        raise BadInput(f"{shown(answer)} is no number: write it like +47 594 40 000.")


class Question(NamedTuple):
    """One thing that is asked."""

    name: str
    words: str
    default: str = ""
    judge: Judge = str
    #: asked only where one of these was chosen
    providers: tuple[str, ...] = PROVIDERS
    secret: bool = False
    #: an empty answer will do
    optional: bool = False


_ADDRESS = "Address under which the world reaches this installation, with https://"

#: who sends stands before the address, since it decides which address will do
QUESTIONS = (
    Question("municipality", "Municipality, by number or name", judge=places.find),
    Question("contact", "Fixed contact point, as NAME,NUMBER[,HOURS] (Kari Nordmann,+4791234567,08-22)", judge=read_contact),
    Question(
        "duty_phone",
        "Mobile of the duty officer (told when somebody writes of danger; may be left empty)",
        judge=partial(checked_address, Medium.SMS),
        optional=True,
    ),
    Question("provider", "Who sends SMS: twilio, sandbox (an emulated one, reaches nobody), or none yet", "none", judge=_provider),
    Question("twilio_account_sid", "Twilio account SID (AC and 32 digits)", judge=_sid, providers=("twilio",)),
    Question("twilio_auth_token", "Twilio auth token", providers=("twilio",), secret=True),
    Question("sms_number", "Number that SMS come from, with country code", judge=_sender, providers=("twilio",)),
    Question("public_url", _ADDRESS, judge=lambda answer: _url(answer).require_public_base_url(), providers=("twilio", "none")),
    # the sandbox is on this machine too: an address of this machine alone will do
    Question("public_url", _ADDRESS, judge=_url, providers=("sandbox",)),
    Question(
        "database", "Database, sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE", "sqlite:///budstikke.db", judge=address.read
    ),
    Question("administrator", "Name of the first administrator, who invites the others"),
)


def asked(said: Mapping[str, str]) -> Iterator[Question]:
    """Yield the questions that what was said so far leads to; `said` may grow meanwhile."""
    return (one for one in QUESTIONS if one.providers is PROVIDERS or said.get("provider") in one.providers)


def judge_all(said: Mapping[str, str]) -> None:
    """Judge what was said without being asked for; an error begins with the question's name."""
    for one in asked(said):
        try:
            if answer := said.get(one.name, "").strip():
                one.judge(answer)
        except BudstikkeError as error:
            raise type(error)(f"{one.name}: {error}") from error
