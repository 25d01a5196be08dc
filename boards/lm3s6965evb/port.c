/* TI Stellaris LM3S6965 on its evaluation board: Cortex-M3 at 50 MHz, PL011 UART, SD card on SSI0 (PL022).
 * SPDX-License-Identifier: Apache-2.0
 *
 * Source: TI LM3S6965 data sheet (SPMS262): system control, GPIO, general-purpose timers, watchdog, UART, SSI; EK-LM3S6965 user's
 * manual (SD card on PA2, PA4, PA5, selected by PD0). */
#include "bootloader/board.h"
#include "bootloader/line.h"
#include "cortex_m.h"
#include "sd_card.h"
#include "systick.h"

#define CLOCK_KHZ 50000u
#define RUN_CLOCK REGISTER(0x400FE060u)
#define RUN_CLOCK_50MHZ 0x01C00380u /* 200 MHz by the PLL from the crystal of 8 MHz, divided by 4 */
#define RUN_CLOCK_BYPASS (1u << 11)
#define CLOCK_STATE REGISTER(0x400FE050u)
#define CLOCK_LOCKED (1u << 6)
#define GATE(n) REGISTER(0x400FE100u + 4u * (n))
#define GATE_WATCHDOG (1u << 3)                     /* of 0 */
#define GATE_UART_SSI_TIMER (1u | 1u << 4 | 1u << 16) /* of 1 */
#define GATE_PORTS (1u | 1u << 3)                   /* of 2: A and D */

#define PORT_A 0x40004000u
#define PORT_D 0x40007000u
#define PIN_DATA(port, mask) REGISTER((port) + ((mask) << 2))
#define PIN_DIRECTION(port) REGISTER((port) + 0x400u)
#define PIN_FUNCTION(port) REGISTER((port) + 0x420u)
#define PIN_PULLUP(port) REGISTER((port) + 0x510u)
#define PIN_DIGITAL(port) REGISTER((port) + 0x51Cu)
#define UART_PINS 0x03u
#define SSI_PINS 0x34u
#define SSI_RX_PIN 0x10u
#define CARD_PIN 1u
#define DISPLAY_PIN 8u /* of port A: the display shares the lines */

#define UART_DATA REGISTER(0x4000C000u)
#define UART_FLAGS REGISTER(0x4000C018u)
#define UART_DIVIDER REGISTER(0x4000C024u)
#define UART_FRACTION REGISTER(0x4000C028u)
#define UART_LINE REGISTER(0x4000C02Cu)
#define UART_CONTROL REGISTER(0x4000C030u)
#define UART_MASK REGISTER(0x4000C038u)
#define UART_CLEAR REGISTER(0x4000C044u)
#define UART_RX_EMPTY 0x10u
#define UART_TX_FULL 0x20u
#define UART_RECEIVED 0x50u /* FIFO half full, or a byte waits in it */
#define UART_8N1_FIFO 0x70u
#define UART_ENABLE 0x301u
#define BAUD_64THS 1736u /* 64 × 50 MHz / (16 × 115200) */

#define SSI_CONTROL0 REGISTER(0x40008000u)
#define SSI_CONTROL1 REGISTER(0x40008004u)
#define SSI_DATA REGISTER(0x40008008u)
#define SSI_STATE REGISTER(0x4000800Cu)
#define SSI_PRESCALE REGISTER(0x40008010u)
#define SSI_8_BITS 7u
#define SSI_ENABLE 2u
#define SSI_RX_READY 4u
#define SSI_FIFO 8u
#define SSI_SLOW 126u /* 397 kHz */
#define SSI_FAST 4u   /* 12.5 MHz */

#define ALARM_MODE REGISTER(0x40030004u)
#define ALARM_CONTROL REGISTER(0x4003000Cu)
#define ALARM_MASK REGISTER(0x40030018u)
#define ALARM_CLEAR REGISTER(0x40030024u)
#define ALARM_LOAD REGISTER(0x40030028u)
#define ALARM_ONCE 1u

#define WATCHDOG_LOAD REGISTER(0x40000000u)
#define WATCHDOG_CONTROL REGISTER(0x40000008u)
#define WATCHDOG_CLEAR REGISTER(0x4000000Cu)
#define WATCHDOG_RUN 3u /* warn when it first ends, reset when it ends again; only a reset takes that back */

#define UART_INTERRUPT 5u
#define ALARM_INTERRUPT 19u

static volatile uint8_t watchdog_fed;

static void receive(void)
{
    UART_CLEAR = UART_RECEIVED; /* it comes with a first byte only, so that no byte may be left behind */
    while ((UART_FLAGS & UART_RX_EMPTY) == 0u) {
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
    if (watchdog_fed) {
        WATCHDOG_CLEAR = 1u;
    }
    ALARM_CLEAR = 1u;
    receive();
}

static void clock_init(void)
{
    /* the crystal first, then the PLL, and only when it is locked its output */
    RUN_CLOCK = (RUN_CLOCK & ~(3u << 4)) | RUN_CLOCK_BYPASS | 1u << 11;
    RUN_CLOCK = RUN_CLOCK_50MHZ | RUN_CLOCK_BYPASS;
    while ((CLOCK_STATE & CLOCK_LOCKED) == 0u) {
    }
    RUN_CLOCK = RUN_CLOCK_50MHZ;
    GATE(0) |= GATE_WATCHDOG;
    GATE(1) |= GATE_UART_SSI_TIMER;
    GATE(2) |= GATE_PORTS;
    (void)GATE(2); /* the clocks arrive three cycles later */
}

static void pins_init(void)
{
    PIN_FUNCTION(PORT_A) |= UART_PINS | SSI_PINS;
    PIN_DIGITAL(PORT_A) |= UART_PINS | SSI_PINS | DISPLAY_PIN;
    PIN_PULLUP(PORT_A) |= SSI_RX_PIN;
    PIN_DIRECTION(PORT_A) |= DISPLAY_PIN;
    PIN_DATA(PORT_A, DISPLAY_PIN) = DISPLAY_PIN;
    PIN_DIGITAL(PORT_D) |= CARD_PIN;
    PIN_DIRECTION(PORT_D) |= CARD_PIN;
    PIN_DATA(PORT_D, CARD_PIN) = CARD_PIN;
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
    clock_init();
    pins_init();
    systick_init(CLOCK_KHZ);
    ALARM_MODE = ALARM_ONCE;
    ALARM_MASK = 1u;
    UART_CONTROL = 0;
    UART_DIVIDER = BAUD_64THS / 64u;
    UART_FRACTION = BAUD_64THS % 64u;
    UART_LINE = UART_8N1_FIFO;
    UART_MASK = UART_RECEIVED;
    UART_CONTROL = UART_ENABLE;
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
    if (at_most_ms <= UINT32_MAX / CLOCK_KHZ) {
        ALARM_LOAD = at_most_ms * CLOCK_KHZ;
        ALARM_CONTROL = 1u;
    }
    if (iotsign_line_received.head == iotsign_line_received.tail) {
        cortex_m_sleep();
    }
    cortex_m_unmask();
    ALARM_CONTROL = 0;
}

void iotsign_board_write(const uint8_t *data, size_t length)
{
    for (; length > 0u; length--) {
        while ((UART_FLAGS & UART_TX_FULL) != 0u) {
        }
        UART_DATA = *data++;
    }
}

void iotsign_board_watchdog(uint32_t timeout_ms)
{
    watchdog_fed = timeout_ms == 0u && WATCHDOG_CONTROL != 0u; /* by each SysTick interrupt: it cannot be stopped */
    if (timeout_ms != 0u) {
        WATCHDOG_LOAD = timeout_ms / 2u * CLOCK_KHZ;
        WATCHDOG_CONTROL = WATCHDOG_RUN;
    }
}

void sd_select(int selected)
{
    PIN_DATA(PORT_D, CARD_PIN) = selected ? 0u : CARD_PIN;
}

void sd_speed(int fast)
{
    SSI_CONTROL1 = 0;
    SSI_CONTROL0 = SSI_8_BITS;
    SSI_PRESCALE = fast ? SSI_FAST : SSI_SLOW;
    SSI_CONTROL1 = SSI_ENABLE;
}

void sd_transfer(const uint8_t *out, uint8_t *in, size_t length)
{
    while (length > 0u) {
        size_t part = length < SSI_FIFO ? length : SSI_FIFO;
        for (size_t i = 0; i < part; i++) {
            SSI_DATA = out != NULL ? *out++ : 0xFFu;
        }
        for (size_t i = 0; i < part; i++) {
            while ((SSI_STATE & SSI_RX_READY) == 0u) {
            }
            uint8_t byte = (uint8_t)SSI_DATA;
            if (in != NULL) {
                *in++ = byte;
            }
        }
        length -= part;
    }
}
