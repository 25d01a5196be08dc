"""``python -m iotsign``."""

from iotsign.cli import main

if __name__ == "__main__":
    main()
