"""Bytes that must not be seen."""


class Secret:
    """Key bytes or a passphrase: no log, debugger or traceback that prints variables shows more than the length.

    Attributes:
        value: The bytes.
    """

    __slots__ = ("value",)

    def __init__(self, value: bytes) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"<secret, {len(self.value)} bytes>"
