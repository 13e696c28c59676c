"""Who may do what with an alert: pure rules, the same behind pages, API and commands.

Routes and operations ask for a role; what depends on the alert as well is asked here. A command line on the server checks no roles but that
of whoever approves, where users have it, and that whoever sends, stops, withdraws or ends is a user, where users do that: whoever has that
shell could write to the database too. The rule of the second person holds there as well.
"""

from messages.alert import Kind
from relay.model import Role
from relay.store.columns import AnyRow
from relay.store.tables import name_key

EVERYBODY = frozenset(Role)
#: write texts, keep the register
WRITERS = frozenset({Role.ADMINISTRATOR, Role.COORDINATOR})
#: approve what somebody else wrote
APPROVERS = frozenset({Role.APPROVER})
#: let an approved alert leave
RELEASERS = WRITERS | APPROVERS
#: stop, withdraw, end: one person is enough, so everybody who watches may
STOPPERS = frozenset({Role.COORDINATOR, Role.APPROVER, Role.DUTY_OFFICER})
#: answer, ring, remind
DUTY = frozenset({Role.COORDINATOR, Role.DUTY_OFFICER})
ADMINISTRATORS = frozenset({Role.ADMINISTRATOR})
#: let a stopped sender send again: one that is refused once more stops by itself
STARTERS = ADMINISTRATORS | DUTY
#: see what doctor says: whoever wonders why nothing happens
EXAMINERS = ADMINISTRATORS | DUTY


def approvers_of(kind: Kind | str) -> frozenset[Role]:
    """Return who may approve an alert of this kind: an exercise may be approved by those who write, too."""
    return APPROVERS if kind == Kind.ACTUAL else APPROVERS | WRITERS


def needs_second_person(kind: Kind | str) -> bool:
    """Whether whoever wrote an alert of this kind may not approve it alone."""
    return kind == Kind.ACTUAL


def is_author(alert: AnyRow, name: str, user_id: int | None) -> bool:
    """Whether somebody wrote or last edited an alert: the same user, or (from before there were users) the same name."""
    same_user = user_id is not None and user_id in (alert.author_id, alert.editor_id)
    return same_user or name_key(name) in (name_key(alert.author), name_key(alert.editor))


def may_approve(alert: AnyRow, roles: frozenset[Role], name: str, user_id: int | None) -> bool:
    """Whether somebody may approve an alert without anything unusual."""
    second = not (needs_second_person(alert.kind) and is_author(alert, name, user_id))
    return second and bool(roles & approvers_of(alert.kind))
