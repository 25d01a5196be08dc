# QEMU's riscv32 virt as an RV32IMC: what builds for it. Under a newer -misa-spec, csrr would need another -march, for which
# Debian's compiler has no libgcc.
set(BOARD riscv32-virt)
set(SMP_BUFFER_SIZE 4096)
set(BOARD_CPU -march=rv32imc -mabi=ilp32 -misa-spec=2.2 -mcmodel=medany)
set(RAM_ADDRESS 0x80100000)
set(RAM_SIZE 0xC0000)
include(${CMAKE_CURRENT_LIST_DIR}/../rv32/toolchain.cmake)
