#include "libs/shm_channel/fuzz/segment_fuzzer.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/shm_channel/shm_channel.h"

namespace fairlead {
namespace {

constexpr uint64_t kCapacity = 1024;
constexpr absl::Duration kNow = absl::ZeroDuration();

// A folder for this process's segments.
const std::string& Directory() {
  static const auto* const directory = [] {
    auto* path = new std::string("/dev/shm/fairlead-fuzz-XXXXXX");
    if (mkdtemp(path->data()) == nullptr) abort();
    atexit([] { rmdir(Directory().c_str()); });
    return path;
  }();
  return *directory;
}

// What others could do to a segment.
void LayOver(const std::string& name, const uint8_t* data, size_t size) {
  const std::string path = Directory() + "/" + name;
  const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
  const off_t length = lseek(fd, 0, SEEK_END);
  if (length < 0) abort();
  const auto control = static_cast<size_t>(length) - kCapacity;
  if (pwrite(fd, data, std::min(size, control), 0) < 0) abort();
  close(fd);
}

void Read(ShmConsumer& consumer) {
  std::vector<ShmMessage> held;
  for (int i = 0; i < 8; ++i) {
    absl::StatusOr<ShmMessage> message = consumer.Receive(kNow);
    if (!message.ok()) break;
    if (message->bytes().size() > kCapacity) abort();
    // All of it can be read.
    const std::vector<uint8_t> copy(message->bytes().begin(),
                                    message->bytes().end());
    if (copy.size() != message->bytes().size()) abort();
    if (i % 2 == 0) held.push_back(*std::move(message));
  }
  (void)consumer.stats();
  (void)consumer.CheckAlive();
}

void Write(ShmProducer& producer) {
  for (const uint64_t bytes : {uint64_t{100}, uint64_t{0}, kCapacity}) {
    absl::StatusOr<ShmReservation> space = producer.Reserve(bytes, kNow);
    if (!space.ok()) continue;
    std::memset(space->bytes().data(), 1, space->bytes().size());
    (void)space->Commit({});
  }
  if (auto credit = producer.TryPromise(64); credit.ok()) {
    (void)producer.ReserveFrom(*credit, 200);
  }
  (void)producer.stats();
}

}  // namespace
}  // namespace fairlead

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using fairlead::ShmConsumer;
  using fairlead::ShmProducer;
  const auto producer =
      ShmProducer::Create({.directory = fairlead::Directory(),
                           .capacity_bytes = fairlead::kCapacity,
                           .max_messages = 4});
  if (!producer.ok()) abort();
  const auto early = ShmConsumer::Open(
      fairlead::Directory(), (*producer)->name(), {.is_shared = true});
  if (!early.ok()) abort();
  for (const uint64_t bytes : {100, 200}) {
    auto space = (*producer)->Reserve(bytes, fairlead::kNow);
    if (!space.ok() || !space->Commit({}).ok()) abort();
  }
  fairlead::LayOver((*producer)->name(), data, size);
  // One that was there before, and one that comes now.
  fairlead::Read(**early);
  fairlead::Write(**producer);
  auto late = ShmConsumer::Open(fairlead::Directory(), (*producer)->name(),
                                {.is_shared = true});
  if (late.ok()) fairlead::Read(**late);
  (*producer)->Close();
  return 0;
}
