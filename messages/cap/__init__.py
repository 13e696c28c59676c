"""CAP, the Common Alerting Protocol: any official message in, our own alerts out. Pure: fetches nothing, stores nothing."""

from messages.cap.draft import Draft as Draft, draft as draft
from messages.cap.faults import CapRefused as CapRefused, CapUnwritable as CapUnwritable
from messages.cap.model import (
    CapAlert as CapAlert,
    CapArea as CapArea,
    CapInfo as CapInfo,
    CapResource as CapResource,
    Document as Document,
    Flag as Flag,
    Link as Link,
    Named as Named,
    Signature as Signature,
)
from messages.cap.read import read as read
from messages.cap.replay import replay as replay
from messages.cap.terms import (
    CapFault as CapFault,
    Carrier as Carrier,
    Category as Category,
    Evidence as Evidence,
    FlagKind as FlagKind,
    MsgType as MsgType,
    NeverReal as NeverReal,
    ResponseType as ResponseType,
    Scope as Scope,
    Status as Status,
)
from messages.cap.write import write as write
