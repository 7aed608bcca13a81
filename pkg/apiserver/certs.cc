// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/certs.h"

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "pkg/apiserver/store_file.h"

namespace salve::apiserver {
namespace {

constexpr std::int64_t kDay = 24 * 3600;
constexpr std::int64_t kAuthorityLife = 3650 * kDay;
constexpr std::int64_t kServerLife = 365 * kDay;
constexpr std::int64_t kRenewBefore = 30 * kDay;
// Clocks of clients may be a little behind.
constexpr std::int64_t kBackdate = 3600;
constexpr std::size_t kMaxPemBytes = 64u << 10;

struct Free {
  void operator()(BIO* p) const { BIO_free_all(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(X509_EXTENSION* p) const { X509_EXTENSION_free(p); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

struct Pair {
  Owned<X509> certificate;
  Owned<EVP_PKEY> key;
};

Status CryptoError(const std::string& tried) {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_get_error(), text.data(), text.size());
  ERR_clear_error();
  return InternalError(tried + ": " + text.data());
}

template <class Write>
StatusOr<std::string> ToPem(Write write) {
  Owned<BIO> bio(BIO_new(BIO_s_mem()));
  if (!bio || write(bio.get()) != 1) return CryptoError("writing PEM");
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

StatusOr<std::string> CertificatePem(X509* certificate) {
  return ToPem([certificate](BIO* bio) { return PEM_write_bio_X509(bio, certificate); });
}

StatusOr<std::string> KeyPem(EVP_PKEY* key) {
  return ToPem([key](BIO* bio) {
    return PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
}

// Null where the files are missing, damaged or do not belong together: they are made anew.
Pair LoadPair(const std::string& base) {
  Pair pair;
  const auto certificate = ReadFile(base + ".crt", kMaxPemBytes);
  const auto key = ReadFile(base + ".key", kMaxPemBytes);
  if (!certificate.ok() || !key.ok()) return pair;
  Owned<BIO> certificate_bio(
      BIO_new_mem_buf(certificate->data(), static_cast<int>(certificate->size())));
  Owned<BIO> key_bio(BIO_new_mem_buf(key->data(), static_cast<int>(key->size())));
  pair.certificate.reset(PEM_read_bio_X509(certificate_bio.get(), nullptr, nullptr, nullptr));
  pair.key.reset(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (!pair.certificate || !pair.key ||
      X509_check_private_key(pair.certificate.get(), pair.key.get()) != 1) {
    ERR_clear_error();
    return {};
  }
  return pair;
}

Status SavePair(const std::string& base, const Pair& pair) {
  SALVE_ASSIGN_OR_RETURN(const std::string certificate, CertificatePem(pair.certificate.get()));
  SALVE_ASSIGN_OR_RETURN(const std::string key, KeyPem(pair.key.get()));
  SALVE_RETURN_IF_ERROR(ReplaceFile(base + ".key", key));
  return ReplaceFile(base + ".crt", certificate);
}

bool ExpiresSoon(X509* certificate, std::int64_t now) {
  time_t limit = static_cast<time_t>(now + kRenewBefore);
  // Negative: notAfter is before the limit. Zero is an error, the same to us.
  return X509_cmp_time(X509_get0_notAfter(certificate), &limit) <= 0;
}

bool IsAddress(const std::string& host) {
  std::array<unsigned char, 16> buffer{};
  return inet_pton(AF_INET, host.c_str(), buffer.data()) == 1 ||
         inet_pton(AF_INET6, host.c_str(), buffer.data()) == 1;
}

bool IsDnsName(const std::string& host) {
  return !host.empty() && host.size() <= 253 &&
         std::all_of(host.begin(), host.end(), [](unsigned char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '.';
         });
}

bool Names(X509* certificate, const std::string& host) {
  return IsAddress(host) ? X509_check_ip_asc(certificate, host.c_str(), 0) == 1
                         : X509_check_host(certificate, host.c_str(), host.size(), 0, nullptr) == 1;
}

bool AddExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  Owned<X509_EXTENSION> extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool SetName(X509_NAME* name, const std::string& common_name) {
  return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(common_name.data()),
                                    static_cast<int>(common_name.size()), -1, 0) == 1;
}

bool SetSerial(X509* certificate) {
  std::array<unsigned char, 16> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) return false;
  bytes[0] &= 0x7f;  // positive
  BIGNUM* number = BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr);
  const bool ok = number != nullptr &&
                  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nullptr;
  BN_free(number);
  return ok;
}

struct Profile {
  std::string common_name;
  std::int64_t life = 0;
  bool authority = false;
  std::string alternative_names;
};

// A new key and a certificate for it; `issuer` null: self-signed.
StatusOr<Pair> MakePair(const Profile& profile, const Pair* issuer, std::int64_t now) {
  Pair pair;
  pair.key.reset(EVP_EC_gen("P-256"));
  pair.certificate.reset(X509_new());
  if (!pair.key || !pair.certificate) return CryptoError("making a key");
  X509* certificate = pair.certificate.get();
  X509* issuer_certificate = issuer != nullptr ? issuer->certificate.get() : certificate;
  bool ok = X509_set_version(certificate, X509_VERSION_3) == 1 && SetSerial(certificate) &&
            ASN1_TIME_set(X509_getm_notBefore(certificate), static_cast<time_t>(now - kBackdate)) !=
                nullptr &&
            ASN1_TIME_set(X509_getm_notAfter(certificate),
                          static_cast<time_t>(now + profile.life)) != nullptr &&
            X509_set_pubkey(certificate, pair.key.get()) == 1 &&
            SetName(X509_get_subject_name(certificate), profile.common_name) &&
            X509_set_issuer_name(certificate, X509_get_subject_name(issuer_certificate)) == 1;
  ok = ok && AddExtension(certificate, issuer_certificate, NID_basic_constraints,
                          profile.authority ? "critical,CA:TRUE,pathlen:0" : "critical,CA:FALSE");
  ok = ok && AddExtension(
                 certificate, issuer_certificate, NID_key_usage,
                 profile.authority ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature");
  ok = ok && AddExtension(certificate, issuer_certificate, NID_subject_key_identifier, "hash");
  ok = ok &&
       AddExtension(certificate, issuer_certificate, NID_authority_key_identifier, "keyid:always");
  if (!profile.authority) {
    ok = ok && AddExtension(certificate, issuer_certificate, NID_ext_key_usage, "serverAuth") &&
         AddExtension(certificate, issuer_certificate, NID_subject_alt_name,
                      profile.alternative_names);
  }
  EVP_PKEY* signing_key = issuer != nullptr ? issuer->key.get() : pair.key.get();
  ok = ok && X509_sign(certificate, signing_key, EVP_sha256()) != 0;
  if (!ok) return CryptoError("making a certificate");
  return pair;
}

}  // namespace

StatusOr<ServerCertificates> EnsureCertificates(const std::string& data_dir,
                                                const std::string& listen_host, Clock& clock) {
  if (!IsAddress(listen_host) && !IsDnsName(listen_host)) {
    return InvalidArgumentError("the listen address \"" + listen_host +
                                "\" is neither an IP address nor a DNS name");
  }
  const std::int64_t now =
      std::chrono::duration_cast<std::chrono::seconds>(clock.Now().time_since_epoch()).count();
  const std::string directory = data_dir + "/pki";
  SALVE_RETURN_IF_ERROR(MakeDirectory(directory));

  const std::string authority_base = directory + "/ca";
  Pair authority = LoadPair(authority_base);
  bool renewed = false;
  if (!authority.certificate || ExpiresSoon(authority.certificate.get(), now)) {
    SALVE_ASSIGN_OR_RETURN(authority,
                           MakePair({"salve-ca", kAuthorityLife, true, ""}, nullptr, now));
    SALVE_RETURN_IF_ERROR(SavePair(authority_base, authority));
    renewed = true;
  }

  const std::vector<std::string> hosts = {"127.0.0.1", "::1", "localhost", listen_host};
  const std::string server_base = directory + "/server";
  Pair server = renewed ? Pair{} : LoadPair(server_base);
  const bool usable =
      server.certificate && !ExpiresSoon(server.certificate.get(), now) &&
      X509_verify(server.certificate.get(), X509_get0_pubkey(authority.certificate.get())) == 1 &&
      std::all_of(hosts.begin(), hosts.end(), [&server](const std::string& host) {
        return Names(server.certificate.get(), host);
      });
  ERR_clear_error();
  if (!usable) {
    std::string names;
    for (const std::string& host : hosts) {
      names += (names.empty() ? "" : ",") + std::string(IsAddress(host) ? "IP:" : "DNS:") + host;
    }
    SALVE_ASSIGN_OR_RETURN(
        server, MakePair({"salve-apiserver", kServerLife, false, names}, &authority, now));
    SALVE_RETURN_IF_ERROR(SavePair(server_base, server));
  }
  ServerCertificates result;
  SALVE_ASSIGN_OR_RETURN(result.ca_certificate, CertificatePem(authority.certificate.get()));
  SALVE_ASSIGN_OR_RETURN(result.certificate, CertificatePem(server.certificate.get()));
  SALVE_ASSIGN_OR_RETURN(result.private_key, KeyPem(server.key.get()));
  return result;
}

}  // namespace salve::apiserver
