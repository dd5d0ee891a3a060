// A wire between two network namespaces, its own and another, that is slow and
// loses packets: for kernels that have no netem. Each end is a TUN device;
// what goes into one comes out of the other, later or never.
//
// Prints "there" once both devices exist; on SIGTERM how many packets it had.

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <map>
#include <string>
#include <utility>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/clock/clock.h"
#include "libs/command_line/command_line.h"
#include "libs/random/philox.h"
#include "libs/status/status_macros.h"

ABSL_FLAG(std::string, device, "slow", "Name of the device at both ends.");
ABSL_FLAG(std::string, other_end, "",
          "The other namespace, such as /proc/7/ns/net.");
ABSL_FLAG(absl::Duration, delay, absl::Milliseconds(10), "Of each packet.");
ABSL_FLAG(absl::Duration, jitter, absl::Milliseconds(5),
          "By which delays differ, to either side.");
ABSL_FLAG(double, loss, 0.02, "Of all packets, how many are lost.");
ABSL_FLAG(uint64_t, seed, 1, "Of what is lost, and of the jitter.");

namespace fairlead {
namespace {

constexpr size_t kMostBytes = 65536;  // of a packet

// Packets that may be on the wire at a time; more are lost, as in a router.
constexpr size_t kMostPackets = 4096;

absl::Status Error(const std::string& what) {
  return absl::UnavailableError(absl::StrCat(what, ": ", std::strerror(errno)));
}

// A device in the namespace of this thread, as packets to read and write.
absl::StatusOr<int> MakeDevice(const std::string& name) {
  const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return Error("/dev/net/tun");
  ifreq request = {};
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  name.copy(request.ifr_name, sizeof(request.ifr_name) - 1);
  if (ioctl(fd, TUNSETIFF, &request) != 0) return Error("TUNSETIFF");
  return fd;
}

absl::StatusOr<std::array<int, 2>> MakeEnds() {
  const std::string device = absl::GetFlag(FLAGS_device);
  const std::string other = absl::GetFlag(FLAGS_other_end);
  std::array<int, 2> ends = {};
  FAIRLEAD_ASSIGN_OR_RETURN(ends[0], MakeDevice(device));
  const int other_namespace = open(other.c_str(), O_RDONLY | O_CLOEXEC);
  if (other_namespace < 0) return Error(other);
  if (setns(other_namespace, CLONE_NEWNET) != 0) return Error("setns");
  FAIRLEAD_ASSIGN_OR_RETURN(ends[1], MakeDevice(device));
  return ends;
}

class Wire {
 public:
  explicit Wire(const std::array<int, 2>& ends)
      : ends_(ends), random_(absl::GetFlag(FLAGS_seed), 0, 0) {}

  // Until SIGTERM, which must be blocked.
  void Run() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    const int end = signalfd(-1, &signals, SFD_CLOEXEC);
    std::array<pollfd, 3> events = {pollfd{ends_[0], POLLIN, 0},
                                    pollfd{ends_[1], POLLIN, 0},
                                    pollfd{end, POLLIN, 0}};
    while ((events[2].revents & POLLIN) == 0) {
      timespec wait = {};
      if (!on_the_wire_.empty()) {
        wait = absl::ToTimespec(
            std::max(on_the_wire_.begin()->first - clock_.MonotonicNow(),
                     absl::ZeroDuration()));
      }
      ppoll(events.data(), events.size(),
            on_the_wire_.empty() ? nullptr : &wait, nullptr);
      for (size_t from = 0; from < ends_.size(); ++from) {
        if ((events[from].revents & POLLIN) != 0) TakeAll(from);
      }
      GiveWhatIsDue();
    }
    close(end);
  }

  std::string Describe() const {
    return absl::StrCat("passed=", passed_, " lost=", lost_);
  }

 private:
  struct Packet {
    size_t to;  // which end
    std::string bytes;
  };

  // In [0, 1).
  double Uniform() { return static_cast<double>(random_.Next32()) * 0x1p-32; }

  void TakeAll(size_t from) {
    std::array<char, kMostBytes> bytes;
    ssize_t size;
    while ((size = read(ends_[from], bytes.data(), bytes.size())) > 0) {
      const absl::Duration delay =
          absl::GetFlag(FLAGS_delay) +
          absl::GetFlag(FLAGS_jitter) * (2 * Uniform() - 1);
      if (Uniform() < absl::GetFlag(FLAGS_loss) ||
          on_the_wire_.size() == kMostPackets) {
        ++lost_;
        continue;
      }
      on_the_wire_.emplace(
          clock_.MonotonicNow() + delay,
          Packet{1 - from,
                 std::string(bytes.data(), static_cast<size_t>(size))});
    }
  }

  void GiveWhatIsDue() {
    const absl::Duration now = clock_.MonotonicNow();
    while (!on_the_wire_.empty() && on_the_wire_.begin()->first <= now) {
      const Packet packet =
          std::move(on_the_wire_.extract(on_the_wire_.begin()).mapped());
      // A device that is not up takes none.
      if (write(ends_[packet.to], packet.bytes.data(), packet.bytes.size()) >
          0) {
        ++passed_;
      } else {
        ++lost_;
      }
    }
  }

  const RealClock clock_;
  const std::array<int, 2> ends_;
  RandomStream random_;
  std::multimap<absl::Duration, Packet> on_the_wire_;  // by when it is due
  uint64_t passed_ = 0;
  uint64_t lost_ = 0;
};

absl::Status RunWire() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  FAIRLEAD_ASSIGN_OR_RETURN(const auto ends, MakeEnds());
  Wire wire(ends);
  std::cout << "there" << std::endl;
  wire.Run();
  std::cout << wire.Describe() << std::endl;
  return absl::OkStatus();
}

}  // namespace
}  // namespace fairlead

int main(int argc, char** argv) {
  fairlead::ParseFlagsOnly(
      argc, argv,
      "A slow wire that loses packets, between two network namespaces.\n"
      "Example: lossy_wire --other_end=/proc/7/ns/net --loss=0.1",
      __FILE__);
  return fairlead::ExitCode("lossy_wire", fairlead::RunWire());
}
