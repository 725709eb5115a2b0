"""What `trackway destinations status` says of each state."""

import pytest

from trackway.cli.destinations_status import row
from trackway.delivery.slots import DestinationStatus
from trackway.delivery.worker import Status


def worker(breaker: str, reason: str = "", *, refused: bool = False, waiting: int = 0) -> Status:
    return Status(breaker=breaker, reason=reason, refused=refused, opens_in_s=17.6, cursor={}, waiting=waiting)


@pytest.mark.parametrize(
    ("state", "told", "breaker", "says"),
    [
        ("running", {"worker": worker("closed")}, "closed", "sends; nothing waits"),
        ("running", {"worker": worker("closed", waiting=1200)}, "closed", "sends; 1,200 under way"),
        ("running", {"worker": worker("open", "503")}, "open", "its events wait after 503; asks again in 18 s"),
        (
            "running",
            {"worker": worker("half_open", "503")},
            "half open",
            "its events wait after 503; one request asks now",
        ),
        (
            "running",
            {"worker": worker("open", "401", refused=True)},
            "open",
            "it refuses the credentials (401); its events wait; asks again in 18 s",
        ),
        ("paused", {"paused_ms": 5}, "", "is paused; trackway destinations resume crm"),
        ("crashed", {"error": "OSError: disk"}, "", "crashed: OSError: disk"),
    ],
)
def test_what_is_said(state: str, told: dict[str, object], breaker: str, says: str) -> None:
    line = row(DestinationStatus(destination="crm", type="hubspot", name="HubSpot", state=state, **told))  # type: ignore[arg-type]
    assert (line[0], line[2], line[-1]) == ("crm", breaker, says)
