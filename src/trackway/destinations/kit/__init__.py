"""All that a destination may import: events in, requests out, outcomes back, and a table that says what becomes what.

A destination is data and pure functions, in this order of an event's way:

    ACTIONS, MAPPINGS           what can be sent, and which events make it so; or, without a table:
    row(settings, event)        one event in the vendor's terms: rows, or the reason why there are none
    request(settings, rows)     one HTTP request that carries rows of one route
    judge(response, count=n)    what became of each of the n rows (optional, default `by_status`)
    delete_user(settings, person, cache)    the request, or the requests, that delete somebody there (optional)

With neither table nor `row` an event is sent as it stands. Delivery does the rest: filters, order, batching by
`Limits`, sockets, retries, records. `destination.Module` has the exact shape of a destination's module.
"""

from trackway.destinations.kit import values
from trackway.destinations.kit.actions import Action, Field, Mapping, Rows, Rule
from trackway.destinations.kit.amounts import as_minor_units, as_money, is_currency, product_of, total_of
from trackway.destinations.kit.conditions import all_of, any_of, equals, exists, filled, holds, no
from trackway.destinations.kit.contract import (
    Answer,
    Apart,
    Delivered,
    Divide,
    Event,
    Limits,
    Outcome,
    Rejected,
    Request,
    Response,
    Retry,
    Row,
    Skipped,
    by_status,
    idempotency_key,
    limit_reset_s,
    retry_after_s,
)
from trackway.destinations.kit.deletion import Deletion, Person, deleted, each_deleted
from trackway.destinations.kit.directives import MappingError
from trackway.destinations.kit.expressions import (
    Expression,
    Test,
    at,
    call,
    const,
    each,
    field,
    fields,
    first_of,
    listed,
    member,
    merge,
    nothing,
    row,
    setting,
    template,
    when,
)
from trackway.destinations.kit.functions import (
    at_most,
    cut,
    epoch_ms,
    epoch_s,
    flatten,
    iso,
    iso_day,
    json_text,
    lower,
    minor_units,
    money,
    number,
    only,
    order_value,
    text,
    times,
    upper,
    without,
)
from trackway.destinations.kit.mapped import Mapped
from trackway.destinations.kit.oauth import Grant, authorised, token, with_token
from trackway.destinations.kit.overrides import apply as overridden
from trackway.destinations.kit.people import clean_day, day, email, hashed, person_name, phone, sha256
from trackway.destinations.kit.sending import FORM, Cache, basic, form, json_list, per_item
from trackway.destinations.kit.signing import Aws, aws_signed, hmac_signature
from trackway.events.personal_data import is_hash
from trackway.workspace.secret import Secret
from trackway.workspace.units import Duration, Size

__all__ = [
    "FORM",
    "Action",
    "Answer",
    "Apart",
    "Aws",
    "Cache",
    "Deletion",
    "Delivered",
    "Divide",
    "Duration",
    "Event",
    "Expression",
    "Field",
    "Grant",
    "Limits",
    "Mapped",
    "Mapping",
    "MappingError",
    "Outcome",
    "Person",
    "Rejected",
    "Request",
    "Response",
    "Retry",
    "Row",
    "Rows",
    "Rule",
    "Secret",
    "Size",
    "Skipped",
    "Test",
    "all_of",
    "any_of",
    "as_minor_units",
    "as_money",
    "at",
    "at_most",
    "authorised",
    "aws_signed",
    "basic",
    "by_status",
    "call",
    "clean_day",
    "const",
    "cut",
    "day",
    "deleted",
    "each",
    "each_deleted",
    "email",
    "epoch_ms",
    "epoch_s",
    "equals",
    "exists",
    "field",
    "fields",
    "filled",
    "first_of",
    "flatten",
    "form",
    "hashed",
    "hmac_signature",
    "holds",
    "idempotency_key",
    "is_currency",
    "is_hash",
    "iso",
    "iso_day",
    "json_list",
    "json_text",
    "limit_reset_s",
    "listed",
    "lower",
    "member",
    "merge",
    "minor_units",
    "money",
    "no",
    "nothing",
    "number",
    "only",
    "order_value",
    "overridden",
    "per_item",
    "person_name",
    "phone",
    "product_of",
    "retry_after_s",
    "row",
    "setting",
    "sha256",
    "template",
    "text",
    "times",
    "token",
    "total_of",
    "upper",
    "values",
    "when",
    "with_token",
    "without",
]
