"""Clients of the signing service: over a folder without a server, or over HTTP of whoever speaks AWS Signer's API.

`open_local` and `open_remote` give a `SigningClient`; `read_document` and `read_options` make its requests, and
`plain_answer` what AWS's own command line prints of its answers. The names load on first use: a folder needs no HTTP
client, an endpoint no database.
"""

from typing import TYPE_CHECKING, Final

from iotsign.lazy_names import lazy_names

if TYPE_CHECKING:
    from iotsign.server.client._answer import plain_answer, plain_request
    from iotsign.server.client._caller import find_account
    from iotsign.server.client._client import Buckets, SigningClient, call_pages, wait_for_job
    from iotsign.server.client._local import LocalClient, open_local
    from iotsign.server.client._remote import Endpoint, RemoteClient, open_remote
    from iotsign.server.client._request import missing_members, read_document, read_options, with_token

__all__ = [
    "Buckets",
    "Endpoint",
    "LocalClient",
    "RemoteClient",
    "SigningClient",
    "call_pages",
    "find_account",
    "missing_members",
    "open_local",
    "open_remote",
    "plain_answer",
    "plain_request",
    "read_document",
    "read_options",
    "wait_for_job",
    "with_token",
]

_HOMES: Final = {
    "Buckets": "_client",
    "Endpoint": "_remote",
    "LocalClient": "_local",
    "RemoteClient": "_remote",
    "SigningClient": "_client",
    "call_pages": "_client",
    "find_account": "_caller",
    "missing_members": "_request",
    "open_local": "_local",
    "open_remote": "_remote",
    "plain_answer": "_answer",
    "plain_request": "_answer",
    "read_document": "_request",
    "read_options": "_request",
    "wait_for_job": "_client",
    "with_token": "_request",
}

__getattr__ = lazy_names(__name__, _HOMES)
