#ifndef FAIRLEAD_LIBS_EDGE_LIST_TEST_TABLES_H_
#define FAIRLEAD_LIBS_EDGE_LIST_TEST_TABLES_H_

#include <cstddef>
#include <memory>
#include <string>

#include "libs/edge_list/byte_source.h"

// Tables to test readers with.
namespace fairlead::testing {

// One member of a gzip file. (`gzip` takes several, one after another.)
std::string Gzipped(const std::string& text);

// Returns the path.
std::string WriteTestFile(const std::string& name, const std::string& bytes);

// Bytes in memory, of which a read gives at most `most_at_once`, as a pipe may.
std::unique_ptr<ByteSource> MemorySource(std::string bytes,
                                         size_t most_at_once = 1 << 20);

}  // namespace fairlead::testing

#endif  // FAIRLEAD_LIBS_EDGE_LIST_TEST_TABLES_H_
