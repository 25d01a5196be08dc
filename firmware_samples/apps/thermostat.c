/* SPDX-License-Identifier: Apache-2.0 */
/* A thermostat: reads a sensor, and switches a heater with hysteresis. Sensor and room are simulated. */
#include <stdbool.h>
#include <stdint.h>

#include "board.h"
#include "console.h"

#define LOWEST 195  /* tenths of a degree: below it the heater goes on */
#define HIGHEST 215 /* above it the heater goes off */
#define TICKS_PER_READING (BOARD_TICKS_PER_SECOND / 10u)

typedef enum { STATE_COOLING, STATE_HEATING } state_t;

static state_t state = STATE_COOLING;
static int32_t room = 208;
static uint32_t noise = 1;

/* Gives -1, 0 or 1 from a linear feedback shift register. */
static int32_t disturbance(void)
{
    noise = (noise >> 1) ^ (0xB400u & (0u - (noise & 1u)));
    return (int32_t)(noise % 3u) - 1;
}

static int32_t read_sensor(void)
{
    room += (state == STATE_HEATING ? 3 : -2) + disturbance();
    return room;
}

static state_t next_state(state_t now, int32_t temperature)
{
    if (temperature < LOWEST) {
        return STATE_HEATING;
    }
    return temperature > HIGHEST ? STATE_COOLING : now;
}

static void report(uint32_t reading, int32_t temperature)
{
    console_text("reading ");
    console_number((int32_t)reading);
    console_text(" temperature ");
    console_number(temperature / 10);
    console_text(".");
    console_number(temperature % 10);
    console_text(state == STATE_HEATING ? " heater on\n" : " heater off\n");
}

int main(void)
{
    board_init();
    console_banner("thermostat");
    for (uint32_t reading = 1;; reading++) {
        int32_t temperature = read_sensor();

        state = next_state(state, temperature);
        report(reading, temperature);
        for (uint32_t tick = 0; tick < TICKS_PER_READING; tick++) {
            board_wait();
        }
    }
}
