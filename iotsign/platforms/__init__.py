"""Signing platforms: what a device family accepts, as AWS Signer describes it and as TOML files state it."""

from iotsign.platforms._parse import parse_platform
from iotsign.platforms.descriptor import CertificateRules, Platform, SigningMaterial
from iotsign.platforms.registry import Registry

__all__ = ["CertificateRules", "Platform", "Registry", "SigningMaterial", "parse_platform"]
