#include "libs/rpc/ready_line.h"

#include <iostream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace fairlead::rpc {

std::string ReadyLine::ToString() const {
  return absl::StrCat("fairlead-ready service=", service, " grpc=", grpc,
                      " metrics=", metrics);
}

absl::StatusOr<ReadyLine> ReadyLine::Parse(absl::string_view line) {
  if (!absl::ConsumePrefix(&line, "fairlead-ready ")) {
    return absl::NotFoundError("not a ready line");
  }
  ReadyLine ready;
  for (absl::string_view word : absl::StrSplit(line, ' ')) {
    if (absl::ConsumePrefix(&word, "service="))
      ready.service = std::string(word);
    if (absl::ConsumePrefix(&word, "grpc=")) ready.grpc = std::string(word);
    if (absl::ConsumePrefix(&word, "metrics="))
      ready.metrics = std::string(word);
  }
  if (ready.service.empty() || ready.grpc.empty() || ready.metrics.empty()) {
    return absl::NotFoundError(
        "a ready line must have service=, grpc= and metrics=");
  }
  return ready;
}

void PrintReadyLine(const ReadyLine& ready) {
  std::cout << ready.ToString() << std::endl;
}

}  // namespace fairlead::rpc
