"""What storage raises, and the removal of credentials from what other libraries say."""

import re

__all__ = [
    "IntegrityError",
    "InvalidKeyError",
    "ObjectNotFoundError",
    "StorageError",
    "StoragePermissionError",
    "StorageTimeoutError",
    "redact",
]

_QUERY = re.compile(r"((?:https?|abfss?|wasbs?)://[^\s?\"'<>)\]]+)\?[^\s\"'<>)\]]*")
_USER_INFO = re.compile(r"\b([a-z][a-z0-9+.-]*://)[^/\s@\"'<>]*:[^/\s@\"'<>]*@|\b(https?://)[^/\s@\"'<>]+@")
_PRIVATE_KEY = re.compile(r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)")
_HEADER = re.compile(
    r"(?i)\b((?:proxy-)?authorization[\\\"']*\s*[=:]\s*[\\\"']*)(?:(?:bearer|basic|sharedkey(?:lite)?|aws4-hmac-sha256|goog4-rsa-sha256)\s+)?"
    r"[^\s\\\"',;)<>]+"
)
_NAMED_SECRET = re.compile(
    r"(?i)((?<![a-z0-9])(?:[a-z0-9_-]*[_-])?"
    r"(?:sig|signature|credential|token|secret|password|passwd|awsaccesskeyid|(?:secret_?access|access|account|api|private|shared)_?-?key"
    r"|shared_?access_?signature|aws_?access_?key_?id)(?:[_-](?:id|key|token|value))*"
    r"[\\\"']*\s*[=:]\s*(?:Some\()?+[\\\"']*+)(?!\.\.\.)[^\s&\\\"',;)<>]+"
)
_XML_SECRET = re.compile(
    r"(?is)<(AWSAccessKeyId|StringToSign|StringToSignBytes|CanonicalRequest|CanonicalRequestBytes|SignatureProvided|"
    r"AuthenticationErrorDetail)>.*?(?:</\1>|\Z)"
)


def redact(text: str) -> str:
    """Return `text` without signatures, keys, tokens and the query strings of URLs."""
    text = _XML_SECRET.sub(r"<\1>...</\1>", text)
    text = _PRIVATE_KEY.sub("...", text)
    text = _QUERY.sub(r"\1?...", text)
    text = _USER_INFO.sub(lambda found: f"{found[1] or found[2]}...@", text)
    text = _HEADER.sub(r"\1...", text)
    return _NAMED_SECRET.sub(r"\1...", text)


class StorageError(OSError):
    """A store refused, failed or could not be reached.

    The text has no credentials in it, and the error of the library below is not chained for the same reason.
    """

    def __init__(self, message: str, *, uri: str | None = None, is_retry_safe: bool = False) -> None:
        """Describe what happened to `uri`, and tell whether trying again could help."""
        super().__init__(redact(message))
        self.uri = None if uri is None else redact(uri)
        self.is_retry_safe = is_retry_safe
        self.was_retried = False
        """Whether it was tried again until the limits, so that nobody above needs to."""


class ObjectNotFoundError(StorageError, FileNotFoundError, LookupError):
    """There is no object or file with that name."""


class StoragePermissionError(StorageError, PermissionError):
    """The credentials in use may not do this, or there are none."""


class StorageTimeoutError(StorageError, TimeoutError):
    """The store did not answer, or stopped sending, within the limits."""


class IntegrityError(StorageError):
    """What arrived is not what was sent: a size or a checksum differs."""


class InvalidKeyError(StorageError, ValueError):
    """A key that object stores of this engine cannot name exactly."""
