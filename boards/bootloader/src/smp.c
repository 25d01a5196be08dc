/* Frames and SMP messages: from lines to requests, from answers to lines.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Source: Zephyr, doc/services/device_mgmt/smp_transport.rst (UART/serial and console), smp_protocol.rst (frame).
 * CRC: CRC-16/XMODEM, polynomial 0x1021, start 0, most significant bit first. */
#include "bootloader/smp.h"

#include <string.h>

#include "bootloader/board.h"
#include "iotsign/base64.h"
#include "smp_server.h"

#define LINE_SIZE 127u                /* with its two start bytes and the line feed */
#define LINE_TEXT (LINE_SIZE - 3u)    /* base64; a multiple of 4 */
#define LINE_BYTES (LINE_TEXT / 4u * 3u)
#define LENGTH_SIZE 2u
#define HEADER_SIZE 8u
#define CRC_SIZE 2u
#define BODY (LENGTH_SIZE + HEADER_SIZE)
#define NEWEST_VERSION 1u /* of SMP: "version 2" */
#define CHUNK 64u
#define LOOK_AGAIN_MS 250u /* an interrupt that was lost costs no more */
#define DRAIN_MS 20u /* a line of 115200 baud is done with the answer to a reset by then */

typedef enum { IDLE, FIRST_06, FIRST_04, START_LINE, CONTINUED_LINE } line_kind_t;

static struct {
    union {
        uint64_t align;
        uint8_t bytes[IOTSIGN_SMP_BUFFER_SIZE];
    } frame;
    uint8_t line[LINE_SIZE + 1u];
    size_t line_length;
    size_t received; /* bytes of the frame */
    line_kind_t kind;
    uint8_t in_frame;
    uint8_t reset_due;
} server;

uint8_t *iotsign_smp_buffer(void)
{
    return server.frame.bytes;
}

void iotsign_smp_reset_when_answered(void)
{
    server.reset_due = 1;
}

int iotsign_smp_has(const iotsign_smp_request_t *request, iotsign_smp_key_t key)
{
    return (int)(request->fields.present >> key & 1u);
}

static uint16_t load16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static void store16(uint8_t *bytes, size_t value)
{
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

static uint16_t crc16(const uint8_t *data, size_t length)
{
    uint32_t crc = 0;
    for (; length > 0u; length--) {
        crc = (crc >> 8 | crc << 8) & 0xffffu;
        crc ^= *data++;
        crc ^= (crc & 0xffu) >> 4;
        crc ^= crc << 12 & 0xffffu;
        crc ^= (crc & 0xffu) << 5;
    }
    return (uint16_t)crc;
}

/* Send the frame whose header and body are in place. */
static void send(size_t body_length)
{
    uint8_t *frame = server.frame.bytes;
    size_t length = BODY + body_length + CRC_SIZE;
    store16(frame, length - LENGTH_SIZE);
    store16(frame + length - CRC_SIZE, crc16(frame + LENGTH_SIZE, length - LENGTH_SIZE - CRC_SIZE));
    for (size_t at = 0; at < length; at += LINE_BYTES) {
        size_t part = length - at < LINE_BYTES ? length - at : LINE_BYTES;
        size_t written;
        server.line[0] = at == 0u ? 0x06 : 0x04;
        server.line[1] = at == 0u ? 0x09 : 0x14;
        (void)iotsign_base64_encode(frame + at, part, (char *)server.line + 2, LINE_TEXT, &written);
        server.line[2u + written] = '\n';
        iotsign_board_write(server.line, written + 3u);
    }
}

static void put_error(iotsign_cbor_t *reply, const uint8_t *header, iotsign_smp_error_t error)
{
    uint32_t own = (uint32_t)error & 0xffu;
    reply->length = 0;
    iotsign_cbor_put_head(reply, IOTSIGN_CBOR_MAP, 1);
    if (own != 0u && (header[0] >> 3 & 3u) != 0u) {
        iotsign_cbor_put_text(reply, "err");
        iotsign_cbor_put_head(reply, IOTSIGN_CBOR_MAP, 2);
        iotsign_cbor_put_uint(reply, "group", load16(header + 4));
        iotsign_cbor_put_uint(reply, "rc", own);
    } else {
        iotsign_cbor_put_uint(reply, "rc", (uint32_t)error >> 8);
    }
}

static iotsign_smp_error_t dispatch(const uint8_t *header, size_t body_length, iotsign_cbor_t *reply)
{
    iotsign_smp_request_t request;
    request.op = header[0] & 7u;
    request.id = header[7];
    if ((header[0] >> 3 & 3u) > NEWEST_VERSION) {
        return IOTSIGN_SMP_TOO_NEW;
    }
    if (iotsign_cbor_parse(&request.fields, header + HEADER_SIZE, body_length) != 0) {
        return IOTSIGN_SMP_INVALID;
    }
    switch (load16(header + 4)) {
    case IOTSIGN_SMP_OS:
        return iotsign_smp_os(&request, reply);
    case IOTSIGN_SMP_IMAGE:
        return iotsign_smp_image(&request, reply);
    case IOTSIGN_SMP_VENDOR:
        return iotsign_smp_vendor(&request, reply);
    default:
        return IOTSIGN_SMP_NOT_SUPPORTED;
    }
}

/* A whole frame with the right checksum. */
static void serve_frame(size_t length)
{
    uint8_t header[HEADER_SIZE];
    iotsign_cbor_t reply = {server.frame.bytes + BODY, 0, IOTSIGN_SMP_BUFFER_SIZE - BODY - CRC_SIZE};
    size_t body_length = length - BODY - CRC_SIZE;
    memcpy(header, server.frame.bytes + LENGTH_SIZE, sizeof header);
    if (load16(header + 2) != body_length || (header[0] & 5u) != 0u) {
        return; /* not a message, or an answer */
    }
    iotsign_smp_error_t error = dispatch(server.frame.bytes + LENGTH_SIZE, body_length, &reply);
    if (error == IOTSIGN_SMP_OK && reply.length > reply.capacity) {
        error = IOTSIGN_SMP_TOO_LARGE;
    }
    if (error != IOTSIGN_SMP_OK) {
        put_error(&reply, header, error);
    }
    header[0] |= 1u;
    header[1] = 0;
    store16(header + 2, reply.length);
    memcpy(server.frame.bytes + LENGTH_SIZE, header, sizeof header);
    send(reply.length);
    if (server.reset_due) {
        uint32_t start = iotsign_board_milliseconds();
        while (iotsign_board_milliseconds() - start < DRAIN_MS) {
        }
        iotsign_board_reset();
    }
}

static void end_line(void)
{
    uint8_t *frame = server.frame.bytes;
    size_t written = 0;
    if (server.kind == START_LINE) {
        server.received = 0;
        server.in_frame = 1;
    }
    if (!server.in_frame) {
        return;
    }
    server.in_frame = 0;
    if (iotsign_base64_decode((const char *)server.line, server.line_length, frame + server.received,
                              IOTSIGN_SMP_BUFFER_SIZE - server.received, &written) != IOTSIGN_OK) {
        return;
    }
    server.received += written;
    if (server.received < LENGTH_SIZE) {
        return;
    }
    size_t length = LENGTH_SIZE + load16(frame);
    if (length > IOTSIGN_SMP_BUFFER_SIZE || length < BODY + CRC_SIZE || server.received > length) {
        return;
    }
    if (server.received < length) {
        server.in_frame = 1;
    } else if (crc16(frame + LENGTH_SIZE, length - LENGTH_SIZE) == 0u) {
        serve_frame(length);
    }
}

void iotsign_smp_receive(uint8_t byte)
{
    line_kind_t before = server.kind;
    if (byte == 0x06u || byte == 0x04u) {
        /* never part of base64: whatever came before was cut off */
        server.kind = byte == 0x06u ? FIRST_06 : FIRST_04;
    } else if (before == FIRST_06 || before == FIRST_04) {
        server.line_length = 0;
        server.kind = before == FIRST_06 ? (byte == 0x09u ? START_LINE : IDLE) : (byte == 0x14u ? CONTINUED_LINE : IDLE);
    } else if (before != IDLE) {
        if (byte == '\n') {
            end_line();
            server.kind = IDLE;
        } else if (byte != '\r') {
            if (server.line_length == LINE_TEXT) {
                server.kind = IDLE;
                server.in_frame = 0;
            } else {
                server.line[server.line_length++] = byte;
            }
        }
    }
}

void iotsign_smp_start(void)
{
    memset(&server, 0, sizeof server);
    server.kind = START_LINE;
    iotsign_smp_forget_upload();
}

void iotsign_smp_serve(void)
{
    iotsign_smp_start();
    for (;;) {
        uint8_t chunk[CHUNK];
        size_t length = iotsign_board_read(chunk, sizeof chunk, LOOK_AGAIN_MS);
        for (size_t i = 0; i < length; i++) {
            iotsign_smp_receive(chunk[i]);
        }
    }
}
