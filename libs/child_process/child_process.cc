#include "libs/child_process/child_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

// Whether there is something to read before the time is up.
bool IsReadable(int fd, absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  while (true) {
    const absl::Duration left =
        std::max(deadline - absl::Now(), absl::ZeroDuration());
    pollfd poll_fd{fd, POLLIN, 0};
    const timespec wait = absl::ToTimespec(left);
    const int ready =
        ppoll(&poll_fd, 1,
              timeout == absl::InfiniteDuration() ? nullptr : &wait, nullptr);
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

// In the child, between fork and exec: only what is safe there.
[[noreturn]] void Become(pid_t parent, char* const* argv, const char* out_file,
                         int out_pipe, const char* err_file) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);  // it ended before that took effect
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  const auto redirect = [](const char* file, int to) {
    const int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
    if (fd >= 0) dup2(fd, to);
  };
  if (out_pipe >= 0) {
    dup2(out_pipe, STDOUT_FILENO);
  } else {
    redirect(out_file, STDOUT_FILENO);
  }
  if (err_file[0] != '\0') redirect(err_file, STDERR_FILENO);
  execv(argv[0], argv);
  _exit(127);
}

std::string Contents(const std::string& file) {
  std::ifstream in(file);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

}  // namespace

absl::StatusOr<ChildProcess> ChildProcess::Start(
    const std::vector<std::string>& argv, const Options& options) {
  if (argv.empty() || access(argv[0].c_str(), X_OK) != 0) {
    return absl::NotFoundError(absl::StrCat(argv.empty() ? "" : argv[0],
                                            ": is no program that can be run"));
  }
  int pipe_fds[2] = {-1, -1};
  if (options.out.empty() && pipe2(pipe_fds, O_CLOEXEC) != 0) {
    return absl::UnavailableError(
        absl::StrCat(argv[0], ": no pipe: ", strerror(errno)));
  }
  std::vector<char*> words;
  for (const std::string& word : argv) {
    words.push_back(const_cast<char*>(word.c_str()));
  }
  words.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) {
    Become(parent, words.data(), options.out.c_str(), pipe_fds[1],
           options.err.c_str());
  }
  if (pipe_fds[1] >= 0) close(pipe_fds[1]);
  if (pid < 0) {
    if (pipe_fds[0] >= 0) close(pipe_fds[0]);
    return absl::UnavailableError(
        absl::StrCat(argv[0], ": cannot be started: ", strerror(errno)));
  }
  const auto pid_fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  return ChildProcess(pid, pid_fd, pipe_fds[0]);
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(other.pid_),
      pid_fd_(std::exchange(other.pid_fd_, -1)),
      out_fd_(std::exchange(other.out_fd_, -1)),
      buffered_(std::move(other.buffered_)),
      exit_code_(other.exit_code_) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  if (this == &other) return *this;
  this->~ChildProcess();
  return *new (this) ChildProcess(std::move(other));
}

ChildProcess::~ChildProcess() {
  if (pid_fd_ < 0) return;
  if (!exit_code_.has_value()) {
    Signal(SIGKILL);
    Wait(absl::InfiniteDuration()).IgnoreError();
  }
  close(pid_fd_);
  if (out_fd_ >= 0) close(out_fd_);
}

absl::StatusOr<std::optional<std::string>> ChildProcess::ReadLine(
    absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  while (true) {
    const size_t end = buffered_.find('\n');
    if (end != std::string::npos) {
      std::string line = buffered_.substr(0, end);
      buffered_.erase(0, end + 1);
      return line;
    }
    if (!IsReadable(out_fd_, deadline - absl::Now())) {
      return absl::DeadlineExceededError(
          absl::StrCat("process ", pid_, ": printed no line in time"));
    }
    char chunk[4096];
    const ssize_t bytes = read(out_fd_, chunk, sizeof(chunk));
    if (bytes <= 0) return std::nullopt;
    buffered_.append(chunk, static_cast<size_t>(bytes));
  }
}

void ChildProcess::Signal(int signal_number) {
  if (!exit_code_.has_value()) {
    syscall(SYS_pidfd_send_signal, pid_fd_, signal_number, nullptr, 0);
  }
}

absl::StatusOr<int> ChildProcess::Wait(absl::Duration timeout) {
  if (exit_code_.has_value()) return *exit_code_;
  if (!IsReadable(pid_fd_, timeout)) {
    return absl::DeadlineExceededError(
        absl::StrCat("process ", pid_, ": still runs"));
  }
  int status = 0;
  waitpid(pid_, &status, 0);
  exit_code_ =
      WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return *exit_code_;
}

absl::StatusOr<int> ChildProcess::Terminate(absl::Duration grace) {
  Signal(SIGTERM);
  const absl::StatusOr<int> ended = Wait(grace);
  if (ended.ok()) return ended;
  Signal(SIGKILL);
  return Wait(absl::InfiniteDuration());
}

absl::StatusOr<Outcome> RunToEnd(const std::vector<std::string>& argv,
                                 absl::Duration timeout,
                                 const std::string& folder) {
  std::string out = absl::StrCat(folder, "/out-XXXXXX");
  std::string err = absl::StrCat(folder, "/err-XXXXXX");
  for (std::string* file : {&out, &err}) {
    const int fd = mkstemp(file->data());
    if (fd < 0) {
      return absl::UnavailableError(
          absl::StrCat(*file, ": cannot be made: ", strerror(errno)));
    }
    close(fd);
  }
  FAIRLEAD_ASSIGN_OR_RETURN(
      ChildProcess child, ChildProcess::Start(argv, {.out = out, .err = err}));
  FAIRLEAD_ASSIGN_OR_RETURN(const int exit_code, child.Wait(timeout));
  return Outcome{exit_code, Contents(out), Contents(err)};
}

}  // namespace fairlead
