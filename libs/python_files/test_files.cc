#include "libs/python_files/test_files.h"

#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "libs/python_files/shared_bytes.h"

namespace fairlead::testing {

std::string Le(uint64_t value, size_t bytes) {
  std::string text;
  for (size_t i = 0; i < bytes; ++i) {
    text += static_cast<char>(value & 0xff);
    value >>= 8;
  }
  return text;
}

SharedBytes AsShared(const std::string& text) {
  const std::shared_ptr<uint8_t[]> buffer(new uint8_t[text.size()]);
  std::copy(text.begin(), text.end(), buffer.get());
  return {{buffer.get(), text.size()}, buffer};
}

std::string Overwritten(std::string text, size_t at, const std::string& bytes) {
  text.replace(at, bytes.size(), bytes);
  return text;
}

std::string WriteTestFile(const std::string& name, const std::string& bytes) {
  std::string path = absl::StrCat(::testing::TempDir(), "/", name);
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

uint32_t TestCrc(const std::string& data) {
  uint32_t crc = 0xffffffff;
  for (const char c : data) {
    crc ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320 : 0);
    }
  }
  return ~crc;
}

std::string RawDeflated(const std::string& data) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    abort();
  }
  std::string out(deflateBound(&stream, data.size()), '\0');
  std::string in = data;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) abort();
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string MakeZip(const TestZip& zip) {
  std::string file;
  std::string directory;
  for (const TestMember& member : zip.members) {
    const std::string data =
        member.deflated ? RawDeflated(member.data) : member.data;
    const uint64_t begin = file.size();
    const uint32_t crc = TestCrc(member.data);
    const std::string method =
        Le(member.streamed ? 8 : 0, 2) + Le(member.deflated ? 8 : 0, 2);
    const std::string sum_and_sizes =
        Le(crc, 4) + (member.zip64
                          ? Le(0xffffffff, 4) + Le(0xffffffff, 4)
                          : Le(data.size(), 4) + Le(member.data.size(), 4));
    const std::string sizes64 = Le(member.data.size(), 8) + Le(data.size(), 8);
    const std::string local_extra =
        member.zip64 ? Le(1, 2) + Le(16, 2) + sizes64 : "";
    // An unknown field before the one that counts.
    const std::string extra = member.zip64
                                  ? Le(0x5455, 2) + Le(1, 2) + "x" + Le(1, 2) +
                                        Le(24, 2) + sizes64 + Le(begin, 8)
                                  : "";
    absl::StrAppend(&file, "PK\x03\x04", Le(20, 2), method, Le(0, 4),
                    member.streamed ? Le(0, 12) : sum_and_sizes,
                    Le(member.name.size(), 2), Le(local_extra.size(), 2),
                    member.name, local_extra, data);
    if (member.streamed) {
      absl::StrAppend(&file, "PK\x07\x08", Le(crc, 4), Le(data.size(), 4),
                      Le(member.data.size(), 4));
    }
    absl::StrAppend(&directory, "PK\x01\x02", Le(20, 2), Le(20, 2), method,
                    Le(0, 4), sum_and_sizes, Le(member.name.size(), 2),
                    Le(extra.size(), 2), Le(0, 10),
                    Le(member.zip64 ? 0xffffffff : begin, 4), member.name,
                    extra);
  }
  const uint64_t begin = file.size();
  const uint64_t count = zip.members.size();
  file += directory;
  if (zip.zip64) {
    const uint64_t end64 = file.size();
    file += "PK\x06\x06" + Le(44, 8) + Le(45, 2) + Le(45, 2) + Le(0, 4) +
            Le(0, 4) + Le(count, 8) + Le(count, 8) + Le(directory.size(), 8) +
            Le(begin, 8);
    file += "PK\x06\x07" + Le(0, 4) + Le(end64, 8) + Le(1, 4);
  }
  file += "PK\x05\x06" + Le(0, 2) + Le(0, 2) +
          (zip.zip64 ? Le(0xffff, 2) + Le(0xffff, 2) + Le(~0U, 4) + Le(~0U, 4)
                     : Le(count, 2) + Le(count, 2) + Le(directory.size(), 4) +
                           Le(begin, 4)) +
          Le(zip.comment.size(), 2) + zip.comment;
  return file;
}

size_t HeaderAt(const std::string& zip, ZipHeader kind, size_t nth) {
  const char* const signatures[] = {"PK\x03\x04", "PK\x01\x02", "PK\x05\x06",
                                    "PK\x06\x06", "PK\x06\x07"};
  const std::string signature = signatures[static_cast<size_t>(kind)];
  size_t at = zip.find(signature);
  for (; nth > 0; --nth) at = zip.find(signature, at + 1);
  if (at == std::string::npos) abort();
  return at;
}

std::string PyStr(const std::string& text) {
  return "X" + Le(text.size(), 4) + text;
}

std::string PyInt(int32_t value) {
  return "J" + Le(static_cast<uint32_t>(value), 4);
}

std::string PyGlobal(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}

std::string PyTuple(const std::vector<int32_t>& values) {
  std::string text = "(";
  for (const int32_t value : values) text += PyInt(value);
  return text + "t";
}

std::string PyStorage(const std::string& type, const std::string& key,
                      int32_t elements) {
  return "(" + PyStr("storage") + PyGlobal("torch", type) + PyStr(key) +
         PyStr("cpu") + PyInt(elements) + "tQ";
}

std::string PyTensor(const std::string& storage, int32_t offset,
                     const std::vector<int32_t>& shape,
                     const std::vector<int32_t>& strides) {
  return PyGlobal("torch._utils", "_rebuild_tensor_v2") + "(" + storage +
         PyInt(offset) + PyTuple(shape) + PyTuple(strides) + "\x89" +
         PyGlobal("collections", "OrderedDict") + ")RtR";
}

std::string MakeTorch(const std::string& pickle,
                      const std::vector<std::string>& storages) {
  TestZip zip;
  zip.members.push_back({.name = "t/data.pkl", .data = pickle});
  zip.members.push_back({.name = "t/byteorder", .data = "little"});
  for (size_t i = 0; i < storages.size(); ++i) {
    // torch writes sizes after the data, and says them in 64 bits.
    zip.members.push_back({.name = absl::StrCat("t/data/", i),
                           .data = storages[i],
                           .streamed = true});
  }
  zip.members.push_back({.name = "t/version", .data = "3\n"});
  zip.zip64 = true;
  return MakeZip(zip);
}

std::string LegacyStorageBytes(const std::string& type, int32_t elements,
                               const std::string& data) {
  const std::string protocol = "\x80\x02";
  return protocol + "\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19." +  //
         protocol + "M\xe9\x03." +                             //
         protocol + "}(" + PyStr("protocol_version") + "M\xe9\x03" +
         PyStr("little_endian") + "\x88u." +                            //
         protocol + "(" + PyStr("storage") + PyGlobal("torch", type) +  //
         PyStr("94051") + PyStr("cpu") + PyInt(elements) + "NtQ." +     //
         protocol + "]" + PyStr("94051") + "a." +                       //
         Le(static_cast<uint64_t>(elements), 8) + data;
}

std::string MakeNpy(const std::string& descr, const std::string& shape,
                    const std::string& data) {
  std::string header =
      absl::StrCat("{'descr': '", descr,
                   "', 'fortran_order': False, 'shape': ", shape, ", }");
  while ((10 + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  return "\x93NUMPY" + Le(1, 2) + Le(header.size(), 2) + header + data;
}

}  // namespace fairlead::testing
