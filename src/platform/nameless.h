/* SPDX-License-Identifier: MIT */
/* Copyright the Seqcast authors */

/* Objects without a name: those that get one when they are complete, and those that only descriptors lead to.
 * Other systems have neither: there, objects have names from the start, and nothing can be sealed (make
 * PORTABLE=1). Knows nothing of what is in an object. */

#ifndef SEQCAST_SRC_PLATFORM_NAMELESS_H
#define SEQCAST_SRC_PLATFORM_NAMELESS_H

#include <stdbool.h>

/** An object, mode 0600, that seqcast__nameless_link() can give a name in that directory. @return descriptor;
 *  -EOPNOTSUPP not there; -errno */
int seqcast__nameless_open(const char *directory);

/** @return 0; -EEXIST; -errno */
int seqcast__nameless_link(int fd, const char *path);

/** Memory that can be sealed. `label` is for people. `huge`: in pages of the hugetlb kind.
 *  @return descriptor; -ENOSYS: no such memory here; -errno */
int seqcast__nameless_memory(const char *label, bool huge);

/** Nobody can resize it from now on, or write to it but by the mappings that exist. @return 0; -errno */
int seqcast__nameless_seal(int fd);

/** Is it sealed like that, or against all writing? Asks nobody but the kernel, whatever the descriptor
 *  stands for. @return 1; 0; -EOPNOTSUPP not memory; -ENOSYS nothing can be sealed here; -EBADF, also of a
 *  descriptor that was opened by O_PATH; -errno */
int seqcast__nameless_is_sealed(int fd);

#endif
