/* Emcraft SmartFusion2 SOM (M2S010): Cortex-M3 at 142 MHz, 16550 UART, SPI NOR flash on SPI 0. The LPDDR must be on before the boot
 * loader copies an image there: the SoC's own configuration does that at power-up.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Source: Microsemi UG0331, SmartFusion2 Microcontroller Subsystem: MMUART, SPI, timer, SYSREG (SOFT_RST_CR); Emcraft M2S-FG484
 * SOM hardware architecture (S25FL128S on SPI 0). */
#include "bootloader/board.h"
#include "bootloader/line.h"
#include "cortex_m.h"
#include "spi_nor.h"
#include "systick.h"

#define CLOCK_KHZ 142000u
#define BUS_KHZ 71000u

#define SOFT_RESET REGISTER(0x40038048u)
#define SOFT_RESET_TIMER (1u << 6)
#define SOFT_RESET_UART (1u << 7)
#define SOFT_RESET_SPI (1u << 9)

#define UART_DATA REGISTER(0x40000000u)
#define UART_INTERRUPTS REGISTER(0x40000004u)
#define UART_FIFO REGISTER(0x40000008u)
#define UART_CAUSE UART_FIFO /* when it is read */
#define UART_LINE REGISTER(0x4000000Cu)
#define UART_STATE REGISTER(0x40000014u)
#define UART_DIVIDER_LOW UART_DATA
#define UART_DIVIDER_HIGH UART_INTERRUPTS
#define UART_LATCH 0x80u
#define UART_8N1 0x03u
#define UART_FIFO_EMPTY 0x07u
#define UART_FIFO_1 0x01u  /* an interrupt at the first byte */
#define UART_FIFO_14 0xC1u /* at the 14th, or when a byte has waited */
#define UART_FILLED 14u
#define UART_RX_INTERRUPT 0x01u
#define UART_CAUSE_MASK 0x0Fu
#define UART_CAUSE_FILLED 0x04u /* as many bytes as the FIFO was set to interrupt at */
#define UART_RX_READY 0x01u
#define UART_TX_EMPTY 0x20u
#define BAUD_DIVIDER 39u /* 71 MHz / (16 × 115200), rounded: 1.2 % slow */

#define SPI_CONTROL REGISTER(0x40001000u)
#define SPI_FRAME REGISTER(0x40001004u)
#define SPI_STATE REGISTER(0x40001008u)
#define SPI_RX REGISTER(0x40001010u)
#define SPI_TX REGISTER(0x40001014u)
#define SPI_CLOCK REGISTER(0x40001018u)
#define SPI_SELECT REGISTER(0x4000101Cu)
#define SPI_COMMAND REGISTER(0x40001028u)
#define SPI_MASTER_MODE_3 0x37000002u /* big FIFO, linear clock, selected until all frames are sent, SPH, SPO */
#define SPI_FRAMES_SHIFT 8u
#define SPI_ENABLE 1u
#define SPI_EMPTY_FIFOS 0x0Cu
#define SPI_DONE (1u << 0) /* all frames are sent, and their answers received */
#define SPI_RX_FULL (1u << 4)
#define SPI_FIFO 32u
#define SPI_8_BITS 8u
#define SPI_DIVIDER 1u /* 71 MHz / 4 */

#define ALARM_LOAD REGISTER(0x40004004u)
#define ALARM_CONTROL REGISTER(0x4000400Cu)
#define ALARM_STATE REGISTER(0x40004010u)
#define ALARM_RUN 7u /* enabled, once, with interrupt */

#define MPU_CONTROL REGISTER(0xE000ED94u)
#define MPU_REGION REGISTER(0xE000ED98u)
#define MPU_BASE REGISTER(0xE000ED9Cu)
#define MPU_ATTRIBUTES REGISTER(0xE000EDA0u)
#define MPU_ON 5u                  /* with the default map behind the regions */
#define LPDDR_BASE 0xA0000000u
#define LPDDR_ATTRIBUTES 0x030B0033u /* 64 MiB, normal memory with caches, full access, code may run */

#define UART_INTERRUPT 10u
#define ALARM_INTERRUPT 14u


static void receive(void)
{
    UART_FIFO = UART_FIFO_14; /* while the program is awake, larger bites cost less */
    while (iotsign_ring_space(&iotsign_line_received) >= UART_FILLED && (UART_CAUSE & UART_CAUSE_MASK) == UART_CAUSE_FILLED) {
        for (unsigned i = 0; i < UART_FILLED; i++) {
            iotsign_ring_put(&iotsign_line_received, (uint8_t)UART_DATA);
        }
    }
    while ((UART_STATE & UART_RX_READY) != 0u) {
        if (iotsign_ring_space(&iotsign_line_received) == 0u) {
            cortex_m_interrupt_disable(UART_INTERRUPT); /* the line waits until the program has read */
            return;
        }
        iotsign_ring_put(&iotsign_line_received, (uint8_t)UART_DATA);
    }
}

void board_interrupt(void)
{
    systick_interrupt();
    ALARM_STATE = 1u;
    receive();
}

void iotsign_line_resume(void)
{
    cortex_m_mask();
    cortex_m_interrupt_enable(UART_INTERRUPT);
    receive();
    cortex_m_unmask();
}

void iotsign_board_init(void)
{
    /* without this, no code runs from these addresses: they are a device's in the default map */
    MPU_REGION = 0;
    MPU_BASE = LPDDR_BASE;
    MPU_ATTRIBUTES = LPDDR_ATTRIBUTES;
    MPU_CONTROL = MPU_ON;
    SOFT_RESET &= ~(SOFT_RESET_TIMER | SOFT_RESET_UART | SOFT_RESET_SPI);
    systick_init(CLOCK_KHZ);
    ALARM_CONTROL = 0;
    SPI_CONTROL = SPI_MASTER_MODE_3;
    SPI_FRAME = SPI_8_BITS;
    SPI_CLOCK = SPI_DIVIDER;
    SPI_SELECT = 1u;
    UART_LINE = UART_LATCH | UART_8N1;
    UART_DIVIDER_LOW = BAUD_DIVIDER;
    UART_DIVIDER_HIGH = 0;
    UART_LINE = UART_8N1;
    UART_FIFO = UART_FIFO_EMPTY;
    UART_INTERRUPTS = UART_RX_INTERRUPT;
    cortex_m_interrupt_enable(ALARM_INTERRUPT);
    iotsign_line_resume();
}

uint32_t iotsign_board_milliseconds(void)
{
    return systick_milliseconds();
}

void iotsign_line_sleep(uint32_t at_most_ms)
{
    cortex_m_mask(); /* first: an alarm that has already been served would wake nobody */
    if (at_most_ms <= UINT32_MAX / BUS_KHZ) {
        ALARM_LOAD = at_most_ms * BUS_KHZ;
        ALARM_CONTROL = ALARM_RUN;
    }
    if (iotsign_line_received.head == iotsign_line_received.tail) {
        UART_FIFO = UART_FIFO_1;
        cortex_m_sleep();
    }
    cortex_m_unmask();
    ALARM_CONTROL = 0;
}

void iotsign_board_write(const uint8_t *data, size_t length)
{
    for (; length > 0u; length--) {
        while ((UART_STATE & UART_TX_EMPTY) == 0u) {
        }
        UART_DATA = *data++;
    }
}

typedef struct {
    const uint8_t *head;
    size_t head_left;
    const uint8_t *out; /* 0xFF is sent if NULL */
} frames_t;

static uint8_t next_frame(frames_t *frames)
{
    if (frames->head_left > 0u) {
        frames->head_left--;
        return *frames->head++;
    }
    return frames->out != NULL ? *frames->out++ : 0xFFu;
}

void nor_transfer(const uint8_t *head, size_t head_length, const uint8_t *out, uint8_t *in, size_t length)
{
    frames_t frames = {head, head_length, out};
    size_t left = head_length + length;
    size_t skip = head_length;
    SPI_CONTROL = SPI_MASTER_MODE_3 | (uint32_t)left << SPI_FRAMES_SHIFT;
    SPI_COMMAND = SPI_EMPTY_FIFOS;
    SPI_CONTROL = SPI_MASTER_MODE_3 | (uint32_t)left << SPI_FRAMES_SHIFT | SPI_ENABLE;
    while (left > 0u) {
        size_t part = left < SPI_FIFO ? left : SPI_FIFO;
        for (size_t i = 0; i < part; i++) {
            SPI_TX = next_frame(&frames);
        }
        left -= part;
        while ((SPI_STATE & (left > 0u ? SPI_RX_FULL : SPI_DONE)) == 0u) {
        }
        for (size_t i = 0; i < part; i++) {
            uint8_t byte = (uint8_t)SPI_RX;
            if (skip > 0u) {
                skip--;
            } else if (in != NULL) {
                *in++ = byte;
            }
        }
    }
}
