#include "protos/compatibility/wire_compatibility.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"

namespace fairlead {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::DescriptorPool;
using ::google::protobuf::EnumDescriptor;
using ::google::protobuf::EnumValueDescriptor;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::FileDescriptor;
using ::google::protobuf::MethodDescriptor;
using ::google::protobuf::ServiceDescriptor;

// "repeated fairlead.v1.Member", "optional uint64".
std::string TypeOf(const FieldDescriptor& field) {
  const std::string type =
      field.message_type() != nullptr ? field.message_type()->full_name()
      : field.enum_type() != nullptr  ? field.enum_type()->full_name()
                                      : field.type_name();
  return absl::StrCat(field.is_repeated()   ? "repeated "
                      : field.is_required() ? "required "
                                            : "",
                      type);
}

std::string OneofOf(const FieldDescriptor& field) {
  return field.real_containing_oneof() == nullptr
             ? "no oneof"
             : absl::StrCat("oneof ", field.real_containing_oneof()->name());
}

std::string SignatureOf(const MethodDescriptor& method) {
  return absl::StrCat("(", method.client_streaming() ? "stream " : "",
                      method.input_type()->full_name(), ") returns (",
                      method.server_streaming() ? "stream " : "",
                      method.output_type()->full_name(), ")");
}

class Comparison {
 public:
  explicit Comparison(const DescriptorPool& newer) : newer_(newer) {}

  void Compare(const FileDescriptor& older) {
    for (int i = 0; i < older.message_type_count(); ++i) {
      Compare(*older.message_type(i));
    }
    for (int i = 0; i < older.enum_type_count(); ++i) {
      Compare(*older.enum_type(i));
    }
    for (int i = 0; i < older.service_count(); ++i) Compare(*older.service(i));
  }

  std::vector<std::string> TakeBreaks() { return std::move(breaks_); }

 private:
  template <typename... Text>
  void Break(const Text&... text) {
    breaks_.push_back(absl::StrCat(text...));
  }

  void Compare(const Descriptor& older) {
    const Descriptor* const newer =
        newer_.FindMessageTypeByName(older.full_name());
    if (newer == nullptr) {
      Break(older.full_name(), ": is gone");
      return;
    }
    for (int i = 0; i < older.field_count(); ++i) {
      Compare(*older.field(i), *newer);
    }
    for (int i = 0; i < newer->field_count(); ++i) {
      const FieldDescriptor& field = *newer->field(i);
      if (older.IsReservedNumber(field.number()) ||
          older.IsReservedName(field.name())) {
        Break(field.full_name(), ": its number, ", field.number(),
              ", or its name was reserved");
      }
    }
    for (int i = 0; i < older.nested_type_count(); ++i) {
      Compare(*older.nested_type(i));
    }
    for (int i = 0; i < older.enum_type_count(); ++i) {
      Compare(*older.enum_type(i));
    }
  }

  void Compare(const FieldDescriptor& older, const Descriptor& message) {
    const FieldDescriptor* const newer =
        message.FindFieldByNumber(older.number());
    if (newer == nullptr) {
      if (!message.IsReservedNumber(older.number()) ||
          !message.IsReservedName(older.name())) {
        Break(older.full_name(), ": is gone; reserve ", older.number(),
              " and \"", older.name(), "\"");
      }
    } else if (newer->name() != older.name()) {
      Break(older.full_name(), ": its number, ", older.number(), ", is ",
            newer->name(), "'s");
    } else if (TypeOf(older) != TypeOf(*newer)) {
      Break(older.full_name(), ": was ", TypeOf(older), " and is ",
            TypeOf(*newer));
    } else if (OneofOf(older) != OneofOf(*newer)) {
      Break(older.full_name(), ": was of ", OneofOf(older), " and is of ",
            OneofOf(*newer));
    }
  }

  void Compare(const EnumDescriptor& older) {
    const EnumDescriptor* const newer =
        newer_.FindEnumTypeByName(older.full_name());
    if (newer == nullptr) {
      Break(older.full_name(), ": is gone");
      return;
    }
    for (int i = 0; i < older.value_count(); ++i) {
      const EnumValueDescriptor& value = *older.value(i);
      const EnumValueDescriptor* const now =
          newer->FindValueByNumber(value.number());
      if (now == nullptr) {
        if (!newer->IsReservedNumber(value.number()) ||
            !newer->IsReservedName(value.name())) {
          Break(value.full_name(), ": is gone; reserve ", value.number(),
                " and \"", value.name(), "\"");
        }
      } else if (now->name() != value.name()) {
        Break(value.full_name(), ": its number, ", value.number(), ", is ",
              now->name(), "'s");
      }
    }
  }

  void Compare(const ServiceDescriptor& older) {
    const ServiceDescriptor* const newer =
        newer_.FindServiceByName(older.full_name());
    if (newer == nullptr) {
      Break(older.full_name(), ": is gone");
      return;
    }
    for (int i = 0; i < older.method_count(); ++i) {
      const MethodDescriptor& method = *older.method(i);
      const MethodDescriptor* const now =
          newer->FindMethodByName(method.name());
      if (now == nullptr) {
        Break(method.full_name(), ": is gone");
      } else if (SignatureOf(method) != SignatureOf(*now)) {
        Break(method.full_name(), ": was ", SignatureOf(method), " and is ",
              SignatureOf(*now));
      }
    }
  }

  const DescriptorPool& newer_;
  std::vector<std::string> breaks_;
};

}  // namespace

std::vector<std::string> WireBreaks(const DescriptorPool& older,
                                    const std::vector<std::string>& files,
                                    const DescriptorPool& newer) {
  Comparison comparison(newer);
  for (const std::string& file : files) {
    comparison.Compare(*older.FindFileByName(file));
  }
  return comparison.TakeBreaks();
}

}  // namespace fairlead
