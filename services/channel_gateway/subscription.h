#ifndef FAIRLEAD_SERVICES_CHANNEL_GATEWAY_SUBSCRIPTION_H_
#define FAIRLEAD_SERVICES_CHANNEL_GATEWAY_SUBSCRIPTION_H_

#include <compare>
#include <cstdint>

#include "libs/tensor_message/message_tag.h"

namespace fairlead {

// An attempt at an epoch; later ones are greater.
struct EpochAttempt {
  uint64_t epoch = 0;
  uint32_t attempt = 0;

  auto operator<=>(const EpochAttempt&) const = default;
};

// What a reader of a channel is owed and may be sent. Pure bookkeeping.
// Thread-compatible.
class Subscription {
 public:
  explicit Subscription(const EpochAttempt& wanted) : wanted_(wanted) {}

  const EpochAttempt& wanted() const { return wanted_; }

  // The reader has room for that much more.
  void AddCredit(uint64_t messages, uint64_t bytes) {
    messages_ =
        messages > UINT64_MAX - messages_ ? UINT64_MAX : messages_ + messages;
    const auto more = static_cast<__int128>(bytes_) + bytes;
    bytes_ = more > INT64_MAX ? INT64_MAX : static_cast<int64_t>(more);
  }

  // Messages that it has room for still.
  uint64_t credit_messages() const { return messages_; }

  // Whether a message of that kind may be sent now. A batch, or an error in
  // its place, takes one message of credit, and any bytes of it must be left,
  // so that a message larger than the credit can pass; the end of an epoch
  // takes none.
  bool MaySend(ChannelMessageTag::Kind kind) const {
    return kind == ChannelMessageTag::Kind::kEpochEnd ||
           (messages_ > 0 && bytes_ > 0);
  }

  enum class Verdict {
    kSend,
    kDrop,  // of an earlier attempt: nobody wants it any more
    kHold,  // of a later one: its reader has not said yet that it wants it
  };
  Verdict Judge(const ChannelMessageTag& tag) const {
    const EpochAttempt of{tag.epoch, tag.attempt};
    if (of < wanted_) return Verdict::kDrop;
    return of > wanted_ ? Verdict::kHold : Verdict::kSend;
  }

  // A message is on its way. Only a batch takes bytes; what it takes beyond
  // the credit is owed: later credit pays for it first.
  void Spend(ChannelMessageTag::Kind kind, uint64_t bytes) {
    if (kind != ChannelMessageTag::Kind::kEpochEnd) --messages_;
    if (kind == ChannelMessageTag::Kind::kBatch) {
      bytes_ -= static_cast<int64_t>(bytes);
    }
  }

 private:
  const EpochAttempt wanted_;
  uint64_t messages_ = 0;
  int64_t bytes_ = 0;  // below 0: owed
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_CHANNEL_GATEWAY_SUBSCRIPTION_H_
