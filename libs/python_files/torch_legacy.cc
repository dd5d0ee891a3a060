#include "libs/python_files/torch_legacy.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/python_files/pickle_reader.h"
#include "libs/python_files/pickle_value.h"
#include "libs/python_files/shared_bytes.h"
#include "libs/python_files/strided_array.h"
#include "libs/python_files/unpickler.h"
#include "libs/status/status_macros.h"

namespace fairlead {
namespace {

// The pickle of 0x1950a86a20f9469cfc6c: PROTO 2, LONG1 of ten bytes, STOP.
constexpr uint8_t kMagic[] = {0x80, 2,    0x8a, 10,   0x6c, 0xfc, 0x9c, 0x46,
                              0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, '.'};
constexpr int64_t kVersion = 1001;

absl::Status Bad(absl::string_view why) {
  return absl::DataLossError(absl::StrCat("the bytes of a tensor's storage ",
                                          why, "; write the file again"));
}

// Takes one pickle off `bytes`.
absl::StatusOr<PickleDocument> TakePickle(const PickleOptions& options,
                                          absl::Span<const uint8_t>* bytes) {
  FAIRLEAD_ASSIGN_OR_RETURN(
      PickleDocument document,
      Unpickler::Parse({*bytes, nullptr}, options, /*nested=*/true));
  bytes->remove_prefix(document.bytes());
  return document;
}

}  // namespace

bool IsLegacyTorch(absl::Span<const uint8_t> bytes) {
  return bytes.size() >= sizeof(kMagic) &&
         std::equal(std::begin(kMagic), std::end(kMagic), bytes.begin());
}

// Pickles of: the magic number; the version; what machine wrote it; the object,
// here one storage; the list of the storages' keys. Then of each storage, in
// that order: the number of elements, in 8 bytes, and the elements.
absl::StatusOr<LegacyStorage> ParseLegacyStorage(
    absl::Span<const uint8_t> bytes) {
  if (!IsLegacyTorch(bytes)) {
    return Bad("are not what torch.storage._load_from_bytes reads");
  }
  constexpr uint64_t kMostValues = 1000;  // some 30 are usual
  PickleOptions options;
  options.max_values = kMostValues;
  absl::Span<const uint8_t> rest = bytes.subspan(sizeof(kMagic));
  FAIRLEAD_ASSIGN_OR_RETURN(const PickleDocument version,
                            TakePickle(options, &rest));
  if (version.root().kind() != PickleKind::kInt ||
      version.root().int_value() != kVersion) {
    return Bad("are of another version than 1001");
  }
  FAIRLEAD_ASSIGN_OR_RETURN(const PickleDocument machine,
                            TakePickle(options, &rest));
  const PickleValue* const little = machine.root().Find("little_endian");
  if (little == nullptr || little->kind() != PickleKind::kBool) {
    return Bad("do not say what machine wrote them");
  }
  if (!little->bool_value()) {
    return absl::InvalidArgumentError(
        "a tensor's storage is from a big-endian machine; save it on another");
  }

  // The storage's elements end the bytes, so they can be found before the list
  // of keys is read.
  LegacyStorage storage;
  std::optional<std::string> key;
  uint64_t elements = 0;
  options.load_storage = [&](const TorchStorageRef& ref)
      -> absl::StatusOr<absl::Span<const uint8_t>> {
    const uint64_t size = ElementBytes(ref.type);
    if (key.has_value() || ref.elements > rest.size() / size) {
      return Bad("are cut short, or hold more than one storage");
    }
    key = std::string(ref.key);
    elements = ref.elements;
    storage.type = ref.type;
    storage.bytes = rest.last(ref.elements * size);
    return storage.bytes;
  };
  FAIRLEAD_ASSIGN_OR_RETURN(const PickleDocument object,
                            TakePickle(options, &rest));
  if (object.root().kind() != PickleKind::kStorage) {
    return Bad("are no storage");
  }
  options.load_storage = nullptr;
  FAIRLEAD_ASSIGN_OR_RETURN(const PickleDocument keys,
                            TakePickle(options, &rest));
  if (keys.root().kind() != PickleKind::kList || keys.root().size() != 1 ||
      keys.root().item(0).kind() != PickleKind::kString ||
      keys.root().item(0).text() != *key) {
    return Bad("do not list the storage that they hold");
  }
  uint64_t written = 0;
  if (rest.size() != sizeof(written) + storage.bytes.size()) {
    return Bad("are cut short or too long");
  }
  for (size_t i = sizeof(written); i-- > 0;) written = written << 8 | rest[i];
  if (written != elements) {
    return Bad(
        absl::StrCat("say that it has ", elements, " elements, and ", written));
  }
  storage.pickle_bytes = bytes.size() - rest.size();
  return storage;
}

}  // namespace fairlead
