#ifndef FAIRLEAD_LIBS_SHM_CHANNEL_FUZZ_SEGMENT_FUZZER_H_
#define FAIRLEAD_LIBS_SHM_CHANNEL_FUZZ_SEGMENT_FUZZER_H_

#include <cstddef>
#include <cstdint>

// libFuzzer's entry point. Lays the input over the header, slots and queue of
// a small channel with two messages in it, and lets a producer and a consumer
// work on what is there then. They may say what they like, but must come to an
// end and touch nothing outside the segment.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

#endif  // FAIRLEAD_LIBS_SHM_CHANNEL_FUZZ_SEGMENT_FUZZER_H_
