"""Signatures of requests, held to published examples."""

import hashlib
from datetime import UTC, datetime
from typing import Any

import pytest

from trackway.destinations import kit

AWS: dict[str, Any] = {
    "access_key_id": "AKIDEXAMPLE",
    "secret_access_key": kit.Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
    "region": "us-east-1",
    "service": "service",
}
AT = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
UNRESERVED = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
FORM = {
    "Content-Type": "application/x-www-form-urlencoded",
    "Content-Length": "13",
    "X-Amz-Content-Sha256": hashlib.sha256(b"Param1=value1").hexdigest(),
}
# Method, path, headers, body, names of signed headers, signature: AWS's own vectors, from the signing test suite in
# https://github.com/awslabs/aws-c-auth, tests/aws-signing-test-suite/v4, under the names at their ends.
VECTORS = [
    pytest.param("GET", "/", {}, b"", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
                 id="get-vanilla"),
    pytest.param("GET", "/?Param-3=Value3&Param=Value2&%E1%88%B4=Value1", {}, b"", "",
                 "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac",
                 id="get-vanilla-query-order-encoded"),
    pytest.param("GET", "/?Param2=value2&Param1=value1", {}, b"", "",
                 "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
                 id="get-vanilla-query-order-key-case"),
    pytest.param("GET", f"/?{UNRESERVED}={UNRESERVED}", {}, b"", "",
                 "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197", id="get-vanilla-query-unreserved"),
    pytest.param("GET", "/\u1234", {}, b"", "",
                 "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85", id="get-utf8"),
    pytest.param("GET", "/example space/", {}, b"", "",
                 "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741", id="get-space-unnormalized"),
    pytest.param("GET", "/", {"My-Header1": " value1", "My-Header2": ' "a   b   c"'}, b"", "my-header1;my-header2;",
                 "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736", id="get-header-value-trim"),
    pytest.param("POST", "/", {"My-Header1": "value1"}, b"", "my-header1;",
                 "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c", id="post-header-key-sort"),
    pytest.param("POST", "/", FORM, b"Param1=value1", "",
                 "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b", id="post-x-www-form-urlencoded"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "headers", "body", "named", "signature"), VECTORS)
def test_requests_are_signed_as_in_the_vectors_of_aws(
    method: str, path: str, headers: dict[str, str], body: bytes, named: str, signature: str
) -> None:
    request = kit.Request(method=method, url=f"https://example.amazonaws.com{path}", headers=headers, body=body)
    signed = kit.aws_signed(request, kit.Aws(**AWS), at=AT)
    assert signed.headers["X-Amz-Date"] == "20150830T123600Z"
    found = signed.headers["Authorization"]
    assert found.startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, ")
    assert found.endswith(f"Signature={signature}")
    assert f"host;{named}x-amz-" in found
    assert (signed.method, signed.url, signed.content()) == (method, request.url, body)
    assert headers.items() <= dict(signed.headers).items()


def test_temporary_credentials_sign_their_token_too() -> None:
    token = kit.Secret("6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267")
    request = kit.Request(method="GET", url="https://example.amazonaws.com/", body=b"")
    signed = kit.aws_signed(request, kit.Aws(**AWS, session_token=token), at=AT)
    assert signed.headers["X-Amz-Security-Token"] == token.reveal()
    assert "SignedHeaders=host;x-amz-date;x-amz-security-token" in signed.headers["Authorization"]
    assert signed.headers["Authorization"].endswith("07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8")


def test_a_path_that_is_encoded_already_is_signed_as_it_is_sent() -> None:
    """AWS encodes what it gets once more, so `%20` is signed as `%2520`; a port that is not the usual one is named."""
    at = {"aws": kit.Aws(**AWS), "at": AT}
    one, other, port = (
        kit.aws_signed(kit.Request(method="GET", url=f"https://{url}", body=b""), **at).headers["Authorization"]
        for url in ("x.example/a%20b", "x.example/a%2520b", "x.example:8443/a%20b")
    )
    assert len({one, other, port}) == 3


@pytest.mark.parametrize(
    ("digest", "expected"),
    [
        ("sha1", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),  # RFC 2202, 3, case 2
        ("sha256", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),  # RFC 4231, 4.3
    ],
)
def test_an_hmac_is_that_of_the_standard(digest: Any, expected: str) -> None:
    assert kit.hmac_signature("Jefe", b"what do ya want for nothing?", digest=digest) == expected


def test_an_hmac_in_base_64() -> None:
    found = kit.hmac_signature("Jefe", b"what do ya want for nothing?", base64=True)
    assert found == "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM="
