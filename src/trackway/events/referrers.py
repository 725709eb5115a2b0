"""Where a visitor came from, by the page that linked here: a search engine, a social network, mail, an assistant, …"""

from typing import Literal, NamedTuple

from trackway.events.memo import Memo

Kind = Literal["direct", "internal", "search", "social", "email", "ai", "referral"]


class Referrer(NamedTuple):
    """The class of a referrer."""

    kind: Kind
    name: str = ""
    """Of a known place its name, of others the domain; `""` for none and for the site's own pages."""


_DOMAINS: dict[Kind, str] = {
    "search": """
        search.brave.com Brave; duckduckgo.com DuckDuckGo; ecosia.org Ecosia; startpage.com Startpage; qwant.com Qwant;
        baidu.com Baidu; naver.com Naver; daum.net Daum; seznam.cz Seznam; sogou.com Sogou; so.com 360 Search;
        kagi.com Kagi; mojeek.com Mojeek; presearch.com Presearch; swisscows.com Swisscows; metager.org MetaGer;
        metager.de MetaGer; ask.com Ask; aol.com AOL; search.aol.com AOL; go.mail.ru Mail.ru; rambler.ru Rambler;
        ya.ru Yandex; coccoc.com Cốc Cốc; lilo.org Lilo; you.com You.com; msn.com MSN; lycos.com Lycos;
        com.google.android.googlequicksearchbox Google; petalsearch.com Petal; searchencrypt.com Search Encrypt""",
    "social": """
        facebook.com Facebook; fb.com Facebook; fb.me Facebook; messenger.com Messenger; com.facebook.katana Facebook;
        instagram.com Instagram; com.instagram.android Instagram; t.co X; twitter.com X; x.com X;
        com.twitter.android X; linkedin.com LinkedIn; lnkd.in LinkedIn; com.linkedin.android LinkedIn;
        pinterest.com Pinterest; pin.it Pinterest; reddit.com Reddit; redd.it Reddit; com.reddit.frontpage Reddit;
        youtube.com YouTube; youtu.be YouTube; tiktok.com TikTok; snapchat.com Snapchat; threads.net Threads;
        threads.com Threads; bsky.app Bluesky; go.bsky.app Bluesky; mastodon.social Mastodon; vk.com VK; ok.ru OK;
        weibo.com Weibo; weibo.cn Weibo; t.cn Weibo; xing.com XING; tumblr.com Tumblr; quora.com Quora;
        discord.com Discord; whatsapp.com WhatsApp; wa.me WhatsApp; com.whatsapp WhatsApp; telegram.org Telegram;
        t.me Telegram; org.telegram.messenger Telegram; line.me LINE; news.ycombinator.com Hacker News;
        producthunt.com Product Hunt; stackoverflow.com Stack Overflow; twitch.tv Twitch; flickr.com Flickr;
        vimeo.com Vimeo; nextdoor.com Nextdoor; medium.com Medium; slack.com Slack; com.Slack Slack;
        teams.microsoft.com Microsoft Teams; hatena.ne.jp Hatena; note.com note; zhihu.com Zhihu; douban.com Douban""",
    "email": """
        mail.google.com Gmail; com.google.android.gm Gmail; outlook.live.com Outlook; outlook.office.com Outlook;
        outlook.office365.com Outlook; outlook.com Outlook; mail.yahoo.com Yahoo Mail; mail.aol.com AOL Mail;
        mail.proton.me Proton Mail; mail.yandex.ru Yandex Mail; mail.yandex.com Yandex Mail; e.mail.ru Mail.ru;
        mail.zoho.com Zoho Mail; mail.zoho.eu Zoho Mail; gmx.net GMX; gmx.com GMX; web.de WEB.DE;
        fastmail.com Fastmail; app.fastmail.com Fastmail; icloud.com iCloud Mail; mail.qq.com QQ Mail;
        mail.163.com NetEase Mail; orange.fr Orange; t-online.de T-Online; app.hey.com HEY""",
    "ai": """
        chatgpt.com ChatGPT; chat.openai.com ChatGPT; openai.com OpenAI; perplexity.ai Perplexity; claude.ai Claude;
        gemini.google.com Gemini; bard.google.com Gemini; copilot.microsoft.com Copilot; copilot.com Copilot;
        deepseek.com DeepSeek; grok.com Grok; meta.ai Meta AI; chat.mistral.ai Le Chat; poe.com Poe; phind.com Phind;
        kimi.com Kimi; doubao.com Doubao; chat.qwen.ai Qwen""",
}
_FAMILIES: dict[str, Referrer] = {
    "google": Referrer("search", "Google"),
    "bing": Referrer("search", "Bing"),
    "yahoo": Referrer("search", "Yahoo"),
    "yandex": Referrer("search", "Yandex"),
    "pinterest": Referrer("social", "Pinterest"),
}
"""Names with a domain in many countries."""
_KNOWN = {
    domain: Referrer(kind, name)
    for kind, text in _DOMAINS.items()
    for domain, _, name in (entry.strip().partition(" ") for entry in text.split(";"))
}
_SECOND_LEVEL = frozenset({"co", "com", "net", "org", "ne"})


def host_of(address: str) -> str:
    """Return the host of an address in lower case, without user, port and `www.`; `""` for what is no address.

    An Android app's `android-app://com.example/` has its package as the host.
    """
    scheme, mark, rest = address.partition("://")
    if not mark or not scheme:
        return ""
    authority = rest.partition("/")[0]
    try:
        return _known_hosts[authority]
    except KeyError:
        return _hosts.ask(authority)


def _read_host(authority: str) -> str:
    """Return the host in what stands between the `://` of an address and the next slash, if there is one."""
    host = authority.partition("?")[0].partition("#")[0].rpartition("@")[2]
    if host.startswith("["):
        host = host.partition("]")[0][1:]
    elif ":" in host:
        host = host.partition(":")[0]
    return host.lower().rstrip(".").removeprefix("www.")


_hosts = Memo(_read_host, longest=100)
_known_hosts = _hosts.known


def classify(host: str, page_host: str, own_domains: frozenset[str] = frozenset()) -> Referrer:
    """Return the class of a referrer by its host, and that of the page, which is `""` where it is not known.

    `""` for the first is direct. The page's own host, `own_domains` and all their subdomains are internal.
    """
    if not host:
        return Referrer("direct")
    if host == page_host or host.endswith("." + page_host) or (page_host.endswith("." + host) and "." in host):
        return Referrer("internal")
    known: Referrer | None = None
    domain = host
    while True:
        if domain in own_domains:
            return Referrer("internal")
        known = known or _KNOWN.get(domain)
        _, dot, domain = domain.partition(".")
        if not dot:
            break
    return known or _of_family(host) or Referrer("referral", host)


def _of_family(host: str) -> Referrer | None:
    labels = host.split(".")
    if len(labels) < 2:
        return None
    name = labels[-3] if len(labels) > 2 and labels[-2] in _SECOND_LEVEL else labels[-2]
    if labels[0] == "webmail" or (labels[0] == "mail" and name in _FAMILIES):
        return Referrer("email", _FAMILIES[name].name + " Mail" if name in _FAMILIES else host)
    return _FAMILIES.get(name)
