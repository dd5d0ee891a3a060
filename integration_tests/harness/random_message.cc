#include "integration_tests/harness/random_message.h"

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"

namespace fairlead::testing {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;

uint64_t RandomNumber(Random& random) {
  switch (random() % 4) {
    case 0:
      return 0;
    case 1:
      return ~uint64_t{0};
    default:
      // Never the id of anything that there is.
      return random() | uint64_t{1} << 40;
  }
}

// A name that nothing has, nor may have.
std::string RandomText(Random& random, size_t most) {
  return absl::StrCat(" ", RandomBytes(random, most));
}

}  // namespace

std::string RandomBytes(Random& random, size_t most) {
  std::string bytes(random() % (most + 1), '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

void FillRandomly(Random& random, int depth, Message* message) {
  const Descriptor& type = *message->GetDescriptor();
  const auto& fields = *message->GetReflection();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor* field = type.field(i);
    const uint64_t times =
        field->is_repeated() ? random() % 5 : (random() % 4 == 0 ? 0 : 1);
    for (uint64_t t = 0; t < times; ++t) {
      const bool adds = field->is_repeated();
      const uint64_t number = RandomNumber(random);
      switch (field->cpp_type()) {
        case FieldDescriptor::CPPTYPE_INT32:
          adds ? fields.AddInt32(message, field, static_cast<int32_t>(number))
               : fields.SetInt32(message, field, static_cast<int32_t>(number));
          break;
        case FieldDescriptor::CPPTYPE_INT64:
          adds ? fields.AddInt64(message, field, static_cast<int64_t>(number))
               : fields.SetInt64(message, field, static_cast<int64_t>(number));
          break;
        case FieldDescriptor::CPPTYPE_UINT32:
          adds
              ? fields.AddUInt32(message, field, static_cast<uint32_t>(number))
              : fields.SetUInt32(message, field, static_cast<uint32_t>(number));
          break;
        case FieldDescriptor::CPPTYPE_UINT64:
          adds ? fields.AddUInt64(message, field, number)
               : fields.SetUInt64(message, field, number);
          break;
        case FieldDescriptor::CPPTYPE_DOUBLE:
          adds ? fields.AddDouble(message, field, static_cast<double>(number))
               : fields.SetDouble(message, field, -static_cast<double>(number));
          break;
        case FieldDescriptor::CPPTYPE_FLOAT:
          adds ? fields.AddFloat(message, field, static_cast<float>(number))
               : fields.SetFloat(message, field, static_cast<float>(number));
          break;
        case FieldDescriptor::CPPTYPE_BOOL:
          adds ? fields.AddBool(message, field, number % 2 == 0)
               : fields.SetBool(message, field, number % 2 == 0);
          break;
        case FieldDescriptor::CPPTYPE_ENUM: {
          const int value = static_cast<int>(random() % 6);
          adds ? fields.AddEnumValue(message, field, value)
               : fields.SetEnumValue(message, field, value);
          break;
        }
        case FieldDescriptor::CPPTYPE_STRING: {
          // (Of bytes that are no UTF-8 text, too.)
          const std::string text = RandomText(random, 200);
          adds ? fields.AddString(message, field, text)
               : fields.SetString(message, field, text);
          break;
        }
        case FieldDescriptor::CPPTYPE_MESSAGE:
          if (depth == 0) break;
          FillRandomly(random, depth - 1,
                       adds ? fields.AddMessage(message, field)
                            : fields.MutableMessage(message, field));
          break;
      }
    }
  }
}

}  // namespace fairlead::testing
