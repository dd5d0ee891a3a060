#ifndef FAIRLEAD_LIBS_TENSOR_MESSAGE_MESSAGE_TAG_H_
#define FAIRLEAD_LIBS_TENSOR_MESSAGE_MESSAGE_TAG_H_

#include <array>
#include <cstdint>
#include <optional>

namespace fairlead {

// What the tag of a message in shared memory says, so that a gateway can sort
// and drop messages without a look at their bytes.
struct ChannelMessageTag {
  enum class Kind : uint64_t {
    kBatch = 1,       // an encoded SampleMessage
    kEpochEnd = 2,    // an encoded EpochEnd
    kBatchError = 3,  // an encoded BatchError
  };

  Kind kind = Kind::kBatch;
  uint64_t epoch = 0;
  uint32_t attempt = 0;
  uint64_t batch_index = 0;  // 0 for the end of an epoch

  // As libs/shm_channel's MessageTag.
  constexpr std::array<uint64_t, 4> Encode() const {
    return {static_cast<uint64_t>(kind), epoch, attempt, batch_index};
  }

  // Nullopt for words that no Encode() gives.
  static constexpr std::optional<ChannelMessageTag> Decode(
      const std::array<uint64_t, 4>& words) {
    if (words[0] < 1 || words[0] > 3 || words[2] > UINT32_MAX) {
      return std::nullopt;
    }
    return ChannelMessageTag{static_cast<Kind>(words[0]), words[1],
                             static_cast<uint32_t>(words[2]), words[3]};
  }
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_TENSOR_MESSAGE_MESSAGE_TAG_H_
