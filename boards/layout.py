"""Write what board.toml says about the flash as C, so that it is said only once.

    python boards/layout.py boards/BOARD/board.toml LAYOUT.c RAM_ADDRESS RAM_SIZE HEADER_SIZE

Prints the address that an application must be linked for: the primary slot's, or that of the RAM that images are loaded
to (RAM_ADDRESS, 0 if they run in place), behind HEADER_SIZE bytes of image header.
"""

import sys
import tomllib
from pathlib import Path

TEMPLATE = """/* Made by layout.py from {board}/board.toml. SPDX-License-Identifier: Apache-2.0 */
#include "bootloader/flash.h"

const iotsign_layout_t iotsign_board_layout = {{
    .board = "{board}",
    .primary = {primary},
    .secondary = {secondary},
    .scratch = {scratch},
    .provisioning = {provisioning},
    .sector_size = {sector_size},
    .write_size = {write_size},
    .execute_address = {execute_address:#x},
    .ram_address = {ram_address:#x},
    .ram_size = {ram_size:#x},
}};
"""


def main(board_file: str, output: str, ram_address: str, ram_size: str, header_size: str) -> None:
    """Write the layout and print where applications are linked."""
    board = tomllib.loads(Path(board_file).read_text())
    flash, slots = board["flash"], board["slots"]
    ram = int(ram_address, 0)
    execute_address = 0 if ram else flash["base"] + slots["primary"]["offset"]
    areas = {name: f"{{{area['offset']:#x}, {area['size']:#x}}}" for name, area in slots.items()}
    text = TEMPLATE.format(
        board=board["id"],
        **areas,
        sector_size=flash["sector_size"],
        write_size=flash["write_size"],
        execute_address=execute_address,
        ram_address=ram,
        ram_size=int(ram_size, 0),
    )
    path = Path(output)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
    sys.stdout.write(f"{(ram or execute_address) + int(header_size, 0):#x}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
