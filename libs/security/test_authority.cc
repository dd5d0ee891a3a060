#include "libs/security/test_authority.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "libs/security/identity.h"

namespace fairlead::testing {
namespace {

void Require(bool good, absl::string_view what) {
  if (good) return;
  std::cerr << "TestAuthority: " << what << " failed\n";
  std::abort();
}

std::string ToPem(const std::function<int(BIO*)>& write) {
  const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new(BIO_s_mem()), BIO_free);
  Require(write(bio.get()) == 1, "writing PEM");
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

void AddExtension(X509* certificate, X509* issuer, int kind,
                  const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension =
      X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  Require(extension != nullptr, value);
  Require(X509_add_ext(certificate, extension, -1) == 1, value);
  X509_EXTENSION_free(extension);
}

// A certificate without extensions, not signed yet.
X509* NewCertificate(EVP_PKEY* key, const std::string& name, absl::Time until) {
  X509* const certificate = X509_new();
  X509_set_version(certificate, X509_VERSION_3);
  uint32_t serial = 0;
  Require(RAND_bytes(reinterpret_cast<unsigned char*>(&serial),
                     sizeof(serial)) == 1,
          "a random serial");
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial);
  const absl::Time now = absl::Now();
  ASN1_TIME_set(X509_getm_notBefore(certificate),
                absl::ToTimeT(std::min(now, until) - absl::Hours(1)));
  ASN1_TIME_set(X509_getm_notAfter(certificate),
                absl::ToTimeT(std::min(until, now + absl::Hours(24))));
  X509_NAME_add_entry_by_txt(
      X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
      reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  Require(X509_set_pubkey(certificate, key) == 1, "setting the key");
  return certificate;
}

void WriteAtOnce(const std::string& path, const std::string& contents) {
  {
    std::ofstream file(path + ".new", std::ios::binary | std::ios::trunc);
    file << contents;
    Require(file.good(), path);
  }
  std::filesystem::rename(path + ".new", path);
}

}  // namespace

TestAuthority::TestAuthority()
    : key_(EVP_EC_gen("P-256")),
      certificate_(
          NewCertificate(key_.get(), "Test CA", absl::InfiniteFuture())) {
  X509* const certificate = certificate_.get();
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
  AddExtension(certificate, certificate, NID_basic_constraints,
               "critical,CA:TRUE");
  AddExtension(certificate, certificate, NID_key_usage,
               "critical,keyCertSign,cRLSign");
  AddExtension(certificate, certificate, NID_subject_key_identifier, "hash");
  Require(X509_sign(certificate, key_.get(), EVP_sha256()) != 0, "signing");
  certificate_pem_ = ToPem(
      [certificate](BIO* bio) { return PEM_write_bio_X509(bio, certificate); });
}

KeyPair TestAuthority::Issue(const std::string& san, absl::Time until) const {
  const std::unique_ptr<EVP_PKEY, Free> key(EVP_EC_gen("P-256"));
  const std::unique_ptr<X509, Free> certificate(
      NewCertificate(key.get(), "test", until));
  X509_set_issuer_name(certificate.get(),
                       X509_get_subject_name(certificate_.get()));
  AddExtension(certificate.get(), certificate_.get(), NID_basic_constraints,
               "critical,CA:FALSE");
  AddExtension(certificate.get(), certificate_.get(), NID_ext_key_usage,
               "serverAuth,clientAuth");
  if (!san.empty()) {
    AddExtension(certificate.get(), certificate_.get(), NID_subject_alt_name,
                 san);
  }
  Require(X509_sign(certificate.get(), key_.get(), EVP_sha256()) != 0,
          "signing");
  return {.certificate = ToPem([&certificate](BIO* bio) {
            return PEM_write_bio_X509(bio, certificate.get());
          }),
          .key = ToPem([&key](BIO* bio) {
            return PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0,
                                            nullptr, nullptr);
          })};
}

void TestAuthority::IssueTo(const std::string& folder,
                            absl::string_view identity,
                            absl::Time until) const {
  std::filesystem::create_directories(folder);
  const KeyPair pair =
      Issue(absl::StrCat("URI:", security::kUriPrefix, identity), until);
  WriteAtOnce(folder + "/tls.key", pair.key);
  WriteAtOnce(folder + "/tls.crt", pair.certificate);
  WriteAtOnce(folder + "/ca.crt", certificate_pem_);
}

}  // namespace fairlead::testing
