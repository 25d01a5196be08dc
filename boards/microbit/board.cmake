# BBC micro:bit: what builds for it.
set(BOARD microbit)
set(BOARD_CPU -mcpu=cortex-m0 -mthumb)
set(BOARD_LOADER_SOURCES microbit/forward.c)
include(${CMAKE_CURRENT_LIST_DIR}/../cortex-m/toolchain.cmake)
