/// The program that stands between us and an image's own, as machine code.
#ifndef CLINUX_INIT_H
#define CLINUX_INIT_H

#include <stdint.h>

/// Machine code that needs nothing outside itself.
struct clinux_init_code {
    const void *_Nonnull start; ///< static
    uint64_t size;              ///< in bytes
    uint64_t entry;             ///< where it begins, from `start`
    uint16_t machine;           ///< the `EM_…` of elf(5)
};

/// The code; it works at any address whose place in a page is that of `start`.
struct clinux_init_code clinux_init_code(void);

#endif
