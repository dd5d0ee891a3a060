#ifndef FAIRLEAD_LIBS_PYTHON_FILES_UNPICKLER_H_
#define FAIRLEAD_LIBS_PYTHON_FILES_UNPICKLER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/python_files/pickle_calls.h"
#include "libs/python_files/pickle_heap.h"
#include "libs/python_files/pickle_reader.h"
#include "libs/python_files/pickle_value.h"
#include "libs/python_files/shared_bytes.h"

namespace fairlead {

// The pickle machine: a stack, a memo, and a loop over opcodes, each as
// CPython's pickletools describes it. A part of pickle_reader, which see.
class Unpickler {
 public:
  // As ParsePickle. `nested`: inside another pickle, where the value may be a
  // storage, and may hold no further pickle.
  static absl::StatusOr<PickleDocument> Parse(const SharedBytes& bytes,
                                              const PickleOptions& options,
                                              bool nested);

  // The values that a document did not need, of its max_values.
  static uint64_t ValuesLeft(const PickleDocument& document) {
    return document.heap_->values_left();
  }

 private:
  Unpickler(absl::Span<const uint8_t> bytes, const PickleOptions& options,
            bool nested, PickleHeap* heap)
      : bytes_(bytes),
        options_(options),
        nested_(nested),
        heap_(*heap),
        calls_(heap, &options, nested) {}

  absl::StatusOr<PickleValue*> Run();
  absl::Status Step(uint8_t opcode);

  // Reading. DATA_LOSS at the end of the bytes.
  absl::StatusOr<absl::string_view> Take(uint64_t bytes);
  absl::StatusOr<absl::string_view> TakeLine();
  absl::StatusOr<uint64_t> TakeLe(size_t bytes);
  absl::StatusOr<absl::string_view> TakeCounted(size_t length_bytes);
  absl::StatusOr<uint64_t> TakeDecimal();

  // The stack. What is below the last mark cannot be popped.
  absl::Status Push(PickleValue* value);
  absl::Status Push(absl::StatusOr<PickleValue*> value);
  absl::StatusOr<PickleValue*> Pop();
  absl::StatusOr<PickleValue*> Top() const;
  absl::StatusOr<std::vector<PickleValue*>> PopToMark();
  size_t Floor() const { return marks_.empty() ? 0 : marks_.back(); }

  // Opcodes.
  absl::Status PushInt(int64_t value);
  absl::Status PushText(PickleKind kind,
                        absl::StatusOr<absl::string_view> text);
  absl::Status PushDecimal(absl::string_view text);
  absl::Status PushLong(absl::StatusOr<absl::string_view> bytes);
  absl::Status PushEscaped(absl::string_view text);
  absl::Status PushFloatText(absl::string_view text);
  absl::Status PushFloat();
  absl::Status PushItems(PickleKind kind,
                         absl::StatusOr<std::vector<PickleValue*>> items);
  absl::Status PushTuple(size_t size);
  absl::Status Extend(PickleKind kind,
                      absl::StatusOr<std::vector<PickleValue*>> items);
  absl::Status ExtendOne(PickleKind kind, size_t size);
  absl::Status Get(absl::StatusOr<uint64_t> index);
  absl::Status Put(absl::StatusOr<uint64_t> index);
  absl::Status Global();
  absl::Status StackGlobal();
  absl::Status Instance();
  absl::Status Reduce();
  absl::Status Build();

  absl::Status CheckTree(const PickleValue* root) const;

  const absl::Span<const uint8_t> bytes_;
  const PickleOptions& options_;
  const bool nested_;
  PickleHeap& heap_;
  const PickleCalls calls_;
  size_t at_ = 0;
  std::vector<PickleValue*> stack_;
  std::vector<size_t> marks_;  // sizes of the stack
  absl::flat_hash_map<uint64_t, PickleValue*> memo_;
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_PYTHON_FILES_UNPICKLER_H_
