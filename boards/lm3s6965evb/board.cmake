# TI Stellaris LM3S6965: what builds for it.
set(BOARD lm3s6965evb)
set(BOARD_CPU -mcpu=cortex-m3 -mthumb)
set(BOARD_SOURCES cortex-m/systick.c drivers/sd_card.c drivers/sd_flash.c)
set(RAM_ADDRESS 0x20004000)
set(RAM_SIZE 0xC000)
include(${CMAKE_CURRENT_LIST_DIR}/../cortex-m/toolchain.cmake)
