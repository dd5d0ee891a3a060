#ifndef FAIRLEAD_LIBS_PYTHON_FILES_PICKLE_READER_H_
#define FAIRLEAD_LIBS_PYTHON_FILES_PICKLE_READER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/python_files/pickle_heap.h"
#include "libs/python_files/pickle_value.h"
#include "libs/python_files/shared_bytes.h"
#include "libs/python_files/strided_array.h"

namespace fairlead {

// Reads Python pickles as data. In Python a pickle is a program: it imports
// what it names and calls it, with the rights of whoever opens the file. Here
// nothing is imported or called. The few names that torch and NumPy need to
// write arrays are known, and stand for what they make (the list is in the
// README); every other name ends the reading with an error that says it.
//
//   FAIRLEAD_ASSIGN_OR_RETURN(const SharedBytes bytes, MapFile("META"));
//   FAIRLEAD_ASSIGN_OR_RETURN(const PickleDocument meta,
//                             ParsePickle(bytes, "META"));
//   const PickleValue* parts = meta.root().Find("num_parts");

// A tensor's memory in a torch file: what its pickle says of it.
struct TorchStorageRef {
  absl::string_view key;
  ElementType type;       // kUint8 if the storage is untyped
  uint64_t elements = 0;  // of `type`
};

struct PickleOptions {
  // The most values, and links between them. Bounds the memory (some 100 bytes
  // each), and what a recursion over the result visits.
  uint64_t max_values = uint64_t{1} << 22;
  // The deepest nesting of the result.
  uint64_t max_depth = 200;
  // Finds the bytes of a storage, exactly `elements` of them, which must live
  // as long as the document. Without it a pickle may have no storages outside
  // of itself.
  std::function<absl::StatusOr<absl::Span<const uint8_t>>(
      const TorchStorageRef&)>
      load_storage;
};

// The values of one pickle. Movable; the values' addresses stay.
class PickleDocument {
 public:
  const PickleValue& root() const { return *root_; }

  // How many bytes the pickle was: where the next one begins, if any.
  size_t bytes() const { return bytes_; }

  // Has the document keep what its storages point into, too.
  void Keep(const SharedBytes& storages) { storages_ = storages; }

 private:
  friend class Unpickler;
  PickleDocument() = default;

  SharedBytes source_;  // strings and arrays point into it
  SharedBytes storages_;
  std::unique_ptr<PickleHeap> heap_;
  const PickleValue* root_ = nullptr;
  size_t bytes_ = 0;
};

// Reads the pickle at the start of `bytes`, of protocol 0 to 5 as Python 3
// writes them. `name` is for messages. What follows it is left alone.
//
// DATA_LOSS if it is no pickle, truncated or malformed; INVALID_ARGUMENT if it
// names what is not on the list (it would have run code), is of Python 2, holds
// itself, or has an integer beyond 64 bits or an array of other than plain
// little-endian numbers; RESOURCE_EXHAUSTED beyond the limits of `options`.
absl::StatusOr<PickleDocument> ParsePickle(const SharedBytes& bytes,
                                           absl::string_view name,
                                           const PickleOptions& options = {});

// Reads pickles that were appended to one file, until its end. The limit of
// values is for all of them together. INVALID_ARGUMENT etc. as above; an empty
// file has none.
absl::StatusOr<std::vector<PickleDocument>> ParsePickles(
    const SharedBytes& bytes, absl::string_view name,
    const PickleOptions& options = {});

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PYTHON_FILES_PICKLE_READER_H_
