# Arm MPS2 with AN385: what builds for it.
set(BOARD mps2-an385)
set(SMP_BUFFER_SIZE 4096)
set(BOARD_CPU -mcpu=cortex-m3 -mthumb)
include(${CMAKE_CURRENT_LIST_DIR}/../cortex-m/toolchain.cmake)
