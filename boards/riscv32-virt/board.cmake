# QEMU's riscv32 virt as an RV32IMC: what builds for it. Under a newer -misa-spec, csrr would need another -march, for which
# Debian's compiler has no libgcc.
set(BOARD riscv32-virt)
set(SMP_BUFFER_SIZE 4096)
set(BOARD_FAMILY riscv32-virt)
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_C_COMPILER riscv64-unknown-elf-gcc)
set(CMAKE_ASM_COMPILER riscv64-unknown-elf-gcc)
set(CMAKE_C_FLAGS_INIT "-march=rv32imc -mabi=ilp32 -misa-spec=2.2 -mcmodel=medany")
set(CMAKE_ASM_FLAGS_INIT "${CMAKE_C_FLAGS_INIT}")
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
