#ifndef FAIRLEAD_LIBS_CUDA_GATHER_STEP_H_
#define FAIRLEAD_LIBS_CUDA_GATHER_STEP_H_

#include <cstdint>

#include "libs/cuda/graph_view.h"
#include "libs/cuda/host_device.h"

namespace fairlead::cuda {

// 16 bytes of a row, read and written by one instruction where they may be.
struct [[gnu::may_alias]] alignas(16) RowChunk {
  uint64_t words[2];
};
constexpr int64_t kChunkBytes = sizeof(RowChunk);

// A table in two places, as pointers; see UnifiedTable.
struct UnifiedView {
  RowIds ids;
  const uint32_t* slots = nullptr;  // as RowPlan
  uint32_t hot_rows = 0;
  const uint8_t* hot = nullptr;   // `stride` bytes a row, 16-byte aligned
  const uint8_t* cold = nullptr;  // likewise
  int64_t row_bytes = 0;
  int64_t stride = 0;  // row_bytes, rounded up to whole chunks

  FAIRLEAD_HOST_DEVICE const uint8_t* RowAt(int64_t row) const {
    const uint32_t slot = slots[row];
    return slot < hot_rows ? hot + int64_t{slot} * stride
                           : cold + int64_t{slot - hot_rows} * stride;
  }
};

// Writes the first `bytes` of a chunk as words of a type. REQUIRES a `to` that
// is aligned for it, and whole words. (Least significant byte first.)
template <typename Word>
FAIRLEAD_HOST_DEVICE void WriteWords(const RowChunk& chunk, int64_t bytes,
                                     uint8_t* to) {
  struct [[gnu::may_alias]] Aliasing {
    Word word;
  };
  constexpr int kWord = static_cast<int>(sizeof(Word));
#if defined(__CUDA_ARCH__)
#pragma unroll
#endif
  for (int at = 0; at < kChunkBytes; at += kWord) {
    if (at + kWord > bytes) break;
    reinterpret_cast<Aliasing*>(to + at)->word =
        static_cast<Word>(chunk.words[at / 8] >> (8 * (at % 8)));
  }
}

// Copies one chunk of one row to where rows are dense. `width` is what rows
// there are aligned to: 1, 2, 4, 8 or 16.
FAIRLEAD_HOST_DEVICE inline void CopyChunk(const uint8_t* from, int64_t bytes,
                                           int width, uint8_t* to) {
  const RowChunk chunk = *reinterpret_cast<const RowChunk*>(from);
  switch (width) {
    case 16:
      *reinterpret_cast<RowChunk*>(to) = chunk;
      return;
    case 8:
      return WriteWords<uint64_t>(chunk, bytes, to);
    case 4:
      return WriteWords<uint32_t>(chunk, bytes, to);
    case 2:
      return WriteWords<uint16_t>(chunk, bytes, to);
    default:
      return WriteWords<uint8_t>(chunk, bytes, to);
  }
}

// Gathering rows, as what one thread does: for the i-th chunk of all rows, so
// that neighbouring threads read and write neighbouring bytes.
struct GatherStep {
  UnifiedView table;
  const int64_t* ids = nullptr;
  int64_t chunks = 0;  // of a row
  int width = 1;       // as CopyChunk
  uint8_t* out = nullptr;
  uint64_t* missing = nullptr;  // the least place of an id that has no row

  FAIRLEAD_HOST_DEVICE void operator()(int64_t i) const {
    // (Dividing 64 bits takes a GPU some hundred instructions.)
    const int64_t place =
        i <= UINT32_MAX
            ? int64_t{static_cast<uint32_t>(i) / static_cast<uint32_t>(chunks)}
            : i / chunks;
    const int64_t begin = (i - place * chunks) * kChunkBytes;
    const int64_t row = table.ids.Row(ids[place]);
    if (row < 0) {
      return AtomicMin(missing, static_cast<uint64_t>(place));
    }
    const int64_t rest = table.row_bytes - begin;
    CopyChunk(table.RowAt(row) + begin, rest < kChunkBytes ? rest : kChunkBytes,
              width, out + place * table.row_bytes + begin);
  }
};

}  // namespace fairlead::cuda

#endif  // FAIRLEAD_LIBS_CUDA_GATHER_STEP_H_
