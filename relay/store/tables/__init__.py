"""Every table, by what it is for. The register is ORM and changes slowly; the facts are plain tables, written by the thousand.

Every row belongs to a municipality. States are words (relay.model), evidence is a rank (channels.base.Evidence).
"""

from relay.store.tables.access import browser_session, invitation, known_device, login_attempt, trial_allowed, user_role
from relay.store.tables.alerts import alert, alert_group, cap_feed, variant
from relay.store.tables.base import Audited, Base
from relay.store.tables.conversation import answer, arena, inbound, link_open, note, redistribution_report, share_link, task, thread
from relay.store.tables.duty import call_list_copy, call_list_post, hand_over, wall_link
from relay.store.tables.installation import fact, pace, worker
from relay.store.tables.numbers import act_log, counter, event, progress
from relay.store.tables.programs import api_answer, api_token
from relay.store.tables.register import (
    Address,
    ContactPoint,
    LanguageGroup,
    Membership,
    Municipality,
    PolicyRow,
    PolicyStep,
    ResourcePerson,
    Sender,
    User,
    name_key,
)
from relay.store.tables.sending import ALIKE, attempt, delivery, delivery_file, recipient, recipient_group, status

__all__ = [
    "ALIKE",
    "Address",
    "Audited",
    "Base",
    "ContactPoint",
    "LanguageGroup",
    "Membership",
    "Municipality",
    "PolicyRow",
    "PolicyStep",
    "ResourcePerson",
    "Sender",
    "User",
    "act_log",
    "alert",
    "alert_group",
    "answer",
    "api_answer",
    "api_token",
    "arena",
    "attempt",
    "browser_session",
    "call_list_copy",
    "call_list_post",
    "cap_feed",
    "counter",
    "delivery",
    "delivery_file",
    "event",
    "fact",
    "hand_over",
    "inbound",
    "invitation",
    "known_device",
    "link_open",
    "login_attempt",
    "name_key",
    "note",
    "pace",
    "progress",
    "recipient",
    "recipient_group",
    "redistribution_report",
    "share_link",
    "status",
    "task",
    "thread",
    "trial_allowed",
    "user_role",
    "variant",
    "wall_link",
    "worker",
]
