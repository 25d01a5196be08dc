/* SD card in SPI mode.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Source: SD Specifications Part 1, Physical Layer Simplified Specification 6.00, chapter 7 (SPI mode); 4.5 (CRC). */
#include "sd_card.h"

#include "bootloader/board.h"

#define GO_IDLE 0u
#define SEND_IF_COND 8u
#define SET_BLOCKLEN 16u
#define READ_BLOCK 17u
#define WRITE_BLOCK 24u
#define APP_COMMAND 55u
#define APP_OPERATE 41u
#define READ_OCR 58u

#define READY 0x00u
#define IDLE 0x01u
#define ILLEGAL 0x04u
#define HIGH_CAPACITY (1u << 30) /* in ACMD41: understood by us; in the OCR: blocks are addressed by number */
#define CHECK_PATTERN 0x1AAu     /* 2.7 to 3.6 V */
#define DATA_TOKEN 0xFEu
#define ACCEPTED 0x05u
#define NOTHING 0xFFu

#define ANSWER_BYTES 16
#define GO_IDLE_TRIES 10
#define START_MS 5000u
#define ACCESS_MS 5000u

typedef enum { UNKNOWN, BY_BYTE, BY_NUMBER } addressing_t;

static addressing_t addressing;

static uint8_t crc7(uint8_t crc, uint8_t byte)
{
    for (int bit = 0; bit < 8; bit++) {
        crc = (uint8_t)((crc << 1) ^ (((crc ^ byte) & 0x80u) != 0u ? 0x12u : 0u));
        byte = (uint8_t)(byte << 1);
    }
    return crc;
}

static uint16_t crc16(const uint8_t *data)
{
    uint32_t crc = 0;
    for (unsigned i = 0; i < SD_BLOCK; i++) {
        crc = (crc >> 8 | crc << 8) & 0xFFFFu;
        crc ^= data[i];
        crc ^= (crc & 0xFFu) >> 4;
        crc ^= crc << 12 & 0xFFFFu;
        crc ^= (crc & 0xFFu) << 5;
    }
    return (uint16_t)crc;
}

static uint8_t exchange(uint8_t byte)
{
    uint8_t answer;
    sd_transfer(&byte, &answer, 1);
    return answer;
}

/* Returns R1, or NOTHING if the card does not answer. */
static uint8_t command(uint8_t number, uint32_t argument)
{
    uint8_t frame[5] = {(uint8_t)(0x40u | number), (uint8_t)(argument >> 24), (uint8_t)(argument >> 16),
                        (uint8_t)(argument >> 8), (uint8_t)argument};
    uint8_t crc = 0;
    exchange(NOTHING);
    for (unsigned i = 0; i < sizeof frame; i++) {
        exchange(frame[i]);
        crc = crc7(crc, frame[i]);
    }
    exchange(crc | 1u);
    for (int tries = 0; tries < ANSWER_BYTES; tries++) {
        uint8_t answer = exchange(NOTHING);
        if ((answer & 0x80u) == 0u) {
            return answer;
        }
    }
    return NOTHING;
}

static uint32_t read_word(void)
{
    uint32_t word = 0;
    for (int i = 0; i < 4; i++) {
        word = word << 8 | exchange(NOTHING);
    }
    return word;
}

/* Wait until the card says something else than `busy`; returns that, or `busy` after ACCESS_MS. */
static uint8_t wait_while(uint8_t busy)
{
    uint32_t start = iotsign_board_milliseconds();
    uint8_t answer;
    do {
        answer = exchange(NOTHING);
    } while (answer == busy && iotsign_board_milliseconds() - start < ACCESS_MS);
    return answer;
}

static addressing_t identify(void)
{
    uint32_t start = iotsign_board_milliseconds();
    uint32_t capacity = HIGH_CAPACITY;
    uint8_t answer;
    int tries = 0;
    while (command(GO_IDLE, 0) != IDLE) { /* a card that the boot loader has left at work may first say so */
        if (++tries == GO_IDLE_TRIES) {
            return UNKNOWN;
        }
    }
    answer = command(SEND_IF_COND, CHECK_PATTERN);
    if ((answer & ILLEGAL) != 0u) {
        capacity = 0; /* a card of version 1 */
    } else if (answer != IDLE || (read_word() & 0xFFFu) != CHECK_PATTERN) {
        return UNKNOWN;
    }
    do {
        (void)command(APP_COMMAND, 0);
        answer = command(APP_OPERATE, capacity);
    } while (answer == IDLE && iotsign_board_milliseconds() - start < START_MS);
    if (answer != READY) {
        return UNKNOWN;
    }
    if (capacity != 0u && command(READ_OCR, 0) <= IDLE && (read_word() & HIGH_CAPACITY) != 0u) {
        return BY_NUMBER;
    }
    return command(SET_BLOCKLEN, SD_BLOCK) == READY ? BY_BYTE : UNKNOWN;
}

static int start(void)
{
    if (addressing == UNKNOWN) {
        sd_speed(0);
        sd_select(0);
        for (int i = 0; i < 10; i++) {
            exchange(NOTHING); /* 74 clocks at least */
        }
        sd_select(1);
        addressing = identify();
        sd_select(0);
        sd_speed(1);
    }
    return addressing != UNKNOWN ? 0 : -1;
}

static uint32_t address_of(uint32_t block)
{
    return addressing == BY_NUMBER ? block : block * SD_BLOCK;
}

static int receive(uint32_t block, uint8_t *data)
{
    uint8_t crc[2];
    if (command(READ_BLOCK, address_of(block)) != READY || wait_while(NOTHING) != DATA_TOKEN) {
        return -1;
    }
    sd_transfer(NULL, data, SD_BLOCK);
    sd_transfer(NULL, crc, sizeof crc);
    return (crc[0] << 8 | crc[1]) == crc16(data) ? 0 : -1;
}

static int transmit(uint32_t block, const uint8_t *data)
{
    uint16_t sum = crc16(data);
    const uint8_t crc[2] = {(uint8_t)(sum >> 8), (uint8_t)sum};
    if (command(WRITE_BLOCK, address_of(block)) != READY) {
        return -1;
    }
    exchange(NOTHING);
    exchange(DATA_TOKEN);
    sd_transfer(data, NULL, SD_BLOCK);
    sd_transfer(crc, NULL, sizeof crc);
    if ((exchange(NOTHING) & 0x1Fu) != ACCEPTED) {
        return -1;
    }
    return wait_while(0x00) != 0x00 ? 0 : -1; /* the line is low while the card writes */
}

static int settle(int status)
{
    sd_select(0);
    exchange(NOTHING); /* the card lets the line go */
    if (status != 0) {
        addressing = UNKNOWN; /* begin anew next time */
    }
    return status;
}

int sd_read(uint32_t block, uint8_t *data)
{
    if (start() != 0) {
        return -1;
    }
    sd_select(1);
    return settle(receive(block, data));
}

int sd_write(uint32_t block, const uint8_t *data)
{
    if (start() != 0) {
        return -1;
    }
    sd_select(1);
    return settle(transmit(block, data));
}
