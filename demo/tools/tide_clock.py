"""The tide clock in the hall: shows how long it is until the next high water at Candlewick Point.

High water comes about every 12 hours and 25 minutes. The clock is set by hand after each spring tide.
"""

from datetime import datetime, timedelta

# Half a lunar day.
PERIOD = timedelta(hours=12, minutes=25, seconds=14)


def next_high_water(last: datetime, now: datetime) -> datetime:
    """The first high water after `now`, counted from one that was seen."""
    periods = (now - last) // PERIOD + 1
    return last + periods * PERIOD


if __name__ == "__main__":
    seen = datetime(2024, 5, 4, 9, 40)
    print(next_high_water(seen, datetime.now()).strftime("high water at %H:%M"))
