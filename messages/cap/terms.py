"""The vocabulary of CAP 1.2, and what can be wrong with a message. The value of a verdict is the sentence that people read."""

from enum import Enum, StrEnum


class Status(StrEnum):
    """CAP 1.2 status. Only Actual may become a real message; Exercise becomes an exercise."""

    ACTUAL = "Actual"
    EXERCISE = "Exercise"
    SYSTEM = "System"
    TEST = "Test"
    DRAFT = "Draft"


class MsgType(StrEnum):
    """CAP 1.2 msgType."""

    ALERT = "Alert"
    UPDATE = "Update"
    CANCEL = "Cancel"
    ACK = "Ack"
    ERROR = "Error"


class Scope(StrEnum):
    """CAP 1.2 scope: whom the sender allows to hear it."""

    PUBLIC = "Public"
    RESTRICTED = "Restricted"
    PRIVATE = "Private"


class Category(StrEnum):
    """CAP 1.2 category."""

    GEO = "Geo"
    MET = "Met"
    SAFETY = "Safety"
    SECURITY = "Security"
    RESCUE = "Rescue"
    FIRE = "Fire"
    HEALTH = "Health"
    ENV = "Env"
    TRANSPORT = "Transport"
    INFRA = "Infra"
    CBRNE = "CBRNE"
    OTHER = "Other"


class ResponseType(StrEnum):
    """CAP 1.2 responseType."""

    SHELTER = "Shelter"
    EVACUATE = "Evacuate"
    PREPARE = "Prepare"
    EXECUTE = "Execute"
    AVOID = "Avoid"
    MONITOR = "Monitor"
    ASSESS = "Assess"
    ALL_CLEAR = "AllClear"
    NONE = "None"


class Carrier(StrEnum):
    """What the document was: an alert by itself, or a feed or envelope around alerts and links."""

    CAP = "cap"
    ATOM = "atom"
    RSS = "rss"
    EDXL_DE = "edxl-de"


class Evidence(StrEnum):
    """What a signature proves. Even VALID is never the only reason to trust a message."""

    NONE = "none"
    VALID = "valid"
    INVALID = "invalid"
    CANNOT_JUDGE = "cannot_judge"


class CapFault(Enum):
    """Why a document is refused: what happened and what to do, with `{detail}` filled in."""

    TOO_LARGE = "The document is too large to be read safely ({detail}); ask the sender for a smaller one, or write the message by hand."
    TOO_MUCH_MARKUP = (
        "The document has more parts than any alert needs ({detail}); ask the sender for a smaller one, or write the message by hand."
    )
    TOO_DEEP = "The document is nested too deeply to be an alert ({detail}); check with the sender that it really comes from them."
    TOO_MANY_POINTS = "The areas have too many points ({detail}); ask the sender for a simpler outline, or write the message by hand."
    TOO_MANY_PARTS = "The alert repeats a part too often ({detail}); ask the sender for a smaller one, or write the message by hand."
    LONG_IDENTITY = "The alert's sender or identifier is too long to be kept ({detail}); ask the sender, or write the message by hand."
    DOCTYPE = (
        "The document has a DOCTYPE, which no alert needs and attacks use ({detail}); check with the sender that it really comes from them."
    )
    ENCODING = "The letters of the document cannot be read ({detail}); ask the sender to send it as UTF-8."
    NOT_XML = "The document is not well-formed XML ({detail}); fetch it again, and tell the sender if it stays so."
    NOT_CAP = "The document is XML but neither a CAP alert nor a feed of alerts ({detail}); check the address it came from."
    OLD_VERSION = "The alert is written in {detail}, which is too old to be read; ask the sender for CAP 1.2."
    UNKNOWN_VERSION = "The alert is written in {detail}, which we do not know; ask the sender for CAP 1.2."
    INVALID = "The alert breaks the rules of CAP ({detail}); ask the sender to correct it, or write the message by hand."


class NeverReal(Enum):
    """Why a message may become a draft but never a real message."""

    EXERCISE = "The sender marked it as an exercise: it can be released as an exercise, never as a real message."
    TEST = "The sender marked it as a test: it is kept for the record and can never be released as a real message."
    DRAFT = "The sender marked it as a draft: wait for the message itself."
    SYSTEM = "It is a message between machines: it has nothing to say to people."
    CARRIER_NOT_ACTUAL = "The envelope it came in is marked as exercise or test: ask the sender which of the two marks is right."
    PRIVATE = "The sender meant it for named receivers only: ask the sender before anything of it is passed on."
    RESTRICTED = "The sender restricted who may hear it: ask the sender before anything of it is passed on."
    ACK = "It only says that somebody has received another message."
    ERROR = "It only says that somebody refused another message: read its note."
    EXPIRED = "It had already expired when we looked: check with the sender whether a newer one is in force."
    FROM_FUTURE = "It says it was sent more than a day from now: the sender's clock or the message is wrong; ask the sender."

    @property
    def words(self) -> str:
        """The reason as one sentence for staff."""
        return self.value


class FlagKind(Enum):
    """What is odd about a message that we took all the same: the sentence for the author."""

    OLDER_VERSION = "Written in an older version of CAP and carried over to 1.2."
    PROFILE_NAMESPACE = "Written in a namespace of a national profile; read as CAP 1.2."
    WRONG_ENCODING = "The declared encoding is wrong: look at letters such as æ, ø and å."
    OUT_OF_ORDER = "Elements stand in another order than CAP wants."
    UNKNOWN_ELEMENT = "Has an element that CAP does not know; it was left out."
    MARKUP_IN_TEXT = "A text had markup inside; only its words were kept."
    SPELLING = "A fixed word of CAP is spelled otherwise; the meaning is clear."
    MISSING_VALUE = "A required value is missing or empty; read as unknown."
    UNKNOWN_VALUE = "A value is not one of CAP's; read as unknown."
    UNREADABLE_NUMBER = "A number cannot be read; it was left out."
    TIME_FORM = "A time is not written as CAP wants (Z or fractions of a second); the meaning is clear."
    TIME_WITHOUT_OFFSET = "A time has no offset: check the hours with the sender."
    ODD_OFFSET = "A time has an offset that no country uses: check the hours with the sender."
    TIME_OUT_OF_RANGE = "A time is outside any calendar we can reckon with; it was left out."
    EXPIRES_BEFORE_SENT = "It expires before it was sent: check the times with the sender."
    NO_EXPIRES = "It does not say when it expires."
    NO_INFO = "It has no text: write one, or wait for the sender's next message."
    NO_LANGUAGE = "It does not say which language it is in; the source's usual language is assumed."
    LANGUAGE_TAG = "The language is not named by a proper tag."
    SCRIPT_MISMATCH = "The text is not in the script of the language it is labelled with: have somebody read it."
    LIKELY_ZAWGYI = "The Burmese text seems to be written for the old Zawgyi font and will be unreadable on new phones."
    BAD_IDENTITY = "Sender or identifier is empty or has spaces, commas, < or &: updates may not find it."
    NO_REFERENCES = "It changes an earlier message but does not say which: find it by hand."
    BAD_REFERENCE = "A reference to an earlier message cannot be read: find it by hand."
    NO_RESTRICTION = "Restricted, but without saying to whom."
    NO_ADDRESSES = "Private, but without saying to whom."
    POLYGON_UNREADABLE = "A polygon cannot be read: choose the area by hand."
    POLYGON_TOO_SHORT = "A polygon has fewer than three corners: choose the area by hand."
    POLYGON_UNCLOSED = "A polygon does not end where it began; it was closed."
    POLYGON_CROSSES_ITSELF = "A polygon crosses itself: look at the map."
    POLYGON_UNCHECKED = "A polygon has too many points to be checked for crossings: look at the map."
    CIRCLE_UNREADABLE = "A circle cannot be read: choose the area by hand."
    POINT_OUT_OF_RANGE = "A point is not on earth, perhaps because latitude and longitude changed places: look at the map."
    SWAPPED = "An area lies in Norway only if latitude and longitude change places: look at the map, and ask the sender."
    MUNICIPALITY_UNREADABLE = "A municipality number does not have four digits; it was left out."
    SIGNATURE_INVALID = "The signature does not fit the content: ring the sender before you use it."
    CARRIER_NOT_ACTUAL = "The envelope around it is not marked as Actual."
    REPLAYED = "An old message moved to now for practice; dates inside its texts are still the old ones."

    @property
    def words(self) -> str:
        """What is odd, as one sentence for the author."""
        return self.value
