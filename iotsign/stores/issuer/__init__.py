"""The service's own certificate authority in a directory: certificates in the clear, private keys encrypted."""

from iotsign.stores.issuer._directory import DirectoryIssuer

__all__ = ["DirectoryIssuer"]
