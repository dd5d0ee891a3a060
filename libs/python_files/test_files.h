#ifndef FAIRLEAD_LIBS_PYTHON_FILES_TEST_FILES_H_
#define FAIRLEAD_LIBS_PYTHON_FILES_TEST_FILES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "libs/python_files/shared_bytes.h"

// Files to test readers with, byte by byte as the formats' specifications say:
// nothing here is shared with the readers.
namespace fairlead::testing {

// `bytes` bytes of a number, lowest first.
std::string Le(uint64_t value, size_t bytes);

// Bytes that are exactly as long as the text, so that a sanitizer sees a read
// past them.
SharedBytes AsShared(const std::string& text);

// `text` with `bytes` over it at `at`.
std::string Overwritten(std::string text, size_t at, const std::string& bytes);

std::string WriteTestFile(const std::string& name, const std::string& bytes);

struct TestMember {
  std::string name;
  std::string data;
  bool deflated = false;
  bool streamed = false;  // sizes and sum after the data only
  bool zip64 = false;     // sizes and place in the 64-bit field
};

struct TestZip {
  std::vector<TestMember> members;
  std::string comment;
  bool zip64 = false;  // ends with the 64-bit records
};

std::string MakeZip(const TestZip& zip);

// Where in a zip the nth (from 0) header of a kind begins.
enum class ZipHeader { kLocal, kDirectory, kEnd, kEnd64, kLocator64 };
size_t HeaderAt(const std::string& zip, ZipHeader kind, size_t nth = 0);

uint32_t TestCrc(const std::string& data);
std::string RawDeflated(const std::string& data);

// Pieces of a pickle.
std::string PyStr(const std::string& text);                                // X
std::string PyInt(int32_t value);                                          // J
std::string PyGlobal(const std::string& module, const std::string& name);  // c
std::string PyTuple(const std::vector<int32_t>& values);  // ( J t

// ("storage", torch.<type>, key, "cpu", elements), and BINPERSID.
std::string PyStorage(const std::string& type, const std::string& key,
                      int32_t elements);

// The call that makes a tensor of a storage; no STOP.
std::string PyTensor(const std::string& storage, int32_t offset,
                     const std::vector<int32_t>& shape,
                     const std::vector<int32_t>& strides);

// torch.save's zip with that pickle and these storages, "0", "1", ...
std::string MakeTorch(const std::string& pickle,
                      const std::vector<std::string>& storages);

// The bytes that torch.storage._load_from_bytes reads.
std::string LegacyStorageBytes(const std::string& type, int32_t elements,
                               const std::string& data);

// A .npy file, version 1.
std::string MakeNpy(const std::string& descr, const std::string& shape,
                    const std::string& data);

}  // namespace fairlead::testing

#endif  // FAIRLEAD_LIBS_PYTHON_FILES_TEST_FILES_H_
