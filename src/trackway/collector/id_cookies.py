"""The browser client's id cookies, given a longer life by the collector.

Safari keeps a cookie that a script has set for seven days, and one that a server of the site has set for as long as it
says. The page asks once a visit; what its cookies say is said again, for a year. No value but the one that the browser
sent is ever set, so nobody can give a visitor somebody else's id.
"""

import re

from trackway.collector.answers import SUCCESS, Answer, Header, error
from trackway.collector.sources import OpenSource

_YEAR_S = 365 * 24 * 3600
_COOKIE = re.compile(
    rb"(?:^|; ?)(ajs_(?:anonymous|user|group)_id)=([\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]{1,512})(?=;|$)"
)
"""The characters are those that RFC 6265 allows in a value."""
_NOT_STORED: Header = (b"cache-control", b"no-store")


def renew_id_cookies(source: OpenSource, origin: bytes | None, cookies: bytes, *, secure: bool) -> Answer:
    """Return success, and each id cookie among `cookies` again with a year to live.

    `cookies` is the request's header `Cookie`, `secure` whether it came by https.
    """
    if source.cookie_domain is None:
        return error(404, "not_found", "Set cookie_domain of the source to have its id cookies renewed.")
    if not source.allows(origin):
        return error(403, "origin_not_allowed", "The page may not have this source's cookies renewed.")
    life = f"Max-Age={_YEAR_S}; Domain={source.cookie_domain}; Path=/; SameSite=Lax" + ("; Secure" if secure else "")
    again = {found[1]: found[2] for found in _COOKIE.finditer(cookies)}
    headers = [(b"set-cookie", b"%s=%s; %s" % (name, value, life.encode())) for name, value in again.items()]
    return Answer(200, [*SUCCESS.headers, _NOT_STORED, *headers], SUCCESS.body)
