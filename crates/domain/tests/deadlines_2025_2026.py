#!/usr/bin/env python3
"""Writes deadlines_2025_2026.csv: deadlines of two years by an independent calendar library.

    pip install chinesecalendar==1.11.0
    python3 deadlines_2025_2026.py > deadlines_2025_2026.csv

The library knows the State Council's holiday notices by itself. Everything here is counted in the
plainest way, minute by minute and day by day, and shares no code with Gridlog. Times are local
(Asia/Shanghai, UTC+8 all year).
"""
import datetime as dt

import chinese_calendar

OPEN = ((8 * 60, 12 * 60), (14 * 60, 18 * 60))
LAST = dt.date(2026, 12, 31)


def is_open(moment):
    minute = moment.hour * 60 + moment.minute
    return chinese_calendar.is_workday(moment.date()) and any(a <= minute < b for a, b in OPEN)


def work_hours(moment, hours):
    left = hours * 60
    while left:
        left -= is_open(moment)
        moment += dt.timedelta(minutes=1)
    return moment


def days(moment, count, counts):
    day = moment.date()
    while count:
        day += dt.timedelta(days=1)
        count -= counts(day)
    return dt.datetime.combine(day, dt.time(18))


def main():
    print("from,urgent_hour_2,work_hour_4,work_hour_13,work_day_1,work_day_5,natural_day_7")
    day = dt.date(2025, 1, 1)
    # The library ends with 2026, so begin early enough that nothing reaches beyond.
    while day <= LAST - dt.timedelta(days=20):
        # Another minute each day, so that over the months every hour occurs.
        moment = dt.datetime.combine(day, dt.time()) + dt.timedelta(minutes=day.toordinal() * 487 % 1440)
        row = [
            moment,
            moment + dt.timedelta(hours=2),
            work_hours(moment, 4),
            work_hours(moment, 13),
            days(moment, 1, chinese_calendar.is_workday),
            days(moment, 5, chinese_calendar.is_workday),
            days(moment, 7, lambda _: True),
        ]
        print(",".join(at.strftime("%Y-%m-%dT%H:%M") for at in row))
        day += dt.timedelta(days=1)


if __name__ == "__main__":
    main()
