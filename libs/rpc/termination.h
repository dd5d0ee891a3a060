#ifndef FAIRLEAD_LIBS_RPC_TERMINATION_H_
#define FAIRLEAD_LIBS_RPC_TERMINATION_H_

#include <signal.h>
#include <unistd.h>

namespace fairlead::rpc {

// Turns SIGINT and SIGTERM into a return from Wait(). Make it in main before
// any thread exists: threads inherit the mask that keeps the signals for it.
class TerminationSignal {
 public:
  TerminationSignal() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    // A peer that goes away is an error of the write, not our end.
    signal(SIGPIPE, SIG_IGN);
  }
  TerminationSignal(const TerminationSignal&) = delete;
  TerminationSignal& operator=(const TerminationSignal&) = delete;

  // As if SIGTERM had come. Any thread.
  void Request() const { kill(getpid(), SIGTERM); }

  // Sleeps until one of the two arrives.
  void Wait() const {
    int signal_number = 0;
    sigwait(&signals_, &signal_number);
  }

 private:
  sigset_t signals_;
};

}  // namespace fairlead::rpc

#endif  // FAIRLEAD_LIBS_RPC_TERMINATION_H_
