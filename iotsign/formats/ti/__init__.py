"""Texas Instruments' images, and the FreeRTOS descriptor that several vendors' ports share."""

from iotsign.formats.ti._descriptor_container import DESCRIPTOR_CONTAINER
from iotsign.formats.ti._oad_container import CONTAINER
from iotsign.formats.ti.cc3220sf import (
    MAX_CC3220SF_SIZE,
    add_sha256_prefix,
    check_cc3220sf_size,
    check_certificate_name,
    split_sha256_prefix,
)
from iotsign.formats.ti.descriptor import ImageDescriptor, ImageFlags, read_descriptor
from iotsign.formats.ti.oad import (
    OadImage,
    attach_oad,
    looks_like_oad,
    oad_digest,
    read_oad,
    sign_oad,
    signer_info,
    verify_oad,
)

__all__ = [
    "CONTAINER",
    "DESCRIPTOR_CONTAINER",
    "MAX_CC3220SF_SIZE",
    "ImageDescriptor",
    "ImageFlags",
    "OadImage",
    "add_sha256_prefix",
    "attach_oad",
    "check_cc3220sf_size",
    "check_certificate_name",
    "looks_like_oad",
    "oad_digest",
    "read_descriptor",
    "read_oad",
    "sign_oad",
    "signer_info",
    "split_sha256_prefix",
    "verify_oad",
]
