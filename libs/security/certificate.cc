#include "libs/security/certificate.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/status/status_macros.h"

namespace fairlead::security {
namespace {

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

Owned<BIO> Open(absl::string_view pem) {
  return Owned<BIO>(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

absl::Time ToTime(const ASN1_TIME* asn1) {
  std::tm fields = {};
  if (ASN1_TIME_to_tm(asn1, &fields) != 1) return absl::InfinitePast();
  return absl::FromTM(fields, absl::UTCTimeZone());
}

std::vector<std::string> UrisOf(const X509* certificate) {
  std::vector<std::string> uris;
  const Owned<GENERAL_NAMES> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const ASN1_IA5STRING* const uri = name->d.uniformResourceIdentifier;
    uris.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                      ASN1_STRING_length(uri));
  }
  return uris;
}

}  // namespace

absl::StatusOr<OwnCertificate> ReadOwnCertificate(
    absl::string_view certificate_pem, absl::string_view key_pem,
    absl::Time now) {
  const Owned<X509> certificate(PEM_read_bio_X509(Open(certificate_pem).get(),
                                                  nullptr, nullptr, nullptr));
  if (certificate == nullptr) {
    return absl::InvalidArgumentError(
        "--tls_cert: holds no certificate in PEM form");
  }
  // An empty password: one that was asked for on a terminal would hang us.
  char no_password[] = "";
  const Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(
      Open(key_pem).get(), nullptr, nullptr, no_password));
  if (key == nullptr) {
    return absl::InvalidArgumentError(
        "--tls_key: holds no key in PEM form, or one with a password");
  }
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    return absl::InvalidArgumentError(
        "--tls_key: is not the key of --tls_cert");
  }
  OwnCertificate own;
  const absl::Time not_before = ToTime(X509_get0_notBefore(certificate.get()));
  own.not_after = ToTime(X509_get0_notAfter(certificate.get()));
  if (now < not_before || now >= own.not_after) {
    return absl::FailedPreconditionError(absl::StrCat(
        "--tls_cert: is valid from ",
        absl::FormatTime(not_before, absl::UTCTimeZone()), " to ",
        absl::FormatTime(own.not_after, absl::UTCTimeZone()), ", and it is ",
        absl::FormatTime(now, absl::UTCTimeZone())));
  }
  absl::StatusOr<Identity> identity = IdentityOfUris(UrisOf(certificate.get()));
  if (!identity.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--tls_cert: ", std::string(identity.status().message())));
  }
  own.identity = *std::move(identity);
  return own;
}

}  // namespace fairlead::security
