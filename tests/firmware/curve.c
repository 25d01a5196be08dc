/* The arithmetic inside p256.c and p384.c, one operation at a time, over a serial line.
 * SPDX-License-Identifier: Apache-2.0
 *
 * CURVE_SOURCE is the file whose inside is tested. Once ready it sends GREETING and LIMB_BITS. A request is the
 * operation, a u8 argument and the operands in the order in which the operation takes them; the answer is the results.
 * Operands and results are numbers: LIMBS signed limbs, each as large as limb_t, big-endian. */
#include CURVE_SOURCE

#include "machine.h"

#define GREETING 0x55u

static void read_numbers(limb_t *numbers, size_t count)
{
    uint8_t bytes[sizeof(limb_t)];

    for (size_t i = 0; i < count * LIMBS; i++) {
        unsigned_limb_t limb = 0;
        machine_read(bytes, sizeof bytes);
        for (size_t j = 0; j < sizeof bytes; j++) {
            limb = limb << 8 | bytes[j];
        }
        numbers[i] = (limb_t)limb;
    }
}

static void write_limbs(const limb_t *limbs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t bytes[sizeof(limb_t)];
        unsigned_limb_t limb = (unsigned_limb_t)limbs[i];
        for (size_t j = sizeof bytes; j > 0; j--) {
            bytes[j - 1] = (uint8_t)(limb & 0xFFu);
            limb >>= 8;
        }
        machine_write(bytes, sizeof bytes);
    }
}

static void perform(uint8_t operation, uint8_t argument)
{
    element_t a, b, result = {0};
    point_t point;
    affine_t affine, table[KEY_POINTS];
    recoder_t recoder;

    read_numbers(a, 1);
    read_numbers(b, 1);
    switch (operation) {
    case '*':
        field_multiply(result, a, b);
        break;
    case 's':
        field_square(result, a);
        break;
    case 'h':
        field_scale_three_halves(result, a);
        break;
    case '+':
        element_add(result, a, b);
        break;
    case '-':
        element_subtract(result, a, b);
        break;
    case 't':
        element_subtract_twice(result, a, b);
        break;
    case 'i':
        field_invert(result, a);
        break;
    case 'o':
        residue_multiply(result, a, b, &order);
        break;
    case 'j':
        residue_invert(result, a, &order);
        break;
    case '<':
        result[0] = element_is_less(a, b);
        break;
    case '0':
        result[0] = product_is_zero(a);
        break;
    case 'p': /* a, b are x and y of the first point; its z and the second point follow */
        memcpy(point.x, a, sizeof a);
        memcpy(point.y, b, sizeof b);
        read_numbers(point.z, 1);
        read_numbers(affine.x, 1);
        read_numbers(affine.y, 1);
        point_add(&point, affine.x, affine.y, argument, result);
        write_limbs(point.x, LIMBS);
        write_limbs(point.y, LIMBS);
        write_limbs(point.z, LIMBS);
        break;
    case 'd':
        memcpy(point.x, a, sizeof a);
        memcpy(point.y, b, sizeof b);
        read_numbers(point.z, 1);
        point_double(&point);
        write_limbs(point.x, LIMBS);
        write_limbs(point.y, LIMBS);
        write_limbs(point.z, LIMBS);
        break;
    case 'k': /* one entry, and the number of them */
        table_fill(table, a, b);
        write_limbs(table[argument % KEY_POINTS].x, LIMBS);
        write_limbs(table[argument % KEY_POINTS].y, LIMBS);
        result[0] = KEY_POINTS;
        break;
    case 'r': /* the multipliers, from the topmost bit on */
        recoder_init(&recoder, a, argument);
        for (int i = 0; i < LIMBS * LIMB_BITS; i++) {
            limb_t multiplier = recoder_next(&recoder);
            write_limbs(&multiplier, 1);
        }
        break;
    default:
        break;
    }
    write_limbs(result, LIMBS);
}

int main(void)
{
    static const uint8_t greeting[] = {GREETING, LIMB_BITS};

    machine_init();
    machine_write(greeting, sizeof greeting);
    for (;;) {
        uint8_t request[2];
        machine_read(request, sizeof request);
        perform(request[0], request[1]);
    }
}
