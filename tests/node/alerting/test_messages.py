"""Messages as they arrive: at a webhook, at Slack, in a mailbox."""

import hashlib
import hmac
import json
from email import message_from_string
from typing import Any

import pytest

from tests.node.alerting.sinks import http_sink, mail_sink
from trackway.node.alerting.messages import Message, Messenger
from trackway.workspace.alerting import AlertChannel, Smtp
from trackway.workspace.secret import Secret

MESSAGE = Message(
    alert="destination-down",
    state="firing",
    subject="crm",
    title="crm: destination is down",
    text="It answers <b>503</b> & waits.\nNothing is lost.",
    link="http://127.0.0.1:8081/destinations/crm",
    since_ms=1_795_780_800_000,
    at_ms=1_795_780_860_000,
)


def channel(type: Any, url: str, **more: Any) -> AlertChannel:
    return AlertChannel(type=type, url=Secret(url), **more)


@pytest.mark.asyncio
async def test_a_webhook_gets_signed_json() -> None:
    async with http_sink() as sink:
        hook = channel("webhook", f"{sink.url}/hook", shared_secret=Secret("abc"))
        assert await Messenger(allow_private=True).send(hook, MESSAGE) == ""
        [(path, headers, body)] = sink.got
        assert path == "/hook"
        assert headers["x-signature"] == hmac.new(b"abc", body, hashlib.sha1).hexdigest()
        told = json.loads(body)
        assert (told["alert"], told["state"], told["subject"]) == ("destination-down", "firing", "crm")
        assert (told["since"], told["link"]) == ("2026-11-27T12:00:00.000Z", MESSAGE.link)


@pytest.mark.asyncio
async def test_slack_gets_a_text_that_cannot_be_taken_for_its_own_signs() -> None:
    async with http_sink() as sink:
        assert await Messenger(allow_private=True).send(channel("slack", f"{sink.url}/services/x"), MESSAGE) == ""
        text = json.loads(sink.got[0][2])["text"]
        assert "crm: destination is down" in text
        assert "&lt;b&gt;503&lt;/b&gt; &amp; waits" in text


@pytest.mark.asyncio
async def test_why_a_message_did_not_get_there_is_told_without_secrets() -> None:
    async with http_sink() as sink:
        sink.status = 403
        hook = channel("webhook", f"{sink.url}/hook", shared_secret=Secret("seen"))
        error = await Messenger(allow_private=True).send(hook, MESSAGE)
        assert error.startswith("it answers 403: *** ")
        error = await Messenger(allow_private=False).send(hook, MESSAGE)
        assert "delivery.allow_private_addresses" in error
        assert len(sink.got) == 1
    assert "ECONNREFUSED" in await Messenger(allow_private=True).send(hook, MESSAGE)


@pytest.mark.asyncio
async def test_a_mail_arrives_whole_and_a_refusal_is_told() -> None:
    async with mail_sink() as sink:
        smtp = Smtp(host="127.0.0.1", port=sink.port, security="none", user="trackway", password=Secret("pa55word"))
        mail = AlertChannel(type="email", to=["ops@shop.example", "b@shop.example"], from_="t@shop.example", smtp=smtp)
        assert await Messenger(allow_private=False).send(mail, MESSAGE) == ""
        got = message_from_string(sink.mails[0])
        assert got["Subject"] == "[Trackway] crm: destination is down"
        assert (got["From"], got["To"]) == ("t@shop.example", "ops@shop.example, b@shop.example")
        assert "Nothing is lost." in got.get_payload()
        assert MESSAGE.link in got.get_payload()
        assert any(line.startswith("AUTH PLAIN") for line in sink.said)
        assert [line for line in sink.said if line.startswith("rcpt")] == [
            "rcpt TO:<ops@shop.example>", "rcpt TO:<b@shop.example>"]  # fmt: skip
        sink.refuses = "554 pa55word is no password"
        error = await Messenger(allow_private=False).send(mail, MESSAGE)
        assert "554" in error
        assert "pa55word" not in error
    assert "did not take it" in await Messenger(allow_private=False).send(mail, MESSAGE)
