#include "libs/loader/keep_freed_memory.h"

#include <malloc.h>

namespace fairlead {

void KeepFreedMemory() {
#ifdef __GLIBC__
  // Unset, the threshold of mmap() grows to this as a program frees large
  // blocks; to set any of the three stops that.
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  // Threads' heaps have 64 MiB at most, and are given back whole unless so much
  // is to be kept.
  mallopt(M_TOP_PAD, 64 << 20);
#endif
}

}  // namespace fairlead
