#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/edge_list/number_table_reader.h"
#include "libs/edge_list/test_tables.h"
#include "libs/fuzz/fuzz.h"

namespace fairlead::testing {
namespace {

constexpr size_t kRowsAtOnce = 3;
constexpr size_t kBlockBytes = 4096;
constexpr size_t kMaxLineBytes = 2048;

enum class ReadAs : uint8_t { kIntegers, kReals, kEveryOtherReal };

// All that comes of reading a table.
struct Outcome {
  absl::Status status;
  std::vector<std::string> header;
  size_t rows = 0;
  uint64_t lines = 0;
  std::vector<int64_t> integers;
  std::vector<double> reals;

  bool operator==(const Outcome&) const = default;
};

absl::StatusOr<size_t> ReadSome(NumberTableReader* reader, ReadAs as,
                                std::vector<int64_t>* integers,
                                std::vector<double>* reals) {
  switch (as) {
    case ReadAs::kIntegers:
      return reader->ReadIntegers(kRowsAtOnce, integers);
    case ReadAs::kReals:
      return reader->ReadReals(kRowsAtOnce, reals);
    case ReadAs::kEveryOtherReal:
      break;
  }
  std::vector<ColumnKind> kinds(reader->columns(), ColumnKind::kSkipped);
  for (size_t i = (kinds.size() + 1) % 2; i < kinds.size(); i += 2) {
    kinds[i] = ColumnKind::kReal;
  }
  return reader->ReadColumns(kRowsAtOnce, kinds, nullptr, reals);
}

Outcome ReadAll(const std::string& bytes, ReadAs as,
                const NumberTableOptions& options) {
  Outcome outcome;
  const auto reader = NumberTableReader::Create(
      MemorySource(bytes, options.block_bytes), "fuzz.csv", options);
  outcome.status = reader.status();
  if (!reader.ok()) return outcome;
  outcome.header = (*reader)->header();
  FuzzRequire(
      outcome.header.empty() || outcome.header.size() == (*reader)->columns(),
      "the header does not name all columns");
  while (true) {
    std::vector<int64_t> integers;
    std::vector<double> reals;
    const absl::StatusOr<size_t> rows =
        ReadSome(reader->get(), as, &integers, &reals);
    outcome.status = rows.status();
    outcome.lines = (*reader)->line();
    if (!rows.ok() || *rows == 0) return outcome;
    FuzzRequire(*rows <= kRowsAtOnce,
                "there are more rows than were asked for");
    outcome.rows += *rows;
    outcome.integers.insert(outcome.integers.end(), integers.begin(),
                            integers.end());
    outcome.reals.insert(outcome.reals.end(), reals.begin(), reals.end());
  }
}

// The same table, with a space at the end of each line, which is no plain row
// then unless blanks delimit it.
std::string WithSpaces(absl::string_view text) {
  std::string spaced;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool ends =
        text[i] == '\n' || absl::StartsWith(text.substr(i), "\r\n");
    if (ends) spaced += ' ';
    if (ends && text[i] == '\r') spaced += text[i++];
    spaced += text[i];
  }
  return spaced;
}

void CheckAgreement(const std::string& bytes,
                    const NumberTableOptions& options) {
  NumberTableOptions in_pieces = options;
  in_pieces.block_bytes = 7;
  NumberTableOptions with_spaces = options;
  with_spaces.max_line_bytes = kMaxLineBytes + 1;
  std::vector<Outcome> outcomes;
  for (const ReadAs as :
       {ReadAs::kIntegers, ReadAs::kReals, ReadAs::kEveryOtherReal}) {
    outcomes.push_back(ReadAll(bytes, as, options));
    FuzzRequire(outcomes.back() == ReadAll(bytes, as, in_pieces),
                "it reads as something else in other pieces");
    if (!absl::StartsWith(bytes, "\x1f\x8b") &&
        !absl::StrContains(outcomes.back().status.message(), "is longer")) {
      FuzzRequire(
          outcomes.back() == ReadAll(WithSpaces(bytes), as, with_spaces),
          "it reads as something else by its fields");
    }
  }
  const Outcome& integers = outcomes[0];
  const Outcome& reals = outcomes[1];
  if (!integers.status.ok()) return;
  FuzzRequire(reals.status.ok() && reals.rows == integers.rows &&
                  reals.integers.empty() && integers.reals.empty(),
              "integers are no reals");
  FuzzRequire(reals.reals == std::vector<double>(integers.integers.begin(),
                                                 integers.integers.end()),
              "integers are other reals");
  FuzzRequire(outcomes[2].status.ok() && outcomes[2].rows == integers.rows,
              "fewer columns are more trouble");
}

}  // namespace

bool FuzzAccepts(absl::Span<const uint8_t> file) {
  const std::string bytes(file.begin(), file.end());
  NumberTableOptions options = {.block_bytes = kBlockBytes,
                                .max_line_bytes = kMaxLineBytes};
  CheckAgreement(bytes, options);
  options.header = HeaderLine::kAbsent;
  options.delimiter = Delimiter::kBlanks;
  CheckAgreement(bytes, options);
  options.non_negative = true;
  options.header = HeaderLine::kPresent;
  options.delimiter = Delimiter::kTab;
  CheckAgreement(bytes, options);
  return ReadAll(bytes, ReadAs::kReals, {.allow_non_finite = true}).status.ok();
}

FuzzFormat GetFuzzFormat() {
  const std::string edges = "src,dst\n0,1\n#7,8\n1,2\n\n20,-30\n";
  return {
      .accepted = {edges,
                   "\xef\xbb\xbf\"src\";\"dst\"\r\n\"0\"; 1\r\n+1;22\r\n",
                   "0\t1\t0.5\n2\t33\t1e-5\n% done\n4\t5\t-.5e+10",
                   "  0   1 9223372036854775807\n2\t3  -9223372036854775808 \n",
                   "label\n7\n8\n", "1;2\r\n3;4\r\n\r\n%5;6\r\n7;8\r",
                   "nan,inf\n-inf,1e-999\n", Gzipped(edges) + Gzipped("7,8\n")},
      .pieces = {",",
                 ";",
                 "\t",
                 " ",
                 "\n",
                 "\r",
                 "\r\n",
                 "\"",
                 "\"\"",
                 "#",
                 "%",
                 "+",
                 "-",
                 ".",
                 "e",
                 "e999",
                 "nan",
                 "inf",
                 "0",
                 "17",
                 "x",
                 ",,",
                 "\n\n",
                 "\"1\"",
                 "9223372036854775808",
                 "\xef\xbb\xbf",
                 "\x1f\x8b",
                 std::string(1, '\0')},
      .rounds = 2'000,
      .full_rounds = 40'000};
}

}  // namespace fairlead::testing
