#ifndef FAIRLEAD_LIBS_EDGE_LIST_NUMBER_TABLE_READER_H_
#define FAIRLEAD_LIBS_EDGE_LIST_NUMBER_TABLE_READER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/edge_list/byte_source.h"
#include "libs/edge_list/fields.h"
#include "libs/edge_list/line_buffer.h"
#include "libs/edge_list/row_parser.h"

namespace fairlead {

// Reads text tables of numbers, with a row a line: lists of edges, labels,
// features. Some rows at a time, so that a table may be larger than memory.
//
//   ASSIGN_OR_RETURN(const auto edges, NumberTableReader::Open(
//       "edges.csv.gz", {.non_negative = true}));
//   std::vector<int64_t> ids;  // src, dst, src, dst, ...
//   while (true) {
//     ASSIGN_OR_RETURN(const size_t rows, edges->ReadIntegers(65536, &ids));
//     if (rows == 0) break;
//     ...
//   }
//
// A line is a row, unless it is blank or a comment (# or %), or is the first of
// the others and a header. Fields are as Delimiter says. Lines end with a
// newline, or carriage return and newline; the last may lack it. A byte order
// mark of UTF-8 is skipped. What is gzip, by its first bytes, is inflated.

// Whether the first line that is no comment names the columns.
enum class HeaderLine : uint8_t {
  // If one of its fields is a name: not empty, no number, and not like one in
  // its first character. Where rows hold text, say which it is instead: the
  // first row would be taken for a header.
  kDetect,
  kPresent,
  kAbsent,
};

struct NumberTableOptions {
  // By default that of the first row, as DetectDelimiter finds it.
  std::optional<Delimiter> delimiter;
  HeaderLine header = HeaderLine::kDetect;

  // ReadIntegers reads ids: a negative one is an error.
  bool non_negative = false;
  // Reals may be nan, inf or -inf.
  bool allow_non_finite = false;

  // What is read from the file at a time, and the longest line that there may
  // be; together they bound the reader's memory. At least 1; a block is never
  // longer than a line may be.
  size_t block_bytes = size_t{1} << 20;
  size_t max_line_bytes = size_t{16} << 20;
};

// Thread-compatible.
//
// Errors name the file, the line (of the inflated text, counted from 1) and the
// column (counted from 1), and leave nothing in the vectors; every later call
// gives the same error.
//   INVALID_ARGUMENT  a field that is not what it is read as, other fields than
//                     the first line, a line too long, more than 2^20 columns,
//                     a NUL byte, nothing to read at all, a file that cannot be
//                     opened
//   NOT_FOUND         there is no such file
//   DATA_LOSS         gzip that is damaged or cut short, a disk that fails.
//   Rows
//                     that came before may be damaged, too: their sum follows
//                     them in the file.
class NumberTableReader {
 public:
  // Reads up to the first row. `path` may be a pipe, such as /dev/stdin.
  static absl::StatusOr<std::unique_ptr<NumberTableReader>> Open(
      const std::string& path, const NumberTableOptions& options = {});

  // The same, of any bytes; `name` is for errors.
  static absl::StatusOr<std::unique_ptr<NumberTableReader>> Create(
      std::unique_ptr<ByteSource> source, const std::string& name,
      const NumberTableOptions& options = {});

  // Names of the columns, or none if there is no header line.
  const std::vector<std::string>& header() const { return header_; }
  size_t columns() const { return columns_; }
  Delimiter delimiter() const { return delimiter_; }

  // Each replaces what is in its vectors by the next rows, at most `max_rows`,
  // one after another, and returns how many there were; 0 at the end. Vectors
  // that are used again keep their memory.

  // All columns as integers.
  absl::StatusOr<size_t> ReadIntegers(size_t max_rows,
                                      std::vector<int64_t>* out);

  // All columns as reals.
  absl::StatusOr<size_t> ReadReals(size_t max_rows, std::vector<double>* out);

  // Each column as its kind: those that are ids and integers, in their order,
  // go to `integers`, those that are reals to `reals`. INVALID_ARGUMENT, which
  // does not last, unless there is a kind for each column, and one is not
  // kSkipped. A vector that no column goes to may be null.
  //
  //   // src, dst, weight, timestamp
  //   table->ReadColumns(65536, {kId, kId, kReal, kInteger}, &src_dst_time,
  //                      &weights);
  absl::StatusOr<size_t> ReadColumns(size_t max_rows,
                                     absl::Span<const ColumnKind> kinds,
                                     std::vector<int64_t>* integers,
                                     std::vector<double>* reals);

  // How far the file has been read, by blocks, and how long it is, both as it
  // is on disk; file_bytes is 0 if that is not known. For a progress bar.
  uint64_t bytes_read() const { return lines_.source().bytes_read(); }
  uint64_t file_bytes() const { return lines_.source().file_bytes(); }

  // Lines passed so far, of any sort: the number of the last of them.
  uint64_t line() const { return lines_.line(); }

 private:
  NumberTableReader(std::unique_ptr<ByteSource> source, std::string name,
                    const NumberTableOptions& options);

  // Finds out what the table is like, and passes its header.
  absl::Status ReadBegin();
  absl::Status ReadHeader(const std::string& line);
  // From the first line that is no comment.
  absl::Status SetColumns(absl::string_view line);
  // Passes blank lines and comments. False at the end of the table.
  absl::StatusOr<bool> FindRow();
  // The line that is next, without its end. REQUIRES !lines_.empty().
  absl::string_view Line() const;
  void PassLine();

  absl::StatusOr<size_t> ReadRows(size_t max_rows, const RowParser& parser,
                                  std::vector<int64_t>* integers,
                                  std::vector<double>* reals);
  // Reads the row that is next, whatever it looks like.
  absl::Status ReadAnyRow(const RowParser& parser, int64_t* integers,
                          double* reals);
  // How many fields that line has; an error if its quotes are wrong.
  absl::StatusOr<size_t> CountFields(uint64_t number,
                                     absl::string_view line) const;
  absl::Status BadField(uint64_t line, size_t column,
                        absl::string_view what) const;

  const NumberTableOptions options_;
  LineBuffer lines_;
  Delimiter delimiter_ = Delimiter::kBlanks;
  std::vector<std::string> header_;
  size_t columns_ = 0;
  uint64_t first_line_ = 0;  // that says how many columns there are
  absl::Status status_;      // an error lasts
};

}  // namespace fairlead

#endif  // FAIRLEAD_LIBS_EDGE_LIST_NUMBER_TABLE_READER_H_
