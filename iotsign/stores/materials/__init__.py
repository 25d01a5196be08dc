"""Signing material in a directory: certificates in the clear, private keys encrypted under a key file."""

from iotsign.stores.materials._directory import DirectoryMaterials
from iotsign.stores.materials._key_file import create_key_file, read_key_file

__all__ = ["DirectoryMaterials", "create_key_file", "read_key_file"]
