"""Calendars of the kinds that people have, written for these tests.

`count`: occurrences within two years of the first event. `bad`: UIDs that cannot be expressed, and why.
`expected`: what takes place, for the few kinds that recurring-ical-events reads in a way of its own.
"""

# ruff: noqa: RUF001

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.calendars.expansion import Occurrence


@dataclass(frozen=True)
class Written:
    """A calendar and what is known of it."""

    text: str
    count: int
    bad: Mapping[str, str] = field(default_factory=dict)
    expected: tuple[Occurrence, ...] | None = None


def _calendar(*events: str, head: str = "") -> str:
    body = "".join(f"BEGIN:VEVENT\n{event.strip()}\nEND:VEVENT\n" for event in events)
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//EN\n{head.strip()}\n{body}END:VCALENDAR\n"
    return "\r\n".join(line for line in text.split("\n") if line) + "\r\n"


SERIES = _calendar(
    # Moved, renamed, cancelled, and taken out in the series' zone, in two others and without zone.
    """
UID:weekly
SUMMARY:Stand-up
DTSTART;TZID=Europe/Berlin:20240304T093000
DTEND;TZID=Europe/Berlin:20240304T094500
RRULE:FREQ=WEEKLY;BYDAY=MO,TH;UNTIL=20241231T225959Z
EXDATE;TZID=Europe/Berlin:20240307T093000
EXDATE:20240314T083000Z
EXDATE;TZID=America/New_York:20240318T043000
EXDATE:20240408T093000
""",
    """
UID:weekly
SUMMARY:Stand-up\\, in the garden
RECURRENCE-ID;TZID=Europe/Berlin:20240401T093000
DTSTART;TZID=Europe/Berlin:20240402T160000
DTEND;TZID=Europe/Berlin:20240402T170000
""",
    """
UID:weekly
SUMMARY:Stand-up
RECURRENCE-ID:20240404T073000Z
DTSTART;VALUE=DATE:20240405
DTEND;VALUE=DATE:20240406
""",
    """
UID:weekly
SUMMARY:Stand-up
STATUS:CANCELLED
RECURRENCE-ID;TZID=Europe/Berlin:20240411T093000
DTSTART;TZID=Europe/Berlin:20240411T093000
DTEND;TZID=Europe/Berlin:20240411T094500
""",
    # An override of an occurrence that the series does not have, one without its series, one of a series
    # that was taken out since.
    """
UID:weekly
SUMMARY:Extra stand-up
RECURRENCE-ID;TZID=Europe/Berlin:20240402T093000
DTSTART;TZID=Europe/Berlin:20240403T093000
DTEND;TZID=Europe/Berlin:20240403T094500
""",
    """
UID:lonely
SUMMARY:Left over
RECURRENCE-ID;TZID=Europe/Berlin:20240402T093000
DTSTART;TZID=Europe/Berlin:20240409T093000
DTEND;TZID=Europe/Berlin:20240409T094500
""",
    """
UID:weekly
SUMMARY:Taken out since
RECURRENCE-ID;TZID=Europe/Berlin:20240307T093000
DTSTART;TZID=Europe/Berlin:20240307T200000
DTEND;TZID=Europe/Berlin:20240307T210000
""",
    # Two overrides on the same moment are two entries.
    """
UID:daily
SUMMARY:Round
DTSTART;TZID=Europe/London:20240923T120000
DTEND;TZID=Europe/London:20240923T130000
RRULE:FREQ=DAILY;COUNT=6
""",
    """
UID:daily
SUMMARY:Round
RECURRENCE-ID;TZID=Europe/London:20240923T120000
DTSTART;TZID=Europe/London:20240924T120000
DTEND;TZID=Europe/London:20240924T130000
""",
    """
UID:daily
SUMMARY:Round
RECURRENCE-ID;TZID=Europe/London:20240927T120000
DTSTART;TZID=Europe/London:20240924T120000
DTEND;TZID=Europe/London:20240924T130000
""",
)

_RULES = (
    "FREQ=DAILY;COUNT=10",
    "FREQ=DAILY;INTERVAL=3;UNTIL=20240401T080000Z",
    "FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=TU,SU;COUNT=9",
    "FREQ=WEEKLY;INTERVAL=2;WKST=MO;BYDAY=TU,SU;COUNT=9",
    "FREQ=MONTHLY;BYDAY=-1FR",
    "FREQ=MONTHLY;BYDAY=1MO,3WE;COUNT=7",
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
    "FREQ=MONTHLY;BYMONTHDAY=31",
    "FREQ=MONTHLY;BYMONTHDAY=-1;INTERVAL=2",
    "FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=FR",
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1",
    "FREQ=YEARLY;BYMONTH=3,10;BYDAY=-1SU",
    "FREQ=YEARLY;BYYEARDAY=1,-1",
    "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO",
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
    "FREQ=DAILY;BYHOUR=9,17;BYMINUTE=0,30;COUNT=11",
    "FREQ=DAILY;BYMONTH=1;BYMONTHDAY=1;COUNT=2",
    "FREQ=HOURLY;INTERVAL=6;COUNT=12",
    "FREQ=WEEKLY;UNTIL=99991231T235959Z",
)

RULES = _calendar(
    *(
        f"UID:rule{number}\nSUMMARY:Rule {number}\nDTSTART;TZID=Europe/Berlin:20240229T090000\n"
        f"DURATION:PT45M\nRRULE:{rule}\nCOMMENT:{rule}"
        for number, rule in enumerate(_RULES)
    ),
    # More than one rule, and one whose end lies before its start.
    """
UID:two rules
SUMMARY:Two rules
DTSTART;TZID=Europe/Berlin:20240304T180000
DURATION:PT1H
RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=4
RRULE:FREQ=MONTHLY;BYMONTHDAY=4;COUNT=4
""",
    """
UID:over before it began
SUMMARY:Never
DTSTART;TZID=Europe/Berlin:20240304T180000
DURATION:PT1H
RRULE:FREQ=WEEKLY;UNTIL=20240201T000000Z
""",
    # Exchange writes COUNT=-1 for "without end".
    """
UID:exchange
SUMMARY:Month by month
DTSTART;TZID=Europe/Berlin:20240304T180000
DURATION:PT1H
RRULE:FREQ=MONTHLY;COUNT=-1;INTERVAL=1
""",
)

DAYS = _calendar(
    "UID:one\nSUMMARY:One day\nDTSTART;VALUE=DATE:20230601\nDTEND;VALUE=DATE:20230602",
    "UID:no end\nSUMMARY:Without end\nDTSTART;VALUE=DATE:20230603",
    "UID:same end\nSUMMARY:Ends as it starts\nDTSTART;VALUE=DATE:20230604\nDTEND;VALUE=DATE:20230604\nRRULE:",
    "UID:no value\nSUMMARY:Holiday\nDTSTART:20230606\nDTEND:20230606",
    "UID:days\nSUMMARY:Fair\nDTSTART;VALUE=DATE:20230610\nDURATION:P3D",
    """
UID:camp
SUMMARY:Camp\\, three days
DTSTART;VALUE=DATE:20230630
DTEND;VALUE=DATE:20230703
RRULE:FREQ=MONTHLY;BYDAY=-1FR;UNTIL=20240630
EXDATE;VALUE=DATE:20230825
RDATE;VALUE=DATE:20230815,20230816
""",
    """
UID:camp
SUMMARY:Camp in the rain
RECURRENCE-ID;VALUE=DATE:20230929
DTSTART;VALUE=DATE:20231003
DTEND;VALUE=DATE:20231005
""",
    """
UID:camp
SUMMARY:Camp by night
RECURRENCE-ID;VALUE=DATE:20231027
DTSTART;TZID=Europe/Berlin:20231027T200000
DTEND;TZID=Europe/Berlin:20231028T060000
""",
    "UID:birthday\nSUMMARY:Birthday\nDTSTART;VALUE=DATE:20240229\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1",
    "UID:utc end\nSUMMARY:Weeks\nDTSTART;VALUE=DATE:20230605\nRRULE:FREQ=WEEKLY;UNTIL=20230703T220000Z",
)

FLOATING = _calendar(
    "UID:single\nSUMMARY:Somewhere at nine\nDTSTART:20240110T090000\nDTEND:20240110T100000",
    """
UID:lunch
SUMMARY:Lunch
DTSTART:20240311T120000
DTEND:20240311T130000
RRULE:FREQ=DAILY;COUNT=30
EXDATE:20240315T120000
""",
    # In UTC, but the file has a zone: it repeats at the same hour of that zone.
    """
UID:utc series
SUMMARY:Call
DTSTART:20240301T150000Z
DTEND:20240301T160000Z
RRULE:FREQ=WEEKLY;COUNT=10
""",
    "UID:utc single\nSUMMARY:Call\nDTSTART:20240301T170000Z\nDTEND:20240301T180000Z",
    head="X-WR-TIMEZONE:America/Chicago",
)

_CUSTOM_ZONE = """
BEGIN:VTIMEZONE
TZID:Customized Time Zone
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VTIMEZONE
TZID:/freeassociation.sourceforge.net/Asia/Kolkata
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:+0530
TZOFFSETTO:+0530
END:STANDARD
END:VTIMEZONE
"""


def _weekly(zone: str, number: int) -> str:
    return (
        f"UID:zone{number}\nSUMMARY:{zone}\nDTSTART;TZID={zone}:20240902T013000\nDURATION:PT90M\n"
        "RRULE:FREQ=DAILY;INTERVAL=2;COUNT=120"
    )


ZONES = _calendar(
    *(
        _weekly(zone, number)
        for number, zone in enumerate(
            (
                "Customized Time Zone",
                "/freeassociation.sourceforge.net/Asia/Kolkata",
                "W. Europe Standard Time",
                "Pacific Standard Time",
                "Australia/Sydney",
                "Australia/Lord_Howe",
                "America/Santiago",
                "Pacific/Auckland",
                "Pacific/Kiritimati",
                "Africa/Casablanca",
            )
        )
    ),
    # Through both nights on which clocks change, within the hour that is skipped or doubled.
    """
UID:night
SUMMARY:Backup
DTSTART;TZID=Europe/London:20240325T013000
DTEND;TZID=Europe/London:20240325T020000
RRULE:FREQ=DAILY;COUNT=10
""",
    """
UID:long night
SUMMARY:Backup
DTSTART;TZID=Europe/London:20241024T013000
DTEND;TZID=Europe/London:20241024T020000
RRULE:FREQ=DAILY;COUNT=6
""",
    head=_CUSTOM_ZONE,
)

DATES = _calendar(
    """
UID:only dates
SUMMARY:Readings
DTSTART;TZID=Europe/Berlin:20240201T190000
DTEND;TZID=Europe/Berlin:20240201T210000
RDATE;TZID=Europe/Berlin:20240210T190000,20240405T190000
RDATE:20240401T170000Z
RDATE;TZID=America/New_York:20240501T130000
""",
    """
UID:periods
SUMMARY:Workshop
DTSTART;TZID=Europe/Berlin:20240205T100000
DTEND;TZID=Europe/Berlin:20240205T120000
RDATE;VALUE=PERIOD:20240206T090000Z/20240206T140000Z,20240207T090000Z/PT30M
RDATE;VALUE=PERIOD;TZID=Europe/Berlin:20240406T100000/20240406T120000
""",
    """
UID:days off
SUMMARY:Lessons
DTSTART;TZID=Europe/Berlin:20240212T080000
DTEND;TZID=Europe/Berlin:20240212T084500
RRULE:FREQ=DAILY;COUNT=14;BYHOUR=8,10
EXDATE;VALUE=DATE:20240214,20240216
""",
)

ODD = _calendar(
    "UID:zero\nSUMMARY:Deadline\nDTSTART:20240110T170000Z\nDTEND:20240110T170000Z",
    "UID:moment\nSUMMARY:Reminder\nDTSTART:20240111T170000Z",
    "UID:zero series\nSUMMARY:Bell\nDTSTART;TZID=Europe/Berlin:20240112T080000\nRRULE:FREQ=DAILY;COUNT=5",
    "UID:untitled\nDTSTART:20240113T170000Z\nDTEND:20240113T180000Z",
    "UID:emoji\nSUMMARY:🎉 Fête d’été – שלום 👩‍👩‍👧 ｆｕｌｌ\nDTSTART:20240114T170000Z\nDTEND:20240114T180000Z",
    "UID:lines\nSUMMARY:  First line\\nsecond\\, line\\; end  \nDTSTART:20240115T170000Z\nDTEND:20240115T180000Z",
    f"UID:long\nSUMMARY:Minutes\nDESCRIPTION:{'All of it <b>& more</b>. ' * 900}\n"
    "DTSTART:20240116T170000Z\nDTEND:20240116T180000Z",
    "UID:html\nSUMMARY:1 < 2 &amp; <b>bold</b>\nDTSTART:20240117T170000Z\nDTEND:20240117T180000Z",
    "UID:off\nSUMMARY:Called off\nSTATUS:CANCELLED\nDTSTART:20240118T170000Z\nDTEND:20240118T180000Z",
    "UID:perhaps\nSUMMARY:Perhaps\nSTATUS:TENTATIVE\nDTSTART:20240119T170000Z\nDTEND:20240119T180000Z",
    "UID:twice\nSUMMARY:Old\nSEQUENCE:1\nDTSTART:20240120T170000Z\nDTEND:20240120T180000Z",
    "UID:twice\nSUMMARY:New\nSEQUENCE:2\nDTSTART:20240120T190000Z\nDTEND:20240120T200000Z",
    "UID:twin1\nSUMMARY:Twin\nDTSTART:20240121T170000Z\nDTEND:20240121T180000Z",
    "UID:twin2\nSUMMARY:Twin\nDTSTART:20240121T170000Z\nDTEND:20240121T180000Z",
    "SUMMARY:No UID\nDTSTART:20240122T170000Z\nDTEND:20240122T180000Z",
    "UID:long ago\nSUMMARY:Trip\nDTSTART:20240123T220000Z\nDTEND:20240301T040000Z",
    """
UID:guests
SUMMARY:Interview
DTSTART:20240124T170000Z
DTEND:20240124T180000Z
ORGANIZER;CN=Head:mailto:head@example.org
ATTENDEE;CN="Doe, Jane";PARTSTAT=ACCEPTED:mailto:Jane@example.org
ATTENDEE;PARTSTAT=X-UNKNOWN:urn:uuid:1
X-SOMETHING;X-P=1:value
BEGIN:VALARM
TRIGGER:-PT15M
ACTION:DISPLAY
END:VALARM
BEGIN:VALARM
TRIGGER;VALUE=DATE-TIME:20240101T000000Z
ACTION:AUDIO
END:VALARM
""",
)


def _at(day: str, title: str, hour: str = "09:00") -> Occurrence:
    end = f"{int(hour[:2]) + 1:02}{hour[2:]}"
    return Occurrence(f"{day}T{hour}+00:00", f"{day}T{end}+00:00", title, False)


#: An UNTIL that is a date, or a time without zone, beside a start with a zone is not what RFC 5545 allows, but
#: people write it. It is meant in the zone of the start, and a date includes its day (recurring-ical-events
#: takes both as UTC). An event that ends before it starts is turned round there; here it is bad.
UNTIL = _calendar(
    """
UID:until date
SUMMARY:Until a day
DTSTART;TZID=Europe/Berlin:20240108T100000
DTEND;TZID=Europe/Berlin:20240108T110000
RRULE:FREQ=DAILY;UNTIL=20240110
""",
    """
UID:until local
SUMMARY:Until a time
DTSTART;TZID=America/New_York:20240115T040000
DTEND;TZID=America/New_York:20240115T050000
RRULE:FREQ=DAILY;UNTIL=20240117T040000
""",
    """
UID:swapped
SUMMARY:Swapped
DTSTART;TZID=Europe/Berlin:20240120T110000
DTEND;TZID=Europe/Berlin:20240120T100000
""",
)

_UNTIL_EXPECTED = (
    *(_at(f"2024-01-{day:02}", "Until a day") for day in (8, 9, 10)),
    *(_at(f"2024-01-{day:02}", "Until a time") for day in (15, 16, 17)),
)

_UNUSABLE = "a recurrence rule cannot be followed: its conditions do not fit its FREQ"

BROKEN = {
    "SUMMARY:No start\nDTEND:20240201T100000Z": "the event has no start or no end",
    "SUMMARY:Nonsense\nDTSTART:tomorrow\nDTEND:20240201T100000Z": "the event has no start or no end",
    "SUMMARY:Swapped\nDTSTART:20240201T100000Z\nDTEND:20240201T090000Z": "the event ends before it starts",
    "SUMMARY:Negative\nDTSTART:20240201T100000Z\nDURATION:-PT1H": "the event ends before it starts",
    "SUMMARY:Backwards\nDTSTART;VALUE=DATE:20240202\nDTEND;VALUE=DATE:20240201": "the event ends before it starts",
    "SUMMARY:Half\nDTSTART;VALUE=DATE:20240201\nDTEND:20240202T100000Z": (
        "the event starts with a date and ends with a time, or the reverse"
    ),
    "SUMMARY:Hours of a day\nDTSTART;VALUE=DATE:20240201\nDURATION:PT5H": "the all-day event has no length",
    "SUMMARY:Caesar\nDTSTART:00440315T100000Z\nDTEND:00440315T110000Z": (
        "the event does not lie between the years 1000 and 9000"
    ),
    "SUMMARY:For ever\nDTSTART;VALUE=DATE:20240201\nDTEND;VALUE=DATE:99991231": (
        "the event does not lie between the years 1000 and 9000"
    ),
    "RRULE:FREQ=FORTNIGHTLY": "a recurrence rule has no usable FREQ",
    "RRULE:INTERVAL=2": "a recurrence rule has no known FREQ",
    "RRULE:FREQ=DAILY;INTERVAL=0": "a recurrence rule has no usable INTERVAL",
    "RRULE:FREQ=DAILY;COUNT=0": "a recurrence rule has no usable COUNT",
    "RRULE:FREQ=DAILY;COUNT=3;UNTIL=20240301T000000Z": "a recurrence rule has both COUNT and UNTIL",
    "RRULE:FREQ=WEEKLY;UNTL=20240301": "a recurrence rule has no usable part",
    "RRULE:FREQ=WEEKLY;BYDAY=XX": "a recurrence rule has no usable BYDAY",
    "RRULE:FREQ=MONTHLY;BYMONTHDAY=32": "a recurrence rule has no usable BYMONTHDAY",
    "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31": _UNUSABLE,
    "RRULE:FREQ=SECONDLY;BYMONTH=2": _UNUSABLE,
    "RRULE:FREQ=MINUTELY;BYHOUR=9": _UNUSABLE,
    "RRULE:FREQ=DAILY;BYSETPOS=2": _UNUSABLE,
}


def _broken(number: int, lines: str) -> str:
    if lines.startswith("RRULE"):
        lines += "\nSUMMARY:Series\nDTSTART;TZID=Europe/Berlin:20240201T100000\nDURATION:PT1H"
    return f"UID:broken{number}\n{lines}"


_NOWHERE = """
BEGIN:VTIMEZONE
TZID:Nowhere
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:+0137
TZOFFSETTO:+0137
END:STANDARD
END:VTIMEZONE
"""

BAD = _calendar(
    *(_broken(number, lines) for number, lines in enumerate(BROKEN)),
    "UID:nowhere\nSUMMARY:Series\nDTSTART;TZID=Nowhere:20240201T100000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY",
    # One broken occurrence keeps its whole series back.
    "UID:half good\nSUMMARY:Series\nDTSTART:20240201T100000Z\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=3",
    "UID:half good\nRECURRENCE-ID:20240208T100000Z\nDTSTART:20240208T100000Z\nDTEND:20240208T090000Z",
    "UID:good\nSUMMARY:Good\nDTSTART:20240201T100000Z\nDTEND:20240201T110000Z",
    "UID:good series\nSUMMARY:Good\nDTSTART:20240203T100000Z\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=3",
    head=_NOWHERE,
)

_BAD_CAUSES = {f"broken{number}": cause for number, cause in enumerate(BROKEN.values())} | {
    "nowhere": "the series repeats in a time zone that this machine does not know; update tzdata",
    "half good": "the event ends before it starts",
}

CALENDARS = {
    "series with exceptions": Written(SERIES, 90),
    "every kind of rule": Written(RULES, 311),
    "whole days": Written(DAYS, 26),
    "times without zone": Written(FLOATING, 41),
    "zones of all makers": Written(ZONES, 1216),
    "dates added and taken out": Written(DATES, 19),
    "odd but good": Written(ODD, 19),
    "until a date": Written(UNTIL, 6, {"swapped": "the event ends before it starts"}, _UNTIL_EXPECTED),
    "broken events": Written(BAD, 4, _BAD_CAUSES),
}
