/* First instructions. Source: RISC-V psABI (gp relaxation, stack alignment).
 * SPDX-License-Identifier: Apache-2.0 */
    .file   "startup.S" /* or else the symbol table holds the name of a temporary file */
    .section .start, "ax"
    .globl _start
_start:
    csrw    mie, zero
    .option push
    .option norelax
    la      gp, global_pointer
    .option pop
    la      sp, stack_top

    la      a0, data_load
    la      a1, data_start
    la      a2, data_end
1:  bgeu    a1, a2, 2f
    lw      t0, 0(a0)
    sw      t0, 0(a1)
    addi    a0, a0, 4
    addi    a1, a1, 4
    j       1b

2:  la      a1, bss_start
    la      a2, bss_end
3:  bgeu    a1, a2, 4f
    sw      zero, 0(a1)
    addi    a1, a1, 4
    j       3b

4:  fence.i
    call    main
    call    iotsign_board_reset
