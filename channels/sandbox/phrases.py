"""What the people of the sandbox say in their own languages. Emulated people only; nothing here is shown to anybody real."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phrases:
    """One language's sentences."""

    #: something that only a person can answer
    question: str
    #: lives are at stake, and the line begins with a digit that is no answer
    danger: str
    #: subject and text of the note that a mailbox sends by itself
    away: tuple[str, str]
    #: the ten digits, where people write others than 0-9
    digits: str = "0123456789"


_AWAY = ("Automatic reply: out of office", "I am away until Monday.")

PHRASES: dict[str, Phrases] = {
    "nb": Phrases("Gjelder det også for skolen?", "4 barn savnet", ("Autosvar: Ikke på kontoret", "Jeg er bortreist til mandag.")),
    "en": Phrases("Does this apply to the school too?", "4 children missing", _AWAY),
    "uk": Phrases("Це стосується і школи?", "4 дитини зникли", ("Автоматична відповідь: відпустка", "Мене немає до понеділка.")),
    "ar": Phrases(
        "هل ينطبق هذا على المدرسة أيضا؟", "4 أطفال مفقودون", ("رد تلقائي: خارج المكتب", "أنا غائب حتى يوم الاثنين."), "٠١٢٣٤٥٦٧٨٩"
    ),
    "ru": Phrases("Это касается и школы?", "4 ребёнка пропали", ("Автоматический ответ: отпуск", "Меня нет до понедельника.")),
    "pl": Phrases("Czy to dotyczy też szkoły?", "4 dzieci zaginęło", ("Automatyczna odpowiedź: urlop", "Nie ma mnie do poniedziałku.")),
    "ti": Phrases("እዚ ንቤት ትምህርቲ እውን ይምልከት ድዩ?", "4 ቆልዑ ጠፊኦም", _AWAY),
    "so": Phrases("Ma khuseysaa sidoo kale dugsiga?", "4 carruur ah ayaa la la'yahay", _AWAY),
    "fa-AF": Phrases("آیا این برای مکتب هم است؟", "4 طفل گم شده", ("پاسخ خودکار", "تا دوشنبه نیستم."), "۰۱۲۳۴۵۶۷۸۹"),
    "ps": Phrases("ایا دا د ښوونځي لپاره هم دی؟", "4 ماشومان ورک دي", _AWAY, "۰۱۲۳۴۵۶۷۸۹"),
    "ckb": Phrases("ئایا ئەمە قوتابخانەکەش دەگرێتەوە؟", "4 منداڵ ونن", _AWAY, "٠١٢٣٤٥٦٧٨٩"),
    "tr": Phrases("Bu okul için de geçerli mi?", "4 çocuk kayıp", ("Otomatik yanıt: ofis dışında", "Pazartesiye kadar yokum.")),
}


def phrases(language: str) -> Phrases:
    """Return the sentences of `language`, or the English ones."""
    return PHRASES.get(language, PHRASES["en"])


def in_digits(text: str, digits: str) -> str:
    """Return `text` with 0-9 written in `digits`."""
    return text.translate(str.maketrans("0123456789", digits))
