#include "libs/tensor_mesh/tcp_connection.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/status/status_macros.h"
#include "libs/tensor_mesh/mesh_tensor.h"

namespace fairlead::internal {
namespace {

constexpr size_t kPieces = 64;         // of a system call
constexpr size_t kReadAhead = 4096;    // of headers and bodies
constexpr size_t kDropped = 64 << 10;  // of a payload that nobody wants
constexpr int kReads = 16;             // before other sockets have their turn

}  // namespace

absl::Status TcpConnection::Start() {
  return loop_.Add(socket_.fd(), EPOLLIN, shared_from_this());
}

// --- writing

absl::Status TcpConnection::Send(Outgoing outgoing) {
  MutexLock lock(&mutex_);
  if (!is_open_ || !broken_.ok()) {
    return absl::UnavailableError("the connection is closed");
  }
  const bool is_first = outgoing_.empty();
  outgoing_.push_back(std::move(outgoing));
  if (!is_first) return absl::OkStatus();
  WriteSome();
  if (!outgoing_.empty()) loop_.Modify(socket_.fd(), EPOLLIN | EPOLLOUT);
  return absl::OkStatus();
}

void TcpConnection::WriteSome() {
  while (!outgoing_.empty() && broken_.ok()) {
    const Outgoing& front = outgoing_.front();
    iovec pieces[kPieces];
    size_t count = 0;
    uint64_t skip = front_sent_;
    uint64_t wanted = 0;
    const auto add = [&](const void* data, size_t size) {
      if (skip >= size) {
        skip -= size;
        return;
      }
      if (count == kPieces) return;
      pieces[count++] = {
          const_cast<uint8_t*>(static_cast<const uint8_t*>(data)) + skip,
          size - skip};
      wanted += size - skip;
      skip = 0;
    };
    add(front.frame.data(), front.frame.size());
    for (const absl::Span<const uint8_t> piece : front.payload) {
      add(piece.data(), piece.size());
    }
    if (wanted == 0) {  // all of it is sent
      outgoing_.pop_front();
      front_sent_ = 0;
      continue;
    }
    msghdr message{};
    message.msg_iov = pieces;
    message.msg_iovlen = count;
    const ssize_t sent = sendmsg(socket_.fd(), &message, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return;
    if (sent < 0) {
      // Its end is the loop's to deal with: it may be reading.
      broken_ = absl::UnavailableError(
          absl::StrCat("the connection is broken: ", strerror(errno)));
      shutdown(socket_.fd(), SHUT_RDWR);
      return;
    }
    front_sent_ += static_cast<uint64_t>(sent);
  }
}

bool TcpConnection::IsSent(uint64_t id) const {
  MutexLock lock(&mutex_);
  return std::none_of(outgoing_.begin(), outgoing_.end(),
                      [id](const Outgoing& each) { return each.id == id; });
}

void TcpConnection::Flush(absl::Time deadline) {
  MutexLock lock(&mutex_);
  mutex_.AwaitWithDeadline(absl::Condition(this, &TcpConnection::IsIdle),
                           deadline);
}

void TcpConnection::Break(absl::Status why) {
  MutexLock lock(&mutex_);
  if (!is_open_ || !broken_.ok()) return;
  broken_ = std::move(why);
  shutdown(socket_.fd(), SHUT_RDWR);
}

// --- reading

void TcpConnection::OnReady(uint32_t events) {
  if ((events & EPOLLOUT) != 0) {
    MutexLock lock(&mutex_);
    if (!is_open_) return;
    WriteSome();
    if (outgoing_.empty()) loop_.Modify(socket_.fd(), EPOLLIN);
  }
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return;
  absl::Status status;
  {
    MutexLock lock(&mutex_);
    if (!is_open_) return;
    status = broken_;
  }
  if (status.ok()) status = ReadSome();
  if (!status.ok()) Close(status);
}

absl::Status TcpConnection::ReadSome() {
  for (int i = 0; i < kReads; ++i) {
    if (payload_left_ > 0) {
      FAIRLEAD_ASSIGN_OR_RETURN(const bool has_more, ReadPayload());
      if (!has_more) return absl::OkStatus();
      continue;
    }
    const size_t had = buffer_.size();
    buffer_.resize(had + kReadAhead);
    const ssize_t got = recv(socket_.fd(), buffer_.data() + had, kReadAhead, 0);
    buffer_.resize(had + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0) {
      return absl::UnavailableError("its connection ended");
    }
    if (got < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) return absl::OkStatus();
      return absl::UnavailableError(
          absl::StrCat("the connection is broken: ", strerror(errno)));
    }
    FAIRLEAD_RETURN_IF_ERROR(Consume());
  }
  return absl::OkStatus();
}

absl::Status TcpConnection::Consume() {
  absl::Span<const uint8_t> bytes = absl::MakeConstSpan(buffer_);
  while (bytes.size() >= sizeof(FrameHeader)) {
    FAIRLEAD_ASSIGN_OR_RETURN(const FrameHeader header,
                              ParseHeader(bytes.data()));
    if (bytes.size() - sizeof(FrameHeader) < header.body_bytes) break;
    FAIRLEAD_ASSIGN_OR_RETURN(
        const std::vector<absl::Span<uint8_t>> places,
        reader_->OnFrame(
            *this, header,
            bytes.subspan(sizeof(FrameHeader), header.body_bytes)));
    bytes.remove_prefix(sizeof(FrameHeader) + header.body_bytes);
    places_.clear();
    std::copy_if(places.begin(), places.end(), std::back_inserter(places_),
                 [](absl::Span<uint8_t> place) { return !place.empty(); });
    drops_payload_ = places.empty();
    payload_left_ = header.payload_bytes;
    FAIRLEAD_RETURN_IF_ERROR(TakePayload(bytes));
    if (payload_left_ > 0) break;
    FAIRLEAD_RETURN_IF_ERROR(reader_->OnPayload(*this));
  }
  buffer_.erase(buffer_.begin(),
                buffer_.end() - static_cast<int64_t>(bytes.size()));
  return absl::OkStatus();
}

// What was read ahead of a payload.
absl::Status TcpConnection::TakePayload(absl::Span<const uint8_t>& bytes) {
  if (drops_payload_) {
    const size_t count = std::min<uint64_t>(bytes.size(), payload_left_);
    bytes.remove_prefix(count);
    payload_left_ -= count;
    return absl::OkStatus();
  }
  while (payload_left_ > 0 && !bytes.empty()) {
    if (places_.empty()) return absl::InternalError("a payload has no place");
    absl::Span<uint8_t>& place = places_.front();
    const size_t count = std::min(bytes.size(), place.size());
    CopyBytes(bytes.subspan(0, count), place);
    bytes.remove_prefix(count);
    place.remove_prefix(count);
    payload_left_ -= count;
    if (place.empty()) places_.pop_front();
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> TcpConnection::ReadPayload() {
  iovec pieces[kPieces];
  size_t count = 0;
  std::vector<uint8_t> dropped;
  if (drops_payload_) {
    dropped.resize(std::min<uint64_t>(kDropped, payload_left_));
    pieces[count++] = {dropped.data(), dropped.size()};
  }
  for (const absl::Span<uint8_t> place : places_) {
    if (count == kPieces) break;
    pieces[count++] = {place.data(), place.size()};
  }
  msghdr message{};
  message.msg_iov = pieces;
  message.msg_iovlen = count;
  const ssize_t got = recvmsg(socket_.fd(), &message, 0);
  if (got == 0) return absl::UnavailableError("its connection ended");
  if (got < 0) {
    if (errno == EINTR) return true;
    if (errno == EAGAIN) return false;
    return absl::UnavailableError(
        absl::StrCat("the connection is broken: ", strerror(errno)));
  }
  payload_left_ -= static_cast<uint64_t>(got);
  for (auto left = static_cast<size_t>(got); left > 0 && !places_.empty();) {
    const size_t count_here = std::min(left, places_.front().size());
    places_.front().remove_prefix(count_here);
    left -= count_here;
    if (places_.front().empty()) places_.pop_front();
  }
  if (payload_left_ == 0) FAIRLEAD_RETURN_IF_ERROR(reader_->OnPayload(*this));
  return true;
}

void TcpConnection::Close(const absl::Status& why) {
  {
    MutexLock lock(&mutex_);
    is_open_ = false;
    outgoing_.clear();
  }
  loop_.Remove(socket_.fd());
  shutdown(socket_.fd(), SHUT_RDWR);
  reader_->OnClosed(why);
}

}  // namespace fairlead::internal
