"""Templates: the Content API in small, so that WhatsApp has something approved to open a conversation with."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from channels.sandbox.codes import Refused

_SLOT = re.compile(r"\{\{(\w+)\}\}")
#: where each type of content keeps its text
_TEXTS = {"twilio/text": "body", "twilio/quick-reply": "body", "twilio/media": "body", "twilio/card": "title", "whatsapp/card": "body"}


@dataclass(slots=True, kw_only=True)
class Content:
    """One template, in one language."""

    sid: str
    name: str
    language: str
    variables: Mapping[str, str]
    types: Mapping[str, Any]
    created: datetime
    #: approval by WhatsApp: unsubmitted, received, pending, approved, rejected
    approval: str = "unsubmitted"
    category: str = ""
    approval_name: str = ""

    def render(self, values: Mapping[str, str]) -> tuple[str, tuple[tuple[str, str], ...]]:
        """Return the text and the quick replies (title, id), slots filled from `values`, then from the samples."""
        kind, body = next(iter(self.types.items()))
        text = self._fill(str(body.get(_TEXTS.get(kind, "body"), "")), values)
        actions = [action for action in body.get("actions", ()) if "id" in action]
        return text, tuple((self._fill(action["title"], values), self._fill(action["id"], values)) for action in actions)

    def _fill(self, text: str, values: Mapping[str, str]) -> str:
        return _SLOT.sub(lambda slot: values.get(slot[1], self.variables.get(slot[1], slot[0])), text)

    def as_json(self, account: str, base: str) -> dict[str, object]:
        """Return the resource."""
        when = self.created.strftime("%Y-%m-%dT%H:%M:%SZ")
        url = f"{base}/v1/Content/{self.sid}"
        return {
            "sid": self.sid,
            "account_sid": account,
            "friendly_name": self.name,
            "language": self.language,
            "variables": dict(self.variables),
            "types": dict(self.types),
            "url": url,
            "date_created": when,
            "date_updated": when,
            "links": {
                "approval_create": f"{url}/ApprovalRequests/whatsapp",
                "approval_fetch": f"{url}/ApprovalRequests",
            },
        }

    def approval_json(self) -> dict[str, object]:
        """Return what WhatsApp thinks of it."""
        return {
            "type": "whatsapp",
            "name": self.approval_name,
            "category": self.category,
            "content_type": next(iter(self.types)),
            "status": self.approval,
            "rejection_reason": "" if self.approval != "rejected" else "refused by the settings of the sandbox",
            "allow_category_change": True,
        }


@dataclass(slots=True)
class Contents:
    """All templates, by id."""

    by_sid: dict[str, Content] = field(default_factory=dict)

    def get(self, sid: str) -> Content:
        """Return the template `sid`. Raises Refused (20404)."""
        try:
            return self.by_sid[sid]
        except KeyError:
            raise Refused(20404, f"Content/{sid}") from None

    def create(self, raw: object, sid: str, now: datetime) -> Content:
        """Keep a template given as the API's JSON. Raises Refused (20422) with what is wrong."""
        match raw:
            case {"language": str(language), "types": dict(types), **rest} if types and all(isinstance(t, dict) for t in types.values()):
                variables = string_map(rest.get("variables") or {})
                if variables is None:
                    raise Refused(20422, "variables must be a JSON object of strings")
                name = str(rest.get("friendly_name") or "")
            case _:
                raise Refused(20422, "language and types are needed")
        content = Content(sid=sid, name=name, language=language, variables=variables, types=types, created=now)
        self.by_sid[sid] = content
        return content

    def hand_in(self, content: Content, raw: object) -> None:
        """Hand `content` in for approval. Raises Refused (20422)."""
        match raw:
            case {"name": str(name), "category": "UTILITY" | "MARKETING" | "AUTHENTICATION" as category} if re.fullmatch(
                r"[a-z0-9_]{1,512}", name
            ):
                content.approval_name, content.category, content.approval = name, category, "received"
            case _:
                raise Refused(20422, "name (a-z, 0-9, _) and category (UTILITY, MARKETING, AUTHENTICATION) are needed")


def string_map(raw: object) -> dict[str, str] | None:
    """Return `raw` if it is a mapping of strings to strings, else None."""
    if isinstance(raw, dict) and all(isinstance(item, str) for pair in raw.items() for item in pair):
        return raw
    return None


def variables_of(text: str) -> dict[str, str]:
    """Return the ContentVariables in `text`. Raises Refused (21656)."""
    try:
        values = string_map(json.loads(text or "{}"))
    except ValueError:
        values = None
    if values is None:
        raise Refused(21656)
    return values
