"""The fields of Amplitude's events and users, by Amplitude's names, and where they usually come from."""

from trackway.destinations import kit
from trackway.destinations.kit import Field, at, each, first_of

_ADVERTISING_ID = first_of(at("context.device.advertisingId"), at("context.device.idfa"))
_UTM = {name: at(f"context.campaign.{'name' if name == 'campaign' else name}") for name in
        ("source", "medium", "campaign", "term", "content")}  # fmt: skip
DEVICE = {
    "app_version": Field.text(at("context.app.version")),
    "platform": Field.text(at("context.device.type"), about="From a browser and no device: Web."),
    "os_name": Field.text(at("context.os.name")),
    "os_version": Field.text(at("context.os.version")),
    "device_brand": Field.text(at("context.device.brand")),
    "device_manufacturer": Field.text(at("context.device.manufacturer")),
    "device_model": Field.text(at("context.device.model")),
    "carrier": Field.text(at("context.network.carrier")),
    "country": Field.text(at("context.location.country")),
    "region": Field.text(at("context.location.region")),
    "city": Field.text(at("context.location.city")),
    "dma": Field.text(),
    "language": Field.text(at("context.locale")),
}
USER_AGENT = {
    "userAgent": Field.text(at("context.userAgent")),
    "userAgentParsing": Field.flag(True, about="Tell system and device from the user agent, where they are not known."),
    "includeRawUserAgent": Field.flag(False, about="Send the user agent too."),
    "userAgentData": Field.object(
        kit.fields(
            model=at("context.userAgentData.model"), platformVersion=at("context.userAgentData.platformVersion")
        ),
        members={"model": Field.text(), "platformVersion": Field.text()},
    ),
}
REFERRER = {
    "utm_properties": Field.object(
        kit.fields({f"utm_{name}": source for name, source in _UTM.items()}),
        members={f"utm_{name}": Field.text() for name in _UTM},
    ),
    "referrer": Field.text(at("context.page.referrer")),
}
LIBRARY = {
    "library": Field.text(at("context.library.name")),
    "library2": Field.object(
        kit.fields(behavior="use_mapping", mapping=at("context.library.name")),
        members={"behavior": Field.text(choices=("auto", "use_mapping")), "mapping": Field.text()},
        about="What is told as the library; behavior auto: segment.",
    ),
}
ID_LENGTH = {"min_id_length": Field.whole(about="Shorter ids than Amplitude's usual 5 characters.")}
IDS = {
    "user_id": Field.text(at("userId"), null=True),
    "device_id": Field.text(first_of(at("context.device.id"), at("anonymousId"))),
}
_REVENUE = {
    "price": Field.number(at("properties.price")),
    "quantity": Field.whole(at("properties.quantity")),
    "revenue": Field.number(at("properties.revenue")),
    "productId": Field.text(at("properties.productId")),
    "revenueType": Field.text(at("properties.revenueType")),
}
_PRODUCT = {
    "price": Field.number(),
    "revenue": Field.number(),
    "quantity": Field.whole(),
    "productId": Field.text(),
    "revenueType": Field.text(),
}
EVENT = {
    **IDS,
    "event_type": Field.text(at("event"), required=True, about="The event's name."),
    "session_id": Field.time(at("integrations.Actions Amplitude.session_id"), about="When the session began."),
    "time": Field.time(at("timestamp")),
    "event_properties": Field.object(at("properties")),
    "user_properties": Field.object(at("traits")),
    "groups": Field.object(),
    **DEVICE,
    **_REVENUE,
    "location_lat": Field.number(at("context.location.latitude")),
    "location_lng": Field.number(at("context.location.longitude")),
    "ip": Field.text(at("context.ip")),
    "idfa": Field.text(_ADVERTISING_ID),
    "idfv": Field.text(at("context.device.id")),
    "adid": Field.text(_ADVERTISING_ID),
    "android_id": Field.text(),
    "event_id": Field.whole(),
    "insert_id": Field.text(at("messageId"), about="Events with the same one count once."),
    **LIBRARY,
    "products": Field.items(
        each("properties.products", {name: at(name) for name in _PRODUCT}), members=_PRODUCT, others=True
    ),
    "use_batch_endpoint": Field.flag(False, about="Use the Batch API, which allows more events a second."),
    **USER_AGENT,
    **ID_LENGTH,
}
_INITIAL = {"initial_referrer": at("context.page.referrer")} | {f"initial_utm_{n}": s for n, s in _UTM.items()}
_LATEST = {"referrer": at("context.page.referrer")} | {f"utm_{name}": source for name, source in _UTM.items()}
TRACK = EVENT | {
    "setOnce": Field.object(kit.fields(_INITIAL), members=dict.fromkeys(_INITIAL, Field.text()), others=True),
    "setAlways": Field.object(kit.fields(_LATEST), members=dict.fromkeys(_LATEST, Field.text()), others=True),
    "add": Field.object(about="Numbers to add to the user's properties."),
}
PURCHASE = EVENT | REFERRER | {
    "trackRevenuePerProduct": Field.flag(False, about="Count revenue by product, not by order."),
}  # fmt: skip
NOT_SENT = frozenset(
    {*_REVENUE, *USER_AGENT, *LIBRARY, *REFERRER, *ID_LENGTH, "time", "session_id"}
    | {"setOnce", "setAlways", "add", "trackRevenuePerProduct", "options"}
)
OPTIONS = {**ID_LENGTH, "options": Field.text(about="The form's `options` as text, instead of those made of others.")}
