# Emcraft SmartFusion2 SOM: what builds for it.
set(BOARD emcraft-sf2)
set(BOARD_CPU -mcpu=cortex-m3 -mthumb)
set(BOARD_SOURCES cortex-m/systick.c drivers/spi_nor.c)
set(RAM_ADDRESS 0xA0000000)
set(RAM_SIZE 0x50000)
include(${CMAKE_CURRENT_LIST_DIR}/../cortex-m/toolchain.cmake)
