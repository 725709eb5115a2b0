"""A delivery process: owns some destinations, and tells the hub how they stand."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable

from trackway.cores import keep_to_one
from trackway.delivery.service import DeliveryService, UnknownDestination
from trackway.errors import TrackwayError
from trackway.node.delivering.owners import processes_of
from trackway.node.delivering.wire import Ask, Told, listen
from trackway.node.logs import open_clean_log
from trackway.node.orders import News
from trackway.state import open_state

_log = logging.getLogger(__name__)


async def run_delivery(
    first: News,
    number: int,
    descriptor: int,
    stopping: asyncio.Event,
    ready: Callable[[], None],
    news: asyncio.Queue[News],
) -> None:
    """Deliver to the destinations that process `number` owns until `stopping` is set; follow the settings meanwhile."""
    workspace = first.workspace
    keep_to_one(number, processes_of(workspace))
    async with contextlib.AsyncExitStack() as stack:
        clean = open_clean_log(workspace)
        stack.callback(clean.close)
        engine = open_state(workspace.data / "state.db")
        stack.callback(engine.dispose)
        service = DeliveryService(
            workspace, clean, engine, keys=_owned(first, number), locks=workspace.delivery_locks, prunes=number == 0
        )
        stack.push_async_callback(service.stop)
        await service.start()
        server = await listen(socket.socket(fileno=descriptor), lambda asked: _answer(service, asked))
        stack.callback(server.close)
        following = asyncio.create_task(_follow(news, service, number, first))
        stack.callback(following.cancel)
        ready()
        await stopping.wait()


def _owned(news: News, number: int) -> set[str]:
    return {key for key, owner in news.owners.items() if owner == number}


async def _answer(service: DeliveryService, asked: Ask) -> Told:
    try:
        if asked.do == "pause":
            await service.pause(asked.key)
        elif asked.do == "resume":
            await service.resume(asked.key)
    except UnknownDestination:
        return Told(unknown=True)
    return Told(destinations=service.status(), gauges=service.gauges())


async def _follow(news: asyncio.Queue[News], service: DeliveryService, number: int, held: News) -> None:
    while True:
        heard = await news.get()
        if heard.workspace != held.workspace:
            try:
                await service.configure(heard.workspace, keys=_owned(heard, number))
                held = heard
            except TrackwayError as error:
                _log.error("the changed settings cannot be used here: %s", error)
