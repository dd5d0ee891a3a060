#include "libs/python_files/pickle_reader.h"

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "libs/python_files/shared_bytes.h"
#include "libs/python_files/unpickler.h"
#include "libs/status/status_macros.h"

namespace fairlead {

absl::StatusOr<PickleDocument> ParsePickle(const SharedBytes& bytes,
                                           absl::string_view name,
                                           const PickleOptions& options) {
  absl::StatusOr<PickleDocument> document =
      Unpickler::Parse(bytes, options, /*nested=*/false);
  if (document.ok()) return document;
  return absl::Status(document.status().code(),
                      absl::StrCat(name, ": ", document.status().message()));
}

absl::StatusOr<std::vector<PickleDocument>> ParsePickles(
    const SharedBytes& bytes, absl::string_view name,
    const PickleOptions& options) {
  std::vector<PickleDocument> documents;
  SharedBytes left = bytes;
  PickleOptions left_options = options;
  while (!left.span.empty()) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        PickleDocument document,
        ParsePickle(left, absl::StrCat(name, ", pickle ", documents.size()),
                    left_options));
    left_options.max_values = Unpickler::ValuesLeft(document);
    left.span.remove_prefix(document.bytes());
    documents.push_back(std::move(document));
  }
  return documents;
}

}  // namespace fairlead
