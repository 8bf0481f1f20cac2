// Landlock (landlock(7)), and what superv does to itself. Numbers as the kernel has them: the
// headers of a build machine may be older than the kernel of the machine that it runs on.
#ifndef CSV_SANDBOX_H
#define CSV_SANDBOX_H

#include <stdint.h>

int csv_landlock_version(void); // -1 with errno: none, or turned off

// A new descriptor of a set of rules, or -1 with errno. What `version` does not know must be 0.
int csv_landlock_create(uint64_t files, uint64_t network, uint64_t scopes, int version);
int csv_landlock_allow_path(int rules, int path, uint64_t files); // 0, or -1 with errno
int csv_landlock_allow_port(int rules, uint16_t port, uint64_t network);

// Nobody without privileges may look into this process any more (PR_SET_DUMPABLE), until an exec.
int csv_hide_memory(void);

#endif
