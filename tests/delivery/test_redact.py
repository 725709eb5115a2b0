import base64

from hypothesis import example, given
from hypothesis import strategies as st

from trackway.delivery.redact import EXCERPT_BYTES, Redactor
from trackway.destinations.kit import Request


def request(**parts: object) -> Request:
    return Request(**({"method": "POST", "url": "https://x.example/hook", "body": b"{}"} | parts))  # type: ignore[arg-type]


def test_a_request_shows_what_helps_and_no_credentials() -> None:
    found = request(
        url="https://me:pass@x.example/hook?api_key=abc&v=2#part",
        headers={"Content-Type": "application/json", "Authorization": "Bearer abc", "Idempotency-Key": "m-1"},
    )
    assert Redactor([]).request(found, b'{"a":1}') == (
        "POST https://x.example/hook?api_key=***&v=***\n"
        'Content-Type: application/json\nAuthorization: ***\nIdempotency-Key: m-1\n\n{"a":1}'
    )


def test_secrets_go_wherever_they_stand_also_quoted() -> None:
    redactor = Redactor(["k/1+2", "k/1+2&more"])
    assert redactor.text("k/1+2&more k%2F1%2B2 k/1%2B2") == "*** *** ***"
    assert "k/1" not in redactor.request(request(url="https://x.example/k/1+2/hook"), b'{"token":"k/1+2"}')


def test_an_answer_that_repeats_a_header_is_cleaned() -> None:
    basic = "Basic " + base64.b64encode(b"key:").decode()
    found = Redactor(["key-itself"]).answer(
        f'{{"headers":{{"Authorization":"{basic}"}},"k":"key-itself"}}'.encode(),
        request(headers={"Authorization": basic}),
    )
    assert found == '{"headers":{"Authorization":"***"},"k":"***"}'


def test_what_of_a_url_may_be_a_credential_is_not_shown_when_a_server_repeats_it() -> None:
    asked = request(url="https://me:password1@x.example/hook?token=abc%2Fdef1&strict=true")
    found = Redactor([]).answer(
        b'{"url": "/hook?token=abc%2Fdef1", "token": "abc/def1", "as": "password1", "ok": true}', asked
    )
    assert found == '{"url": "/hook?token=***", "token": "***", "as": "***", "ok": true}'


def test_a_token_that_a_server_hands_out_is_not_shown() -> None:
    answer = b'{"access_token": "at-123", "refresh_token":"rt-123","expires_in": 3600, "token_type": "bearer"}'
    found = Redactor([]).answer(answer, request())
    assert found == '{"access_token": "***", "refresh_token":"***","expires_in": 3600, "token_type": "bearer"}'


def test_a_header_is_not_shown_without_its_scheme_either() -> None:
    asked = request(headers={"Authorization": "Bearer abc-def"})
    assert Redactor([]).answer(b"token abc-def is not known", asked) == "token *** is not known"


def test_half_a_secret_does_not_show_in_a_text_that_was_cut_before() -> None:
    asked = request(headers={"Authorization": "Bearer abcdefghij"})
    redactor = Redactor(["0123456789"])
    for cut in range(4, 11):
        assert redactor.detail("you sent " + "0123456789"[:cut], asked) == "you sent ***"
        assert redactor.detail("you sent " + "abcdefghij"[:cut], asked) == "you sent ***"


@given(st.binary(max_size=10_000), st.text(max_size=3000))
@example(b"\0", "")
def test_excerpts_are_small_and_can_be_kept_in_any_database(body: bytes, path: str) -> None:
    redactor = Redactor(["secret"])
    for text in (redactor.answer(body, request()), redactor.request(request(url="https://x/"), body)):
        assert len(text.encode()) <= EXCERPT_BYTES
        assert "\x00" not in text


def test_half_a_secret_at_the_cut_does_not_show() -> None:
    secret = "s" * 50
    for lead in range(EXCERPT_BYTES - 60, EXCERPT_BYTES + 10):
        found = Redactor([secret]).answer(b"x" * lead + secret.encode(), request())
        assert "s" not in found
