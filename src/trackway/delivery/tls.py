"""Why no encrypted connection came about, in words that say what to look at."""

import ssl

import aiohttp

_EXPIRED, _NOT_YET, _SELF_SIGNED, _SELF_SIGNED_ROOT, _UNKNOWN_ISSUER, _NO_CHAIN, _HOST, _ADDRESS = (
    10, 9, 18, 19, 20, 21, 62, 64,
)  # fmt: skip
_UNTRUSTED = "the server's environment names further authorities in SSL_CERT_FILE"
_CERTIFICATES = {
    _EXPIRED: "its certificate has expired",
    _NOT_YET: "its certificate is not valid yet, or this machine's clock is wrong",
    _SELF_SIGNED: f"its certificate is self-signed; {_UNTRUSTED}",
    _SELF_SIGNED_ROOT: f"its certificate comes from an authority that is not trusted here; {_UNTRUSTED}",
    _UNKNOWN_ISSUER: f"its certificate comes from an authority that is not known here, or it does not send the "
    f"certificates in between; {_UNTRUSTED}",
    _NO_CHAIN: f"its certificate comes from an authority that is not known here; {_UNTRUSTED}",
}
"""By OpenSSL's number of what verification found (`X509_V_ERR_…`)."""
_PROTOCOL = {
    "WRONG_VERSION_NUMBER": "what answers there does not speak TLS, or too old a version of it",
    "HTTP_REQUEST": "what answers there does not speak TLS but plain HTTP",
    "UNSUPPORTED_PROTOCOL": "it speaks only versions of TLS that are too old; 1.2 is the least",
    "TLSV1_ALERT_PROTOCOL_VERSION": "it speaks no version of TLS that is taken here; 1.2 is the least",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "it and this machine have no way of encrypting in common",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "it wants a certificate of the client, which cannot be given",
}


def explain(error: aiohttp.ClientSSLError) -> str:
    """Return why TLS with a server failed, in a line; OpenSSL's own words where there are no better ones."""
    told = isinstance(error, aiohttp.ClientConnectorCertificateError)
    cause: BaseException = error.certificate_error if told else error.os_error
    if isinstance(cause, ssl.SSLCertVerificationError):
        if cause.verify_code in (_HOST, _ADDRESS):
            return f"its certificate is for another host name than {error.host}"
        return _CERTIFICATES.get(cause.verify_code, f"its certificate is not accepted: {cause.verify_message}")
    if isinstance(cause, ssl.SSLError):
        reason = cause.reason or ""
        return _PROTOCOL.get(reason, f"TLS failed: {reason.lower().replace('_', ' ') or type(cause).__name__}")
    return "it ended the connection while TLS began"
