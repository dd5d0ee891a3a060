#include "libs/tensor_mesh/tcp_loop.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace fairlead::internal {

TcpLoop::TcpLoop(Socket epoll, Socket wake)
    : epoll_(std::move(epoll)),
      wake_(std::move(wake)),
      thread_([this] { Run(); }) {}

absl::StatusOr<std::unique_ptr<TcpLoop>> TcpLoop::Start() {
  Socket epoll(epoll_create1(EPOLL_CLOEXEC));
  Socket wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  epoll_event event{.events = EPOLLIN, .data = {.fd = wake.fd()}};
  if (epoll.fd() < 0 || wake.fd() < 0 ||
      epoll_ctl(epoll.fd(), EPOLL_CTL_ADD, wake.fd(), &event) != 0) {
    return absl::ResourceExhaustedError(
        absl::StrCat("no epoll to be had: ", strerror(errno)));
  }
  // The constructor is private, so std::make_unique cannot call it.
  return std::unique_ptr<TcpLoop>(
      new TcpLoop(std::move(epoll), std::move(wake)));
}

TcpLoop::~TcpLoop() { Stop(); }

absl::Status TcpLoop::Add(int fd, uint32_t events,
                          std::shared_ptr<Handler> handler) {
  MutexLock lock(&mutex_);
  epoll_event event{.events = events, .data = {.fd = fd}};
  if (epoll_ctl(epoll_.fd(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a socket cannot be waited for: ", strerror(errno)));
  }
  handlers_[fd] = std::move(handler);
  return absl::OkStatus();
}

void TcpLoop::Modify(int fd, uint32_t events) {
  epoll_event event{.events = events, .data = {.fd = fd}};
  epoll_ctl(epoll_.fd(), EPOLL_CTL_MOD, fd, &event);  // or it was removed
}

void TcpLoop::Remove(int fd) {
  MutexLock lock(&mutex_);
  epoll_ctl(epoll_.fd(), EPOLL_CTL_DEL, fd, nullptr);
  handlers_.erase(fd);
}

void TcpLoop::Stop() {
  if (!thread_.joinable()) return;
  const uint64_t one = 1;
  (void)!write(wake_.fd(), &one, sizeof(one));
  thread_.join();
}

void TcpLoop::Run() {
  constexpr int kEvents = 64;
  epoll_event events[kEvents];
  while (true) {
    const int count = epoll_wait(epoll_.fd(), events, kEvents, -1);
    for (int i = 0; i < count; ++i) {
      if (events[i].data.fd == wake_.fd()) return;
      std::shared_ptr<Handler> handler;
      {
        MutexLock lock(&mutex_);
        const auto found = handlers_.find(events[i].data.fd);
        if (found != handlers_.end()) handler = found->second;
      }
      if (handler != nullptr) handler->OnReady(events[i].events);
    }
  }
}

}  // namespace fairlead::internal
