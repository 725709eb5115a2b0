"""Messages to webhooks, Slack and e-mail.

Slack: an incoming webhook takes `{"text": …}` and wants `&`, `<` and `>` escaped, https://api.slack.com/messaging/webhooks,
read 2026-11-26. E-mail goes by SMTP, in a thread.
"""

import asyncio
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Literal

import msgspec
from msgspec import Struct

from trackway.delivery.proxies import environment_proxies
from trackway.delivery.redact import Redactor
from trackway.delivery.transport import HttpTransport
from trackway.destinations.kit import Request, Response, hmac_signature
from trackway.events.clock_skew import format_ms
from trackway.workspace.alerting import AlertChannel, Smtp

_TIMEOUT_S = 15.0


class Message(Struct, frozen=True, kw_only=True):
    """What somebody is told; a webhook gets it as JSON, with times in ISO 8601."""

    alert: str
    """The rule's name."""
    state: Literal["firing", "resolved", "test"]
    subject: str
    title: str
    text: str
    link: str
    since_ms: int
    at_ms: int


class Messenger:
    """Sends messages; to be used within one event loop."""

    def __init__(self, *, allow_private: bool, tls: ssl.SSLContext | None = None) -> None:
        """`allow_private` as `delivery.allow_private_addresses`; `tls` as in `HttpTransport`, for mail servers, too."""
        self._allow_private = allow_private
        self._tls = tls

    async def send(self, channel: AlertChannel, message: Message) -> str:
        """Send a message; return why it did not get there, in a line free of secrets, `""` when it did."""
        if channel.type == "email":
            return await asyncio.to_thread(_mail, channel, message, self._tls)
        request = _slack(channel, message) if channel.type == "slack" else _webhook(channel, message)
        transport = HttpTransport(allow_private=self._allow_private, proxies=environment_proxies(), tls=self._tls)
        async with transport:
            answer = await transport.send(request)
        if isinstance(answer, Response):
            if 200 <= answer.status < 300:
                return ""
            return f"it answers {answer.status}: {_redacted(channel, answer.body.decode('utf-8', 'replace'))[:200]}"
        if answer.reason == "address_not_allowed":
            return "its address lies inside this network; see delivery.allow_private_addresses"
        return f"it cannot be reached ({answer.reason}{f': {answer.detail}' if answer.detail else ''})"


def _webhook(channel: AlertChannel, message: Message) -> Request:
    told = {
        "alert": message.alert,
        "state": message.state,
        "subject": message.subject,
        "title": message.title,
        "text": message.text,
        "link": message.link,
        "since": format_ms(message.since_ms),
        "at": format_ms(message.at_ms),
    }
    body = msgspec.json.encode(told)
    headers = {"Content-Type": "application/json"}
    if channel.shared_secret is not None:
        headers["X-Signature"] = hmac_signature(channel.shared_secret.reveal(), body, digest="sha1")
    return Request(method="POST", url=_url(channel), headers=headers, body=body, timeout_s=_TIMEOUT_S)


def _slack(channel: AlertChannel, message: Message) -> Request:
    sign = {"firing": ":red_circle:", "resolved": ":large_green_circle:", "test": ":white_circle:"}[message.state]
    text = f"{sign} *{_escaped(_headline(message))}*\n{_escaped(message.text)}\n<{message.link}|Look>"
    return Request(method="POST", url=_url(channel), json={"text": text}, timeout_s=_TIMEOUT_S)


def _mail(channel: AlertChannel, message: Message, tls: ssl.SSLContext | None) -> str:
    mail = EmailMessage()
    mail["Subject"] = " ".join(f"[Trackway] {_headline(message)}".split())
    mail["From"], mail["To"] = channel.from_ or "", ", ".join(channel.to)
    mail["Date"], mail["Message-ID"] = formatdate(message.at_ms / 1000), make_msgid(domain="trackway.invalid")
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(f"{message.text}\n\nSince {format_ms(message.since_ms)}. {message.link}\n")
    try:
        _hand_over(channel.smtp, mail, tls)
    except (OSError, smtplib.SMTPException, UnicodeError) as error:
        return (
            f"the mail server {channel.smtp.host}:{channel.smtp.port} did not take it: {_redacted(channel, str(error))}"
        )
    return ""


def _hand_over(smtp: Smtp, mail: EmailMessage, tls: ssl.SSLContext | None) -> None:
    context = tls or ssl.create_default_context()
    if smtp.security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(smtp.host, smtp.port, timeout=_TIMEOUT_S, context=context)
    else:
        server = smtplib.SMTP(smtp.host, smtp.port, timeout=_TIMEOUT_S)
    with server:
        if smtp.security == "starttls":
            server.starttls(context=context)
        if smtp.user is not None:
            server.login(smtp.user, smtp.password.reveal() if smtp.password else "")
        server.send_message(mail)


def _headline(message: Message) -> str:
    before = {"firing": "", "resolved": "Over: ", "test": "Test: "}[message.state]
    return f"{before}{message.title}"


def _url(channel: AlertChannel) -> str:
    return channel.url.reveal() if channel.url else ""


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _redacted(channel: AlertChannel, text: str) -> str:
    secrets = [one.reveal() for one in (channel.url, channel.shared_secret, channel.smtp.password) if one]
    return Redactor(secrets).text(text)
