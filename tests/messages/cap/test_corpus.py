"""The real alerts beside the repository, where they are: taken or refused as the standard's schema says, fast, in little memory."""

import csv
import re
import subprocess
import sys

from lxml import etree

from messages.alert import Act, Kind
from messages.cap import CapRefused, draft, read
from tests.messages.cap.corpus import FOLDER, files, oasis
from tests.meta.repository import ROOT

#: the only documents that are refused whole: no scope, an attack, no alert at all
REFUSED = {"google_invalid_minimal.xml", "google_xee_xxe.xml", "wmo_sc_invalid_schema.xml"}

if FOLDER.is_dir():

    def test_every_valid_alert_is_taken_and_every_other_as_we_know_it() -> None:
        schema = oasis()
        assert schema is not None
        with (FOLDER / "index.tsv").open(encoding="utf-8") as file:
            valid = {row["file"] for row in csv.DictReader(file, delimiter="\t") if row["xsd_lxml"].startswith("yes")}
        assert len(valid) >= 40
        refused = set()
        for path in files():
            try:
                read(path.read_bytes())
            except CapRefused:
                refused.add(path.name)
        assert refused == REFUSED
        assert not refused & valid

    def test_a_feed_loses_no_alert_that_is_valid() -> None:
        schema = oasis()
        assert schema is not None
        for path in FOLDER.glob("*.edxlde.xml"):
            inside = [etree.fromstring(etree.tostring(one)) for one in etree.parse(path).getroot().iter("{*}alert")]
            assert len(read(path.read_bytes()).alerts) >= sum(map(schema.validate, inside))

    def test_the_forest_fire_in_hordaland_reads_as_people_speak() -> None:
        (message,) = read((FOLDER / "no_met_forestfire_hordaland_2019_update.xml").read_bytes()).alerts
        result = draft(message)
        norwegian, english = result.variants
        assert (result.alert.kind, result.alert.act, len(result.references)) == (Kind.ACTUAL, Act.UPDATE, 1)
        assert len(result.alert.areas) == 1
        assert len(result.alert.areas[0].municipalities) == 34
        assert (norwegian.language, norwegian.headline, norwegian.place) == ("nb", "SKOGBRANNFARE, GULT NIVÅ", "Hordaland")
        assert norwegian.forward == (
            "Vær forsiktig med åpen ild. Det er lokal skogbrannfare inntil det kommer nedbør av betydning."
            " Vegetasjon kan lett antennes og store områder kan bli berørt."
        )
        assert (english.language, english.headline) == ("en", "FOREST FIRE DANGER, YELLOW LEVEL")
        assert result.notes == ()

    def test_none_takes_long_or_much() -> None:
        command = [sys.executable, "-m", "messages.cap", *map(str, files())]
        total = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
        found = re.fullmatch(r"\d+ taken, 3 refused; slowest (\d+) ms, memory grew by (\d+) MiB", total)
        assert found
        # twice what we want, for slow machines; what it took is in the line
        assert int(found[1]) < 200, total
        assert int(found[2]) < 50, total
