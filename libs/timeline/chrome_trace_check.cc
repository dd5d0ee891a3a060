#include "libs/timeline/chrome_trace_check.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "libs/status/status_macros.h"
#include "nlohmann/json.hpp"

namespace fairlead::testing {
namespace {

using Json = nlohmann::ordered_json;
using Track = std::pair<int64_t, int64_t>;  // pid, tid

absl::Status Wrong(absl::string_view what, const Json& event) {
  return absl::InternalError(absl::StrCat(what, ": ", event.dump()));
}

// Microseconds as Perfetto takes them: whole nanoseconds, the rest cut off.
int64_t Nanoseconds(const Json& microseconds) {
  return static_cast<int64_t>(microseconds.get<double>() * 1000);
}

class Checker {
 public:
  absl::Status Add(const Json& event) {
    if (!event.is_object()) return Wrong("is no object", event);
    for (const char* key : {"name", "ph"}) {
      if (!event.contains(key) || !event[key].is_string()) {
        return Wrong(absl::StrCat("needs a string as its ", key), event);
      }
    }
    for (const char* key : {"pid", "tid"}) {
      if (!event.contains(key) || !event[key].is_number_integer()) {
        return Wrong(absl::StrCat("needs an integer as its ", key), event);
      }
    }
    for (const char* key : {"ts", "dur"}) {
      if (event.contains(key) &&
          (!event[key].is_number() || event[key].get<double>() < 0)) {
        return Wrong(absl::StrCat("has no time as its ", key), event);
      }
    }
    const std::string phase = event["ph"];
    if (phase == "M") return AddName(event);
    if (!event.contains("ts")) return Wrong("needs a ts", event);
    const int64_t at = Nanoseconds(event["ts"]);
    if (at < latest_) return Wrong("is earlier than the one before", event);
    latest_ = at;
    const Track track = {event["pid"], event["tid"]};
    if (processes_.count(track.first) == 0 || threads_.count(track) == 0) {
      return Wrong("its process or thread has no name yet", event);
    }
    if (phase == "X") return AddSlice(event, track, at);
    if (phase == "s" || phase == "t" || phase == "f") {
      return AddArrow(event, phase, track, at);
    }
    return Wrong("is of no kind that we know", event);
  }

  absl::Status Finish() const {
    for (const auto& [id, phases] : arrows_) {
      if (phases.size() < 2 || phases.back() != 'f') {
        return absl::InternalError(
            absl::StrCat("arrow ", id, " is only ", phases));
      }
    }
    return absl::OkStatus();
  }

 private:
  absl::Status AddName(const Json& event) {
    const Track track = {event["pid"], event["tid"]};
    const std::string kind = event["name"];
    const char* const key =
        kind == "process_sort_index" ? "sort_index" : "name";
    if (!event.contains("args") || !event["args"].contains(key)) {
      return Wrong("needs args", event);
    }
    bool is_new = true;
    if (kind == "process_name") {
      is_new = processes_.insert(track.first).second;
    } else if (kind == "thread_name") {
      is_new = threads_.insert(track).second;
    } else if (kind != "process_sort_index") {
      return Wrong("is no name that Perfetto knows", event);
    }
    return is_new ? absl::OkStatus() : Wrong("names it once more", event);
  }

  absl::Status AddSlice(const Json& event, const Track& track, int64_t at) {
    if (!event.contains("dur")) return Wrong("needs a dur", event);
    std::vector<int64_t>& ends = open_[track];
    while (!ends.empty() && ends.back() <= at) ends.pop_back();
    const int64_t end = at + Nanoseconds(event["dur"]);
    if (!ends.empty() && end > ends.back()) {
      return Wrong(absl::StrCat("ends ", end - ends.back(),
                                " ns after the slice that it is in"),
                   event);
    }
    ends.push_back(end);
    return absl::OkStatus();
  }

  absl::Status AddArrow(const Json& event, const std::string& phase,
                        const Track& track, int64_t at) {
    if (!event.contains("id") || !event["id"].is_number_integer()) {
      return Wrong("needs an id", event);
    }
    std::string& phases = arrows_[event["id"]];
    if (phases.empty() != (phase == "s") ||
        (!phases.empty() && phases.back() == 'f')) {
      return Wrong(absl::StrCat("follows ", phases), event);
    }
    phases += phase;
    // Else it would end at the next slice that begins.
    if (phase == "f" && event.value("bp", "") != "e") {
      return Wrong("needs bp=e", event);
    }
    const std::vector<int64_t>& ends = open_[track];
    if (ends.empty() || ends.front() < at) {
      return Wrong("is in no slice", event);
    }
    return absl::OkStatus();
  }

  int64_t latest_ = 0;
  std::set<int64_t> processes_;                 // that have names
  std::set<Track> threads_;                     // so
  std::map<Track, std::vector<int64_t>> open_;  // ends, the outermost first
  std::map<int64_t, std::string> arrows_;       // their phases, by id
};

}  // namespace

absl::Status CheckChromeTrace(const Json& trace) {
  if (!trace.is_object() || !trace.contains("traceEvents") ||
      !trace["traceEvents"].is_array()) {
    return absl::InternalError("there is no array traceEvents");
  }
  const std::string unit = trace.value("displayTimeUnit", "ms");
  if (unit != "ms" && unit != "ns") {
    return absl::InternalError("displayTimeUnit must be ms or ns");
  }
  Checker checker;
  for (const Json& event : trace["traceEvents"]) {
    FAIRLEAD_RETURN_IF_ERROR(checker.Add(event));
  }
  return checker.Finish();
}

}  // namespace fairlead::testing
