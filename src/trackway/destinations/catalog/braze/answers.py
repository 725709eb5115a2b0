"""What Braze says: errors of single objects beside those of a whole request."""

from typing import Any, cast

import msgspec

from trackway.destinations import kit


def judge(response: kit.Response, *, count: int) -> list[kit.Outcome]:
    """Say what became of each object: with 2xx those that are listed were left out, with 400 nothing got in.

    Raises:
        Divide: one of several is wrong, and the answer does not say which.
    """
    if response.status == 404 and b'"item-not-found"' in response.body:
        return [kit.Delivered()] * count  # Nothing is left to delete from the catalog.
    if response.status == 429:
        return [kit.Retry("429", kit.limit_reset_s(response))] * count
    if not (200 <= response.status < 300 or response.status == 400) or not response.body.lstrip().startswith(b"{"):
        return kit.by_status(response, count=count)
    refused = _refused(msgspec.json.decode(response.body, type=dict[str, Any]), count)
    if response.status != 400:
        return kit.per_item(refused, count=count)
    if count == 1:
        return kit.by_status(response, count=count)
    if not refused:
        raise kit.Divide
    # The others go again without the bad ones.
    return [refused.get(index) or kit.Retry("sent_with_bad_objects", 0.0) for index in range(count)]


def _refused(answer: dict[str, Any], count: int) -> dict[int, kit.Rejected]:
    errors = answer.get("errors")
    refused: dict[int, kit.Rejected] = {}
    for error in cast("list[Any]", errors) if isinstance(errors, list) else []:
        told = cast("dict[str, Any]", error) if isinstance(error, dict) else {}
        index = told.get("index")
        if isinstance(index, int) and 0 <= index < count:
            refused[index] = kit.Rejected("invalid_object", str(told.get("type", "")))
    return refused
