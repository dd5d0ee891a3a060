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
    messages_ = messages > UINT64_MAX - messages_ ? UINT64_MAX
                                                  : messages_ + messages;
    const auto more = static_cast<__int128>(bytes_) + bytes;
    bytes_ = more > INT64_MAX ? INT64_MAX : static_cast<int64_t>(more);
  }

  // Whether another message may be sent: one message of credit, and any bytes,
  // so that a message larger than the credit can pass.
  bool HasCredit() const { return messages_ > 0 && bytes_ > 0; }

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

  // A message of that size is on its way. What it takes beyond the credit is
  // owed: later credit pays for it first. The end of an epoch and an error in
  // a batch's place cost a message like any other.
  void Spend(uint64_t bytes) {
    --messages_;
    bytes_ -= static_cast<int64_t>(bytes);
  }

 private:
  const EpochAttempt wanted_;
  uint64_t messages_ = 0;
  int64_t bytes_ = 0;  // below 0: owed
};

}  // namespace fairlead

#endif  // FAIRLEAD_SERVICES_CHANNEL_GATEWAY_SUBSCRIPTION_H_
