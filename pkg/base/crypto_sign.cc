// SPDX-License-Identifier: Apache-2.0
#include "pkg/base/crypto_sign.h"

#include <memory>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

namespace salve {
namespace {

constexpr int kLeastBits = 2048;

// Never asks the terminal for a password: a key that needs one is refused.
int NoPassword(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*argument*/) { return -1; }

}  // namespace

StatusOr<std::string> SignRsaSha256(std::string_view private_key_pem, std::string_view data) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> text(
      BIO_new_mem_buf(private_key_pem.data(), static_cast<int>(private_key_pem.size())), &BIO_free);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      text ? PEM_read_bio_PrivateKey(text.get(), nullptr, &NoPassword, nullptr) : nullptr,
      &EVP_PKEY_free);
  ERR_clear_error();
  if (key == nullptr || EVP_PKEY_base_id(key.get()) != EVP_PKEY_RSA ||
      EVP_PKEY_bits(key.get()) < kLeastBits) {
    return InvalidArgumentError(
        "not an RSA private key in PEM, unencrypted and of 2048 bits or more");
  }
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  const auto* bytes = reinterpret_cast<const unsigned char*>(data.data());
  std::size_t size = 0;
  std::string signature;
  bool good = context != nullptr &&
              EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
              EVP_DigestSign(context.get(), nullptr, &size, bytes, data.size()) == 1;
  if (good) {
    signature.resize(size);
    good = EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                          bytes, data.size()) == 1;
    signature.resize(size);
  }
  ERR_clear_error();
  if (!good) return InternalError("the cryptographic library could not sign");
  return signature;
}

}  // namespace salve
