/* SPDX-License-Identifier: Apache-2.0 */
/* An update that never confirms itself, as one that is broken would not: the boot loader goes back to the image before, at the
 * next reset or when its watchdog ends. */
#include "slot.h"

int main(void)
{
    slot_greet("unconfirmed");
    slot_wait();
    return 0;
}
