"""What iotsign does, as functions that a script can call; files in, files out, errors as exceptions.

Example:
    ```python
    from pathlib import Path

    from iotsign.app import SigningOptions, sign_image
    from iotsign.keys import open_signer
    from iotsign.platforms import Registry

    options = SigningOptions(Registry().get("AmazonFreeRTOS-Default"))
    sign_image(Path("app.hex"), Path("app.signed"), options, open_signer("pem:signing.pem"))
    ```

The names load on first use: looking into an image needs no OpenSSL behind it.
"""

from typing import TYPE_CHECKING, Final

from iotsign.lazy_names import lazy_names

if TYPE_CHECKING:
    from iotsign.app._device_steps import DeviceStep, DeviceSteps
    from iotsign.app._input_file import InputFile, Source, input_file, read_small_file, source_name
    from iotsign.app._inspect import InspectedImage, inspect_image
    from iotsign.app._install import (
        CONFIRMATIONS,
        Installed,
        InstallOptions,
        check_identity,
        install_image,
        install_with_program,
        verify_installed,
    )
    from iotsign.app._judge import VERIFIERS
    from iotsign.app._output_file import Target, output_file
    from iotsign.app._payload import INPUT_FORMATS, PayloadOptions
    from iotsign.app._resign import ResigningOptions, resign_image
    from iotsign.app._sign import attach_signature, digest_image, sign_image
    from iotsign.app._sign_many import SignOutcome, sign_images
    from iotsign.app._signing import SignedImage, SigningOptions
    from iotsign.app._steps import STEPS, Step, Steps
    from iotsign.app._trust import Candidate, Trust
    from iotsign.app._verdict import VerifiedContainer, VerifiedImage, VerifiedService, VerifyOptions
    from iotsign.app._verify import extract_payload, verify_image
    from iotsign.app._verify_many import Outcome, verify_images

__all__ = [
    "CONFIRMATIONS",
    "INPUT_FORMATS",
    "STEPS",
    "VERIFIERS",
    "Candidate",
    "DeviceStep",
    "DeviceSteps",
    "InputFile",
    "InspectedImage",
    "InstallOptions",
    "Installed",
    "Outcome",
    "PayloadOptions",
    "ResigningOptions",
    "SignOutcome",
    "SignedImage",
    "SigningOptions",
    "Source",
    "Step",
    "Steps",
    "Target",
    "Trust",
    "VerifiedContainer",
    "VerifiedImage",
    "VerifiedService",
    "VerifyOptions",
    "attach_signature",
    "check_identity",
    "digest_image",
    "extract_payload",
    "input_file",
    "inspect_image",
    "install_image",
    "install_with_program",
    "output_file",
    "read_small_file",
    "resign_image",
    "sign_image",
    "sign_images",
    "source_name",
    "verify_image",
    "verify_images",
    "verify_installed",
]

_HOMES: Final = {
    "CONFIRMATIONS": "_install",
    "INPUT_FORMATS": "_payload",
    "STEPS": "_steps",
    "VERIFIERS": "_judge",
    "Candidate": "_trust",
    "DeviceStep": "_device_steps",
    "DeviceSteps": "_device_steps",
    "InputFile": "_input_file",
    "InspectedImage": "_inspect",
    "InstallOptions": "_install",
    "Installed": "_install",
    "Outcome": "_verify_many",
    "PayloadOptions": "_payload",
    "ResigningOptions": "_resign",
    "SignOutcome": "_sign_many",
    "SignedImage": "_signing",
    "SigningOptions": "_signing",
    "Source": "_input_file",
    "Step": "_steps",
    "Steps": "_steps",
    "Target": "_output_file",
    "Trust": "_trust",
    "VerifiedContainer": "_verdict",
    "VerifiedImage": "_verdict",
    "VerifiedService": "_verdict",
    "VerifyOptions": "_verdict",
    "attach_signature": "_sign",
    "check_identity": "_install",
    "digest_image": "_sign",
    "extract_payload": "_verify",
    "input_file": "_input_file",
    "inspect_image": "_inspect",
    "install_image": "_install",
    "install_with_program": "_install",
    "output_file": "_output_file",
    "read_small_file": "_input_file",
    "resign_image": "_resign",
    "sign_image": "_sign",
    "sign_images": "_sign_many",
    "source_name": "_input_file",
    "verify_image": "_verify",
    "verify_images": "_verify_many",
    "verify_installed": "_install",
}

__getattr__ = lazy_names(__name__, _HOMES)
