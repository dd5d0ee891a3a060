#include "protos/compatibility/wire_compatibility.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace fairlead {
namespace {

using ::google::protobuf::DescriptorPool;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kFile[] = "contract.proto";

// message Ask {
//   reserved 9;
//   uint64 id = 1;
//   repeated string names = 2;
//   oneof what { bool all = 3; Kind one = 4; }
//   message Inner { int32 depth = 1; }
//   Inner inner = 5;
// }
// message Answer {}
// enum Kind { KIND_UNSPECIFIED = 0; KIND_SMALL = 1; }
// service Service {
//   rpc Get(Ask) returns (Answer);
//   rpc Watch(Ask) returns (stream Answer);
// }
constexpr char kOlder[] = R"(
message_type {
  name: "Ask"
  reserved_range { start: 9 end: 10 }
  field { name: "id" number: 1 type: TYPE_UINT64 label: LABEL_OPTIONAL }
  field { name: "names" number: 2 type: TYPE_STRING label: LABEL_REPEATED }
  field { name: "all" number: 3 type: TYPE_BOOL label: LABEL_OPTIONAL
          oneof_index: 0 }
  field { name: "one" number: 4 type_name: ".test.Kind" label: LABEL_OPTIONAL
          oneof_index: 0 }
  oneof_decl { name: "what" }
  nested_type {
    name: "Inner"
    field { name: "depth" number: 1 type: TYPE_INT32 label: LABEL_OPTIONAL }
  }
  field { name: "inner" number: 5 type_name: ".test.Ask.Inner"
          label: LABEL_OPTIONAL }
}
message_type { name: "Answer" }
enum_type {
  name: "Kind"
  value { name: "KIND_UNSPECIFIED" number: 0 }
  value { name: "KIND_SMALL" number: 1 }
}
service {
  name: "Service"
  method { name: "Get" input_type: ".test.Ask" output_type: ".test.Answer" }
  method { name: "Watch" input_type: ".test.Ask" output_type: ".test.Answer"
           server_streaming: true }
}
)";
constexpr char kId[] =
    R"(field { name: "id" number: 1 type: TYPE_UINT64 label: LABEL_OPTIONAL })";
constexpr char kSmall[] = R"(value { name: "KIND_SMALL" number: 1 })";
constexpr char kGet[] =
    R"(method { name: "Get" input_type: ".test.Ask" output_type: ".test.Answer" })";

void Build(const std::string& text, DescriptorPool& pool) {
  google::protobuf::FileDescriptorProto file;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &file))
      << text;
  file.set_name(kFile);
  file.set_package("test");
  file.set_syntax("proto3");
  ASSERT_NE(pool.BuildFile(file), nullptr) << text;
}

// What breaks if the older contract has `from` replaced by `to`.
std::vector<std::string> BreaksOf(const std::string& from,
                                  const std::string& to) {
  std::string changed = kOlder;
  const size_t at = changed.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  changed.replace(at, from.size(), to);
  DescriptorPool older;
  DescriptorPool newer;
  Build(kOlder, older);
  Build(changed, newer);
  return WireBreaks(older, {kFile}, newer);
}

TEST(WireBreaks, NothingIsBrokenByWhatIsNew) {
  for (const char* more :
       {R"(message_type { name: "More" })", R"(enum_type { name: "Other"
            value { name: "OTHER_UNSPECIFIED" number: 0 } })"}) {
    EXPECT_THAT(BreaksOf("service {", std::string(more) + " service {"),
                IsEmpty());
  }
  EXPECT_THAT(BreaksOf("oneof_decl", R"(field { name: "why" number: 6
                  type: TYPE_STRING label: LABEL_OPTIONAL } oneof_decl)"),
              IsEmpty());
  EXPECT_THAT(BreaksOf("oneof_decl", R"(field { name: "none" number: 7
                  type: TYPE_BOOL label: LABEL_OPTIONAL oneof_index: 0 }
                  oneof_decl)"),
              IsEmpty());
  EXPECT_THAT(BreaksOf(kSmall, std::string(kSmall) +
                                   R"(value { name: "KIND_HUGE" number: 3 })"),
              IsEmpty());
  EXPECT_THAT(BreaksOf(kGet, std::string(kGet) + R"(method { name: "Put"
                  input_type: ".test.Ask" output_type: ".test.Answer" })"),
              IsEmpty());
}

TEST(WireBreaks, FieldThatIsGoneMustBeReserved) {
  EXPECT_THAT(BreaksOf(kId, ""),
              ElementsAre(HasSubstr("test.Ask.id: is gone; reserve 1")));
  EXPECT_THAT(BreaksOf(kId, "reserved_range { start: 1 end: 2 }"),
              ElementsAre(HasSubstr("reserve 1 and \"id\"")));
  EXPECT_THAT(BreaksOf(kId, R"(reserved_range { start: 1 end: 2 }
                               reserved_name: "id")"),
              IsEmpty());
}

TEST(WireBreaks, NumberIsUsedOnce) {
  EXPECT_THAT(
      BreaksOf("name: \"id\"", "name: \"other\""),
      ElementsAre(AllOf(HasSubstr("test.Ask.id"), HasSubstr("1, is other's"))));
  EXPECT_THAT(BreaksOf("reserved_range { start: 9 end: 10 }",
                       R"(field { name: "again" number: 9 type: TYPE_BOOL
                          label: LABEL_OPTIONAL })"),
              ElementsAre(HasSubstr("9, or its name was reserved")));
  EXPECT_THAT(BreaksOf("name: \"id\" number: 1", "name: \"id\" number: 6"),
              ElementsAre(HasSubstr("test.Ask.id: is gone")));
}

TEST(WireBreaks, FieldKeepsTypeLabelAndOneof) {
  EXPECT_THAT(BreaksOf("TYPE_UINT64", "TYPE_FIXED64"),
              ElementsAre(HasSubstr("was uint64 and is fixed64")));
  EXPECT_THAT(BreaksOf("LABEL_REPEATED", "LABEL_OPTIONAL"),
              ElementsAre(HasSubstr("was repeated string and is string")));
  EXPECT_THAT(BreaksOf("\".test.Ask.Inner\"", "\".test.Answer\""),
              ElementsAre(HasSubstr("was test.Ask.Inner and is test.Answer")));
  EXPECT_THAT(BreaksOf("TYPE_INT32", "TYPE_BYTES"),
              ElementsAre(HasSubstr("test.Ask.Inner.depth")));
  EXPECT_THAT(BreaksOf("type: TYPE_BOOL label: LABEL_OPTIONAL\n"
                       "          oneof_index: 0",
                       "type: TYPE_BOOL label: LABEL_OPTIONAL"),
              ElementsAre(HasSubstr("was of oneof what and is of no oneof")));
}

TEST(WireBreaks, EnumKeepsItsValues) {
  EXPECT_THAT(BreaksOf(kSmall, ""),
              ElementsAre(HasSubstr("KIND_SMALL: is gone; reserve 1")));
  EXPECT_THAT(BreaksOf(kSmall, R"(reserved_range { start: 1 end: 1 }
                                  reserved_name: "KIND_SMALL")"),
              IsEmpty());
  EXPECT_THAT(BreaksOf("KIND_SMALL", "KIND_HUGE"),
              ElementsAre(HasSubstr("1, is KIND_HUGE's")));
}

TEST(WireBreaks, MethodKeepsWhatItTakesAndGives) {
  EXPECT_THAT(BreaksOf(kGet, ""),
              ElementsAre(HasSubstr("test.Service.Get: is gone")));
  EXPECT_THAT(BreaksOf("server_streaming: true", ""),
              ElementsAre(AllOf(HasSubstr("test.Service.Watch"),
                                HasSubstr("returns (stream test.Answer)"))));
  EXPECT_THAT(BreaksOf("\"Get\" input_type: \".test.Ask\"",
                       "\"Get\" input_type: \".test.Answer\""),
              ElementsAre(HasSubstr("was (test.Ask)")));
}

TEST(WireBreaks, WhatIsGoneAltogetherIsNamed) {
  DescriptorPool older;
  DescriptorPool newer;
  Build(kOlder, older);
  Build(R"(message_type { name: "Other" })", newer);
  EXPECT_THAT(WireBreaks(older, {kFile}, newer),
              ElementsAre("test.Ask: is gone", "test.Answer: is gone",
                          "test.Kind: is gone", "test.Service: is gone"));
}

}  // namespace
}  // namespace fairlead
