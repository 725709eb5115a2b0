"""What the stages make of contexts, asked of them once and remembered.

A context is remembered in two parts: the page, which changes often, and all the rest, which says what the visitor uses.
Of a page alone follow campaign, click ids and referrer, of the rest all that is added besides; where one of these is in
both, the context is remembered as a whole. Only the ip of the request, and the place that it tells, are added to each.

What is new costs most, so little of it is asked: of a page only its query and two hosts matter (`enrich.clues_of`), and
where a client sends the campaign that a visit began with, what is around its page is remembered too.
"""

import secrets
from collections.abc import Iterable
from typing import Any, NamedTuple

from msgspec import Raw, Struct, json

from trackway.events.memo import Memo
from trackway.events.records import Place, RawRecord
from trackway.pipeline.draft import Draft
from trackway.pipeline.stages.common_fields import CommonFields
from trackway.pipeline.stages.enrich import Clues, Enrich, clues_of
from trackway.pipeline.usual_calls import NOT_USUAL, Call

_PAGE = b'"page":{'
"""Behind it, up to the next brace, stands what may be a page; whether it is one shows when it is asked about."""
_LONGEST = 2048
"""Bytes of a context; with how many are remembered they bound the memory that is taken, to 16 MB a memo at the most."""
_SOME_IP = "192.0.2.1"
"""Stands for the ip of any request (RFC 5737 keeps it for examples)."""
_OF_PAGE = frozenset({"campaign", "referrer", "trackway"})
"""Members that may follow from a page."""


class _Page(Struct, forbid_unknown_fields=True, gc=False):
    """A page with no other members than browsers tell: each is read as wholly as in a dictionary, in less time."""

    path: Any = None
    referrer: Any = None
    search: Any = None
    title: Any = None
    url: Any = None


_decode_page = json.Decoder(_Page).decode
_decode_object = json.Decoder(dict[str, Any]).decode
_encode = json.Encoder().encode
_STAND_IN = secrets.token_hex(16)
"""Put where a page was: what was there is the member `page` of the context only if this is read back as that."""
_STAND_IN_TEXT = b'"%s"' % _STAND_IN.encode()


class _Made(NamedTuple):
    """What the stages make of a context or of its rest, but for the ip of the request and the place that it tells."""

    text: bytes
    """JSON, without the closing brace; of a rest it ends where the page is to follow."""
    by_ip: Memo[str, bytes] | None
    """What the request's ip adds, if it is to be added, and the closing brace."""
    channel: str


class _Frame(NamedTuple):
    """What the stages make of a context around its page."""

    head: bytes
    tail: bytes
    by_ip: Memo[str, bytes] | None
    channel: str
    campaign: bool
    """Whether the client sent one; what the page says of it is left out then."""
    referrer: bool


class UsualContexts:
    """The contexts of one source's calls."""

    def __init__(self, source: str, common: CommonFields, enrich: Enrich, *, ruled: Iterable[str], plan: bool) -> None:
        """`ruled` are the members that privacy rules are about; with `plan` the source has a tracking plan."""
        self._source = source
        self._common = common
        self._enrich = enrich
        self._placeless = enrich.without_places()
        self._ruled = frozenset(ruled)
        self._plan = plan
        self.whole = Memo(self._ask)
        self.rest = Memo(self._ask_rest)
        self.page = Memo(self._ask_page)
        self._known_rests, self._known_pages = self.rest.known, self.page.known
        self._frames = Memo(self._ask_frame, most=1024)
        self._follows = Memo(self._follow, most=1024)
        self._known_follows = self._follows.known
        self._by_ip = Memo(self._describe_ips)
        self.parted = self._ruled.isdisjoint({"page", *_OF_PAGE})

    def complete(self, call: Call, ip: str, user_agent: str, client_side: bool) -> bool:
        """Complete the context of a call, and tell its channel; False where that is not usual.

        The last three are what is known of the request. The whole is not remembered: it would be written into memory
        that is in no cache.
        """
        text = b"" + call.context  # a copy for a third of what `bytes` takes
        if len(text) > _LONGEST:
            return False
        made, page, follows = None, b"", b""
        if self.parted:
            before, _, behind = text.partition(_PAGE)
            page, brace, after = behind.partition(b"}")
            if brace:
                rest = before, after, user_agent, client_side
                try:
                    made = self._known_rests[rest]
                except KeyError:
                    made = self.rest.ask(rest)
                if made is not None:
                    try:
                        follows = self._known_pages[page]
                    except KeyError:
                        follows = self.page.ask(page)
        if made is None or follows is None:
            page, follows, made = b"", b"", self.whole[text, user_agent, client_side]
            if made is None:
                return False
        head, by_ip, call.channel = made
        if not ip or by_ip is None:
            added = b"}"
        else:
            try:
                added = by_ip.known[ip]
            except KeyError:
                added = by_ip.ask(ip)
        call.context = Raw(b"".join((head, page, follows, added)))
        return True

    def _ask_rest(self, rest: tuple[bytes, bytes, str, bool]) -> _Made | None:
        """Return what the stages make of a context but for its page, which stands between `before` and `after`.

        None where the context must be asked about as a whole, as when something else stands there.
        """
        before, after, user_agent, client_side = rest
        try:
            sent = _decode_object(before + _PAGE[:-1] + _STAND_IN_TEXT + after)
        except NOT_USUAL:
            return None
        if sent.pop("page", None) != _STAND_IN:
            return None
        made = self._ask_stages(sent, user_agent, client_side, paged=True)
        if made is None or not _OF_PAGE.isdisjoint(sent):
            return None
        return _Made(made.text + (b"," + _PAGE if sent else _PAGE), made.by_ip, made.channel)

    def _ask_page(self, text: bytes) -> bytes | None:
        """Return the closing brace of a page and the members that follow from it, each behind a comma.

        `text` stands between the page's braces. None if that is no page.
        """
        text = b"{%b}" % text
        try:
            page = _decode_page(text)
        except NOT_USUAL:
            try:
                members = _decode_object(text)
            except NOT_USUAL:
                return None
            page = _Page(referrer=members.get("referrer"), search=members.get("search"), url=members.get("url"))
        clues = clues_of(page.referrer, page.search, page.url)
        try:
            return self._known_follows[clues]
        except KeyError:
            return self._follows.ask(clues)

    def _follow(self, clues: Clues) -> bytes:
        """Return the closing brace of a page with `clues` and the members that follow from it."""
        follows = self._enrich.follow(self._source, clues)
        return b"}," + _encode(follows)[1:-1] if follows else b"}"

    def _ask(self, whole: tuple[bytes, str, bool]) -> _Made | None:
        """Return what the stages make of a context."""
        text, user_agent, client_side = whole
        if self.parted:
            before, _, behind = text.partition(_PAGE)
            page, brace, after = behind.partition(b"}")
            if brace and (frame := self._frames[before, after, user_agent, client_side]) is not None:
                return self._fill(frame, page)
        try:
            sent = _decode_object(text)
        except NOT_USUAL:
            return None
        return self._ask_stages(sent, user_agent, client_side, paged=False)

    def _ask_frame(self, rest: tuple[bytes, bytes, str, bool]) -> _Frame | None:
        """Return what the stages make of a context that has a campaign or a referrer beside its page, but for the page.

        Libraries keep the campaign that a visit began with. None where it must be asked about with its page.
        """
        before, after, user_agent, client_side = rest
        try:
            sent = _decode_object(before + _PAGE[:-1] + _STAND_IN_TEXT + after)
        except NOT_USUAL:
            return None
        members = frozenset(sent)
        if sent.get("page") != _STAND_IN or members.isdisjoint(("campaign", "referrer")):
            return None
        made = self._ask_stages(sent, user_agent, client_side, paged=False)
        if made is None:
            return None
        added = sent.keys() - members
        # What follows from the page comes before these, or goes into the last.
        if not added.isdisjoint(("location", "library")) or ("trackway" in sent and "campaign" not in members):
            return None
        head, _, tail = made.text.partition(_STAND_IN_TEXT)
        return _Frame(head, tail, made.by_ip, made.channel, "campaign" in members, "referrer" in members)

    def _fill(self, frame: _Frame, text: bytes) -> _Made | None:
        """Return what the stages make of a context whose page is `text` in braces."""
        try:
            page = _decode_object(b"{%b}" % text)
        except NOT_USUAL:
            return None
        query, hosts = clues_of(page.get("referrer"), page.get("search"), page.get("url"))
        follows = self._follows[None if frame.campaign else query, None if frame.referrer else hosts]
        return _Made(b"".join((frame.head, _encode(page), frame.tail, follows[1:])), frame.by_ip, frame.channel)

    def _ask_stages(self, context: dict[str, Any], user_agent: str, client_side: bool, *, paged: bool) -> _Made | None:
        """Return what the stages make of `context`, which is changed to it; None where that is not usual.

        With `paged` a page follows it.
        """
        raw = RawRecord(self._source, "", "", 0, b"", ip=_SOME_IP, user_agent=user_agent, client_side=client_side)
        draft = Draft(raw, Place(0, 0), {"context": context}, findings=[])
        had_ip = "ip" in context
        self._common.run([draft])
        self._placeless.run([draft])
        wants_ip = context.get("ip") == _SOME_IP
        wants_place = self._enrich.wants_place(self._source, context)
        if (wants_ip and had_ip) or (self._plan and "protocols" in context):
            return None
        if not self._ruled.isdisjoint(context) or (wants_place and "location" in self._ruled):
            return None
        if wants_ip:
            del context["ip"]
        elif wants_place:
            self._enrich.add_location(context)
        by_ip = self._by_ip[wants_place, paged or bool(context)] if wants_ip else None
        return _Made(_encode(context)[:-1], by_ip, draft.event["channel"])

    def _describe_ips(self, case: tuple[bool, bool]) -> Memo[str, bytes]:
        """Return what ips add at the end of a context: themselves, perhaps their places, and the closing brace."""
        wants_place, follows = case
        geo = self._enrich.geo if wants_place else None

        def describe(ip: str) -> bytes:
            place = None if geo is None else geo.locate(ip)
            added = _encode({"ip": ip} if place is None else {"ip": ip, "location": place})[1:]
            return b"," + added if follows else added

        return Memo(describe)
