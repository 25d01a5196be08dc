# Compiler of every Cortex-M port; BOARD_CPU says which core.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_ASM_COMPILER arm-none-eabi-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
list(JOIN BOARD_CPU " " CMAKE_C_FLAGS_INIT)
set(BOARD_FAMILY cortex-m)
