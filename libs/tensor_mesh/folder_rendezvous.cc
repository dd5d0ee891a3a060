#include "libs/tensor_mesh/folder_rendezvous.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"

namespace fairlead {
namespace {

constexpr absl::string_view kLifePrefix = "member-";

// The kernel tells of a process's last close before it drops its locks: so who
// waits looks this often, too, for who has died.
constexpr int kLifeCheckMs = 250;

std::string LifePath(const std::string& folder, uint32_t member) {
  return absl::StrCat(folder, "/", kLifePrefix, member);
}

std::string LinePath(const std::string& folder, uint32_t member) {
  return absl::StrCat(folder, "/line-", member);
}

// What changes in a folder.
int WatchChanges(const std::string& folder) {
  const int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (fd >= 0) {
    inotify_add_watch(fd, folder.c_str(),
                      IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE);
  }
  return fd;
}

// The lock that says that a member lives.
struct flock WholeLife() {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_len = 1;
  return lock;
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

FolderRendezvous::~FolderRendezvous() { Watch(nullptr); }

absl::StatusOr<std::unique_ptr<FolderRendezvous>> FolderRendezvous::Join(
    const std::string& folder, uint32_t member) {
  const std::string path = LifePath(folder, member);
  auto life = std::make_unique<File>(
      open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (life->fd() < 0) {
    return absl::NotFoundError(
        absl::StrCat("rendezvous folder ", folder, ": ", strerror(errno)));
  }
  struct flock lock = WholeLife();
  if (fcntl(life->fd(), F_OFD_SETLK, &lock) != 0) {
    return absl::AlreadyExistsError(absl::StrCat(
        path, ": ", strerror(errno), "; two processes have one role and rank"));
  }
  // A predecessor's.
  unlink(LinePath(folder, member).c_str());
  auto stop = std::make_unique<File>(eventfd(0, EFD_CLOEXEC));
  // The constructor is private, so std::make_unique cannot call it.
  return std::unique_ptr<FolderRendezvous>(
      new FolderRendezvous(folder, member, std::move(life), std::move(stop)));
}

bool FolderRendezvous::IsAlive(uint32_t member) const {
  // (Not to be written to: its close would wake all who watch the folder, who
  // would look again, and so for ever.)
  const File file(
      open(LifePath(folder_, member).c_str(), O_RDONLY | O_CLOEXEC));
  struct flock lock = WholeLife();
  return file.fd() >= 0 && fcntl(file.fd(), F_OFD_GETLK, &lock) == 0 &&
         lock.l_type != F_UNLCK;
}

MeshRendezvous::Lines FolderRendezvous::Read() const {
  Lines lines;
  std::error_code ended;
  for (std::filesystem::directory_iterator entry(folder_, ended), end;
       !ended && entry != end; entry.increment(ended)) {
    const std::string name = entry->path().filename();
    absl::string_view number = name;
    uint32_t member = 0;
    if (!absl::ConsumePrefix(&number, kLifePrefix) ||
        !absl::SimpleAtoi(number, &member) || !IsAlive(member)) {
      continue;
    }
    std::ifstream file(LinePath(folder_, member), std::ios::binary);
    lines[member].assign(std::istreambuf_iterator<char>(file), {});
  }
  return lines;
}

absl::Status FolderRendezvous::Post(const std::string& line,
                                    absl::Time /*deadline*/) {
  MutexLock lock(&post_mutex_);
  const std::string path = LinePath(folder_, member_);
  const std::string part = absl::StrCat(path, ".part");
  std::ofstream file(part, std::ios::binary);
  file << line;
  file.close();
  // Whole, or not at all.
  if (!file || rename(part.c_str(), path.c_str()) != 0) {
    return absl::UnavailableError(
        absl::StrCat(path, ": cannot be written: ", strerror(errno)));
  }
  return absl::OkStatus();
}

void FolderRendezvous::Watch(std::function<void(const Lines&)> on_change) {
  MutexLock lock(&watch_mutex_);
  if (watch_.joinable()) {
    const uint64_t one = 1;
    (void)!write(stop_->fd(), &one, sizeof(one));
    watch_.join();
    uint64_t count = 0;
    (void)!read(stop_->fd(), &count, sizeof(count));
  }
  if (on_change == nullptr) return;
  watch_ = std::thread([this, on_change = std::move(on_change)] {
    // From here on every change is seen.
    const File changes(WatchChanges(folder_));
    std::optional<Lines> told;
    pollfd waiting[2] = {{.fd = changes.fd(), .events = POLLIN, .revents = 0},
                         {.fd = stop_->fd(), .events = POLLIN, .revents = 0}};
    while (waiting[1].revents == 0) {
      Lines lines = Read();
      if (lines != told) {
        told = std::move(lines);
        on_change(*told);
      }
      poll(waiting, 2, kLifeCheckMs);
      DropEvents(changes.fd());
    }
  });
}

}  // namespace fairlead
