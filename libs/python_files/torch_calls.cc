// What torch's files call: see pickle_calls.h.

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "libs/python_files/pickle_args.h"
#include "libs/python_files/pickle_calls.h"
#include "libs/python_files/pickle_heap.h"
#include "libs/python_files/pickle_names.h"
#include "libs/python_files/pickle_value.h"
#include "libs/python_files/strided_array.h"
#include "libs/python_files/torch_legacy.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

using Kind = PickleKind;

}  // namespace

absl::StatusOr<PickleValue*> PickleCalls::NewStorage(
    ElementType type, absl::Span<const uint8_t> bytes) const {
  FAIRLEAD_ASSIGN_OR_RETURN(PickleValue * storage, heap_.New(Kind::kStorage));
  storage->array_ = std::make_unique<StridedArray>();
  storage->array_->type = type;
  storage->array_->storage = bytes;
  return storage;
}

// ("storage", torch.FloatStorage, "0", "cpu", 12), and None or nothing.
absl::StatusOr<PickleValue*> PickleCalls::Persistent(
    const PickleValue& id) const {
  if (options_.load_storage == nullptr) {
    return absl::InvalidArgumentError(
        "the pickle refers to a storage outside of itself, as only those in a "
        "file of torch.save do; read that file instead");
  }
  if (id.kind() != Kind::kTuple) {
    return absl::DataLossError("a persistent id of the pickle is no tuple");
  }
  FAIRLEAD_RETURN_IF_ERROR(
      CheckArgs("a persistent id", id,
                {Kind::kString, Kind::kGlobal, Kind::kString, Kind::kString,
                 Kind::kInt}));
  const PickleName& type = NameOf(id.item(1));
  if (id.item(0).text() != "storage" ||
      type.meaning != PickleMeaning::kStorageType ||
      id.item(4).int_value() < 0) {
    return absl::DataLossError(
        absl::StrCat("a persistent id of the pickle is no storage: (",
                     Shown(id.item(0).text()), ", ", id.item(1).text(),
                     ", ..., ", id.item(4).int_value(), ")"));
  }
  if (id.size() > 6 || (id.size() == 6 && id.item(5).kind() != Kind::kNone)) {
    return absl::InvalidArgumentError(
        "the pickle has a view of a storage, as torch before 0.4 wrote; save "
        "tensor.clone() with a newer torch");
  }
  TorchStorageRef ref;
  ref.key = id.item(2).text();
  ref.type = type.type;
  ref.elements = id.item(4).int_value();
  FAIRLEAD_ASSIGN_OR_RETURN(const absl::Span<const uint8_t> bytes,
                            options_.load_storage(ref));
  const uint64_t size = ElementBytes(ref.type);
  if (bytes.size() % size != 0 || bytes.size() / size != ref.elements) {
    return absl::DataLossError(
        absl::StrCat("storage \"", Shown(ref.key), "\" has ", bytes.size(),
                     " bytes; ", ref.elements, " ", ElementTypeName(ref.type),
                     " take another number: write the file again"));
  }
  return NewStorage(ref.type, bytes);
}

// storage, offset, sizes, strides, requires_grad, hooks [, dtype [, metadata]]
absl::StatusOr<PickleValue*> PickleCalls::Tensor(const PickleValue& args,
                                                 bool names_dtype) const {
  FAIRLEAD_RETURN_IF_ERROR(
      CheckArgs("a tensor", args,
                {Kind::kStorage, Kind::kInt, Kind::kTuple, Kind::kTuple}));
  FAIRLEAD_RETURN_IF_ERROR(
      heap_.Charge(args.item(2).size() + args.item(3).size()));
  auto array = std::make_unique<StridedArray>();
  array->type = args.item(0).array().type;
  array->storage = args.item(0).array().storage;
  array->offset = args.item(1).int_value();
  FAIRLEAD_ASSIGN_OR_RETURN(array->shape, Dimensions(args.item(2)));
  FAIRLEAD_ASSIGN_OR_RETURN(array->strides, Dimensions(args.item(3)));
  if (names_dtype) {
    if (args.size() < 7 || args.item(6).kind() != Kind::kGlobal ||
        NameOf(args.item(6)).meaning != PickleMeaning::kTorchDtype) {
      return absl::DataLossError("a tensor names no torch dtype");
    }
    array->type = NameOf(args.item(6)).type;
  }
  FAIRLEAD_RETURN_IF_ERROR(CheckBounds(*array));
  FAIRLEAD_ASSIGN_OR_RETURN(PickleValue * tensor, heap_.New(Kind::kArray));
  tensor->array_ = std::move(array);
  return tensor;
}

// How a tensor that was pickled by itself (pickle.dump, not torch.save) writes
// its storage: as bytes, that are a whole torch file.
absl::StatusOr<PickleValue*> PickleCalls::StorageFromBytes(
    const PickleValue& args) const {
  FAIRLEAD_RETURN_IF_ERROR(
      CheckArgs("torch.storage._load_from_bytes", args, {Kind::kBytes}));
  if (nested_) {
    return absl::InvalidArgumentError(
        "a torch file is inside another, inside another; torch does not write "
        "that");
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const LegacyStorage storage,
                            ParseLegacyStorage(AsBytes(args.item(0).text())));
  // Or a short pickle could have a long one read a million times.
  FAIRLEAD_RETURN_IF_ERROR(heap_.ChargeText(storage.pickle_bytes));
  return NewStorage(storage.type, storage.bytes);
}

}  // namespace fairlead
