/* Requests on standard input, one byte of answer each on standard output.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "judge.h"

int main(void)
{
    uint8_t prefix[2];

    while (fread(prefix, 1, 2, stdin) == 2) {
        size_t length = (size_t)prefix[0] << 8 | prefix[1];
        uint8_t *request = malloc(length != 0 ? length : 1); /* of exactly this size, so that sanitizers see its end */
        if (request == NULL || fread(request, 1, length, stdin) != length) {
            return EXIT_FAILURE;
        }
        putchar(judge(request, length) & 0xFF);
        free(request);
    }
    return EXIT_SUCCESS;
}
