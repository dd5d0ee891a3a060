// A client that pings all the time is disconnected, and nobody notices it. That
// it is --min_ping_interval which does this, the same client shows that a
// gateway without it lets go on.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/child_process/service_process.h"
#include "libs/status/status_matchers.h"
#include "nlohmann/json.hpp"

namespace fairlead {
namespace {

using ::fairlead::testing::IsOk;
using ::fairlead::testing::kPatience;
using ::fairlead::testing::MakeKronecker;
using ::fairlead::testing::TestCluster;
using ::testing::HasSubstr;
using ::testing::Not;

// Of HTTP/2 (RFC 9113).
constexpr char kHeaders = 1;
constexpr char kSettings = 4;
constexpr char kPing = 6;
constexpr char kAck = 1;
constexpr char kEndHeaders = 4;

std::string Frame(char type, char flags, char stream,
                  absl::string_view payload) {
  const std::string head = {
      0, 0, static_cast<char>(payload.size()), type, flags, 0, 0, 0, stream};
  return absl::StrCat(head, payload);
}

std::string Text(absl::string_view text) {
  return absl::StrCat(std::string(1, static_cast<char>(text.size())), text);
}

// The headers of a gRPC call, as HPACK (RFC 7541) has them without its tables
// and its compression.
std::string CallHeaders(absl::string_view path) {
  return absl::StrCat("\x83\x86",                            // POST, over http
                      "\x04", Text(path),                    // :path
                      "\x01", Text("localhost"),             // :authority
                      "\x0f\x10", Text("application/grpc"),  // content-type
                      std::string(1, '\0'), Text("te"), Text("trailers"));
}

// Over plain text, to be able to write what no gRPC client would.
class PingingClient {
 public:
  explicit PingingClient(const std::string& address)
      : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in name = {};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int port = 0;
    EXPECT_TRUE(
        absl::SimpleAtoi(address.substr(address.rfind(':') + 1), &port));
    name.sin_port = htons(static_cast<uint16_t>(port));
    const timeval patience = absl::ToTimeval(kPatience);
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&name), sizeof(name)),
              0);
    Send(absl::StrCat("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                      Frame(kSettings, 0, 0, "")));
  }
  PingingClient(const PingingClient&) = delete;
  PingingClient& operator=(const PingingClient&) = delete;
  ~PingingClient() { close(fd_); }

  // A stream that stays open: the gateway waits for what it is asked.
  void OpenStream() {
    Send(Frame(kHeaders, kEndHeaders, 1,
               CallHeaders("/fairlead.v1.ChannelGatewayService/Receive")));
  }

  // How many of so many pings are answered before the connection is closed.
  // Each is sent 5 ms and more after the answer to the one before.
  int Ping(int pings) {
    for (int i = 0; i < pings; ++i) {
      const std::string payload = absl::StrCat(10'000'000 + i);
      if (!Send(Frame(kPing, 0, 0, payload))) return i;
      const std::string answer = Frame(kPing, kAck, 0, payload);
      while (heard_.find(answer) == std::string::npos) {
        char buffer[4096];
        const ssize_t got = recv(fd_, buffer, sizeof(buffer), 0);
        if (got <= 0) return i;
        heard_.append(buffer, static_cast<size_t>(got));
      }
      // Above the interval that GoesOnWhereItMay allows: pacing, no waiting.
      absl::SleepFor(absl::Milliseconds(5));
    }
    return pings;
  }

  const std::string& heard() const { return heard_; }

 private:
  bool Send(const std::string& bytes) {
    return send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }

  const int fd_;
  std::string heard_;
};

class PingFlood : public ::testing::Test {
 protected:
  static constexpr int kPings = 50;

  void Start(const std::vector<std::string>& gateway_flags) {
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(const std::string dataset, MakeKronecker());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        cluster_, TestCluster::Start(
                      {.dataset = dataset, .gateway_flags = gateway_flags}));
    client_ = std::make_unique<PingingClient>(cluster_->gateway().address());
  }
  void TearDown() override {
    EXPECT_THAT(cluster_->Load({"--fanout=5,3"}), IsOk());
    EXPECT_THAT(cluster_->Stop(), IsOk());
  }

  std::unique_ptr<TestCluster> cluster_;
  std::unique_ptr<PingingClient> client_;
};

TEST_F(PingFlood, IsDisconnectedAndDoesNotDisturb) {
  Start({});
  client_->OpenStream();
  EXPECT_LT(client_->Ping(kPings), 10);
  EXPECT_THAT(client_->heard(), HasSubstr("too_many_pings"));
}

TEST_F(PingFlood, GoesOnWhereItMay) {
  Start({"--min_ping_interval=1ms"});
  client_->OpenStream();
  EXPECT_EQ(client_->Ping(kPings), kPings);
  EXPECT_THAT(client_->heard(), Not(HasSubstr("too_many_pings")));
}

// gRPC grants nobody more than two where no call is open, whatever the flag.
TEST_F(PingFlood, OfAConnectionWithoutCallsIsDisconnectedInAnyCase) {
  Start({"--min_ping_interval=1ms"});
  EXPECT_LT(client_->Ping(kPings), 10);
  EXPECT_THAT(client_->heard(), HasSubstr("too_many_pings"));
}

}  // namespace
}  // namespace fairlead
