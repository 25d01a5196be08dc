"""The command line; the only room that prints or exits."""


def main() -> None:
    """Run the command line."""
