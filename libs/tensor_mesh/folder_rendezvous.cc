#include "libs/tensor_mesh/folder_rendezvous.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

namespace fairlead {
namespace {

constexpr absl::string_view kLifePrefix = "member-";

// The kernel tells of a process's last close before it drops its locks: so who
// waits looks this often, too, for who has died.
constexpr int kLifeCheckMs = 250;

std::string LifePath(const std::string& folder, uint32_t member) {
  return absl::StrCat(folder, "/", kLifePrefix, member);
}

std::string ValuePath(const std::string& folder, const std::string& key,
                      uint32_t member) {
  return absl::StrCat(folder, "/value-",
                      absl::StrReplaceAll(key, {{"%", "%25"}, {"/", "%2F"}}),
                      "-", member);
}

// Whole, or nothing: values appear under their names by a link.
absl::StatusOr<std::string> ReadValue(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// What changes in a folder.
int Watch(const std::string& folder) {
  const int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (fd >= 0) {
    inotify_add_watch(fd, folder.c_str(),
                      IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE);
  }
  return fd;
}

void DropEvents(int fd) {
  alignas(inotify_event) char events[4096];
  while (read(fd, events, sizeof(events)) > 0) {
  }
}

}  // namespace

class FolderRendezvous::File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

FolderRendezvous::FolderRendezvous(std::string folder, uint32_t member,
                                   std::unique_ptr<File> life,
                                   std::unique_ptr<File> stop)
    : folder_(std::move(folder)),
      member_(member),
      life_(std::move(life)),
      stop_(std::move(stop)) {}

FolderRendezvous::~FolderRendezvous() { WatchGone(nullptr); }

absl::StatusOr<std::unique_ptr<FolderRendezvous>> FolderRendezvous::Join(
    const std::string& folder, uint32_t member) {
  // Locked before it has a name, so nobody takes it for a dead one's.
  auto life = std::make_unique<File>(
      open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (life->fd() < 0) {
    return absl::NotFoundError(
        absl::StrCat("rendezvous folder ", folder, ": ", strerror(errno)));
  }
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_len = 1;
  const std::string self = absl::StrCat("/proc/self/fd/", life->fd());
  const std::string path = LifePath(folder, member);
  if (fcntl(life->fd(), F_OFD_SETLK, &lock) != 0 ||
      linkat(AT_FDCWD, self.c_str(), AT_FDCWD, path.c_str(),
             AT_SYMLINK_FOLLOW) != 0) {
    return absl::AlreadyExistsError(absl::StrCat(
        path, ": ", strerror(errno),
        "; two processes have one role and rank, or the folder is of an "
        "earlier run"));
  }
  auto stop = std::make_unique<File>(eventfd(0, EFD_CLOEXEC));
  // The constructor is private, so std::make_unique cannot call it.
  return std::unique_ptr<FolderRendezvous>(
      new FolderRendezvous(folder, member, std::move(life), std::move(stop)));
}

bool FolderRendezvous::IsGone(uint32_t member) const {
  if (member == member_) return false;
  // (Not to be written to: its close would wake all who watch the folder, who
  // would look again, and so for ever.)
  const File file(
      open(LifePath(folder_, member).c_str(), O_RDONLY | O_CLOEXEC));
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_len = 1;
  return file.fd() >= 0 && fcntl(file.fd(), F_OFD_GETLK, &lock) == 0 &&
         lock.l_type == F_UNLCK;
}

absl::StatusOr<std::vector<std::string>> FolderRendezvous::AllGather(
    const std::string& key, absl::Span<const uint32_t> members,
    const std::string& value, absl::Time deadline) {
  if (std::find(members.begin(), members.end(), member_) == members.end()) {
    return absl::InvalidArgumentError(absl::StrCat(
        key, ": member ", member_, " is not among those who gather"));
  }
  // From here on every change is seen.
  const File changes(Watch(folder_));
  const std::string path = ValuePath(folder_, key, member_);
  const std::string part = absl::StrCat(path, ".part");
  std::ofstream(part, std::ios::binary) << value;
  const bool is_new = link(part.c_str(), path.c_str()) == 0;
  unlink(part.c_str());
  if (!is_new) {
    const absl::StatusOr<std::string> given = ReadValue(path);
    if (!given.ok() || *given != value) {
      return absl::AlreadyExistsError(absl::StrCat(
          key, ": member ", member_,
          " has given another value; two processes have one role and rank"));
    }
  }
  while (true) {
    // Before the values are read: one that gave its value and ended is no
    // loss.
    std::vector<uint32_t> gone;
    std::copy_if(members.begin(), members.end(), std::back_inserter(gone),
                 [this](uint32_t member) { return IsGone(member); });
    std::vector<std::string> values;
    std::vector<uint32_t> missing;
    for (const uint32_t member : members) {
      absl::StatusOr<std::string> each =
          ReadValue(ValuePath(folder_, key, member));
      if (!each.ok()) missing.push_back(member);
      values.push_back(each.value_or(""));
    }
    if (missing.empty()) return values;
    for (const uint32_t member : missing) {
      if (std::find(gone.begin(), gone.end(), member) != gone.end()) {
        return absl::UnavailableError(
            absl::StrCat(key, ": member ", member, " is gone"));
      }
    }
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) {
      return absl::DeadlineExceededError(absl::StrCat(
          key, ": waited in vain for members ", absl::StrJoin(missing, ", ")));
    }
    pollfd waiting{.fd = changes.fd(), .events = POLLIN, .revents = 0};
    poll(&waiting, 1,
         static_cast<int>(std::min<int64_t>(absl::ToInt64Milliseconds(left) + 1,
                                            kLifeCheckMs)));
    DropEvents(changes.fd());
  }
}

std::vector<uint32_t> FolderRendezvous::Gone() const {
  std::vector<uint32_t> gone;
  std::error_code ended;
  for (std::filesystem::directory_iterator entry(folder_, ended), end;
       !ended && entry != end; entry.increment(ended)) {
    const std::string name = entry->path().filename();
    absl::string_view number = name;
    uint32_t member = 0;
    if (absl::ConsumePrefix(&number, kLifePrefix) &&
        absl::SimpleAtoi(number, &member) && IsGone(member)) {
      gone.push_back(member);
    }
  }
  return gone;
}

void FolderRendezvous::WatchGone(std::function<void(uint32_t member)> on_gone) {
  MutexLock lock(&mutex_);
  if (watch_.joinable()) {
    const uint64_t one = 1;
    (void)!write(stop_->fd(), &one, sizeof(one));
    watch_.join();
    uint64_t count = 0;
    (void)!read(stop_->fd(), &count, sizeof(count));
  }
  if (on_gone == nullptr) return;
  watch_ = std::thread([this, on_gone = std::move(on_gone)] {
    const File changes(Watch(folder_));
    std::set<uint32_t> told;
    pollfd waiting[2] = {{.fd = changes.fd(), .events = POLLIN, .revents = 0},
                         {.fd = stop_->fd(), .events = POLLIN, .revents = 0}};
    while (waiting[1].revents == 0) {
      for (const uint32_t member : Gone()) {
        if (told.insert(member).second) on_gone(member);
      }
      poll(waiting, 2, kLifeCheckMs);
      DropEvents(changes.fd());
    }
  });
}

}  // namespace fairlead
