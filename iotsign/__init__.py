"""iotsign signs firmware for IoT devices and proves that the signature holds."""

__version__ = "0.1.0"
