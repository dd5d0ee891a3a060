#ifndef FAIRLEAD_LIBS_SECURITY_TEST_AUTHORITY_H_
#define FAIRLEAD_LIBS_SECURITY_TEST_AUTHORITY_H_

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace fairlead::testing {

// A certificate and its key, in PEM form.
struct KeyPair {
  std::string certificate;
  std::string key;
};

// A certificate authority that lives as long as a test. What fails in it ends
// the test's process.
class TestAuthority {
 public:
  TestAuthority();
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;

  // Its own certificate: what --tls_ca is to hold.
  const std::string& certificate() const { return certificate_pem_; }

  // A certificate for whoever `san` says, such as "URI:fairlead://role/pool",
  // valid from an hour ago to `until`.
  KeyPair Issue(const std::string& san,
                absl::Time until = absl::InfiniteFuture()) const;

  // The same for "pool", "trainer/JOB" and so on, as files of one folder, which
  // is made: tls.crt, tls.key and ca.crt. What is there is replaced, each file
  // at once.
  void IssueTo(const std::string& folder, absl::string_view identity,
               absl::Time until = absl::InfiniteFuture()) const;

 private:
  struct Free {
    void operator()(X509* certificate) const { X509_free(certificate); }
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  };

  std::unique_ptr<EVP_PKEY, Free> key_;
  std::unique_ptr<X509, Free> certificate_;
  std::string certificate_pem_;
};

}  // namespace fairlead::testing

#endif  // FAIRLEAD_LIBS_SECURITY_TEST_AUTHORITY_H_
