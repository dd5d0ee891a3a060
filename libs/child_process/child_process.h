#ifndef FAIRLEAD_LIBS_CHILD_PROCESS_CHILD_PROCESS_H_
#define FAIRLEAD_LIBS_CHILD_PROCESS_CHILD_PROCESS_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace fairlead {

// A program that this one runs: for tests, and for tools that start services.
// It ends with this process, whatever becomes of it. Thread-compatible.
class ChildProcess {
 public:
  struct Options {
    std::string out =
        {};  // file for standard output; empty: a pipe, see ReadLine
    std::string err = {};  // file for standard error; empty: this process's own
  };

  // Starts argv[0] with the rest as its arguments. NOT_FOUND if there is no
  // such program. Must not be called from a thread that ends before the child:
  // the child would end with it.
  static absl::StatusOr<ChildProcess> Start(
      const std::vector<std::string>& argv, const Options& options);

  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;  // kills this one
  ~ChildProcess();  // kills it if it still runs

  // The next line of its standard output, without the line's end, or nullopt
  // if it ended or closed it. DEADLINE_EXCEEDED.
  absl::StatusOr<std::optional<std::string>> ReadLine(absl::Duration timeout);

  // Ends it with SIGTERM, or with SIGKILL after `grace`; returns as Wait.
  absl::StatusOr<int> Terminate(absl::Duration grace);

  // Asks it to end, and does not wait. No effect if it has ended.
  void Signal(int signal_number);

  // Its exit code; 128 + n if signal n ended it. DEADLINE_EXCEEDED.
  absl::StatusOr<int> Wait(absl::Duration timeout);

  pid_t pid() const { return pid_; }

 private:
  ChildProcess(pid_t pid, int pid_fd, int out_fd)
      : pid_(pid), pid_fd_(pid_fd), out_fd_(out_fd) {}

  pid_t pid_;
  int pid_fd_;  // readable once it has ended; -1 when moved from
  int out_fd_;  // -1 if standard output goes to a file
  std::string buffered_;
  std::optional<int> exit_code_;
};

// What a program printed, and how it ended.
struct Outcome {
  int exit_code = 0;
  std::string out;
  std::string err;
};

// Runs a program to its end; kills it and answers DEADLINE_EXCEEDED if that
// does not come in time. Its output goes through files in `folder`.
absl::StatusOr<Outcome> RunToEnd(const std::vector<std::string>& argv,
                                 absl::Duration timeout,
                                 const std::string& folder);

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_CHILD_PROCESS_CHILD_PROCESS_H_
