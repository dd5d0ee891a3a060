#include "libs/telemetry/metrics_server.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "boost/asio/io_context.hpp"
#include "boost/asio/ip/tcp.hpp"
#include "boost/asio/steady_timer.hpp"
#include "boost/beast/core/flat_buffer.hpp"
#include "boost/beast/core/tcp_stream.hpp"
#include "boost/beast/http.hpp"

namespace fairlead {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::asio::ip::tcp;
using boost::system::error_code;

// A scraper keeps its connection; there are few of them.
constexpr int kMaxConnections = 64;
constexpr size_t kMaxRequestBytes = 16 << 10;
constexpr std::chrono::seconds kMaxIdle(120);
constexpr std::chrono::seconds kPauseAfterError(1);

// Owned by the operation that it waits for.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, const std::function<std::string()>& page,
             const std::function<bool()>& is_ready, int& open)
      : stream_(std::move(socket)),
        buffer_(kMaxRequestBytes),
        page_(page),
        is_ready_(is_ready),
        open_(open) {
    ++open_;
  }
  ~Connection() { --open_; }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void Read() {
    request_ = {};
    stream_.expires_after(kMaxIdle);
    http::async_read(
        stream_, buffer_, request_,
        [self = shared_from_this()](error_code error, size_t /*bytes*/) {
          if (!error) self->Answer();
        });
  }

 private:
  void Answer() {
    response_ = {};
    response_.version(request_.version());
    response_.keep_alive(request_.keep_alive());
    const auto target = request_.target();
    const auto path = target.substr(0, target.find('?'));
    if (request_.method() != http::verb::get) {
      response_.result(http::status::method_not_allowed);
      response_.set(http::field::allow, "GET");
    } else if (path == "/livez") {
      response_.body() = "alive\n";
    } else if (path == "/readyz") {
      const bool is_ready = is_ready_();
      if (!is_ready) response_.result(http::status::service_unavailable);
      response_.body() = is_ready ? "ready\n" : "not ready\n";
    } else if (path != "/metrics") {
      response_.result(http::status::not_found);
      response_.body() = "Metrics are at /metrics\n";
    } else {
      response_.set(http::field::content_type,
                    "text/plain; version=0.0.4; charset=utf-8");
      response_.body() = page_();
    }
    response_.prepare_payload();
    stream_.expires_after(kMaxIdle);
    http::async_write(
        stream_, response_,
        [self = shared_from_this()](error_code error, size_t /*bytes*/) {
          if (!error && self->response_.keep_alive()) self->Read();
        });
  }

  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  http::request<http::empty_body> request_;
  http::response<http::string_body> response_;
  const std::function<std::string()>& page_;
  const std::function<bool()>& is_ready_;
  int& open_;
};

absl::Status CannotListen(absl::string_view address, const error_code& why) {
  return absl::UnavailableError(
      absl::StrCat("--metrics_listen=", address, ": ", why.message(),
                   "; is the port in use, or the host not this one? Port 0 "
                   "takes a free one"));
}

}  // namespace

class MetricsServer::Listener {
 public:
  Listener(std::function<std::string()> page, std::function<bool()> is_ready)
      : page_(std::move(page)),
        is_ready_(std::move(is_ready)),
        acceptor_(context_),
        pause_(context_) {}

  // The port that was taken.
  absl::StatusOr<int> Listen(const std::string& address) {
    const size_t colon = address.rfind(':');
    std::string host = address.substr(0, colon);
    if (host.size() > 2 && host.front() == '[') {
      host = host.substr(1, host.size() - 2);
    }
    error_code error;
    tcp::resolver resolver(context_);
    const auto found = resolver.resolve(host, address.substr(colon + 1),
                                        tcp::resolver::passive, error);
    if (error) return CannotListen(address, error);
    const tcp::endpoint endpoint = found.begin()->endpoint();
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(kMaxConnections, error);
    if (error) return CannotListen(address, error);
    return acceptor_.local_endpoint(error).port();
  }

  void Run() {
    Accept();
    context_.run();
  }
  void Stop() { context_.stop(); }

 private:
  void Accept() {
    acceptor_.async_accept([this](error_code error, tcp::socket socket) {
      if (error) {  // out of descriptors, for example
        pause_.expires_after(kPauseAfterError);
        pause_.async_wait([this](error_code) { Accept(); });
        return;
      }
      if (open_ < kMaxConnections) {
        std::make_shared<Connection>(std::move(socket), page_, is_ready_, open_)
            ->Read();
      }
      Accept();
    });
  }

  const std::function<std::string()> page_;
  const std::function<bool()> is_ready_;
  int open_ = 0;
  // Its end is that of all connections.
  boost::asio::io_context context_{1};
  tcp::acceptor acceptor_;
  boost::asio::steady_timer pause_;
};

absl::StatusOr<std::unique_ptr<MetricsServer>> MetricsServer::Start(
    const std::string& address, std::function<std::string()> page,
    std::function<bool()> is_ready) {
  auto listener =
      std::make_unique<Listener>(std::move(page), std::move(is_ready));
  const absl::StatusOr<int> port = listener->Listen(address);
  if (!port.ok()) return port.status();
  std::string taken =
      absl::StrCat(address.substr(0, address.rfind(':')), ":", *port);
  // The constructor is private, so std::make_unique cannot call it.
  return std::unique_ptr<MetricsServer>(
      new MetricsServer(std::move(listener), std::move(taken)));
}

MetricsServer::MetricsServer(std::unique_ptr<Listener> listener,
                             std::string address)
    : listener_(std::move(listener)),
      address_(std::move(address)),
      thread_([this] { listener_->Run(); }) {}

MetricsServer::~MetricsServer() {
  listener_->Stop();
  thread_.join();
}

}  // namespace fairlead
