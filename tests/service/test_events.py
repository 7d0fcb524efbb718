"""Fast and slow readers of events."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from shardblast.core.search import Event, SearchId
from shardblast.service.events import MOST_CHANGED, OF_SEARCHES, WAITING, Broadcast, Subscription
from tests.waiting import WITHIN_S

SEARCH = SearchId("s")


class Store:
    """Keeps events, and counts how often it is read."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.asked = 0

    def after(self, search_id: SearchId, last: int, limit: int) -> Sequence[Event]:
        self.asked += 1
        return [event for event in self.events if event.id > last][:limit]


def an_event(number: int) -> Event:
    return Event(number, SEARCH, "search", {})


async def first(subscription: Subscription, count: int, found: list[int] | None = None) -> list[int]:
    """Read so many events, into a list that others may look at."""
    found = [] if found is None else found
    async for event in subscription.events():
        found.append(event.id)
        if len(found) == count:
            break
    return found


def test_a_reader_receives_earlier_and_later_events() -> None:
    async def read() -> list[int]:
        store, broadcast = Store(), Broadcast()
        store.events = [an_event(number) for number in range(1, 4)]
        async with broadcast.subscribed(SEARCH, 1, store.after) as subscription:
            store.events.append(an_event(4))
            broadcast.announce(an_event(4))
            broadcast.announce(an_event(5))
            return await first(subscription, 4)

    assert asyncio.run(read()) == [2, 3, 4, 5]


def test_a_reader_that_pauses_delays_no_others_and_misses_no_event() -> None:
    async def read() -> tuple[list[int], list[int], int]:
        store, broadcast = Store(), Broadcast()
        count = WAITING * 3
        async with (
            broadcast.subscribed(SEARCH, 0, store.after) as slow,
            broadcast.subscribed(SEARCH, 0, store.after) as quick,
        ):
            read: list[int] = []
            reading = asyncio.create_task(first(quick, count, read))
            for number in range(1, count + 1):
                store.events.append(an_event(number))
                broadcast.announce(an_event(number))
                while number % 50 == 0 and len(read) < number:  # it is as quick as that
                    await asyncio.sleep(0)
            of_quick = await asyncio.wait_for(reading, WITHIN_S)
            of_slow = await asyncio.wait_for(first(slow, count), WITHIN_S)
            return of_quick, of_slow, store.asked

    of_quick, of_slow, asked = asyncio.run(read())

    assert of_quick == of_slow == list(range(1, WAITING * 3 + 1))
    assert asked < 10


def test_a_reader_that_is_far_behind_reads_all_from_the_store_a_part_at_a_time() -> None:
    async def read() -> list[int]:
        store, broadcast = Store(), Broadcast()
        store.events = [an_event(number) for number in range(1, WAITING * 4 + 1)]
        async with broadcast.subscribed(SEARCH, 0, store.after) as behind:
            return await asyncio.wait_for(first(behind, WAITING * 4), WITHIN_S)

    assert asyncio.run(read()) == list(range(1, WAITING * 4 + 1))


def test_a_reader_that_left_is_forgotten() -> None:
    async def leave() -> int:
        broadcast = Broadcast()
        async with broadcast.subscribed(SEARCH, 0, Store().after):
            pass
        return len(broadcast._subscriptions)

    assert asyncio.run(leave()) == 0


def test_a_stream_of_all_searches_reports_each_change_or_that_any_may_have_changed() -> None:
    async def follow() -> list[set[SearchId | None]]:
        broadcast = Broadcast()
        reported: list[set[SearchId | None]] = []
        with broadcast.followed(OF_SEARCHES) as following:
            assert broadcast.readers == 1
            async for changed in following.changes(0):
                reported.append(changed)
                many = 2 if len(reported) == 1 else MOST_CHANGED + 1
                for number in range(many):
                    broadcast.look(SearchId(str(number)))
                if len(reported) == 3:
                    return reported
        raise AssertionError

    assert asyncio.run(follow()) == [{None}, {"0", "1"}, {None}]
