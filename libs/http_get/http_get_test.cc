#include "libs/http_get/http_get.h"

#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "boost/asio/buffer.hpp"
#include "boost/asio/io_context.hpp"
#include "boost/asio/ip/tcp.hpp"
#include "boost/asio/read_until.hpp"
#include "boost/asio/write.hpp"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/status/status_matchers.h"

namespace fairlead {
namespace {

using ::boost::asio::ip::tcp;
using ::fairlead::testing::IsOkAndHolds;
using ::fairlead::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr absl::Duration kPatience = absl::Minutes(1);

// Answers one request, whatever it is, with `answer`; with none at all if that
// is empty, until the client has gone.
class OneAnswer {
 public:
  explicit OneAnswer(std::string answer)
      : acceptor_(io_, {boost::asio::ip::address_v4::loopback(), 0}),
        thread_([this, answer = std::move(answer)] {
          tcp::socket socket(io_);
          acceptor_.accept(socket);
          boost::asio::read_until(socket, boost::asio::dynamic_buffer(request_),
                                  "\r\n\r\n");
          boost::system::error_code error;
          boost::asio::write(socket, boost::asio::buffer(answer), error);
          char byte = 0;
          if (answer.empty())
            socket.read_some(boost::asio::buffer(&byte, 1), error);
        }) {}
  ~OneAnswer() { Request(); }

  std::string address() const {
    return absl::StrCat("127.0.0.1:", acceptor_.local_endpoint().port());
  }
  // What was asked, once it is answered.
  const std::string& Request() {
    if (thread_.joinable()) thread_.join();
    return request_;
  }

 private:
  boost::asio::io_context io_;
  tcp::acceptor acceptor_;
  std::string request_;
  std::thread thread_;
};

TEST(HttpGet, GivesTheBodyAsItIs) {
  const std::string body("line\n\0\r\n\r\nline", 15);
  OneAnswer server("HTTP/1.0 200 OK\r\nContent-Type: x\r\n\r\n" + body);
  EXPECT_THAT(HttpGet(server.address(), "/metrics", kPatience),
              IsOkAndHolds(body));
  EXPECT_THAT(server.Request(), StartsWith("GET /metrics HTTP/1.0\r\n"));
}

TEST(HttpGet, WritesParametersSoThatTheyComeWhole) {
  OneAnswer server("HTTP/1.0 200 OK\r\n\r\n");
  EXPECT_THAT(HttpGet(server.address(), "/query", kPatience,
                      {{"query", "a{b=\"c d\"}&"}, {"time", "7"}}),
              IsOkAndHolds(""));
  EXPECT_THAT(server.Request(),
              StartsWith("GET /query?query=a%7Bb%3D%22c%20d%22%7D%26&time=7 "));
}

TEST(HttpGet, SaysWhoRefusedAndWhy) {
  OneAnswer server("HTTP/1.0 404 Not Found\r\n\r\nno such page");
  EXPECT_THAT(HttpGet(server.address(), "/x", kPatience),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr(server.address() + "/x"),
                             HasSubstr("404 Not Found no such page"))));
}

TEST(HttpGet, GivesUpOnAServerThatIsSilent) {
  OneAnswer server("");
  EXPECT_THAT(
      HttpGet(server.address(), "/", absl::Milliseconds(10)),
      StatusIs(absl::StatusCode::kUnavailable, HasSubstr(server.address())));
}

TEST(HttpGet, NamesAnAddressWhereNobodyIs) {
  std::string address;
  {
    boost::asio::io_context io;
    const tcp::acceptor gone(io, {boost::asio::ip::address_v4::loopback(), 0});
    address = absl::StrCat("127.0.0.1:", gone.local_endpoint().port());
  }
  for (const std::string& nobody : {address, std::string("no_port")}) {
    EXPECT_THAT(HttpGet(nobody, "/", kPatience),
                StatusIs(absl::StatusCode::kUnavailable, HasSubstr(nobody)));
  }
}

}  // namespace
}  // namespace fairlead
