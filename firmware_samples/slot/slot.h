/* What the applications for a boot loader's slot share.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SLOT_H
#define SLOT_H

/* Starts the board and says "<name> <version>"; the version is that of the image header in front of the application. */
void slot_greet(const char *name);

/* Writes a line. */
void slot_say(const char *text);

/* Sleeps; when a host begins to speak SMP, resets into the boot loader's recovery. Never returns. */
void slot_wait(void);

#endif
