"""WhatsApp's templates at Twilio (Content API): made at set-up, once per name and language, and sent in for approval."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from channels.base import Reason, SendFailed
from channels.one_shot import JSON
from channels.twilio_client import Answer, TwilioClient
from messages.alert import Kind
from messages.form import Button, Part
from messages.languages import get
from messages.whatsapp import TEMPLATES, approval

CONTENT = "https://content.twilio.com/v1/Content"
DEADLINE = 20.0
#: Meta takes at most 6,000 templates of an account
MOST_PAGES = 130
#: how many quick replies a message inside the window may carry without approval
SESSION_BUTTONS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A template as we want it at the provider."""

    #: small letters, digits and underscores
    name: str
    #: Meta's code ("nb", "prs_AF")
    language: str
    #: with {{1}}, {{2}} … for the variables
    body: str
    #: what each variable may look like, in order; Meta demands it
    samples: tuple[str, ...] = ()
    #: a title is fixed for an approved template; a payload may be a variable
    buttons: tuple[Button, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the body of the request that makes it."""
        return {
            "friendly_name": self.name,
            "language": self.language,
            "variables": {str(number): value for number, value in enumerate(self.samples, 1)},
            "types": self._types(),
        }

    def _types(self) -> dict[str, Any]:
        if not self.buttons:
            return {"twilio/text": {"body": self.body}}
        actions = [{"type": "QUICK_REPLY", "title": button.title, "id": button.payload} for button in self.buttons]
        return {"twilio/quick-reply": {"body": self.body, "actions": actions}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A template as it stands at the provider."""

    content_id: str
    name: str
    language: str
    types: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """What Meta says: `status` is unsubmitted, received, pending, approved, rejected, paused or disabled."""

    status: str
    category: str = ""
    #: why it was rejected, in Meta's words
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """An account's templates as a sender needs them, and how far Meta's approval is."""

    #: number of buttons -> content id
    quick_replies: Mapping[int, str]
    #: name:language -> content id, and what Meta says of it
    contents: Mapping[str, str]
    approvals: Mapping[str, Approval]


def session_drafts() -> tuple[Draft, ...]:
    """Return the contents that carry any text with one, two or three quick replies inside the window; they need no approval."""
    return tuple(
        Draft(
            name=f"budstikke_buttons_{count}",
            language="en",
            body="{{1}}",
            samples=("text", *("title", "payload") * count),
            buttons=tuple(Button(f"{{{{{2 * n}}}}}", f"{{{{{2 * n + 1}}}}}") for n in range(1, count + 1)),
        )
        for count in range(1, SESSION_BUTTONS + 1)
    )


def frame_drafts(languages: Iterable[str]) -> list[Draft]:
    """Return the templates of the frame: one for each body and each of these languages that Meta knows."""
    drafts = []
    for language in languages:
        code = get(language).whatsapp
        for part in (Part.WAKE, Part.FORWARD, Part.ASK):
            if code:
                text, buttons = approval(part, language, Kind.ACTUAL)
                samples = tuple("12" for _ in TEMPLATES[part].variables)
                drafts.append(Draft(name=TEMPLATES[part].name, language=code, body=text, samples=samples, buttons=buttons))
    return drafts


class Templates:
    """The account's templates: list them, make what is missing, send it in, ask how it went."""

    def __init__(self, client: TwilioClient) -> None:
        self._client = client

    async def list(self) -> list[Template]:
        """Return every template of the account. Raises SendFailed."""
        found: list[Template] = []
        answer = await self._client.read(CONTENT, {"PageSize": "50"})
        for _ in range(MOST_PAGES):
            found += [_template(each) for each in answer.body.get("contents") or [] if isinstance(each, dict)]
            following = _following(answer)
            if not following:
                return found
            answer = await self._client.read(f"{CONTENT}?{following}")
        raise SendFailed(Reason.NOT_CONNECTED, detail="the list has no end")

    async def make(self, languages: Iterable[str]) -> Made:
        """Make all that these languages need, and send in what has not been. Doing it twice makes nothing twice. Raises SendFailed."""
        session = await self.ensure(session_drafts())
        made = await self.ensure(frame_drafts(languages))
        return Made(
            quick_replies={int(name.rpartition("_")[2]): content_id for (name, _), content_id in session.items()},
            contents={f"{name}:{language}": content_id for (name, language), content_id in made.items()},
            approvals={
                f"{name}:{language}": await self._sent_in(name, language, content_id) for (name, language), content_id in made.items()
            },
        )

    async def _sent_in(self, name: str, language: str, content_id: str) -> Approval:
        said = await self.approval(content_id)
        if said.status in ("", "unsubmitted"):
            return await self.submit(content_id, f"{name}_{language}".lower())
        return said

    async def ensure(self, drafts: Iterable[Draft]) -> dict[tuple[str, str], str]:
        """Make what is missing; return (name, language) -> content id. Doing it twice makes nothing twice. Raises SendFailed."""
        there = {_identity(each.name, each.language, each.types): each.content_id for each in await self.list()}
        made: dict[tuple[str, str], str] = {}
        for draft in drafts:
            content_id = there.get(_identity(draft.name, draft.language, draft.as_json()["types"]))
            made[draft.name, draft.language] = content_id or await self._create(draft)
        return made

    async def submit(self, content_id: str, name: str, category: str = "UTILITY") -> Approval:
        """Send a template in for Meta's approval, which takes an hour or a day. Raises SendFailed."""
        url = f"{CONTENT}/{content_id}/ApprovalRequests/whatsapp"
        return _approval(await self._post(url, {"name": name, "category": category}))

    async def approval(self, content_id: str) -> Approval:
        """Return how Meta has decided so far. Raises SendFailed."""
        answer = await self._client.read(f"{CONTENT}/{content_id}/ApprovalRequests")
        whatsapp = answer.body.get("whatsapp")
        return _approval(whatsapp if isinstance(whatsapp, dict) else {})

    async def _create(self, draft: Draft) -> str:
        return str((await self._post(CONTENT, draft.as_json())).get("sid") or "")

    async def _post(self, url: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
        answer = await self._client.post(url, data, deadline=DEADLINE, kind=JSON)
        if answer.status in {200, 201} and answer.body:
            return answer.body
        refused = Reason.NOT_AUTHORISED if answer.status in {401, 403} else Reason.BAD_CONTENT
        said = str(answer.body.get("message") or "")[:200]
        raise SendFailed(refused if 400 <= answer.status < 500 else Reason.UNCERTAIN, code=str(answer.code or answer.status), detail=said)


def _template(each: Mapping[str, Any]) -> Template:
    types = each.get("types")
    return Template(
        content_id=str(each.get("sid")),
        name=str(each.get("friendly_name")),
        language=str(each.get("language")),
        types=types if isinstance(types, dict) else {},
    )


def _identity(name: str, language: str, types: Mapping[str, Any]) -> tuple[str, str, str]:
    """A template cannot be changed: another text or button makes it another template. What the provider adds does not."""
    parts = [
        (kind, content.get("body"), [(action.get("title"), action.get("id")) for action in content.get("actions") or []])
        for kind, content in types.items()
    ]
    return name, language, repr(sorted(parts))


def _following(answer: Answer) -> str:
    """Return the query of the next page, whatever host its address names: our credentials go nowhere else."""
    meta = answer.body.get("meta")
    following = meta.get("next_page_url") if isinstance(meta, dict) else None
    return str(following or "").partition("?")[2]


def _approval(said: Mapping[str, Any]) -> Approval:
    return Approval(
        status=str(said.get("status") or "unsubmitted"),
        category=str(said.get("category") or ""),
        reason=str(said.get("rejection_reason") or ""),
    )
