#ifndef FAIRLEAD_LIBS_GRAPH_OBJECT_READER_H_
#define FAIRLEAD_LIBS_GRAPH_OBJECT_READER_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "libs/status/status_macros.h"
#include "nlohmann/json.hpp"

// A part of dataset_manifest.
namespace fairlead {

inline bool IsWithinFolder(const std::string& file) {
  return !file.empty() && file.front() != '/' &&
         file.find("..") == std::string::npos;
}

// Reads one JSON object key by key, and knows which keys were asked for.
class ObjectReader {
 public:
  ObjectReader(std::string where, const nlohmann::json& object)
      : where_(std::move(where)), object_(object) {}

  absl::Status CheckObject() const {
    if (object_.is_object()) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat(where_, ": must be an object"));
  }

  absl::Status Check(std::initializer_list<const char*> known) const {
    FAIRLEAD_RETURN_IF_ERROR(CheckObject());
    for (const auto& [key, value] : object_.items()) {
      bool is_known = false;
      for (const char* name : known) is_known = is_known || key == name;
      if (!is_known) {
        return absl::InvalidArgumentError(
            absl::StrCat(where_, ": \"", key, "\" is no key here"));
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> String(const char* key) const {
    if (!object_.contains(key) || !object_[key].is_string() ||
        object_[key].get<std::string>().empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(where_, ": needs a text \"", key, "\""));
    }
    return object_[key].get<std::string>();
  }

  // A file of the folder.
  absl::StatusOr<std::string> File(const char* key) const {
    FAIRLEAD_ASSIGN_OR_RETURN(std::string file, String(key));
    if (!IsWithinFolder(file)) {
      return absl::InvalidArgumentError(
          absl::StrCat(where_, ": \"", key, "\" is ", file,
                       "; it must lie within the dataset's folder"));
    }
    return file;
  }

  absl::StatusOr<std::string> OptionalFile(const char* key) const {
    if (!object_.contains(key)) return std::string();
    return File(key);
  }

  absl::StatusOr<int64_t> Count(const char* key) const {
    if (!object_.contains(key) || !object_[key].is_number_unsigned()) {
      return absl::InvalidArgumentError(absl::StrCat(
          where_, ": needs a whole number \"", key, "\", 0 or more"));
    }
    const auto count = object_[key].get<uint64_t>();
    if (count > uint64_t{INT64_MAX}) {
      return absl::InvalidArgumentError(
          absl::StrCat(where_, ": \"", key, "\" is too large"));
    }
    return static_cast<int64_t>(count);
  }

  absl::StatusOr<int64_t> OptionalCount(const char* key) const {
    if (!object_.contains(key)) return 0;
    return Count(key);
  }

  // Null if it is not there.
  const nlohmann::json* Find(const char* key) const {
    return object_.contains(key) ? &object_[key] : nullptr;
  }
  std::string Where(const char* key) const {
    return absl::StrCat(where_, ".", key);
  }
  const std::string& where() const { return where_; }

  absl::StatusOr<const nlohmann::json*> Array(const char* key) const {
    if (!object_.contains(key) || !object_[key].is_array()) {
      return absl::InvalidArgumentError(
          absl::StrCat(where_, ": needs a list \"", key, "\""));
    }
    return &object_[key];
  }

 private:
  const std::string where_;
  const nlohmann::json& object_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_GRAPH_OBJECT_READER_H_
