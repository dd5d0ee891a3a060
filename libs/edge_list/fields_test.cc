#include "libs/edge_list/fields.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fairlead {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> Split(absl::string_view line, Delimiter delimiter) {
  std::vector<std::string> texts;
  FieldCursor fields(line, delimiter);
  while (const std::optional<absl::string_view> field = fields.Next()) {
    texts.emplace_back(*field);
  }
  EXPECT_EQ(texts.size(), fields.count());
  if (!fields.problem().empty()) texts.emplace_back(fields.problem());
  EXPECT_EQ(fields.Next(), std::nullopt);
  return texts;
}

TEST(FieldCursor, BlanksAroundFieldsAreNoPartOfThem) {
  EXPECT_THAT(Split(" 1 ,\t2,3\t", Delimiter::kComma),
              ElementsAre("1", "2", "3"));
  EXPECT_THAT(Split(" 1 \t 2\t3 ", Delimiter::kTab),
              ElementsAre("1", "2", "3"));
  EXPECT_THAT(Split(" 1 2; 3", Delimiter::kSemicolon), ElementsAre("1 2", "3"));
  EXPECT_THAT(Split("\t 1 \t2  3 ", Delimiter::kBlanks),
              ElementsAre("1", "2", "3"));
}

TEST(FieldCursor, FieldsCanBeEmptyExceptBetweenBlanks) {
  EXPECT_THAT(Split(",", Delimiter::kComma), ElementsAre("", ""));
  EXPECT_THAT(Split("1,,", Delimiter::kComma), ElementsAre("1", "", ""));
  EXPECT_THAT(Split("\t1", Delimiter::kTab), ElementsAre("", "1"));
  EXPECT_THAT(Split("", Delimiter::kComma), ElementsAre(""));
  EXPECT_THAT(Split("  ", Delimiter::kBlanks), IsEmpty());
}

TEST(FieldCursor, QuotedFieldsHoldDelimiters) {
  EXPECT_THAT(Split(R"("a,b" , "c""d",e"f)", Delimiter::kComma),
              ElementsAre("a,b", R"(c""d)", "e\"f"));
  EXPECT_THAT(Split(R"("a b" "" 3)", Delimiter::kBlanks),
              ElementsAre("a b", "", "3"));
  EXPECT_THAT(Split("\"\t\"\t\"1\"", Delimiter::kTab), ElementsAre("\t", "1"));
}

TEST(FieldCursor, EndsAtWrongQuotes) {
  EXPECT_THAT(Split(R"(1,"2,3)", Delimiter::kComma),
              ElementsAre("1", "has no closing quote"));
  EXPECT_THAT(Split(R"(1,"2"")", Delimiter::kComma),
              ElementsAre("1", "has no closing quote"));
  EXPECT_THAT(Split("\"", Delimiter::kBlanks),
              ElementsAre("has no closing quote"));
  EXPECT_THAT(Split(R"("1"2,3)", Delimiter::kComma),
              ElementsAre("has text after its closing quote"));
}

TEST(DetectDelimiter, TakesWhatMakesNumbers) {
  EXPECT_EQ(DetectDelimiter("1,2"), Delimiter::kComma);
  EXPECT_EQ(DetectDelimiter("1, 2"), Delimiter::kComma);
  EXPECT_EQ(DetectDelimiter("1\t2"), Delimiter::kTab);
  EXPECT_EQ(DetectDelimiter("1 \t2"), Delimiter::kBlanks);
  EXPECT_EQ(DetectDelimiter("1;2"), Delimiter::kSemicolon);
  EXPECT_EQ(DetectDelimiter("1 2"), Delimiter::kBlanks);
  EXPECT_EQ(DetectDelimiter("1 2\t3"), Delimiter::kBlanks);
  EXPECT_EQ(DetectDelimiter(R"("1" "2")"), Delimiter::kBlanks);
}

TEST(DetectDelimiter, TakesTheFirstThereIsWhereNoneMakesNumbers) {
  EXPECT_EQ(DetectDelimiter("node id,label"), Delimiter::kComma);
  EXPECT_EQ(DetectDelimiter("node id\tlabel"), Delimiter::kTab);
  EXPECT_EQ(DetectDelimiter("1,5\t2"), Delimiter::kComma);
  EXPECT_EQ(DetectDelimiter("7\tthe name\t1"), Delimiter::kTab);
  EXPECT_EQ(DetectDelimiter("src;dst"), Delimiter::kSemicolon);
  EXPECT_EQ(DetectDelimiter("src dst"), Delimiter::kBlanks);
  EXPECT_EQ(DetectDelimiter(R"("a,b" "c;d")"), Delimiter::kBlanks);
}

TEST(DetectDelimiter, TabsAloneAreNotBlanks) {
  EXPECT_EQ(DetectDelimiter("1\t\t2"), Delimiter::kTab);
  EXPECT_EQ(DetectDelimiter(" 1\t\t2 "), Delimiter::kTab);
}

TEST(DetectDelimiter, FindsNoneInOneField) {
  EXPECT_EQ(DetectDelimiter("17"), std::nullopt);
  EXPECT_EQ(DetectDelimiter(" 17 "), std::nullopt);
  EXPECT_EQ(DetectDelimiter(R"("1,7")"), std::nullopt);
}

TEST(IsHeaderLine, OneNameMakesAHeader) {
  EXPECT_TRUE(IsHeaderLine("src,dst", Delimiter::kComma));
  EXPECT_TRUE(IsHeaderLine("id,0,1,2nd", Delimiter::kComma));
  EXPECT_TRUE(IsHeaderLine(",src", Delimiter::kComma));
  EXPECT_TRUE(IsHeaderLine("node id", Delimiter::kBlanks));
}

TEST(IsHeaderLine, ABadRowIsNoHeader) {
  for (const char* const line : {"1,2", "1,,3", "12,3x", "1.2.3,4", "nan,inf",
                                 "-,1", "1,1e999", R"(src,"dst)"}) {
    EXPECT_FALSE(IsHeaderLine(line, Delimiter::kComma)) << line;
  }
}

TEST(ParseInteger, TakesWhatFitsInt64) {
  const auto parse = [](absl::string_view field) {
    int64_t value = 0;
    EXPECT_EQ(ParseInteger(field, &value), NumberProblem::kNone) << field;
    return value;
  };
  EXPECT_EQ(parse("0"), 0);
  EXPECT_EQ(parse("-0"), 0);
  EXPECT_EQ(parse("+5"), 5);
  EXPECT_EQ(parse("007"), 7);
  EXPECT_EQ(parse("9223372036854775807"), INT64_MAX);
  EXPECT_EQ(parse("-9223372036854775808"), INT64_MIN);
  EXPECT_EQ(parse("00000000000000000000000000000000000001"), 1);
}

TEST(ParseInteger, RefusesWhatIsNoInteger) {
  int64_t value = 42;
  for (const char* const field :
       {"", "+", "-", "+-5", "--5", "++5", "1.0", "1e3", "0x10", "1_000", " 1",
        "1 ", "nan", "1,2", "\xef\xbc\x91"}) {
    EXPECT_EQ(ParseInteger(field, &value), NumberProblem::kNotANumber) << field;
  }
  for (const char* const field : {"9223372036854775808", "-9223372036854775809",
                                  "+99999999999999999999999999999999"}) {
    EXPECT_EQ(ParseInteger(field, &value), NumberProblem::kOutOfRange) << field;
  }
  EXPECT_EQ(value, 42);
}

TEST(ParseReal, TakesEveryDouble) {
  const auto parse = [](absl::string_view field) {
    double value = 42;
    EXPECT_EQ(ParseReal(field, &value), NumberProblem::kNone) << field;
    return value;
  };
  EXPECT_EQ(parse("1"), 1);
  EXPECT_EQ(parse("+.5"), 0.5);
  EXPECT_EQ(parse("-5."), -5);
  EXPECT_EQ(parse("1E+3"), 1000);
  EXPECT_EQ(parse("0.1"), 0.1);
  EXPECT_EQ(parse("1.7976931348623157e308"),
            std::numeric_limits<double>::max());
  EXPECT_EQ(parse("5e-324"), std::numeric_limits<double>::denorm_min());
  EXPECT_EQ(parse("1e-999"), 0);
  EXPECT_TRUE(std::signbit(parse("-1e-999")));
  EXPECT_EQ(parse("-inf"), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(parse("+Infinity"), std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(parse("NaN")));
}

TEST(ParseReal, RefusesWhatIsNoReal) {
  double value = 42;
  for (const char* const field : {"", "+", ".", "e5", "1e", "1.2.3", "1,5",
                                  "0x1p3", "+-1", "infinite", "nano", "- 1"}) {
    EXPECT_EQ(ParseReal(field, &value), NumberProblem::kNotANumber) << field;
  }
  for (const char* const field : {"1e999", "-1e999", "2e308"}) {
    EXPECT_EQ(ParseReal(field, &value), NumberProblem::kOutOfRange) << field;
  }
  EXPECT_EQ(value, 42);
}

TEST(QuotedField, IsShortAndPrintable) {
  EXPECT_EQ(QuotedField("a\"\n\x01"), R"("a\"\n\x01")");
  EXPECT_EQ(QuotedField(std::string(50, 'x')),
            "\"" + std::string(40, 'x') + "...\"");
}

}  // namespace
}  // namespace fairlead
