"""From a mail as it came to what the person wrote."""

import pytest

from messages.reply import is_automatic, text_of_html, understand, unquoted
from messages.reply.samples import samples

LETTER = "> Sørby: KOK VANNET\n> Svar:\n> 1 lest\n> 2 gir videre\n> 4 kan ikke"

HEADS = [
    "Fra: Sørby kommune\nSendt: mandag 23. november 2026 10:00\nTil: Ayan\nEmne: KOK VANNET",
    "From: Sørby kommune <post@sorby.example>\nSent: Monday, November 23, 2026\nTo: Ayan\nSubject: BOIL",
    "*From:* Sørby kommune <post@sorby.example>\n*Date:* Monday\n*To:* Ayan",
    "Від: Sørby kommune\nНадіслано: понеділок\nКому: Оля\nТема: Вода",
    "От: Sørby kommune\nОтправлено: понедельник\nКому: Оля",
    "من: Sørby kommune\nتاريخ الإرسال: الاثنين\nإلى: أحمد",
    "Od: Sørby kommune\nWysłano: poniedziałek\nDo: Ola",
    "Kimden: Sørby kommune\nGönderilme: Pazartesi\nKime: Ali",
    "De: Sørby kommune\nEnviado: lunes\nPara: Ana",
    "จาก: Sørby kommune\nส่งเมื่อ: จันทร์\nถึง: Som",
    "Absender: post@sorby.example\nGesendet: Montag\nAn: Ayan",
]


@pytest.mark.parametrize("language", list(samples()))
def test_the_letter_is_quoted_in_every_language(language: str) -> None:
    wrote = samples()[language]["wrote"]
    assert unquoted(f"Hei\n2\n\n{wrote}\n\n{LETTER}") == "Hei\n2"
    assert unquoted(f"2\n{wrote}\nSørby: KOK VANNET\n1 lest") == "2"
    assert unquoted(f"{wrote}\n{LETTER}\n\n4\n") == "4"
    assert unquoted(f"{wrote}\n\nSørby: KOK VANNET\n1") == ""


@pytest.mark.parametrize("dash", ["-", "—"])
def test_a_rule_has_five_dashes(dash: str) -> None:
    assert unquoted(f"2\n{dash * 5}\n3 barn") == "2"
    assert unquoted(f"2\n{dash * 4}\n3 barn") == f"2\n{dash * 4}\n3 barn"


@pytest.mark.parametrize("language", list(samples()))
def test_an_attribution_may_be_the_last_line(language: str) -> None:
    assert unquoted(f"2\n{samples()[language]['wrote']}") == "2"


def test_an_answer_above_wins_over_one_below() -> None:
    wrote = samples()["nb"]["wrote"]
    assert unquoted(f"2\n\n{wrote}\n{LETTER}\n\n4") == "2"
    assert unquoted(f"{wrote}\n\n\n{LETTER}\n\n4") == "4"


@pytest.mark.parametrize("end", [":", "：", "-", "၊", "።"])
def test_how_the_line_above_a_letter_looks(end: str) -> None:
    assert unquoted(f"2\nOla skrev 2026{end}\nx") == "2"
    assert unquoted(f"2\nOla skrev 202{end}\nx") == f"2\nOla skrev 202{end}\nx"
    assert unquoted(f"2\nOla sang 2026{end}\nx") == f"2\nOla sang 2026{end}\nx"
    assert unquoted(f"2\nOla sang o@x.example 2026{end}\nx") == "2"


def test_how_far_the_line_above_a_letter_may_be_wrapped() -> None:
    assert unquoted("2\nOn 1 Jan 2026 at 9\nOla wrote:\nx") == "2"
    assert unquoted("2\nOn 1 Jan 2026\nOla wrote:\nx") == "2\nOn 1 Jan 2026\nOla wrote:\nx"
    assert unquoted("2\nOla <o@x.example> skrev\nden 23.11.2026:\nx") == "2"
    assert unquoted("2\nOn 1 Jan 2026 at 9\nthe good\nOla wrote:\nx") == "2"
    assert unquoted("On 1 Jan 2026 at 9\nthe\ngood\nOla wrote:") == "On 1 Jan 2026 at 9\nthe\ngood\nOla wrote:"
    assert unquoted("On 1 Jan 2026 at 9\n\nOla wrote:") == "On 1 Jan 2026 at 9\n\nOla wrote:"
    long = "Ola skrev 2026 " + "x" * 284 + ":"
    assert unquoted(f"2\n{long}\nx") == "2"
    assert unquoted(f"2\nx{long}\nx") == f"2\nx{long}\nx"


def test_what_is_a_field_of_a_head() -> None:
    rest = "\nSendt: i dag\nTil: Ayan\nx"
    assert unquoted(f"2\nAvsender en to: o@x.example{rest}") == "2"
    for own in (
        "Avsender en to tre: o@x.example",
        "Avsender 1: o@x.example",
        "Avsender o@x.example",
        "Avsender: Ola",
        f"{'A' * 40}: o@x.example",
    ):
        assert unquoted(f"2\n{own}{rest}") == f"2\n{own}{rest}"
    assert unquoted(f"2\n{'A' * 39}: o@x.example{rest}") == "2"
    assert unquoted("2\nFra: Ola\nTil: Ayan") == "2\nFra: Ola\nTil: Ayan"
    contact = "Navn: Ola\nTlf: 48123456\nE-post: ola@x.example"
    assert unquoted(contact) == contact
    assert unquoted("Epost: o@x.example\nTlf: 48123456\nSted: Sørby") == "Epost: o@x.example\nTlf: 48123456\nSted: Sørby"


@pytest.mark.parametrize("head", HEADS[:-1])
def test_the_head_of_a_quoted_letter_ends_the_answer(head: str) -> None:
    assert unquoted(f"2\n\n{head}\n\n1 lest\n4") == "2"
    assert unquoted(head) == ""


def test_a_head_of_a_programme_we_do_not_know_is_known_by_its_address() -> None:
    assert unquoted(f"2\n\n{HEADS[-1]}\n\n1 lest\n4") == "2"
    assert unquoted(HEADS[-1]) == HEADS[-1]


@pytest.mark.parametrize(
    "wrapped",
    [
        "On Mon, Nov 23, 2026 at 10:00 AM Sørby kommune\n<post@sorby.example> wrote:",
        "Den man. 23. nov. 2026 kl. 10:00 skrev Sørby\nkommune <post@sorby.example>:",
        "Sørby kommune <post@sorby.example>, 23 Kas 2026\nPzt, 10:00 tarihinde\nşunu yazdı:",
        "Den 23.11.2026 10:00, skrev Sørby kommune:",
        "23. nov. 2026 kl. 10:00 skrev Sørby kommune:",
    ],
)
def test_the_line_above_a_quoted_letter_may_be_wrapped(wrapped: str) -> None:
    assert unquoted(f"3 40 whatsapp\n{wrapped}\n{LETTER}") == "3 40 whatsapp"
    assert unquoted(f"3 40 whatsapp\n\n{wrapped}\n\nSørby") == "3 40 whatsapp"


@pytest.mark.parametrize(
    "rule",
    [
        "-----Opprinnelig melding-----",
        "________________________________",
        "---------- Forwarded message ---------",
        "—————",
        "-- ",
        "--",
        "=====",
        "_____",
    ],
)
def test_a_rule_or_a_signature_ends_the_answer(rule: str) -> None:
    assert unquoted(f"2\n{rule}\nOla Nordmann\n4") == "2"


@pytest.mark.parametrize(
    "signed",
    [
        "Sendt fra min iPhone",
        "Sent from my Galaxy",
        "Отправлено с iPhone",
        "أرسل من هاتفي",
        "Get Outlook for Android",
        "Wysłane z iPhone'a",
    ],
)
def test_what_a_telephone_adds_is_left_out(signed: str) -> None:
    assert unquoted(f"STOPP\n\n{signed}") == "STOPP"
    assert unquoted(f"{signed}\n1") == "1"
    room = 100 - len(signed)
    assert unquoted(f"1\n{signed}{' ' * (room - 1)}x") == "1"
    assert unquoted(f"1\n{signed}{' ' * room}x") == f"1\n{signed}{' ' * room}x"


def test_quoted_lines_are_left_out_wherever_they_stand() -> None:
    assert unquoted("> a\n2\n> b\n\u200f> c\n  > d\nTakk") == "2\nTakk"
    assert unquoted("> a\n> b") == ""


@pytest.mark.parametrize(
    "own",
    [
        "3: 40",
        "Moskeen: 40\nKafeen: 20\nSkolen: 30",
        "Ring 48 12 34 56 i dag:",
        "Naboen skrev dette:\n1",
        "Møtet er 23.11.2026 kl. 18:00",
        "Ola: hei\nKari: hei",
        "a@b.example",
        "Fra: meg\n1",
        "2\n\n\n\nTakk",
        "Navn: Ola\nRing: 48123456",
    ],
)
def test_what_people_write_themselves_stays(own: str) -> None:
    assert unquoted(own) == own


def test_what_is_looked_at_is_bounded() -> None:
    assert len(unquoted("x" * 1_000_000)) == 50_000
    assert unquoted("x\n" * 1_000).count("x") == 500


@pytest.mark.parametrize(
    "hostile",
    [
        "> " * 500_000,
        "\n" * 1_000_000,
        "a:\n" * 333_333,
        "@ 123456\n" * 111_111,
        "On 123456 @ x\n" * 70_000,
        "1" * 1_000_000,
        "a\u0300\u0316" * 333_333,
        "skrev:" * 166_666,
        "from:\n" * 166_666,
        ("@123456 " + "x" * 280 + "\n") * 3_400,
        "\u2067" * 1_000_000,
        "- " * 500_000,
    ],
    ids=lambda text: repr(text[:12]),
)
def test_hostile_text_is_read_to_its_end(hostile: str) -> None:
    """What takes more than a pass or two over a megabyte takes hours, and the clock over all tests ends it."""
    assert len(unquoted(hostile)) <= len(hostile)


# --- HTML -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>2</p>", "2"),
        ("2", "2"),
        ("<div>Hei!</div><div>2<br>Takk</div>", "Hei!\n\n2\nTakk"),
        ("<html><head><title>x</title><style>p{color:red}</style></head><body><p>3\n 40</p><script>1</script></body></html>", "3 40"),
        (
            '<div dir="ltr">2</div><br><div class="gmail_quote"><div class="gmail_attr">Ola skrev:</div><blockquote>4</blockquote></div>',
            "2",
        ),
        ("<blockquote>4<blockquote>5</blockquote>6</blockquote><p>2</p>", "2"),
        ('<div class="gmail_quote"><div>4</div><div><div>4</div></div></div>2', "2"),
        ('<p>2</p><div id="appendonsend"></div><p>Fra: x</p><p>4</p>', "2"),
        ('<p>2</p><div id="x_divRplyFwdMsg">4</div>', "2"),
        ('<p>2</p><div class="moz-cite-prefix">Den skrev Ola:</div><blockquote type="cite">4</blockquote>', "2"),
        ("<p>&#1633;&nbsp;&lt;tre&gt; &amp; mer</p>", "١ <tre> & mer"),
        ('<p dir="rtl">وصلت</p>', "وصلت"),
        ("<p>2", "2"),
        ("2 <3", "2 <3"),
        ("<p>a</p></blockquote><p>b", "a\n\nb"),
        ("<!-- 4 --><p>2</p>", "2"),
        ("<table><tr><td>2</td></tr></table>", "2"),
        ("<ul><li>3</li><li>40</li></ul>", "3\n\n40"),
        ("<p class>2<img alt='4'></p>", "2"),
        (f"<p title='&#{'9' * 5_000};'>2 &#{'9' * 5_000}; &#{'0' * 5_000}65</p>", "2 \ufffd \ufffd"),
        ("<![if !mso]>2<![endif]><![CDATA[4]]><![4 4]><!['4]><![%4[4]]><p>3", "2\n3"),
        ("", ""),
    ],
)
def test_html_becomes_what_was_written(html: str, text: str) -> None:
    assert text_of_html(html) == text


@pytest.mark.parametrize("tag", ["blockquote", "head", "script", "style", "title", "template"])
def test_what_no_reader_sees(tag: str) -> None:
    assert text_of_html(f"<p>2</p><{tag}>4</{tag}>") == "2"


@pytest.mark.parametrize(
    "name", ["gmail_quote", "gmail_extra", "gmail_attr", "yahoo_quoted", "moz-cite-prefix", "protonmail_quote", "zmail_extra"]
)
def test_boxes_of_quoted_letters(name: str) -> None:
    assert text_of_html(f'<p>2</p><div class="x {name.upper()}">4<div>5</div>6</div>') == "2"


@pytest.mark.parametrize(
    "name", ["divRplyFwdMsg", "appendonsend", "stopSpelling", "OLK_SRC_BODY_SECTION", "mail-editor-reference-message-container"]
)
def test_where_a_quoted_letter_begins(name: str) -> None:
    assert text_of_html(f'<p>2</p><div id="{name}"></div>4') == "2"


@pytest.mark.parametrize("tag", ["br", "p", "div", "tr", "li", "h1", "h2", "h3", "table"])
def test_what_stands_on_a_line_of_its_own(tag: str) -> None:
    assert text_of_html(f"a<{tag}>2").splitlines() == ["a", "2"]
    assert text_of_html("a<b>2</b><x/>3") == "a23"


def test_an_answer_in_html_alone_is_understood() -> None:
    outlook = (
        "<html><body><p class=MsoNormal>2<o:p></o:p></p><div style='border-top:solid #E1E1E1'>"
        "<p><b>Fra:</b> Sørby kommune<br><b>Sendt:</b> mandag<br><b>Til:</b> Ayan<br><b>Emne:</b> Vann</p></div><p>1 lest</p></body></html>"
    )
    assert understand(text_of_html(outlook)).meaning == "will_pass"


@pytest.mark.parametrize(
    "piece", ["<", "<a ", "<!--", "</", "&", '<a="', "<![CDATA[", "<?", "<blockquote>", "<script>", "<title>", "&#", "<!", "<div>"]
)
def test_hostile_markup_is_bounded(piece: str) -> None:
    hostile = piece * (1_000_000 // len(piece))
    assert len(text_of_html(hostile)) <= len(hostile)


def test_long_styles_do_not_hide_the_answer() -> None:
    assert text_of_html(f"<style>{'p{margin:0} ' * 10_000}</style><p>2</p>") == "2"
    assert text_of_html("<p>" + "x" * 300_000) == "x" * (200_000 - 3)


# --- machines -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto-Submitted": "auto-replied"},
        {"auto-submitted": "auto-generated; owner-email=x"},
        {"Auto-Submitted": " Auto-Notified "},
        {"X-Autoreply": "yes"},
        {"X-Autorespond": ""},
        {"X-Autoresponder": "on"},
        {"Precedence": "bulk"},
        {"Precedence": "AUTO_REPLY"},
        {"Precedence": "junk"},
        {"Precedence": "list"},
        {"Return-Path": "<>"},
        {"Return-Path": ""},
        {"List-Id": "<nyheter.example>"},
    ],
)
def test_a_machine_by_its_headers(headers: dict[str, str]) -> None:
    assert is_automatic({"From": "x@y.example", **headers}, "Re: KOK VANNET")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Auto-Submitted": "no"},
        {"Auto-Submitted": "No; x"},
        {"Precedence": "normal"},
        {"Return-Path": "<ayan@example.com>"},
        {"X-Auto-Response-Suppress": "All"},
        {"In-Reply-To": "<a@b>"},
    ],
)
def test_a_person_by_their_headers(headers: dict[str, str]) -> None:
    assert not is_automatic(headers, "Re: KOK VANNET (nr. 12)")


@pytest.mark.parametrize("language", list(samples()))
def test_a_machine_by_its_subject(language: str) -> None:
    assert is_automatic({}, samples()[language]["away"])


@pytest.mark.parametrize("subject", ["", "Re: Fravær", "SV: Autosvar?", "Spørsmål om fravær", "Automatic", "Hei"])
def test_a_person_by_their_subject(subject: str) -> None:
    assert not is_automatic({}, subject)


def test_a_bare_auto_reply_in_capitals_or_accents() -> None:
    assert is_automatic({}, "AUTOSVAR")
    assert is_automatic({}, "Fravær: på ferie")
    assert is_automatic({}, "fraværsmelding")
    assert is_automatic({}, "  Automatic Reply: x")
    assert is_automatic({}, "." * 191 + "autoreply")
    assert not is_automatic({}, "." * 192 + "autoreply")


# --- what looks like a quote may be all that somebody wrote ------------------------------------------------------------------

LOST = [
    "Sent from my house, children are burning inside",
    "-----\nbarna brenner inne, hjelp oss",
    "=====\nhelp us",
    "Kl 18:30 skrev jeg til 4 naboer:\nmin sønn er savnet",
    "Fra: meg\nTil: dere\nSak: vi drukner",
    "> vi drukner",
]


@pytest.mark.parametrize("text", LOST)
def test_a_telephone_quotes_nothing(text: str) -> None:
    said = understand(text)
    assert (said.meaning, said.danger, said.text) == ("message", True, text)


@pytest.mark.parametrize("text", LOST[:-1])
def test_a_mail_of_which_nothing_is_left_is_read_by_a_person(text: str) -> None:
    said = understand(text, mail=True)
    assert (said.meaning, said.danger, said.text) == ("message", True, text)


def test_an_answer_below_an_unmarked_quote_is_for_a_person_and_its_digits_are_none() -> None:
    text = f"{samples()['nb']['wrote']}\nSørby: KOK VANNET\n1"
    assert (understand(text, mail=True).meaning, understand(text, mail=True).text) == ("message", text)


@pytest.mark.parametrize(
    "text",
    [
        "> vi drukner",
        "> a\n\nSendt fra min iPhone",
        f"{samples()['nb']['wrote']}\n\n{LETTER}\n-- \nOla Nordmann",
        "--\nOla",
        " \u200b\n",
    ],
)
def test_a_quote_and_a_signature_alone_say_nothing(text: str) -> None:
    assert (understand(text, mail=True).meaning, understand(text, mail=True).danger) == ("empty", False)


@pytest.mark.parametrize("text", ["--\nvi drukner", "> a\nSendt fra min bil, vi drukner"])
def test_danger_is_no_signature(text: str) -> None:
    assert understand(text, mail=True).danger


def test_a_machine_may_bring_danger() -> None:
    said = understand("Fravær\nmin sønn er savnet", mail=True, automatic=True)
    assert (said.meaning, said.danger) == ("auto_reply", True)
