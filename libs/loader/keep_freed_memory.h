#ifndef FAIRLEAD_LIBS_LOADER_KEEP_FREED_MEMORY_H_
#define FAIRLEAD_LIBS_LOADER_KEEP_FREED_MEMORY_H_

namespace fairlead {

// Asks glibc's malloc to keep freed memory for the next allocation, up to
// 1 GiB a heap, for the whole process: call it first in main() of a trainer.
//
// Without it each remote batch is received into memory that the kernel has just
// given and takes back when the batch has been read: a page fault for every
// 4 KiB (README.md has figures). It is no part of the loaders because memory is
// the program's own affair: one that links another malloc, or sets MALLOC_* in
// the environment, does without.
// Does nothing where the C library is not glibc.
void KeepFreedMemory();

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_LOADER_KEEP_FREED_MEMORY_H_
