// probe HOST:PORT [PATH]: exits with 0 if http://HOST:PORT/PATH answers 200.
// For health checks in images, which have neither a shell nor curl.

#include <chrono>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "boost/asio/ip/tcp.hpp"
#include "libs/command_line/command_line.h"

namespace {

constexpr std::chrono::seconds kPatience(5);

// Nothing if it answers 200.
std::string Probe(const std::string& address, const std::string& path) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) {
    return absl::StrCat(address, ": is no HOST:PORT");
  }
  boost::asio::ip::tcp::iostream http;
  http.expires_after(kPatience);
  http.connect(address.substr(0, colon), address.substr(colon + 1));
  http << "GET " << path << " HTTP/1.0\r\nHost: " << address << "\r\n\r\n"
       << std::flush;
  std::string status;
  std::getline(http, status);
  if (absl::StrContains(status, " 200 ")) return "";
  return absl::StrCat("http://", address, path, ": ",
                      http.error() ? http.error().message() : status);
}

}  // namespace

int main(int argc, char** argv) {
  constexpr char kUsage[] =
      "probe HOST:PORT [PATH]: whether it answers 200; PATH is /readyz unless "
      "given";
  const std::vector<std::string> arguments =
      fairlead::ParseCommandLine(argc, argv, kUsage, __FILE__);
  if (arguments.empty() || arguments.size() > 2) {
    std::cerr << kUsage << "\n";
    return 2;
  }
  const std::string error =
      Probe(arguments[0], arguments.size() == 2 ? arguments[1] : "/readyz");
  if (error.empty()) return 0;
  std::cerr << "probe: " << error << "\n";
  return 1;
}
